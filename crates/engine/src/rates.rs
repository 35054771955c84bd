//! How often something may be done: the generic cell rate algorithm (ITU-T I.371), which is a leaky bucket that needs one
//! number for each key. Like the count of failed logins it lives in memory, with a bound.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::Timestamp;

/// Keys that are remembered at most. Where there are more, those are forgotten that have asked for least: an attacker who can
/// send from so many addresses is not stopped by counting, and nobody else is refused for it.
const KEYS_MAX: usize = 100_000;

/// Lets each key do something so many times a minute. All of a minute's may come at once.
#[derive(Debug)]
pub struct Rates {
    per_minute: Option<u32>,
    hasher: RandomState,
    /// For each key the time at which its bucket will be empty again, in microseconds.
    empty_at: Mutex<HashMap<u64, i64>>,
}

impl Rates {
    /// `None` lets everybody do as they like.
    pub fn per_minute(per_minute: Option<u32>) -> Self {
        Self {
            per_minute,
            hasher: RandomState::new(),
            empty_at: Mutex::default(),
        }
    }

    /// Counts one, or says how long the key has to wait until it may do one more.
    ///
    /// # Errors
    /// The time to wait; nothing was counted.
    pub fn take(&self, key: impl Hash, now: Timestamp) -> Result<(), Duration> {
        let Some(per_minute) = self.per_minute.filter(|count| *count > 0) else {
            return Ok(());
        };
        const MINUTE: i64 = 60_000_000;
        let (now, each) = (now.as_micros(), MINUTE / i64::from(per_minute).min(MINUTE));
        let key = self.hasher.hash_one(key);
        let mut all = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEYS_MAX && !all.contains_key(&key) {
            forget(&mut all, now);
        }
        let empty_at = all.entry(key).or_insert(now);
        // A bucket is full for a minute at most; one that is full for longer was filled by a clock that has been set back.
        if *empty_at < now || *empty_at > now.saturating_add(MINUTE) {
            *empty_at = now;
        }
        let filled = *empty_at + each;
        if filled - now > MINUTE {
            return Err(Duration::from_micros((filled - now - MINUTE).unsigned_abs()));
        }
        *empty_at = filled;
        Ok(())
    }
}

/// Forgets empty buckets, and if that is not enough the tenth with least in it.
fn forget(all: &mut HashMap<u64, i64>, now: i64) {
    all.retain(|_, empty_at| *empty_at > now);
    if all.len() < KEYS_MAX {
        return;
    }
    let mut times: Vec<i64> = all.values().copied().collect();
    let (_, bound, _) = times.select_nth_unstable(KEYS_MAX / 10);
    let bound = *bound;
    let mut left = KEYS_MAX / 10;
    all.retain(|_, empty_at| {
        let goes = *empty_at <= bound && left > 0;
        left -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_by_one() {
        let rates = Rates::per_minute(Some(6));
        for _ in 0..6 {
            rates.take("a", at(100)).unwrap();
        }
        assert_eq!(rates.take("a", at(100)), Err(Duration::from_secs(10)));
        assert_eq!(
            rates.take("a", at(104)),
            Err(Duration::from_secs(6)),
            "not counted"
        );
        rates.take("b", at(104)).unwrap();
        rates.take("a", at(110)).unwrap();
        assert!(rates.take("a", at(110)).is_err());
        // Whoever was away for a minute has a whole one again, and no more.
        for _ in 0..6 {
            rates.take("a", at(500)).unwrap();
        }
        assert!(rates.take("a", at(500)).is_err());
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let rates = Rates::per_minute(None);
        assert!((0..1_000).all(|_| rates.take("a", at(0)).is_ok()));
    }

    #[test]
    fn a_clock_that_jumps_back_makes_nobody_wait_for_long() {
        let rates = Rates::per_minute(Some(1));
        rates.take("a", at(10_000)).unwrap();
        rates.take("a", at(10)).unwrap();
        assert_eq!(rates.take("a", at(10)), Err(Duration::from_secs(60)));
    }

    #[test]
    fn memory_is_bounded_and_who_asks_most_is_forgotten_last() {
        let rates = Rates::per_minute(Some(2));
        for _ in 0..2 {
            rates.take("greedy", at(0)).unwrap();
        }
        for n in 0..KEYS_MAX + 5_000 {
            rates.take(n, at(0)).unwrap();
        }
        assert!(rates.empty_at.lock().unwrap().len() <= KEYS_MAX);
        assert!(rates.take("greedy", at(0)).is_err());
        rates.take("late", at(120)).unwrap();
    }
}
