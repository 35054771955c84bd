//! Refused sign-ins in the audit log. Anybody can have one refused, at any rate and under any names, and each entry is kept as
//! long as what people do: so only so many of an hour are written down, and then how many were not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_engine::audit::Deed;

/// Entries of an hour at most: more than people mistype, and less than a gigabyte in a year.
const OF_AN_HOUR: u32 = 100;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Counts them.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Count>);

#[derive(Debug)]
struct Count {
    /// The hour that is counted.
    since: Timestamp,
    written: u32,
    /// Since the last that was written.
    left_out: u64,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            since: Timestamp::from_micros(0),
            written: 0,
            left_out: 0,
        }
    }
}

impl Refusals {
    /// What is to be written down of a refusal: nothing, where there were too many lately.
    pub(crate) fn entry(&self, refusal: Deed, now: Timestamp) -> Option<Deed> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not leave anything out for longer.
        if now < count.since || now >= count.since.after(HOUR) {
            (count.since, count.written) = (now, 0);
        }
        if count.written == OF_AN_HOUR {
            if count.left_out == 0 {
                tracing::warn!(
                    of_an_hour = OF_AN_HOUR,
                    "sign-ins are refused so often that the audit log has no more of them this hour; each has its line here"
                );
            }
            count.left_out += 1;
            return None;
        }
        count.written += 1;
        Some(match std::mem::take(&mut count.left_out) {
            0 => refusal,
            left_out => refusal.with("left_out_before", left_out.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::audit::{Action, Actor};

    use super::*;

    #[test]
    fn an_hour_has_so_many_entries_and_the_next_one_says_how_many_it_has_not() {
        let refusals = Refusals::default();
        let entry = |second: i64| {
            let actor = Actor::Stranger { name: "eve".into() };
            let refusal = Deed::new(actor, Action::SignInRefused);
            refusals.entry(refusal, Timestamp::from_seconds(100_000 + second))
        };
        let written = (0..1_000).filter_map(entry).count();
        assert_eq!(written, OF_AN_HOUR as usize);
        assert_eq!(entry(3_599), None);
        let next = entry(3_600).unwrap();
        assert_eq!(next.detail["left_out_before"], "901");
        assert!(entry(3_601).unwrap().detail.is_empty());
        // A clock that is set back begins anew.
        let again = (0..200).filter_map(|_| entry(0)).count();
        assert_eq!(again, OF_AN_HOUR as usize);
    }
}
