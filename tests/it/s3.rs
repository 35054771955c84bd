//! A full run with originals and results in an S3-compatible store, originals encrypted, results handed out by the store.

use anyhow::{Context, Result};
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::server::Server;
use sfumato_e2e::{eventually, sfumato};
use sfumato_testkit::s3::{BUCKET, S3Server, SECRET_KEY};

use crate::memory::upload_zeros;

#[tokio::test]
async fn originals_and_results_lie_in_a_bucket() -> Result<()> {
    let s3 = S3Server::start().await;
    let variables = [
        ("SFUMATO_STORAGE__ENDPOINT", s3.endpoint.as_str()),
        ("SFUMATO_STORAGE__ALLOW_HTTP", "true"),
        ("SFUMATO_STORAGE__REDIRECT_RESULTS", "true"),
        ("SFUMATO_STORAGE_KEYS", &"01".repeat(32)),
        ("SFUMATO_LOG__LEVEL", "debug"),
    ];
    let variables: Vec<(String, String)> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .chain(S3Server::variables())
        .collect();
    let place = format!("s3://{BUCKET}/media");
    let server = Server::start_in(&["--storage", &place], &variables).await?;
    let client = server.client("newsroom").await?;
    let (result, _) = client.anonymize("astronaut.png", astronaut_png(), &[]).await?;
    assert!(result.starts_with(b"\x89PNG"), "the store hands the result out");
    let stored = async |folder: &str| s3.objects(&format!("media/{folder}")).await.len();
    eventually("the original to be deleted", async || {
        (stored("uploads").await == 0).then_some(())
    })
    .await;
    // The picture and the document of its detections.
    assert_eq!(stored("results").await, 2);
    assert!(
        !server.data().join("blobs").exists(),
        "nothing lies in the data folder"
    );
    println!("{}", upload_zeros(&server).await?);
    let doctor = doctor(&server, &place, &variables).await?;
    assert!(doctor.contains("was written"), "{doctor}");
    let (_, stopped, log) = server.terminate().await?;
    let log = log.join("\n");
    for secret in ["X-Amz-Signature", SECRET_KEY, "0101010101"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let server = stopped.restart().await?;
    let client = client.at(&server.url);
    let (again, _) = client.anonymize("again.png", astronaut_png(), &[]).await?;
    assert!(again.starts_with(b"\x89PNG"));
    Ok(())
}

/// What `sfumato doctor` says of the storage.
async fn doctor(server: &Server, place: &str, variables: &[(String, String)]) -> Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests of built programs start processes"
    )]
    let output = tokio::process::Command::new(sfumato())
        .args(["doctor", "--storage", place, "--data-dir"])
        .arg(server.data())
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .output()
        .await?;
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().find(|line| line.contains(" storage "));
    Ok(line.with_context(|| text.clone())?.to_owned())
}
