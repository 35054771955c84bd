//! What has had its time is deleted, what a crash left behind is collected, and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use sfumato_core::detection::given::{GivenDetections, GivenPicture};
use sfumato_core::job::{JobOutcome, JobResult, JobState};
use sfumato_core::store::JobLimits;
use sfumato_core::{AnonymizeOptions, Clock, FailureClass, PublicJobId, Store, Timestamp};
use sfumato_engine::EngineSettings;
use sfumato_engine::blobs::{Blobs, ResultPart};
use sfumato_engine::intake::{IntakeError, Terms, UploadWriter};
use sfumato_engine::render::RenderError;
use sfumato_engine::results::ResultError;
use sfumato_testkit::build;
use tokio_util::sync::CancellationToken;

use crate::receiver::until;
use crate::world::{World, settings};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Long after any file of this test was written.
const FUTURE: Timestamp = Timestamp::from_seconds(7_000_000_000);

fn files(world: &World, folder: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                collect(&entry.path(), found)
            } else {
                found.push(entry.path())
            }
        }
    }
    let mut found = Vec::new();
    let data = world.database();
    collect(&data.parent().unwrap().join("blobs").join(folder), &mut found);
    found
}

/// An upload whose bytes have all come: `units` of four bytes.
async fn received(world: &World, units: usize) -> UploadWriter {
    let mut writer = world.engine.begin_upload(Some("a.jpg"));
    writer
        .write(Bytes::from([0xFF, 0xD8, 0xFF, 0xE0].repeat(units)))
        .await
        .unwrap();
    writer
}

async fn upload(world: &World) -> PublicJobId {
    let writer = received(world, 100).await;
    let stored = writer.finish().await.unwrap();
    world
        .engine
        .submit(&world.caller, stored, AnonymizeOptions::default())
        .await
        .unwrap()
}

async fn state(world: &World, job: &PublicJobId) -> JobState {
    world.engine.job(&world.caller, job).await.unwrap().unwrap().state
}

#[tokio::test]
async fn an_original_goes_when_its_job_has_finished_and_not_before() {
    let world = World::new(settings()).await;
    upload(&world).await;
    upload(&world).await;
    world.engine.sweep().await.unwrap();
    assert_eq!(files(&world, "uploads").len(), 2);
    let begun = world.begin().await;
    world.engine.sweep().await.unwrap();
    assert_eq!(
        files(&world, "uploads").len(),
        2,
        "a job that runs needs its original"
    );
    world.succeed(begun).await;
    let swept = world.engine.sweep().await.unwrap();
    assert_eq!((swept.originals, files(&world, "uploads").len()), (1, 1));
}

#[tokio::test]
async fn an_original_is_kept_as_long_as_the_operator_wants() {
    let world = World::new(EngineSettings {
        originals_kept: DAY,
        ..settings()
    })
    .await;
    let job = upload(&world).await;
    world.store.cancel_job(job.client, job.job).await.unwrap();
    world.clock.advance(DAY - Duration::from_secs(1));
    world.engine.sweep().await.unwrap();
    assert_eq!(files(&world, "uploads").len(), 1);
    world.clock.advance(Duration::from_secs(2));
    world.engine.sweep().await.unwrap();
    assert_eq!(files(&world, "uploads").len(), 0);
}

#[tokio::test]
async fn an_original_stays_for_its_revisions_and_goes_with_what_was_given_for_them() {
    let world = World::new(EngineSettings {
        originals_kept: DAY,
        ..settings()
    })
    .await;
    let job = upload(&world).await;
    let begun = world.begin().await;
    world.succeed(begun).await;
    world.clock.advance(DAY / 2);
    let given = GivenDetections::Picture(GivenPicture {
        width: 10,
        height: 10,
        frames: 1,
        detections: vec![],
    });
    let render = || {
        world.engine.render(
            &world.caller,
            &job,
            &given,
            AnonymizeOptions::default(),
            Terms::default(),
        )
    };
    render().await.unwrap();
    render().await.unwrap();
    assert_eq!(files(&world, "given").len(), 1, "the same is stored once");
    world.clock.advance(2 * DAY);
    world.engine.sweep().await.unwrap();
    assert_eq!(files(&world, "uploads").len(), 1, "revisions wait for it");
    for _ in 0..2 {
        let begun = world.begin().await;
        world.succeed(begun).await;
    }
    world.engine.sweep().await.unwrap();
    assert_eq!(files(&world, "uploads").len(), 1, "retention begins anew");
    world.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(world.engine.sweep().await.unwrap().originals, 1);
    assert!(files(&world, "uploads").is_empty() && files(&world, "given").is_empty());
    let refused = render().await;
    assert!(matches!(refused, Err(RenderError::NotRetained)), "{refused:?}");
    assert!(files(&world, "given").is_empty());
}

