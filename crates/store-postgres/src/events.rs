//! Events and the deliveries that they make: written in the transaction of the change that they tell of, and read in the
//! order of their positions.
//!
//! A position is drawn from a sequence, so that of two transactions the one with the higher position may commit first. A
//! reader who saw it and went on from there would miss the other. Whoever writes events of a client therefore shares a lock
//! with the others who do; whoever reads them in order takes it alone ([`locks::client`]) and reads when all of them have
//! committed. Writers wait for no other writer, and for a reader as long as its one query takes.

use sfumato_core::delivery::{Delivery, DeliveryLease, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState};
use sfumato_core::event::{Event, EventStatus};
use sfumato_core::job::{FencingToken, Job, JobState};
use sfumato_core::store::{Admission, Dispatch, News};
use sfumato_core::{ClientId, DeliveryId, EventId, EventPosition, StoreError};

use crate::deliveries;
use crate::locks;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, as_limit, execute_one, query, unavailable, value};

/// The endpoints that hear of what happens to a client's jobs now. None of them is deleted until the end of the
/// transaction.
async fn hearers(tx: &Tx<'_>, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
    query(
        tx,
        queries::ENDPOINTS_FOR_EVENTS,
        &[&client.as_uuid()],
        rows::endpoint,
    )
    .await
}

/// Writes an event and one delivery for every endpoint that is to hear of it. The caller holds the job and shares the lock
/// of the client's events.
pub(crate) async fn tell(tx: &Tx<'_>, job: &Job, status: EventStatus) -> Result<(), StoreError> {
    let hearers = hearers(tx, job.client).await?;
    let event = write(tx, job, status).await?;
    if status.is_terminal() {
        deliveries::supersede_failing(tx, job.id, event.at).await?;
    }
    for endpoint in &hearers {
        add_delivery(tx, &event, endpoint).await?;
    }
    Ok(())
}

async fn write(tx: &Tx<'_>, job: &Job, status: EventStatus) -> Result<Event, StoreError> {
    let at = tx.now();
    let sequence: i64 = if is_first(status) {
        1
    } else {
        value(tx, queries::NEXT_EVENT_SEQUENCE, &[&job.id.as_uuid()]).await?
    };
    let event = Event {
        id: EventId::new(tx.clock(), tx.entropy()),
        client: job.client,
        job: job.id,
        sequence: u32::try_from(sequence).map_err(unavailable)?,
        status,
        at,
    };
    execute_one(
        tx,
        "events",
        queries::INSERT_EVENT,
        &[
            &event.id.as_uuid(),
            &event.client.as_uuid(),
            &event.job.as_uuid(),
            &sequence,
            &status.as_str(),
            &at.as_micros(),
        ],
    )
    .await?;
    Ok(event)
}

/// Whether an event of this status is the first of its job. It is written together with the job: nothing was told before
/// it, and nothing waits. A unique index holds the schema to that.
fn is_first(status: EventStatus) -> bool {
    status == EventStatus::Sent
}

/// Writes a delivery: leased at once where the courier of this process has a place for it, waiting otherwise.
async fn add_delivery(tx: &Tx<'_>, event: &Event, endpoint: &Endpoint) -> Result<(), StoreError> {
    let is_head = is_first(event.status) || !chain_is_open(tx, event, endpoint).await?;
    let callable = is_head
        && endpoint.state == EndpointState::Active
        && endpoint.health.paused_until.is_none_or(|until| until <= event.at);
    let admission = if callable { tx.admit(endpoint.id) } else { None };
    let (claims, state) = match admission {
        Some(Admission { worker, lease_for }) => {
            let token = FencingToken(0).next();
            let state = DeliveryState::Sending {
                lease: DeliveryLease { worker, token },
                lease_expires_at: event.at.after(lease_for),
            };
            (token, state)
        }
        None => (FencingToken(0), DeliveryState::Pending { not_before: event.at }),
    };
    let delivery = Delivery {
        id: DeliveryId::new(tx.clock(), tx.entropy()),
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
    // Before the statement: whatever becomes of it, the place that was given is told of or given back.
    if let DeliveryState::Sending { lease, .. } = state {
        tx.gather(News::Leased(Box::new(Dispatch {
            delivery: delivery.clone(),
            lease,
            event: event.clone(),
            endpoint: endpoint.clone(),
        })));
    } else if is_head {
        tx.gather(News::Waiting(endpoint.id));
    }
    deliveries::insert(tx, &delivery, event, is_head, claims).await
}

async fn chain_is_open(tx: &Tx<'_>, event: &Event, endpoint: &Endpoint) -> Result<bool, StoreError> {
    let (job, endpoint) = (event.job.as_uuid(), endpoint.id.as_uuid());
    value(tx, queries::CHAIN_IS_OPEN, &[&job, &endpoint]).await
}

pub(crate) async fn tell_the_end(tx: &Tx<'_>, job: &Job) -> Result<(), StoreError> {
    match job.state {
        JobState::Succeeded { .. } => tell(tx, job, EventStatus::Succeeded).await,
        JobState::Failed { .. } => tell(tx, job, EventStatus::Failed).await,
        _ => Ok(()),
    }
}

pub(crate) async fn after(
    tx: &Tx<'_>,
    client: ClientId,
    after: EventPosition,
    limit: usize,
) -> Result<Vec<(EventPosition, Event)>, StoreError> {
    locks::client(tx, client).await?;
    let (client, after, limit) = (client.as_uuid(), rows::position(after), as_limit(limit));
    query(tx, queries::EVENTS_AFTER, &[&client, &after, &limit], |row| {
        Ok((
            Reader::new(row, "events").position("position")?,
            rows::event(row)?,
        ))
    })
    .await
}

/// The last position of all that was committed until now; a lower one may still come.
pub(crate) async fn last_committed(tx: &Tx<'_>, client: ClientId) -> Result<EventPosition, StoreError> {
    let last: i64 = value(tx, queries::LAST_EVENT_POSITION, &[&client.as_uuid()]).await?;
    Ok(EventPosition::new(u64::try_from(last).unwrap_or(0)))
}

/// The last position, below which nothing comes any more.
pub(crate) async fn last_position(tx: &Tx<'_>, client: ClientId) -> Result<EventPosition, StoreError> {
    locks::client(tx, client).await?;
    last_committed(tx, client).await
}
