//! Fetching results: headers, ranges, and who may.

use reqwest::{Method, Response};
use serde_json::json;
use sfumato_core::{Store, Timestamp};

use crate::server::{Client, Server, failed, jpeg, png};

async fn fetch(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// A server with a result of ten bytes.
async fn ten_bytes() -> (Server, Client, String) {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(png(b""), &[("output_detections_url", "1")]).await;
    let id = server
        .succeed(&job, b"0123456789", Some(br#"{"version":1}"#))
        .await;
    (server, client, format!("/innovation-service/result/{id}"))
}

#[tokio::test]
async fn a_result_comes_with_all_that_a_client_needs_to_know_of_it() {
    let (_server, client, path) = ten_bytes().await;
    let answer = fetch(&client, Method::GET, &format!("{path}.png"), &[]).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers().clone();
    // SHA-256 of the ten digits.
    let etag = "\"84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882\"";
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", "10"),
        ("etag", etag),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=\"picture.jpg\""),
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(answer.bytes().await.unwrap(), "0123456789");

    let answer = fetch(
        &client,
        Method::HEAD,
        &format!("{path}.png"),
        &[("range", "bytes=2-3")],
    )
    .await;
    assert_eq!(answer.status(), 200, "ranges are for GET");
    for name in [
        "content-type",
        "content-length",
        "etag",
        "accept-ranges",
        "content-disposition",
    ] {
        assert_eq!(answer.headers()[name], headers[name], "{name}");
    }
    assert_eq!(answer.bytes().await.unwrap(), "");
}

#[tokio::test]
async fn every_format_has_its_media_type_and_its_extension() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for (content, extension, content_type) in [
        (jpeg(b""), "jpg", "image/jpeg"),
        (png(b""), "png", "image/png"),
        (b"RIFF\x04\0\0\0WEBP".to_vec(), "webp", "image/webp"),
        (
            b"BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0".to_vec(),
            "bmp",
            "image/bmp",
        ),
        (b"II*\0\x08\0\0\0".to_vec(), "tiff", "image/tiff"),
    ] {
        let job = client.upload(content, &[]).await;
        server.succeed(&job, b"0123456789", None).await;
        let media = client.status(&job).await["output_media"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(media.ends_with(&format!(".{extension}")), "{media}");
        let answer = fetch(&client, Method::GET, &media[server.url("").len()..], &[]).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], content_type);
    }
}

#[tokio::test]
async fn the_detections_document_is_fetched_like_the_media() {
    let (_server, client, path) = ten_bytes().await;
    let answer = fetch(&client, Method::GET, &format!("{path}.json"), &[]).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"picture.json\""
    );
    assert_eq!(
        answer.json::<serde_json::Value>().await.unwrap(),
        json!({"version": 1})
    );
}

#[tokio::test]
async fn ranges_by_the_table() {
    let (_server, client, path) = ten_bytes().await;
    let path = format!("{path}.png");
    for (range, status, content_range, body) in [
        ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
        ("bytes=8-", 206, "bytes 8-9/10", "89"),
        ("bytes=-1", 206, "bytes 9-9/10", "9"),
        ("bytes=5-500", 206, "bytes 5-9/10", "56789"),
        ("bytes=0-9", 206, "bytes 0-9/10", "0123456789"),
        ("bytes=0-1,4-5", 200, "", "0123456789"),
        ("bytes=4-2", 200, "", "0123456789"),
        ("chapters=1-2", 200, "", "0123456789"),
    ] {
        let answer = fetch(&client, Method::GET, &path, &[("range", range)]).await;
        assert_eq!(answer.status().as_u16(), status, "{range}");
        let got = answer
            .headers()
            .get("content-range")
            .map(|range| range.to_str().unwrap());
        assert_eq!(got.unwrap_or_default(), content_range, "{range}");
        assert_eq!(
            answer.headers()["content-length"],
            body.len().to_string(),
            "{range}"
        );
        assert_eq!(answer.text().await.unwrap(), body, "{range}");
    }
    let answer = fetch(&client, Method::GET, &path, &[("range", "bytes=10-")]).await;
    assert_eq!(answer.headers()["content-range"], "bytes */10");
    failed(answer, 416).await;
}

#[tokio::test]
async fn validators_save_sending_what_the_client_has() {
    let (_server, client, path) = ten_bytes().await;
    let path = format!("{path}.png");
    let answer = fetch(&client, Method::GET, &path, &[]).await;
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    for method in [Method::GET, Method::HEAD] {
        let answer = fetch(&client, method, &path, &[("if-none-match", &etag)]).await;
        assert_eq!(answer.status(), 304);
        assert_eq!(answer.headers()["etag"], etag);
        assert_eq!(answer.text().await.unwrap(), "");
    }
    let same = fetch(
        &client,
        Method::GET,
        &path,
        &[("range", "bytes=0-1"), ("if-range", &etag)],
    )
    .await;
    assert_eq!(same.status(), 206);
    let changed = fetch(
        &client,
        Method::GET,
        &path,
        &[("range", "bytes=0-1"), ("if-range", "\"x\"")],
    )
    .await;
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn what_is_no_result_of_this_client_is_not_found() {
    let (server, client, path) = ten_bytes().await;
    let other = server.client("b").await;
    failed(fetch(&other, Method::GET, &format!("{path}.png"), &[]).await, 404).await;
    for name in [
        format!("{path}.jpg"),
        format!("{path}.exe"),
        path.clone(),
        format!("{path}."),
        path.to_uppercase()
            .replace("/INNOVATION-SERVICE/RESULT", "/innovation-service/result")
            + ".png",
        "/innovation-service/result/nonsense.png".into(),
        "/innovation-service/result/..%2F..%2Fsfumato.db".into(),
        "/innovation-service/result/%FF.png".into(),
        "/innovation-service/result/%00".into(),
        "/innovation-service/result/018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.png".into(),
    ] {
        failed(fetch(&client, Method::GET, &name, &[]).await, 404).await;
    }
    let head = fetch(&client, Method::HEAD, &format!("{path}.jpg"), &[]).await;
    assert_eq!(head.status(), 404);
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_document_that_was_not_asked_for_does_not_exist() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let id = server.succeed(&job, b"x", Some(b"{}")).await;
    assert_eq!(client.status(&job).await["output_json"], json!(null));
    let path = format!("/innovation-service/result/{id}.json");
    failed(fetch(&client, Method::GET, &path, &[]).await, 404).await;
}

#[tokio::test]
async fn a_result_is_gone_after_its_retention_time() {
    let (server, client, path) = ten_bytes().await;
    let end = Timestamp::from_micros(i64::MAX);
    let expired = server.store.expire_results(end, 10).await.unwrap();
    server.blobs.delete_result(expired[0].1).await.unwrap();
    for name in [format!("{path}.png"), format!("{path}.json")] {
        let message = failed(fetch(&client, Method::GET, &name, &[]).await, 410).await;
        assert!(message.contains("retention"), "{message}");
    }
    let other = server.client("b").await;
    failed(fetch(&other, Method::GET, &format!("{path}.png"), &[]).await, 404).await;
}
