//! Webhook endpoints.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::endpoint::{
    Description, ENDPOINTS_PER_CLIENT_MAX, Endpoint, SigningSecret, Warning, WebhookToken,
};
use sfumato_core::store::{EndpointChange, News};
use sfumato_core::{ClientId, EndpointId, Sealed, StoreError, Timestamp};
use sfumato_store_rows::EndpointColumns;

use crate::queries;
use crate::rows::{self, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

const NOT_FOUND: StoreError = StoreError::NotFound {
    what: "webhook endpoint",
};

pub(crate) fn create(conn: &Connection, endpoint: &Endpoint) -> Result<(), StoreError> {
    let count: i64 = query_one(
        conn,
        queries::COUNT_ENDPOINTS,
        [key(endpoint.client.as_uuid())],
        |row| row.get(0).map_err(unavailable),
    )?
    .unwrap_or(0);
    if usize::try_from(count).unwrap_or(usize::MAX) >= ENDPOINTS_PER_CLIENT_MAX {
        return Err(StoreError::LimitReached {
            what: "webhook endpoints",
            max: ENDPOINTS_PER_CLIENT_MAX,
        });
    }
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        conn,
        "endpoints",
        queries::INSERT_ENDPOINT,
        params![
            key(endpoint.id.as_uuid()),
            key(endpoint.client.as_uuid()),
            endpoint.url.as_str(),
            endpoint.description.as_ref().map(Description::as_str),
            endpoint.ack.as_str(),
            endpoint.keep_responses,
            columns.token,
            columns.old_token,
            columns.old_token_until,
            columns.signing_secret,
            columns.old_secret,
            columns.old_secret_until,
            columns.state,
            columns.held_since,
            columns.held_reason,
            columns.next_probe_at,
            endpoint.health.consecutive_failures,
            endpoint.health.failing_since.map(Timestamp::as_micros),
            endpoint.health.last_success_at.map(Timestamp::as_micros),
            endpoint.health.paused_until.map(Timestamp::as_micros),
            endpoint.created_at.as_micros(),
            endpoint.updated_at.as_micros(),
        ],
    )
}

pub(crate) fn of_client(conn: &Connection, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
    query(conn, queries::ENDPOINTS, [key(client.as_uuid())], rows::endpoint)
}

/// One endpoint of a client.
pub(crate) fn of_client_by_id(
    conn: &Connection,
    client: ClientId,
    id: EndpointId,
) -> Result<Endpoint, StoreError> {
    let params = [key(id.as_uuid()), key(client.as_uuid())];
    query_one(conn, queries::ENDPOINT, params, rows::endpoint)?.ok_or(NOT_FOUND)
}

pub(crate) fn for_courier(conn: &Connection, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
    query_one(
        conn,
        queries::ENDPOINT_FOR_COURIER,
        [key(id.as_uuid())],
        rows::endpoint,
    )
}

pub(crate) fn write(conn: &Connection, endpoint: &Endpoint) -> Result<(), StoreError> {
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        conn,
        "endpoints",
        queries::UPDATE_ENDPOINT,
        params![
            key(endpoint.id.as_uuid()),
            endpoint.url.as_str(),
            columns.state,
            columns.held_since,
            columns.held_reason,
            columns.next_probe_at,
            endpoint.health.consecutive_failures,
            endpoint.health.failing_since.map(Timestamp::as_micros),
            endpoint.health.last_success_at.map(Timestamp::as_micros),
            endpoint.health.paused_until.map(Timestamp::as_micros),
            endpoint.updated_at.as_micros(),
            endpoint.health.warned.map(Warning::as_str),
            endpoint.health.recovering_since.map(Timestamp::as_micros),
            i64::try_from(endpoint.health.overflowed).unwrap_or(i64::MAX),
        ],
    )
}

/// Makes every waiting delivery of an endpoint due.
pub(crate) fn pull_forward(conn: &Connection, id: EndpointId, now: Timestamp) -> Result<(), StoreError> {
    execute(
        conn,
        queries::PULL_DELIVERIES_FORWARD,
        params![key(id.as_uuid()), now.as_micros()],
    )?;
    Ok(())
}

pub(crate) fn update(
    conn: &Connection,
    sources: &Sources,
    client: ClientId,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, StoreError> {
    let now = sources.clock.now();
    let mut endpoint = of_client_by_id(conn, client, id)?;
    if change.apply(&mut endpoint) {
        pull_forward(conn, id, now)?;
    }
    changed(conn, sources, endpoint)
}

fn write_settings(conn: &Connection, endpoint: &Endpoint) -> Result<(), StoreError> {
    let columns = EndpointColumns::of(endpoint);
    execute_one(
        conn,
        "endpoints",
        queries::UPDATE_ENDPOINT_SETTINGS,
        params![
            key(endpoint.id.as_uuid()),
            endpoint.description.as_ref().map(Description::as_str),
            endpoint.ack.as_str(),
            endpoint.keep_responses,
            columns.token,
            columns.old_token,
            columns.old_token_until,
            columns.signing_secret,
            columns.old_secret,
            columns.old_secret_until,
        ],
    )
}

/// A new credential.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    Token(Sealed<WebhookToken>),
    SigningSecret(Sealed<SigningSecret>),
}

pub(crate) fn rotate(
    conn: &Connection,
    sources: &Sources,
    client: ClientId,
    id: EndpointId,
    next: Credential,
    overlap: Duration,
) -> Result<Endpoint, StoreError> {
    let now = sources.clock.now();
    let under_way = |_| StoreError::UnderWay { what: "a rotation" };
    let mut endpoint = of_client_by_id(conn, client, id)?;
    match next {
        Credential::Token(next) => {
            endpoint.token = endpoint.token.rotate(next, overlap, now).map_err(under_way)?;
        }
        Credential::SigningSecret(next) => {
            endpoint.signing_secret = endpoint
                .signing_secret
                .rotate(next, overlap, now)
                .map_err(under_way)?;
        }
    }
    changed(conn, sources, endpoint)
}

pub(crate) fn settle(
    conn: &Connection,
    sources: &Sources,
    client: ClientId,
    id: EndpointId,
) -> Result<Endpoint, StoreError> {
    let mut endpoint = of_client_by_id(conn, client, id)?;
    endpoint.token = endpoint.token.settled();
    endpoint.signing_secret = endpoint.signing_secret.settled();
    changed(conn, sources, endpoint)
}

fn changed(conn: &Connection, sources: &Sources, mut endpoint: Endpoint) -> Result<Endpoint, StoreError> {
    endpoint.updated_at = sources.clock.now();
    write(conn, &endpoint)?;
    write_settings(conn, &endpoint)?;
    sources.hook.gather(News::Changed(endpoint.id));
    Ok(endpoint)
}

pub(crate) fn forget_rotated(conn: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    execute(conn, queries::FORGET_ROTATED, [now.as_micros()]).map(|count| count as u64)
}

pub(crate) fn delete(
    conn: &Connection,
    client: ClientId,
    id: EndpointId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = params![key(id.as_uuid()), key(client.as_uuid()), now.as_micros()];
    if execute(conn, queries::DELETE_ENDPOINT, params)? == 0 {
        return Err(NOT_FOUND);
    }
    execute(
        conn,
        queries::CANCEL_REPLAYS_OF_ENDPOINT,
        params![key(id.as_uuid()), now.as_micros()],
    )?;
    execute(
        conn,
        queries::DROP_DELIVERIES_OF_ENDPOINT,
        params![key(id.as_uuid()), now.as_micros()],
    )?;
    Ok(())
}
