//! What a database file must survive.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use sfumato_core::StoreError;
use sfumato_core::delivery::Outcome;
use sfumato_core::store::JobLimits;
use sfumato_store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use sfumato_testkit::{LEASE, SimClock, SimEntropy, WORKER, World};
use tempfile::TempDir;

struct Disk {
    folder: TempDir,
    clock: Arc<SimClock>,
    entropy: Arc<SimEntropy>,
}

impl Disk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::default(),
            entropy: Arc::new(SimEntropy::new(1)),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sfumato.db")
    }

    fn open(&self) -> World {
        self.open_at(&self.path()).unwrap()
    }

    fn open_at(&self, path: &Path) -> Result<World, OpenError> {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let store = SqliteStore::open(path, clock, entropy, SqliteOptions::default())?;
        Ok(World::new(
            Arc::new(store),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        ))
    }
}

#[tokio::test]
async fn reopening_finds_everything() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let (login, _) = world.login(client.id).await;
    let done = world.succeeded(client.id).await;
    let running = world.running(client.id).await;
    for dispatch in world.dispatches().await {
        world.attempted(&dispatch, Outcome::Status).await;
    }
    let session = world.store.session(login.id).await.unwrap();
    let records = world.records(&done).await;
    let endpoint = world.endpoint_now(&endpoint).await;
    drop(world);

    let world = disk.open();
    assert_eq!(
        world.store.clients().await.unwrap(),
        std::slice::from_ref(&client)
    );
    assert_eq!(world.store.session(login.id).await.unwrap(), session);
    assert_eq!(world.store.endpoints(client.id).await.unwrap(), [endpoint]);
    assert_eq!(world.job(&done).await, done);
    assert_eq!(world.job(&running).await, running);
    assert_eq!(world.records(&done).await, records);
    world.finish(&running, world.success()).await;
}

#[tokio::test]
async fn what_was_answered_is_on_the_disk_while_the_store_is_still_open() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    let records = world.records(&job).await;
    // What a process that is killed leaves behind: the file and its log, as they are at this moment.
    let copies = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(disk.folder.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), copies.path().join(entry.file_name())).unwrap();
        }
    }
    let survivor = disk.open_at(&copies.path().join("sfumato.db")).unwrap();
    assert_eq!(survivor.job(&job).await, job);
    assert_eq!(survivor.records(&job).await, records);
    assert_eq!(
        survivor
            .store
            .void_leases_of_others(sfumato_testkit::COURIER)
            .await
            .unwrap()
            .freed,
        1
    );
    assert_eq!(survivor.claimed().await.id, job.id);
}

