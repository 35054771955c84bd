//! What the courier has done since the process began, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering};

use sfumato_core::delivery::{Attempt, Outcome};
use sfumato_core::store::Recorded;

/// Totals since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourierCounts {
    /// Attempts that were recorded, by outcome.
    pub attempts: Vec<(Outcome, u64)>,
    /// Of these, failed by a fault of ours.
    pub own_faults: u64,
    /// Warnings that an endpoint keeps failing.
    pub warnings: u64,
    /// Endpoints that were held.
    pub held: u64,
    /// Endpoints that were released by a success.
    pub released: u64,
    /// Circuit breakers that opened.
    pub breakers_opened: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    attempts: [AtomicU64; Outcome::ALL.len()],
    own_faults: AtomicU64,
    warnings: AtomicU64,
    held: AtomicU64,
    released: AtomicU64,
    breakers_opened: AtomicU64,
}

impl Counters {
    pub(super) fn recorded(&self, attempt: &Attempt, recorded: &Recorded) {
        for (outcome, counter) in Outcome::ALL.iter().zip(&self.attempts) {
            add(counter, *outcome == attempt.outcome);
        }
        add(&self.own_faults, attempt.ours);
        add(&self.warnings, recorded.warning.is_some());
        add(&self.held, recorded.held.is_some());
        add(&self.released, recorded.released);
    }

    pub(super) fn breaker_opened(&self) {
        add(&self.breakers_opened, true);
    }

    pub(crate) fn read(&self) -> CourierCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CourierCounts {
            attempts: Outcome::ALL
                .into_iter()
                .zip(self.attempts.iter().map(get))
                .collect(),
            own_faults: get(&self.own_faults),
            warnings: get(&self.warnings),
            held: get(&self.held),
            released: get(&self.released),
            breakers_opened: get(&self.breakers_opened),
        }
    }
}

fn add(counter: &AtomicU64, happened: bool) {
    if happened {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
