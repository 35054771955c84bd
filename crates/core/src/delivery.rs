//! Deliveries: one event on its way to one endpoint, and the attempts that were made.
//!
//! `Pending → Sending → Delivered`, back to `Pending` after a failed attempt, `Expired` when the schedule is spent,
//! `Superseded` when a failing intermediate status was overtaken by the terminal one, `Dropped` when the endpoint was
//! deleted. A delivery that is closed is opened again by a resend ([`Delivery::reopened`]), unless its endpoint was
//! deleted. If the process dies in `Sending`, the lease ends and the delivery is `Pending` again under the same
//! identifier: at least once, and the receiver can tell a repetition.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::EventStatus;
use crate::id::{AttemptId, ClientId, DeliveryId, EndpointId, EventId, JobId, WorkerId};
use crate::job::FencingToken;
use crate::schedule::{DELIVERY_LIFETIME, OWN_FAULT_WAIT, next_attempt_at, retry_delay};
use crate::time::Timestamp;

mod phases;
pub use phases::{InvalidPhaseTimes, PhaseTimes};

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Identifier; the `webhook-id` of every attempt, for ever.
    pub id: DeliveryId,
    /// What is delivered.
    pub event: EventId,
    /// Whose it is.
    pub client: ClientId,
    /// The job that the event speaks of. Deliveries of one job to one endpoint go out in the order of their events.
    pub job: JobId,
    /// Where to.
    pub endpoint: EndpointId,
    /// Attempts that were made, over all times that it was opened: the last `webhook-attempt`.
    pub attempts: u32,
    /// Failed attempts since it was opened: its place on the schedule.
    pub failures: u32,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When its schedule began: with the event, or with the last resend.
    pub opened_at: Timestamp,
    /// A person asked for it: it goes out before the others of its endpoint, and also where that one is held or paused.
    pub urgent: bool,
    /// Where it stands.
    pub state: DeliveryState,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waiting for its turn, not before `not_before`.
    Pending {
        /// Next time on the schedule.
        not_before: Timestamp,
    },
    /// A courier is at it.
    Sending {
        /// Whose it is.
        lease: DeliveryLease,
        /// When the lease ends.
        lease_expires_at: Timestamp,
    },
    /// Acknowledged.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// An intermediate status that kept failing until the terminal one existed.
    Superseded {
        /// When.
        at: Timestamp,
    },
    /// The schedule is spent.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The endpoint was deleted.
    Dropped {
        /// When.
        at: Timestamp,
    },
}

/// How a delivery is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// At once, whatever its endpoint's hold or pause says: one person asks for one delivery.
    AtOnce,
    /// As if its event had just happened: for many at a time.
    InTurn,
}

impl Delivery {
    /// The delivery due again, whatever came of it before: a new schedule under the same identifier, and attempts that
    /// count on. One that is on its way already stays as it is.
    #[must_use]
    pub fn reopened(self, how: Resend, now: Timestamp) -> Self {
        if let DeliveryState::Sending { .. } = self.state {
            return self;
        }
        Self {
            state: DeliveryState::Pending { not_before: now },
            failures: 0,
            // A clock that was set back does not keep anything from being sent again.
            opened_at: now.max(self.created_at),
            urgent: how == Resend::AtOnce,
            ..self
        }
    }
}

impl DeliveryState {
    /// The name in the database and in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Sending { .. } => "sending",
            Self::Delivered { .. } => "delivered",
            Self::Superseded { .. } => "superseded",
            Self::Expired { .. } => "expired",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// Whether nothing more will happen to it. Only then may the next event of the job go out.
    pub const fn is_closed(&self) -> bool {
        !matches!(self, Self::Pending { .. } | Self::Sending { .. })
    }
}

/// The right to send one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLease {
    /// Who holds it.
    pub worker: WorkerId,
    /// Which claim it is; a write with an older one is refused.
    pub token: FencingToken,
}

