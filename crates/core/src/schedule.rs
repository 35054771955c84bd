//! When a failed delivery is tried again, and when an endpoint is held: pure functions over tables.

use std::time::Duration;

use crate::delivery::{Attempt, Outcome};
use crate::endpoint::{EndpointHealth, HoldReason, Warning};
use crate::time::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds from one attempt to the next: the first attempt goes out at once, the second 5 s after the first failed …
/// After the table's end the last value repeats every time, until [`DELIVERY_LIFETIME`] has passed.
const DELAYS_S: [u64; 11] = [
    5,
    30,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    24 * HOUR,
];

/// A delivery is given up when its next attempt would come later than this after it was opened.
pub const DELIVERY_LIFETIME: Duration = Duration::from_secs(7 * 24 * HOUR);

/// An endpoint's wish to be left alone (`Retry-After`) is granted up to this long.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * HOUR);

/// A held endpoint is probed this often.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(HOUR);

/// An endpoint that had been failing for at least this long, or as often in a row as [`OUTAGE_FAILURES_MIN`], is back when it
/// succeeds, and what waits for it is pulled forward. One that refuses single deliveries among successes is not: those
/// keep their schedule, because a success of another says nothing of them.
pub const OUTAGE_MIN: Duration = Duration::from_secs(60);

/// Consecutive failures that make an outage however short it was.
pub const OUTAGE_FAILURES_MIN: u32 = 5;

/// After an outage every success makes this many of the endpoint's waiting deliveries due: 2, 4, 8 … as fast as the
/// receiver answers, and no further once it fails again.
pub const PULLED_PER_SUCCESS: u32 = 2;

/// The wait after a failure by our own fault, varied like the schedule: short, because a probe decides when it goes on.
pub const OWN_FAULT_WAIT: Duration = Duration::from_secs(1);

/// Deliveries that may wait at an endpoint that is held. What is more is given up, the oldest intermediate first.
pub const WAITING_MAX: u32 = 100_000;

/// Consecutive failures below which an endpoint is never held.
pub const HOLD_FAILURES_MIN: u32 = 20;

/// Time since the last success below which a failing endpoint is never held.
pub const HOLD_AFTER: Duration = Duration::from_secs(3 * 24 * HOUR);

/// The wait after `attempts` failed attempts (at least 1). `jitter` is a random number from 0 to 1; the result varies by
/// a fifth in both directions, so that receivers that come back are not met by everything at once.
pub fn retry_delay(attempts: u32, jitter: f64) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = DELAYS_S.get(index).copied().unwrap_or(24 * HOUR);
    Duration::from_secs(seconds).mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

/// When the next attempt is due after the `failures`th failure of a delivery that was opened at `opened_at`; `None` when
/// the schedule is spent. A `Retry-After` moves the time back,
/// never forward, by at most [`RETRY_AFTER_MAX`].
pub fn next_attempt_at(
    opened_at: Timestamp,
    failures: u32,
    attempt: &Attempt,
    now: Timestamp,
    jitter: f64,
) -> Option<Timestamp> {
    let mut due = now.after(retry_delay(failures, jitter));
    if let Some(wish) = attempt.retry_after {
        due = due.max(wish.min(now.after(RETRY_AFTER_MAX)));
    }
    (due <= opened_at.after(DELIVERY_LIFETIME)).then_some(due)
}

/// The health of an endpoint after one more attempt.
#[must_use]
pub fn health_after(health: EndpointHealth, attempt: &Attempt, now: Timestamp) -> EndpointHealth {
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
pub fn ends_outage(health: &EndpointHealth, was_held: bool, now: Timestamp) -> bool {
    was_held
        || health.consecutive_failures >= OUTAGE_FAILURES_MIN
        || health
            .failing_since
            .is_some_and(|since| now.since(since) >= OUTAGE_MIN)
}

/// When a client is told of a run of failures, counted from its first failure.
pub const fn warned_after(warning: Warning) -> Duration {
    Duration::from_secs(match warning {
        Warning::Hour => HOUR,
        Warning::Day => 24 * HOUR,
        Warning::LastHalfDay => 60 * HOUR,
    })
}

/// What the client is to be told of an endpoint now, if it has not been told in this run of failures: the latest that is
/// due, so that one that was looked at seldom is told once.
pub fn warning_due(health: &EndpointHealth, now: Timestamp) -> Option<Warning> {
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
pub fn must_hold(
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
    fn promise_8_the_schedule_is_the_promised_table() {
        let seconds: Vec<u64> = (1..=13).map(|n| retry_delay(n, 0.5).as_secs()).collect();
        let hours = |h: u64| h * 3600;
        let promised = [
            5,
            30,
            120,
            600,
            1800,
            hours(1),
            hours(2),
            hours(4),
            hours(8),
            hours(12),
            hours(24),
            hours(24),
            hours(24),
        ];
        assert_eq!(seconds, promised);
    }

    #[test]
    fn jitter_is_a_fifth_in_both_directions() {
        assert_eq!(retry_delay(3, 0.0), Duration::from_secs(96));
        assert_eq!(retry_delay(3, 1.0), Duration::from_secs(144));
    }

    #[test]
    fn a_delivery_is_tried_for_seven_days_and_no_longer() {
        let created = Timestamp::from_seconds(0);
        let failed = attempt(Outcome::Connect, None);
        let (mut now, mut attempts) = (created, 0);
        loop {
            attempts += 1;
            match next_attempt_at(created, attempts, &failed, now, 0.5) {
                Some(next) => now = next,
                None => break,
            }
        }
        assert!(now <= created.after(DELIVERY_LIFETIME));
        assert!(
            now >= created
                .after(DELIVERY_LIFETIME)
                .before(Duration::from_secs(24 * HOUR))
        );
        assert_eq!(attempts, 16);
    }

    #[test]
    fn promise_7_retry_after_postpones_up_to_six_hours_and_never_hastens() {
        let now = Timestamp::from_seconds(1_000);
        let wish = |seconds| Attempt {
            retry_after: Some(now.after(Duration::from_secs(seconds))),
            ..attempt(Outcome::Status, Some(503))
        };
        let due = |seconds| {
            next_attempt_at(now, 1, &wish(seconds), now, 0.5)
                .unwrap()
                .since(now)
                .as_secs()
        };
        assert_eq!(due(1), 5);
        assert_eq!(due(60), 60);
        assert_eq!(due(100_000), 6 * HOUR);
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
            if let Some(warning) = warning_due(&health, began.after(Duration::from_secs(minutes * MINUTE))) {
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
