//! Originals and results in a browser: whole, in ranges, written down, and unable to do anything.

use std::time::Duration;

use reqwest::header::{IF_NONE_MATCH, RANGE};
use reqwest::{Method, StatusCode};
use sfumato_core::Role;

use crate::browser::{Browser, Server};
use crate::work::{DOCUMENT, JPEG, RESULT};

/// A job that has succeeded, whose original is still there, and a member who may see it.
async fn finished(server: &Server, name: &str) -> (String, Browser) {
    let acme = server.client("Acme").await;
    let job = server.upload(acme, name, JPEG).await;
    let begun = server.begin().await;
    server.succeed(begun).await;
    let bob = server.signed_in("bob", Role::Member(acme)).await;
    (format!("/manager/jobs/{}", job.job), bob)
}

async fn bytes(browser: &Browser, path: &str) -> Vec<u8> {
    let answer = browser.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn whoever_may_gets_the_original_the_result_and_the_detections() {
    let server = Server::start().await;
    let (path, bob) = finished(&server, "street.jpg").await;
    assert_eq!(bytes(&bob, &format!("{path}/original")).await, JPEG);
    assert_eq!(bytes(&bob, &format!("{path}/result")).await, RESULT);
    assert_eq!(bytes(&bob, &format!("{path}/detections.json")).await, DOCUMENT);
}

#[tokio::test]
async fn a_file_is_a_download_of_its_own_type_that_can_do_nothing() {
    let server = Server::start().await;
    let (path, mut bob) = finished(&server, "<b>\"Füße\".jpg").await;
    for (file, kind, cache) in [
        ("original", "image/jpeg", "no-store"),
        ("result", "image/jpeg", "private, no-cache"),
        ("detections.json", "application/json", "private, no-cache"),
    ] {
        let head = bob.request(Method::HEAD, &format!("{path}/{file}"));
        let answer = bob.send(head).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; sandbox"
        );
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), cache);
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"<b>_F__e_."),
            "{disposition}"
        );
    }
}

#[tokio::test]
async fn a_player_reads_in_ranges_and_asks_whether_anything_changed() {
    let server = Server::start().await;
    let (path, mut bob) = finished(&server, "street.jpg").await;
    let original = format!("{path}/original");
    let part = bob.request(Method::GET, &original).header(RANGE, "bytes=4-6");
    let part = bob.send(part).await;
    assert_eq!(
        (part.status, part.text.as_str()),
        (StatusCode::PARTIAL_CONTENT, " an")
    );
    assert_eq!(part.header("content-range"), format!("bytes 4-6/{}", JPEG.len()));
    let beyond = bob.request(Method::GET, &original).header(RANGE, "bytes=999-");
    assert_eq!(bob.send(beyond).await.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let known = bob
        .request(Method::GET, &original)
        .header(IF_NONE_MATCH, part.header("etag"));
    assert_eq!(bob.send(known).await.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn each_look_at_an_original_is_written_down_once_in_a_while() {
    let server = Server::start().await;
    let (path, mut bob) = finished(&server, "street.jpg").await;
    let original = format!("{path}/original");
    // The first bytes are not asked for, which is no way around.
    for range in ["bytes=1-", "bytes=0-3", "bytes=4-"] {
        let request = bob.request(Method::GET, &original).header(RANGE, range);
        let _ = bob.send(request).await;
    }
    assert_eq!(server.audited().await, ["bob original.read street.jpg"]);
    server.clock.advance(Duration::from_secs(1));
    let _ = bytes(&bob, &format!("{path}/result")).await;
    assert_eq!(server.audited().await[0], "bob result.read street.jpg");
    server.clock.advance(Duration::from_secs(601));
    let _ = bytes(&bob, &original).await;
    assert_eq!(server.audited().await.len(), 3);
}

#[tokio::test]
async fn a_page_says_what_browsers_cannot_show() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server
        .upload(acme, "scan.tiff", b"II*\0 a scan that was uploaded")
        .await;
    let begun = server.begin().await;
    server.fail(begun, "the picture is damaged").await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let page = bob.get(&format!("/manager/jobs/{}", job.job)).await.text;
    assert!(page.contains("Browsers do not show TIFF files."));
    assert!(!page.contains("<img"));
}
