//! Replays: what they choose, in which order it goes out, and that they go on where they were.

use sfumato_core::delivery::{DeliveryState, Outcome};
use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};
use sfumato_core::replay::{REPLAY_BACKLOG_MAX, ReplayCounts, ReplayState, ReplayStep};
use sfumato_core::store::{DeliveryFilter, EndpointChange};
use sfumato_core::{
    Client, Endpoint, EventPosition, Replay, ReplayId, ReplaySelection, Standing, StoreError, Timestamp,
};

use crate::World;

fn everything(world: &World) -> ReplaySelection {
    ReplaySelection {
        since: Timestamp::from_seconds(0),
        until: world.now().after(std::time::Duration::from_secs(1)),
        statuses: vec![],
        standings: vec![],
        job: None,
    }
}

async fn begin(
    world: &World,
    endpoint: &Endpoint,
    selection: &ReplaySelection,
) -> Result<Replay, StoreError> {
    let id = ReplayId::new(&*world.clock, &*world.entropy);
    world
        .store
        .create_replay(endpoint.client, endpoint.id, id, selection)
        .await
}

/// Steps to its end; returns it as it then stands.
async fn finish(world: &World, replay: &Replay, limit: usize) -> Replay {
    for _ in 0..100 {
        match world.store.advance_replay(replay.id, limit).await.unwrap() {
            ReplayStep::Advanced(now) if now.state == ReplayState::Running => {}
            ReplayStep::Advanced(now) => return *now,
            other => panic!("a step came to {other:?}"),
        }
    }
    panic!("a replay has no end");
}

const fn counts(examined: u64, resent: u64, created: u64, left: u64) -> ReplayCounts {
    ReplayCounts {
        examined,
        resent,
        created,
        left,
    }
}

/// A client with an endpoint that has heard of one whole job.
async fn heard(world: &World) -> (Client, Endpoint) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.succeeded(client.id).await;
    world.deliver_all().await;
    world.pass(60);
    (client, endpoint)
}

pub async fn promise_10_a_replay_sends_everything_again_in_order_under_the_same_ids(world: World) {
    let (client, endpoint) = heard(&world).await;
    let job = world.succeeded(client.id).await;
    let first = world.deliver_all().await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    assert_eq!(
        (replay.state, replay.counts),
        (ReplayState::Running, counts(0, 0, 0, 0))
    );
    let done = finish(&world, &replay, 2).await;
    assert_eq!(done.state, ReplayState::Done { at: world.now() });
    assert_eq!(done.counts, counts(6, 6, 0, 0));
    let again = world.deliver_all().await;
    assert_eq!(again.len(), 6);
    let of_job = |dispatches: &[sfumato_core::store::Dispatch]| -> Vec<_> {
        let own = dispatches
            .iter()
            .filter(|dispatch| dispatch.delivery.job == job.id);
        own.map(|dispatch| (dispatch.delivery.id, dispatch.event.status))
            .collect()
    };
    assert_eq!(of_job(&again), of_job(&first));
    let statuses: Vec<_> = of_job(&again).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Sent, Started, Succeeded]);
    assert!(
        again.iter().all(|dispatch| dispatch.delivery.attempts == 1),
        "attempts count on"
    );
}

pub async fn promise_10_a_replay_goes_on_where_it_was_and_sends_nothing_twice(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    let step = world.store.advance_replay(replay.id, 1).await.unwrap();
    let ReplayStep::Advanced(now) = step else {
        panic!("{step:?}");
    };
    assert_eq!(
        (now.state, now.counts),
        (ReplayState::Running, counts(1, 1, 0, 0))
    );
    let stored = world
        .store
        .replay(client.id, endpoint.id, replay.id)
        .await
        .unwrap();
    assert_eq!(
        stored.as_ref(),
        Some(&*now),
        "how far it is is written with what it did"
    );
    assert_eq!(world.store.running_replays().await.unwrap(), [replay.id]);
    assert_eq!(world.deliver_all().await.len(), 1);
    let done = finish(&world, &replay, 10).await;
    assert_eq!(done.counts, counts(3, 3, 0, 0));
    assert_eq!(world.deliver_all().await.len(), 2);
    assert!(world.store.running_replays().await.unwrap().is_empty());
    let over = world.store.advance_replay(replay.id, 10).await.unwrap();
    assert_eq!(over, ReplayStep::Over);
}

pub async fn promise_10_a_replay_makes_the_deliveries_that_a_young_endpoint_never_had(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let endpoint = world.endpoint(client.id).await;
    world.finish(&job, world.success()).await;
    assert_eq!(world.history(&job).await, [(Succeeded, "pending")]);
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    let done = finish(&world, &replay, 10).await;
    assert_eq!(done.counts, counts(3, 0, 2, 1));
    let told: Vec<_> = world
        .deliver_all()
        .await
        .iter()
        .map(|dispatch| (dispatch.event.sequence, dispatch.event.status))
        .collect();
    assert_eq!(
        told,
        [(1, Sent), (2, Started), (3, Succeeded)],
        "in the order of the job"
    );
}

