//! The wall clock jumps while the server runs: a day forward, an hour back. Nothing is lost, given away or kept for ever.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sfumato_e2e::client::Client;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_e2e::{eventually, invariants};
use tempfile::TempDir;

const DAY_S: i64 = 24 * 60 * 60;
const HOUR_S: i64 = 60 * 60;

/// A server whose clock can be set.
struct Clockwork {
    folder: TempDir,
    server: Server,
    client: Client,
    receiver: Receiver,
    endpoint: String,
}

impl Clockwork {
    async fn new() -> Result<Self> {
        let folder = TempDir::new()?;
        let launch = Launch::with_failpoints()
            .env(
                "SFUMATO_CLOCK_FILE",
                &folder.path().join("error").to_string_lossy(),
            )
            .env("SFUMATO_RETENTION__RESULTS", "7d");
        let server = launch.start().await?;
        let client = server.client("timeless").await?;
        let receiver = Receiver::start().await?;
        let endpoint = client.add_endpoint(&receiver.url).await?;
        let endpoint = endpoint["uuid"].as_str().context("no identifier")?.to_owned();
        Ok(Self {
            folder,
            server,
            client,
            receiver,
            endpoint,
        })
    }

    /// Sets the clock wrong by so many seconds, from one instant to the next.
    fn jumps_to(&self, error_s: i64) -> Result<()> {
        let (half, whole): (PathBuf, PathBuf) =
            (self.folder.path().join("half"), self.folder.path().join("error"));
        std::fs::write(&half, error_s.to_string())?;
        std::fs::rename(half, whole)?;
        Ok(())
    }

    async fn logged_in_again(&self) -> Result<Client> {
        Client::log_in(&self.server.url, &self.client.client_id, &self.client.secret_id).await
    }

    /// Waits until a job that was accepted runs.
    async fn job_under_way(&self, client: &Client) -> Result<String> {
        let job = client.submit("a.png", astronaut_png(), &[]).await?;
        eventually("the job to be begun", async || {
            let status = client.status(&job).await.ok()?;
            (status["status"] != "Sent").then_some(())
        })
        .await;
        Ok(job)
    }

    async fn comes_to_rest(self, client: &Client, accepted: &[String]) -> Result<()> {
        let events = invariants::settled(&self.server, client, &[&self.receiver]).await?;
        let failed = events.iter().filter(|event| event.status == "Failed").count();
        ensure!(failed == 0, "{failed} jobs failed");
        invariants::hold(self.server, client, accepted).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_forward_ends_tokens_and_nothing_else() -> Result<()> {
    let clockwork = Clockwork::new().await?;
    let client = &clockwork.client;
    let first = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&first).await;
    let second = clockwork.job_under_way(client).await?;
    clockwork.jumps_to(DAY_S)?;
    let refused = client.request(Method::GET, "/events").send().await?;
    assert_eq!(refused.status(), 401, "an access token lives an hour");
    let body = json!({"refreshToken": client.refresh_token});
    let grant: Value = client
        .request(Method::POST, "/token")
        .json(&body)
        .send()
        .await?
        .json()
        .await?;
    let text = |member: &str| grant[member].as_str().map(str::to_owned);
    let token = text("token").with_context(|| format!("a refresh token lives 30 days: {grant}"))?;
    let client = client.with_tokens(&token, &text("refreshToken").unwrap_or_default());
    let third = client.submit("a.png", astronaut_png(), &[]).await?;
    for job in [&first, &second, &third] {
        let status = client.finished(job).await;
        assert_eq!(status["status"], "Succeeded", "{status}");
        let url = status["output_media"].as_str().context("a result lives 7 days")?;
        client.download(url).await?;
    }
    clockwork.comes_to_rest(&client, &[first, second, third]).await
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_back_keeps_jobs_events_and_repetitions_going() -> Result<()> {
    let clockwork = Clockwork::new().await?;
    let client = &clockwork.client;
    let first = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&first).await;
    let second = clockwork.job_under_way(client).await?;
    clockwork.jumps_to(-HOUR_S)?;
    let third = client.submit("a.png", astronaut_png(), &[]).await?;
    for job in [&first, &second, &third] {
        let status = client.finished(job).await;
        assert_eq!(status["status"], "Succeeded", "{status}");
    }
    let later = clockwork.logged_in_again().await?;
    let events = invariants::settled(&clockwork.server, &later, &[&clockwork.receiver]).await?;
    assert_eq!(events.len(), 9);
    // What was delivered in the hour that has not come yet can be sent again.
    let path = format!("/webhook-url/{}/deliveries", clockwork.endpoint);
    let page: Value = later.request(Method::GET, &path).send().await?.json().await?;
    let heard = clockwork.receiver.count();
    for delivery in page["deliveries"].as_array().context("no list")? {
        let id = delivery["id"].as_str().context("no identifier")?;
        let answer = later.request(Method::POST, &format!("{path}/{id}/resend"));
        let answer = answer.send().await?;
        ensure!(answer.status() == 202, "resend: {}", answer.text().await?);
    }
    eventually("the repetitions", async || {
        (clockwork.receiver.count() >= heard + 9).then_some(())
    })
    .await;
    clockwork.comes_to_rest(&later, &[first, second, third]).await
}

#[tokio::test]
async fn a_clock_that_was_set_back_before_the_start_keeps_nothing_for_an_hour() -> Result<()> {
    let clockwork = Clockwork::new().await?;
    let mut accepted = Vec::new();
    for _ in 0..6 {
        accepted.push(clockwork.client.submit("a.png", astronaut_png(), &[]).await?);
    }
    let Clockwork {
        folder,
        server,
        client,
        receiver,
        endpoint,
    } = clockwork;
    let killed = server.kill().await?;
    std::fs::write(folder.path().join("error"), (-HOUR_S).to_string())?;
    let server = killed.restart().await?;
    let clockwork = Clockwork {
        client: client.at(&server.url),
        folder,
        server,
        receiver,
        endpoint,
    };
    let client = clockwork.logged_in_again().await?;
    clockwork.comes_to_rest(&client, &accepted).await
}
