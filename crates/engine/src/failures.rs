//! How often a login may fail. Like all limits of rates it lives in memory: forgetting it costs an attacker nothing but a
//! restart.
//!
//! What is slowed down first is a pair of name and address. An attacker makes only itself wait, and whoever owns the name gets in
//! from everywhere else; each further failure doubles the wait, so that guessing goes on at a rate that helps nobody.
//!
//! Two wider counts stop what pairs do not see: one address that tries many names, and many addresses that try one name. Both
//! let more fail before anybody waits, and neither holds a pair that has succeeded before: who shares an address with an attacker,
//! or is the one whose secret is guessed from everywhere, goes on logging in from where it always did.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sfumato_core::Timestamp;

/// Counts that are remembered at most. Where there are more, the oldest are forgotten: an attacker who can send from so many
/// addresses is stopped by the count of the name, which is the youngest of all.
const COUNTS_MAX: usize = 10_000;

/// Pairs of which it is remembered that they have succeeded; beyond that the oldest success is forgotten.
const KNOWN_MAX: usize = 10_000;

/// One address may fail so many times as often as a pair, under any names, before it waits: a few people share one.
const OF_AN_ADDRESS: u32 = 5;

/// One name may fail so many times as often as a pair, from anywhere, before addresses that are new to it wait.
const OF_A_NAME: u32 = 10;

/// Longest time that anybody waits.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Counts failed logins.
#[derive(Debug)]
pub struct LoginFailures {
    failures_max: u32,
    window: Duration,
    hasher: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    counts: HashMap<u64, Count>,
    /// Pairs that have succeeded, and when they did last.
    known: HashMap<u64, Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// The last failure.
    at: Timestamp,
    /// Whoever is counted here waits until then.
    until: Timestamp,
    failures: u32,
}

/// What a login is counted for, hashed with a key of this process: names have any length.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pair: u64,
    /// The address and the name by themselves, each with how many times as often as a pair it may fail.
    wider: [Option<(u64, u32)>; 2],
}

impl LoginFailures {
    /// Refuses after `failures_max` failures of one pair of which each came within `window` of the one before: for as long as
    /// `window`, and after each further failure for twice as long as before. One address under any names waits after five times
    /// as many, one name from anywhere after ten times as many.
    pub fn new(failures_max: u32, window: Duration) -> Self {
        Self {
            failures_max,
            window,
            hasher: RandomState::new(),
            memory: Mutex::default(),
        }
    }

    /// Names a pair and nothing wider: for what strangers can make fail without knowing a name. Addresses of one IPv6 /64 are
    /// one: a single host has them all.
    pub fn pair(&self, name: &str, address: Option<IpAddr>) -> Counted {
        Counted {
            pair: self.hasher.hash_one((name, address.map(network))),
            wider: [None, None],
        }
    }

    /// Names the pair, the address and the name of a login.
    pub fn login(&self, name: &str, address: Option<IpAddr>) -> Counted {
        // A machine calls itself from one address only, for all who use it.
        let network = address.filter(|ip| !ip.to_canonical().is_loopback()).map(network);
        Counted {
            wider: [
                network.map(|network| (self.hasher.hash_one(("address", network)), OF_AN_ADDRESS)),
                Some((self.hasher.hash_one(("name", name)), OF_A_NAME)),
            ],
            ..self.pair(name, address)
        }
    }

    /// How long a login has to wait, where too many like it have failed.
    pub fn must_wait(&self, login: Counted, now: Timestamp) -> Option<Duration> {
        let memory = self.memory();
        let is_known = memory.known.contains_key(&login.pair);
        let wider = login.wider.into_iter().flatten().filter(|_| !is_known);
        let keys = wider.map(|(key, _)| key).chain([login.pair]);
        keys.filter_map(|key| {
            let count = memory
                .counts
                .get(&key)
                .filter(|count| !self.is_over(count, now))?;
            (now < count.until).then(|| count.until.since(now))
        })
        .max()
    }