pub async fn a_delivery_that_a_replay_makes_has_a_whole_schedule(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    world.pass(30 * 86_400);
    let endpoint = world.endpoint(client.id).await;
    let selection = ReplaySelection {
        statuses: vec![Succeeded],
        ..everything(&world)
    };
    let replay = begin(&world, &endpoint, &selection).await.unwrap();
    finish(&world, &replay, 10).await;
    let dispatch = world.dispatch().await;
    assert_eq!(dispatch.delivery.job, job.id);
    let state = world.attempted(&dispatch, Outcome::Connect).await;
    assert!(matches!(state, DeliveryState::Pending { .. }), "{state:?}");
}

pub async fn what_a_replay_opens_waits_its_time_where_nobody_calls(world: World) {
    let (client, endpoint) = heard(&world).await;
    world.pass(30 * 86_400);
    let off = EndpointChange {
        active: Some(false),
        ..EndpointChange::default()
    };
    world
        .store
        .update_endpoint(client.id, endpoint.id, off)
        .await
        .unwrap();
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    finish(&world, &replay, 10).await;
    let waiting = async || {
        let filter = DeliveryFilter {
            standing: Some(Standing::Pending),
            ..DeliveryFilter::default()
        };
        let page = world
            .store
            .deliveries_of_endpoint(client.id, endpoint.id, filter, None, 10)
            .await;
        page.unwrap().records.len()
    };
    world.store.reap().await.unwrap();
    assert_eq!(waiting().await, 3);
    world.pass(8 * 86_400);
    // Each look closes the heads of the jobs.
    for _ in 0..3 {
        world.store.reap().await.unwrap();
    }
    assert_eq!(waiting().await, 0);
}

pub async fn promise_10_a_replay_chooses_by_time_status_standing_and_job(world: World) {
    let (client, endpoint) = heard(&world).await;
    let since = world.now();
    let job = world.succeeded(client.id).await;
    let all = everything(&world);
    for (selection, expected) in [
        (ReplaySelection { since, ..all.clone() }, counts(6, 0, 0, 3)),
        (
            ReplaySelection {
                until: since,
                ..all.clone()
            },
            counts(6, 3, 0, 0),
        ),
        (
            ReplaySelection {
                statuses: vec![Succeeded],
                ..all.clone()
            },
            counts(6, 1, 0, 1),
        ),
        (
            ReplaySelection {
                standings: vec![Standing::Expired],
                ..all.clone()
            },
            counts(6, 0, 0, 0),
        ),
        (
            ReplaySelection {
                job: Some(job.id),
                ..all.clone()
            },
            counts(6, 0, 0, 3),
        ),
    ] {
        let preview = world
            .store
            .preview_replay(client.id, endpoint.id, &selection, EventPosition::START, 100)
            .await
            .unwrap();
        assert_eq!((preview.counts, preview.next), (expected, None), "{selection:?}");
    }
    let chosen = ReplaySelection {
        since: Timestamp::from_seconds(1),
        statuses: vec![Sent, Succeeded],
        standings: vec![Standing::Delivered, Standing::Missing],
        ..all
    };
    let replay = begin(&world, &endpoint, &chosen).await.unwrap();
    let stored = world
        .store
        .replay(client.id, endpoint.id, replay.id)
        .await
        .unwrap();
    assert_eq!(stored.map(|replay| replay.selection), Some(chosen));
    assert_eq!(finish(&world, &replay, 10).await.counts, counts(6, 2, 0, 0));
    let again = world.deliver_all().await;
    let told: Vec<_> = again
        .iter()
        .filter(|dispatch| dispatch.delivery.job != job.id)
        .map(|dispatch| dispatch.event.status)
        .collect();
    assert_eq!(told, [Sent, Succeeded]);
}

