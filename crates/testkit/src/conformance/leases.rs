//! Leases of deliveries: who may record, and what becomes of what is lost.

use std::time::Duration;

use sfumato_core::delivery::{DeliveryLease, DeliveryState, Outcome};
use sfumato_core::event::EventStatus::Sent;
use sfumato_core::store::{Dispatch, Want};
use sfumato_core::{DeliveryId, StoreError, WorkerId};

use crate::{COURIER, LEASE, World};

pub async fn a_claimed_delivery_is_not_claimed_again(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    world.dispatch().await;
    assert!(world.dispatches().await.is_empty());
}

pub async fn our_own_stop_spends_no_attempt(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let state = world.attempted(&dispatch, Outcome::Cancelled).await;
    assert_eq!(
        state,
        DeliveryState::Pending {
            not_before: world.now()
        }
    );
    assert_eq!(world.records(&job).await[0].delivery.attempts, 0);
    assert_eq!(world.endpoint_now(&endpoint).await.health, endpoint.health);
    assert_eq!(world.dispatch().await.delivery.id, dispatch.delivery.id);
}

async fn assert_is_lost(world: &World, dispatch: &Dispatch) {
    let attempt = world.attempt(dispatch, Outcome::Ok);
    let refused = world.recorded(dispatch, &attempt).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
}

pub async fn a_stale_delivery_lease_writes_nothing(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let first = world.dispatch().await;
    let forged = Dispatch {
        lease: DeliveryLease {
            worker: WorkerId::new(&*world.clock, &*world.entropy),
            ..first.lease
        },
        ..first.clone()
    };
    assert_is_lost(&world, &forged).await;
    world.pass(31);
    world.store.reap().await.unwrap();
    assert_is_lost(&world, &first).await;
    let second = world.dispatch().await;
    assert_is_lost(&world, &first).await;
    let record = &world.records(&job).await[0];
    assert_eq!(record.delivery, second.delivery);
    assert!(record.attempts.is_empty());
    assert_eq!(world.endpoint_now(&endpoint).await, endpoint);
    world.attempted(&second, Outcome::Ok).await;
    assert_is_lost(&world, &second).await;
    assert_eq!(world.records(&job).await[0].attempts.len(), 1);
}

pub async fn a_lease_on_a_delivery_that_does_not_exist_is_lost(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let mut dispatch = world.dispatch().await;
    dispatch.delivery.id = DeliveryId::new(&*world.clock, &*world.entropy);
    assert_is_lost(&world, &dispatch).await;
}

pub async fn a_delivery_whose_lease_has_ended_goes_out_again_under_the_same_id(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let first = world.dispatch().await;
    world.clock.advance(LEASE - Duration::from_micros(1));
    assert_eq!(world.store.reap().await.unwrap().freed, 0);
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.store.reap().await.unwrap().freed, 1);
    let second = world.dispatch().await;
    assert_eq!(second.delivery.id, first.delivery.id);
    assert_eq!(second.delivery.attempts, 0);
    assert!(second.lease.token > first.lease.token);
}

pub async fn a_courier_hands_back_what_it_holds_and_nothing_else(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let mine = world.submitted(client.id).await;
    let first = world.dispatch().await;
    let theirs = world.submitted(client.id).await;
    let other = WorkerId::new(&*world.clock, &*world.entropy);
    let wants = [Want {
        endpoint: first.endpoint.id,
        count: 10,
    }];
    let held = world.store.claim_deliveries(other, &wants, LEASE).await.unwrap();
    let held = held.dispatches;
    assert_eq!(held[0].delivery.job, theirs.id);
    assert_eq!(world.store.hand_back_deliveries(COURIER).await.unwrap(), 1);
    assert_is_lost(&world, &first).await;
    let again = world.dispatch().await;
    assert_eq!((again.delivery.job, again.delivery.attempts), (mine.id, 0));
    world.attempted(&held[0], Outcome::Ok).await;
}

pub async fn what_was_leased_and_not_sent_is_handed_back_without_an_attempt_and_lost_leases_are_passed_over(
    world: World,
) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let lost = world.dispatch().await;
    let leases = |dispatch: &Dispatch| vec![(dispatch.delivery.id, dispatch.lease)];
    assert_eq!(world.store.hand_back_unsent(leases(&lost)).await.unwrap(), 1);
    assert_is_lost(&world, &lost).await;
    let again = world.dispatch().await;
    assert_eq!((again.delivery.job, again.delivery.attempts), (job.id, 0));
    assert_eq!(world.store.hand_back_unsent(leases(&lost)).await.unwrap(), 0);
    world.attempted(&again, Outcome::Ok).await;
    assert_eq!(world.store.hand_back_unsent(leases(&again)).await.unwrap(), 0);
    assert_eq!(world.history(&job).await, [(Sent, "delivered")]);
}

pub async fn delivery_leases_of_dead_couriers_are_voided_whatever_their_end(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let lost = world.dispatch().await;
    let alive = WorkerId::new(&*world.clock, &*world.entropy);
    assert_eq!(world.store.void_leases_of_others(COURIER).await.unwrap().freed, 0);
    assert_eq!(world.store.void_leases_of_others(alive).await.unwrap().freed, 1);
    assert_is_lost(&world, &lost).await;
    assert_eq!(world.dispatch().await.delivery.id, lost.delivery.id);
}

pub async fn reaping_counts_jobs_and_deliveries(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.running(client.id).await;
    world.submitted(client.id).await;
    assert_eq!(world.dispatches().await.len(), 2);
    world.pass(31);
    assert_eq!(world.store.reap().await.unwrap().freed, 3);
    assert_eq!(world.store.reap().await.unwrap().freed, 0);
}
