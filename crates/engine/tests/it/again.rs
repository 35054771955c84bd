//! What people do with jobs that have finished, and what the audit log keeps of it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::job::{FailureClass, JobOutcome, JobState};
use sfumato_core::policy::{ClientPolicy, Quota, Quotas};
use sfumato_core::store::{AuditFilter, Discarding as _, JobFilter};
use sfumato_core::{AnonymizeOptions, ClientId, ClientKey, PublicJobId, Scope, Store, StoreError};
use sfumato_engine::EngineSettings;
use sfumato_engine::access::Caller;
use sfumato_engine::again::{Fate, Fates, RetryError};
use sfumato_engine::audit::{Deed, ExportFormat};
use sfumato_engine::blobs::{Blobs, ResultPart};
use sfumato_engine::intake::IntakeError;
use sfumato_engine::janitor::Swept;
use sfumato_engine::results::ResultError;
use sfumato_testkit::build;
use sfumato_testkit::storage::Deletions;

use crate::logs::Logs;
use crate::world::{World, settings};

/// A world in which originals outlive their jobs.
async fn keeping() -> World {
    World::new(EngineSettings {
        originals_kept: Duration::from_secs(3_600),
        ..settings()
    })
    .await
}

async fn submitted(world: &World) -> Result<PublicJobId, IntakeError> {
    let mut writer = world.engine.begin_upload(Some("a.jpg"));
    writer
        .write(Bytes::from([0xFF, 0xD8, 0xFF, 0xE0].repeat(100)))
        .await?;
    let stored = writer.finish().await?;
    world
        .engine
        .submit(&world.caller, stored, AnonymizeOptions::default())
        .await
}

async fn failed(world: &World) -> PublicJobId {
    let job = submitted(world).await.unwrap();
    let (id, lease) = world.begin().await;
    let outcome = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "the picture is truncated".into(),
    };
    world.store.finish_job(id, &lease, outcome).await.unwrap();
    job
}

/// Another client's caller.
fn stranger(world: &World) -> Caller {
    Caller {
        client: ClientId::new(&*world.clock, &*world.entropy),
        ..world.caller
    }
}

#[tokio::test]
async fn a_failed_job_is_done_again_as_a_job_of_its_own() {
    let world = keeping().await;
    let job = failed(&world).await;
    let again = world.engine.retry(&world.caller, &job).await.unwrap();
    assert_ne!(again.job, job.job);
    let second = world.engine.job(&world.caller, &again).await.unwrap().unwrap();
    let first = world.engine.job(&world.caller, &job).await.unwrap().unwrap();
    assert_eq!(
        first.state.name(),
        "failed",
        "how it ended was told, and stays so"
    );
    assert_eq!((&second.upload, &second.options), (&first.upload, &first.options));
    assert_eq!(second.root(), first.id);
    let begun = world.begin().await;
    assert_eq!(begun.0, again.job);
    world.succeed(begun).await;
    let refused = world.engine.retry(&world.caller, &again).await;
    assert!(matches!(refused, Err(RetryError::Succeeded)), "{refused:?}");
}

