//! `Idempotency-Key`.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use serde_json::json;
use sfumato_core::policy::{ClientPolicy, Quotas};
use sfumato_core::store::ClientPolicies;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Client, Server, eventually, failed, jpeg, ok, text};

fn request(client: &Client, key: &str, content: &[u8], fields: &[(&str, &str)]) -> RequestBuilder {
    let part = Part::bytes(jpeg(content)).file_name("a.jpg");
    let mut form = Form::new().part("input_media", part);
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    client.post_form(form).header("Idempotency-Key", key)
}

async fn send(client: &Client, key: &str, content: &[u8], fields: &[(&str, &str)]) -> Response {
    request(client, key, content, fields).send().await.unwrap()
}

async fn job(client: &Client, key: &str, content: &[u8], fields: &[(&str, &str)]) -> String {
    let answer = ok(send(client, key, content, fields).await).await;
    text(&answer["anonymization_job_id"])
}

#[tokio::test]
async fn the_same_upload_under_the_same_name_is_one_job() {
    let server = Server::start().await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    let first = job(&client, "\"k-1\"", b"1", &[]).await;
    assert_eq!(job(&client, "k-1", b"1", &[]).await, first);
    eventually("the second upload is deleted", || {
        server.stored_files().len() == 1
    })
    .await;
    assert_ne!(job(&client, "k-2", b"1", &[]).await, first);
    assert_ne!(job(&other, "k-1", b"1", &[]).await, first);
    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    let mut client = client;
    client.log_in().await;
    assert_ne!(job(&client, "k-1", b"1", &[]).await, first, "kept for a day");
}

#[tokio::test]
async fn another_upload_under_the_same_name_is_refused() {
    let server = Server::start().await;
    let client = server.client("a").await;
    job(&client, "k", b"1", &[]).await;
    for (content, field) in [
        (b"2", ("activation_faces_blur", "true")),
        (b"1", ("activation_faces_blur", "false")),
        (b"1", ("priority", "low")),
    ] {
        let message = failed(send(&client, "k", content, &[field]).await, 422).await;
        assert!(message.starts_with("Idempotency-Key: "), "{message}");
    }
    eventually("only the first is stored", || server.stored_files().len() == 1).await;
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for bad in ["", "\"\"", &"x".repeat(256)] {
        let message = failed(send(&client, bad, b"1", &[]).await, 400).await;
        assert!(message.starts_with("Idempotency-Key: must be"), "{message}");
    }
    let twice = request(&client, "a", b"1", &[]).header("Idempotency-Key", "b");
    failed(twice.send().await.unwrap(), 400).await;
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn what_was_accepted_before_is_answered_though_the_quota_is_used_up() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let first = job(&client, "k", &vec![0; 2_000_000], &[]).await;
    let policy = ClientPolicy {
        quotas: Quotas {
            jobs_per_day_max: Some(1),
            ..Quotas::default()
        },
        ..ClientPolicy::default()
    };
    let key = sfumato_core::ClientKey::new(client.client_id.as_str());
    server.store.set_client_policy(&key, policy).await.unwrap();
    assert_eq!(job(&client, "k", &vec![0; 2_000_000], &[]).await, first);
    failed(send(&client, "other", b"1", &[]).await, 402).await;
}

#[tokio::test]
async fn the_same_name_is_refused_while_it_is_being_received() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /innovation-service/anonymization HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Idempotency-Key: k\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\
         Expect: 100-continue\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0; 64];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(
        buffer[..read].starts_with(b"HTTP/1.1 100 "),
        "it is being received"
    );
    let message = failed(send(&client, "k", b"1", &[]).await, 409).await;
    assert!(message.contains("Idempotency-Key"), "{message}");
    drop(stream);
    // The server notices that the client has gone when it next reads from it.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while send(&client, "k", b"1", &[]).await.status() != 200 {
        assert!(std::time::Instant::now() < deadline, "the name stays taken");
    }
}

#[tokio::test]
async fn a_rendering_under_a_name_is_one_revision() {
    let server = Server::start_with(|engine, _| engine.originals_kept = Duration::from_secs(3_600)).await;
    let client = server.client("a").await;
    let first = client.upload(jpeg(b""), &[]).await;
    server.succeed(&first, &jpeg(b"result"), None).await;
    let render = async |width: u32| {
        let body = json!({
            "anonymization_job_id": first,
            "detections": {
                "schema": "sfumato.detections/1",
                "picture": {"width": 512, "height": 512},
                "detections": [{"class": "face", "box": {"x": 10, "y": 10, "width": width, "height": 90}, "manual": true}],
            },
        });
        let request = client
            .post("/innovation-service/anonymization/render")
            .json(&body);
        request.header("Idempotency-Key", "k").send().await.unwrap()
    };
    let revision = ok(render(90).await).await;
    assert_eq!(ok(render(90).await).await, revision);
    failed(render(91).await, 422).await;
}
