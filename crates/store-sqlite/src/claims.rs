//! Leasing deliveries to couriers, and taking back what they have lost.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::delivery::{Delivery, DeliveryLease, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState, PROBE_INTERVAL, WAITING_MAX};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::store::{Claimed, Dispatch, News, Reaped, Waiting, Want};
use sfumato_core::{DeliveryId, EndpointId, StoreError, Timestamp, WorkerId};

use crate::clock;
use crate::deliveries::{broken, expire_waiting, move_all, write};
use crate::endpoints;
use crate::hook::Hook;
use crate::jobs;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, as_limit, query, query_one, unavailable};

/// Whose the leases of one claim are, and how long.
#[derive(Clone, Copy)]
struct Terms {
    worker: WorkerId,
    expires_at: Timestamp,
}

/// A delivery that waits, how often it was claimed, and what it tells.
type Head = (Delivery, FencingToken, Event);

fn head(row: &rusqlite::Row<'_>) -> Result<Head, StoreError> {
    let (delivery, claims) = rows::delivery(row)?;
    Ok((delivery, claims, rows::told(row)?))
}

pub(crate) fn claim(
    conn: &Connection,
    worker: WorkerId,
    wants: &[Want],
    lease_for: Duration,
    now: Timestamp,
) -> Result<Claimed, StoreError> {
    let terms = Terms {
        worker,
        expires_at: now.after(lease_for),
    };
    let mut claimed = Claimed::default();
    for want in wants {
        // Deleted in the meantime: nothing waits there.
        let Some(mut endpoint) = endpoints::for_courier(conn, want.endpoint)? else {
            continue;
        };
        for head in heads(conn, &mut endpoint, want.count, now)? {
            claimed.dispatches.push(lease(conn, head, &endpoint, terms)?);
        }
        claimed.waiting.extend(still_waiting(conn, &endpoint)?);
    }
    Ok(claimed)
}