#[tokio::test]
async fn a_job_is_not_done_again_while_it_waits_without_its_original_or_by_others() {
    let world = World::new(settings()).await;
    let waiting = submitted(&world).await.unwrap();
    let refused = world.engine.retry(&world.caller, &waiting).await;
    assert!(
        matches!(refused, Err(RetryError::Store(StoreError::UnderWay { .. }))),
        "{refused:?}"
    );
    world.engine.cancel(&world.caller, &waiting).await.unwrap();
    world.engine.sweep().await.unwrap();
    let refused = world.engine.retry(&world.caller, &waiting).await;
    assert!(
        matches!(refused, Err(RetryError::Store(StoreError::NotRetained))),
        "{refused:?}"
    );
    let refused = world.engine.retry(&stranger(&world), &waiting).await;
    assert!(
        matches!(refused, Err(RetryError::Store(StoreError::NotFound { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn discarded_files_are_gone_from_the_storage() {
    let world = keeping().await;
    let job = submitted(&world).await.unwrap();
    let refused = world.engine.discard(&world.caller, &job).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    let begun = world.begin().await;
    world.succeed(begun).await;
    let refused = world.engine.discard(&stranger(&world), &job).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    world.engine.discard(&world.caller, &job).await.unwrap();
    let JobState::Expired { result, .. } = world
        .engine
        .job(&world.caller, &job)
        .await
        .unwrap()
        .unwrap()
        .state
    else {
        panic!("its result is gone")
    };
    let extension = result.format.extension();
    let gone = world.engine.result(&world.caller, result.id, extension).await;
    assert!(matches!(gone, Err(ResultError::Gone)), "{gone:?}");
    let uploads = world.database().parent().unwrap().join("blobs/uploads");
    let left = std::fs::read_dir(uploads).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_upload_beyond_a_quota_leaves_neither_job_nor_file() {
    let world = World::new(settings()).await;
    let clients = world.store.clients().await.unwrap();
    let client = clients
        .iter()
        .find(|client| client.id == world.caller.client)
        .unwrap();
    let policy = ClientPolicy {
        quotas: Quotas {
            jobs_waiting_max: Some(1),
            ..Quotas::default()
        },
        ..ClientPolicy::default()
    };
    world.engine.set_client_policy(&client.key, policy).await.unwrap();
    world.engine.check_room(&world.caller, None).await.unwrap();
    submitted(&world).await.unwrap();
    let refused = submitted(&world).await;
    let over = StoreError::OverQuota(Quota::JobsWaiting { max: 1 });
    assert!(
        matches!(&refused, Err(IntakeError::Store(error)) if error.to_string() == over.to_string()),
        "{refused:?}"
    );
    let refused = world.engine.check_room(&world.caller, None).await;
    assert!(
        matches!(refused, Err(IntakeError::Store(StoreError::OverQuota(_)))),
        "{refused:?}"
    );
    let page = world
        .engine
        .jobs(Scope::All, &JobFilter::default(), None, 10)
        .await;
    assert_eq!(page.unwrap().jobs.len(), 1);
    let unknown = world
        .engine
        .set_client_policy(&ClientKey::new("client_x"), policy)
        .await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn the_audit_log_is_exported_whole_and_forgotten_after_its_time() {
    let world = World::new(settings()).await;
    for n in 0..1_200 {
        let deed = Deed::new(Actor::Operator, Action::ClientCreated)
            .to(Subject::Client(world.caller.client))
            .of(world.caller.client)
            .with("n", n.to_string());
        world.engine.audit(deed).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let export = async |scope, format| {
        let pieces = world.engine.export_audit(scope, AuditFilter::default(), format);
        let pieces: Vec<Bytes> = Box::pin(pieces).try_collect().await.unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    };
    let csv = export(Scope::All, ExportFormat::Csv).await;
    assert_eq!(csv.lines().count(), 1_201);
    assert!(csv.starts_with("id,at,") && csv.lines().nth(1).unwrap().ends_with(",n=1199"));
    let lines = export(Scope::Client(world.caller.client), ExportFormat::JsonLines).await;
    assert_eq!(lines.lines().count(), 1_200);
    let nobody = Scope::Client(ClientId::new(&*world.clock, &*world.entropy));
    assert_eq!(export(nobody, ExportFormat::JsonLines).await, "");
}

/// How many files lie in a folder of the storage, and below.
fn stored(world: &World, folder: &str) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| {
                if entry.path().is_dir() {
                    count(&entry.path())
                } else {
                    1
                }
            })
            .sum()
    }
    count(&world.database().parent().unwrap().join("blobs").join(folder))
}

/// A job of a kept original, with a result whose files are there.
async fn with_a_result(world: &World) -> PublicJobId {
    let job = submitted(world).await.unwrap();
    let begun = world.begin().await;
    let result = build::job_result(&*world.clock, &*world.entropy);
    let blobs = Blobs::open_folder(&world.database().parent().unwrap().join("blobs")).unwrap();
    for part in [ResultPart::Media, ResultPart::Document] {
        blobs.put_result(result.id, part, &b"12345"[..]).await.unwrap();
    }
    let outcome = JobOutcome::Succeeded(result);
    world.store.finish_job(begun.0, &begun.1, outcome).await.unwrap();
    job
}

#[tokio::test]
async fn files_that_cannot_be_deleted_are_not_said_to_be_gone_and_are_tried_again_until_they_are() {
    let remains = Fates {
        original: Fate::Remains,
        result: Fate::Remains,
    };
    let gone = Fates {
        original: Fate::Gone,
        result: Fate::Gone,
    };
    for by_the_janitor in [false, true] {
        let world = keeping().await;
        let job = with_a_result(&world).await;
        for deletions in [Deletions::Refused, Deletions::Kept] {
            world.storage.set_deletions(deletions);
            let erased = world.engine.erase(&world.caller, &job).await.unwrap();
            assert_eq!((erased.fates, erased.job.original_kept), (remains, false));
            assert_eq!(world.engine.sweep().await.unwrap(), Swept::default());
        }
        assert_eq!((stored(&world, "uploads"), stored(&world, "results")), (1, 2));
        let engine = world.restarted(settings());
        if by_the_janitor {
            let swept = engine.sweep().await.unwrap();
            assert_eq!((swept.originals, swept.results), (1, 1));
            assert_eq!((stored(&world, "uploads"), stored(&world, "results")), (0, 0));
        }
        for _ in 0..2 {
            let erased = engine.erase(&world.caller, &job).await.unwrap();
            assert_eq!(erased.fates, gone);
        }
        assert_eq!((stored(&world, "uploads"), stored(&world, "results")), (0, 0));
        assert_eq!(
            engine.sweep().await.unwrap(),
            Swept::default(),
            "what is marked as deleted is not looked at again"
        );
    }
}

#[tokio::test]
async fn what_a_process_that_died_was_about_to_delete_is_deleted_in_the_next_round() {
    let world = keeping().await;
    let job = with_a_result(&world).await;
    let kept = with_a_result(&world).await;
    // The rows are written; then it dies.
    world.store.discard(job.client, job.job).await.unwrap();
    let engine = world.restarted(EngineSettings {
        originals_kept: Duration::from_secs(3_600),
        ..settings()
    });
    let swept = engine.sweep().await.unwrap();
    assert_eq!((swept.originals, swept.results), (1, 1));
    assert_eq!((stored(&world, "uploads"), stored(&world, "results")), (1, 2));
    let kept = world.engine.job(&world.caller, &kept).await.unwrap().unwrap();
    assert!(kept.original_kept && kept.state.name() == "succeeded");
}

#[tokio::test]
async fn an_original_that_another_job_needs_is_not_said_to_be_gone() {
    let world = keeping().await;
    let job = failed(&world).await;
    world.engine.retry(&world.caller, &job).await.unwrap();
    let erased = world.engine.erase(&world.caller, &job).await.unwrap();
    assert_eq!(
        erased.fates,
        Fates {
            original: Fate::Needed,
            result: Fate::Gone
        }
    );
    assert_eq!(stored(&world, "uploads"), 1);
}

#[tokio::test]
async fn every_deletion_leaves_a_line_in_the_log() {
    let world = keeping().await;
    let logs = Logs::default();
    let _guard = tracing::subscriber::set_default(logs.subscriber());
    let job = with_a_result(&world).await;
    world.storage.set_deletions(Deletions::Kept);
    world.engine.erase(&world.caller, &job).await.unwrap();
    assert!(!logs.text().contains("files were deleted and are gone"));
    world.storage.set_deletions(Deletions::Done);
    world.engine.erase(&world.caller, &job).await.unwrap();
    let due = with_a_result(&world).await;
    world.clock.advance(Duration::from_secs(8 * 24 * 3_600));
    world.engine.sweep().await.unwrap();
    let text = logs.text();
    for (job, reason) in [(job, "wanted"), (due, "retention")] {
        for (kind, blobs, bytes) in [("original", 1, 400), ("result", 2, 10)] {
            let fields = [
                "INFO".to_owned(),
                format!("job.id=\"{}\"", job.job),
                format!("kind=\"{kind}\""),
                format!("blobs={blobs} bytes={bytes} reason=\"{reason}\""),
            ];
            let line = text.lines().find(|line| {
                line.contains("files were deleted and are gone")
                    && fields.iter().all(|field| line.contains(field))
            });
            assert!(line.is_some(), "{fields:?} in {text}");
        }
    }
}
