//! Noise that cannot be guessed: SHA-256 in counter mode, keyed with the secret seed of a task.

use sha2::{Digest, Sha256};

/// A stream of numbers that depends on the seed and on the stream's number alone.
#[derive(Debug)]
pub(crate) struct Noise {
    seed: [u8; 32],
    stream: u64,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Noise {
    /// Streams with different numbers are independent of each other.
    pub(crate) fn new(seed: [u8; 32], stream: u64) -> Self {
        Self {
            seed,
            stream,
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    /// A number from -1 to 1, all of them alike.
    pub(crate) fn symmetric(&mut self) -> f32 {
        f32::from(self.next()) / f32::from(u16::MAX) * 2.0 - 1.0
    }

    /// A number below `count`, which must be 1 or more; nearly alike for counts far below 65,536.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.next()) * count / (usize::from(u16::MAX) + 1)
    }

    fn next(&mut self) -> u16 {
        if self.used == self.block.len() {
            self.refill();
        }
        let bytes = [self.block[self.used], self.block[self.used + 1]];
        self.used += 2;
        u16::from_le_bytes(bytes)
    }

    fn refill(&mut self) {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.stream.to_le_bytes());
        hash.update(self.counter.to_le_bytes());
        self.block = hash.finalize().into();
        self.counter += 1;
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(seed: u8, stream: u64) -> Vec<f32> {
        let mut noise = Noise::new([seed; 32], stream);
        (0..1000).map(|_| noise.symmetric()).collect()
    }

    #[test]
    fn the_seed_decides_and_streams_differ() {
        assert_eq!(take(1, 0), take(1, 0));
        assert_ne!(take(1, 0), take(2, 0));
        assert_ne!(take(1, 0), take(1, 1));
    }

    #[test]
    fn numbers_below_a_count_are_all_there() {
        let mut noise = Noise::new([5; 32], 0);
        let mut seen = [0; 7];
        (0..7000).for_each(|_| seen[noise.below(7)] += 1);
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!(noise.below(1), 0);
    }

    #[test]
    fn the_numbers_fill_the_range_evenly() {
        let numbers = take(7, 3);
        let mean = numbers.iter().sum::<f32>() / 1000.0;
        assert!(mean.abs() < 0.1, "{mean}");
        assert!(numbers.iter().all(|n| (-1.0..=1.0).contains(n)));
        assert!(numbers.iter().any(|n| *n > 0.9) && numbers.iter().any(|n| *n < -0.9));
    }
}
