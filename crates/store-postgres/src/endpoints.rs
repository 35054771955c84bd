//! Webhook endpoints.

use std::time::Duration;

use sfumato_core::endpoint::{
    Description, ENDPOINTS_PER_CLIENT_MAX, Endpoint, SigningSecret, Warning, WebhookToken,
};
use sfumato_core::store::{EndpointChange, News};
use sfumato_core::{ClientId, EndpointId, Sealed, StoreError, Timestamp};
use sfumato_store_rows::EndpointColumns;

use crate::locks;
use crate::queries;
use crate::rows;
use crate::sql::{Tx, execute, execute_one, query, query_one, text, value};

const NOT_FOUND: StoreError = StoreError::NotFound {
    what: "webhook endpoint",
};

fn description(endpoint: &Endpoint) -> Option<String> {
    endpoint.description.as_ref().map(Description::as_str).map(text)
}

pub(crate) async fn create(tx: &Tx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    locks::client(tx, endpoint.client).await?;
    let count: i64 = value(tx, queries::COUNT_ENDPOINTS, &[&endpoint.client.as_uuid()]).await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= ENDPOINTS_PER_CLIENT_MAX {
        return Err(StoreError::LimitReached {
            what: "webhook endpoints",
            max: ENDPOINTS_PER_CLIENT_MAX,
        });
    }
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        tx,
        "endpoints",
        queries::INSERT_ENDPOINT,
        &[
            &endpoint.id.as_uuid(),
            &endpoint.client.as_uuid(),
            &endpoint.url.as_str(),
            &description(endpoint),
            &endpoint.ack.as_str(),
            &endpoint.keep_responses,
            &columns.token,
            &columns.old_token,
            &columns.old_token_until,
            &columns.signing_secret,
            &columns.old_secret,
            &columns.old_secret_until,
            &columns.state,
            &columns.held_since,
            &columns.held_reason,
            &columns.next_probe_at,
            &i64::from(endpoint.health.consecutive_failures),
            &endpoint.health.failing_since.map(Timestamp::as_micros),
            &endpoint.health.last_success_at.map(Timestamp::as_micros),
            &endpoint.health.paused_until.map(Timestamp::as_micros),
            &endpoint.created_at.as_micros(),
            &endpoint.updated_at.as_micros(),
        ],
    )
    .await
}

pub(crate) async fn of_client(tx: &Tx<'_>, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
    query(tx, queries::ENDPOINTS, &[&client.as_uuid()], rows::endpoint).await
}

/// One endpoint of a client.
pub(crate) async fn of_client_by_id(
    tx: &Tx<'_>,
    client: ClientId,
    id: EndpointId,
) -> Result<Endpoint, StoreError> {
    let (id, client) = (id.as_uuid(), client.as_uuid());
    query_one(tx, queries::ENDPOINT, &[&id, &client], rows::endpoint)
        .await?
        .ok_or(NOT_FOUND)
}

/// The same, to be written.
async fn hold(tx: &Tx<'_>, client: ClientId, id: EndpointId) -> Result<Endpoint, StoreError> {
    locks::endpoints(tx, [id].into()).await?;
    of_client_by_id(tx, client, id).await
}

pub(crate) async fn for_courier(tx: &Tx<'_>, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
    query_one(
        tx,
        queries::ENDPOINT_FOR_COURIER,
        &[&id.as_uuid()],
        rows::endpoint,
    )
    .await
}

/// Writes what happens to an endpoint. The caller holds it since before it was read.
pub(crate) async fn write(tx: &Tx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        tx,
        "endpoints",
        queries::UPDATE_ENDPOINT,
        &[
            &endpoint.id.as_uuid(),
            &endpoint.url.as_str(),
            &columns.state,
            &columns.held_since,
            &columns.held_reason,
            &columns.next_probe_at,
            &i64::from(endpoint.health.consecutive_failures),
            &endpoint.health.failing_since.map(Timestamp::as_micros),
            &endpoint.health.last_success_at.map(Timestamp::as_micros),
            &endpoint.health.paused_until.map(Timestamp::as_micros),
            &endpoint.updated_at.as_micros(),
            &endpoint.health.warned.map(Warning::as_str),
            &endpoint.health.recovering_since.map(Timestamp::as_micros),
            &i64::try_from(endpoint.health.overflowed).unwrap_or(i64::MAX),
        ],
    )
    .await
}

