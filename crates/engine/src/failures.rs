//! How often a login may fail. A try counts from its beginning, so that many at once are no more than one after the other. Like all limits of rates it lives in memory: forgetting it costs an attacker nothing but a
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
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sfumato_core::{Clock, Timestamp};
use tokio::sync::Notify;

/// Counts that are remembered at most. Where there are more, the oldest are forgotten: an attacker who can send from so many
/// addresses is stopped by the count of the name, which is the youngest of all.
const COUNTS_MAX: usize = 10_000;

/// Pairs of which it is remembered that they have succeeded; beyond that the oldest success is forgotten.
const KNOWN_MAX: usize = 10_000;

/// One address may fail so many times as often as a pair, under any names, before it waits: a few people share one.
const OF_AN_ADDRESS: u32 = 5;

/// One name may fail so many times as often as a pair, from anywhere, before addresses that are new to it wait.
const OF_A_NAME: u32 = 10;

/// So far the times of tries may be out of order: each is read before its count is. More is a clock that was set back.
const CLOCK_SLACK: Duration = Duration::from_secs(10);

/// Longest time that anybody waits.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Counts failed logins.
#[derive(Debug)]
pub struct LoginFailures {
    failures_max: u32,
    window: Duration,
    hasher: RandomState,
    memory: Mutex<Memory>,
    /// A try has come to its end.
    ended: Notify,
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
    /// Tries of which it is not known yet whether they fail.
    under_way: u32,
}

/// A try to log in that has begun. Where nobody says how it ends, as where whoever tries goes away in the middle, it has
/// failed.
#[derive(Debug)]
#[must_use = "a try that is dropped has failed"]
pub struct Try<'a> {
    failures: &'a LoginFailures,
    login: Counted,
    began: Timestamp,
    end: End,
}

/// Why a try does not begin.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// Too many have failed.
    For(Duration),
    /// Too many will have failed if those under way do.
    ByOthers,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Failed,
    Succeeded,
    /// It says nothing of who tries.
    Unheard,
}

impl Try<'_> {
    /// It has succeeded: nothing is held against the pair any more, and the wider counts do not hold it. They stay as they are:
    /// whoever has one right secret does not get more guesses at others by it.
    pub fn succeeded(mut self) {
        self.end = End::Succeeded;
    }

    /// It has failed.
    pub fn failed(self) {}

    /// It was not judged, for a reason that whoever tries has no part in.
    pub fn unheard(mut self) {
        self.end = End::Unheard;
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.failures.end(self.login, self.end, self.began);
    }
}

/// What a login is counted for, hashed with a key of this process: names have any length.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pair: u64,
    /// The address and the name by themselves, each with how many times as often as a pair it may fail.
    wider: [Option<(u64, u32)>; 2],
}

impl Counted {
    /// Everything that it is counted for, each with how many times as often as a pair it may fail.
    fn keys(&self) -> impl Iterator<Item = (u64, u32)> + use<> {
        [Some((self.pair, 1))].into_iter().chain(self.wider).flatten()
    }
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
            ended: Notify::new(),
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

