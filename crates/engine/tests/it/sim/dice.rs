//! The choices of a run: they follow from its seed.

use sfumato_core::Entropy;
use sfumato_core::time::random;
use sfumato_testkit::SimEntropy;

/// A source of choices.
pub(super) struct Dice(SimEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SimEntropy::new(seed))
    }

    /// A number from 0 to `limit` - 1.
    pub(super) fn below(&self, limit: u64) -> u64 {
        u64::from_le_bytes(random(&self.0 as &dyn Entropy)) % limit
    }

    pub(super) fn pick<T: Copy>(&self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize])
    }
}
