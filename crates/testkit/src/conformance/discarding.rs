//! Deleting what a person wants to be gone now.

use std::time::Duration;

use sfumato_core::job::{FailureClass, Job, JobState, NewRevision, Priority};
use sfumato_core::store::Discarded;
use sfumato_core::{ClientId, JobId, StoreError};

use crate::World;

async fn revision(world: &World, job: &Job) -> Result<Job, StoreError> {
    let revision = NewRevision {
        id: JobId::new(&*world.clock, &*world.entropy),
        options: job.options.clone(),
        source: job.source,
        priority: Priority::Normal,
        once: None,
    };
    world.store.submit_revision(job.client, job.id, revision).await
}

pub async fn a_finished_job_loses_its_original_and_its_result_at_once(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    let JobState::Succeeded { result, .. } = &job.state else {
        panic!("it had succeeded")
    };
    let discarded = world.store.discard(client.id, job.id).await.unwrap();
    assert_eq!(
        discarded,
        Discarded {
            upload: Some(job.upload.id),
            result: Some(result.id),
        }
    );
    let after = world.job(&job).await;
    assert_eq!(after.state.name(), "expired");
    assert!(!after.original_kept);
    let refused = revision(&world, &job).await;
    assert!(matches!(refused, Err(StoreError::NotRetained)), "{refused:?}");
    let again = world.store.discard(client.id, job.id).await.unwrap();
    assert_eq!(again, discarded, "so that its deletion can be tried again");
}

pub async fn what_is_discarded_is_remembered_until_it_is_marked_as_deleted(world: World) {
    let client = world.client().await;
    let kept = world.succeeded(client.id).await;
    let job = world.succeeded(client.id).await;
    let long_ago = world.now().before(Duration::from_secs(1_000));
    let retired = async || world.store.retire_uploads(long_ago, 10).await.unwrap();
    let expired = async || world.store.expired_results(10).await.unwrap();
    assert!(retired().await.is_empty() && expired().await.is_empty());
    let early = world.store.result_deleted(job.id).await;
    assert!(matches!(early, Err(StoreError::NotFound { .. })), "{early:?}");
    let discarded = world.store.discard(client.id, job.id).await.unwrap();
    let (upload, result) = (discarded.upload.unwrap(), discarded.result.unwrap());
    for _ in 0..2 {
        assert_eq!(retired().await, [(job.id, upload)], "before its time");
        assert_eq!(expired().await, [(job.id, result)]);
    }
    assert!(world.store.expired_results(0).await.unwrap().is_empty());
    let wanted = world.store.orphan_uploads(&[upload]).await.unwrap();
    assert!(wanted.is_empty(), "whoever retired it deletes it");
    for _ in 0..2 {
        world.store.upload_deleted(job.id).await.unwrap();
        world.store.result_deleted(job.id).await.unwrap();
        assert!(retired().await.is_empty() && expired().await.is_empty());
    }
    assert_eq!(world.store.orphan_uploads(&[upload]).await.unwrap(), [upload]);
    assert_eq!(
        world.store.discard(client.id, job.id).await.unwrap(),
        discarded,
        "asked for again, it is looked for again"
    );
    assert!(retired().await.is_empty() && expired().await.is_empty());
    assert_eq!(world.job(&kept).await, kept);
}

pub async fn a_failed_job_keeps_its_state_when_its_original_is_discarded(world: World) {
    let client = world.client().await;
    let running = world.running(client.id).await;
    let failed = world.finish(&running, world.failure(FailureClass::Input)).await;
    let discarded = world.store.discard(client.id, failed.id).await.unwrap();
    assert_eq!(
        (discarded.upload, discarded.result),
        (Some(failed.upload.id), None)
    );
    assert_eq!(world.job(&failed).await.state, failed.state);
}

pub async fn an_original_stays_while_another_job_needs_it(world: World) {
    let client = world.client().await;
    let first = world.succeeded(client.id).await;
    let second = revision(&world, &first).await.unwrap();
    let discarded = world.store.discard(client.id, first.id).await.unwrap();
    assert_eq!(discarded.upload, None);
    assert!(discarded.result.is_some());
    assert!(world.job(&second).await.original_kept);
    let running = world.claimed().await;
    assert_eq!(running.id, second.id);
    world.finish(&running, world.success()).await;
    let discarded = world.store.discard(client.id, second.id).await.unwrap();
    assert_eq!(discarded.upload, Some(first.upload.id));
    assert!(!world.job(&first).await.original_kept);
}

pub async fn a_job_that_has_not_finished_or_is_anothers_is_not_discarded(world: World) {
    let client = world.client().await;
    let waiting = world.submitted(client.id).await;
    let refused = world.store.discard(client.id, waiting.id).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    let running = world.claimed().await;
    let refused = world.store.discard(client.id, running.id).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    let done = world.finish(&running, world.success()).await;
    let stranger = ClientId::new(&*world.clock, &*world.entropy);
    let refused = world.store.discard(stranger, done.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    assert_eq!(world.job(&done).await, done);
}
