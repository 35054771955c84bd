//! Replays the corpora of forms, tokens and ranges (`fuzz/README.md`): what comes of each, its name says.

use std::path::Path;

use reqwest::StatusCode;
use reqwest::header::HeaderValue;

use crate::server::{Server, failed, http, jpeg};

/// Name and content of every file for a target.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 15, "{target}: {} files", files.len());
    files
}

#[tokio::test]
async fn hostile_forms_are_answered() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for (name, bytes) in corpus("form") {
        let request = client.post("/innovation-service/anonymization");
        let request = request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(bytes);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        if name.starts_with("ok-") {
            assert_eq!(status, StatusCode::OK, "{name}: {}", answer.text().await.unwrap());
        } else {
            assert!(status.is_client_error(), "{name}: {status}");
            failed(answer, status.as_u16()).await;
        }
    }
    let accepted = corpus("form")
        .iter()
        .filter(|(name, _)| name.starts_with("ok-"))
        .count();
    assert_eq!(
        server.stored_files().len(),
        accepted,
        "nothing is left of what was refused"
    );
}

#[tokio::test]
async fn hostile_tokens_open_nothing() {
    let server = Server::start().await;
    let client = http();
    for (name, bytes) in corpus("token") {
        let header = HeaderValue::from_bytes(&bytes).unwrap();
        let request = client.get(server.url("/webhook-url/get-many"));
        let answer = request.header("authorization", header).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{name}");
        failed(answer, 401).await;
    }
}

#[tokio::test]
async fn hostile_ranges_are_answered() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let result = server.succeed(&job, b"0123456789", None).await;
    for (name, bytes) in corpus("range") {
        let header = HeaderValue::from_bytes(&bytes).unwrap();
        let request = client.get(&format!("/innovation-service/result/{result}.jpg"));
        let answer = request.header("range", header).send().await.unwrap();
        let expected = match name.split('-').next() {
            Some("whole") => StatusCode::OK,
            Some("part") => StatusCode::PARTIAL_CONTENT,
            Some("none") => StatusCode::RANGE_NOT_SATISFIABLE,
            _ => panic!("{name}: the name says nothing of the outcome"),
        };
        assert_eq!(answer.status(), expected, "{name}");
        let body = answer.bytes().await.unwrap();
        assert!(expected != StatusCode::OK || body == "0123456789", "{name}");
    }
}
