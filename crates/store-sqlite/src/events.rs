//! Events and the deliveries that they make: written in the transaction of the change that they tell of, and read in the
//! order of their commits.

use rusqlite::{Connection, Row, params};
use sfumato_core::delivery::{Delivery, DeliveryLease, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState};
use sfumato_core::event::{Event, EventStatus};
use sfumato_core::job::{FencingToken, Job, JobState};
use sfumato_core::store::{Admission, Dispatch, News};
use sfumato_core::{ClientId, DeliveryId, EventId, EventPosition, StoreError};

use crate::deliveries;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute_one, query, query_one, unavailable};

/// The endpoints that hear of what happens to a client's jobs now.
pub(crate) fn hearers(conn: &Connection, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
    query(
        conn,
        queries::ENDPOINTS_FOR_EVENTS,
        [key(client.as_uuid())],
        rows::endpoint,
    )
}

/// Writes an event and one delivery for every endpoint that is to hear of it.
pub(crate) fn tell(
    conn: &Connection,
    sources: &Sources,
    job: &Job,
    status: EventStatus,
) -> Result<(), StoreError> {
    tell_these(conn, sources, job, status, &hearers(conn, job.client)?)
}

/// The same where the endpoints have been read.
pub(crate) fn tell_these(
    conn: &Connection,
    sources: &Sources,
    job: &Job,
    status: EventStatus,
    hearers: &[Endpoint],
) -> Result<(), StoreError> {
    let (clock, entropy) = (&*sources.clock, &*sources.entropy);
    let at = clock.now();
    let now = at.as_micros();
    let event = EventId::new(clock, entropy);
    let (client, job_key) = (key(job.client.as_uuid()), key(job.id.as_uuid()));
    let sequence: i64 = if is_first(status) {
        1
    } else {
        let next = |row: &Row<'_>| row.get(0).map_err(unavailable);
        query_one(conn, queries::NEXT_EVENT_SEQUENCE, [job_key], next)?.unwrap_or(1)
    };
    let params = params![
        key(event.as_uuid()),
        client,
        job_key,
        sequence,
        status.as_str(),
        now
    ];
    execute_one(conn, "events", queries::INSERT_EVENT, params)?;
    if status.is_terminal() {
        deliveries::supersede_failing(conn, job.id, at)?;
    }
    let told = Event {
        id: event,
        client: job.client,
        job: job.id,
        sequence: u32::try_from(sequence).map_err(unavailable)?,
        status,
        at,
    };
    for endpoint in hearers {
        add_delivery(conn, sources, &told, endpoint)?;
    }
    Ok(())
}

/// Whether an event of this status is the first of its job. It is written together with the job: nothing was told before
/// it, and nothing waits. A unique index holds the schema to that.
fn is_first(status: EventStatus) -> bool {
    status == EventStatus::Sent
}

/// Writes a delivery: leased at once where the courier has a place for it, waiting otherwise.
fn add_delivery(
    conn: &Connection,
    sources: &Sources,
    event: &Event,
    endpoint: &Endpoint,
) -> Result<(), StoreError> {
    let chain = [key(event.job.as_uuid()), key(endpoint.id.as_uuid())];
    let is_head = is_first(event.status)
        || query_one(conn, queries::CHAIN_IS_OPEN, chain, |row| {
            row.get::<_, bool>(0).map_err(unavailable)
        })? == Some(false);
    let callable = is_head
        && endpoint.state == EndpointState::Active
        && endpoint.health.paused_until.is_none_or(|until| until <= event.at);
    let admission = if callable {
        sources.hook.admit(endpoint.id)
    } else {
        None
    };
    let (claims, state) = match admission {
        Some(Admission { worker, lease_for }) => {
            let lease = DeliveryLease {
                worker,
                token: FencingToken(0).next(),
            };
            let lease_expires_at = event.at.after(lease_for);
            let state = DeliveryState::Sending {
                lease,
                lease_expires_at,
            };
            (lease.token, state)
        }
        None => (FencingToken(0), DeliveryState::Pending { not_before: event.at }),
    };
    let delivery = Delivery {
        id: DeliveryId::new(&*sources.clock, &*sources.entropy),
        event: event.id,
        client: event.client,
        job: event.job,
        endpoint: endpoint.id,
        attempts: 0,
        failures: 0,
        created_at: event.at,
        opened_at: event.at,
        urgent: false,
        state,
    };
    let written = deliveries::insert(conn, &delivery, event, is_head, claims);
    match state {
        DeliveryState::Sending { lease, .. } => {
            if let Err(error) = written {
                sources.hook.withdraw(endpoint.id);
                return Err(error);
            }
            sources.hook.gather(News::Leased(Box::new(Dispatch {
                delivery,
                lease,
                event: event.clone(),
                endpoint: endpoint.clone(),
            })));
            Ok(())
        }
        _ => {
            if is_head {
                sources.hook.gather(News::Waiting(endpoint.id));
            }
            written
        }
    }
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
