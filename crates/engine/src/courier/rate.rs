//! A limit of deliveries a second: a token bucket that holds one second's worth.

use std::num::NonZeroU32;
use std::time::Duration;

use sfumato_core::Timestamp;

/// The bucket of one endpoint. It begins full.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    per_second: f64,
    tokens: f64,
    at: Timestamp,
}

impl Rate {
    pub(super) fn new(per_second: NonZeroU32, now: Timestamp) -> Self {
        let per_second = f64::from(per_second.get());
        Self {
            per_second,
            tokens: per_second,
            at: now,
        }
    }

    fn refill(&mut self, now: Timestamp) {
        let passed = now.since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second);
        self.at = self.at.max(now);
    }

    /// Deliveries that may go out now.
    pub(super) fn available(&mut self, now: Timestamp) -> usize {
        self.refill(now);
        self.tokens as usize
    }

    /// Takes some of them; what was not sent after all is put back with a negative number.
    pub(super) fn take(&mut self, count: f64) {
        self.tokens = (self.tokens - count).min(self.per_second);
    }

    /// When the next one may go out, where none may now.
    pub(super) fn next_at(&self, now: Timestamp) -> Timestamp {
        let missing = (1.0 - self.tokens).max(0.0) / self.per_second;
        // A microsecond more than the arithmetic says, so that a whole token is there then.
        now.after(Duration::from_secs_f64(missing) + Duration::from_micros(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_twice_and_no_long_time_more_than_the_rate() {
        let start = Timestamp::from_seconds(0);
        let mut rate = Rate::new(NonZeroU32::new(10).unwrap(), start);
        let mut sent_at = Vec::new();
        let mut now = start;
        while now < Timestamp::from_seconds(20) {
            let count = rate.available(now);
            rate.take(count as f64);
            sent_at.extend(std::iter::repeat_n(now, count));
            now = rate.next_at(now);
        }
        assert!((200..=211).contains(&sent_at.len()), "{}", sent_at.len());
        let first = sent_at
            .iter()
            .filter(|at| **at < Timestamp::from_seconds(1))
            .count();
        assert!((18..=20).contains(&first), "{first}");
    }
}
