//! The limits that the courier keeps.

use std::num::NonZeroU32;

/// How much may be on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In flight in all.
    pub(super) in_flight: usize,
    /// To one endpoint.
    pub(super) per_endpoint: usize,
    /// A second, to one endpoint.
    pub(super) per_second: Option<NonZeroU32>,
}

impl Limits {
    /// What the endpoints that are slow share.
    pub(super) fn slow(&self) -> usize {
        (self.in_flight / 4).max(1)
    }

    /// What may be leased ahead in all.
    pub(super) fn ahead(&self) -> usize {
        self.in_flight / 2
    }
}
