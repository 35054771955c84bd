//! The part of `cargo xtask bench cluster` that works on pictures: an API process, a courier with a janitor, and one or more
//! workers of one job at a time, each a process of its own, on PostgreSQL and S3.
#![expect(clippy::print_stdout, reason = "the figures are what the measurement is for")]

use std::time::Instant;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use sfumato_e2e::client::Client;
use sfumato_e2e::cluster::{Shared, free_address};
use sfumato_e2e::node::Node;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::server::Launch;

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
    let launch = Launch::product(&["--jobs-at-once", "1"]);
    let mut nodes = Vec::new();
    let roles = ["api", "courier,janitor"]
        .into_iter()
        .chain(std::iter::repeat_n("worker", workers));
    for roles in roles {
        nodes.push(Node::start(shared.start(roles, &free_address(), launch.clone())?).await?);
    }
    let created = shared
        .command(&["client", "create", "--name", "bench", "--json"])
        .output()
        .await?;
    let made: serde_json::Value = serde_json::from_slice(&created.stdout)?;
    let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
    let client = Client::log_in(&nodes[0].url, &text("clientId"), &text("secretId")).await?;
    // Models are loaded with the first ones.
    work(&client, 2 * workers).await?;
    let begin = Instant::now();
    work(&client, pictures).await?;
    Ok(pictures as f64 / begin.elapsed().as_secs_f64())
}

async fn work(client: &Client, pictures: usize) -> Result<()> {
    let uploaders = (0..AT_ONCE).map(async |uploader| {
        for _ in (uploader..pictures).step_by(AT_ONCE) {
            let job = client.submit("a.png", astronaut_png(), &[]).await?;
            let status = client.finished(&job).await;
            ensure!(status["status"] == "Succeeded", "a picture ended as {status}");
        }
        Ok(())
    });
    try_join_all(uploaders).await?;
    Ok(())
}
