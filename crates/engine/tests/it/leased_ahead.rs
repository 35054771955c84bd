//! Deliveries that are leased before there is a place for them, to receivers on real sockets.

use std::sync::Arc;

use sfumato_core::store::EndpointChange;
use sfumato_core::{Endpoint, Job, Store};
use tokio::sync::Semaphore;

use crate::receiver::{gated, until};
use crate::world::{Courier, World, settings};

/// What may be in flight to one endpoint.
const IN_FLIGHT_MAX: usize = 16;

/// How many of the jobs have deliveries in this state.
async fn count(world: &World, jobs: &[Job], state: &str) -> usize {
    let mut count = 0;
    for job in jobs {
        count += usize::from(world.states(job.id).await == [state]);
    }
    count
}

/// Submits more than there is place for to a receiver whose gate is closed, as often as it takes until it is known to be
/// brisk: on a busy machine an answer may need longer than that allows.
async fn leased_ahead(world: &World, gate: &Arc<Semaphore>) -> Vec<Job> {
    loop {
        for _ in 0..40 {
            gate.add_permits(1);
            let job = world.submit().await;
            world.wait_for_states(job.id, &["delivered"]).await;
        }
        let mut jobs = Vec::new();
        for _ in 0..40 {
            jobs.push(world.submit().await);
        }
        if count(world, &jobs, "sending").await > IN_FLIGHT_MAX {
            return jobs;
        }
        gate.add_permits(jobs.len());
        for job in &jobs {
            world.wait_for_states(job.id, &["delivered"]).await;
        }
    }
}

async fn switch(world: &World, endpoint: &Endpoint, active: bool) {
    let change = EndpointChange {
        active: Some(active),
        ..EndpointChange::default()
    };
    let changed = world
        .store
        .update_endpoint(world.caller.client, endpoint.id, change);
    changed.await.unwrap();
}

#[tokio::test]
async fn what_is_leased_ahead_waits_for_a_place_and_is_handed_back_unsent_when_its_endpoint_is_switched_off()
{
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let courier = Courier::start(&world.engine);
    let jobs = leased_ahead(&world, &gate).await;
    let before = receiver.received().len();

    switch(&world, &endpoint, false).await;
    until("only what is in flight is leased", || async {
        (count(&world, &jobs, "sending").await <= IN_FLIGHT_MAX).then_some(())
    })
    .await;
    gate.add_permits(jobs.len());
    until("what was in flight is delivered", || async {
        (count(&world, &jobs, "sending").await == 0).then_some(())
    })
    .await;
    let delivered = count(&world, &jobs, "delivered").await;
    assert!((1..=IN_FLIGHT_MAX).contains(&delivered), "{delivered}");
    assert_eq!(count(&world, &jobs, "pending").await, jobs.len() - delivered);
    assert!(receiver.received().len() <= before + IN_FLIGHT_MAX);

    switch(&world, &endpoint, true).await;
    for job in &jobs {
        world.wait_for_states(job.id, &["delivered"]).await;
        let records = world.deliveries(job.id).await;
        assert_eq!(records[0].delivery.attempts, 1, "each was sent once");
    }
    courier.stop().await;
}

#[tokio::test]
async fn what_is_leased_ahead_at_a_crash_is_void_and_nobody_has_seen_it() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    world.endpoint(&receiver.url()).await;
    let courier = Courier::start(&world.engine);
    let jobs = leased_ahead(&world, &gate).await;
    courier.kill().await;

    let engine = world.restarted(settings());
    engine.recover(None).await.unwrap();
    gate.add_permits(2 * jobs.len());
    let courier = Courier::start(&engine);
    for job in &jobs {
        world.wait_for_states(job.id, &["delivered"]).await;
    }
    courier.stop().await;
    let tasks: Vec<String> = jobs.iter().map(|job| job.public_id().to_string()).collect();
    let received = receiver.received();
    let arrivals = received
        .iter()
        .filter(|received| tasks.contains(&received.task_id()));
    assert!(
        arrivals.count() <= jobs.len() + IN_FLIGHT_MAX,
        "twice came what was in flight"
    );
}
