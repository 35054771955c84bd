//! An installation in the middle of its work is backed up, and restored elsewhere: it goes on with everything.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use sfumato_e2e::client::{Client, sign_in};
use sfumato_e2e::eventually;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server, Stores};
use sfumato_e2e::stopped::Stopped;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// Everything but work on jobs.
const IDLE: &str = "api,courier,janitor";

#[tokio::test]
async fn an_encrypted_installation_in_a_folder_goes_on_from_its_backup() -> Result<()> {
    goes_on_from_its_backup(Stores::Embedded).await
}

#[tokio::test]
async fn an_encrypted_installation_on_postgres_and_a_bucket_goes_on_from_its_backup() -> Result<()> {
    goes_on_from_its_backup(Stores::Shared).await
}

/// What is in the storage is encrypted under a key that is in no backup.
fn encrypted(place: &Path) -> Result<Launch> {
    let key = place.join("storage.key");
    std::fs::write(&key, "ab".repeat(32))?;
    let key = key.to_str().context("folders of tests have plain names")?;
    Ok(Launch::ordinary()
        .env("SFUMATO_STORAGE__ENCRYPTION_KEY_FILE", key)
        .env("SFUMATO_STORAGE__ENCRYPT", "everything"))
}

/// What a client and its receiver know of an installation.
struct Known {
    client: Client,
    receiver: Receiver,
    endpoint: String,
    /// The token and the signing secret of the endpoint.
    secrets: (Value, Value),
    /// A job that has ended, its result and its document.
    done: (String, Vec<u8>, Vec<u8>),
    /// Jobs that nobody has worked on yet, and whose first events were refused.
    waiting: Vec<String>,
}

async fn goes_on_from_its_backup(stores: Stores) -> Result<()> {
    let place = TempDir::new()?;
    let launch = encrypted(place.path())?;
    let (server, mut known) = in_the_middle_of_its_work(stores, &launch, place.path()).await?;
    let backup = place.path().join("monday");
    let to = backup.to_str().context("folders of tests have plain names")?;
    server.run(&["backup", "--to", to, "--with-keys"]).await?;
    nothing_of_it_is_in_clear(&backup)?;
    // What happens to it now is not in the backup.
    server.kill().await?;
    known.receiver.refuse(0);

    let restored = Stopped::restored(stores, &backup, launch.clone()).await?;
    every_file_is_right(&restored).await?;
    let server = restored.restart_in(IDLE, launch.clone()).await?;
    known.client = known.client.at(&server.url);
    what_there_was_is_there(&known).await?;
    sign_in(&server.url, "ada", PASSWORD).await?;
    let (status, stopped, log) = server.terminate().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    let server = stopped.restart_as(launch).await?;
    known.client = known.client.at(&server.url);
    what_waited_is_done(&known).await?;
    let (status, stopped, log) = server.terminate().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    every_file_is_right(&stopped).await
}

async fn in_the_middle_of_its_work(stores: Stores, launch: &Launch, place: &Path) -> Result<(Server, Known)> {
    let server = launch.clone().start_on(stores).await?;
    let client = server.client("survivor").await?;
    let receiver = Receiver::start().await?;
    let endpoint = client.add_endpoint(&receiver.url).await?;
    let endpoint = endpoint["uuid"]
        .as_str()
        .context("an endpoint has a name")?
        .to_owned();
    let password = place.join("password");
    std::fs::write(&password, PASSWORD)?;
    let password = password.to_str().context("folders of tests have plain names")?;
    server
        .run(&["user", "create", "ada", "--password-file", password])
        .await?;
    if stores == Stores::Embedded {
        // The key that seals secrets is another one than the master key, and in the backup, too.
        server.run(&["secrets", "rotate"]).await?;
    }
    let done = client
        .submit("done.png", astronaut_png(), &[("output_detections_url", "true")])
        .await?;
    let (media, document) = results(&client, &done).await?;
    eventually("the first job to be told", async || {
        (receiver.statuses(&done).len() == 3).then_some(())
    })
    .await;

    receiver.refuse(usize::MAX);
    let (status, stopped, log) = server.terminate().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    let server = stopped.restart_in(IDLE, launch.clone()).await?;
    let client = client.at(&server.url);
    let mut waiting = Vec::new();
    for name in ["one.png", "two.png", "three.png"] {
        waiting.push(client.submit(name, astronaut_png(), &[]).await?);
    }
    let mut known = Known {
        client,
        receiver,
        endpoint,
        secrets: Default::default(),
        done: (done, media, document),
        waiting,
    };
    eventually("their first events to be refused", async || {
        let deliveries = known.deliveries("pending").await.ok()?;
        let refused = deliveries
            .iter()
            .filter(|one| one["attempts"][0]["status"] == 503);
        (refused.count() == known.waiting.len()).then_some(())
    })
    .await;
    known.secrets = known.secrets().await?;
    Ok((server, known))
}

