//! Parts of pages that change by themselves: server-sent events with fragments.
//!
//! What is shown is looked up again every second and sent when it has changed. That is a query a second for each page that
//! is looked at, which the pages keep cheap, and it is right however many processes work on one database: whoever changes
//! something need not know who looks. `app.js` closes the stream while a page is hidden, and asks for the fragment itself
//! where streams do not get through.

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use futures::stream;
use sfumato_core::chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::Console;
use crate::error::ConsoleError;
use crate::visitor::Visitor;

/// How often the session is looked up again: a stream must not outlive it for long.
const IDENTIFIED_EVERY: Duration = Duration::from_secs(15);

/// After how long without a change something is sent, so that proxies keep the connection.
const KEPT_ALIVE_EVERY: Duration = Duration::from_secs(20);

/// The places of all streams together.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Semaphore>);

impl Streams {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max)))
    }
}

struct Watch<F> {
    console: Console,
    visitor: Visitor,
    render: F,
    ticks: Interval,
    identified: Instant,
    last: Option<u64>,
    _place: OwnedSemaphorePermit,
}

/// Answers with the fragment that `render` makes: as a stream of it, each time that it has changed, or once where no stream
/// is asked for. The stream ends with the session, at the server's shutdown, and when `render` fails.
///
/// # Errors
/// What `render` says; [`ConsoleError::TooMany`] where too many pages are looked at.
pub(crate) async fn live<F, R>(
    console: &Console,
    visitor: Visitor,
    headers: &HeaderMap,
    render: F,
) -> Result<Response, ConsoleError>
where
    F: Fn(Console, Visitor) -> R + Send + 'static,
    R: Future<Output = Result<String, ConsoleError>> + Send,
{
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if !accepted.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(Html(render(console.clone(), visitor).await?).into_response());
    }
    let place = console.streams.0.clone().try_acquire_owned();
    let place = place.map_err(|_| ConsoleError::TooMany {
        wait: Duration::from_secs(5),
    })?;
    let mut ticks = tokio::time::interval(console.settings.live_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watch = Watch {
        console: console.clone(),
        visitor,
        render,
        ticks,
        identified: Instant::now(),
        last: None,
        _place: place,
    };
    let events = stream::unfold(watch, |mut watch| async move {
        let html = watch.next().await?;
        Some((Ok::<_, Infallible>(Event::default().data(html)), watch))
    });
    let alive = KeepAlive::new().interval(KEPT_ALIVE_EVERY);
    // Proxies must hand on each event at once.
    let headers = [("x-accel-buffering", "no")];
    Ok((headers, Sse::new(events).keep_alive(alive)).into_response())
}

impl<F, R> Watch<F>
where
    F: Fn(Console, Visitor) -> R + Send + 'static,
    R: Future<Output = Result<String, ConsoleError>> + Send,
{
    /// The fragment, as soon as it differs from what was sent before; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            let engine = self.console.engine.clone();
            tokio::select! {
                _ = self.ticks.tick() => {}
                () = engine.waiting_has_ended() => return None,
            }
            if self.identified.elapsed() >= IDENTIFIED_EVERY && !self.still_signed_in().await {
                return None;
            }
            let html = match (self.render)(self.console.clone(), self.visitor.clone()).await {
                Ok(html) => html,
                Err(error) => {
                    tracing::debug!(error = chain(&error), "a live part of a page has ended");
                    return None;
                }
            };
            let mut hasher = DefaultHasher::new();
            html.hash(&mut hasher);
            let hash = hasher.finish();
            if self.last.replace(hash) != Some(hash) {
                return Some(html);
            }
        }
    }

    async fn still_signed_in(&mut self) -> bool {
        self.identified = Instant::now();
        let signed_in = self.visitor.signed_in();
        let sessions = self.console.engine.sessions(signed_in.user.id).await;
        let stands = |sessions: &[sfumato_core::UserSession]| {
            sessions.iter().any(|session| session.id == signed_in.session.id)
        };
        sessions.is_ok_and(|sessions| stands(&sessions))
    }
}
