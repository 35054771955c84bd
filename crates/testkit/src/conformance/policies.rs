//! What is agreed with clients.

use std::time::Duration;

use sfumato_core::policy::{ClientPolicy, Quota, Quotas, Retention, Scheduling, Usage};
use sfumato_core::{Client, ClientId, ClientKey, Priority, StoreError, Weight};

use crate::World;

async fn agree(world: &World, client: &Client, quotas: Quotas) {
    let policy = ClientPolicy {
        quotas,
        ..ClientPolicy::default()
    };
    world.store.set_client_policy(&client.key, policy).await.unwrap();
}

async fn submit(world: &World, client: ClientId) -> Result<(), StoreError> {
    world.pass(1);
    world.store.submit(&world.unsubmitted(client)).await
}

/// Submits a job that must be refused for a quota.
async fn refused(world: &World, client: ClientId, quota: Quota) {
    let refusal = submit(world, client).await;
    assert!(
        matches!(refusal, Err(StoreError::OverQuota(found)) if found == quota),
        "{refusal:?}"
    );
}

pub async fn a_client_has_no_agreement_at_first(world: World) {
    let client = world.client().await;
    let policy = world.store.client_policy(client.id).await.unwrap();
    assert_eq!(policy, (ClientPolicy::default(), Usage::default()));
    let unknown = ClientId::new(&*world.clock, &*world.entropy);
    let missing = world.store.client_policy(unknown).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    let key = ClientKey::new("client_nobody");
    let missing = world.store.set_client_policy(&key, ClientPolicy::default()).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

pub async fn an_agreement_reads_back_as_it_was_made(world: World) {
    let client = world.client().await;
    let policy = ClientPolicy {
        retention: Retention {
            originals_kept: Some(Duration::ZERO),
            results_kept: Some(Duration::from_secs(86_400)),
        },
        quotas: Quotas {
            jobs_waiting_max: Some(0),
            bytes_stored_max: Some(u64::from(u32::MAX) * 10),
            jobs_per_day_max: None,
        },
        scheduling: Scheduling {
            weight: Weight::MAX,
            jobs_at_once_max: Some(7),
            priority_max: Priority::Low,
        },
    };
    world.store.set_client_policy(&client.key, policy).await.unwrap();
    assert_eq!(world.store.client_policy(client.id).await.unwrap().0, policy);
    let nothing = ClientPolicy::default();
    world.store.set_client_policy(&client.key, nothing).await.unwrap();
    assert_eq!(world.store.client_policy(client.id).await.unwrap().0, nothing);
}

pub async fn a_job_beyond_the_waiting_quota_is_refused_until_there_is_room(world: World) {
    let client = world.client().await;
    let quotas = Quotas {
        jobs_waiting_max: Some(2),
        ..Quotas::default()
    };
    agree(&world, &client, quotas).await;
    submit(&world, client.id).await.unwrap();
    submit(&world, client.id).await.unwrap();
    refused(&world, client.id, Quota::JobsWaiting { max: 2 }).await;
    let usage = world.store.client_policy(client.id).await.unwrap().1;
    assert_eq!(
        (usage.jobs_waiting, usage.bytes_stored, usage.jobs_today),
        (2, 2_000, 2)
    );
    world.claimed().await;
    submit(&world, client.id).await.unwrap();
}

pub async fn a_job_beyond_the_daily_quota_is_refused_until_the_next_day(world: World) {
    let client = world.client().await;
    let quotas = Quotas {
        jobs_per_day_max: Some(1),
        ..Quotas::default()
    };
    agree(&world, &client, quotas).await;
    // The clock begins at midnight; this is the last hour of the day.
    world.pass(23 * 3_600);
    submit(&world, client.id).await.unwrap();
    refused(&world, client.id, Quota::JobsPerDay { max: 1 }).await;
    world.pass(3_600);
    submit(&world, client.id).await.unwrap();
    refused(&world, client.id, Quota::JobsPerDay { max: 1 }).await;
}

pub async fn a_job_beyond_the_stored_quota_is_refused_until_something_is_deleted(world: World) {
    let client = world.client().await;
    let quotas = Quotas {
        bytes_stored_max: Some(2_100),
        ..Quotas::default()
    };
    agree(&world, &client, quotas).await;
    // An original of 1,000 bytes and a result of 1,020.
    let job = world.succeeded(client.id).await;
    refused(&world, client.id, Quota::BytesStored { max: 2_100 }).await;
    for (job, _) in world.store.retire_uploads(world.now(), 10).await.unwrap() {
        world.store.upload_deleted(job).await.unwrap();
    }
    submit(&world, client.id).await.unwrap();
    refused(&world, client.id, Quota::BytesStored { max: 2_100 }).await;
    let discarded = world.store.discard(client.id, job.id).await.unwrap();
    assert!(discarded.result.is_some());
    submit(&world, client.id).await.unwrap();
}

pub async fn a_quota_of_one_client_is_none_of_another(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let nothing = Quotas {
        jobs_waiting_max: Some(0),
        ..Quotas::default()
    };
    agree(&world, &client, nothing).await;
    submit(&world, other.id).await.unwrap();
    refused(&world, client.id, Quota::JobsWaiting { max: 0 }).await;
}

pub async fn files_are_kept_as_long_as_is_agreed_with_their_client(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let policy = ClientPolicy {
        retention: Retention {
            originals_kept: Some(Duration::from_secs(100)),
            results_kept: Some(Duration::from_secs(50)),
        },
        ..ClientPolicy::default()
    };
    world.store.set_client_policy(&client.key, policy).await.unwrap();
    let own = world.succeeded(client.id).await;
    let finished = world.now();
    let others = world.succeeded(other.id).await;
    let long_ago = finished.before(Duration::from_secs(1_000));
    let retired = async |before| {
        let uploads = world.store.retire_uploads(before, 10).await.unwrap();
        uploads.into_iter().map(|(job, _)| job).collect::<Vec<_>>()
    };
    let expired = async |before| world.store.expire_results(before, 10).await.unwrap().len();
    world.pass(1);
    assert_eq!(
        retired(world.now()).await,
        [others.id],
        "the agreement is for longer"
    );
    world.store.upload_deleted(others.id).await.unwrap();
    world.clock.set(finished.after(Duration::from_secs(51)));
    assert_eq!(expired(long_ago).await, 1, "the agreement is for less");
    assert_eq!(world.job(&own).await.state.name(), "expired");
    assert_eq!(world.job(&others).await.state.name(), "succeeded");
    assert_eq!(retired(long_ago).await, []);
    world.clock.set(finished.after(Duration::from_secs(100)));
    assert_eq!(retired(long_ago).await, [own.id]);
}
