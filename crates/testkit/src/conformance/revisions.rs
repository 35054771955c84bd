//! Jobs that share an original.

use std::sync::Arc;
use std::time::Duration;

use sfumato_core::event::EventStatus;
use sfumato_core::job::{
    DetectionSource, FailureClass, GivenBlob, Job, JobState, NewRevision, Priority, Revision,
};
use sfumato_core::options::{Mask, MaskStyle, PixelCount};
use sfumato_core::{AnonymizeOptions, FencingToken, JobId, StoreError, Timestamp};
use tokio::task::JoinSet;

use crate::World;

fn revision(world: &World) -> NewRevision {
    NewRevision {
        id: JobId::new(&*world.clock, &*world.entropy),
        options: AnonymizeOptions::default(),
        source: DetectionSource::Detected,
        priority: Priority::Normal,
        once: None,
    }
}

async fn revised(world: &World, job: &Job) -> Result<Job, StoreError> {
    world
        .store
        .submit_revision(job.client, job.id, revision(world))
        .await
}

fn after(instant: Timestamp) -> Timestamp {
    instant.after(Duration::from_micros(1))
}

pub async fn a_revision_is_a_job_of_its_own_on_the_same_original(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let first = world.succeeded(client.id).await;
    world.pass(5);
    let new = NewRevision {
        options: AnonymizeOptions {
            mask: Mask {
                style: MaskStyle::Pixelate(PixelCount::new(7).unwrap()),
                ..Mask::default()
            },
            ..AnonymizeOptions::default()
        },
        source: DetectionSource::Given(GivenBlob {
            bytes: 5_000_000_000,
            sha256: [7; 32],
        }),
        ..revision(&world)
    };
    let job = world
        .store
        .submit_revision(client.id, first.id, new.clone())
        .await
        .unwrap();
    assert_eq!(world.job(&job).await, job);
    assert_eq!((job.id, &job.upload), (new.id, &first.upload));
    assert_eq!((&job.options, job.source), (&new.options, new.source));
    assert_eq!((job.created_at, job.claims), (world.now(), FencingToken(0)));
    let number_one = Revision {
        root: first.id,
        number: 1,
    };
    assert_eq!(job.revises, Some(number_one));
    assert_eq!(world.history(&job).await, [(EventStatus::Sent, "pending")]);
    assert_eq!(world.job(&first).await, first, "the first job stays as it was");
    let claimed = world.claimed().await;
    world.finish(&claimed, world.success()).await;
    let told: Vec<_> = world
        .history(&job)
        .await
        .into_iter()
        .map(|(status, _)| status)
        .collect();
    assert_eq!(
        told,
        [EventStatus::Sent, EventStatus::Started, EventStatus::Succeeded]
    );
}

pub async fn revisions_count_from_the_first_job_whichever_of_them_is_revised(world: World) {
    let client = world.client().await;
    let first = world.succeeded(client.id).await;
    let second = revised(&world, &first).await.unwrap();
    let begun = world.claimed().await;
    assert_eq!(begun.id, second.id, "another job was waiting");
    world.finish(&begun, world.failure(FailureClass::Input)).await;
    let third = revised(&world, &second).await.unwrap();
    let fourth = revised(&world, &first).await.unwrap();
    let revises = |job: &Job| job.revises.map(|revision| (revision.root, revision.number));
    assert_eq!(revises(&third), Some((first.id, 2)));
    assert_eq!(revises(&fourth), Some((first.id, 3)));
    for asked in [&first, &third] {
        let listed = world.store.revisions(client.id, asked.id).await.unwrap();
        let listed: Vec<JobId> = listed.iter().map(|job| job.id).collect();
        assert_eq!(listed, [first.id, second.id, third.id, fourth.id]);
    }
}

pub async fn a_job_that_has_not_finished_is_not_revised(world: World) {
    let client = world.client().await;
    let waiting = world.submitted(client.id).await;
    let refused = revised(&world, &waiting).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    let running = world.claimed().await;
    let refused = revised(&world, &running).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    let listed = world.store.revisions(client.id, running.id).await.unwrap();
    assert_eq!(listed, [running]);
}

pub async fn what_failed_or_was_cancelled_or_has_expired_is_revised_like_any_other(world: World) {
    let client = world.client().await;
    let expired = world.succeeded(client.id).await;
    world.pass(1);
    world.store.expire_results(world.now(), 1).await.unwrap();
    let running = world.running(client.id).await;
    let failed = world.finish(&running, world.failure(FailureClass::Input)).await;
    let cancelled = world.submitted(client.id).await;
    world.store.cancel_job(client.id, cancelled.id).await.unwrap();
    for job in [expired, failed, cancelled] {
        let revision = revised(&world, &job).await.unwrap();
        assert!(matches!(revision.state, JobState::Queued { .. }));
    }
}

pub async fn another_clients_job_is_not_revised_or_listed(world: World) {
    let owner = world.client().await;
    let stranger = world.client().await;
    let job = world.succeeded(owner.id).await;
    let refused = world
        .store
        .submit_revision(stranger.id, job.id, revision(&world))
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    let listed = world.store.revisions(stranger.id, job.id).await.unwrap();
    assert!(listed.is_empty());
    assert!(world.claim_all().await.is_empty());
}

pub async fn an_original_is_kept_while_a_revision_needs_it_and_deleted_once(world: World) {
    let client = world.client().await;
    let first = world.succeeded(client.id).await;
    world.pass(60);
    let job = revised(&world, &first).await.unwrap();
    let retire = || world.store.retire_uploads(after(world.now()), 10);
    assert!(retire().await.unwrap().is_empty(), "a revision waits");
    let begun = world.claimed().await;
    world.pass(60);
    assert!(retire().await.unwrap().is_empty(), "a revision is worked on");
    let refused = world.store.upload_deleted(first.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    world.finish(&begun, world.success()).await;
    let before_the_end = world.store.retire_uploads(world.now(), 10).await.unwrap();
    assert!(
        before_the_end.is_empty(),
        "retention counts from the end of the last of them"
    );
    let due = [(job.id, first.upload.id)];
    assert_eq!(retire().await.unwrap(), due);
    assert_eq!(retire().await.unwrap(), due, "it is not deleted yet");
    world.store.upload_deleted(job.id).await.unwrap();
    assert!(retire().await.unwrap().is_empty());
    let orphans = world.store.orphan_uploads(&[first.upload.id]).await.unwrap();
    assert_eq!(orphans, [first.upload.id]);
}

pub async fn a_retired_original_is_not_worked_on_again(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    assert!(world.job(&job).await.original_kept);
    world.store.retire_uploads(after(world.now()), 10).await.unwrap();
    for _ in 0..2 {
        let refused = revised(&world, &job).await;
        assert!(matches!(refused, Err(StoreError::NotRetained)), "{refused:?}");
        assert!(!world.job(&job).await.original_kept);
        world.store.upload_deleted(job.id).await.unwrap();
    }
    assert!(world.claim_all().await.is_empty());
}

pub async fn revisions_that_are_asked_for_at_once_get_numbers_of_their_own(world: World) {
    let client = world.client().await;
    let first = world.succeeded(client.id).await;
    let mut asked = JoinSet::new();
    for _ in 0..8 {
        let (store, new) = (Arc::clone(&world.store), revision(&world));
        asked.spawn(async move { store.submit_revision(first.client, first.id, new).await });
    }
    let mut numbers: Vec<u32> = asked
        .join_all()
        .await
        .into_iter()
        .map(|job| job.unwrap().revises.unwrap().number)
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
}
