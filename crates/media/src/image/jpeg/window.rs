//! A part of a picture, in units.

use std::ops::Range;

/// Columns and rows of units. A unit holds as many blocks of each component as its sampling factors say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Window {
    /// Whether they share a unit.
    pub(super) const fn meets(&self, other: &Self) -> bool {
        self.columns.start < other.columns.end
            && other.columns.start < self.columns.end
            && self.rows.start < other.rows.end
            && other.rows.start < self.rows.end
    }

    /// The least window that holds both.
    pub(super) fn union(&self, other: &Self) -> Self {
        let hull = |a: &Range<usize>, b: &Range<usize>| a.start.min(b.start)..a.end.max(b.end);
        Self {
            columns: hull(&self.columns, &other.columns),
            rows: hull(&self.rows, &other.rows),
        }
    }
}

/// The blocks of a component in some units, without those that only fill the last units up.
pub(super) fn block_range(units: &Range<usize>, sampling: usize, blocks: usize) -> Range<usize> {
    (units.start * sampling).min(blocks)..(units.end * sampling).min(blocks)
}
