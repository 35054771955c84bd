//! What a store and a courier say to each other: which deliveries are wanted, leased, ended and recorded.

use std::time::Duration;

use crate::delivery::{Attempt, Delivery, DeliveryLease, DeliveryState};
use crate::endpoint::{Endpoint, HoldReason, Warning};
use crate::event::Event;
use crate::id::{DeliveryId, EndpointId, WorkerId};
use crate::time::Timestamp;

/// A claimed delivery with all that is needed to send it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The delivery; its state is `Sending`.
    pub delivery: Delivery,
    /// The lease to record the attempt with.
    pub lease: DeliveryLease,
    /// What to tell.
    pub event: Event,
    /// Whom to tell.
    pub endpoint: Endpoint,
}

/// How many more deliveries an endpoint may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Whom to send to.
    pub endpoint: EndpointId,
    /// How many at most.
    pub count: usize,
}

/// An endpoint at which something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub endpoint: EndpointId,
    /// When the first of it is due (now or in the past: at once), by the schedule, the endpoint's pause and its probes.
    pub due: Timestamp,
    /// Whether the endpoint is held: what is due is one probe.
    pub held: bool,
    /// Whether a person asked for one of them: it goes out whatever the endpoint has answered lately.
    pub urgent: bool,
    /// Failed attempts of the endpoint since its last success.
    pub consecutive_failures: u32,
}

/// What a claim came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claimed {
    /// What is leased now.
    pub dispatches: Vec<Dispatch>,
    /// What still waits at those of the named endpoints where something does.
    pub waiting: Vec<Waiting>,
}

/// An attempt that has ended, to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Which delivery was attempted.
    pub delivery: DeliveryId,
    /// By what right.
    pub lease: DeliveryLease,
    /// What came of it.
    pub attempt: Attempt,
    /// A random number from 0 to 1, for the schedule.
    pub jitter: f64,
}

/// What recording an attempt has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where the delivery stands.
    pub state: DeliveryState,
    /// The endpoint is held from now on.
    pub held: Option<HoldReason>,
    /// The endpoint was held and is active from now on.
    pub released: bool,
    /// The client is to be told of the endpoint's failures. Each warning is given once in a run of failures.
    pub warning: Option<Warning>,
}

/// The lease under which a delivery is written that goes out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Who holds it.
    pub worker: WorkerId,
    /// How long.
    pub lease_for: Duration,
}

/// What a transaction has left to do, told after its commit.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A delivery that was leased when it was made: it is to be sent.
    Leased(Box<Dispatch>),
    /// Something may be due at this endpoint.
    Waiting(EndpointId),
    /// The settings of this endpoint have changed: deliveries that are leased and not sent yet know the old ones.
    Changed(EndpointId),
    /// This endpoint has been deleted, and its deliveries are dropped.
    Gone(EndpointId),
}

/// Whoever sends, as a store sees it: asked when a delivery is made, told when it is committed.
///
/// It only saves a look into the database: what it misses is found by [`super::Store::waiting_endpoints`]. Called on the thread
/// that writes, so that it must not wait.
pub trait Courier: Send + Sync {
    /// A lease for one more delivery to this endpoint, if it can go out now or in a moment and nothing else is before it.
    fn admit(&self, endpoint: EndpointId) -> Option<Admission>;

    /// The transaction of an admitted delivery was rolled back: it is not to come.
    fn withdraw(&self, endpoint: EndpointId);

    /// A transaction has been committed.
    fn committed(&self, news: Vec<News>);
}