/// What an endpoint may be sent now, in order: what a person asked for, then what is due, or, where it is held, its oldest
/// as a probe.
fn heads(
    conn: &Connection,
    endpoint: &mut Endpoint,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Head>, StoreError> {
    if endpoint.state == EndpointState::Disabled || count == 0 {
        return Ok(vec![]);
    }
    let id = key(endpoint.id.as_uuid());
    let urgent = params![id, now.as_micros(), as_limit(count)];
    let mut found = query(conn, queries::URGENT_DELIVERIES_OF_ENDPOINT, urgent, head)?;
    match &mut endpoint.state {
        EndpointState::Held { next_probe_at, .. } => {
            if found.is_empty() && *next_probe_at <= now && !is_called(conn, id)? {
                *next_probe_at = now.after(PROBE_INTERVAL);
                endpoints::write(conn, endpoint)?;
                found = query(conn, queries::OLDEST_DELIVERY_OF_ENDPOINT, [id], head)?;
            }
        }
        _ if endpoint.health.paused_until.is_some_and(|until| until > now) => {}
        _ => {
            // Those that were just found are among the due ones until they are leased.
            let params = params![id, now.as_micros(), as_limit(count)];
            for due in query(conn, queries::DUE_DELIVERIES_OF_ENDPOINT, params, head)? {
                if found.len() < count && !due.0.urgent {
                    found.push(due);
                }
            }
        }
    }
    Ok(found)
}

fn is_called(conn: &Connection, endpoint: [u8; 16]) -> Result<bool, StoreError> {
    let called = query_one(conn, queries::ENDPOINT_IS_CALLED, [endpoint], |row| {
        row.get::<_, bool>(0).map_err(unavailable)
    })?;
    Ok(called == Some(true))
}

/// When the next of an endpoint is due: the same rule as in the query of all.
fn still_waiting(conn: &Connection, endpoint: &Endpoint) -> Result<Option<Waiting>, StoreError> {
    let id = key(endpoint.id.as_uuid());
    let found = query_one(conn, queries::OLDEST_DUE_OF_ENDPOINT, [id], |row| {
        let row = Reader::new(row, "deliveries");
        Ok((row.optional_time("oldest")?, row.optional_time("urgent")?))
    })?;
    let Some((Some(oldest), urgent)) = found else {
        return Ok(None);
    };
    let by_rule = match endpoint.state {
        EndpointState::Disabled => return Ok(None),
        EndpointState::Held { next_probe_at, .. } => next_probe_at,
        EndpointState::Active => endpoint
            .health
            .paused_until
            .map_or(oldest, |until| until.max(oldest)),
    };
    Ok(Some(Waiting {
        endpoint: endpoint.id,
        due: urgent.unwrap_or(by_rule),
        held: matches!(endpoint.state, EndpointState::Held { .. }),
        urgent: urgent.is_some(),
        consecutive_failures: endpoint.health.consecutive_failures,
    }))
}

pub(crate) fn waiting_endpoints(conn: &Connection) -> Result<Vec<Waiting>, StoreError> {
    query(conn, queries::WAITING_ENDPOINTS, [], |row| {
        let row = Reader::new(row, "endpoints");
        Ok(Waiting {
            endpoint: row.endpoint_id("id")?,
            due: row.time("due")?,
            held: row.get("held")?,
            urgent: row.get("urgent")?,
            consecutive_failures: row.number("consecutive_failures")?,
        })
    })
}

fn lease(
    conn: &Connection,
    (before, claims, event): Head,
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
        event,
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

/// Frees what was leased ahead and is not to be sent now. A lease that is lost stands for nothing.
pub(crate) fn hand_back_unsent(
    conn: &Connection,
    hook: &Hook,
    leases: &[(DeliveryId, DeliveryLease)],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut unsent = Vec::with_capacity(leases.len());
    for (id, lease) in leases {
        let found = query_one(conn, queries::DELIVERY, [key(id.as_uuid())], rows::delivery)?;
        unsent.extend(found.filter(|(delivery, _)| {
            matches!(&delivery.state, DeliveryState::Sending { lease: held, .. } if held == lease)
        }));
    }
    for (delivery, _) in &unsent {
        hook.gather(News::Waiting(delivery.endpoint));
    }
    free_all(conn, unsent, now)
}

/// Deliveries that one call closes because they have waited for too long or are too many.
const EXPIRED_AT_ONCE: u32 = 1_000;

/// Both kinds of leases that have expired, and what has waited for too long at endpoints that are not called, or is too
/// much at held ones.
pub(crate) fn reap_everything(conn: &Connection, sources: &Sources) -> Result<Reaped, StoreError> {
    let now = sources.clock.now();
    if sources.last_look.was_set_back(now) {
        clock::make_due(conn, now)?;
    }
    expire_waiting(conn, now, EXPIRED_AT_ONCE)?;
    give_up_what_is_too_much(conn, now, WAITING_MAX)?;
    Ok(jobs::reap(conn, sources)?.and(reap(conn, now)?))
}

/// Closes, at held endpoints, what waits beyond `waiting_max`: the oldest intermediate ones first. Counted.
pub(crate) fn give_up_what_is_too_much(
    conn: &Connection,
    now: Timestamp,
    waiting_max: u32,
) -> Result<(), StoreError> {
    let crowded = query(conn, queries::CROWDED_ENDPOINTS, [waiting_max], |row| {
        Reader::new(row, "endpoints").endpoint_id("id")
    })?;
    for id in crowded {
        give_up_at(conn, id, now, waiting_max)?;
    }
    Ok(())
}

fn give_up_at(conn: &Connection, id: EndpointId, now: Timestamp, waiting_max: u32) -> Result<(), StoreError> {
    let endpoint = key(id.as_uuid());
    let waiting: i64 = query_one(conn, queries::COUNT_WAITING_OF_ENDPOINT, [endpoint], |row| {
        row.get(0).map_err(unavailable)
    })?
    .unwrap_or(0);
    let too_many = (waiting - i64::from(waiting_max)).clamp(0, i64::from(EXPIRED_AT_ONCE));
    if too_many == 0 {
        return Ok(());
    }
    let params = params![endpoint, too_many];
    let found = query(conn, queries::WAITING_TO_GIVE_UP, params, rows::delivery)?;
    let count = move_all(conn, found, DeliveryState::Expired { at: now })?;
    if let Some(mut endpoint) = endpoints::for_courier(conn, id)? {
        endpoint.health.overflowed = endpoint.health.overflowed.saturating_add(count);
        endpoints::write(conn, &endpoint)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sfumato_core::delivery::{Attempt, Outcome};
    use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};
    use sfumato_testkit::{SimClock, SimEntropy, World};

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn promise_9_of_what_is_too_much_at_a_held_endpoint_the_oldest_intermediate_goes_first_and_is_counted()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sfumato.db");
        let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
        let store = SqliteStore::open(
            &path,
            clock.clone(),
            entropy.clone(),
            crate::SqliteOptions::default(),
        );
        let world = World::new(Arc::new(store.unwrap()), clock, entropy);
        let client = world.client().await.id;
        let endpoint = world.endpoint(client).await;
        let first = world.succeeded(client).await;
        let dispatch = world.dispatch().await;
        let gone = Attempt {
            status: Some(410),
            ..world.attempt(&dispatch, Outcome::Status)
        };
        world.record(&dispatch, &gone).await;
        let second = world.succeeded(client).await;
        let conn = crate::open::writer(&path).unwrap();
        // Superseded are Sent and Started of the first job; Succeeded of it and all three of the second one wait.
        give_up_what_is_too_much(&conn, world.now(), 2).unwrap();
        assert_eq!(
            world.history(&first).await,
            [
                (Sent, "superseded"),
                (Started, "superseded"),
                (Succeeded, "pending")
            ]
        );
        assert_eq!(
            world.history(&second).await,
            [(Sent, "expired"), (Started, "expired"), (Succeeded, "pending")]
        );
        assert_eq!(world.endpoint_now(&endpoint).await.health.overflowed, 2);
        give_up_what_is_too_much(&conn, world.now(), 1).unwrap();
        assert_eq!(
            world.history(&first).await[2],
            (Succeeded, "expired"),
            "the older one"
        );
        assert_eq!(world.endpoint_now(&endpoint).await.health.overflowed, 3);
    }
}
