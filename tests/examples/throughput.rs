//! The part of `cargo xtask bench cluster` that works on pictures: an API process, a courier with a janitor, and one or more
//! workers of one job at a time, each a process of its own, on PostgreSQL and a shared folder.
#![expect(clippy::print_stdout, reason = "the figures are what the measurement is for")]

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use sfumato_e2e::client::Client;
use sfumato_e2e::cluster::{Shared, free_address};
use sfumato_e2e::node::Node;
use sfumato_e2e::picture::astronaut_png;
use tokio::task::JoinSet;

/// Uploads at the same time.
const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> Result<()> {
    let pictures = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    for workers in [1, 2] {
        let rate = measure(workers, pictures).await?;
        println!("| pictures of 512x512 a second, {workers} workers of one job at a time | {rate:.2} |");
    }
    Ok(())
}

async fn measure(workers: usize, pictures: usize) -> Result<f64> {
    let shared = Shared::make().await?;
    let arguments = ["--jobs-at-once", "1"].map(str::to_owned);
    let mut nodes = Vec::new();
    let roles = ["api", "courier,janitor"]
        .into_iter()
        .chain(std::iter::repeat_n("worker", workers));
    for roles in roles {
        nodes.push(Node::start(shared.start(roles, free_address()?, &arguments)?).await?);
    }
    let created = shared
        .command(&["client", "create", "--name", "bench", "--json"])
        .output()
        .await?;
    let made: serde_json::Value = serde_json::from_slice(&created.stdout)?;
    let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
    let client = Arc::new(Client::log_in(&nodes[0].url, &text("clientId"), &text("secretId")).await?);
    // Models are loaded with the first ones.
    work(&client, 2 * workers).await?;
    let begin = Instant::now();
    work(&client, pictures).await?;
    Ok(pictures as f64 / begin.elapsed().as_secs_f64())
}

async fn work(client: &Arc<Client>, pictures: usize) -> Result<()> {
    let mut uploaders = JoinSet::new();
    for uploader in 0..AT_ONCE {
        let client = client.clone();
        uploaders.spawn(async move {
            for _ in (uploader..pictures).step_by(AT_ONCE) {
                let job = client.submit("a.png", astronaut_png(), &[]).await?;
                let status = client.finished(&job).await;
                ensure!(status["status"] == "Succeeded", "a picture ended as {status}");
            }
            Ok::<(), anyhow::Error>(())
        });
    }
    while let Some(ended) = uploaders.join_next().await {
        ended??;
    }
    Ok(())
}
