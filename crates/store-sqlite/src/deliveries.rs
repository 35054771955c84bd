//! Deliveries: recording attempts, and keeping the heads of the chains up to date.

use rusqlite::{Connection, Params, params};
use sfumato_core::delivery::{Attempt, Delivery, DeliveryLease, DeliveryState, Outcome, Resend, state_after};
use sfumato_core::endpoint::EndpointState;
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::schedule::{DELIVERY_LIFETIME, PROBE_INTERVAL, ends_outage, health_after, must_hold};
use sfumato_core::store::DeliveryRecord;
use sfumato_core::{ClientId, DeliveryId, EndpointId, JobId, StoreError, Timestamp};

use crate::endpoints;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, execute_one, query, query_one, unavailable};

pub(crate) fn event(conn: &Connection, delivery: &Delivery) -> Result<Event, StoreError> {
    query_one(conn, queries::EVENT, [key(delivery.event.as_uuid())], rows::event)?
        .ok_or_else(|| broken(delivery, "event", "it does not exist"))
}

pub(crate) fn broken(delivery: &Delivery, column: &'static str, why: &str) -> StoreError {
    StoreError::Corrupt {
        table: "deliveries",
        column,
        row: delivery.id.to_string(),
        why: why.into(),
    }
}

/// Writes a delivery, guarded by what was read; when it is closed, the next of its job and endpoint becomes the head.
pub(crate) fn write(
    conn: &Connection,
    before: (&Delivery, FencingToken),
    after: (&Delivery, FencingToken),
) -> Result<(), StoreError> {
    let (mut not_before, mut worker, mut expires_at, mut closed_at) = (None, None, None, None);
    match after.0.state {
        DeliveryState::Pending { not_before: at } => not_before = Some(at.as_micros()),
        DeliveryState::Sending {
            lease,
            lease_expires_at,
        } => {
            worker = Some(key(lease.worker.as_uuid()));
            expires_at = Some(lease_expires_at.as_micros());
        }
        DeliveryState::Delivered { at }
        | DeliveryState::Superseded { at }
        | DeliveryState::Expired { at }
        | DeliveryState::Dropped { at } => closed_at = Some(at.as_micros()),
    }
    execute_one(
        conn,
        "deliveries",
        queries::UPDATE_DELIVERY,
        params![
            key(before.0.id.as_uuid()),
            before.1.0,
            before.0.state.name(),
            after.0.attempts,
            after.1.0,
            after.0.state.name(),
            not_before,
            worker,
            expires_at,
            closed_at,
            after.0.failures,
            after.0.opened_at.as_micros(),
            after.0.urgent,
        ],
    )?;
    let was_sending = matches!(before.0.state, DeliveryState::Sending { .. });
    if after.0.state.is_closed() {
        promote(conn, after.0)?;
    } else if was_sending || before.0.state.is_closed() {
        elect(conn, after.0)?;
    }
    Ok(())
}

/// Makes the first open delivery of a chain its head, where none is.
fn promote(conn: &Connection, of: &Delivery) -> Result<(), StoreError> {
    let chain = [key(of.job.as_uuid()), key(of.endpoint.as_uuid())];
    execute(conn, queries::PROMOTE_DELIVERY, chain).map(drop)
}

/// The same where one was opened that may stand before the head, or the head came back from its way.
fn elect(conn: &Connection, of: &Delivery) -> Result<(), StoreError> {
    let chain = [key(of.job.as_uuid()), key(of.endpoint.as_uuid())];
    execute(conn, queries::RETIRE_HEAD, chain)?;
    promote(conn, of)
}

/// Opens a delivery of `client` again and makes it due; see [`Delivery::reopened`].
pub(crate) fn resend(
    conn: &Connection,
    client: ClientId,
    id: DeliveryId,
    how: Resend,
    now: Timestamp,
) -> Result<Delivery, StoreError> {
    let params = [key(id.as_uuid()), key(client.as_uuid())];
    let (before, claims) = query_one(conn, queries::DELIVERY_OF_CLIENT, params, rows::delivery)?
        .ok_or(StoreError::NotFound { what: "delivery" })?;
    let after = before.clone().reopened(how, now);
    write(conn, (&before, claims), (&after, claims))?;
    Ok(after)
}

pub(crate) fn record_attempt(
    conn: &Connection,
    id: DeliveryId,
    lease: &DeliveryLease,
    attempt: &Attempt,
    jitter: f64,
    now: Timestamp,
) -> Result<DeliveryState, StoreError> {
    let (before, claims) = query_one(conn, queries::DELIVERY, [key(id.as_uuid())], rows::delivery)?
        .ok_or(StoreError::LeaseLost)?;
    match &before.state {
        DeliveryState::Sending { lease: held, .. } if held == lease => {}
        _ => return Err(StoreError::LeaseLost),
    }
    let terminal_exists = query_one(
        conn,
        queries::TERMINAL_EVENT_EXISTS,
        [key(before.job.as_uuid())],
        |row| row.get::<_, bool>(0).map_err(unavailable),
    )? == Some(true);
    let status = event(conn, &before)?.status;
    add_attempt(conn, id, attempt)?;
    let mut after = before.clone();
    after.state = state_after(&before, status, terminal_exists, attempt, now, jitter);
    if attempt.outcome != Outcome::Cancelled {
        after.attempts += 1;
        after.failures += u32::from(!attempt.is_success());
        after.urgent = false;
    }
    write(conn, (&before, claims), (&after, claims))?;
    if let DeliveryState::Superseded { .. } = after.state {
        let waiting = [key(after.job.as_uuid()), key(after.endpoint.as_uuid())];
        supersede(conn, queries::WAITING_INTERMEDIATES, waiting, now)?;
    }
    judge_endpoint(conn, before.endpoint, attempt, now)?;
    Ok(after.state)
}

