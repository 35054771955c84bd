//! The disk is full, files may grow no further, the database is damaged: uploads are refused before any harm is done, what
//! was accepted is kept, and the server goes on when there is room again.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
use sfumato_e2e::client::Client;
use sfumato_e2e::picture::{Picture, astronaut_png};
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_e2e::{eventually, invariants, sfumato};
use tempfile::TempDir;

/// A file system of its own in memory, gone when it is dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, and a line that says so, where this process may not mount.
    #[expect(clippy::print_stdout, reason = "a trial that is skipped says so")]
    fn mount(megabytes: u32) -> Result<Option<Self>> {
        let folder = TempDir::new()?;
        let options = format!("size={megabytes}m,mode=700");
        let output = command("mount")
            .args(["-t", "tmpfs", "-o", &options, "sfumato-test"])
            .arg(folder.path())
            .output()?;
        if output.status.success() {
            return Ok(Some(Self { folder }));
        }
        println!(
            "SKIPPED: no small disk can be mounted, which takes root: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(None)
    }

    /// Takes all the room that there is; dropping the folder's file gives it back.
    fn fill(&self) -> Result<std::path::PathBuf> {
        let path = self.folder.path().join("filler");
        let mut file = std::fs::File::create(&path)?;
        while file.write_all(&[0; 4096]).is_ok() {}
        Ok(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is just ending may still have a file open.
        let _left_to_the_system = command("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test mounts a small disk, and asks the command line"
)]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// A picture that does not compress, of some three bytes a pixel.
fn large_png(side: u32) -> Vec<u8> {
    let mut dice = sfumato_e2e::dice::Dice::new(7);
    let mut picture = Picture::plain(side, side, [0; 3]);
    for byte in &mut picture.rgb {
        *byte = dice.below(256).to_le_bytes()[0];
    }
    picture.to_png()
}

async fn status_of_upload(client: &Client, content: Vec<u8>) -> Result<StatusCode> {
    Ok(client.upload("a.png", content, &[]).await?.status())
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_costs_no_job() -> Result<()> {
    let Some(disk) = SmallDisk::mount(48)? else {
        return Ok(());
    };
    let data = TempDir::new_in(disk.folder.path())?;
    let launch = Launch::ordinary().env("SFUMATO_STORAGE__FREE_MIN", "0B");
    let server = launch.start_in(data).await?;
    let client = server.client("crowded").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let first = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&first).await;
    let mut accepted = vec![first];
    for _ in 0..4 {
        accepted.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    let filler = disk.fill()?;
    for _ in 0..3 {
        let status = status_of_upload(&client, astronaut_png()).await?;
        assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    }
    std::fs::remove_file(filler)?;
    accepted.push(client.submit("a.png", astronaut_png(), &[]).await?);
    comes_to_rest(server, &client, &receiver, &accepted).await
}

/// The clock goes on by as much as a job waits for room at most, so that nobody has to.
#[tokio::test]
async fn a_storage_that_stays_full_for_longer_than_four_attempts_costs_no_job() -> Result<()> {
    const ATTEMPTS: usize = 6;
    let Some(disk) = SmallDisk::mount(16)? else {
        return Ok(());
    };
    let (data, clock) = (TempDir::new()?, TempDir::new()?);
    std::os::unix::fs::symlink(disk.folder.path(), data.path().join("blobs"))?;
    let clock_file = clock.path().join("error");
    let launch = || {
        Launch::with_failpoints()
            .env("SFUMATO_STORAGE__FREE_MIN", "0B")
            .env("SFUMATO_CLOCK_FILE", &clock_file.to_string_lossy())
    };
    let accepting = launch().env("SFUMATO_ROLES", "api").start_in(data).await?;
    let client = accepting.client("patient").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let job = client.submit("a.png", astronaut_png(), &[]).await?;
    let (_, stopped, _) = accepting.terminate().await?;
    let filler = disk.fill()?;
    let server = stopped.restart_as(launch()).await?;
    let client = client.at(&server.url);
    for attempt in 1..=ATTEMPTS {
        eventually("an attempt without room", async || {
            let log = server.log();
            let waits = log
                .iter()
                .filter(|line| line.contains("waits until there is room"));
            (waits.count() >= attempt).then_some(())
        })
        .await;
        let half = clock.path().join("half");
        std::fs::write(&half, (60 * attempt).to_string())?;
        std::fs::rename(half, &clock_file)?;
    }
    assert_ne!(client.status(&job).await?["status"], "Failed");
    std::fs::remove_file(filler)?;
    std::fs::write(&clock_file, (60 * (ATTEMPTS + 2)).to_string())?;
    comes_to_rest(server, &client, &receiver, &[job]).await
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_refuses_uploads_and_kills_nothing() -> Result<()> {
    const LIMIT_BYTES: u64 = 4 << 20;
    let server = Server::start().await?;
    let client = server.client("bounded").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let first = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&first).await;
    let unbounded = getrlimit(Resource::Fsize);
    let bounded = Rlimit {
        current: Some(LIMIT_BYTES),
        ..unbounded
    };
    prlimit(Some(server.pid()), Resource::Fsize, bounded)?;
    let large = large_png(1_600);
    ensure!(large.len() as u64 > LIMIT_BYTES, "{} bytes", large.len());
    for _ in 0..2 {
        let status = status_of_upload(&client, large.clone()).await?;
        assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    }
    let second = client.submit("a.png", astronaut_png(), &[]).await?;
    prlimit(Some(server.pid()), Resource::Fsize, unbounded)?;
    let third = client.submit("a.png", large, &[]).await?;
    comes_to_rest(server, &client, &receiver, &[first, second, third]).await
}

async fn comes_to_rest(
    server: Server,
    client: &Client,
    receiver: &Receiver,
    accepted: &[String],
) -> Result<()> {
    let events = invariants::settled(&server, client, &[receiver]).await?;
    let failed = events.iter().filter(|event| event.status == "Failed").count();
    ensure!(failed == 0, "{failed} jobs failed");
    assert_eq!(events.len(), 3 * accepted.len());
    invariants::hold(server, client, accepted).await?;
    Ok(())
}

/// Overwrites every third page of a database but the first ones.
fn damage(database: &Path) -> Result<()> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(database)?;
    let pages = file.metadata()?.len() / 4096;
    for page in (3..pages).step_by(3) {
        file.write_all_at(&[0xA5; 4096], page * 4096)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_database_is_refused_at_the_start_with_advice() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("unlucky").await?;
    let job = client.submit("a.png", astronaut_png(), &[]).await?;
    invariants::settled(&server, &client, &[]).await?;
    let stopped = invariants::hold(server, &client, std::slice::from_ref(&job)).await?;
    let database = stopped.data().join("sfumato.db");
    let whole = std::fs::read(&database)?;
    damage(&database)?;
    let damaged = std::fs::read(&database)?;
    let (status, said) = stopped.fails_as(Launch::ordinary()).await?;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("is damaged") && said.contains("restore a backup"),
        "{said}"
    );
    assert!(std::fs::read(&database)? == damaged, "it is left as it is");
    let (code, found) = doctor(stopped.data())?;
    assert_eq!(code, Some(1), "{found}");
    assert!(found.contains("is damaged"), "{found}");
    std::fs::write(&database, whole)?;
    let (_, found) = doctor(stopped.data())?;
    assert!(found.contains("every page is as it should be"), "{found}");
    let server = stopped.restart().await?;
    let client = client.at(&server.url);
    assert_eq!(client.status(&job).await?["status"], "Succeeded");
    invariants::hold(server, &client, &[job]).await?;
    Ok(())
}

fn doctor(data: &Path) -> Result<(Option<i32>, String)> {
    let output = command(sfumato())
        .args(["doctor", "--database", "--data-dir"])
        .arg(data)
        .env("SFUMATO_ASSETS_DIR", sfumato_e2e::assets())
        .output()
        .context("ask the doctor")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.code(), said))
}

