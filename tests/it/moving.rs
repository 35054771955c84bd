//! From a data folder to PostgreSQL and another storage: what was there is there, for the same clients with the same tokens.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of built programs start processes"
)]

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use sfumato_e2e::client::Client;
use sfumato_e2e::picture::Picture;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_e2e::{eventually, invariants, sfumato};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::s3::{BUCKET, S3Server};
use tempfile::TempDir;
use tokio::process::Command;

/// An empty database and a folder as storage.
struct Target {
    database: Database,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Target {
    async fn make() -> Result<Self> {
        Ok(Self {
            database: tokio::task::spawn_blocking(Database::create).await?,
            folder: TempDir::new()?,
            variables: Vec::new(),
        })
    }

    fn with(self, variables: Vec<(String, String)>) -> Self {
        Self { variables, ..self }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(sfumato());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SFUMATO_DATABASE_URL", self.database.url())
            .env("SFUMATO_STORAGE__LOCATION", self.path("blobs"))
            .envs(self.variables.iter().cloned());
        Ok(command.output().await?)
    }

    async fn succeeds(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    async fn fails(&self, arguments: &[&str], part: &str) -> Result<()> {
        let output = self.run(arguments).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(part), "{arguments:?} said: {said}");
        Ok(())
    }
}

async fn events(client: &Client) -> Result<Value> {
    let answer = client.request(Method::GET, "/events?limit=1000").send().await?;
    let mut page: Value = answer.error_for_status()?.json().await?;
    let events = page["events"].as_array_mut().context("a page has events")?;
    for event in events.iter_mut() {
        // Sealed anew each time.
        event.as_object_mut().context("an event")?.remove("cursor");
    }
    Ok(page["events"].take())
}

async fn result(client: &Client, job: &str) -> Result<Vec<u8>> {
    let status = client.status(job).await?;
    let url = status["output_media"].as_str().context("a result")?;
    let name = url.rsplit_once("/innovation-service/").context("an address")?.1;
    let path = format!("/innovation-service/{name}");
    let answer = client
        .request(Method::GET, &path)
        .send()
        .await?
        .error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

#[tokio::test]
async fn an_installation_moves_with_everything_that_it_has() -> Result<()> {
    let server = Launch::ordinary().start().await?;
    let client = server.client("mover").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let picture = Picture::plain(160, 120, [9, 90, 200]).to_png();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let job = client.submit("a.png", picture.clone(), &[]).await?;
        assert_eq!(client.finished(&job).await["status"], "Succeeded");
        eventually("the webhooks", async || {
            (receiver.statuses(&job).len() == 3).then_some(())
        })
        .await;
        jobs.push(job);
    }
    let (before, media) = (events(&client).await?, result(&client, &jobs[0]).await?);
    let from = server.data().display().to_string();
    let target = Target::make().await?;
    let copy = ["copy", "--from", &from];
    target.fails(&copy, "another sfumato server").await?;
    let (_, stopped, _) = server.terminate().await?;
    target.fails(&copy, "sfumato migrate").await?;
    target.fails(&["migrate", "--check"], "").await?;
    target.succeeds(&["migrate"]).await?;
    target.succeeds(&["migrate", "--check"]).await?;
    let told = target.succeeds(&[&copy[..], &["--dry-run"]].concat()).await?;
    assert!(told.contains("6 files"), "{told}");
    assert!(
        !Path::new(&target.path("blobs")).join("results").exists(),
        "nothing is written"
    );
    // The second time finds everything there.
    for _ in 0..2 {
        let told = target.succeeds(&copy).await?;
        assert!(told.contains("6 files"), "{told}");
    }
    let verified: Value = serde_json::from_str(&target.succeeds(&["verify", "--json"]).await?)?;
    assert_eq!(
        (&verified["files"], &verified["withoutJob"]),
        (&6.into(), &0.into()),
        "{verified}"
    );
    let variables = [
        ("SFUMATO_DATABASE_URL", target.database.url()),
        ("SFUMATO_STORAGE__LOCATION", target.path("blobs")),
        ("SFUMATO_MASTER_KEY_FILE", format!("{from}/master.key")),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let moved = Server::start_in(&["--allow-private-webhooks"], &variables).await?;
    let client = client.at(&moved.url);
    assert_eq!(events(&client).await?, before);
    assert_eq!(result(&client, &jobs[0]).await?, media);
    // Events go on behind those that were copied.
    let job = client.submit("b.png", picture, &[]).await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    eventually("the webhooks", async || {
        (receiver.statuses(&job).len() == 3).then_some(())
    })
    .await;
    let after = events(&client).await?;
    let (after, before) = (
        after.as_array().context("events")?,
        before.as_array().context("events")?,
    );
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after.len(), before.len() + 3);
    moved.terminate().await?;
    target.fails(&copy, "has been used").await?;
    let other = TempDir::new()?;
    let stranger = other.path().join("data").display().to_string();
    let made = Command::new(sfumato())
        .args(["client", "create", "--name", "stranger", "--data-dir", &stranger])
        .output();
    assert!(made.await?.status.success());
    target
        .fails(&["copy", "--from", &stranger], "another installation")
        .await?;
    drop(stopped);
    Ok(())
}

/// The variables with which a bucket is found.
fn with_bucket(bucket: &S3Server) -> Vec<(String, String)> {
    let settings = [
        ("SFUMATO_STORAGE__ENDPOINT", bucket.endpoint.as_str()),
        ("SFUMATO_STORAGE__ALLOW_HTTP", "true"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    S3Server::variables().into_iter().chain(settings).collect()
}

#[tokio::test]
async fn an_installation_moves_to_a_bucket_and_to_another_database_and_back() -> Result<()> {
    let server = Launch::ordinary().start().await?;
    let client = server.client("wanderer").await?;
    let picture = Picture::plain(160, 120, [9, 90, 200]).to_png();
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let job = client.submit("a.png", picture.clone(), &[]).await?;
        assert_eq!(client.finished(&job).await["status"], "Succeeded");
        jobs.push(job);
    }
    let (before, media) = (events(&client).await?, result(&client, &jobs[1]).await?);
    let (_, stopped, _) = server.terminate().await?;
    let (bucket, place) = (S3Server::start().await, format!("s3://{BUCKET}/moved"));
    let first = Target::make().await?.with(with_bucket(&bucket));
    let second = Target::make().await?.with(with_bucket(&bucket));
    first.succeeds(&["migrate"]).await?;
    second.succeeds(&["migrate"]).await?;

    // A file that is missing fails the copy, which goes on where it was once the file is there.
    let from = stopped.data().display().to_string();
    let (lost, kept) = (media_of(stopped.data())?, first.folder.path().join("kept"));
    std::fs::rename(&lost, &kept)?;
    let to_bucket = ["copy", "--from", &from, "--storage", &place];
    first.fails(&to_bucket, "1 are missing").await?;
    std::fs::rename(&kept, &lost)?;
    let told = first.succeeds(&to_bucket).await?;
    let bytes = std::fs::metadata(&lost)?.len();
    assert!(
        told.contains(&format!("4 files ({bytes} bytes of them now)")),
        "{told}"
    );

    // To another database; the files stay where they are.
    let (first_url, second_url) = (first.database.url(), second.database.url());
    let onward = [
        "copy",
        "--from",
        &first_url,
        "--to",
        &second_url,
        "--storage",
        &place,
    ];
    let told = first.succeeds(&onward).await?;
    assert!(told.contains("4 files"), "{told}");

    // Back into a data folder.
    let folder = TempDir::new()?;
    let back = folder.path().display().to_string();
    let homeward = [
        "copy",
        "--from",
        &second_url,
        "--from-storage",
        &place,
        "--to",
        &back,
        "--storage",
        "",
    ];
    second.succeeds(&[&homeward[..], &["--dry-run"]].concat()).await?;
    assert!(!folder.path().join("sfumato.db").exists(), "nothing is written");
    // The second time finds everything there.
    for _ in 0..2 {
        let told = second.succeeds(&homeward).await?;
        assert!(told.contains("4 files"), "{told}");
    }
    std::fs::copy(
        Path::new(&from).join("master.key"),
        folder.path().join("master.key"),
    )?;
    let server = Launch::ordinary().start_in(folder).await?;
    let client = client.at(&server.url);
    assert_eq!(events(&client).await?, before);
    assert_eq!(result(&client, &jobs[1]).await?, media);
    let job = client.submit("b.png", picture, &[]).await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    invariants::settled(&server, &client, &[]).await?;
    let stopped = invariants::hold(server, &client, &jobs).await?;
    first
        .fails(
            &[
                "copy",
                "--from",
                &from,
                "--to",
                &stopped.data().display().to_string(),
            ],
            "--to names a PostgreSQL database",
        )
        .await
}

/// The media of one result in a data folder.
fn media_of(data: &Path) -> Result<PathBuf> {
    let mut results = std::fs::read_dir(data.join("blobs/results"))?;
    let result = results.next().context("there is a result")??;
    Ok(result.path().join("media"))
}

#[tokio::test]
async fn a_process_says_what_it_lacks_of_its_installation() -> Result<()> {
    let target = Target::make().await?;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];
    target
        .fails(&[&serve[..], &["--roles", "courier"]].concat(), "sfumato migrate")
        .await?;
    target.succeeds(&["migrate"]).await?;
    target
        .fails(
            &[&serve[..], &["--roles", "courier"]].concat(),
            "role `api` first",
        )
        .await?;
    target
        .fails(
            &[&serve[..], &["--roles", "api", "--storage", ""]].concat(),
            "--storage",
        )
        .await?;
    let wrong = "postgres://127.0.0.1:1/nothing";
    target
        .fails(
            &[&serve[..], &["--roles", "api", "--database-url", wrong]].concat(),
            "127.0.0.1:1/nothing",
        )
        .await
}
