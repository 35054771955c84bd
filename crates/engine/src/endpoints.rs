//! A client's webhook endpoints.

use sfumato_core::endpoint::{
    Endpoint, EndpointHealth, EndpointState, SigningSecret, WebhookToken, WebhookUrl,
};
use sfumato_core::store::EndpointChange;
use sfumato_core::{DeliveryId, EndpointId, JobId, PublicJobId, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::guard::{self, RefusedUrl};
use crate::outbound::{Exchange, WebhookMessage};

/// Why an endpoint was not made or changed.
#[derive(Debug, Error)]
pub enum EndpointError {
    /// The URL may not be called.
    #[error(transparent)]
    Url(#[from] RefusedUrl),
    /// The database refused or cannot answer: `NotFound`, `LimitReached` or worse.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// The caller's endpoints, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn endpoints(&self, caller: &Caller) -> Result<Vec<Endpoint>, StoreError> {
        self.inner().store.endpoints(caller.client).await
    }

    /// One endpoint of the caller.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn endpoint(&self, caller: &Caller, id: EndpointId) -> Result<Endpoint, StoreError> {
        let endpoints = self.endpoints(caller).await?;
        endpoints
            .into_iter()
            .find(|endpoint| endpoint.id == id)
            .ok_or(StoreError::NotFound {
                what: "webhook endpoint",
            })
    }

    /// Adds an endpoint with a fresh token and signing secret. The URL's syntax and a literal address are judged here;
    /// names are judged when they are resolved.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn create_endpoint(&self, caller: &Caller, url: &str) -> Result<Endpoint, EndpointError> {
        let inner = self.inner();
        guard::judge_url(url, &inner.settings.addresses)?;
        let now = inner.clock.now();
        let endpoint = Endpoint {
            id: EndpointId::new(&*inner.clock, &*inner.entropy),
            client: caller.client,
            url: WebhookUrl::from_judged(url),
            token: WebhookToken::generate(&*inner.entropy),
            signing_secret: SigningSecret::generate(&*inner.entropy),
            state: EndpointState::Active,
            health: EndpointHealth::default(),
            created_at: now,
            updated_at: now,
        };
        inner.store.create_endpoint(&endpoint).await?;
        Ok(endpoint)
    }

    /// Changes an endpoint's URL, or switches it on or off.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn update_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        url: Option<&str>,
        active: Option<bool>,
    ) -> Result<Endpoint, EndpointError> {
        let inner = self.inner();
        if let Some(url) = url {
            guard::judge_url(url, &inner.settings.addresses)?;
        }
        let change = EndpointChange {
            url: url.map(WebhookUrl::from_judged),
            active,
        };
        let endpoint = inner.store.update_endpoint(caller.client, id, change).await?;
        inner.signals.deliveries.notify_one();
        Ok(endpoint)
    }

    /// Deletes an endpoint; what was on its way to it is dropped.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_endpoint(&self, caller: &Caller, id: EndpointId) -> Result<(), StoreError> {
        self.inner().store.delete_endpoint(caller.client, id).await
    }

    /// Sends one real POST with a made-up job to an endpoint now, and returns the whole exchange. It is no delivery: it
    /// changes neither the endpoint's health nor any event.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn test_endpoint(&self, caller: &Caller, id: EndpointId) -> Result<Exchange, StoreError> {
        let inner = self.inner();
        let endpoint = self.endpoint(caller, id).await?;
        let job = PublicJobId {
            client: caller.client,
            job: JobId::new(&*inner.clock, &*inner.entropy),
        };
        let message = WebhookMessage::new(
            DeliveryId::new(&*inner.clock, &*inner.entropy),
            job,
            sfumato_core::EventStatus::Sent,
            1,
            1,
            &endpoint,
            inner.clock.now(),
        );
        Ok(inner.outbound.send_afresh(&message).await)
    }
}
