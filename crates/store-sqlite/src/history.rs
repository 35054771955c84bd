//! The deliveries of an endpoint, as its client looks back on them.

use rusqlite::{Connection, params};
use sfumato_core::store::{DeliveryFilter, DeliveryPage, DeliveryRecord};
use sfumato_core::{ClientId, DeliveryId, EndpointId, EventPosition, StoreError, Timestamp};

use crate::deliveries;
use crate::endpoints;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{query, query_one, unavailable};

/// Events that one page looks at.
const SCANNED_MAX: i64 = 10_000;

pub(crate) fn one(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    delivery: DeliveryId,
) -> Result<Option<DeliveryRecord>, StoreError> {
    let params = [
        key(delivery.as_uuid()),
        key(endpoint.as_uuid()),
        key(client.as_uuid()),
    ];
    let found = query_one(conn, queries::DELIVERY_OF_ENDPOINT, params, |row| {
        Reader::new(row, "deliveries").delivery_id("id")
    })?;
    found.map(|id| deliveries::record(conn, id)).transpose()
}

pub(crate) fn page(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    filter: DeliveryFilter,
    before: Option<EventPosition>,
    limit: usize,
) -> Result<DeliveryPage, StoreError> {
    endpoints::of_client_by_id(conn, client, endpoint)?;
    let before = before.map_or(i64::MAX, rows::position);
    let rows_max = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
    let standing = filter.standing.map(|standing| standing.as_str());
    let since = filter.since.map(Timestamp::as_micros);
    let (client, endpoint) = (key(client.as_uuid()), key(endpoint.as_uuid()));
    let read = |row: &rusqlite::Row<'_>| {
        let row = Reader::new(row, "deliveries");
        Ok((row.position("position")?, row.delivery_id("id")?))
    };
    // The floor is where a page ends that is not full; 0 where nothing lies before it.
    let (found, floor) = match filter.job {
        Some(job) => {
            let params = params![endpoint, key(job.as_uuid()), before, standing, since, rows_max];
            (
                query(conn, queries::DELIVERIES_OF_ENDPOINT_AND_JOB, params, read)?,
                0,
            )
        }
        None => {
            let params = params![client, before, SCANNED_MAX - 1];
            let floor = query_one(conn, queries::EVENTS_SCANNED_BEFORE, params, |row| {
                row.get::<_, i64>(0).map_err(unavailable)
            })?
            .unwrap_or(0);
            let params = params![client, endpoint, before, floor, standing, since, rows_max];
            (query(conn, queries::DELIVERIES_OF_ENDPOINT, params, read)?, floor)
        }
    };
    let next = if found.len() >= limit.max(1) {
        found.last().map(|(position, _)| *position)
    } else {
        let floor = u64::try_from(floor).ok().filter(|floor| *floor > 0);
        floor.map(EventPosition::new)
    };
    let records = found
        .into_iter()
        .map(|(position, id)| Ok((position, deliveries::record(conn, id)?)))
        .collect::<Result<_, StoreError>>()?;
    Ok(DeliveryPage { records, next })
}
