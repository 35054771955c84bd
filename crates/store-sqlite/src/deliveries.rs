//! Deliveries: writing them, and keeping the heads of the chains up to date.

use rusqlite::{Connection, Params, params};
use sfumato_core::delivery::{Delivery, DeliveryState, Resend};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::schedule::DELIVERY_LIFETIME;
use sfumato_core::store::{DeliveryRecord, News};
use sfumato_core::{ClientId, DeliveryId, JobId, StoreError, Timestamp};
use sfumato_store_rows::DeliveryColumns;

use crate::hook::Hook;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, execute_one, query, query_one};

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

/// Writes a new delivery of `event`.
pub(crate) fn insert(
    conn: &Connection,
    delivery: &Delivery,
    event: &Event,
    is_head: bool,
    claims: FencingToken,
) -> Result<(), StoreError> {
    let columns = DeliveryColumns::of(&delivery.state);
    execute_one(
        conn,
        "deliveries",
        queries::INSERT_DELIVERY,
        params![
            key(delivery.id.as_uuid()),
            key(delivery.event.as_uuid()),
            key(delivery.client.as_uuid()),
            key(delivery.job.as_uuid()),
            key(delivery.endpoint.as_uuid()),
            event.sequence,
            event.status.as_str(),
            is_head,
            claims.0,
            delivery.created_at.as_micros(),
            delivery.state.name(),
            columns.not_before,
            columns.worker.map(key),
            columns.lease_expires_at,
        ],
    )
}

/// Writes a delivery, guarded by what was read. When it is closed, the next of its job and endpoint becomes the head.
pub(crate) fn write(
    conn: &Connection,
    before: (&Delivery, FencingToken),
    after: (&Delivery, FencingToken),
) -> Result<(), StoreError> {
    write_tried(conn, before, after, None).map(drop)
}

/// The same after an attempt. Says whether another one has become the head.
pub(crate) fn write_tried(
    conn: &Connection,
    before: (&Delivery, FencingToken),
    after: (&Delivery, FencingToken),
    tried_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let columns = DeliveryColumns::of(&after.0.state);
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
            columns.not_before,
            columns.worker.map(key),
            columns.lease_expires_at,
            columns.closed_at,
            after.0.failures,
            after.0.opened_at.as_micros(),
            after.0.urgent,
            tried_at.map(Timestamp::as_micros),
        ],
    )?;
    let was_sending = matches!(before.0.state, DeliveryState::Sending { .. });
    if after.0.state.is_closed() {
        promote(conn, after.0)
    } else if was_sending || before.0.state.is_closed() {
        elect(conn, after.0)
    } else {
        Ok(false)
    }
}

/// Makes the first open delivery of a chain its head, where none is.
fn promote(conn: &Connection, of: &Delivery) -> Result<bool, StoreError> {
    let chain = [key(of.job.as_uuid()), key(of.endpoint.as_uuid())];
    execute(conn, queries::PROMOTE_DELIVERY, chain).map(|promoted| promoted > 0)
}

/// The same where one was opened that may stand before the head, or the head came back from its way.
pub(crate) fn elect(conn: &Connection, of: &Delivery) -> Result<bool, StoreError> {
    let chain = [key(of.job.as_uuid()), key(of.endpoint.as_uuid())];
    execute(conn, queries::RETIRE_HEAD, chain)?;
    promote(conn, of)
}

/// Opens a delivery of `client` again and makes it due; see [`Delivery::reopened`].
pub(crate) fn resend(
    conn: &Connection,
    hook: &Hook,
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
    hook.gather(News::Waiting(after.endpoint));
    Ok(after)
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

pub(crate) fn supersede(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    now: Timestamp,
) -> Result<(), StoreError> {
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
    ids.into_iter().map(|id| record(conn, id)).collect()
}

/// A delivery that is known to exist, with its event and attempts.
pub(crate) fn record(conn: &Connection, id: DeliveryId) -> Result<DeliveryRecord, StoreError> {
    let id = key(id.as_uuid());
    let (delivery, _) = query_one(conn, queries::DELIVERY, [id], rows::delivery)?
        .ok_or(StoreError::NotFound { what: "delivery" })?;
    let event = event(conn, &delivery)?;
    let attempts = query(conn, queries::ATTEMPTS_OF_DELIVERY, [id], rows::attempt)?;
    Ok(DeliveryRecord {
        delivery,
        event,
        attempts,
    })
}