/// What one POST came to. Closed: each outcome has one meaning in metrics, in the console and in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Acknowledged by the contract.
    Ok,
    /// 200, but the body is not a JSON object with our `taskId`.
    BadAck,
    /// Any other status.
    Status,
    /// No connection within its share of the deadline.
    TimeoutConnect,
    /// No complete answer within the deadline.
    TimeoutTotal,
    /// The name could not be resolved.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The connection was refused or broke.
    Connect,
    /// The address guard refused the address.
    BlockedAddress,
    /// The answer's body was larger than 64 KiB.
    BodyTooLarge,
    /// We stopped it (shutdown, deletion of the endpoint).
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 11] = [
        Outcome::Ok,
        Outcome::BadAck,
        Outcome::Status,
        Outcome::TimeoutConnect,
        Outcome::TimeoutTotal,
        Outcome::Dns,
        Outcome::Tls,
        Outcome::Connect,
        Outcome::BlockedAddress,
        Outcome::BodyTooLarge,
        Outcome::Cancelled,
    ];

    /// The word in the database, metrics and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::BadAck => "bad_ack",
            Self::Status => "status",
            Self::TimeoutConnect => "timeout_connect",
            Self::TimeoutTotal => "timeout_total",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Connect => "connect",
            Self::BlockedAddress => "blocked_address",
            Self::BodyTooLarge => "body_too_large",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not the name of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an outcome of an attempt")]
pub struct InvalidOutcome;

impl FromStr for Outcome {
    type Err = InvalidOutcome;

    fn from_str(text: &str) -> Result<Self, InvalidOutcome> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or(InvalidOutcome)
    }
}

/// One POST of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Identifier.
    pub id: AttemptId,
    /// 1, 2, 3 … within the delivery: the `webhook-attempt`.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
    /// Where that time went.
    pub phases: PhaseTimes,
    /// What it came to.
    pub outcome: Outcome,
    /// The HTTP status, where one arrived.
    pub status: Option<u16>,
    /// The first 4 KiB of the answer's body, where one arrived.
    pub response: Option<Vec<u8>>,
    /// The endpoint asked to be left alone until then (`Retry-After` of a 429 or 503).
    pub retry_after: Option<Timestamp>,
    /// It failed by a fault on our side (no name resolution, no route): it says nothing of the endpoint, and spends
    /// nothing of the delivery's schedule.
    pub ours: bool,
}

impl Attempt {
    /// Whether the delivery is done.
    pub fn is_success(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Whether it counts: neither we stopped it, nor did it fail by our own fault.
    pub fn is_spent(&self) -> bool {
        self.outcome != Outcome::Cancelled && !self.ours
    }
}

/// What is known, beside the delivery and the attempt, when it is decided where the delivery stands.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// What the delivery tells.
    pub status: EventStatus,
    /// Whether the job's terminal event has been written.
    pub terminal_exists: bool,
    /// Whether the endpoint is held: then its deliveries wait, and the schedule does not run on.
    pub held: bool,
    /// The time.
    pub now: Timestamp,
    /// A random number from 0 to 1.
    pub jitter: f64,
}

impl Delivery {
    /// The delivery after an attempt: a pure rule over what the store knows in the same transaction.
    ///
    /// An attempt that failed by our own fault, or that we stopped, spends nothing: neither its number nor the place on
    /// the schedule. While the endpoint is held a failure spends its number alone.
    #[must_use]
    pub fn attempted(self, attempt: &Attempt, on: &Circumstances) -> Self {
        let state = state_after(&self, attempt, on);
        let spent = attempt.is_spent();
        let advances = spent && !on.held && !attempt.is_success();
        Self {
            attempts: self.attempts + u32::from(spent),
            failures: self.failures + u32::from(advances),
            urgent: self.urgent && !spent && !state.is_closed(),
            state,
            ..self
        }
    }
}

fn state_after(delivery: &Delivery, attempt: &Attempt, on: &Circumstances) -> DeliveryState {
    let now = on.now;
    let wait_until = |not_before: Timestamp| {
        let end = delivery.opened_at.after(DELIVERY_LIFETIME);
        if now < end {
            DeliveryState::Pending {
                not_before: not_before.min(end),
            }
        } else {
            DeliveryState::Expired { at: now }
        }
    };
    match attempt.outcome {
        Outcome::Ok => DeliveryState::Delivered { at: now },
        Outcome::Cancelled => DeliveryState::Pending { not_before: now },
        _ if attempt.ours => {
            wait_until(now.after(OWN_FAULT_WAIT.mul_f64(0.8 + 0.4 * on.jitter.clamp(0.0, 1.0))))
        }
        _ if on.terminal_exists && !on.status.is_terminal() => DeliveryState::Superseded { at: now },
        _ if on.held => wait_until(now.after(retry_delay(delivery.failures + 1, on.jitter))),
        _ => {
            let (opened_at, failures) = (delivery.opened_at, delivery.failures + 1);
            match next_attempt_at(opened_at, failures, attempt.retry_after, now, on.jitter) {
                Some(not_before) => DeliveryState::Pending { not_before },
                None => DeliveryState::Expired { at: now },
            }
        }
    }
}

#[cfg(test)]
mod tests;
