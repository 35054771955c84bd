//! When a job will be done, by how it has gone on so far.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_core::job::Progress;

/// Before this part of the work has been seen, and for less than this time, nothing is foretold.
const DONE_MIN: f32 = 0.01;
const WATCHED_MIN: Duration = Duration::from_secs(3);

/// The part of a job that is done, 0 to 1, as its media process says it. Shared between who hears it and who asks.
#[derive(Debug, Default)]
pub(super) struct Done {
    fraction: AtomicU32,
    advanced: AtomicBool,
}

impl Done {
    pub(super) fn set(&self, fraction: f32) {
        self.fraction.store(fraction.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> f32 {
        f32::from_bits(self.fraction.load(Ordering::Relaxed))
    }

    /// Something has been kept from which the next attempt goes on.
    pub(super) fn advance(&self) {
        self.advanced.store(true, Ordering::Relaxed);
    }

    /// Whether something has been kept since the last question.
    pub(super) fn has_advanced(&self) -> bool {
        self.advanced.swap(false, Ordering::Relaxed)
    }
}

/// How fast one attempt goes on. A job that is resumed begins with what is done already, which took no time of this attempt.
#[derive(Debug, Default)]
pub(super) struct Pace {
    first: Option<(Timestamp, f32)>,
}

impl Pace {
    /// The progress at `now` with the time at which the job will be done, as far as that can be told.
    pub(super) fn progress(&mut self, now: Timestamp, done: f32) -> Progress {
        if self.first.is_none() && done > 0.0 {
            self.first = Some((now, done));
        }
        Progress {
            done,
            expected_end: self.expected_end(now, done),
            advanced: false,
        }
    }

    fn expected_end(&self, now: Timestamp, done: f32) -> Option<Timestamp> {
        let (since, from) = self.first?;
        let (watched, seen) = (now.since(since), done - from);
        if seen < DONE_MIN || watched < WATCHED_MIN {
            return None;
        }
        Some(now.after(watched.mul_f64(f64::from((1.0 - done).max(0.0) / seen))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn nothing_is_foretold_in_the_beginning() {
        let mut pace = Pace::default();
        assert_eq!(pace.progress(at(0), 0.0), Progress::of(0.0));
        assert_eq!(pace.progress(at(60), 0.25).expected_end, None);
        assert_eq!(pace.progress(at(61), 0.3).expected_end, None, "too short a time");
        assert_eq!(
            pace.progress(at(90), 0.255).expected_end,
            None,
            "too small a part"
        );
    }

    #[test]
    fn the_rest_takes_as_long_as_the_same_part_took() {
        let mut pace = Pace::default();
        pace.progress(at(0), 0.5);
        let progress = pace.progress(at(10), 0.75);
        assert_eq!(progress.done, 0.75);
        assert_eq!(
            progress.expected_end,
            Some(at(20)),
            "what was there before took no time"
        );
        assert_eq!(pace.progress(at(20), 1.0).expected_end, Some(at(20)));
    }
}