#[tokio::test]
async fn requests_that_nobody_waits_for_any_more_are_all_or_nothing() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    world.endpoint(client.id).await;
    let jobs: Vec<_> = (0..20).map(|_| world.unsubmitted(client.id)).collect();
    let tasks: Vec<_> = jobs
        .iter()
        .cloned()
        .map(|job| {
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.submit(&job).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for task in &tasks {
        task.abort();
    }
    let mut answered = 0;
    for task in tasks {
        answered += usize::from(matches!(task.await, Ok(Ok(()))));
    }
    drop(world);
    let world = disk.open();
    let mut found = 0;
    for job in &jobs {
        let exists = world.store.job(client.id, job.id).await.unwrap().is_some();
        assert_eq!(
            world.records(job).await.len(),
            usize::from(exists),
            "a job and its event exist together"
        );
        found += usize::from(exists);
    }
    assert!(found >= answered);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_a_way_out() {
    let disk = Disk::new();
    drop(disk.open());
    let connection = Connection::open(disk.path()).unwrap();
    connection
        .execute("INSERT INTO migrations VALUES (999, zeroblob(32))", [])
        .unwrap();
    let Err(refused) = disk.open_at(&disk.path()) else {
        panic!("it was opened")
    };
    assert!(matches!(refused, OpenError::Newer { found: 999, .. }));
    assert!(refused.to_string().contains("start a newer version"));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let disk = Disk::new();
    let text = "This is a letter, and longer than the header of a database.\n".repeat(20);
    std::fs::write(disk.path(), &text).unwrap();
    assert!(matches!(
        disk.open_at(&disk.path()),
        Err(OpenError::Damaged { .. })
    ));
    assert_eq!(std::fs::read_to_string(disk.path()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_an_error_that_names_the_path() {
    let disk = Disk::new();
    let path = disk.folder.path().join("missing").join("sfumato.db");
    let Err(refused) = disk.open_at(&path) else {
        panic!("it was opened")
    };
    assert!(refused.to_string().contains("missing"), "{refused}");
}

#[tokio::test]
async fn a_corrupt_row_is_pinpointed_and_harms_no_other() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    world.endpoint(client.id).await;
    let broken = world.running(client.id).await;
    let sound = world.submitted(client.id).await;
    let connection = Connection::open(disk.path()).unwrap();
    connection
        .pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    let id = broken.id.as_uuid().into_bytes();
    for (column, sql) in [
        ("options", "UPDATE jobs SET options = '{' WHERE id = ?1"),
        (
            "upload_format",
            "UPDATE jobs SET options = '{\"faces\":true,\"plates\":true,\"detections_document\":false,\"included_area\":[],\"mask\":{\"style\":\"blur\",\"smooth_padding\":0.0}}', upload_format = 'gif' WHERE id = ?1",
        ),
        (
            "state",
            "UPDATE jobs SET upload_format = 'jpeg', state = 'asleep' WHERE id = ?1",
        ),
    ] {
        assert_eq!(connection.execute(sql, [id]).unwrap(), 1);
        match world.store.job(client.id, broken.id).await {
            Err(StoreError::Corrupt {
                table,
                column: found,
                row,
                ..
            }) => {
                assert_eq!((table, found), ("jobs", column));
                assert_eq!(row, broken.id.to_string());
            }
            other => panic!("{column}: {other:?}"),
        }
    }
    assert_eq!(world.job(&sound).await, sound);
    world.claimed().await;
}

#[tokio::test]
async fn another_process_writes_meanwhile_and_both_succeed() {
    let disk = Disk::new();
    let (server, command) = (disk.open(), disk.open());
    let (a, b) = tokio::join!(
        async {
            for _ in 0..20 {
                server.client().await;
            }
        },
        async {
            for _ in 0..20 {
                command.client().await;
            }
        }
    );
    let ((), ()) = (a, b);
    assert_eq!(server.store.clients().await.unwrap().len(), 40);
    assert_eq!(command.store.clients().await.unwrap().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn without_threads_a_paused_clock_never_runs_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
    let path = folder.path().join("sfumato.db");
    let store = SqliteStore::open_inline(&path, clock.clone(), entropy.clone()).unwrap();
    let world = World::new(Arc::new(store), clock, entropy);
    let work = async {
        let client = world.client().await;
        world.endpoint(client.id).await;
        world.succeeded(client.id).await;
        assert_eq!(world.deliver_all().await.len(), 3);
    };
    let begun = tokio::time::Instant::now();
    tokio::time::timeout(Duration::from_millis(1), work)
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_full_queue_makes_requests_wait_and_loses_none() {
    let disk = Disk::new();
    let options = SqliteOptions {
        readers_max: 1,
        queue_max: 1,
        batch_max: 2,
    };
    let (clock, entropy) = (Arc::clone(&disk.clock), Arc::clone(&disk.entropy));
    let store = SqliteStore::open(&disk.path(), clock, entropy, options).unwrap();
    let world = World::new(
        Arc::new(store),
        Arc::clone(&disk.clock),
        Arc::clone(&disk.entropy),
    );
    let client = world.client().await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (store, job) = (Arc::clone(&world.store), world.unsubmitted(client.id));
        requests.spawn(async move {
            store.submit(&job).await.unwrap();
            store.job(job.client, job.id).await.unwrap().unwrap()
        });
    }
    assert_eq!(requests.join_all().await.len(), 50);
    let claimed = world
        .store
        .claim_jobs(WORKER, JobLimits::both(100), LEASE)
        .await
        .unwrap();
    assert_eq!(claimed.len(), 50);
}

#[tokio::test]
async fn dropping_the_store_lets_the_file_go() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    world.submitted(client.id).await;
    drop(world);
    let names: Vec<_> = std::fs::read_dir(disk.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["sfumato.db"], "the last connection removes the log");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_wait_for_its_time_to_come_again() {
    for restarted in [false, true] {
        let disk = Disk::new();
        let world = disk.open();
        let client = world.client().await;
        let endpoint = world.endpoint(client.id).await;
        let job = world.submitted(client.id).await;
        assert_eq!(world.store.reap().await.unwrap().freed, 0);
        disk.clock.set(world.now().before(Duration::from_secs(3_600)));
        assert_eq!(world.claim_all().await, [], "its time has not come again");
        if restarted {
            world.store.void_leases_of_others(WORKER).await.unwrap();
        } else {
            world.store.reap().await.unwrap();
        }
        assert_eq!(world.claim_all().await, [job.id]);
        let dispatches = world.dispatches().await;
        let told: Vec<_> = dispatches
            .iter()
            .map(|dispatch| (dispatch.endpoint.id, dispatch.event.sequence))
            .collect();
        assert_eq!(told, [(endpoint.id, 1)]);
    }
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_advice_and_left_as_it_is() {
    let disk = Disk::new();
    let world = disk.open();
    let client = world.client().await;
    for _ in 0..20 {
        world.succeeded(client.id).await;
    }
    drop(world);
    sfumato_store_sqlite::check(&disk.path()).unwrap();
    let mut bytes = std::fs::read(disk.path()).unwrap();
    let whole = bytes.clone();
    for page in bytes.chunks_mut(4096).skip(4).step_by(3) {
        page.fill(0xA5);
    }
    std::fs::write(disk.path(), &bytes).unwrap();
    let refusal = disk.open_at(&disk.path()).err().unwrap();
    assert!(matches!(refusal, OpenError::Damaged { .. }), "{refusal}");
    assert!(refusal.to_string().contains("restore a backup"), "{refusal}");
    assert_eq!(std::fs::read(disk.path()).unwrap(), bytes);
    assert!(sfumato_store_sqlite::check(&disk.path()).is_err());
    std::fs::write(disk.path(), &whole).unwrap();
    disk.open();
}
