//! Requests that are sent twice and carried out once.

use std::time::Duration;

use sfumato_core::idempotency::{KEY_KEPT, Once};
use sfumato_core::job::{DetectionSource, NewRevision, Priority};
use sfumato_core::policy::{ClientPolicy, Quotas};
use sfumato_core::{AnonymizeOptions, Client, ClientId, JobId, StoreError};

use crate::World;

fn once(key: &str, request: u8) -> Once {
    Once {
        key: key.parse().unwrap(),
        request: [request; 32],
    }
}

async fn submit(world: &World, client: ClientId, once: &Once) -> Result<JobId, StoreError> {
    world.store.submit_once(&world.unsubmitted(client), once).await
}

async fn jobs_of(world: &World, client: &Client) -> u64 {
    world.store.client_policy(client.id).await.unwrap().1.jobs_today
}

pub async fn the_same_request_makes_one_job(world: World) {
    let client = world.client().await;
    let first = submit(&world, client.id, &once("a", 1)).await.unwrap();
    assert_eq!(submit(&world, client.id, &once("a", 1)).await.unwrap(), first);
    assert_eq!(jobs_of(&world, &client).await, 1);
    assert!(world.store.job(client.id, first).await.unwrap().is_some());
    assert_ne!(submit(&world, client.id, &once("b", 1)).await.unwrap(), first);
    let known = async |key: &str| world.store.knows_key(client.id, &key.parse().unwrap()).await;
    assert!(known("a").await.unwrap() && !known("c").await.unwrap());
}

pub async fn the_same_request_twice_at_the_same_time_makes_one_job(world: World) {
    let client = world.client().await;
    let same = once("a", 1);
    let (one, other) = tokio::join!(submit(&world, client.id, &same), submit(&world, client.id, &same));
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(jobs_of(&world, &client).await, 1);
}

pub async fn a_key_of_another_request_is_refused_and_nothing_is_written(world: World) {
    let client = world.client().await;
    submit(&world, client.id, &once("a", 1)).await.unwrap();
    let refused = submit(&world, client.id, &once("a", 2)).await;
    assert!(matches!(refused, Err(StoreError::KeyReused)), "{refused:?}");
    assert_eq!(jobs_of(&world, &client).await, 1);
}

pub async fn a_key_is_the_clients_own(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let first = submit(&world, client.id, &once("a", 1)).await.unwrap();
    assert_ne!(submit(&world, other.id, &once("a", 2)).await.unwrap(), first);
}

pub async fn a_key_stands_for_its_request_for_a_day(world: World) {
    let client = world.client().await;
    let first = submit(&world, client.id, &once("a", 1)).await.unwrap();
    world.clock.advance(KEY_KEPT - Duration::from_secs(1));
    assert_eq!(submit(&world, client.id, &once("a", 1)).await.unwrap(), first);
    world.pass(1);
    let key = "a".parse().unwrap();
    assert!(!world.store.knows_key(client.id, &key).await.unwrap());
    let second = submit(&world, client.id, &once("a", 2)).await.unwrap();
    assert_ne!(second, first);
    submit(&world, client.id, &once("b", 1)).await.unwrap();
    world.clock.advance(KEY_KEPT);
    assert_eq!(world.store.prune(world.now()).await.unwrap(), 2);
}

pub async fn a_job_that_is_refused_takes_no_key_and_one_that_exists_needs_no_room(world: World) {
    let client = world.client().await;
    let jobs = async |max| {
        let policy = ClientPolicy {
            quotas: Quotas {
                jobs_per_day_max: Some(max),
                ..Quotas::default()
            },
            ..ClientPolicy::default()
        };
        world.store.set_client_policy(&client.key, policy).await.unwrap();
    };
    jobs(0).await;
    let refused = submit(&world, client.id, &once("a", 1)).await;
    assert!(matches!(refused, Err(StoreError::OverQuota(_))), "{refused:?}");
    jobs(1).await;
    let made = submit(&world, client.id, &once("a", 2)).await.unwrap();
    assert_eq!(submit(&world, client.id, &once("a", 2)).await.unwrap(), made);
}

pub async fn a_revision_is_made_once(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    let revision = |request| NewRevision {
        id: JobId::new(&*world.clock, &*world.entropy),
        options: AnonymizeOptions::default(),
        priority: Priority::Normal,
        source: DetectionSource::Detected,
        once: Some(once("a", request)),
    };
    let store = &world.store;
    let first = store
        .submit_revision(client.id, job.id, revision(1))
        .await
        .unwrap();
    let again = store
        .submit_revision(client.id, job.id, revision(1))
        .await
        .unwrap();
    assert_eq!(again.id, first.id);
    let refused = store.submit_revision(client.id, job.id, revision(2)).await;
    assert!(matches!(refused, Err(StoreError::KeyReused)), "{refused:?}");
    assert_eq!(store.revisions(client.id, job.id).await.unwrap().len(), 2);
}
