//! Events: the only thing that leaves the system by itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, EventId, JobId};
use crate::time::Timestamp;

/// A status of a job of which the outside is told. A cancelled job tells nothing: who cancelled it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventStatus {
    /// Accepted, waiting.
    Sent,
    /// A worker began, for the first time.
    Started,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
}

impl EventStatus {
    /// Every status.
    pub const ALL: [EventStatus; 4] = [
        EventStatus::Sent,
        EventStatus::Started,
        EventStatus::Succeeded,
        EventStatus::Failed,
    ];

    /// The word in the API, in webhook bodies and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "Sent",
            Self::Started => "Started",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Whether it is the last one of its job. A terminal event is never superseded.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl fmt::Display for EventStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not the name of an event status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event status")]
pub struct InvalidEventStatus;

impl FromStr for EventStatus {
    type Err = InvalidEventStatus;

    fn from_str(text: &str) -> Result<Self, InvalidEventStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(InvalidEventStatus)
    }
}

/// Where an event stands among all events, in the order in which they were committed: what a reader counts in.
///
/// A store gives positions so that whoever has read up to one never misses an event: no event is committed later with a lower
/// position. It tells how much all clients together do, so that it never leaves the system in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventPosition(u64);

impl EventPosition {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// Takes the number that a store has given.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// One status change of one job. Written in the transaction of the change itself, with one delivery for every active
/// endpoint of the client: there is no moment at which one exists without the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Identifier.
    pub id: EventId,
    /// Whose job it is.
    pub client: ClientId,
    /// Which job it is.
    pub job: JobId,
    /// 1, 2, 3 … within the job: the `webhook-sequence`.
    pub sequence: u32,
    /// The status that the job reached.
    pub status: EventStatus,
    /// When.
    pub at: Timestamp,
}
