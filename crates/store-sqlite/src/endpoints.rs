//! Webhook endpoints.

use rusqlite::{Connection, params};
use sfumato_core::endpoint::{ENDPOINTS_PER_CLIENT_MAX, Endpoint, EndpointHealth, EndpointState, Warning};
use sfumato_core::store::EndpointChange;
use sfumato_core::{ClientId, EndpointId, StoreError, Timestamp};

use crate::queries;
use crate::rows::{self, key};
use crate::sql::{execute, execute_one, query, query_one, unavailable};

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
            endpoint.token.expose(),
            endpoint.signing_secret.as_bytes(),
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
    client: ClientId,
    id: EndpointId,
    change: EndpointChange,
    now: Timestamp,
) -> Result<Endpoint, StoreError> {
    let found = query_one(
        conn,
        queries::ENDPOINT,
        [key(id.as_uuid()), key(client.as_uuid())],
        rows::endpoint,
    )?;
    let mut endpoint = found.ok_or(StoreError::NotFound {
        what: "webhook endpoint",
    })?;
    endpoint.updated_at = now;
    if let Some(url) = change.url {
        endpoint.url = url;
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
    write(conn, &endpoint)?;
    Ok(endpoint)
}

pub(crate) fn delete(
    conn: &Connection,
    client: ClientId,
    id: EndpointId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = params![key(id.as_uuid()), key(client.as_uuid()), now.as_micros()];
    if execute(conn, queries::DELETE_ENDPOINT, params)? == 0 {
        return Err(StoreError::NotFound {
            what: "webhook endpoint",
        });
    }
    execute(
        conn,
        queries::DROP_DELIVERIES_OF_ENDPOINT,
        params![key(id.as_uuid()), now.as_micros()],
    )?;
    Ok(())
}
