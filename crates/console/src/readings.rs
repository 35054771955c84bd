//! Which files people have read of late, so that a player that asks for a video range by range is one line in the audit
//! log and not a hundred. Lost with the process, which costs a line too many and never one too few.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::audit::Action;
use sfumato_core::{JobId, SessionId, Timestamp};

/// For how long reading the same file again goes without saying.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// Readings that are remembered at most.
const READINGS_MAX: usize = 10_000;

/// Somebody in one session reads one file of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    pub(crate) session: SessionId,
    pub(crate) job: JobId,
    pub(crate) action: Action,
}

/// Those that were written down within the window.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<HashMap<Reading, Timestamp>>);

impl Readings {
    /// Whether it was written down a moment ago.
    pub(crate) fn is_known(&self, reading: &Reading, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(reading).is_some_and(|at| is_recent(*at, now))
    }

    /// It has been written down now.
    pub(crate) fn remember(&self, reading: Reading, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= READINGS_MAX {
            known.retain(|_, at| is_recent(*at, now));
        }
        if known.len() >= READINGS_MAX {
            known.clear();
        }
        known.insert(reading, now);
    }
}

/// A clock that was set back must not make a reading known for longer.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < WINDOW
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn reading(job: u128) -> Reading {
        Reading {
            session: SessionId::from_uuid(Uuid::nil()),
            job: JobId::from_uuid(Uuid::from_u128(job)),
            action: Action::OriginalRead,
        }
    }

    #[test]
    fn a_file_is_known_for_ten_minutes_and_no_other_with_it() {
        let readings = Readings::default();
        let at = Timestamp::from_seconds;
        assert!(!readings.is_known(&reading(1), at(0)));
        readings.remember(reading(1), at(0));
        assert!(readings.is_known(&reading(1), at(599)));
        assert!(!readings.is_known(&reading(1), at(600)));
        assert!(!readings.is_known(&reading(1), at(-5)));
        assert!(!readings.is_known(&reading(2), at(1)));
    }

    #[test]
    fn however_much_is_read_a_bounded_number_is_remembered() {
        let readings = Readings::default();
        for job in 0..(READINGS_MAX as u128 + 5) {
            readings.remember(reading(job), Timestamp::from_seconds(1));
        }
        assert!(readings.0.lock().unwrap().len() <= READINGS_MAX);
    }
}
