//! From a data folder to PostgreSQL and another storage: what was there is there, for the same clients with the same tokens.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of built programs start processes"
)]

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use sfumato_e2e::client::Client;
use sfumato_e2e::picture::Picture;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_e2e::{eventually, sfumato};
use sfumato_testkit::postgres::Database;
use tempfile::TempDir;
use tokio::process::Command;

/// An empty database and a folder as storage.
struct Target {
    database: Database,
    folder: TempDir,
}

impl Target {
    async fn make() -> Result<Self> {
        Ok(Self {
            database: tokio::task::spawn_blocking(Database::create).await?,
            folder: TempDir::new()?,
        })
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
            .env("SFUMATO_STORAGE__LOCATION", self.path("blobs"));
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
