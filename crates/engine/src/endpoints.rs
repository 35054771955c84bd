//! A client's webhook endpoints.

use std::time::Duration;

use sfumato_core::endpoint::{
    AckPolicy, Description, Endpoint, EndpointHealth, EndpointState, SigningSecret, WebhookToken, WebhookUrl,
};
use sfumato_core::store::EndpointChange;
use sfumato_core::{DeliveryId, EndpointId, EventStatus, JobId, PublicJobId, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::guard::{self, RefusedUrl};
use crate::outbound::{Addressee, Exchange, WebhookMessage};

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

/// What a client may say of a new endpoint beside its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// What acknowledges.
    pub ack: AckPolicy,
    /// What it is called.
    pub description: Option<Description>,
    /// Whether the first bytes of its answers are kept.
    pub keep_responses: bool,
}

impl Default for NewEndpoint {
    fn default() -> Self {
        Self {
            ack: AckPolicy::default(),
            description: None,
            keep_responses: true,
        }
    }
}

/// A wish to change an endpoint; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointWish<'a> {
    /// Another URL, not judged yet.
    pub url: Option<&'a str>,
    /// On or off.
    pub active: Option<bool>,
    /// What acknowledges.
    pub ack: Option<AckPolicy>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Whether the first bytes of its answers are kept.
    pub keep_responses: Option<bool>,
}

/// A test of an endpoint: what was sent, and the whole exchange.
#[derive(Clone, Debug)]
pub struct EndpointTest {
    /// The made-up job, as its `taskId`.
    pub job: PublicJobId,
    /// The `webhook-id`.
    pub delivery: DeliveryId,
    /// What was sent. Two of its headers are secrets.
    pub request: WebhookMessage,
    /// What happened.
    pub exchange: Exchange,
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

    /// Adds an endpoint with a fresh token and signing secret, and the usual settings. The URL's syntax and a literal
    /// address are judged here; names are judged when they are resolved.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn create_endpoint(&self, caller: &Caller, url: &str) -> Result<Endpoint, EndpointError> {
        self.create_endpoint_with(caller, url, NewEndpoint::default())
            .await
    }

    /// The same with settings.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn create_endpoint_with(
        &self,
        caller: &Caller,
        url: &str,
        settings: NewEndpoint,
    ) -> Result<Endpoint, EndpointError> {
        let inner = self.inner();
        guard::judge_url(url, &inner.settings.addresses)?;
        let now = inner.clock.now();
        let id = EndpointId::new(&*inner.clock, &*inner.entropy);
        let (token, secret) = inner.keys.vault.generate(id, &*inner.entropy);
        let endpoint = Endpoint {
            id,
            client: caller.client,
            url: WebhookUrl::from_judged(url),
            description: settings.description,
            ack: settings.ack,
            keep_responses: settings.keep_responses,
            token: token.into(),
            signing_secret: secret.into(),
            state: EndpointState::Active,
            health: EndpointHealth::default(),
            created_at: now,
            updated_at: now,
        };
        inner.store.create_endpoint(&endpoint).await?;
        Ok(endpoint)
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub async fn update_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        wish: EndpointWish<'_>,
    ) -> Result<Endpoint, EndpointError> {
        let inner = self.inner();
        if let Some(url) = wish.url {
            guard::judge_url(url, &inner.settings.addresses)?;
        }
        let change = EndpointChange {
            url: wish.url.map(WebhookUrl::from_judged),
            active: wish.active,
            ack: wish.ack,
            description: wish.description,
            keep_responses: wish.keep_responses,
        };
        let endpoint = inner.store.update_endpoint(caller.client, id, change).await?;
        inner.signals.deliveries.notify_one();
        Ok(endpoint)
    }

    /// Gives an endpoint a new token; the present one goes on being sent for `overlap`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::UnderWay`] where an overlap has not ended and this one asks for another.
    pub async fn rotate_token(
        &self,
        caller: &Caller,
        id: EndpointId,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError> {
        let inner = self.inner();
        let token = WebhookToken::generate(&*inner.entropy);
        let token = inner.keys.vault.seal_token(id, &token, &*inner.entropy);
        let endpoint = inner
            .store
            .rotate_token(caller.client, id, &token, overlap)
            .await?;
        tracing::info!(endpoint.id = %id, overlap_s = overlap.as_secs(), "the token of an endpoint was rotated");
        Ok(endpoint)
    }

    /// Gives an endpoint a new signing secret; the present one goes on signing beside it for `overlap`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::UnderWay`] where an overlap has not ended and this one asks for another.
    pub async fn rotate_signing_secret(
        &self,
        caller: &Caller,
        id: EndpointId,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError> {
        let inner = self.inner();
        let secret = SigningSecret::generate(&*inner.entropy);
        let secret = inner.keys.vault.seal_signing_secret(id, &secret, &*inner.entropy);
        let endpoint = inner
            .store
            .rotate_signing_secret(caller.client, id, &secret, overlap)
            .await?;
        tracing::info!(endpoint.id = %id, overlap_s = overlap.as_secs(), "the signing secret of an endpoint was rotated");
        Ok(endpoint)
    }

    /// Ends the overlap of an endpoint's rotations now: its old token and secret are forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn settle_rotations(&self, caller: &Caller, id: EndpointId) -> Result<Endpoint, StoreError> {
        self.inner().store.settle_rotations(caller.client, id).await
    }

    /// What is kept of an endpoint's answer: its first bytes, unless operator or client want none kept.
    pub(crate) fn kept_response(&self, endpoint: &Endpoint, exchange: &Exchange) -> Option<Vec<u8>> {
        let kept = self.settings().keep_responses && endpoint.keep_responses;
        exchange.status.filter(|_| kept).map(|_| exchange.body.clone())
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
    pub async fn test_endpoint(&self, caller: &Caller, id: EndpointId) -> Result<EndpointTest, StoreError> {
        let inner = self.inner();
        let endpoint = self.endpoint(caller, id).await?;
        let job = PublicJobId {
            client: caller.client,
            job: JobId::new(&*inner.clock, &*inner.entropy),
        };
        let delivery = DeliveryId::new(&*inner.clock, &*inner.entropy);
        let now = inner.clock.now();
        let to = Addressee {
            url: &endpoint.url,
            ack: endpoint.ack,
            credentials: &self.credentials(&endpoint)?,
        };
        let message = WebhookMessage::new(delivery, job, EventStatus::Sent, 1, 1, &to, now);
        let exchange = inner.outbound.send_afresh(&message).await;
        Ok(EndpointTest {
            job,
            delivery,
            request: message,
            exchange,
        })
    }
}