#[tokio::test]
async fn a_result_is_gone_after_its_retention_and_says_so() {
    let world = World::new(settings()).await;
    let job = upload(&world).await;
    let begun = world.begin().await;
    world.succeed(begun).await;
    let JobState::Succeeded { result, .. } = state(&world, &job).await else {
        panic!("it has succeeded")
    };
    let extension = result.format.extension();
    world.clock.advance(7 * DAY);
    assert_eq!(
        world.engine.sweep().await.unwrap().results,
        0,
        "exactly seven days are not over yet"
    );
    assert!(
        world
            .engine
            .result(&world.caller, result.id, extension)
            .await
            .is_ok()
    );
    world.clock.advance(Duration::from_secs(1));
    let before_the_sweep = world.engine.result(&world.caller, result.id, extension).await;
    assert!(
        matches!(before_the_sweep, Err(ResultError::Gone)),
        "{before_the_sweep:?}"
    );
    assert_eq!(world.engine.sweep().await.unwrap().results, 1);
    assert!(matches!(state(&world, &job).await, JobState::Expired { .. }));
    let gone = world.engine.result(&world.caller, result.id, extension).await;
    assert!(matches!(gone, Err(ResultError::Gone)), "{gone:?}");
}

#[tokio::test]
async fn what_no_row_knows_is_collected_after_a_day_and_what_a_row_needs_stays() {
    let world = World::new(settings()).await;
    upload(&world).await;
    let orphan = received(&world, 100).await;
    std::mem::forget(orphan.finish().await.unwrap());
    assert_eq!(files(&world, "uploads").len(), 2);
    let a_day_ago = || world.clock.now().before(DAY);
    assert_eq!(
        world.engine.collect_orphans(a_day_ago()).await.unwrap(),
        0,
        "it may be a job in a moment"
    );
    world.clock.set(FUTURE);
    assert_eq!(world.engine.collect_orphans(a_day_ago()).await.unwrap(), 1);
    assert_eq!(
        files(&world, "uploads").len(),
        1,
        "the waiting job's original stays"
    );
}

/// The blobs as a file system may have them after the power has failed: deletions that had not reached the disk are undone.
async fn power_fails_after_the_sweep(world: &World) {
    let before: Vec<_> = files(world, "")
        .into_iter()
        .map(|file| (std::fs::read(&file).unwrap(), file))
        .collect();
    assert_eq!(before.len(), 5, "{before:?}");
    world.clock.set(FUTURE);
    world.engine.sweep().await.unwrap();
    assert!(files(world, "").is_empty());
    for (content, file) in before {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}

/// A job that has ended, with everything that may lie in the storage of one: the original, what was given for it, what was done
/// of it, the result and its document.
async fn job_with_every_kind_of_file(world: &World) -> (PublicJobId, JobResult) {
    let blobs = Blobs::open_folder(&world.database().with_file_name("blobs")).unwrap();
    let job = upload(world).await;
    let (id, lease) = world.begin().await;
    let upload = world
        .engine
        .job(&world.caller, &job)
        .await
        .unwrap()
        .unwrap()
        .upload
        .id;
    blobs.put_given(upload, b"{}".to_vec()).await.unwrap();
    let part = world
        .database()
        .with_file_name(format!("blobs/parts/{upload}/{id}"));
    std::fs::create_dir_all(&part).unwrap();
    std::fs::write(part.join("0"), "part").unwrap();
    let result = build::job_result(&*world.clock, &*world.entropy);
    for part in [ResultPart::Media, ResultPart::Document] {
        blobs.put_result(result.id, part, &b"hidden"[..]).await.unwrap();
    }
    let outcome = JobOutcome::Succeeded(result.clone());
    world.store.finish_job(id, &lease, outcome).await.unwrap();
    (job, result)
}

#[tokio::test]
async fn files_that_a_power_failure_brings_back_are_handed_to_nobody_and_deleted_again() {
    let world = World::new(settings()).await;
    let (job, result) = job_with_every_kind_of_file(&world).await;
    power_fails_after_the_sweep(&world).await;
    let engine = world.restarted(settings());
    let gone = engine
        .result(&world.caller, result.id, result.format.extension())
        .await;
    assert!(matches!(gone, Err(ResultError::Gone)), "{gone:?}");
    engine.recover(None).await.unwrap();
    let left = files(&world, "");
    assert!(left.is_empty(), "{left:?}");
    assert!(matches!(state(&world, &job).await, JobState::Expired { .. }));
}

#[tokio::test]
async fn where_others_may_be_writing_files_that_come_back_are_deleted_when_they_are_old_enough() {
    let world = World::new(settings()).await;
    job_with_every_kind_of_file(&world).await;
    power_fails_after_the_sweep(&world).await;
    let engine = world.restarted(EngineSettings {
        shared: true,
        ..settings()
    });
    engine.recover(None).await.unwrap();
    assert_eq!(files(&world, "").len(), 5, "others may be writing them");
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    let janitor = tokio::spawn(async move { engine.run_janitor(token).await });
    until("the janitor to delete them", || async {
        files(&world, "").is_empty().then_some(())
    })
    .await;
    shutdown.cancel();
    janitor.await.unwrap();
}

#[tokio::test]
async fn a_lost_lease_is_reaped_while_the_janitor_runs() {
    let world = World::new(settings()).await;
    let job = upload(&world).await;
    let (id, lease) = world.begin().await;
    world.clock.advance(Duration::from_secs(31));
    let shutdown = CancellationToken::new();
    let (engine, token) = (world.engine.clone(), shutdown.clone());
    let janitor = tokio::spawn(async move { engine.run_janitor(token).await });
    until("the job to be queued again", || async {
        matches!(state(&world, &job).await, JobState::Queued { .. }).then_some(())
    })
    .await;
    let late = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "too late".into(),
    };
    assert!(
        world.store.finish_job(id, &lease, late).await.is_err(),
        "its worker has lost it"
    );
    shutdown.cancel();
    janitor.await.unwrap();
}