/// Result and document of a job that succeeds.
async fn results(client: &Client, job: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let status = client.finished(job).await;
    let url = |what: &str| {
        status[what]
            .as_str()
            .with_context(|| format!("no {what} in {status}"))
    };
    let media = client.download(url("output_media")?).await?;
    let document = client.download(url("output_json")?).await?;
    Ok((media, document))
}

impl Known {
    /// What the API says of the endpoint.
    async fn ask(&self, what: &str) -> Result<Value> {
        let path = format!("/webhook-url/{}{what}", self.endpoint);
        let answer = self.client.request(Method::GET, &path).send().await?;
        Ok(answer.json().await?)
    }

    async fn secrets(&self) -> Result<(Value, Value)> {
        let token = self.ask("").await?["webhookToken"].clone();
        let secret = self.ask("/signing-secret").await?["signingSecret"].clone();
        ensure!(
            token.is_string() && secret.is_string(),
            "the endpoint shows no secrets"
        );
        Ok((token, secret))
    }

    async fn deliveries(&self, state: &str) -> Result<Vec<Value>> {
        let page = self.ask(&format!("/deliveries?state={state}")).await?;
        let deliveries = page["deliveries"].as_array().context("no list")?;
        Ok(deliveries.clone())
    }
}

/// No blob of the backup begins as a picture or a document does.
fn nothing_of_it_is_in_clear(backup: &Path) -> Result<()> {
    let blobs = sfumato_e2e::files::below(&backup.join("blobs"));
    let blobs: Vec<_> = blobs
        .iter()
        .filter(|file| !file.ends_with("installation"))
        .collect();
    // A result and its document, and the originals of those that wait.
    ensure!(blobs.len() == 5, "{blobs:?}");
    for file in blobs {
        let content = std::fs::read(file)?;
        ensure!(
            !content.starts_with(b"\x89PNG") && !content.starts_with(b"{"),
            "{} is not encrypted",
            file.display()
        );
    }
    Ok(())
}

async fn every_file_is_right(stopped: &Stopped) -> Result<()> {
    let files = stopped.verify().await?;
    let wrong = ["missing", "damaged", "withoutJob"];
    ensure!(wrong.iter().all(|what| files[what] == 0), "{files}");
    Ok(())
}

async fn what_there_was_is_there(known: &Known) -> Result<()> {
    let (done, media, document) = &known.done;
    let (media_now, document_now) = results(&known.client, done).await?;
    ensure!(
        (&media_now, &document_now) == (media, document),
        "the result is another one"
    );
    ensure!(
        known.secrets().await? == known.secrets,
        "the endpoint has other secrets"
    );
    eventually("events that were refused to arrive", async || {
        let receiver = &known.receiver;
        let told = known.waiting.iter().all(|job| receiver.statuses(job) == ["Sent"]);
        told.then_some(())
    })
    .await;
    // Under the identifiers that they had: those of their deliveries.
    let received = known.receiver.received();
    let heard: BTreeSet<_> = received
        .iter()
        .map(|one| one.header("webhook-id").to_owned())
        .collect();
    eventually("deliveries to be recorded", async || {
        let delivered = known.deliveries("delivered").await.ok()?;
        let delivered = delivered
            .iter()
            .filter_map(|one| one["id"].as_str().map(str::to_owned));
        (delivered.collect::<BTreeSet<_>>() == heard).then_some(())
    })
    .await;
    let tokens: BTreeSet<_> = received.iter().map(|one| one.header("x-auth-token")).collect();
    ensure!(tokens.len() == 1, "the endpoint was told two tokens");
    Ok(())
}

async fn what_waited_is_done(known: &Known) -> Result<()> {
    for job in &known.waiting {
        let status = known.client.finished(job).await;
        ensure!(status["status"] == "Succeeded", "{status}");
    }
    eventually("their ends to be told", async || {
        let whole = ["Sent", "Started", "Succeeded"];
        let told = known
            .waiting
            .iter()
            .all(|job| known.receiver.statuses(job) == whole);
        told.then_some(())
    })
    .await;
    Ok(())
}
