//! How an endpoint has been doing, and what follows from it: when it is held, when its client is told, when it is back.

use std::time::Duration;

use crate::delivery::{Attempt, Outcome};
use crate::schedule::RETRY_AFTER_MAX;
use crate::time::Timestamp;

const HOUR: u64 = 60 * 60;

/// A held endpoint is probed this often.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(HOUR);

/// An endpoint that had been failing for at least this long, or as often in a row as [`OUTAGE_FAILURES_MIN`], is back when it
/// succeeds, and what waits for it is pulled forward. One that refuses single deliveries among successes is not: those
/// keep their schedule, because a success of another says nothing of them.
const OUTAGE_MIN: Duration = Duration::from_secs(60);

/// Consecutive failures that make an outage however short it was.
const OUTAGE_FAILURES_MIN: u32 = 5;

/// After an outage every success makes this many of the endpoint's waiting deliveries due: 2, 4, 8 … as fast as the
/// receiver answers, and no further once it fails again.
pub const PULLED_PER_SUCCESS: u32 = 2;

/// Deliveries that may wait at an endpoint that is held. What is more is given up, the oldest intermediate first.
pub const WAITING_MAX: u32 = 100_000;

/// Consecutive failures below which an endpoint is never held.
pub const HOLD_FAILURES_MIN: u32 = 20;

/// Time since the last success below which a failing endpoint is never held.
pub const HOLD_AFTER: Duration = Duration::from_secs(3 * 24 * HOUR);

/// What is remembered of an endpoint's attempts, for the hold rule and for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the first of them ended.
    pub failing_since: Option<Timestamp>,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// No delivery before this time: the endpoint asked for a pause (`Retry-After`).
    pub paused_until: Option<Timestamp>,
    /// The last thing that its client was told of the present run of failures.
    pub warned: Option<Warning>,
    /// When an outage ended whose waiting deliveries are still being pulled forward.
    pub recovering_since: Option<Timestamp>,
    /// Deliveries that were given up because more waited than may wait while the endpoint was held.
    pub overflowed: u64,
}

/// What a client is told of an endpoint that keeps failing, before it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// It has been failing for an hour.
    Hour,
    /// For a day.
    Day,
    /// For two and a half days: half a day until the hold.
    LastHalfDay,
}

impl Warning {
    /// Every warning, first to last.
    pub const ALL: [Warning; 3] = [Warning::Hour, Warning::Day, Warning::LastHalfDay];

    /// The word in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::LastHalfDay => "last_half_day",
        }
    }
}

/// Why an endpoint is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldReason {
    /// It kept failing: [`HOLD_FAILURES_MIN`] times in a row and for [`HOLD_AFTER`].
    Failing,
    /// It answered 410 Gone.
    Gone,
}

