//! Reading events: for clients that cannot be called, and to compare what was heard with what has happened.
//!
//! Positions follow the order of commits, so that a reader who goes on where it was misses nothing and sees nothing twice,
//! whatever happens to it or to this process in between.

use std::time::Duration;

use sfumato_core::{Event, EventPosition, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::listeners::LISTENERS_PER_CLIENT_MAX;

/// Events of one answer at most.
pub const EVENTS_MAX: usize = 1_000;

/// The longest wait for the next event.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// A reader that hears nothing looks again after this time: another process may have written.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After<'a> {
    /// With the oldest event.
    Start,
    /// With what happens from now on.
    Latest,
    /// After the event that this cursor was given with.
    Cursor(&'a str),
}

/// Some events, in the order in which they were committed.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPage {
    /// Each with its cursor.
    pub events: Vec<(String, Event)>,
    /// Where to go on: after the last of them, or where the reader was.
    pub next: String,
}

/// Why events are not read.
#[derive(Debug, Error)]
pub enum EventsError {
    /// The cursor is none of this client and installation.
    #[error("is not a cursor that this service gave to this client")]
    UnknownCursor,
    /// Too many requests of this client wait already.
    #[error("{LISTENERS_PER_CLIENT_MAX} requests of this client wait for events already, which is the most")]
    TooManyWaiting,
    /// The database cannot answer.
    #[error("the events cannot be read")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Up to `limit` events of the caller (at most [`EVENTS_MAX`]). Where there is none, waits for the next one for as long
    /// as `wait` (at most [`WAIT_MAX`]).
    ///
    /// # Errors
    /// [`EventsError`].
    pub async fn events(
        &self,
        caller: &Caller,
        after: After<'_>,
        limit: usize,
        wait: Duration,
    ) -> Result<EventPage, EventsError> {
        let inner = self.inner();
        let after = match after {
            After::Start => EventPosition::START,
            After::Latest => inner.store.last_event_position(caller.client).await?,
            After::Cursor(cursor) => self.open_cursor(caller, cursor)?,
        };
        let limit = limit.clamp(1, EVENTS_MAX);
        let deadline = tokio::time::Instant::now() + wait.min(WAIT_MAX);
        // Listens before it looks, so that nothing happens unheard in between.
        let mut heard = match wait {
            Duration::ZERO => None,
            _ => Some(
                inner
                    .listeners
                    .listen(caller.client)
                    .ok_or(EventsError::TooManyWaiting)?,
            ),
        };
        loop {
            let events = inner.store.events_after(caller.client, after, limit).await?;
            let Some(heard) = heard.as_mut().filter(|_| events.is_empty()) else {
                return Ok(self.page(caller, after, events));
            };
            tokio::select! {
                // The sender lives as long as a receiver does.
                _ = heard.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = tokio::time::sleep_until(deadline) => return Ok(self.page(caller, after, events)),
                () = inner.listeners.closed() => return Ok(self.page(caller, after, events)),
            }
        }
    }

    fn page(&self, caller: &Caller, after: EventPosition, events: Vec<(EventPosition, Event)>) -> EventPage {
        let last = events.last().map_or(after, |(position, _)| *position);
        let events = events.into_iter();
        EventPage {
            events: events
                .map(|(position, event)| (self.seal_cursor(caller, position), event))
                .collect(),
            next: self.seal_cursor(caller, last),
        }
    }

    pub(crate) fn seal_cursor(&self, caller: &Caller, position: EventPosition) -> String {
        self.inner().keys.cursors.seal(caller.client, position)
    }

    pub(crate) fn open_cursor(&self, caller: &Caller, cursor: &str) -> Result<EventPosition, EventsError> {
        self.inner()
            .keys
            .cursors
            .open(caller.client, cursor)
            .ok_or(EventsError::UnknownCursor)
    }

    /// Answers every reader that waits, and lets nobody wait any more: the process stops.
    pub fn end_waiting(&self) {
        self.inner().listeners.close();
    }

    /// Whether [`Engine::end_waiting`] was called.
    pub(crate) fn is_ending(&self) -> bool {
        self.inner().listeners.is_closed()
    }

    /// Ready when [`Engine::end_waiting`] was called: whoever holds a request open ends it.
    pub async fn waiting_has_ended(&self) {
        self.inner().listeners.closed().await;
    }
}
