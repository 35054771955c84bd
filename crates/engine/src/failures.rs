//! How often a login may fail. The one truth that lives in memory: forgetting it costs an attacker nothing but a restart.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::Timestamp;

/// Pairs of name and address that are remembered at most. Where there are more, the oldest are forgotten:
/// an attacker who can send from so many addresses is not stopped by counting.
const PAIRS_MAX: usize = 10_000;

/// Counts failed logins under one name (of a client or of a person) from one address. A success from another address is never refused.
#[derive(Debug)]
pub struct LoginFailures {
    failures_max: u32,
    window: Duration,
    hasher: RandomState,
    counts: Mutex<HashMap<u64, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    failures: u32,
}

/// A pair of name and address, hashed with a key of this process: names have any length.
#[derive(Clone, Copy, Debug)]
pub struct Pair(u64);

impl LoginFailures {
    /// Refuses after `failures_max` failures within `window`, until it ends.
    pub fn new(failures_max: u32, window: Duration) -> Self {
        Self {
            failures_max,
            window,
            hasher: RandomState::new(),
            counts: Mutex::default(),
        }
    }

    /// Names a pair. Addresses of one IPv6 /64 are one: a single host has them all.
    pub fn pair(&self, name: &str, address: Option<IpAddr>) -> Pair {
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V4(v4) => u64::from(v4.to_bits()),
            IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
        });
        Pair(self.hasher.hash_one((name, network)))
    }

    /// How long a pair has to wait, where it has failed too often.
    pub fn must_wait(&self, pair: Pair, now: Timestamp) -> Option<Duration> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&pair.0)?;
        if self.is_over(count, now) || count.failures < self.failures_max {
            return None;
        }
        Some(self.window.saturating_sub(now.since(count.since)))
    }

    /// Remembers a failure.
    pub fn record(&self, pair: Pair, now: Timestamp) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= PAIRS_MAX && !counts.contains_key(&pair.0) {
            counts.retain(|_, count| !self.is_over(count, now));
            if counts.len() >= PAIRS_MAX
                && let Some(oldest) = counts
                    .iter()
                    .min_by_key(|(_, count)| count.since)
                    .map(|(key, _)| *key)
            {
                counts.remove(&oldest);
            }
        }
        let fresh = Count {
            since: now,
            failures: 0,
        };
        let count = counts.entry(pair.0).or_insert(fresh);
        if self.is_over(count, now) {
            *count = fresh;
        }
        count.failures = count.failures.saturating_add(1);
    }

    fn is_over(&self, count: &Count, now: Timestamp) -> bool {
        // A clock that was set back must not make a window endless.
        now < count.since || now.since(count.since) >= self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_pair_waits_until_its_window_ends_and_others_do_not() {
        let failures = LoginFailures::new(3, Duration::from_secs(60));
        let pair = failures.pair("client_a", address("192.0.2.1"));
        for second in 0..3 {
            assert_eq!(failures.must_wait(pair, at(second)), None);
            failures.record(pair, at(second));
        }
        assert_eq!(failures.must_wait(pair, at(20)), Some(Duration::from_secs(40)));
        assert_eq!(
            failures.must_wait(failures.pair("client_a", address("192.0.2.2")), at(20)),
            None
        );
        assert_eq!(
            failures.must_wait(failures.pair("client_b", address("192.0.2.1")), at(20)),
            None
        );
        assert_eq!(failures.must_wait(pair, at(60)), None);
        failures.record(pair, at(61));
        assert_eq!(failures.must_wait(pair, at(62)), None, "a new window begins");
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        failures.record(failures.pair("a", address("2001:db8::1")), at(0));
        assert!(
            failures
                .must_wait(failures.pair("a", address("2001:db8::ffff")), at(1))
                .is_some()
        );
        assert!(
            failures
                .must_wait(failures.pair("a", address("2001:db8:0:1::1")), at(1))
                .is_none()
        );
    }

    #[test]
    fn memory_is_bounded() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        for n in 0..PAIRS_MAX + 50 {
            failures.record(failures.pair(&n.to_string(), None), at(0));
        }
        assert_eq!(failures.counts.lock().unwrap().len(), PAIRS_MAX);
        failures.record(failures.pair("late", None), at(100));
        assert_eq!(
            failures.counts.lock().unwrap().len(),
            1,
            "windows that are over go first"
        );
    }

    #[test]
    fn a_clock_that_jumps_back_lets_everybody_in() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        let pair = failures.pair("a", None);
        failures.record(pair, at(1_000));
        assert_eq!(failures.must_wait(pair, at(10)), None);
    }
}
