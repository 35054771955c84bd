//! Many at once.

use std::collections::HashSet;
use std::sync::Arc;

use sfumato_core::delivery::Outcome;
use sfumato_core::endpoint::ENDPOINTS_PER_CLIENT_MAX;
use sfumato_core::event::EventStatus;
use sfumato_core::job::{FencingToken, JobState, Lease};
use sfumato_core::store::{Finished, JobLimits, RefreshOutcome, Want};
use sfumato_core::{StoreError, WorkerId};
use tokio::task::JoinSet;

use crate::{LEASE, WORKER, World, build, lease_of};

pub async fn many_workers_never_get_the_same_job(world: World) {
    let client = world.client().await;
    for _ in 0..40 {
        world.submitted(client.id).await;
    }
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let worker = WorkerId::new(&*world.clock, &*world.entropy);
        let store = Arc::clone(&world.store);
        workers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_jobs(worker, JobLimits::both(2), LEASE).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                assert!(claimed.iter().all(|job| lease_of(job).worker == worker));
                mine.extend(claimed.iter().map(|job| job.id));
            }
        });
    }
    let claimed: Vec<_> = workers.join_all().await.concat();
    assert_eq!(claimed.len(), 40);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 40);
}

pub async fn many_couriers_never_get_the_same_delivery(world: World) {
    let client = world.client().await;
    for _ in 0..2 {
        world.endpoint(client.id).await;
    }
    for _ in 0..20 {
        world.submitted(client.id).await;
    }
    let waiting = world.store.waiting_endpoints().await.unwrap();
    let wants: Vec<_> = waiting
        .iter()
        .map(|waiting| Want {
            endpoint: waiting.endpoint,
            count: 2,
        })
        .collect();
    let mut couriers = JoinSet::new();
    for _ in 0..8 {
        let wants = wants.clone();
        let courier = WorkerId::new(&*world.clock, &*world.entropy);
        let store = Arc::clone(&world.store);
        couriers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store
                    .claim_deliveries(courier, &wants, LEASE)
                    .await
                    .unwrap()
                    .dispatches;
                if claimed.is_empty() {
                    return mine;
                }
                assert!(claimed.iter().all(|dispatch| dispatch.lease.worker == courier));
                mine.extend(claimed.iter().map(|dispatch| dispatch.delivery.id));
            }
        });
    }
    let claimed: Vec<_> = couriers.join_all().await.concat();
    assert_eq!(claimed.len(), 40);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 40);
}

pub async fn refused_requests_take_nothing_of_their_neighbours_with_them(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let taken = world.submitted(client.id).await;
    let good: Vec<_> = (0..30).map(|_| world.unsubmitted(client.id)).collect();
    let stale = Lease {
        worker: WORKER,
        token: FencingToken(9),
    };
    let mut requests = JoinSet::new();
    for job in good.clone() {
        let (store, taken) = (Arc::clone(&world.store), taken.clone());
        let outcome = world.success();
        requests.spawn(async move {
            let submit = store.submit(&job);
            let again = store.submit(&taken);
            let finish = store.finish_job(taken.id, &stale, outcome);
            let (submitted, again, finished) = tokio::join!(submit, again, finish);
            submitted.unwrap();
            assert!(matches!(again, Err(StoreError::Unavailable { .. })));
            assert!(matches!(finished, Err(StoreError::LeaseLost)));
        });
    }
    requests.join_all().await;
    for job in good.iter().chain([&taken]) {
        assert_eq!(world.job(job).await, *job);
        assert_eq!(world.history(job).await, [(EventStatus::Sent, "pending")]);
    }
}

pub async fn the_limit_of_endpoints_holds_against_many_at_once(world: World) {
    let client = world.client().await;
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let endpoint = build::endpoint(client.id, &*world.clock, &*world.entropy);
        let store = Arc::clone(&world.store);
        requests.spawn(async move { store.create_endpoint(&endpoint).await });
    }
    let answers = requests.join_all().await;
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(made, ENDPOINTS_PER_CLIENT_MAX);
    let limited = |answer: &&Result<(), StoreError>| matches!(answer, Err(StoreError::LimitReached { .. }));
    assert_eq!(answers.iter().filter(limited).count(), 20 - made);
    assert_eq!(world.store.endpoints(client.id).await.unwrap().len(), made);
}

pub async fn either_the_worker_or_the_client_ends_a_job(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    for _ in 0..10 {
        let job = world.running(client.id).await;
        let lease = lease_of(&job);
        let finish = world.store.finish_job(job.id, &lease, world.success());
        let cancel = world.store.cancel_job(client.id, job.id);
        let (finished, cancelled) = tokio::join!(finish, cancel);
        cancelled.unwrap();
        let told = world.history(&job).await.len();
        match world.job(&job).await.state {
            JobState::Succeeded { .. } => assert_eq!((finished.is_ok(), told), (true, 3)),
            JobState::Cancelled { .. } => {
                assert!(matches!(finished, Err(StoreError::LeaseLost)));
                assert_eq!(told, 2);
            }
            other => panic!("{other:?}"),
        }
    }
}

pub async fn a_refresh_token_is_exchanged_once_however_many_try(world: World) {
    let client = world.client().await.id;
    let (login, token) = world.login(client).await;
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let (store, presented, next) = (
            Arc::clone(&world.store),
            token.hash.clone(),
            world.refresh_token(),
        );
        requests.spawn(async move {
            store
                .rotate_refresh_token(client, &presented, &next)
                .await
                .unwrap()
        });
    }
    let outcomes = requests.join_all().await;
    let rotated = |outcome: &&RefreshOutcome| **outcome == RefreshOutcome::Rotated(login.id);
    assert_eq!(outcomes.iter().filter(rotated).count(), 1, "{outcomes:?}");
    assert!(world.store.session(login.id).await.unwrap().unwrap().revoked);
}

pub async fn an_attempt_is_recorded_once_however_many_try(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let store = Arc::clone(&world.store);
        let finished = Finished {
            delivery: dispatch.delivery.id,
            lease: dispatch.lease,
            attempt: world.attempt(&dispatch, Outcome::Ok),
            jitter: 0.5,
        };
        requests.spawn(async move { store.record_attempts(vec![finished]).await.unwrap().remove(0) });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(world.records(&job).await[0].attempts.len(), 1);
}