impl HoldReason {
    /// The word in the database and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// The health of an endpoint after one more attempt.
#[must_use]
pub(super) fn health_after(health: EndpointHealth, attempt: &Attempt, now: Timestamp) -> EndpointHealth {
    match attempt.outcome {
        Outcome::Ok => EndpointHealth {
            last_success_at: Some(now),
            // An answer to an earlier request does not take back the pause that a later one asked for.
            paused_until: health.paused_until.filter(|until| *until > now),
            recovering_since: health.recovering_since,
            overflowed: health.overflowed,
            ..EndpointHealth::default()
        },
        // We stopped it ourselves, or it was our fault: it says nothing of the endpoint.
        _ if !attempt.is_spent() => health,
        _ => EndpointHealth {
            consecutive_failures: health.consecutive_failures.saturating_add(1),
            failing_since: health.failing_since.or(Some(now)),
            paused_until: attempt
                .retry_after
                .map(|wish| wish.min(now.after(RETRY_AFTER_MAX)))
                .max(health.paused_until),
            ..health
        },
    }
}

/// Whether a success makes everything due that waits for the endpoint; `health` is from before it.
pub(super) fn ends_outage(health: &EndpointHealth, was_held: bool, now: Timestamp) -> bool {
    was_held
        || health.consecutive_failures >= OUTAGE_FAILURES_MIN
        || health
            .failing_since
            .is_some_and(|since| now.since(since) >= OUTAGE_MIN)
}

/// When a client is told of a run of failures, counted from its first failure.
const fn warned_after(warning: Warning) -> Duration {
    Duration::from_secs(match warning {
        Warning::Hour => HOUR,
        Warning::Day => 24 * HOUR,
        Warning::LastHalfDay => 60 * HOUR,
    })
}

/// What the client is to be told of an endpoint now, if it has not been told in this run of failures: the latest that is
/// due, so that one that was looked at seldom is told once.
pub(super) fn warning_due(health: &EndpointHealth, now: Timestamp) -> Option<Warning> {
    let failing_for = now.since(health.failing_since?);
    let due = Warning::ALL
        .into_iter()
        .rev()
        .find(|warning| failing_for >= warned_after(*warning));
    due.filter(|due| health.warned < Some(*due))
}

/// Whether an endpoint is held after an attempt that left it with `health`: at once on 410 Gone, else after at least
/// [`HOLD_FAILURES_MIN`] consecutive failures and at least [`HOLD_AFTER`] since its last success (or since its
/// creation, where it never had one).
pub(super) fn must_hold(
    health: &EndpointHealth,
    created_at: Timestamp,
    attempt: &Attempt,
    now: Timestamp,
) -> Option<HoldReason> {
    if attempt.status == Some(410) {
        return Some(HoldReason::Gone);
    }
    let quiet_for = now.since(health.last_success_at.unwrap_or(created_at));
    (health.consecutive_failures >= HOLD_FAILURES_MIN && quiet_for >= HOLD_AFTER)
        .then_some(HoldReason::Failing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::PhaseTimes;
    use crate::id::AttemptId;

    fn attempt(outcome: Outcome, status: Option<u16>) -> Attempt {
        Attempt {
            id: AttemptId::from_uuid(uuid::Uuid::nil()),
            number: 1,
            started_at: Timestamp::from_seconds(0),
            duration_ms: 1,
            phases: PhaseTimes::default(),
            outcome,
            status,
            response: None,
            retry_after: None,
            ours: false,
        }
    }

    #[test]
    fn an_answer_that_was_on_its_way_takes_no_pause_back() {
        let now = Timestamp::from_seconds(1_000);
        let later = |seconds| now.after(Duration::from_secs(seconds));
        let asks = |seconds| Attempt {
            retry_after: Some(later(seconds)),
            ..attempt(Outcome::Status, Some(429))
        };
        let paused = health_after(EndpointHealth::default(), &asks(60), now);
        assert_eq!(paused.paused_until, Some(later(60)));
        let still = health_after(paused, &attempt(Outcome::Ok, Some(200)), later(1));
        assert_eq!(still.paused_until, Some(later(60)));
        assert_eq!(
            health_after(still, &asks(5), later(1)).paused_until,
            Some(later(60)),
            "nor does a shorter wish"
        );
        let over = health_after(still, &attempt(Outcome::Ok, Some(200)), later(60));
        assert_eq!(over.paused_until, None);
    }

    #[test]
    fn only_the_end_of_an_outage_makes_everything_due() {
        let now = Timestamp::from_seconds(1_000);
        let failing = |seconds| EndpointHealth {
            consecutive_failures: 3,
            failing_since: Some(now.before(Duration::from_secs(seconds))),
            ..EndpointHealth::default()
        };
        assert!(ends_outage(&failing(60), false, now));
        assert!(!ends_outage(&failing(59), false, now));
        let often = EndpointHealth {
            consecutive_failures: OUTAGE_FAILURES_MIN,
            ..failing(1)
        };
        assert!(ends_outage(&often, false, now));
        assert!(!ends_outage(&EndpointHealth::default(), false, now));
        assert!(ends_outage(&EndpointHealth::default(), true, now));
    }

    #[test]
    fn promise_9_an_endpoint_is_held_after_twenty_failures_and_three_days_or_at_once_when_gone() {
        let created = Timestamp::from_seconds(0);
        let late = created.after(HOLD_AFTER);
        let failing = |n| EndpointHealth {
            consecutive_failures: n,
            ..EndpointHealth::default()
        };
        let failed = attempt(Outcome::Connect, None);
        assert_eq!(
            must_hold(&failing(20), created, &failed, late),
            Some(HoldReason::Failing)
        );
        assert_eq!(must_hold(&failing(19), created, &failed, late), None);
        assert_eq!(
            must_hold(
                &failing(500),
                created,
                &failed,
                late.before(Duration::from_secs(1))
            ),
            None
        );
        let recent = EndpointHealth {
            last_success_at: Some(late),
            ..failing(500)
        };
        assert_eq!(must_hold(&recent, created, &failed, late), None);
        assert_eq!(
            must_hold(
                &failing(1),
                created,
                &attempt(Outcome::Status, Some(410)),
                created
            ),
            Some(HoldReason::Gone)
        );
    }

    #[test]
    fn a_success_clears_the_failures_and_our_own_stops_do_not_count() {
        let now = Timestamp::from_seconds(9);
        let failing = health_after(EndpointHealth::default(), &attempt(Outcome::Tls, None), now);
        assert_eq!(
            (failing.consecutive_failures, failing.failing_since),
            (1, Some(now))
        );
        assert_eq!(
            health_after(failing, &attempt(Outcome::Cancelled, None), now),
            failing
        );
        let well = health_after(failing, &attempt(Outcome::Ok, Some(200)), now);
        assert_eq!(
            (
                well.consecutive_failures,
                well.failing_since,
                well.last_success_at
            ),
            (0, None, Some(now))
        );
    }

    #[test]
    fn promise_9_the_client_is_told_three_times_before_the_hold_and_once_each() {
        let began = Timestamp::from_seconds(0);
        let mut health = EndpointHealth {
            consecutive_failures: 1,
            failing_since: Some(began),
            ..EndpointHealth::default()
        };
        let mut told = Vec::new();
        for minutes in (0..72 * 60).step_by(10) {
            if let Some(warning) = warning_due(&health, began.after(Duration::from_secs(minutes * 60))) {
                health.warned = Some(warning);
                told.push((warning, minutes));
            }
        }
        assert_eq!(
            told,
            [
                (Warning::Hour, 60),
                (Warning::Day, 24 * 60),
                (Warning::LastHalfDay, 60 * 60)
            ]
        );
        let well = health_after(health, &attempt(Outcome::Ok, Some(200)), began);
        assert_eq!(well.warned, None);
        assert_eq!(warning_due(&EndpointHealth::default(), began), None);
    }

    #[test]
    fn our_own_fault_says_nothing_of_the_endpoint() {
        let now = Timestamp::from_seconds(9);
        let fault = Attempt {
            ours: true,
            ..attempt(Outcome::Dns, None)
        };
        assert_eq!(
            health_after(EndpointHealth::default(), &fault, now),
            EndpointHealth::default()
        );
    }
}
