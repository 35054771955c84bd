//! How many deliveries one endpoint is sent at once, and whether it is slow: additive increase, multiplicative decrease,
//! as TCP finds the width of a path (Chiu and Jain, 1989).

use std::collections::VecDeque;
use std::time::Duration;

use sfumato_core::Timestamp;

/// An endpoint whose attempts take longer than this (95th percentile) is slow.
const SLOW: Duration = Duration::from_secs(2);

/// Attempts that the percentile is taken of.
const RECENT_MAX: usize = 32;

/// An endpoint that bears every attempt and needs no longer than this is brisk.
const BRISK: Duration = Duration::from_millis(100);

/// So many attempts must be known before it is taken to be brisk.
const BRISK_MIN: usize = 8;

/// What an attempt says of the load that an endpoint bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// It answered.
    Borne,
    /// It refused, or did not answer.
    Refused,
    /// Nothing.
    Unknown,
}

/// An attempt that has ended, as the pace sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) load: Load,
    pub(super) took: Duration,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
}

/// The pace of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    in_flight_max: usize,
    limit: f64,
    cut_at: Option<Timestamp>,
    recent: VecDeque<Gait>,
}

/// How one attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gait {
    Brisk,
    Ordinary,
    Refused,
    Slow,
}

impl Pace {
    /// Of an endpoint that is taken to be well.
    pub(super) fn new(in_flight_max: usize) -> Self {
        let in_flight_max = in_flight_max.max(1);
        Self {
            in_flight_max,
            limit: in_flight_max as f64,
            cut_at: None,
            recent: VecDeque::new(),
        }
    }

    /// The endpoint was away and is back: one at a time at first, and one more with every round of answers.
    pub(super) fn restart(&mut self) {
        self.limit = 1.0;
    }

    /// How many may be in flight: from 1 to the most.
    pub(super) fn limit(&self) -> usize {
        (self.limit as usize).clamp(1, self.in_flight_max)
    }

    /// Takes the end of an attempt in.
    pub(super) fn ended(&mut self, sample: Sample) {
        if sample.load == Load::Unknown {
            return;
        }
        let gait = match sample.load {
            _ if sample.took > SLOW => Gait::Slow,
            Load::Borne if sample.took <= BRISK => Gait::Brisk,
            Load::Borne => Gait::Ordinary,
            Load::Refused | Load::Unknown => Gait::Refused,
        };
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(gait);
        if sample.load == Load::Borne && gait != Gait::Slow {
            self.limit = (self.limit + 1.0 / self.limit).min(self.in_flight_max as f64);
        } else if self.cut_at.is_none_or(|cut_at| sample.started_at > cut_at) {
            // What began before the last cut tells of the load before it: one cut a round.
            self.limit = (self.limit / 2.0).max(1.0);
            self.cut_at = Some(sample.ended_at);
        }
    }

    /// Whether the 95th percentile of the recent attempts (nearest rank) is slow.
    pub(super) fn is_slow(&self) -> bool {
        let count = self.recent.len();
        let slow = self.recent.iter().filter(|gait| **gait == Gait::Slow).count();
        let rank = (count * 95).div_ceil(100);
        slow > count - rank
    }

    /// Whether what has been leased ahead for it still goes out soon: none of the recent attempts was refused or slow.
    pub(super) fn is_steady(&self) -> bool {
        let troubled = |gait: &Gait| matches!(gait, Gait::Refused | Gait::Slow);
        !self.recent.iter().any(troubled)
    }

    /// Whether what is leased ahead for it goes out within a moment: it is at its full width, and none of the recent
    /// attempts was refused or took long.
    pub(super) fn is_brisk(&self) -> bool {
        let known = self.recent.len() >= BRISK_MIN && self.limit() == self.in_flight_max;
        known && self.recent.iter().all(|gait| *gait == Gait::Brisk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(load: Load, millis: u64, second: i64) -> Sample {
        let ended_at = Timestamp::from_seconds(second);
        let took = Duration::from_millis(millis);
        Sample {
            load,
            took,
            started_at: ended_at.before(took),
            ended_at,
        }
    }

    #[test]
    fn a_failure_halves_once_a_round_and_a_round_of_answers_adds_one() {
        let mut pace = Pace::new(16);
        for _ in 0..16 {
            pace.ended(sample(Load::Refused, 1_000, 10));
        }
        assert_eq!(pace.limit(), 8, "all of them began before the first had ended");
        pace.ended(sample(Load::Refused, 1_000, 12));
        assert_eq!(pace.limit(), 4);
        let mut rounds = 0;
        while pace.limit() < 16 {
            for _ in 0..pace.limit() {
                pace.ended(sample(Load::Borne, 5, 13));
            }
            rounds += 1;
        }
        assert!((12..=14).contains(&rounds), "{rounds}");
        pace.restart();
        assert_eq!(pace.limit(), 1);
    }

    #[test]
    fn slow_is_who_needs_more_than_two_seconds_at_the_95th_percentile() {
        let mut pace = Pace::new(16);
        assert!(!pace.is_slow());
        for second in 0..31 {
            pace.ended(sample(Load::Borne, 2_000, second));
        }
        pace.ended(sample(Load::Borne, 2_001, 40));
        assert!(!pace.is_slow(), "one of 32");
        pace.ended(sample(Load::Borne, 2_001, 50));
        assert!(pace.is_slow(), "two of 32");
        let mut fresh = Pace::new(16);
        fresh.ended(sample(Load::Refused, 15_000, 20));
        assert!(fresh.is_slow(), "the only one that is known");
    }

    #[test]
    fn brisk_is_who_bears_everything_and_answers_at_once() {
        let mut pace = Pace::new(16);
        for second in 0..8 {
            assert!(!pace.is_brisk(), "{second} are known");
            pace.ended(sample(Load::Borne, 100, second));
        }
        assert!(pace.is_brisk());
        for (spoiler, steady) in [
            (sample(Load::Borne, 101, 20), true),
            (sample(Load::Borne, 2_001, 20), false),
            (sample(Load::Refused, 1, 20), false),
        ] {
            let mut pace = pace.clone();
            pace.ended(spoiler);
            assert_eq!(pace.is_steady(), steady);
            for second in 21..21 + RECENT_MAX as i64 {
                assert!(!pace.is_brisk(), "at {second}");
                pace.ended(sample(Load::Borne, 1, second));
            }
            assert!(pace.is_steady(), "it is forgotten");
            while pace.limit() < 16 {
                assert!(!pace.is_brisk(), "{} at once", pace.limit());
                pace.ended(sample(Load::Borne, 1, 60));
            }
            assert!(pace.is_brisk());
        }
        pace.restart();
        assert!(!pace.is_brisk(), "one at a time");
    }

    proptest! {
        #[test]
        fn the_limit_stays_between_one_and_the_most(
            most in 1..40usize,
            samples in prop::collection::vec((0..3u8, 0..20_000u64, 0..100i64), 0..200),
        ) {
            let mut pace = Pace::new(most);
            for (load, millis, second) in samples {
                let load = [Load::Borne, Load::Refused, Load::Unknown][usize::from(load)];
                let before = pace.limit();
                pace.ended(sample(load, millis, second));
                prop_assert!((1..=most).contains(&pace.limit()));
                prop_assert!(pace.limit() <= before + 1, "no jump upwards");
            }
        }
    }
}