fn add_attempt(conn: &Connection, delivery: DeliveryId, attempt: &Attempt) -> Result<(), StoreError> {
    execute_one(
        conn,
        "attempts",
        queries::INSERT_ATTEMPT,
        params![
            key(attempt.id.as_uuid()),
            key(delivery.as_uuid()),
            attempt.number,
            attempt.started_at.as_micros(),
            attempt.duration_ms,
            attempt.outcome.as_str(),
            attempt.status,
            attempt.response,
            attempt.retry_after.map(Timestamp::as_micros),
        ],
    )
}

/// What an attempt says of its endpoint: its health, whether it is held, whether it is back.
fn judge_endpoint(
    conn: &Connection,
    id: EndpointId,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut endpoint) = endpoints::for_courier(conn, id)? else {
        return Ok(());
    };
    let was_held = matches!(endpoint.state, EndpointState::Held { .. });
    let is_back = attempt.is_success() && ends_outage(&endpoint.health, was_held, now);
    endpoint.health = health_after(endpoint.health, attempt, now);
    if attempt.is_success() {
        if was_held {
            endpoint.state = EndpointState::Active;
            endpoint.updated_at = now;
        }
        if is_back {
            endpoints::pull_forward(conn, id, now)?;
        }
    } else if endpoint.state == EndpointState::Active
        && attempt.outcome != Outcome::Cancelled
        && let Some(reason) = must_hold(&endpoint.health, endpoint.created_at, attempt, now)
    {
        endpoint.state = EndpointState::Held {
            since: now,
            reason,
            next_probe_at: now.after(PROBE_INTERVAL),
        };
        endpoint.updated_at = now;
    }
    endpoints::write(conn, &endpoint)
}

/// The terminal event of a job has come: where an intermediate one has been failing, it and what waits behind it are not
/// tried any more. Called before the terminal event's own deliveries are written.
pub(crate) fn supersede_failing(conn: &Connection, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    supersede(
        conn,
        queries::FAILING_DELIVERIES_OF_JOB,
        [key(job.as_uuid())],
        now,
    )
}

fn supersede(conn: &Connection, sql: &str, params: impl Params, now: Timestamp) -> Result<(), StoreError> {
    let found = query(conn, sql, params, rows::delivery)?;
    move_all(conn, found, DeliveryState::Superseded { at: now }).map(drop)
}

/// Brings every one of the deliveries that were read to the same state. Returns how many.
pub(crate) fn move_all(
    conn: &Connection,
    found: Vec<(Delivery, FencingToken)>,
    state: DeliveryState,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for (before, claims) in found {
        let mut after = before.clone();
        after.state = state;
        after.urgent &= !state.is_closed();
        write(conn, (&before, claims), (&after, claims))?;
        count += 1;
    }
    Ok(count)
}

/// Closes what has waited at endpoints that are not called for longer than a delivery lives; the end of the schedule, which
/// couriers bring to the others. At most `limit` in one transaction.
pub(crate) fn expire_waiting(conn: &Connection, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let params = params![now.before(DELIVERY_LIFETIME).as_micros(), limit];
    let found = query(conn, queries::EXPIRED_WAITING_DELIVERIES, params, rows::delivery)?;
    move_all(conn, found, DeliveryState::Expired { at: now })
}

pub(crate) fn next_due(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let due = query_one(conn, queries::NEXT_DELIVERY_DUE, [], |row| {
        row.get::<_, Option<i64>>(0).map_err(unavailable)
    })?;
    Ok(due.flatten().map(Timestamp::from_micros))
}

pub(crate) fn of_job(
    conn: &Connection,
    client: ClientId,
    job: JobId,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let ids = query(
        conn,
        queries::DELIVERIES_OF_JOB,
        [key(job.as_uuid()), key(client.as_uuid())],
        |row| Reader::new(row, "deliveries").delivery_id("id"),
    )?;
    let mut records = Vec::new();
    for id in ids {
        let id = key(id.as_uuid());
        let (delivery, _) = query_one(conn, queries::DELIVERY, [id], rows::delivery)?
            .ok_or(StoreError::NotFound { what: "delivery" })?;
        let event = event(conn, &delivery)?;
        let attempts = query(conn, queries::ATTEMPTS_OF_DELIVERY, [id], rows::attempt)?;
        records.push(DeliveryRecord {
            delivery,
            event,
            attempts,
        });
    }
    Ok(records)
}
