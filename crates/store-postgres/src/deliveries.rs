//! Deliveries: writing them, and keeping the heads of the chains up to date.

use futures::future::try_join_all;
use sfumato_core::delivery::{Delivery, DeliveryState, Resend};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::schedule::DELIVERY_LIFETIME;
use sfumato_core::store::{DeliveryRecord, News};
use sfumato_core::{ClientId, DeliveryId, JobId, StoreError, Timestamp};
use sfumato_store_rows::DeliveryColumns;

use crate::locks;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Params, Tx, execute, execute_one, query, query_one};

/// A delivery as it was read, and how often it was claimed.
pub(crate) type Found = (Delivery, FencingToken);

const NOT_FOUND: StoreError = StoreError::NotFound { what: "delivery" };

pub(crate) async fn event(tx: &Tx<'_>, delivery: &Delivery) -> Result<Event, StoreError> {
    query_one(tx, queries::EVENT, &[&delivery.event.as_uuid()], rows::event)
        .await?
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
pub(crate) async fn insert(
    tx: &Tx<'_>,
    delivery: &Delivery,
    event: &Event,
    is_head: bool,
    claims: FencingToken,
) -> Result<(), StoreError> {
    let columns = DeliveryColumns::of(&delivery.state);
    execute_one(
        tx,
        "deliveries",
        queries::INSERT_DELIVERY,
        &[
            &delivery.id.as_uuid(),
            &delivery.event.as_uuid(),
            &delivery.client.as_uuid(),
            &delivery.job.as_uuid(),
            &delivery.endpoint.as_uuid(),
            &i64::from(event.sequence),
            &event.status.as_str(),
            &is_head,
            &i64::from(claims.0),
            &delivery.created_at.as_micros(),
            &delivery.state.name(),
            &columns.not_before,
            &columns.worker,
            &columns.lease_expires_at,
        ],
    )
    .await
}

/// Writes a delivery, guarded by what was read. When it is closed, the next of its job and endpoint becomes the head.
pub(crate) async fn write(
    tx: &Tx<'_>,
    before: (&Delivery, FencingToken),
    after: (&Delivery, FencingToken),
) -> Result<(), StoreError> {
    write_tried(tx, before, after, None).await.map(drop)
}

/// The same after an attempt. Says whether another one has become the head.
pub(crate) async fn write_tried(
    tx: &Tx<'_>,
    before: (&Delivery, FencingToken),
    after: (&Delivery, FencingToken),
    tried_at: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let columns = DeliveryColumns::of(&after.0.state);
    execute_one(
        tx,
        "deliveries",
        queries::UPDATE_DELIVERY,
        &[
            &before.0.id.as_uuid(),
            &i64::from(before.1.0),
            &before.0.state.name(),
            &i64::from(after.0.attempts),
            &i64::from(after.1.0),
            &after.0.state.name(),
            &columns.not_before,
            &columns.worker,
            &columns.lease_expires_at,
            &columns.closed_at,
            &i64::from(after.0.failures),
            &after.0.opened_at.as_micros(),
            &after.0.urgent,
            &tried_at.map(Timestamp::as_micros),
        ],
    )
    .await?;
    let was_sending = matches!(before.0.state, DeliveryState::Sending { .. });
    if after.0.state.is_closed() {
        promote(tx, after.0).await
    } else if was_sending || before.0.state.is_closed() {
        elect(tx, after.0).await
    } else {
        Ok(false)
    }
}

/// Makes the first open delivery of a chain its head, where none is.
async fn promote(tx: &Tx<'_>, of: &Delivery) -> Result<bool, StoreError> {
    let (job, endpoint) = (of.job.as_uuid(), of.endpoint.as_uuid());
    let promoted = execute(tx, queries::PROMOTE_DELIVERY, &[&job, &endpoint]).await?;
    Ok(promoted > 0)
}

/// The same where one was opened that may stand before the head, or the head came back from its way.
pub(crate) async fn elect(tx: &Tx<'_>, of: &Delivery) -> Result<bool, StoreError> {
    let (job, endpoint) = (of.job.as_uuid(), of.endpoint.as_uuid());
    execute(tx, queries::RETIRE_HEAD, &[&job, &endpoint]).await?;
    promote(tx, of).await
}

/// Locks the chains of deliveries that were read, and then the deliveries; `None` for one that does not stand any more as
/// it was read.
pub(crate) async fn hold(tx: &Tx<'_>, found: Vec<Found>) -> Result<Vec<Found>, StoreError> {
    if found.is_empty() {
        return Ok(found);
    }
    locks::jobs(tx, found.iter().map(|(delivery, _)| delivery.job).collect()).await?;
    locks::keep_endpoints(tx, found.iter().map(|(delivery, _)| delivery.endpoint).collect()).await?;
    hold_in_chains(tx, found).await
}

/// The same where the caller holds the chains.
pub(crate) async fn hold_in_chains(tx: &Tx<'_>, found: Vec<Found>) -> Result<Vec<Found>, StoreError> {
    locks::deliveries(tx, found.iter().map(|(delivery, _)| delivery.id).collect()).await?;
    let again = try_join_all(found.iter().map(|(delivery, _)| by_id(tx, delivery.id))).await?;
    let pairs = found.into_iter().zip(again);
    Ok(pairs
        .filter_map(|(before, again)| again.filter(|again| *again == before))
        .collect())
}

pub(crate) async fn by_id(tx: &Tx<'_>, id: DeliveryId) -> Result<Option<Found>, StoreError> {
    query_one(tx, queries::DELIVERY, &[&id.as_uuid()], rows::delivery).await
}

/// Opens a delivery of `client` again and makes it due; see [`Delivery::reopened`].
pub(crate) async fn resend(
    tx: &Tx<'_>,
    client: ClientId,
    id: DeliveryId,
    how: Resend,
    now: Timestamp,
) -> Result<Delivery, StoreError> {
    let (named, _) = of_client(tx, client, id).await?;
    locks::jobs(tx, [named.job].into()).await?;
    locks::keep_endpoints(tx, [named.endpoint].into()).await?;
    locks::deliveries(tx, [id].into()).await?;
    let (before, claims) = of_client(tx, client, id).await?;
    let after = before.clone().reopened(how, now);
    write(tx, (&before, claims), (&after, claims)).await?;
    tx.gather(News::Waiting(after.endpoint));
    Ok(after)
}

async fn of_client(tx: &Tx<'_>, client: ClientId, id: DeliveryId) -> Result<Found, StoreError> {
    let (id, client) = (id.as_uuid(), client.as_uuid());
    query_one(tx, queries::DELIVERY_OF_CLIENT, &[&id, &client], rows::delivery)
        .await?
        .ok_or(NOT_FOUND)
}

/// The terminal event of a job has come: where an intermediate one has been failing, it and what waits behind it are not
/// tried any more. Called before the terminal event's own deliveries are written, by whoever holds the job.
pub(crate) async fn supersede_failing(tx: &Tx<'_>, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    supersede(tx, queries::FAILING_DELIVERIES_OF_JOB, &[&job.as_uuid()], now).await
}

pub(crate) async fn supersede(
    tx: &Tx<'_>,
    sql: &str,
    params: Params<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let found = query(tx, sql, params, rows::delivery).await?;
    let held = hold_in_chains(tx, found).await?;
    move_all(tx, held, DeliveryState::Superseded { at: now })
        .await
        .map(drop)
}

/// Brings every one of the deliveries, which the caller holds, to the same state. Returns how many.
pub(crate) async fn move_all(tx: &Tx<'_>, held: Vec<Found>, state: DeliveryState) -> Result<u64, StoreError> {
    let mut count = 0;
    for (before, claims) in held {
        let mut after = before.clone();
        after.state = state;
        after.urgent &= !state.is_closed();
        write(tx, (&before, claims), (&after, claims)).await?;
        count += 1;
    }
    Ok(count)
}

/// Closes what has waited at endpoints that are not called for longer than a delivery lives; the end of the schedule, which
/// couriers bring to the others. At most `limit` in one transaction.
pub(crate) async fn expire_waiting(tx: &Tx<'_>, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let (before, limit) = (now.before(DELIVERY_LIFETIME).as_micros(), i64::from(limit));
    let params: Params<'_> = &[&before, &limit];
    let found = query(tx, queries::EXPIRED_WAITING_DELIVERIES, params, rows::delivery).await?;
    let held = hold(tx, found).await?;
    move_all(tx, held, DeliveryState::Expired { at: now }).await
}

pub(crate) async fn of_job(
    tx: &Tx<'_>,
    client: ClientId,
    job: JobId,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let (job, client) = (job.as_uuid(), client.as_uuid());
    let ids = query(tx, queries::DELIVERIES_OF_JOB, &[&job, &client], |row| {
        Reader::new(row, "deliveries").delivery_id("id")
    })
    .await;
    let ids = ids?;
    try_join_all(ids.into_iter().map(|id| record(tx, id))).await
}

/// A delivery that is known to exist, with its event and attempts.
pub(crate) async fn record(tx: &Tx<'_>, id: DeliveryId) -> Result<DeliveryRecord, StoreError> {
    let (delivery, _) = by_id(tx, id).await?.ok_or(NOT_FOUND)?;
    let event = event(tx, &delivery).await?;
    let attempts = query(tx, queries::ATTEMPTS_OF_DELIVERY, &[&id.as_uuid()], rows::attempt).await?;
    Ok(DeliveryRecord {
        delivery,
        event,
        attempts,
    })
}