pub async fn a_dry_run_is_read_part_by_part_and_changes_nothing(world: World) {
    let (client, endpoint) = heard(&world).await;
    let selection = everything(&world);
    let (mut after, mut total, mut parts) = (EventPosition::START, ReplayCounts::default(), 0);
    loop {
        let part = world
            .store
            .preview_replay(client.id, endpoint.id, &selection, after, 2)
            .await
            .unwrap();
        total = total.and(part.counts);
        parts += 1;
        match part.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!((total, parts), (counts(3, 3, 0, 0), 2));
    assert!(world.dispatches().await.is_empty());
    assert!(world.store.running_replays().await.unwrap().is_empty());
}

pub async fn what_happens_after_a_replay_has_begun_is_not_its_business(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    world.submitted(client.id).await;
    world.deliver_all().await;
    assert_eq!(finish(&world, &replay, 10).await.counts, counts(3, 3, 0, 0));
}

pub async fn an_endpoint_has_one_replay_at_a_time(world: World) {
    let (client, endpoint) = heard(&world).await;
    let other = world.endpoint(client.id).await;
    let first = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    let refused = begin(&world, &endpoint, &everything(&world)).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    begin(&world, &other, &everything(&world)).await.unwrap();
    finish(&world, &first, 10).await;
    world.pass(1);
    let second = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    let listed = world.store.replays(client.id, endpoint.id, 10).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|replay| replay.id).collect();
    assert_eq!(ids, [second.id, first.id], "newest first");
    assert_eq!(
        world
            .store
            .replays(client.id, endpoint.id, 1)
            .await
            .unwrap()
            .len(),
        1
    );
}

pub async fn a_cancelled_replay_leaves_what_it_did_and_does_no_more(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    world.store.advance_replay(replay.id, 1).await.unwrap();
    let cancel = || world.store.cancel_replay(client.id, endpoint.id, replay.id);
    let stopped = cancel().await.unwrap();
    assert_eq!(stopped.state, ReplayState::Cancelled { at: world.now() });
    assert_eq!(stopped.counts, counts(1, 1, 0, 0));
    let step = world.store.advance_replay(replay.id, 10).await.unwrap();
    assert_eq!(step, ReplayStep::Over);
    world.pass(1);
    assert_eq!(cancel().await.unwrap(), stopped, "a second time changes nothing");
    assert_eq!(world.deliver_all().await.len(), 1);
}

pub async fn a_replay_waits_for_an_endpoint_with_a_long_queue(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    for _ in 0..REPLAY_BACKLOG_MAX {
        world.submitted(client.id).await;
    }
    let step = world.store.advance_replay(replay.id, 10).await.unwrap();
    assert_eq!(step, ReplayStep::Backlog);
    world.deliver_all().await;
    assert_eq!(finish(&world, &replay, 10).await.counts, counts(3, 3, 0, 0));
}

pub async fn a_replay_without_events_is_over_at_once(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    assert_eq!(replay.state, ReplayState::Done { at: world.now() });
    assert!(world.store.running_replays().await.unwrap().is_empty());
}

pub async fn a_replay_ends_with_its_endpoint(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();
    assert!(world.store.running_replays().await.unwrap().is_empty());
    let step = world.store.advance_replay(replay.id, 10).await.unwrap();
    assert_eq!(step, ReplayStep::Over);
    assert!(world.dispatches().await.is_empty());
}

pub async fn another_clients_replay_does_not_exist(world: World) {
    let (client, endpoint) = heard(&world).await;
    let stranger = world.client().await;
    let own = world.endpoint(stranger.id).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    let foreign = Endpoint {
        client: stranger.id,
        ..endpoint.clone()
    };
    let refused = begin(&world, &foreign, &everything(&world)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    for (client, endpoint) in [
        (stranger.id, endpoint.id),
        (stranger.id, own.id),
        (client.id, own.id),
    ] {
        let found = world.store.replay(client, endpoint, replay.id).await.unwrap();
        assert_eq!(found, None);
        let cancelled = world.store.cancel_replay(client, endpoint, replay.id).await;
        assert!(
            matches!(cancelled, Err(StoreError::NotFound { .. })),
            "{cancelled:?}"
        );
    }
    let listed = world.store.replays(stranger.id, endpoint.id, 10).await;
    assert!(matches!(listed, Err(StoreError::NotFound { .. })), "{listed:?}");
    let preview = world
        .store
        .preview_replay(
            stranger.id,
            endpoint.id,
            &everything(&world),
            EventPosition::START,
            10,
        )
        .await;
    assert!(matches!(preview, Err(StoreError::NotFound { .. })), "{preview:?}");
    finish(&world, &replay, 10).await;
}

pub async fn replays_that_are_over_are_forgotten_with_time(world: World) {
    let (client, endpoint) = heard(&world).await;
    let replay = begin(&world, &endpoint, &everything(&world)).await.unwrap();
    world.pass(1);
    world.store.prune(world.now()).await.unwrap();
    let kept = world
        .store
        .replay(client.id, endpoint.id, replay.id)
        .await
        .unwrap();
    assert!(kept.is_some(), "it runs");
    finish(&world, &replay, 10).await;
    world.pass(1);
    world.store.prune(world.now()).await.unwrap();
    let gone = world
        .store
        .replay(client.id, endpoint.id, replay.id)
        .await
        .unwrap();
    assert_eq!(gone, None);
}
