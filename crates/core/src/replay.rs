//! Replays: the events of an endpoint once more, chosen by time, status, standing or job.
//!
//! `Running → Done | Cancelled`. A running replay walks through the events of its client in the order in which they were
//! committed, hence in the order of each job, some at a time; how far it is and what it did are written in the transaction that
//! did it. If the process dies, the next start goes on from there and sends nothing twice. Events that happen after the replay
//! was begun are not its business: their deliveries are made when they happen.

use std::fmt;
use std::str::FromStr;

use crate::delivery::DeliveryState;
use crate::event::{Event, EventPosition, EventStatus};
use crate::id::{ClientId, EndpointId, JobId, ReplayId};
use crate::time::Timestamp;

/// Deliveries that may wait at an endpoint before its replay pauses: what happens meanwhile is not to wait behind it.
pub const REPLAY_BACKLOG_MAX: u32 = 1_000;

/// Where one event stands at one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has no delivery there: the endpoint is younger, or was switched off.
    Missing,
    /// It waits.
    Pending,
    /// It is on its way.
    Sending,
    /// Acknowledged.
    Delivered,
    /// Overtaken by the end of its job.
    Superseded,
    /// Its schedule is spent.
    Expired,
    /// It was given up unsent.
    Dropped,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Standing; 7] = [
        Standing::Missing,
        Standing::Pending,
        Standing::Sending,
        Standing::Delivered,
        Standing::Superseded,
        Standing::Expired,
        Standing::Dropped,
    ];

    /// The word in the API and in the database; that of the delivery's state where there is a delivery.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Dropped => "dropped",
        }
    }

    /// The standing of an event whose delivery is in this state, where it has one.
    pub const fn of(delivery: Option<&DeliveryState>) -> Self {
        match delivery {
            None => Self::Missing,
            Some(DeliveryState::Pending { .. }) => Self::Pending,
            Some(DeliveryState::Sending { .. }) => Self::Sending,
            Some(DeliveryState::Delivered { .. }) => Self::Delivered,
            Some(DeliveryState::Superseded { .. }) => Self::Superseded,
            Some(DeliveryState::Expired { .. }) => Self::Expired,
            Some(DeliveryState::Dropped { .. }) => Self::Dropped,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not the name of a standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a standing of an event")]
pub struct InvalidStanding;

impl FromStr for Standing {
    type Err = InvalidStanding;

    fn from_str(text: &str) -> Result<Self, InvalidStanding> {
        Self::ALL
            .into_iter()
            .find(|standing| standing.as_str() == text)
            .ok_or(InvalidStanding)
    }
}

/// Which events of a client a replay sends again. An empty list chooses all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySelection {
    /// Events from this time on.
    pub since: Timestamp,
    /// Events before this time.
    pub until: Timestamp,
    /// Events that tell one of these.
    pub statuses: Vec<EventStatus>,
    /// Events that stand so at the endpoint.
    pub standings: Vec<Standing>,
    /// Events of this job.
    pub job: Option<JobId>,
}

/// What a replay does with one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not chosen.
    Skip,
    /// It is chosen and on its way already.
    Leave,
    /// Its delivery goes out again, under the same identifier.
    Resend,
    /// It gets the delivery that it never had.
    Create,
}

impl ReplaySelection {
    /// What is to be done with an event that stands so.
    pub fn verdict(&self, event: &Event, standing: Standing) -> Verdict {
        let chosen = self.since <= event.at
            && event.at < self.until
            && (self.statuses.is_empty() || self.statuses.contains(&event.status))
            && (self.standings.is_empty() || self.standings.contains(&standing))
            && self.job.is_none_or(|job| job == event.job);
        match standing {
            _ if !chosen => Verdict::Skip,
            Standing::Missing => Verdict::Create,
            Standing::Pending | Standing::Sending => Verdict::Leave,
            Standing::Delivered | Standing::Superseded | Standing::Expired | Standing::Dropped => {
                Verdict::Resend
            }
        }
    }
}

/// What a replay did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Events that were looked at.
    pub examined: u64,
    /// Deliveries that go out again.
    pub resent: u64,
    /// Deliveries of events that never had one.
    pub created: u64,
    /// Chosen events that were on their way already.
    pub left: u64,
}

impl ReplayCounts {
    /// Counts one more event.
    pub const fn add(&mut self, verdict: Verdict) {
        self.examined += 1;
        match verdict {
            Verdict::Skip => {}
            Verdict::Leave => self.left += 1,
            Verdict::Resend => self.resent += 1,
            Verdict::Create => self.created += 1,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            examined: self.examined + other.examined,
            resent: self.resent + other.resent,
            created: self.created + other.created,
            left: self.left + other.left,
        }
    }
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayState {
    /// Under way, or waiting for the endpoint to take what was sent again.
    Running,
    /// Every chosen event has its delivery.
    Done {
        /// When.
        at: Timestamp,
    },
    /// Stopped by the client, or by the endpoint's deletion. What was sent again until then stays so.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl ReplayState {
    /// The name in the database, in the API and in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done { .. } => "done",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// A replay and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Identifier.
    pub id: ReplayId,
    /// Whose it is.
    pub client: ClientId,
    /// Where to.
    pub endpoint: EndpointId,
    /// What was asked for.
    pub selection: ReplaySelection,
    /// Where it stands.
    pub state: ReplayState,
    /// The last event that was looked at.
    pub position: EventPosition,
    /// The last event that had been committed when it was begun.
    pub end: EventPosition,
    /// What it did.
    pub counts: ReplayCounts,
    /// When it was begun.
    pub created_at: Timestamp,
}

impl Replay {
    /// Part of the events that has been looked at, 0 to 1.
    pub fn progress(&self) -> f64 {
        match self.state {
            ReplayState::Done { .. } => 1.0,
            _ if self.end == EventPosition::START => 0.0,
            _ => self.position.get() as f64 / self.end.get() as f64,
        }
    }

