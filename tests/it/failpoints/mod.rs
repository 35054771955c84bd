//! The server dies at the instants at which it would hurt most, one after the other, and the next one makes everything whole:
//! on SQLite and a folder, and on PostgreSQL and a bucket.

mod installation;
mod takeover;
mod upgrade;

use anyhow::{Result, ensure};
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::server::{Launch, Server, Stores};
use sfumato_e2e::stopped::Stopped;
use sfumato_e2e::{invariants, sfumato, sfumato_with_failpoints};
use tempfile::TempDir;

use crate::video;
use installation::{Installation, UPLOADS, abort_at, died_there};

/// Makes two tests of each line: one on either kind of stores.
macro_rules! on_both_kinds_of_stores {
    ($($name:ident => $($story:ident)::+($($point:literal)?),)+) => {
        mod on_sqlite_and_a_folder {
            $(
                #[tokio::test]
                async fn $name() -> anyhow::Result<()> {
                    super::$($story)::+(super::Stores::Embedded $(, $point)?).await
                }
            )+
        }

        mod on_postgres_and_a_bucket {
            $(
                #[tokio::test]
                async fn $name() -> anyhow::Result<()> {
                    super::$($story)::+(super::Stores::Shared $(, $point)?).await
                }
            )+
        }
    };
}

on_both_kinds_of_stores! {
    dying_between_original_and_row_leaves_nothing_half => dies_during_uploads("after_blob_before_row"),
    dying_between_row_and_answer_keeps_the_job => dies_during_uploads("after_row_before_response"),
    dying_between_claim_and_work_keeps_the_job => dies_during_uploads("after_claim"),
    dying_between_work_and_result_does_the_work_again => dies_during_uploads("child_exit_before_put"),
    dying_between_result_and_row_leaves_one_result => dies_during_uploads("after_result_put"),
    dying_inside_the_transaction_of_the_end_undoes_it => dies_during_uploads("inside_finish_tx"),
    dying_after_the_end_tells_of_it => dies_during_uploads("after_finish"),
    dying_between_lease_and_post_sends_the_event => dies_during_uploads("after_claim_delivery"),
    dying_between_post_and_record_sends_the_event_again => dies_during_uploads("after_post_before_record"),
    dying_after_the_record_goes_on_with_the_next_event => dies_during_uploads("after_record"),
    dying_between_row_and_deletion_of_an_original_deletes_it => dies_during_uploads("retention_row_before_blob"),
    dying_before_a_heartbeat_keeps_the_job => dies_before_a_heartbeat(),
    dying_with_a_media_process_that_is_not_ready_leaves_no_process => dies_with_a_media_process_that_is_not_ready(),
    dying_between_row_and_deletion_of_a_result_deletes_it => dies_between_row_and_deletion_of_a_result(),
    dying_inside_a_migration_leaves_no_half_schema => dies_inside_a_migration(),
    dying_inside_an_upgrade_leaves_what_there_was => upgrade::dies_inside(),
}

/// Dies at a point on the way of an upload, and recovers.
async fn dies_during_uploads(stores: Stores, point: &str) -> Result<()> {
    let installation = Installation::new(stores).await?;
    let died = installation.dies_at(point, Launch::with_failpoints()).await?;
    let (_stopped, jobs) = died.recovers().await?;
    ensure!((1..=1 + UPLOADS).contains(&jobs), "{jobs} jobs");
    Ok(())
}

async fn dies_before_a_heartbeat(stores: Stores) -> Result<()> {
    let folder = TempDir::new()?;
    let clip = std::fs::read(video::clip(folder.path(), 8)?)?;
    let mut installation = Installation::new(stores).await?;
    let launch = Launch::with_failpoints().env("SFUMATO_WORKER__LEASE", "5s");
    let server = installation
        .stopped
        .restart_as(abort_at("before_heartbeat", launch))
        .await?;
    let client = installation.client.at(&server.url);
    let job = client.submit("clip.mp4", clip, &[("profile", "fast")]).await?;
    installation.accepted.push(job);
    let (status, stopped, log) = server.ended().await?;
    died_there("before_heartbeat", status, &log.join("\n"))?;
    installation.stopped = stopped;
    let (_stopped, jobs) = installation.recovers().await?;
    assert_eq!(jobs, 2);
    Ok(())
}

