//! How often a login may fail. Like all limits of rates it lives in memory: forgetting it costs an attacker nothing but a
//! restart.
//!
//! What is slowed down is a pair of name and address. An attacker makes only itself wait, and whoever owns the name gets in
//! from everywhere else; each further failure doubles the wait, so that guessing goes on at a rate that helps nobody.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::Timestamp;

/// Pairs of name and address that are remembered at most. Where there are more, the oldest are forgotten:
/// an attacker who can send from so many addresses is not stopped by counting.
const PAIRS_MAX: usize = 10_000;

/// Longest time that a pair waits.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

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
    /// The last failure.
    at: Timestamp,
    /// The pair waits until then.
    until: Timestamp,
    failures: u32,
}

/// A pair of name and address, hashed with a key of this process: names have any length.
#[derive(Clone, Copy, Debug)]
pub struct Pair(u64);

impl LoginFailures {
    /// Refuses after `failures_max` failures of which each came within `window` of the one before: for as long as `window`,
    /// and after each further failure for twice as long as before.
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
        Pair(self.hasher.hash_one((name, address.map(network))))
    }

    /// How long a pair has to wait, where it has failed too often.
    pub fn must_wait(&self, pair: Pair, now: Timestamp) -> Option<Duration> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&pair.0).filter(|count| !self.is_over(count, now))?;
        (now < count.until).then(|| count.until.since(now))
    }

    /// A login has succeeded: nothing is held against the pair any more.
    pub fn forget(&self, pair: Pair) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&pair.0);
    }

    /// Remembers a failure.
    pub fn record(&self, pair: Pair, now: Timestamp) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= PAIRS_MAX && !counts.contains_key(&pair.0) {
            counts.retain(|_, count| !self.is_over(count, now));
            if counts.len() >= PAIRS_MAX
                && let Some(oldest) = counts
                    .iter()
                    .min_by_key(|(_, count)| count.until)
                    .map(|(key, _)| *key)
            {
                counts.remove(&oldest);
            }
        }
        let fresh = Count {
            at: now,
            until: now,
            failures: 0,
        };
        let count = counts.entry(pair.0).or_insert(fresh);
        if self.is_over(count, now) {
            *count = fresh;
        }
        count.failures = count.failures.saturating_add(1);
        count.at = now;
        count.until = now.after(self.wait_after(count.failures));
    }

    fn wait_after(&self, failures: u32) -> Duration {
        let Some(further) = failures.checked_sub(self.failures_max.max(1)) else {
            return Duration::ZERO;
        };
        let doubled = 2u32.saturating_pow(further.min(31));
        self.window.saturating_mul(doubled).min(WAIT_MAX.max(self.window))
    }

    fn is_over(&self, count: &Count, now: Timestamp) -> bool {
        // A clock that was set back must not make a wait endless.
        now < count.at || now >= count.until.after(self.window)
    }
}

/// The network that one host has to itself: the address, and of IPv6 the /64.
pub fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
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
    fn a_pair_waits_for_longer_with_each_failure_and_others_do_not_wait() {
        let failures = LoginFailures::new(3, Duration::from_secs(60));
        let pair = failures.pair("client_a", address("192.0.2.1"));
        for second in 0..3 {
            assert_eq!(failures.must_wait(pair, at(second)), None);
            failures.record(pair, at(second));
        }
        assert_eq!(failures.must_wait(pair, at(22)), Some(Duration::from_secs(40)));
        let elsewhere = failures.pair("client_a", address("192.0.2.2"));
        assert_eq!(failures.must_wait(elsewhere, at(22)), None);
        let other = failures.pair("client_b", address("192.0.2.1"));
        assert_eq!(failures.must_wait(other, at(22)), None);
        assert_eq!(failures.must_wait(pair, at(62)), None);
        failures.record(pair, at(62));
        assert_eq!(failures.must_wait(pair, at(62)), Some(Duration::from_secs(120)));
        failures.record(pair, at(182));
        assert_eq!(failures.must_wait(pair, at(182)), Some(Duration::from_secs(240)));
        // Whoever leaves it alone for a while begins anew.
        assert_eq!(failures.must_wait(pair, at(482)), None);
        failures.record(pair, at(482));
        assert_eq!(failures.must_wait(pair, at(482)), None);
    }

    #[test]
    fn nobody_waits_for_longer_than_a_quarter_of_an_hour_and_a_success_ends_it() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        let pair = failures.pair("client_a", address("192.0.2.1"));
        let mut now = at(0);
        for _ in 0..40 {
            failures.record(pair, now);
            now = now.after(failures.must_wait(pair, now).unwrap());
        }
        failures.record(pair, now);
        assert_eq!(failures.must_wait(pair, now), Some(WAIT_MAX));
        failures.forget(pair);
        assert_eq!(failures.must_wait(pair, now), None);
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
        failures.record(failures.pair("late", None), at(200));
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
