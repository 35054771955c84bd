//! Deliveries as their client looks back on them.

use crate::delivery::{Attempt, Delivery};
use crate::event::{Event, EventPosition};
use crate::id::JobId;
use crate::replay::Standing;
use crate::time::Timestamp;

/// A delivery with its history.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryRecord {
    /// The delivery.
    pub delivery: Delivery,
    /// What it tells.
    pub event: Event,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// Which deliveries of an endpoint are wanted. `None` wants all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those that stand so; [`Standing::Missing`] finds none.
    pub standing: Option<Standing>,
    /// Those of one job.
    pub job: Option<JobId>,
    /// Those of events from this time on.
    pub since: Option<Timestamp>,
}

/// Some deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryPage {
    /// Newest event first, each with its event's position.
    pub records: Vec<(EventPosition, DeliveryRecord)>,
    /// Where to go on; `None` at the end. A page may be short, or empty, and not be the last.
    pub next: Option<EventPosition>,
}
