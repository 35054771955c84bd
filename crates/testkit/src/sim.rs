//! Time and randomness that a test commands.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sfumato_core::{Clock, Entropy, Timestamp};

/// A clock that stands still until it is moved. Starts at 2026-01-01T00:00:00Z.
#[derive(Debug)]
pub struct SimClock(AtomicI64);

impl Default for SimClock {
    fn default() -> Self {
        Self::at(Timestamp::from_seconds(1_767_225_600))
    }
}

impl SimClock {
    /// A clock that shows `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().after(duration));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that follow from a seed: the same seed and the same order of calls give the same bytes. Not fit for secrets.
///
/// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), because its
/// state is one counter, which threads can share without a lock.
#[derive(Debug)]
pub struct SimEntropy(AtomicU64);

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

impl SimEntropy {
    /// A source with a seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        let state = self.0.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::time::random;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let draw = |seed| random::<40>(&SimEntropy::new(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let source = SimEntropy::new(1);
        assert_ne!(random::<16>(&source), random::<16>(&source));
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The published test vector of the seed 1234567.
        let source = SimEntropy::new(1_234_567);
        assert_eq!(source.next(), 6_457_827_717_110_365_317);
        assert_eq!(source.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn the_clock_moves_only_when_it_is_told_to() {
        let clock = SimClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:00.000Z");
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().to_string(), "2026-01-01T00:00:01.500Z");
        clock.set(Timestamp::from_seconds(0));
        assert_eq!(clock.now(), Timestamp::from_seconds(0));
    }
}
