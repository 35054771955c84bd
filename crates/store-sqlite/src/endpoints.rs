//! Webhook endpoints.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::endpoint::{
    Description, ENDPOINTS_PER_CLIENT_MAX, Endpoint, EndpointHealth, EndpointState, SigningSecret, Warning,
    WebhookToken,
};
use sfumato_core::store::{EndpointChange, News};
use sfumato_core::{ClientId, EndpointId, Sealed, StoreError, Timestamp};

use crate::queries;
use crate::rows::{self, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

const NOT_FOUND: StoreError = StoreError::NotFound {
    what: "webhook endpoint",
};

struct Held {
    name: &'static str,
    since: Option<i64>,
    reason: Option<&'static str>,
    next_probe_at: Option<i64>,
}

fn columns(state: &EndpointState) -> Held {
    let not_held = |name| Held {
        name,
        since: None,
        reason: None,
        next_probe_at: None,
    };
    match state {
        EndpointState::Active => not_held("active"),
        EndpointState::Disabled => not_held("disabled"),
        EndpointState::Held {
            since,
            reason,
            next_probe_at,
        } => Held {
            name: "held",
            since: Some(since.as_micros()),
            reason: Some(reason.as_str()),
            next_probe_at: Some(next_probe_at.as_micros()),
        },
    }
}

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
    let held = columns(&endpoint.state);
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
            endpoint.token.current.as_bytes(),
            endpoint
                .token
                .previous
                .as_ref()
                .map(|(token, _)| token.as_bytes()),
            endpoint
                .token
                .previous
                .as_ref()
                .map(|(_, until)| until.as_micros()),
            endpoint.signing_secret.current.as_bytes(),
            endpoint
                .signing_secret
                .previous
                .as_ref()
                .map(|(secret, _)| secret.as_bytes()),
            endpoint
                .signing_secret
                .previous
                .as_ref()
                .map(|(_, until)| until.as_micros()),
            held.name,
            held.since,
            held.reason,
            held.next_probe_at,
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
    let held = columns(&endpoint.state);
    execute_one(
        conn,
        "endpoints",
        queries::UPDATE_ENDPOINT,
        params![
            key(endpoint.id.as_uuid()),
            endpoint.url.as_str(),
            held.name,
            held.since,
            held.reason,
            held.next_probe_at,
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
    if let Some(url) = change.url {
        endpoint.url = url;
    }
    if let Some(ack) = change.ack {
        endpoint.ack = ack;
    }
    if let Some(description) = change.description {
        endpoint.description = description;
    }
    if let Some(keep) = change.keep_responses {
        endpoint.keep_responses = keep;
    }
    match change.active {
        Some(true) => {
            endpoint.state = EndpointState::Active;
            endpoint.health = EndpointHealth {
                last_success_at: endpoint.health.last_success_at,
                overflowed: endpoint.health.overflowed,
                ..EndpointHealth::default()
            };
            pull_forward(conn, id, now)?;
        }
        Some(false) => endpoint.state = EndpointState::Disabled,
        None => {}
    }
    changed(conn, sources, endpoint)
}

fn write_settings(conn: &Connection, endpoint: &Endpoint) -> Result<(), StoreError> {
    let (token, secret) = (&endpoint.token, &endpoint.signing_secret);
    execute_one(
        conn,
        "endpoints",
        queries::UPDATE_ENDPOINT_SETTINGS,
        params![
            key(endpoint.id.as_uuid()),
            endpoint.description.as_ref().map(Description::as_str),
            endpoint.ack.as_str(),
            endpoint.keep_responses,
            token.current.as_bytes(),
            token.previous.as_ref().map(|(token, _)| token.as_bytes()),
            token.previous.as_ref().map(|(_, until)| until.as_micros()),
            secret.current.as_bytes(),
            secret.previous.as_ref().map(|(secret, _)| secret.as_bytes()),
            secret.previous.as_ref().map(|(_, until)| until.as_micros()),
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
