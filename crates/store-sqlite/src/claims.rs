//! Leasing deliveries to couriers, and taking back what they have lost.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::delivery::{Delivery, DeliveryLease, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState};
use sfumato_core::job::FencingToken;
use sfumato_core::schedule::PROBE_INTERVAL;
use sfumato_core::store::Dispatch;
use sfumato_core::{EndpointId, StoreError, Timestamp, WorkerId};

use crate::deliveries::{broken, event, expire_waiting, move_all, write};
use crate::endpoints;
use crate::jobs;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, query};

/// Whose the leases of one claim are, and how long.
#[derive(Clone, Copy)]
struct Terms {
    worker: WorkerId,
    expires_at: Timestamp,
}

/// An endpoint with something to send now.
struct Callable {
    endpoint: EndpointId,
    held: bool,
    in_flight: usize,
}

/// What an endpoint may be sent now, in order.
struct Turn {
    endpoint: Endpoint,
    due: std::vec::IntoIter<(Delivery, FencingToken)>,
}

pub(crate) fn claim(
    conn: &Connection,
    worker: WorkerId,
    limit: usize,
    per_endpoint: usize,
    lease_for: Duration,
    now: Timestamp,
) -> Result<Vec<Dispatch>, StoreError> {
    let terms = Terms {
        worker,
        expires_at: now.after(lease_for),
    };
    let callable = callable(conn, limit, per_endpoint, now)?;
    // Every one of them gets one at least, so that no one can get more than what the others leave.
    let share = limit.saturating_add(1).saturating_sub(callable.len());
    let mut turns = Vec::new();
    for callable in callable {
        let free = per_endpoint.saturating_sub(callable.in_flight).min(share);
        turns.push(turn(conn, &callable, free, now)?);
    }
    let mut dispatches = Vec::new();
    // One of each endpoint in turn: who has much waiting does not keep the others from the free places.
    while dispatches.len() < limit && !turns.is_empty() {
        let mut still_waiting = Vec::with_capacity(turns.len());
        for mut turn in turns {
            if dispatches.len() == limit {
                break;
            }
            if let Some(head) = turn.due.next() {
                dispatches.push(lease(conn, head, &turn.endpoint, terms)?);
                still_waiting.push(turn);
            }
        }
        turns = still_waiting;
    }
    Ok(dispatches)
}

fn callable(
    conn: &Connection,
    limit: usize,
    per_endpoint: usize,
    now: Timestamp,
) -> Result<Vec<Callable>, StoreError> {
    let params = params![now.as_micros(), as_limit(per_endpoint), as_limit(limit)];
    query(conn, queries::CLAIMABLE_ENDPOINTS, params, |row| {
        let row = Reader::new(row, "endpoints");
        Ok(Callable {
            endpoint: row.endpoint_id("id")?,
            held: row.get("held")?,
            in_flight: row.number("in_flight")?,
        })
    })
}

fn as_limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads what an endpoint may be sent now: up to `free` of what is due, or, where it is held, its oldest as a probe.
fn turn(conn: &Connection, callable: &Callable, free: usize, now: Timestamp) -> Result<Turn, StoreError> {
    let id = key(callable.endpoint.as_uuid());
    let mut endpoint = endpoints::for_courier(conn, callable.endpoint)?.ok_or(StoreError::NotFound {
        what: "webhook endpoint",
    })?;
    let due = if callable.held {
        if let EndpointState::Held { next_probe_at, .. } = &mut endpoint.state {
            *next_probe_at = now.after(PROBE_INTERVAL);
        }
        endpoints::write(conn, &endpoint)?;
        query(conn, queries::OLDEST_DELIVERY_OF_ENDPOINT, [id], rows::delivery)?
    } else {
        let params = params![id, now.as_micros(), as_limit(free)];
        query(conn, queries::DUE_DELIVERIES_OF_ENDPOINT, params, rows::delivery)?
    };
    Ok(Turn {
        endpoint,
        due: due.into_iter(),
    })
}

fn lease(
    conn: &Connection,
    (before, claims): (Delivery, FencingToken),
    endpoint: &Endpoint,
    terms: Terms,
) -> Result<Dispatch, StoreError> {
    let lease = DeliveryLease {
        worker: terms.worker,
        token: claims.next(),
    };
    let delivery = Delivery {
        state: DeliveryState::Sending {
            lease,
            lease_expires_at: terms.expires_at,
        },
        ..before.clone()
    };
    if delivery.client != endpoint.client {
        return Err(broken(
            &delivery,
            "client",
            "the endpoint belongs to another client",
        ));
    }
    write(conn, (&before, claims), (&delivery, lease.token))?;
    Ok(Dispatch {
        event: event(conn, &delivery)?,
        endpoint: endpoint.clone(),
        delivery,
        lease,
    })
}

fn free_all(
    conn: &Connection,
    lost: Vec<(Delivery, FencingToken)>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    move_all(conn, lost, DeliveryState::Pending { not_before: now })
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

/// Deliveries that one call closes because they have waited for too long.
const EXPIRED_AT_ONCE: u32 = 1_000;

/// Both kinds of leases that have expired, and what has waited for too long at endpoints that are not called.
pub(crate) fn reap_everything(conn: &Connection, sources: &Sources) -> Result<u64, StoreError> {
    let now = sources.clock.now();
    expire_waiting(conn, now, EXPIRED_AT_ONCE)?;
    Ok(jobs::reap(conn, sources)? + reap(conn, now)?)
}