    /// The replay after one more step, which looked at the events up to `position` and found no more where that is the end.
    #[must_use]
    pub fn advanced(mut self, counts: ReplayCounts, position: EventPosition, now: Timestamp) -> Self {
        self.counts = self.counts.and(counts);
        self.position = position.min(self.end);
        if self.position == self.end && self.state == ReplayState::Running {
            self.state = ReplayState::Done { at: now };
        }
        self
    }

    /// The replay stopped, where it was not over.
    #[must_use]
    pub fn cancelled(mut self, now: Timestamp) -> Self {
        if self.state == ReplayState::Running {
            self.state = ReplayState::Cancelled { at: now };
        }
        self
    }
}

/// What a step of a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayStep {
    /// Some events were looked at; this is the replay now. There may be more to do.
    Advanced(Box<Replay>),
    /// The endpoint has to take what waits for it first: nothing was done.
    Backlog,
    /// It is not running.
    Over,
}

/// What a look ahead found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayPreview {
    /// What a replay would do with the events that were looked at.
    pub counts: ReplayCounts,
    /// The last of them, where there may be more.
    pub next: Option<EventPosition>,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::EventId;

    fn event(status: EventStatus, at: i64) -> Event {
        Event {
            id: EventId::from_uuid(Uuid::nil()),
            client: ClientId::from_uuid(Uuid::nil()),
            job: JobId::from_uuid(Uuid::from_u128(1)),
            sequence: 1,
            status,
            at: Timestamp::from_seconds(at),
        }
    }

    fn between(since: i64, until: i64) -> ReplaySelection {
        ReplaySelection {
            since: Timestamp::from_seconds(since),
            until: Timestamp::from_seconds(until),
            statuses: vec![],
            standings: vec![],
            job: None,
        }
    }

    #[test]
    fn what_is_closed_goes_out_again_what_is_missing_is_made_and_what_is_open_is_left() {
        let all = between(0, 10);
        for standing in Standing::ALL {
            let expected = match standing {
                Standing::Missing => Verdict::Create,
                Standing::Pending | Standing::Sending => Verdict::Leave,
                _ => Verdict::Resend,
            };
            assert_eq!(all.verdict(&event(EventStatus::Sent, 5), standing), expected);
        }
    }

    #[test]
    fn every_part_of_a_selection_counts() {
        let chosen = |selection: &ReplaySelection, at| {
            selection.verdict(&event(EventStatus::Failed, at), Standing::Expired) != Verdict::Skip
        };
        let all = between(5, 10);
        assert!(!chosen(&all, 4) && chosen(&all, 5) && chosen(&all, 9) && !chosen(&all, 10));
        for (statuses, expected) in [
            (vec![EventStatus::Failed, EventStatus::Sent], true),
            (vec![EventStatus::Succeeded], false),
        ] {
            assert_eq!(
                chosen(
                    &ReplaySelection {
                        statuses,
                        ..between(5, 10)
                    },
                    7
                ),
                expected
            );
        }
        for (standings, expected) in [
            (vec![Standing::Missing, Standing::Expired], true),
            (vec![Standing::Delivered], false),
        ] {
            assert_eq!(
                chosen(
                    &ReplaySelection {
                        standings,
                        ..between(5, 10)
                    },
                    7
                ),
                expected
            );
        }
        for (job, expected) in [(1, true), (2, false)] {
            let job = Some(JobId::from_uuid(Uuid::from_u128(job)));
            assert_eq!(
                chosen(
                    &ReplaySelection {
                        job,
                        ..between(5, 10)
                    },
                    7
                ),
                expected
            );
        }
    }

    #[test]
    fn every_standing_has_one_word() {
        for standing in Standing::ALL {
            assert_eq!(standing.as_str().parse(), Ok(standing));
        }
    }

    #[test]
    fn a_replay_is_done_at_its_end_and_a_cancelled_one_stays_cancelled() {
        let begun = Replay {
            id: ReplayId::from_uuid(Uuid::nil()),
            client: ClientId::from_uuid(Uuid::nil()),
            endpoint: EndpointId::from_uuid(Uuid::nil()),
            selection: between(0, 10),
            state: ReplayState::Running,
            position: EventPosition::START,
            end: EventPosition::new(8),
            counts: ReplayCounts::default(),
            created_at: Timestamp::from_seconds(0),
        };
        let mut counts = ReplayCounts::default();
        counts.add(Verdict::Resend);
        counts.add(Verdict::Skip);
        let now = Timestamp::from_seconds(20);
        let half = begun.advanced(counts, EventPosition::new(4), now);
        assert_eq!((half.state, half.progress()), (ReplayState::Running, 0.5));
        let done = half.clone().advanced(counts, EventPosition::new(9), now);
        assert_eq!(
            (done.state, done.progress()),
            (ReplayState::Done { at: now }, 1.0)
        );
        assert_eq!((done.counts.resent, done.counts.examined), (2, 4));
        assert_eq!(done.clone().cancelled(now), done);
        let stopped = half.cancelled(now);
        assert_eq!(stopped.state, ReplayState::Cancelled { at: now });
        assert_eq!(stopped.progress(), 0.5);
    }
}
