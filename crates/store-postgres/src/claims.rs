//! Leasing deliveries to couriers, and taking back what they have lost.
//!
//! A claim passes over what another one has locked, so that couriers of several processes share an endpoint without waiting
//! for each other. Only heads are claimed, and a head stays one until it is written by whoever holds its lease: the
//! deliveries of a chain go out one after the other whoever claims them. The one probe of a held endpoint is claimed under
//! the lock of its row.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use sfumato_core::delivery::{Delivery, DeliveryLease, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState, PROBE_INTERVAL};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::store::{Claimed, Dispatch, News, Waiting, Want};
use sfumato_core::{DeliveryId, EndpointId, StoreError, Timestamp, WorkerId};
use tokio_postgres::Row;

use crate::deliveries::{Found, broken, by_id, hold, hold_in_chains, move_all, write};
use crate::endpoints;
use crate::locks;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Params, Tx, as_limit, query, query_one, value};

/// Whose the leases of one claim are, and how long.
#[derive(Clone, Copy)]
struct Terms {
    worker: WorkerId,
    expires_at: Timestamp,
}

/// A delivery that waits, how often it was claimed, and what it tells.
type Head = (Delivery, FencingToken, Event);

fn head(row: &Row) -> Result<Head, StoreError> {
    let (delivery, claims) = rows::delivery(row)?;
    Ok((delivery, claims, rows::told(row)?))
}

pub(crate) async fn claim(
    tx: &Tx<'_>,
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
    for (mut endpoint, count) in wanted(tx, wants, now).await? {
        let heads = heads(tx, &mut endpoint, count, now).await?;
        let leases = heads.into_iter().map(|head| lease(tx, head, &endpoint, terms));
        claimed.dispatches.extend(try_join_all(leases).await?);
        claimed.waiting.extend(still_waiting(tx, &endpoint).await?);
    }
    Ok(claimed)
}

/// The endpoints of a claim; those that a probe is due at are locked, all before any delivery is.
async fn wanted(tx: &Tx<'_>, wants: &[Want], now: Timestamp) -> Result<Vec<(Endpoint, usize)>, StoreError> {
    let found = read_wanted(tx, wants).await?;
    let probed: BTreeSet<EndpointId> = found
        .iter()
        .filter(|(endpoint, _)| is_probed(endpoint, now))
        .map(|(endpoint, _)| endpoint.id)
        .collect();
    if probed.is_empty() {
        return Ok(found);
    }
    locks::endpoints(tx, probed).await?;
    read_wanted(tx, wants).await
}

async fn read_wanted(tx: &Tx<'_>, wants: &[Want]) -> Result<Vec<(Endpoint, usize)>, StoreError> {
    let found = try_join_all(wants.iter().map(|want| endpoints::for_courier(tx, want.endpoint))).await?;
    // Deleted in the meantime: nothing waits there.
    let pairs = found.into_iter().zip(wants);
    Ok(pairs
        .filter_map(|(endpoint, want)| Some((endpoint?, want.count)))
        .collect())
}

fn is_probed(endpoint: &Endpoint, now: Timestamp) -> bool {
    matches!(endpoint.state, EndpointState::Held { next_probe_at, .. } if next_probe_at <= now)
}

