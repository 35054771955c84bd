//! Parts of pages that change by themselves.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use sfumato_console::ConsoleSettings;
use sfumato_core::Role;

use crate::browser::{Browser, PASSWORD, Server};

const PATH: &str = "/manager/account/sessions/live";

async fn open(browser: &Browser) -> Response {
    let request = browser
        .request(Method::GET, PATH)
        .header("Accept", "text/event-stream");
    request.send().await.unwrap()
}

/// The next event of a stream; `None` at its end.
async fn next(stream: &mut Response) -> Option<String> {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let chunk = stream.chunk().await.unwrap()?;
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        if text.starts_with(':') {
            text.clear();
        }
    }
    Some(text)
}

fn quick() -> ConsoleSettings {
    ConsoleSettings {
        live_interval: Duration::from_millis(10),
        ..ConsoleSettings::default()
    }
}

#[tokio::test]
async fn a_change_is_sent_without_being_asked_for() {
    let server = Server::start_with(quick()).await;
    let ada = server.signed_in("ada", Role::Administrator).await;
    let mut stream = open(&ada).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let first = next(&mut stream).await.unwrap();
    assert_eq!(first.matches("<tr>").count(), 2, "{first}");
    let _ = server.browser().sign_in("ada", PASSWORD).await;
    let second = next(&mut stream).await.unwrap();
    assert_eq!(second.matches("<tr>").count(), 3, "{second}");
}

#[tokio::test]
async fn a_stream_ends_when_the_server_stops_waiting() {
    let server = Server::start_with(quick()).await;
    let ada = server.signed_in("ada", Role::Administrator).await;
    let mut stream = open(&ada).await;
    assert!(next(&mut stream).await.is_some());
    server.engine.end_waiting();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn whoever_asks_for_no_stream_gets_the_fragment_once() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let answer = ada.get(PATH).await;
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.starts_with("<table"), "{}", answer.text);
    let page = ada.get("/manager/account").await.text;
    assert!(page.contains(r#"data-live="/manager/account/sessions/live""#));
}

#[tokio::test]
async fn streams_have_a_limit_and_make_room_when_they_end() {
    let server = Server::start_with(ConsoleSettings {
        live_pages_max: 1,
        ..quick()
    })
    .await;
    let ada = server.signed_in("ada", Role::Administrator).await;
    let mut first = open(&ada).await;
    assert!(next(&mut first).await.is_some());
    assert_eq!(open(&ada).await.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    // The server notices with its next write, which a change brings about.
    let _ = server.browser().sign_in("ada", PASSWORD).await;
    while open(&ada).await.status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nobody_listens_who_is_not_signed_in() {
    let server = Server::start().await;
    let answer = open(&server.browser()).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}
