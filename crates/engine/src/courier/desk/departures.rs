//! From a lease to a request on its way, or back.

use sfumato_core::store::Dispatch;
use sfumato_core::{DeliveryState, EndpointId, StoreError, Timestamp};
use tokio_util::sync::CancellationToken;

use super::super::board::Turn;
use super::Desk;

impl Desk {
    /// Sends a leased delivery, at once or when its endpoint has a place for it.
    pub(super) fn send(&mut self, dispatch: Dispatch, now: Timestamp) {
        let endpoint = dispatch.endpoint.id;
        self.queues.push(dispatch);
        self.advance(endpoint, now);
    }

    /// Sends what an endpoint has a place for.
    pub(super) fn advance(&mut self, endpoint: EndpointId, now: Timestamp) {
        while self.queues.has(endpoint) {
            let turn = self.ears.board().turn_of(endpoint, now);
            if turn == Turn::Wait {
                break;
            }
            let Some(dispatch) = self.queues.pop(endpoint) else {
                break;
            };
            match turn {
                Turn::Depart => self.depart(dispatch),
                Turn::HandBack => self.queues.is_unneeded(&dispatch),
                Turn::Drop | Turn::Wait => {}
            }
        }
    }

    fn depart(&mut self, dispatch: Dispatch) {
        let endpoint = dispatch.endpoint.id;
        self.ears
            .board()
            .goes_to(endpoint, dispatch.endpoint.url.as_str());
        let (engine, ears) = (self.engine.clone(), self.ears.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let flight = self.flying.spawn(async move {
            // A process that was frozen in between has lost it to another one.
            if ears.board().is_gone(endpoint) || is_lost(&dispatch, engine.now()) {
                return None;
            }
            Some(engine.fly(dispatch, stopped).await)
        });
        self.flights.insert(flight.id(), (endpoint, stop));
    }

    pub(super) fn begin_hand_back(&mut self) {
        if self.hand_back.is_none()
            && let Some(leases) = self.queues.unneeded()
        {
            let store = self.engine.inner().store.clone();
            self.hand_back = Some(Box::pin(async move { store.hand_back_unsent(leases).await }));
        }
    }

    pub(super) fn handed_back(&mut self, answer: Result<u64, StoreError>) {
        self.hand_back = None;
        if let Err(error) = answer {
            tracing::warn!(
                error = sfumato_core::chain(&error),
                "deliveries that were leased ahead wait until their leases expire"
            );
        }
    }
}

/// Whether the lease has ended, so that somebody else may be sending the delivery, or what comes after it.
fn is_lost(dispatch: &Dispatch, now: Timestamp) -> bool {
    match dispatch.delivery.state {
        DeliveryState::Sending { lease_expires_at, .. } => lease_expires_at <= now,
        _ => true,
    }
}
