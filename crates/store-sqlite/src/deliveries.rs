//! Deliveries: claiming the heads, recording attempts, keeping the heads up to date.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::delivery::{Attempt, Delivery, DeliveryLease, DeliveryState, Outcome, state_after};
use sfumato_core::endpoint::EndpointState;
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::schedule::{PROBE_INTERVAL, health_after, must_hold};
use sfumato_core::store::{DeliveryRecord, Dispatch};
use sfumato_core::{ClientId, DeliveryId, EndpointId, EventId, JobId, StoreError, Timestamp, WorkerId};

use crate::endpoints;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

/// An endpoint that may be called now.
struct Callable {
    endpoint: EndpointId,
    held: bool,
    in_flight: usize,
}

pub(crate) fn claim(
    conn: &Connection,
    worker: WorkerId,
    limit: usize,
    per_endpoint: usize,
    lease_for: Duration,
    now: Timestamp,
) -> Result<Vec<Dispatch>, StoreError> {
    let callable = query(conn, queries::CLAIMABLE_ENDPOINTS, [now.as_micros()], |row| {
        let row = Reader::new(row, "endpoints");
        let in_flight: i64 = row.get("in_flight")?;
        Ok(Callable {
            endpoint: row.endpoint_id("id")?,
            held: row.get("held")?,
            in_flight: usize::try_from(in_flight).unwrap_or(usize::MAX),
        })
    })?;
    let mut queues = Vec::new();
    for callable in callable {
        let found = due(conn, &callable, limit, per_endpoint, now)?;
        if !found.is_empty() {
            queues.push((callable.endpoint, callable.held, found.into_iter()));
        }
    }
    let mut dispatches = Vec::new();
    // One of each endpoint in turn: who has much waiting does not keep the others from the free places.
    while dispatches.len() < limit && !queues.is_empty() {
        let mut index = 0;
        while index < queues.len() && dispatches.len() < limit {
            let (endpoint, held, queue) = &mut queues[index];
            match queue.next() {
                Some((delivery, claims)) => {
                    let lease = DeliveryLease {
                        worker,
                        token: claims.next(),
                    };
                    let claimed = Claimed {
                        delivery,
                        claims,
                        lease,
                        expires_at: now.after(lease_for),
                    };
                    dispatches.push(dispatch(conn, claimed, *endpoint, *held, now)?);
                    index += 1;
                }
                None => drop(queues.remove(index)),
            }
        }
    }
    Ok(dispatches)
}

fn due(
    conn: &Connection,
    callable: &Callable,
    limit: usize,
    per_endpoint: usize,
    now: Timestamp,
) -> Result<Vec<(Delivery, FencingToken)>, StoreError> {
    let endpoint = key(callable.endpoint.as_uuid());
    if callable.held {
        if callable.in_flight > 0 {
            return Ok(Vec::new());
        }
        return query(
            conn,
            queries::OLDEST_DELIVERY_OF_ENDPOINT,
            [endpoint],
            rows::delivery,
        );
    }
    let free = per_endpoint.saturating_sub(callable.in_flight).min(limit);
    let params = params![endpoint, now.as_micros(), i64::try_from(free).unwrap_or(i64::MAX)];
    query(conn, queries::DUE_DELIVERIES_OF_ENDPOINT, params, rows::delivery)
}

struct Claimed {
    delivery: Delivery,
    claims: FencingToken,
    lease: DeliveryLease,
    expires_at: Timestamp,
}

fn dispatch(
    conn: &Connection,
    claimed: Claimed,
    endpoint: EndpointId,
    held: bool,
    now: Timestamp,
) -> Result<Dispatch, StoreError> {
    let Claimed {
        mut delivery,
        claims,
        lease,
        expires_at,
    } = claimed;
    let mut endpoint = endpoints::for_courier(conn, endpoint)?
        .ok_or_else(|| broken(&delivery, "endpoint", "an open delivery of a deleted endpoint"))?;
    if held && let EndpointState::Held { next_probe_at, .. } = &mut endpoint.state {
        *next_probe_at = now.after(PROBE_INTERVAL);
        endpoints::write(conn, &endpoint)?;
    }
    let before = delivery.clone();
    delivery.state = DeliveryState::Sending {
        lease,
        lease_expires_at: expires_at,
    };
    write(conn, (&before, claims), (&delivery, lease.token))?;
    let event = event(conn, delivery.event)?;
    Ok(Dispatch {
        delivery,
        lease,
        event,
        endpoint,
    })
}