/// What an endpoint may be sent now, in order: what a person asked for, then what is due, or, where it is held, its oldest
/// as a probe.
async fn heads(
    tx: &Tx<'_>,
    endpoint: &mut Endpoint,
    count: usize,
    now: Timestamp,
) -> Result<Vec<Head>, StoreError> {
    if endpoint.state == EndpointState::Disabled || count == 0 {
        return Ok(vec![]);
    }
    let (id, until, limit) = (endpoint.id.as_uuid(), now.as_micros(), as_limit(count));
    let urgent = queries::URGENT_DELIVERIES_OF_ENDPOINT;
    let mut found = query(tx, urgent, &[&id, &until, &limit], head).await?;
    match &mut endpoint.state {
        EndpointState::Held { next_probe_at, .. } => {
            let is_due = found.is_empty() && *next_probe_at <= now;
            if is_due && !value::<bool>(tx, queries::ENDPOINT_IS_CALLED, &[&id]).await? {
                *next_probe_at = now.after(PROBE_INTERVAL);
                endpoints::write(tx, endpoint).await?;
                found = query(tx, queries::OLDEST_DELIVERY_OF_ENDPOINT, &[&id], head).await?;
            }
        }
        _ if endpoint.health.paused_until.is_some_and(|until| until > now) => {}
        _ => {
            // Those that were just found are among the due ones until they are leased.
            let due = queries::DUE_DELIVERIES_OF_ENDPOINT;
            for due in query(tx, due, &[&id, &until, &limit], head).await? {
                if found.len() < count && !due.0.urgent {
                    found.push(due);
                }
            }
        }
    }
    Ok(found)
}

