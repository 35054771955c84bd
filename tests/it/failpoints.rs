//! The server dies at the instants at which it would hurt most, one after the other, and the next one makes everything whole.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use sfumato_e2e::client::Client;
use sfumato_e2e::database::Database;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server, Stopped};
use sfumato_e2e::{invariants, sfumato, sfumato_with_failpoints};
use tempfile::TempDir;

use crate::video;

/// Uploads that are begun before a server that is about to die.
const UPLOADS: usize = 3;

/// An installation that has done its first job.
struct Installation {
    stopped: Stopped,
    client: Client,
    receiver: Receiver,
    /// Jobs whose uploads were answered.
    accepted: Vec<String>,
}

impl Installation {
    async fn new() -> Result<Self> {
        let server = Launch::ordinary().start().await?;
        let client = server.client("survivor").await?;
        let receiver = Receiver::start().await?;
        client.add_endpoint(&receiver.url).await?;
        let job = client.submit("first.png", astronaut_png(), &[]).await?;
        invariants::settled(&server, &client, &[&receiver]).await?;
        let stopped = invariants::hold(server, &client, std::slice::from_ref(&job)).await?;
        Ok(Self {
            stopped,
            client,
            receiver,
            accepted: vec![job],
        })
    }

    /// Starts a server with a plan, uploads, and waits for its end at the point.
    async fn dies_at(mut self, point: &str, launch: Launch) -> Result<Self> {
        let server = self.stopped.restart_as(abort_at(point, launch)).await?;
        let client = self.client.at(&server.url);
        let uploads: Vec<_> = (0..UPLOADS)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.submit("a.png", astronaut_png(), &[]).await })
            })
            .collect();
        let (status, stopped, log) = server.ended().await?;
        died_there(point, status, &log.join("\n"))?;
        for upload in uploads {
            self.accepted.extend(upload.await?.ok());
        }
        Ok(Self { stopped, ..self })
    }

    /// Starts a server with a plan that dies of what it finds.
    async fn dies_at_once_at(self, point: &str, launch: Launch) -> Result<Self> {
        let (status, log) = abort_at(point, launch).fails_on(self.stopped.data()).await?;
        died_there(point, status, &log)?;
        Ok(self)
    }

    /// Starts the product again, which makes everything whole.
    async fn recovers(self) -> Result<(Stopped, usize)> {
        self.recovers_as(Launch::ordinary()).await
    }

    async fn recovers_as(self, launch: Launch) -> Result<(Stopped, usize)> {
        let server = self.stopped.restart_as(launch).await?;
        let client = self.client.at(&server.url);
        let events = invariants::settled(&server, &client, &[&self.receiver]).await?;
        let failed = events.iter().filter(|event| event.status == "Failed").count();
        ensure!(failed == 0, "{failed} jobs failed");
        let ended = events.iter().filter(|event| event.is_terminal()).count();
        Ok((invariants::hold(server, &client, &self.accepted).await?, ended))
    }
}

fn abort_at(point: &str, launch: Launch) -> Launch {
    launch.env("SFUMATO_FAILPOINT", &format!("{point}:abort"))
}

fn died_there(point: &str, status: ExitStatus, log: &str) -> Result<()> {
    ensure!(
        status.signal() == Some(Signal::ABORT.as_raw()) && log.contains(&format!("failpoint {point}: abort")),
        "the server ended with {status}:\n{log}"
    );
    Ok(())
}

/// Dies at a point on the way of an upload, and recovers. Returns how many jobs there are then.
async fn upload_survives(point: &str) -> Result<usize> {
    let installation = Installation::new().await?;
    let died = installation.dies_at(point, Launch::with_failpoints()).await?;
    let (_stopped, jobs) = died.recovers().await?;
    Ok(jobs)
}

macro_rules! an_upload_survives {
    ($($name:ident: $point:literal,)+) => {
        $(
            #[tokio::test]
            async fn $name() -> Result<()> {
                let jobs = upload_survives($point).await?;
                ensure!((1..=1 + UPLOADS).contains(&jobs), "{jobs} jobs");
                Ok(())
            }
        )+
    };
}

an_upload_survives! {
    dying_between_original_and_row_leaves_nothing_half: "after_blob_before_row",
    dying_between_row_and_answer_keeps_the_job: "after_row_before_response",
    dying_between_claim_and_work_keeps_the_job: "after_claim",
    dying_between_work_and_result_does_the_work_again: "child_exit_before_put",
    dying_between_result_and_row_leaves_one_result: "after_result_put",
    dying_inside_the_transaction_of_the_end_undoes_it: "inside_finish_tx",
    dying_after_the_end_tells_of_it: "after_finish",
    dying_between_lease_and_post_sends_the_event: "after_claim_delivery",
    dying_between_post_and_record_sends_the_event_again: "after_post_before_record",
    dying_after_the_record_goes_on_with_the_next_event: "after_record",
    dying_between_row_and_deletion_of_an_original_deletes_it: "retention_row_before_blob",
}

#[tokio::test]
async fn dying_before_a_heartbeat_keeps_the_job() -> Result<()> {
    let folder = TempDir::new()?;
    let clip = std::fs::read(video::clip(folder.path(), 8)?)?;
    let mut installation = Installation::new().await?;
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

#[tokio::test]
async fn dying_with_a_media_process_that_is_not_ready_leaves_no_process() -> Result<()> {
    let mut installation = Installation::new().await?;
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

#[tokio::test]
async fn dying_between_row_and_deletion_of_a_result_deletes_it() -> Result<()> {
    let retention = |launch: Launch| launch.env("SFUMATO_RETENTION__RESULTS", "0s");
    let died = Installation::new()
        .await?
        .dies_at_once_at("retention_row_before_blob", retention(Launch::with_failpoints()))
        .await?;
    let (stopped, _) = died.recovers_as(retention(Launch::ordinary())).await?;
    let results = stopped.data().join("blobs/results");
    assert_eq!(
        sfumato_e2e::files::below(&results),
        Vec::<std::path::PathBuf>::new()
    );
    Ok(())
}

#[tokio::test]
async fn dying_inside_a_migration_leaves_no_half_schema() -> Result<()> {
    let data = TempDir::new()?;
    let dying = abort_at("migration_half", Launch::with_failpoints());
    for _ in 0..2 {
        let (status, log) = dying.fails_on(data.path()).await?;
        died_there("migration_half", status, &log)?;
        assert_eq!(Database::left_in(data.path())?.schema()?, Vec::<String>::new());
    }
    let server = Launch::ordinary().start_in(data).await?;
    let client = server.client("first").await?;
    let job = client.submit("a.png", astronaut_png(), &[]).await?;
    invariants::settled(&server, &client, &[]).await?;
    let migrated = invariants::hold(server, &client, &[job]).await?;
    let whole = Installation::new().await?;
    let schema = |stopped: &Stopped| Database::left_in(stopped.data())?.schema();
    assert_eq!(schema(&migrated)?, schema(&whole.stopped)?);
    Ok(())
}

#[tokio::test]
async fn a_disk_that_is_slow_to_write_and_a_kill_lose_nothing() -> Result<()> {
    let slow = Launch::with_failpoints().env("SFUMATO_FAILPOINT", "slow_fsync:300,slow_blob_sync:300");
    let mut installation = Installation::new().await?;
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
