//! The pool with the real executable: what goes wrong stays with the task it went wrong for.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sfumato_core::{AnonymizeOptions, FailureClass};
use sfumato_media_client::{Finished, MediaError, MediaPool, MediaPoolConfig};
use tempfile::TempDir;

use crate::support::*;

struct Setup {
    pool: Arc<MediaPool>,
    scratch: TempDir,
}

fn setup(change: impl FnOnce(&mut MediaPoolConfig)) -> Setup {
    let scratch = tempfile::tempdir().unwrap();
    let mut config = MediaPoolConfig::new(
        env!("CARGO_BIN_EXE_sfumato-media").into(),
        assets_dir(),
        scratch.path().to_owned(),
    );
    config.children_max = 1;
    change(&mut config);
    Setup {
        pool: Arc::new(MediaPool::new(config).unwrap()),
        scratch,
    }
}

async fn run_with(
    pool: &MediaPool,
    bytes: &[u8],
    on_progress: impl FnMut(f32) + Send,
    cancel: impl Future<Output = ()> + Send,
) -> Result<Finished, MediaError> {
    let task = task(bytes, AnonymizeOptions::default());
    pool.run(task, &mut &*bytes, on_progress, cancel).await
}

async fn run(pool: &MediaPool, bytes: &[u8]) -> Result<Finished, MediaError> {
    run_with(pool, bytes, |_| (), std::future::pending()).await
}

/// Our children in the process table: id and state.
fn children() -> Vec<(i32, char)> {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            let (id_and_name, rest) = stat.rsplit_once(") ")?;
            let mut fields = rest.split(' ');
            let state = fields.next()?.chars().next()?;
            (fields.next()? == own).then_some(())?;
            Some((id_and_name.split(' ').next()?.parse().ok()?, state))
        })
        .collect()
}

fn only_child() -> i32 {
    let children = children();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0].0
}

