//! Events and the deliveries that they make: written in the transaction of the change that they tell of, and read in the
//! order of their commits.

use rusqlite::{Connection, params};
use sfumato_core::event::EventStatus;
use sfumato_core::job::{Job, JobState};
use sfumato_core::{ClientId, DeliveryId, Event, EventId, EventPosition, StoreError};

use crate::deliveries;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute_one, query, query_one, unavailable};

/// Writes an event and one delivery for every endpoint that is to hear of it.
pub(crate) fn tell(
    conn: &Connection,
    sources: &Sources,
    job: &Job,
    status: EventStatus,
) -> Result<(), StoreError> {
    let (clock, entropy) = (&*sources.clock, &*sources.entropy);
    let at = clock.now();
    let now = at.as_micros();
    let (event, client, job_key) = (
        key(EventId::new(clock, entropy).as_uuid()),
        key(job.client.as_uuid()),
        key(job.id.as_uuid()),
    );
    let sequence: i64 = query_one(conn, queries::NEXT_EVENT_SEQUENCE, [job_key], |row| {
        row.get(0).map_err(unavailable)
    })?
    .unwrap_or(1);
    let params = params![event, client, job_key, sequence, status.as_str(), now];
    execute_one(conn, "events", queries::INSERT_EVENT, params)?;
    if status.is_terminal() {
        deliveries::supersede_failing(conn, job.id, at)?;
    }
    for endpoint in query(conn, queries::ENDPOINTS_FOR_EVENTS, [client], |row| {
        Reader::new(row, "endpoints").endpoint_id("id")
    })? {
        let delivery = key(DeliveryId::new(clock, entropy).as_uuid());
        let params = params![
            delivery,
            event,
            client,
            job_key,
            key(endpoint.as_uuid()),
            sequence,
            now
        ];
        execute_one(conn, "deliveries", queries::INSERT_DELIVERY, params)?;
    }
    Ok(())
}

pub(crate) fn tell_the_end(conn: &Connection, sources: &Sources, job: &Job) -> Result<(), StoreError> {
    match job.state {
        JobState::Succeeded { .. } => tell(conn, sources, job, EventStatus::Succeeded),
        JobState::Failed { .. } => tell(conn, sources, job, EventStatus::Failed),
        _ => Ok(()),
    }
}

pub(crate) fn after(
    conn: &Connection,
    client: ClientId,
    after: EventPosition,
    limit: usize,
) -> Result<Vec<(EventPosition, Event)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![key(client.as_uuid()), rows::position(after), limit];
    query(conn, queries::EVENTS_AFTER, params, |row| {
        Ok((
            Reader::new(row, "events").position("position")?,
            rows::event(row)?,
        ))
    })
}

pub(crate) fn last_position(conn: &Connection, client: ClientId) -> Result<EventPosition, StoreError> {
    let last: Option<i64> = query_one(
        conn,
        queries::LAST_EVENT_POSITION,
        [key(client.as_uuid())],
        |row| row.get(0).map_err(unavailable),
    )?;
    Ok(EventPosition::new(
        last.and_then(|last| u64::try_from(last).ok()).unwrap_or(0),
    ))
}
