//! Deliveries that are leased and have not departed: most of them leave at once, some wait for a place of their endpoint.
//! If the process dies, their leases are void at the next start, and nobody has seen them.

use std::collections::{HashMap, VecDeque};

use sfumato_core::delivery::DeliveryLease;
use sfumato_core::endpoint::EndpointState;
use sfumato_core::store::Dispatch;
use sfumato_core::{DeliveryId, EndpointId};

/// What waits, by endpoint, and what is not needed after all.
#[derive(Default)]
pub(super) struct Queues {
    by_endpoint: HashMap<EndpointId, VecDeque<Dispatch>>,
    unneeded: Vec<(DeliveryId, DeliveryLease)>,
}

impl Queues {
    /// Adds one: at the end, or before the others where a person asked for it or it is a probe.
    pub(super) fn push(&mut self, dispatch: Dispatch) {
        let first = dispatch.delivery.urgent || matches!(dispatch.endpoint.state, EndpointState::Held { .. });
        let queue = self.by_endpoint.entry(dispatch.endpoint.id).or_default();
        if first {
            queue.push_front(dispatch);
        } else {
            queue.push_back(dispatch);
        }
    }

    pub(super) fn has(&self, endpoint: EndpointId) -> bool {
        self.by_endpoint.contains_key(&endpoint)
    }

    pub(super) fn pop(&mut self, endpoint: EndpointId) -> Option<Dispatch> {
        let queue = self.by_endpoint.get_mut(&endpoint)?;
        let first = queue.pop_front();
        if queue.is_empty() {
            self.by_endpoint.remove(&endpoint);
        }
        first
    }

    /// One that was taken is not sent: its lease is to be given back.
    pub(super) fn is_unneeded(&mut self, dispatch: &Dispatch) {
        self.unneeded.push((dispatch.delivery.id, dispatch.lease));
    }

    /// The same for all of an endpoint. Returns how many.
    pub(super) fn hand_back(&mut self, endpoint: EndpointId) -> usize {
        let all = self.by_endpoint.remove(&endpoint).unwrap_or_default();
        all.iter().for_each(|dispatch| self.is_unneeded(dispatch));
        all.len()
    }

    /// The leases that are to be given back now, each once.
    pub(super) fn unneeded(&mut self) -> Option<Vec<(DeliveryId, DeliveryLease)>> {
        (!self.unneeded.is_empty()).then(|| std::mem::take(&mut self.unneeded))
    }
}
