//! The deliveries of an endpoint, as its client looks back on them.

use futures::future::try_join_all;
use sfumato_core::store::{DeliveryFilter, DeliveryPage, DeliveryRecord};
use sfumato_core::{ClientId, DeliveryId, EndpointId, EventPosition, StoreError, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::deliveries;
use crate::endpoints;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, as_limit, query, query_one};

/// Events that one page looks at.
const SCANNED_MAX: i64 = 10_000;

pub(crate) async fn one(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    delivery: DeliveryId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let params: [&(dyn ToSql + Sync); 3] = [&delivery.as_uuid(), &endpoint.as_uuid(), &client.as_uuid()];
    let found = query_one(tx, queries::DELIVERY_OF_ENDPOINT, &params, |row| {
        Reader::new(row, "deliveries").delivery_id("id")
    })
    .await;
    match found? {
        Some(id) => deliveries::record(tx, id).await.map(Some),
        None => Ok(None),
    }
}

type Found = (EventPosition, DeliveryId);

fn read(row: &Row) -> Result<Found, StoreError> {
    let row = Reader::new(row, "deliveries");
    Ok((row.position("position")?, row.delivery_id("id")?))
}

/// What fits, latest first, and where the page ends that is not full: the floor, 0 where nothing lies before it.
async fn look_back(
    tx: &Tx<'_>,
    (client, endpoint): (ClientId, EndpointId),
    filter: DeliveryFilter,
    before: i64,
    rows_max: i64,
) -> Result<(Vec<Found>, i64), StoreError> {
    let (client, endpoint) = (client.as_uuid(), endpoint.as_uuid());
    let standing = filter.standing.map(|standing| standing.as_str());
    let since = filter.since.map(Timestamp::as_micros);
    if let Some(job) = filter.job {
        let params: [&(dyn ToSql + Sync); 6] =
            [&endpoint, &job.as_uuid(), &before, &standing, &since, &rows_max];
        let found = query(tx, queries::DELIVERIES_OF_ENDPOINT_AND_JOB, &params, read).await?;
        return Ok((found, 0));
    }
    let params: [&(dyn ToSql + Sync); 3] = [&client, &before, &(SCANNED_MAX - 1)];
    let floor = query_one(tx, queries::EVENTS_SCANNED_BEFORE, &params, |row| {
        Reader::new(row, "events").get::<i64>("position")
    })
    .await;
    let floor = floor?.unwrap_or(0);
    let params: [&(dyn ToSql + Sync); 7] =
        [&client, &endpoint, &before, &floor, &standing, &since, &rows_max];
    let found = query(tx, queries::DELIVERIES_OF_ENDPOINT, &params, read).await?;
    Ok((found, floor))
}

pub(crate) async fn page(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    filter: DeliveryFilter,
    before: Option<EventPosition>,
    limit: usize,
) -> Result<DeliveryPage, StoreError> {
    endpoints::of_client_by_id(tx, client, endpoint).await?;
    let before = before.map_or(i64::MAX, rows::position);
    let limit = limit.max(1);
    let (found, floor) = look_back(tx, (client, endpoint), filter, before, as_limit(limit)).await?;
    let next = if found.len() >= limit {
        found.last().map(|(position, _)| *position)
    } else {
        let floor = u64::try_from(floor).ok().filter(|floor| *floor > 0);
        floor.map(EventPosition::new)
    };
    let records = found
        .into_iter()
        .map(async |(position, id)| Ok((position, deliveries::record(tx, id).await?)));
    Ok(DeliveryPage {
        records: try_join_all(records).await?,
        next,
    })
}
