//! What became of the deliveries of an endpoint, and one of them once more.

use sfumato_core::delivery::Delivery;
use sfumato_core::store::{DeliveryFilter, DeliveryRecord};
use sfumato_core::{DeliveryId, EndpointId, StoreError};

use crate::Engine;
use crate::access::Caller;
use crate::events::EventsError;

/// Deliveries of one answer at most.
pub const DELIVERIES_MAX: usize = 100;

/// Some deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryList {
    /// Newest event first.
    pub records: Vec<DeliveryRecord>,
    /// Where to go on; `None` at the end. A list may be short, or empty, and not be the last.
    pub next: Option<String>,
}

impl Engine {
    /// Up to `limit` deliveries of one of the caller's endpoints (at most [`DELIVERIES_MAX`]), from the newest on or from
    /// where an earlier list ended.
    ///
    /// # Errors
    /// [`EventsError::UnknownCursor`]; [`StoreError::NotFound`] in [`EventsError::Store`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<DeliveryList, EventsError> {
        let before = cursor
            .map(|cursor| self.open_cursor(caller, cursor))
            .transpose()?;
        let limit = limit.clamp(1, DELIVERIES_MAX);
        let page = self
            .inner()
            .store
            .deliveries_of_endpoint(caller.client, endpoint, filter, before, limit)
            .await?;
        Ok(DeliveryList {
            records: page.records.into_iter().map(|(_, record)| record).collect(),
            next: page.next.map(|next| self.seal_cursor(caller, next)),
        })
    }

    /// One delivery of one of the caller's endpoints.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delivery(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<DeliveryRecord, StoreError> {
        let store = &self.inner().store;
        store
            .delivery_of_endpoint(caller.client, endpoint, delivery)
            .await?
            .ok_or(StoreError::NotFound { what: "delivery" })
    }

    /// Sends a delivery again, whatever became of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn resend(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<Delivery, StoreError> {
        let inner = self.inner();
        self.delivery(caller, endpoint, delivery).await?;
        let resent = inner.store.resend_delivery(caller.client, delivery).await?;
        inner.signals.deliveries.notify_one();
        tracing::info!(delivery.id = %delivery, endpoint.id = %endpoint, "a delivery is sent again on request");
        Ok(resent)
    }
}
