//! What is told of a job, and to whom.

use sfumato_core::delivery::Outcome;
use sfumato_core::event::EventStatus::{Failed, Sent, Started, Succeeded};
use sfumato_core::job::FailureClass;
use sfumato_core::store::EndpointChange;

use crate::{World, lease_of};

pub async fn every_change_of_a_job_is_told_in_order(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    assert_eq!(world.history(&job).await, [(Sent, "pending")]);
    let running = world.claimed().await;
    assert_eq!(
        world.history(&job).await,
        [(Sent, "pending"), (Started, "pending")]
    );
    world.finish(&running, world.success()).await;
    let told = world.records(&job).await;
    let statuses: Vec<_> = told
        .iter()
        .map(|record| (record.event.sequence, record.event.status))
        .collect();
    assert_eq!(statuses, [(1, Sent), (2, Started), (3, Succeeded)]);
    for record in told {
        assert_eq!((record.event.job, record.event.client), (job.id, client.id));
        assert_eq!(record.delivery.event, record.event.id);
        assert_eq!(record.delivery.created_at, record.event.at);
    }
}

pub async fn a_final_failure_is_told(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    world.finish(&job, world.failure(FailureClass::Input)).await;
    let told: Vec<_> = world.history(&job).await.into_iter().map(|(s, _)| s).collect();
    assert_eq!(told, [Sent, Started, Failed]);
}

pub async fn a_failure_that_is_tried_again_is_not_told(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    world.finish(&job, world.failure(FailureClass::Transient)).await;
    assert_eq!(world.history(&job).await.len(), 2);
    world.pass(60);
    let again = world.claimed().await;
    assert_eq!(again.id, job.id);
    assert_eq!(
        world.history(&job).await.len(),
        2,
        "the outside hears once that it started"
    );
}

pub async fn handing_back_and_reaping_are_not_told(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    world.store.hand_back_job(job.id, &lease_of(&job)).await.unwrap();
    world.claimed().await;
    world.pass(60);
    world.store.reap().await.unwrap();
    world.claimed().await;
    assert_eq!(
        world.history(&job).await,
        [(Sent, "pending"), (Started, "pending")]
    );
}

pub async fn a_cancelled_job_tells_nothing_and_leaves_what_was_told(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    let failing = world.dispatch().await;
    world.attempted(&failing, Outcome::Connect).await;
    world.store.cancel_job(client.id, job.id).await.unwrap();
    assert_eq!(
        world.history(&job).await,
        [(Sent, "pending"), (Started, "pending")]
    );
    world.pass(60);
    let told: Vec<_> = world
        .deliver_all()
        .await
        .iter()
        .map(|dispatch| dispatch.event.status)
        .collect();
    assert_eq!(told, [Sent, Started]);
}

pub async fn every_endpoint_of_the_client_and_no_other_is_told(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    world.endpoint(stranger.id).await;
    let endpoints = [
        world.endpoint(client.id).await.id,
        world.endpoint(client.id).await.id,
    ];
    let job = world.submitted(client.id).await;
    let mut told: Vec<_> = world
        .records(&job)
        .await
        .iter()
        .map(|record| record.delivery.endpoint)
        .collect();
    told.sort();
    assert_eq!(told, endpoints);
}

pub async fn without_an_endpoint_nothing_waits_to_be_sent(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    assert!(world.history(&job).await.is_empty());
    assert!(world.dispatches().await.is_empty());
    assert_eq!(world.next_due().await, None);
}

pub async fn a_new_endpoint_hears_only_what_happens_later(world: World) {
    let client = world.client().await;
    let job = world.submitted(client.id).await;
    world.endpoint(client.id).await;
    let running = world.claimed().await;
    world.finish(&running, world.success()).await;
    let told: Vec<_> = world
        .deliver_all()
        .await
        .iter()
        .map(|dispatch| (dispatch.event.sequence, dispatch.event.status))
        .collect();
    assert_eq!(told, [(2, Started), (3, Succeeded)]);
    assert_eq!(world.history(&job).await.len(), 2);
}

pub async fn an_endpoint_that_is_switched_off_hears_nothing_of_what_happens_meanwhile(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let switch = |active| {
        let change = EndpointChange {
            active: Some(active),
            ..EndpointChange::default()
        };
        world.store.update_endpoint(client.id, endpoint.id, change)
    };
    let before = world.submitted(client.id).await;
    switch(false).await.unwrap();
    let meanwhile = world.submitted(client.id).await;
    assert!(world.dispatches().await.is_empty());
    assert!(world.history(&meanwhile).await.is_empty());
    switch(true).await.unwrap();
    let dispatch = world.dispatch().await;
    assert_eq!(dispatch.delivery.job, before.id);
}

pub async fn an_endpoint_that_is_held_hears_later_of_what_happens_meanwhile(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let gone = world.dispatch().await;
    let attempt = sfumato_core::Attempt {
        status: Some(410),
        ..world.attempt(&gone, Outcome::Status)
    };
    world.record(&gone, &attempt).await;
    let meanwhile = world.submitted(client.id).await;
    assert_eq!(world.history(&meanwhile).await, [(Sent, "pending")]);
}
