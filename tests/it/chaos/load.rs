//! Clients that upload, cancel and ask without a pause, at whichever process answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use sfumato_e2e::client::Client;
use sfumato_e2e::picture::Picture;
use sfumato_e2e::receiver::Receiver;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::fleet::Fleet;

/// Who uploads at the same time.
const UPLOADERS: usize = 3;

/// Every so many accepted jobs one is cancelled.
const CANCELLED_EVERY: usize = 9;

/// How long an answer may take: a process that is frozen gives none.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the clients know in the end.
pub(super) struct History {
    pub(super) client: Client,
    pub(super) receivers: Vec<Receiver>,
    /// Jobs whose acceptance was answered.
    pub(super) accepted: Vec<String>,
    /// Uploads that were not answered as they should be: they may have been accepted or not.
    pub(super) unanswered: usize,
}

/// The clients.
pub(super) struct Load {
    uploaders: JoinSet<Vec<String>>,
    client: Client,
    receivers: Vec<Receiver>,
    unanswered: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
}

impl Load {
    pub(super) async fn start(fleet: &Fleet) -> Result<Self> {
        let mut create: Command = fleet
            .shared
            .command(&["client", "create", "--name", "load", "--json"]);
        let made: serde_json::Value = serde_json::from_slice(&create.output().await?.stdout)?;
        let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
        let apis = fleet.apis();
        let client = Client::log_in(&apis[0], &text("clientId"), &text("secretId")).await?;
        let receivers = vec![Receiver::start().await?, Receiver::start().await?];
        for receiver in &receivers {
            client.add_endpoint(&receiver.url).await?;
        }
        // One that fails now and then: deliveries to it are tried again.
        receivers[1].refuse(3);
        let (ends, unanswered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut uploaders = JoinSet::new();
        for uploader in 0..UPLOADERS {
            let clients = apis.iter().map(|api| client.at(api)).collect();
            uploaders.spawn(upload(uploader, clients, ends.clone(), unanswered.clone()));
        }
        Ok(Self {
            uploaders,
            client,
            receivers,
            unanswered,
            ends,
        })
    }

    /// Ends the uploads.
    pub(super) async fn stop(mut self) -> Result<History> {
        self.ends.store(true, Ordering::Relaxed);
        let mut accepted = Vec::new();
        while let Some(one) = self.uploaders.join_next().await {
            accepted.extend(one?);
        }
        Ok(History {
            client: self.client,
            receivers: self.receivers,
            accepted,
            unanswered: self.unanswered.load(Ordering::Relaxed),
        })
    }
}

/// A small picture, other than the last one.
fn picture(number: usize) -> Vec<u8> {
    let shade = u8::try_from(number % 200).expect("it is below 200");
    Picture::plain(160, 120, [shade, 90, 200 - shade]).to_png()
}

async fn upload(
    uploader: usize,
    clients: Vec<Client>,
    ends: Arc<AtomicBool>,
    unanswered: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut accepted = Vec::new();
    let mut turn = uploader;
    while !ends.load(Ordering::Relaxed) {
        turn += 1;
        let client = &clients[turn % clients.len()];
        let submission = client.submit("a.png", picture(turn), &[]);
        match tokio::time::timeout(PATIENCE, submission).await {
            Ok(Ok(job)) => {
                accepted.push(job);
                if accepted.len() % CANCELLED_EVERY == 0 {
                    cancel(&clients[(turn + 1) % clients.len()], accepted.last()).await;
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            _ => {
                unanswered.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    accepted
}

/// Asks another process than the one that accepted the job. Whether it was heard in time is seen in the end.
async fn cancel(client: &Client, job: Option<&String>) {
    let Some(job) = job else { return };
    let path = format!("/innovation-service/anonymization?anonymization_job_id={job}");
    let answer = client.request(Method::DELETE, &path).timeout(PATIENCE).send();
    let _may_be_lost = answer.await;
}
