//! Replays and resends, carried out by a running engine.

use std::time::Duration;

use sfumato_core::replay::{ReplayCounts, ReplayState};
use sfumato_core::store::DeliveryFilter;
use sfumato_core::{Clock, Endpoint, ReplaySelection, Standing, Store, StoreError, Timestamp};
use sfumato_engine::Engine;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::receiver::{Receiver, until};
use crate::world::{Courier, World, settings};

fn everything(world: &World) -> ReplaySelection {
    ReplaySelection {
        since: Timestamp::from_seconds(0),
        until: world.clock.now().after(Duration::from_secs(1)),
        statuses: vec![],
        standings: vec![],
        job: None,
    }
}

struct Replays {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Replays {
    fn start(engine: &Engine) -> Self {
        let (engine, shutdown) = (engine.clone(), CancellationToken::new());
        let token = shutdown.clone();
        Self {
            task: tokio::spawn(async move { engine.run_replays(token).await }),
            shutdown,
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// A receiver that has heard of `jobs` whole jobs.
async fn heard(world: &World, jobs: usize) -> (Receiver, Endpoint) {
    let receiver = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let courier = Courier::start(&world.engine);
    for _ in 0..jobs {
        let job = world.submit().await;
        world.succeed(world.begin().await).await;
        world.wait_for_states(job.id, &["delivered"; 3]).await;
    }
    courier.stop().await;
    (receiver, endpoint)
}

async fn ended(world: &World, endpoint: &Endpoint, replay: sfumato_core::ReplayId) -> ReplayCounts {
    until("the end of a replay", || async {
        let replay = world.engine.replay(&world.caller, endpoint.id, replay).await;
        let replay = replay.unwrap();
        matches!(replay.state, ReplayState::Done { .. }).then_some(replay.counts)
    })
    .await
}

#[tokio::test]
async fn promise_10_a_replay_delivers_everything_again_and_survives_a_crash() {
    let world = World::new(settings()).await;
    let (receiver, endpoint) = heard(&world, 8).await;
    let first: Vec<String> = receiver
        .received()
        .iter()
        .map(|received| received.header("webhook-id").to_owned())
        .collect();
    assert_eq!(first.len(), 24);
    let chosen = everything(&world);
    let counts = world.engine.try_replay(&world.caller, endpoint.id, &chosen).await;
    assert_eq!((counts.unwrap().resent, receiver.received().len()), (24, 24));
    let replay = world
        .engine
        .start_replay(&world.caller, endpoint.id, &chosen)
        .await
        .unwrap();
    // A step is written, and then the process dies.
    world.store.advance_replay(replay.id, 5).await.unwrap();
    let engine = world.restarted(settings());
    let (replays, courier) = (Replays::start(&engine), Courier::start(&engine));
    assert_eq!(ended(&world, &endpoint, replay.id).await.resent, 24);
    until("everything to arrive again", || async {
        (receiver.received().len() >= 48).then_some(())
    })
    .await;
    replays.stop().await;
    courier.stop().await;
    let mut again: Vec<String> = receiver.received()[24..]
        .iter()
        .map(|received| received.header("webhook-id").to_owned())
        .collect();
    let mut expected = first;
    expected.sort();
    again.sort();
    assert_eq!(again, expected, "each once more, and none twice");
}

#[tokio::test]
async fn promise_10_a_replay_brings_a_young_endpoint_what_it_missed() {
    let world = World::new(settings()).await;
    heard(&world, 2).await;
    let receiver = Receiver::obedient().await;
    let young = world.endpoint(&receiver.url()).await;
    let chosen = ReplaySelection {
        standings: vec![Standing::Missing],
        ..everything(&world)
    };
    let replay = world
        .engine
        .start_replay(&world.caller, young.id, &chosen)
        .await
        .unwrap();
    let (replays, courier) = (Replays::start(&world.engine), Courier::start(&world.engine));
    let counts = ended(&world, &young, replay.id).await;
    assert_eq!((counts.created, counts.resent), (6, 0));
    until("all events", || async {
        (receiver.received().len() == 6).then_some(())
    })
    .await;
    replays.stop().await;
    courier.stop().await;
    let mut told = std::collections::BTreeMap::<String, Vec<String>>::new();
    for received in receiver.received() {
        told.entry(received.task_id())
            .or_default()
            .push(received.status());
    }
    for statuses in told.values() {
        assert_eq!(statuses, &["Sent", "Started", "Succeeded"]);
    }
}

#[tokio::test]
async fn promise_10_one_delivery_is_sent_again_under_its_id() {
    let world = World::new(settings()).await;
    let (receiver, endpoint) = heard(&world, 1).await;
    let list = world
        .engine
        .deliveries(&world.caller, endpoint.id, DeliveryFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!((list.records.len(), list.next), (3, None));
    let delivery = list.records[0].delivery.id;
    let courier = Courier::start(&world.engine);
    world
        .engine
        .resend(&world.caller, endpoint.id, delivery)
        .await
        .unwrap();
    let received = until("the delivery", || async {
        let received = receiver.received();
        (received.len() == 4).then(|| received[3].clone())
    })
    .await;
    courier.stop().await;
    assert_eq!(received.header("webhook-id"), delivery.to_string());
    assert_eq!(received.header("webhook-attempt"), "2");
    let (_, other) = heard(&world, 0).await;
    let refused = world.engine.resend(&world.caller, other.id, delivery).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound { .. })),
        "it is none of that endpoint: {refused:?}"
    );
}