/// When the next of an endpoint is due: the same rule as in the query of all.
async fn still_waiting(tx: &Tx<'_>, endpoint: &Endpoint) -> Result<Option<Waiting>, StoreError> {
    let id = endpoint.id.as_uuid();
    let found = query_one(tx, queries::OLDEST_DUE_OF_ENDPOINT, &[&id], |row| {
        let row = Reader::new(row, "deliveries");
        Ok((row.optional_time("oldest")?, row.optional_time("urgent")?))
    })
    .await;
    let Some((Some(oldest), urgent)) = found? else {
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

pub(crate) async fn waiting_endpoints(tx: &Tx<'_>) -> Result<Vec<Waiting>, StoreError> {
    query(tx, queries::WAITING_ENDPOINTS, &[], |row| {
        let row = Reader::new(row, "endpoints");
        Ok(Waiting {
            endpoint: row.endpoint_id("id")?,
            due: row.time("due")?,
            held: row.get("held")?,
            urgent: row.get("urgent")?,
            consecutive_failures: row.number("consecutive_failures")?,
        })
    })
    .await
}

async fn lease(
    tx: &Tx<'_>,
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
    write(tx, (&before, claims), (&delivery, lease.token)).await?;
    Ok(Dispatch {
        event,
        endpoint: endpoint.clone(),
        delivery,
        lease,
    })
}

async fn free_all(tx: &Tx<'_>, lost: Vec<Found>, now: Timestamp) -> Result<u64, StoreError> {
    let held = hold(tx, lost).await?;
    move_all(tx, held, DeliveryState::Pending { not_before: now }).await
}

pub(crate) async fn reap(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let until = now.as_micros();
    let lost = query(
        tx,
        queries::DELIVERIES_WITH_EXPIRED_LEASE,
        &[&until],
        rows::delivery,
    )
    .await?;
    free_all(tx, lost, now).await
}

pub(crate) async fn void_leases_of_others(
    tx: &Tx<'_>,
    alive: WorkerId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let alive = alive.as_uuid();
    let lost = query(
        tx,
        queries::DELIVERIES_OF_OTHER_WORKERS,
        &[&alive],
        rows::delivery,
    )
    .await?;
    free_all(tx, lost, now).await
}

pub(crate) async fn hand_back(tx: &Tx<'_>, worker: WorkerId, now: Timestamp) -> Result<u64, StoreError> {
    let worker = worker.as_uuid();
    let mine = query(tx, queries::DELIVERIES_OF_WORKER, &[&worker], rows::delivery).await?;
    free_all(tx, mine, now).await
}

/// Frees what was leased ahead and is not to be sent now. A lease that is lost stands for nothing.
pub(crate) async fn hand_back_unsent(
    tx: &Tx<'_>,
    leases: &[(DeliveryId, DeliveryLease)],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let found = try_join_all(leases.iter().map(|(id, _)| by_id(tx, *id))).await?;
    let leased = found.into_iter().zip(leases);
    let unsent = leased.filter_map(|(found, (_, lease))| {
        let is_held = |delivery: &Delivery| {
            matches!(&delivery.state, DeliveryState::Sending { lease: held, .. } if held == lease)
        };
        found.filter(|(delivery, _)| is_held(delivery))
    });
    let held = hold(tx, unsent.collect()).await?;
    for (delivery, _) in &held {
        tx.gather(News::Waiting(delivery.endpoint));
    }
    move_all(tx, held, DeliveryState::Pending { not_before: now }).await
}

/// Deliveries that one call closes because they have waited for too long or are too many.
pub(crate) const EXPIRED_AT_ONCE: u32 = 1_000;

/// The endpoints, held, at which more than `waiting_max` may wait.
pub(crate) async fn crowded_endpoints(tx: &Tx<'_>, waiting_max: u32) -> Result<Vec<EndpointId>, StoreError> {
    query(
        tx,
        queries::CROWDED_ENDPOINTS,
        &[&i64::from(waiting_max)],
        |row| Reader::new(row, "endpoints").endpoint_id("id"),
    )
    .await
}

/// Closes, at a held endpoint, what waits beyond `waiting_max`: the oldest intermediate ones first. Counted.
pub(crate) async fn give_up_what_is_too_much(
    tx: &Tx<'_>,
    id: EndpointId,
    now: Timestamp,
    waiting_max: u32,
) -> Result<(), StoreError> {
    let endpoint = id.as_uuid();
    let waiting: i64 = value(tx, queries::COUNT_WAITING_OF_ENDPOINT, &[&endpoint]).await?;
    let too_many = (waiting - i64::from(waiting_max)).clamp(0, i64::from(EXPIRED_AT_ONCE));
    if too_many == 0 {
        return Ok(());
    }
    let params: Params<'_> = &[&endpoint, &too_many];
    let found = query(tx, queries::WAITING_TO_GIVE_UP, params, rows::delivery).await?;
    locks::jobs(tx, found.iter().map(|(delivery, _)| delivery.job).collect()).await?;
    locks::endpoints(tx, [id].into()).await?;
    let held = hold_in_chains(tx, found).await?;
    let count = move_all(tx, held, DeliveryState::Expired { at: now }).await?;
    if let Some(mut endpoint) = endpoints::for_courier(tx, id).await? {
        endpoint.health.overflowed = endpoint.health.overflowed.saturating_add(count);
        endpoints::write(tx, &endpoint).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sfumato_core::delivery::{Attempt, Outcome};
    use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};
    use sfumato_core::{Endpoint, StoreError};
    use sfumato_testkit::postgres::Database;
    use sfumato_testkit::{SimClock, SimEntropy, World};

    use super::*;
    use crate::{PostgresOptions, PostgresStore};

    async fn give_up(store: &PostgresStore, endpoint: &Endpoint, world: &World, max: u32) {
        let (crowded, id) = (
            store.read(|tx| Box::pin(crowded_endpoints(tx, max))).await,
            endpoint.id,
        );
        assert_eq!(crowded.unwrap(), [id]);
        let given_up: Result<(), StoreError> = store
            .write(|tx| Box::pin(give_up_what_is_too_much(tx, id, world.now(), max)))
            .await;
        given_up.unwrap();
    }

    #[tokio::test]
    async fn promise_9_of_what_is_too_much_at_a_held_endpoint_the_oldest_intermediate_goes_first_and_is_counted()
     {
        let database = Database::create();
        let url = database.url();
        PostgresStore::migrate(&url).await.unwrap();
        let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
        let options = PostgresOptions::default();
        let store = PostgresStore::open(&url, clock.clone(), entropy.clone(), options).await;
        let store = Arc::new(store.unwrap());
        let world = World::new(store.clone(), clock, entropy);
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
        // Superseded are Sent and Started of the first job; Succeeded of it and all three of the second one wait.
        give_up(&store, &endpoint, &world, 2).await;
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
        give_up(&store, &endpoint, &world, 1).await;
        assert_eq!(
            world.history(&first).await[2],
            (Succeeded, "expired"),
            "the older one"
        );
        assert_eq!(world.endpoint_now(&endpoint).await.health.overflowed, 3);
    }
}
