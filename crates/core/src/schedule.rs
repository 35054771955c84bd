//! When a failed delivery is tried again: pure functions over a table.

use std::time::Duration;

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

/// The wait after a failure by our own fault, varied like the schedule: short, because a probe decides when it goes on.
pub const OWN_FAULT_WAIT: Duration = Duration::from_secs(1);

/// The wait after `attempts` failed attempts (at least 1). `jitter` is a random number from 0 to 1; the result varies by
/// a fifth in both directions, so that receivers that come back are not met by everything at once.
pub fn retry_delay(attempts: u32, jitter: f64) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = DELAYS_S.get(index).copied().unwrap_or(24 * HOUR);
    Duration::from_secs(seconds).mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

/// When the next attempt is due after the `failures`th failure of a delivery that was opened at `opened_at`; `None` when
/// the schedule is spent. `retry_after`, until which the endpoint asked to be left alone, moves the time back, never
/// forward, by at most [`RETRY_AFTER_MAX`].
pub fn next_attempt_at(
    opened_at: Timestamp,
    failures: u32,
    retry_after: Option<Timestamp>,
    now: Timestamp,
    jitter: f64,
) -> Option<Timestamp> {
    let mut due = now.after(retry_delay(failures, jitter));
    if let Some(wish) = retry_after {
        due = due.max(wish.min(now.after(RETRY_AFTER_MAX)));
    }
    (due <= opened_at.after(DELIVERY_LIFETIME)).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (mut now, mut attempts) = (created, 0);
        loop {
            attempts += 1;
            match next_attempt_at(created, attempts, None, now, 0.5) {
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
        let due = |seconds| {
            let wish = now.after(Duration::from_secs(seconds));
            next_attempt_at(now, 1, Some(wish), now, 0.5)
                .unwrap()
                .since(now)
                .as_secs()
        };
        assert_eq!(due(1), 5);
        assert_eq!(due(60), 60);
        assert_eq!(due(100_000), 6 * HOUR);
    }
}
