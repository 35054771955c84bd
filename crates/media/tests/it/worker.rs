//! The engine's worker with the real executable, in the middle of its writes.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfumato_core::job::{Job, JobState};
use sfumato_core::{AnonymizeOptions, Clock, LoginId, PublicJobId, Store};
use sfumato_engine::access::{Caller, Keys, Via};
use sfumato_engine::again::{Fate, Fates};
use sfumato_engine::blobs::Blobs;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_media_client::{MediaPool, MediaPoolConfig};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use sfumato_testkit::SimClock;
use sfumato_testkit::storage::FaultyStorage;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{assets_dir, astronaut, rgb_png};
use crate::video_support::Clips;

const GONE: Fates = Fates {
    original: Fate::Gone,
    result: Fate::Gone,
};

/// One installation with two processes: one works, the other one is only asked.
struct Installation {
    worker: Engine,
    other: Engine,
    caller: Caller,
    storage: FaultyStorage,
    folder: TempDir,
}

impl Installation {
    async fn new(clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(SystemEntropy);
        let database = folder.path().join("sfumato.db");
        let store = SqliteStore::open(
            &database,
            clock.clone(),
            entropy.clone(),
            SqliteOptions::default(),
        );
        let store: Arc<dyn Store> = Arc::new(store.unwrap());
        let mut storage = None;
        let blobs = Blobs::open_folder(&folder.path().join("blobs"))
            .unwrap()
            .through(|inner| Arc::new(storage.insert(FaultyStorage::new(inner)).clone()));
        let engine = |media| {
            Engine::new(Parts {
                store: store.clone(),
                blobs: blobs.clone(),
                media,
                clock: clock.clone(),
                entropy: entropy.clone(),
                keys: Keys::derive(&[1; 32]),
                settings: EngineSettings {
                    lease: Duration::from_secs(3),
                    part_length_s: NonZeroU32::MIN,
                    originals_kept: Duration::from_secs(3_600),
                    shared: true,
                    ..EngineSettings::default()
                },
            })
        };
        let executable = env!("CARGO_BIN_EXE_sfumato-media").into();
        let config = MediaPoolConfig::new(executable, assets_dir(), folder.path().to_owned());
        let worker = engine(Some(MediaPool::new(config).unwrap()));
        let other = engine(None);
        let (client, _) = other.create_client("a customer").await.unwrap();
        Self {
            worker,
            other,
            caller: Caller {
                client: client.id,
                via: Via::Login(LoginId::new(&*clock, &*entropy)),
            },
            storage: storage.unwrap(),
            folder,
        }
    }

    async fn submit(&self, content: Vec<u8>) -> PublicJobId {
        let mut writer = self.other.begin_upload(Some("a"));
        writer.write(content.into()).await.unwrap();
        let stored = writer.finish().await.unwrap();
        let options = AnonymizeOptions::default();
        self.other.submit(&self.caller, stored, options).await.unwrap()
    }

    async fn job(&self, id: &PublicJobId) -> Job {
        self.other.job(&self.caller, id).await.unwrap().unwrap()
    }

    fn start(&self) -> (JoinHandle<()>, CancellationToken) {
        let (engine, shutdown) = (self.worker.clone(), CancellationToken::new());
        let token = shutdown.clone();
        (
            tokio::spawn(async move { engine.run_worker(token).await }),
            shutdown,
        )
    }

    /// The files in the storage.
    fn stored(&self) -> Vec<String> {
        fn collect(folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => collect(&entry.path(), found),
                    false => found.push(entry.path().display().to_string()),
                }
            }
        }
        let mut found = Vec::new();
        collect(&self.folder.path().join("blobs"), &mut found);
        found
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_its_lease_is_lost(worker: &Engine) {
    let lost = |line: &str| line.contains("lease_lost") && line.ends_with(" 1");
    until("its lease is lost", async || {
        worker.metrics_text().await.lines().any(lost)
    })
    .await;
}

/// Deletes the job whose worker is about to have written as many blobs, by the working process itself or by another one, which
/// the worker hears of at its next heartbeat.
async fn erased_while_it_is_stored(content: Vec<u8>, blobs: u32, by_itself: bool) {
    let installation = Installation::new(Arc::new(SystemClock)).await;
    let storage = &installation.storage;
    let job = installation.submit(content).await;
    storage.wait_for_writes(1).await;
    storage.hold_writes(true);
    let (worker, shutdown) = installation.start();
    storage.wait_for_writes(blobs).await;
    let Installation {
        worker: same, other, ..
    } = &installation;
    let asked = if by_itself { same } else { other };
    let erased = asked.erase(&installation.caller, &job).await.unwrap();
    assert_eq!(erased.fates, GONE);
    assert!(installation.stored().is_empty());
    // Its work is dropped; what is on its way is not.
    until_its_lease_is_lost(same).await;
    storage.hold_writes(false);
    shutdown.cancel();
    worker.await.unwrap();
    assert!(installation.stored().is_empty(), "{:?}", installation.stored());
}

#[tokio::test]
async fn a_result_that_is_being_stored_when_its_job_is_erased_does_not_stay() {
    let picture = rgb_png(&astronaut());
    for by_itself in [true, false] {
        // The picture and its document.
        erased_while_it_is_stored(picture.clone(), 2, by_itself).await;
    }
}

#[tokio::test]
async fn what_is_done_of_a_video_when_its_job_is_erased_does_not_stay() {
    let clips = Clips::new();
    let source = "-f lavfi -i testsrc2=size=128x96:rate=10:duration=4 -g 10 -pix_fmt yuv420p";
    let video = std::fs::read(clips.make("a.mp4", source)).unwrap();
    for by_itself in [true, false] {
        // How it is parted.
        erased_while_it_is_stored(video.clone(), 1, by_itself).await;
    }
}

#[tokio::test]
async fn a_job_waits_for_room_for_longer_than_four_attempts_and_is_done_then() {
    let clock = Arc::new(SimClock::at(SystemClock.now()));
    let clips = Clips::new();
    let source = "-f lavfi -i testsrc2=size=128x96:rate=10:duration=4 -g 10 -pix_fmt yuv420p";
    let video = std::fs::read(clips.make("a.mp4", source)).unwrap();
    let installation = Installation::new(clock.clone()).await;
    let mut jobs = vec![];
    for content in [rgb_png(&astronaut()), video] {
        jobs.push(installation.submit(content).await);
    }
    installation.storage.set_full(true);
    let (worker, shutdown) = installation.start();
    for claims in 1..=6 {
        for job in &jobs {
            until("it is put back", async || {
                let job = installation.job(job).await;
                let waits =
                    matches!(job.state, JobState::Queued { available_at } if available_at > clock.now());
                waits && job.claims.0 == claims
            })
            .await;
            assert_eq!(installation.job(job).await.attempts, 0);
        }
        clock.advance(Duration::from_secs(60));
    }
    installation.storage.set_full(false);
    for job in &jobs {
        until("it is done", async || {
            clock.advance(Duration::from_secs(1));
            installation.job(job).await.state.name() == "succeeded"
        })
        .await;
    }
    shutdown.cancel();
    worker.await.unwrap();
}
