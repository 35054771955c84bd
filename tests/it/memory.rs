//! An upload is streamed: the server's memory does not grow with it.
//!
//! `SFUMATO_UPLOAD_MIB` sets the size; the published figure was measured with 2048.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use sfumato_e2e::server::Server;

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn memory_stays_flat_while_a_large_file_is_uploaded() -> Result<()> {
    let server = Server::start().await?;
    println!("{}", upload_zeros(&server).await?);
    Ok(())
}

/// Uploads a large file, looks at the server's memory, and says what was measured.
pub(crate) async fn upload_zeros(server: &Server) -> Result<String> {
    let mib: usize = std::env::var("SFUMATO_UPLOAD_MIB").map_or(Ok(256), |text| text.parse())?;
    let client = server.client("large").await?;
    let before = peak_kib(server)?;
    let chunks = (0..mib).map(|n| {
        let mut chunk = vec![0u8; MIB];
        if n == 0 {
            chunk[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
        }
        Ok::<_, std::io::Error>(chunk)
    });
    let body = reqwest::Body::wrap_stream(stream::iter(chunks));
    let form = Form::new().part("input_media", Part::stream(body).file_name("large.jpg"));
    let answer = client
        .request(Method::POST, "/innovation-service/anonymization")
        .timeout(Duration::from_secs(300))
        .multipart(form)
        .send()
        .await?;
    assert_eq!(answer.status(), 200);
    let grown = peak_kib(server)?.saturating_sub(before);
    assert!(
        grown < 64 * 1024,
        "the server's memory grew by {grown} KiB for {mib} MiB"
    );
    let job = answer.json::<serde_json::Value>().await?["anonymization_job_id"]
        .as_str()
        .context("a job")?
        .to_owned();
    assert_eq!(
        client.finished(&job).await["status"],
        "Failed",
        "zeros are no picture"
    );
    Ok(format!(
        "{mib} MiB uploaded; the server's peak grew by {grown} KiB from {before} KiB"
    ))
}

fn peak_kib(server: &Server) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_nonzero()))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("Linux tells the peak")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}