#[tokio::test]
async fn a_database_that_is_damaged_while_the_server_runs_is_said_so_and_the_server_goes_on() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("unlucky").await?;
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    invariants::settled(&server, &client, &[]).await?;
    let stopped = invariants::hold(server, &client, &jobs).await?;
    let server = stopped.restart().await?;
    let client = client.at(&server.url);
    damage(&server.data().join("sfumato.db"))?;
    eventually("an answer that says so", async || {
        let answer = client
            .upload("a.png", astronaut_png(), &[])
            .await
            .expect("the server answers");
        let seen = answer.status().is_server_error();
        (seen || server.log().iter().any(|line| line.contains("malformed"))).then_some(())
    })
    .await;
    eventually("a line in the log", async || {
        let log = server.log();
        log.iter()
            .any(|line| line.contains("malformed") || line.contains("corrupt"))
            .then_some(())
    })
    .await;
    let (status, stopped, log) = server.terminate().await?;
    assert!(status.code().is_some(), "{status}: {}", log.join("\n"));
    assert!(
        !log.iter().any(|line| line.contains("panicked")),
        "{}",
        log.join("\n")
    );
    let (status, said) = stopped.fails_as(Launch::ordinary()).await?;
    assert!(!status.success() && said.contains("is damaged"), "{said}");
    Ok(())
}