async fn dies_with_a_media_process_that_is_not_ready(stores: Stores) -> Result<()> {
    let mut installation = Installation::new(stores).await?;
    let server = installation.stopped.restart().await?;
    let client = installation.client.at(&server.url);
    installation
        .accepted
        .push(client.submit("a.png", astronaut_png(), &[]).await?);
    installation.stopped = server.kill().await?;
    let died = installation
        .dies_at_once_at("child_spawned", Launch::with_failpoints())
        .await?;
    let (_stopped, jobs) = died.recovers().await?;
    assert_eq!(jobs, 2);
    Ok(())
}

async fn dies_between_row_and_deletion_of_a_result(stores: Stores) -> Result<()> {
    let retention = |launch: Launch| launch.env("SFUMATO_RETENTION__RESULTS", "0s");
    let died = Installation::new(stores)
        .await?
        .dies_at_once_at("retention_row_before_blob", retention(Launch::with_failpoints()))
        .await?;
    let (stopped, _) = died.recovers_as(retention(Launch::ordinary())).await?;
    assert_eq!(stopped.stored("results").await, []);
    Ok(())
}

async fn dies_inside_a_migration(stores: Stores) -> Result<()> {
    let empty = Stopped::empty(stores).await?;
    let dying = abort_at("migration_half", Launch::with_failpoints());
    for _ in 0..2 {
        let (status, log) = match stores {
            Stores::Embedded => empty.fails_as(dying.clone()).await?,
            // A start does not touch what others may be working with.
            Stores::Shared => empty.migrate_as(dying.clone()).await?,
        };
        died_there("migration_half", status, &log)?;
        assert_eq!(empty.schema()?, Vec::<String>::new());
    }
    if stores == Stores::Shared {
        let (status, log) = empty.migrate_as(Launch::ordinary()).await?;
        ensure!(status.success(), "migrate: {log}");
    }
    let server = empty.restart().await?;
    let client = server.client("first").await?;
    let job = client.submit("a.png", astronaut_png(), &[]).await?;
    invariants::settled(&server, &client, &[]).await?;
    let migrated = invariants::hold(server, &client, &[job]).await?;
    let whole = Installation::new(stores).await?;
    assert_eq!(migrated.schema()?, whole.stopped.schema()?);
    Ok(())
}

#[tokio::test]
async fn a_disk_that_is_slow_to_write_and_a_kill_lose_nothing() -> Result<()> {
    let slow = Launch::with_failpoints().env("SFUMATO_FAILPOINT", "slow_fsync:300,slow_blob_sync:300");
    let mut installation = Installation::new(Stores::Embedded).await?;
    let server = installation.stopped.restart_as(slow.clone()).await?;
    let client = installation.client.at(&server.url);
    for _ in 0..UPLOADS {
        installation
            .accepted
            .push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    // In the instant of the last answer: whatever it says has to be on the disk by now.
    installation.stopped = server.kill().await?;
    let (_stopped, jobs) = installation.recovers_as(slow).await?;
    assert_eq!(jobs, 1 + UPLOADS);
    Ok(())
}

#[tokio::test]
async fn the_product_has_no_failpoints() -> Result<()> {
    let names = ["SFUMATO_FAILPOINT", "SFUMATO_CLOCK_FILE", "after_blob_before_row"];
    let contains = |program: &std::path::Path, name: &str| {
        let bytes = std::fs::read(program)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).contains(name))
    };
    for name in names {
        assert!(!contains(&sfumato(), name)?, "{name}");
        assert!(contains(&sfumato_with_failpoints(), name)?, "{name}");
    }
    let server = abort_at("after_claim", Launch::ordinary()).start().await?;
    let told = server
        .log()
        .iter()
        .any(|line| line.contains("SFUMATO_FAILPOINT is no setting and has no effect"));
    assert!(told, "{:?}", server.log());
    works(&server).await
}

async fn works(server: &Server) -> Result<()> {
    let client = server.client("unharmed").await?;
    let (result, _) = client.anonymize("a.png", astronaut_png(), &[]).await?;
    assert!(!result.is_empty());
    Ok(())
}