#[tokio::test]
async fn an_upload_that_is_refused_leaves_nothing_behind() {
    let world = World::new(EngineSettings {
        upload_bytes_max: 1000,
        ..settings()
    })
    .await;
    let attempts: [(&[u8], &str); 3] = [
        (&[0; 500], "none of the supported formats"),
        (&[0xFF; 2000], "larger than 1000 bytes"),
        (b"\xFF\xD8", "none of the supported formats"),
    ];
    for (content, reason) in attempts {
        let mut writer = world.engine.begin_upload(None);
        let outcome = match writer.write(Bytes::from_static(content)).await {
            Ok(()) => writer.finish().await.map(drop),
            Err(error) => Err(error),
        };
        let refused = outcome.unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let empty = world.engine.begin_upload(None).finish().await;
    assert!(matches!(empty, Err(IntakeError::Empty)));
    until("the refused uploads to be removed", || async {
        files(&world, "uploads").is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_job_that_cannot_be_recorded_leaves_no_upload() {
    let world = World::new(settings()).await;
    let writer = received(&world, 100).await;
    let stored = writer.finish().await.unwrap();
    let nobody = sfumato_engine::access::Caller {
        client: build::client(&*world.clock, &*world.entropy).id,
        ..world.caller
    };
    let refused = world
        .engine
        .submit(&nobody, stored, AnonymizeOptions::default())
        .await;
    assert!(matches!(refused, Err(IntakeError::Store(_))), "{refused:?}");
    until("the upload to be removed", || async {
        files(&world, "uploads").is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_job_is_recorded_loses_neither() {
    let world = World::new(settings()).await;
    let writer = received(&world, 100).await;
    let stored = writer.finish().await.unwrap();
    let mut submission = Box::pin(
        world
            .engine
            .submit(&world.caller, stored, AnonymizeOptions::default()),
    );
    assert!(futures::poll!(&mut submission).is_pending());
    drop(submission);
    let begun = until("the job to exist", || async {
        let worker = sfumato_core::WorkerId::new(&*world.clock, &*world.entropy);
        let claimed = world
            .store
            .claim_jobs(worker, JobLimits::both(1), DAY)
            .await
            .unwrap();
        claimed.into_iter().next()
    })
    .await;
    assert_eq!(begun.upload.bytes, 400);
    assert_eq!(files(&world, "uploads").len(), 1, "its original is there");
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_upload_is_completed_leaves_nothing() {
    let world = World::new(settings()).await;
    let writer = received(&world, 2_000_000).await;
    let mut completion = Box::pin(writer.finish());
    assert!(futures::poll!(&mut completion).is_pending());
    drop(completion);
    until("the upload to be removed", || async {
        files(&world, "uploads").is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_failed_write_left_half_done_is_collected_after_a_day() {
    let world = World::new(settings()).await;
    let writer = received(&world, 2_000_000).await;
    std::mem::forget(writer);
    assert_eq!(files(&world, "uploads").len(), 1);
    let present = Timestamp::from_seconds(0);
    assert_eq!(world.engine.collect_orphans(present).await.unwrap(), 0);
    assert_eq!(world.engine.collect_orphans(FUTURE).await.unwrap(), 1);
    assert_eq!(files(&world, "uploads").len(), 0);
}