fn kill(id: i32) {
    // It may have gone in the meantime.
    let _gone = kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn files_in(dir: &TempDir) -> usize {
    std::fs::read_dir(dir.path()).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_tasks_share_two_children() {
    let setup = setup(|config| config.children_max = 2);
    let bytes: Arc<Vec<u8>> = Arc::new(jpeg(&astronaut(), &JpegSettings::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (pool, bytes) = (Arc::clone(&setup.pool), Arc::clone(&bytes));
        tasks.spawn(async move {
            let finished = run(&pool, &bytes).await.unwrap();
            assert_eq!(zombies(), 0);
            finished
        });
    }
    let mut outputs = vec![];
    while let Some(finished) = tasks.join_next().await {
        let mut finished = finished.unwrap();
        let mut output = vec![];
        finished.output.read_to_end(&mut output).unwrap();
        assert_eq!(output.len() as u64, finished.report.bytes);
        assert_eq!(finished.report.document.picture().unwrap().detections.len(), 1);
        outputs.push(output);
    }
    outputs.dedup();
    assert_eq!(outputs.len(), 1, "the same task gives the same bytes");
    assert_eq!(children().len(), 2);
    assert_eq!(files_in(&setup.scratch), 0, "scratch files have no name");
}

/// Zombies among our children.
fn zombies() -> usize {
    children().iter().filter(|(_, state)| *state == 'Z').count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_killed_in_the_middle_fails_its_task_alone() {
    let setup = setup(|config| config.children_max = 2);
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    setup.pool.warm_up().await.unwrap();
    // Both die, only one of them has a task.
    let kill_all = |_| children().iter().for_each(|(id, _)| kill(*id));
    let victim = run_with(&setup.pool, &bytes, kill_all, std::future::pending());
    let error = victim.await.unwrap_err();
    assert!(
        matches!(&error, MediaError::ChildLost { status, .. } if status.contains("signal: 9")),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::Transient);
    // A process that was killed lives on for as long as the system needs to take it apart.
    until("the idle child is dead too", || {
        children().iter().all(|(_, state)| *state == 'Z')
    })
    .await;
    run(&setup.pool, &bytes).await.unwrap();
    until("the killed children are reaped", || children().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_child_does_not_touch_the_task_of_another() {
    let setup = setup(|config| config.children_max = 2);
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let (first_works, started) = tokio::sync::oneshot::channel();
    let mut first_works = Some(first_works);
    let survivor = {
        let (pool, bytes) = (Arc::clone(&setup.pool), bytes.clone());
        tokio::spawn(async move {
            let on_progress = |_| {
                first_works.take().map(|channel| channel.send(only_child()));
            };
            run_with(&pool, &bytes, on_progress, std::future::pending()).await
        })
    };
    let survivor_id = started.await.unwrap();
    let on_progress = |_| {
        for (id, _) in children() {
            if id != survivor_id {
                kill(id);
            }
        }
    };
    let victim = run_with(&setup.pool, &bytes, on_progress, std::future::pending()).await;
    // The survivor may have been done before the victim began; then there was only its child to work with.
    match victim {
        Err(error) => assert!(matches!(error, MediaError::ChildLost { .. }), "{error}"),
        Ok(_) => assert_eq!(only_child(), survivor_id),
    }
    survivor.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_kills_the_child_and_the_next_task_gets_a_new_one() {
    let setup = setup(|_| ());
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let cancel = tokio::sync::Notify::new();
    let mut first = 0;
    let on_progress = |_| {
        first = only_child();
        cancel.notify_one();
    };
    let error = run_with(&setup.pool, &bytes, on_progress, cancel.notified())
        .await
        .unwrap_err();
    assert!(matches!(error, MediaError::Cancelled), "{error}");
    until("the child is gone", || children().is_empty()).await;
    run(&setup.pool, &bytes).await.unwrap();
    assert_ne!(only_child(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_takes_too_long_is_ended() {
    let setup = setup(|config| config.task_deadline = Duration::from_millis(1));
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let error = run(&setup.pool, &bytes).await.unwrap_err();
    assert!(matches!(error, MediaError::Deadline { .. }), "{error}");
    assert_eq!(children(), [], "the child is dead and reaped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_replaced_after_its_share_of_tasks() {
    let setup = setup(|config| config.tasks_per_child_max = 2);
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let mut ids = vec![];
    for _ in 0..4 {
        let mut id = 0;
        run_with(&setup.pool, &bytes, |_| id = only_child(), std::future::pending())
            .await
            .unwrap();
        ids.push(id);
    }
    assert!(
        ids[0] == ids[1] && ids[1] != ids[2] && ids[2] == ids[3],
        "{ids:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_cannot_be_processed_leaves_the_child_alone() {
    let setup = setup(|_| ());
    setup.pool.warm_up().await.unwrap();
    let id = only_child();
    let error = run(&setup.pool, b"no picture at all").await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Input, "{error}");
    assert!(matches!(&error, MediaError::Task(failure) if failure.message.contains("none of the supported")));
    run(&setup.pool, &rgb_png(&astronaut())).await.unwrap();
    assert_eq!(only_child(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_child_that_dies_costs_no_task() {
    let setup = setup(|_| ());
    let models = setup.pool.warm_up().await.unwrap().models;
    assert!(models.len() >= 2, "{models:?}");
    let id = only_child();
    kill(id);
    until("it is dead", || children().iter().all(|(_, state)| *state == 'Z')).await;
    run(&setup.pool, &rgb_png(&astronaut())).await.unwrap();
    assert_ne!(only_child(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_child_outlives_its_pool() {
    let first = setup(|config| config.children_max = 2);
    first.pool.warm_up().await.unwrap();
    assert_eq!(children().len(), 2);
    drop(first);
    until("all children are gone", || children().is_empty()).await;

    let second = setup(|_| ());
    second.pool.warm_up().await.unwrap();
    second.pool.shutdown().await;
    assert_eq!(children(), []);
    let refused = run(&second.pool, b"x").await;
    assert!(matches!(refused, Err(MediaError::ShutDown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_is_not_as_long_as_the_task_says_is_refused() {
    let setup = setup(|_| ());
    let bytes = rgb_png(&astronaut());
    let mut task = task(&bytes, AnonymizeOptions::default());
    task.bytes += 1;
    let outcome = setup
        .pool
        .run(task, &mut &bytes[..], |_| (), std::future::pending())
        .await;
    assert!(matches!(outcome, Err(MediaError::Input(_))));
    run(&setup.pool, &bytes).await.unwrap();
}

#[tokio::test]
async fn a_missing_executable_and_missing_models_are_told_apart() {
    let nothing = setup(|config| config.program = "/nonexistent/sfumato-media".into());
    let error = run(&nothing.pool, b"x").await.unwrap_err();
    assert!(matches!(error, MediaError::Spawn { .. }), "{error}");

    let empty = tempfile::tempdir().unwrap();
    let no_models = setup(|config| config.assets_dir = empty.path().to_owned());
    let error = run(&no_models.pool, b"x").await.unwrap_err();
    assert!(
        matches!(&error, MediaError::NotReady { reason } if reason.contains("error: ")),
        "{error}"
    );
    assert_eq!(children(), []);
}

/// An executable that answers as the script says.
fn impostor(dir: &TempDir, script: &str) -> PathBuf {
    let path = dir.path().join("impostor");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[tokio::test]
async fn a_child_that_talks_nonsense_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let ready = r#"printf '\000\000\000\027{"ready":{"models":[]}}'"#;
    let liar = impostor(
        &dir,
        &format!("{ready}; head -c 100 >/dev/null; printf 'garbage!'; sleep 60"),
    );
    let pool = setup(|config| config.program = liar);
    let error = run(&pool.pool, b"x").await.unwrap_err();
    assert!(
        matches!(&error, MediaError::ChildLost { status, .. } if status.contains("the limit is")),
        "{error}"
    );
    assert_eq!(children(), []);

    let silent = impostor(&dir, "sleep 60");
    let pool = setup(|config| {
        config.program = silent;
        config.ready_deadline = Duration::from_millis(50);
    });
    let error = run(&pool.pool, b"x").await.unwrap_err();
    assert!(matches!(error, MediaError::NotReady { .. }), "{error}");
    until("it is gone", || children().is_empty()).await;
}