    /// A login has succeeded: nothing is held against the pair any more, and the wider counts do not hold it. They stay as they
    /// are: whoever has one right secret does not get more guesses at others by it.
    pub fn succeeded(&self, login: Counted, now: Timestamp) {
        let mut memory = self.memory();
        memory.counts.remove(&login.pair);
        if memory.known.len() >= KNOWN_MAX && !memory.known.contains_key(&login.pair) {
            let oldest = memory.known.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                memory.known.remove(&oldest);
            }
        }
        memory.known.insert(login.pair, now);
    }

    /// Remembers a failure.
    pub fn record(&self, login: Counted, now: Timestamp) {
        let mut memory = self.memory();
        self.count(&mut memory.counts, login.pair, 1, now);
        for (key, times) in login.wider.into_iter().flatten() {
            self.count(&mut memory.counts, key, times, now);
        }
    }

    fn count(&self, counts: &mut HashMap<u64, Count>, key: u64, times: u32, now: Timestamp) {
        if counts.len() >= COUNTS_MAX && !counts.contains_key(&key) {
            counts.retain(|_, count| !self.is_over(count, now));
            if counts.len() >= COUNTS_MAX
                && let Some(oldest) = counts
                    .iter()
                    .min_by_key(|(_, count)| (count.until, count.failures))
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
        let count = counts.entry(key).or_insert(fresh);
        if self.is_over(count, now) {
            *count = fresh;
        }
        count.failures = count.failures.saturating_add(1);
        count.at = now;
        count.until = now.after(self.wait_after(count.failures, times));
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_after(&self, failures: u32, times: u32) -> Duration {
        let failures_max = self.failures_max.max(1).saturating_mul(times);
        let Some(further) = failures.checked_sub(failures_max) else {
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
        failures.succeeded(pair, now);
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

    /// The `n`th of many addresses.
    fn elsewhere(n: u32) -> Option<IpAddr> {
        Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes()))
    }

    #[test]
    fn a_name_that_is_guessed_from_everywhere_waits_and_its_owner_where_it_was_before_does_not() {
        let failures = LoginFailures::new(3, Duration::from_secs(60));
        let owner = failures.login("client_a", address("192.0.2.1"));
        failures.succeeded(owner, at(0));
        for n in 0..30 {
            let guess = failures.login("client_a", elsewhere(n));
            assert_eq!(failures.must_wait(guess, at(1)), None, "{n}");
            failures.record(guess, at(1));
        }
        let next = failures.login("client_a", elsewhere(30));
        assert_eq!(failures.must_wait(next, at(1)), Some(Duration::from_secs(60)));
        assert_eq!(failures.must_wait(owner, at(1)), None);
        let other = failures.login("client_b", elsewhere(31));
        assert_eq!(failures.must_wait(other, at(1)), None);
        // Each further guess, one a wait, doubles it; a success of the owner does not reset it.
        failures.record(next, at(61));
        failures.succeeded(owner, at(61));
        let after = failures.login("client_a", elsewhere(32));
        assert_eq!(failures.must_wait(after, at(61)), Some(Duration::from_secs(120)));
        // The owner is still held to its own failures.
        for _ in 0..3 {
            failures.record(owner, at(62));
        }
        assert_eq!(failures.must_wait(owner, at(62)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_address_that_tries_many_names_waits_and_who_shares_it_and_got_in_before_does_not() {
        let failures = LoginFailures::new(3, Duration::from_secs(60));
        let neighbour = failures.login("client_n", address("192.0.2.1"));
        failures.succeeded(neighbour, at(0));
        for n in 0..15 {
            let guess = failures.login(&format!("client_{n}"), address("192.0.2.1"));
            assert_eq!(failures.must_wait(guess, at(1)), None, "{n}");
            failures.record(guess, at(1));
        }
        let next = failures.login("client_x", address("192.0.2.1"));
        assert_eq!(failures.must_wait(next, at(1)), Some(Duration::from_secs(60)));
        assert_eq!(failures.must_wait(neighbour, at(1)), None);
        let away = failures.login("client_x", address("192.0.2.2"));
        assert_eq!(failures.must_wait(away, at(1)), None);
    }

    #[test]
    fn one_program_with_a_wrong_secret_holds_up_nobody_else() {
        let failures = LoginFailures::new(10, Duration::from_secs(60));
        let stuck = failures.login("client_a", address("192.0.2.1"));
        // For a day, it asks each second.
        for second in 0..86_400 {
            if failures.must_wait(stuck, at(second)).is_none() {
                failures.record(stuck, at(second));
            }
        }
        let neighbour = failures.login("client_b", address("192.0.2.1"));
        assert_eq!(failures.must_wait(neighbour, at(86_400)), None);
        let elsewhere = failures.login("client_a", address("192.0.2.2"));
        assert_eq!(failures.must_wait(elsewhere, at(86_400)), None);
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_count_of_the_name_that_is_guessed() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        // Each counts for a pair and an address.
        for n in 0..COUNTS_MAX as u32 / 2 + 50 {
            failures.record(failures.login("client_a", elsewhere(n)), at(0));
        }
        for n in 0..KNOWN_MAX as u32 + 50 {
            failures.succeeded(failures.login("client_b", elsewhere(n)), at(0));
        }
        let sizes = |memory: MutexGuard<'_, Memory>| (memory.counts.len(), memory.known.len());
        assert_eq!(sizes(failures.memory()), (COUNTS_MAX, KNOWN_MAX));
        let next = failures.login("client_a", elsewhere(1_000_000));
        assert_eq!(failures.must_wait(next, at(0)), Some(WAIT_MAX));
        failures.record(failures.pair("late", None), at(2_000));
        assert_eq!(failures.memory().counts.len(), 1, "what is over goes first");
    }

    #[test]
    fn a_clock_that_jumps_back_lets_everybody_in() {
        let failures = LoginFailures::new(1, Duration::from_secs(60));
        let pair = failures.pair("a", None);
        failures.record(pair, at(1_000));
        assert_eq!(failures.must_wait(pair, at(10)), None);
    }
}