    /// Begins a try to log in, and counts it. While those under way would fill a count if they all failed, it waits for their
    /// ends: many right logins at once are all heard, and many wrong ones are no more than one after the other.
    ///
    /// # Errors
    /// How long it has to wait, where too many like it have failed.
    pub async fn begin(&self, login: Counted, clock: &dyn Clock) -> Result<Try<'_>, Duration> {
        loop {
            let mut ended = pin!(self.ended.notified());
            // From here on, so that no end is missed between the look and the wait.
            ended.as_mut().enable();
            match self.try_begin(login, clock.now()) {
                Ok(begun) => return Ok(begun),
                Err(Held::For(wait)) => return Err(wait),
                Err(Held::ByOthers) => ended.await,
            }
        }
    }

    fn try_begin(&self, login: Counted, now: Timestamp) -> Result<Try<'_>, Held> {
        let mut memory = self.memory();
        self.judge(&memory, login, now)?;
        for (key, _) in login.keys() {
            self.counted(&mut memory.counts, key, now).under_way += 1;
        }
        Ok(Try {
            failures: self,
            login,
            began: now,
            end: End::Failed,
        })
    }

    fn judge(&self, memory: &Memory, login: Counted, now: Timestamp) -> Result<(), Held> {
        let is_known = memory.known.contains_key(&login.pair);
        let holding = login.keys().filter(|(key, _)| !is_known || *key == login.pair);
        let counts = holding.filter_map(|(key, times)| Some((memory.counts.get(&key)?, times)));
        let (mut wait, mut by_others) = (None, false);
        for (count, times) in counts {
            let failures = if self.is_over(count, now) {
                0
            } else {
                count.failures
            };
            if failures > 0 && now < count.until {
                wait = wait.max(Some(count.until.since(now)));
            }
            let is_full = failures.saturating_add(count.under_way) >= self.failures_max(times);
            by_others |= is_full && count.under_way > 0;
        }
        match wait {
            Some(wait) => Err(Held::For(wait)),
            None if by_others => Err(Held::ByOthers),
            None => Ok(()),
        }
    }

    fn end(&self, login: Counted, end: End, began: Timestamp) {
        let mut memory = self.memory();
        let Memory { counts, known } = &mut *memory;
        for (key, times) in login.keys() {
            if matches!(end, End::Failed) {
                self.count(counts, key, times, began);
            } else if let Some(count) = counts.get_mut(&key) {
                count.under_way = count.under_way.saturating_sub(1);
                if matches!(end, End::Succeeded) && key == login.pair {
                    count.failures = 0;
                }
                if count.failures == 0 && count.under_way == 0 {
                    counts.remove(&key);
                }
            }
        }
        if matches!(end, End::Succeeded) {
            if known.len() >= KNOWN_MAX && !known.contains_key(&login.pair) {
                let oldest = known.iter().min_by_key(|(_, at)| **at);
                if let Some(oldest) = oldest.map(|(key, _)| *key) {
                    known.remove(&oldest);
                }
            }
            known.insert(login.pair, began);
        }
        drop(memory);
        self.ended.notify_waiters();
    }

    fn count(&self, counts: &mut HashMap<u64, Count>, key: u64, times: u32, began: Timestamp) {
        // One that has begun later may have ended before.
        let at = counts.get(&key).map_or(began, |count| count.at.max(began));
        let count = self.counted(counts, key, at);
        count.under_way = count.under_way.saturating_sub(1);
        count.failures = count.failures.saturating_add(1);
        count.at = at;
        count.until = at.after(self.wait_after(count.failures, times));
    }

    /// The count of a key; a fresh one where there is none, or one that is over.
    fn counted<'m>(&self, counts: &'m mut HashMap<u64, Count>, key: u64, now: Timestamp) -> &'m mut Count {
        if counts.len() >= COUNTS_MAX && !counts.contains_key(&key) {
            counts.retain(|_, count| count.under_way > 0 || !self.is_over(count, now));
            if counts.len() >= COUNTS_MAX
                && let Some(oldest) = counts
                    .iter()
                    .min_by_key(|(_, count)| (count.under_way > 0, count.until, count.failures))
                    .map(|(key, _)| *key)
            {
                counts.remove(&oldest);
            }
        }
        let fresh = Count {
            at: now,
            until: now,
            failures: 0,
            under_way: 0,
        };
        let count = counts.entry(key).or_insert(fresh);
        if self.is_over(count, now) {
            *count = Count {
                under_way: count.under_way,
                ..fresh
            };
        }
        count
    }

    fn failures_max(&self, times: u32) -> u32 {
        self.failures_max.max(1).saturating_mul(times)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_after(&self, failures: u32, times: u32) -> Duration {
        let Some(further) = failures.checked_sub(self.failures_max(times)) else {
            return Duration::ZERO;
        };
        let doubled = 2u32.saturating_pow(further.min(31));
        self.window.saturating_mul(doubled).min(WAIT_MAX.max(self.window))
    }

    fn is_over(&self, count: &Count, now: Timestamp) -> bool {
        // A clock that was set back must not make a wait endless.
        now.after(CLOCK_SLACK) < count.at || now >= count.until.after(self.window)
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
mod tests;