pub(crate) async fn update(
    tx: &Tx<'_>,
    client: ClientId,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, StoreError> {
    let now = tx.now();
    let mut endpoint = hold(tx, client, id).await?;
    let switched_on = change.apply(&mut endpoint);
    if switched_on {
        let pull = queries::PULL_DELIVERIES_FORWARD;
        execute(tx, pull, &[&id.as_uuid(), &now.as_micros()]).await?;
    }
    let changed = changed(tx, endpoint).await?;
    if switched_on {
        tx.gather(News::Waiting(id));
    }
    Ok(changed)
}

async fn write_settings(tx: &Tx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        tx,
        "endpoints",
        queries::UPDATE_ENDPOINT_SETTINGS,
        &[
            &endpoint.id.as_uuid(),
            &description(endpoint),
            &endpoint.ack.as_str(),
            &endpoint.keep_responses,
            &columns.token,
            &columns.old_token,
            &columns.old_token_until,
            &columns.signing_secret,
            &columns.old_secret,
            &columns.old_secret_until,
        ],
    )
    .await
}

/// A new credential.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    Token(Sealed<WebhookToken>),
    SigningSecret(Sealed<SigningSecret>),
}

pub(crate) async fn rotate(
    tx: &Tx<'_>,
    client: ClientId,
    id: EndpointId,
    next: &Credential,
    overlap: Duration,
) -> Result<Endpoint, StoreError> {
    let now = tx.now();
    let under_way = |_| StoreError::UnderWay { what: "a rotation" };
    let mut endpoint = hold(tx, client, id).await?;
    match next {
        Credential::Token(next) => {
            endpoint.token = endpoint
                .token
                .rotate(next.clone(), overlap, now)
                .map_err(under_way)?;
        }
        Credential::SigningSecret(next) => {
            endpoint.signing_secret = endpoint
                .signing_secret
                .rotate(next.clone(), overlap, now)
                .map_err(under_way)?;
        }
    }
    changed(tx, endpoint).await
}

pub(crate) async fn settle(tx: &Tx<'_>, client: ClientId, id: EndpointId) -> Result<Endpoint, StoreError> {
    let mut endpoint = hold(tx, client, id).await?;
    endpoint.token = endpoint.token.settled();
    endpoint.signing_secret = endpoint.signing_secret.settled();
    changed(tx, endpoint).await
}

async fn changed(tx: &Tx<'_>, mut endpoint: Endpoint) -> Result<Endpoint, StoreError> {
    endpoint.updated_at = tx.now();
    write(tx, &endpoint).await?;
    write_settings(tx, &endpoint).await?;
    tx.gather(News::Changed(endpoint.id));
    Ok(endpoint)
}

pub(crate) async fn forget_rotated(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    execute(tx, queries::FORGET_ROTATED, &[&now.as_micros()]).await
}

/// Waits for everybody who is writing deliveries to the endpoint: what they write is dropped, too.
pub(crate) async fn delete(
    tx: &Tx<'_>,
    client: ClientId,
    id: EndpointId,
    now: Timestamp,
) -> Result<(), StoreError> {
    locks::endpoint_for_deletion(tx, id).await?;
    let (endpoint, client, now) = (id.as_uuid(), client.as_uuid(), now.as_micros());
    if execute(tx, queries::DELETE_ENDPOINT, &[&endpoint, &client, &now]).await? == 0 {
        return Err(NOT_FOUND);
    }
    execute(tx, queries::CANCEL_REPLAYS_OF_ENDPOINT, &[&endpoint, &now]).await?;
    execute(tx, queries::DROP_DELIVERIES_OF_ENDPOINT, &[&endpoint, &now]).await?;
    tx.gather(News::Gone(id));
    Ok(())
}
