//! Sending again what was closed.

use sfumato_core::StoreError;
use sfumato_core::delivery::{DeliveryState, Outcome};
use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};

use crate::World;

pub async fn a_delivered_delivery_is_sent_again_under_its_id_and_its_attempts_count_on(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let first = world.dispatch().await;
    world.attempted(&first, Outcome::Ok).await;
    world.pass(30 * 86_400);
    let resent = world
        .store
        .resend_delivery(client.id, first.delivery.id)
        .await
        .unwrap();
    assert_eq!(
        resent.state,
        DeliveryState::Pending {
            not_before: world.now()
        }
    );
    let again = world.dispatch().await;
    assert_eq!(
        (again.delivery.id, again.delivery.attempts),
        (first.delivery.id, 1)
    );
    assert_ne!(
        again.lease, first.lease,
        "the first courier's lease works no more"
    );
    let state = world.attempted(&again, Outcome::Connect).await;
    assert!(
        matches!(state, DeliveryState::Pending { not_before } if not_before.since(world.now()).as_secs() == 5),
        "a new schedule: {state:?}"
    );
    let attempts = &world.records(&job).await[0].attempts;
    let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2]);
}

pub async fn what_is_sent_again_goes_before_what_waits_of_its_job(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.succeeded(client.id).await;
    let sent = world.dispatch().await;
    world.attempted(&sent, Outcome::Ok).await;
    world
        .store
        .resend_delivery(client.id, sent.delivery.id)
        .await
        .unwrap();
    let order: Vec<_> = world
        .deliver_all()
        .await
        .iter()
        .map(|dispatch| dispatch.event.status)
        .collect();
    assert_eq!(order, [Sent, Started, Succeeded]);
    assert_eq!(world.records(&job).await[0].attempts.len(), 2);
}

pub async fn what_is_on_its_way_is_not_overtaken_by_a_resend(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.running(client.id).await;
    let sent = world.dispatch().await;
    world.attempted(&sent, Outcome::Ok).await;
    let started = world.dispatch().await;
    world
        .store
        .resend_delivery(client.id, sent.delivery.id)
        .await
        .unwrap();
    assert!(
        world.dispatches().await.is_empty(),
        "one of a job at a time at one endpoint"
    );
    world.attempted(&started, Outcome::Connect).await;
    let again = world.dispatch().await;
    assert_eq!(again.delivery.id, sent.delivery.id);
    let state = world.attempted(&again, Outcome::Ok).await;
    assert_eq!(state, DeliveryState::Delivered { at: world.now() });
    world.pass(6);
    assert_eq!(world.dispatch().await.event.status, Started);
}

pub async fn a_delivery_that_is_on_its_way_is_not_sent_twice_by_a_resend(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let id = dispatch.delivery.id;
    let resent = world.store.resend_delivery(client.id, id).await.unwrap();
    assert_eq!(resent, dispatch.delivery);
    assert!(world.dispatches().await.is_empty());
    world.attempted(&dispatch, Outcome::Ok).await;
}

pub async fn only_its_own_client_sends_again_and_only_to_endpoints_that_exist(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let id = world.records(&job).await[0].delivery.id;
    let refused = |answer| matches!(answer, Err(StoreError::NotFound { .. }));
    assert!(refused(world.store.resend_delivery(stranger.id, id).await));
    world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();
    assert!(refused(world.store.resend_delivery(client.id, id).await));
    assert_eq!(world.history(&job).await, [(Sent, "dropped")]);
}