fn event(conn: &Connection, id: EventId) -> Result<Event, StoreError> {
    query_one(conn, queries::EVENT, [key(id.as_uuid())], rows::event)?
        .ok_or(StoreError::NotFound { what: "event" })
}

fn broken(delivery: &Delivery, column: &'static str, why: &str) -> StoreError {
    StoreError::Corrupt {
        table: "deliveries",
        column,
        row: delivery.id.to_string(),
        why: why.into(),
    }
}

/// Writes a delivery, guarded by what was read; when it is closed, the next of its job and endpoint becomes the head.
fn write(
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
        ],
    )?;
    if after.0.state.is_closed() {
        let params = [key(after.0.job.as_uuid()), key(after.0.endpoint.as_uuid())];
        execute(conn, queries::PROMOTE_DELIVERY, params)?;
    }
    Ok(())
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
    let status = event(conn, before.event)?.status;
    add_attempt(conn, id, attempt)?;
    let mut after = before.clone();
    after.state = state_after(&before, status, terminal_exists, attempt, now, jitter);
    if attempt.outcome != Outcome::Cancelled {
        after.attempts += 1;
    }
    write(conn, (&before, claims), (&after, claims))?;
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
    let was_failing = endpoint.health.consecutive_failures > 0;
    let was_held = matches!(endpoint.state, EndpointState::Held { .. });
    endpoint.health = health_after(endpoint.health, attempt, now);
    if attempt.is_success() {
        if was_held {
            endpoint.state = EndpointState::Active;
            endpoint.updated_at = now;
        }
        if was_held || was_failing {
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

/// The terminal event of a job has come: intermediate ones that have been failing are not tried any more.
pub(crate) fn supersede_failing(conn: &Connection, job: JobId, now: Timestamp) -> Result<(), StoreError> {
    let failing = query(
        conn,
        queries::FAILING_DELIVERIES_OF_JOB,
        [key(job.as_uuid())],
        rows::delivery,
    )?;
    for (before, claims) in failing {
        let mut after = before.clone();
        after.state = DeliveryState::Superseded { at: now };
        write(conn, (&before, claims), (&after, claims))?;
    }
    Ok(())
}

fn free_all(
    conn: &Connection,
    lost: Vec<(Delivery, FencingToken)>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for (before, claims) in lost {
        let mut after = before.clone();
        after.state = DeliveryState::Pending { not_before: now };
        write(conn, (&before, claims), (&after, claims))?;
        count += 1;
    }
    Ok(count)
}

pub(crate) fn reap(conn: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let lost = query(
        conn,
        queries::DELIVERIES_WITH_EXPIRED_LEASE,
        [now.as_micros()],
        rows::delivery,
    )?;
    free_all(conn, lost, now)
}

pub(crate) fn void_leases_of_others(
    conn: &Connection,
    alive: WorkerId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let lost = query(
        conn,
        queries::DELIVERIES_OF_OTHER_WORKERS,
        [key(alive.as_uuid())],
        rows::delivery,
    )?;
    free_all(conn, lost, now)
}

pub(crate) fn hand_back(conn: &Connection, worker: WorkerId, now: Timestamp) -> Result<u64, StoreError> {
    let mine = query(
        conn,
        queries::DELIVERIES_OF_WORKER,
        [key(worker.as_uuid())],
        rows::delivery,
    )?;
    free_all(conn, mine, now)
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
        let event = event(conn, delivery.event)?;
        let attempts = query(conn, queries::ATTEMPTS_OF_DELIVERY, [id], rows::attempt)?;
        records.push(DeliveryRecord {
            delivery,
            event,
            attempts,
        });
    }
    Ok(records)
}

/// Both kinds of leases that have expired.
pub(crate) fn reap_everything(conn: &Connection, sources: &Sources) -> Result<u64, StoreError> {
    Ok(crate::jobs::reap(conn, sources)? + reap(conn, sources.clock.now())?)
}
