//! How often requests may come, and how long their bodies may take.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use sfumato_console::ConsoleSettings;
use sfumato_core::Role;
use sfumato_engine::admission::RateSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::{Answer, Browser, Server};

const FORM: &str = "application/x-www-form-urlencoded";

/// Limits of time that a test can wait for.
fn impatient() -> ConsoleSettings {
    ConsoleSettings {
        form_timeout: Duration::from_millis(100),
        upload_idle_timeout: Duration::from_millis(100),
        ..ConsoleSettings::default()
    }
}

/// What a request is answered with whose body begins and does not go on, up to the end of the connection.
async fn stalled(server: &Server, path: &str, kind: &str, cookie: &str, begun: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nCookie: {cookie}\r\nContent-Length: 1000\r\n\r\n{begun}",
        server.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The session's cookie of a browser.
fn cookie(browser: &Browser) -> String {
    format!("sfumato-session={}", browser.cookies["sfumato-session"])
}

#[tokio::test]
async fn a_form_of_a_stranger_that_does_not_go_on_is_ended() {
    let server = Server::start_with(impatient()).await;
    for begun in ["", "name=ada&"] {
        let answer = stalled(&server, "/manager/sign-in", FORM, "", begun).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("did not arrive in time"), "{answer}");
    }
}

#[tokio::test]
async fn forms_of_somebody_who_is_signed_in_are_ended_too() {
    let server = Server::start_with(impatient()).await;
    let mut browser = server.signed_in("ada", Role::Administrator).await;
    let cookie = cookie(&browser);
    let answer = stalled(&server, "/manager/users", FORM, &cookie, "name=bob").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // An upload stalls before its token has come, and behind it.
    let kind = "multipart/form-data; boundary=b";
    let csrf = browser.get("/manager").await.csrf();
    let token = format!("--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\n");
    for begun in ["", "--b\r\n", &token] {
        let answer = stalled(&server, "/manager/upload", kind, &cookie, begun).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{begun}: {answer}");
    }
}

async fn from(browser: &mut Browser, address: &str, path: &str) -> Answer {
    let request = browser.request(Method::GET, path);
    browser.send(request.header("X-Forwarded-For", address)).await
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_and_another_does_not() {
    let rates = RateSettings {
        per_address: Some(3),
        ..RateSettings::default()
    };
    let server = Server::start_on(ConsoleSettings::default(), rates).await;
    let mut browser = server.browser();
    for path in ["/manager", "/manager/sign-in", "/manager/assets/app.css"] {
        let answer = from(&mut browser, "192.0.2.1", path).await;
        assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    for path in ["/manager", "/manager/assets/app.css", "/manager/nothing"] {
        let refused = from(&mut browser, "192.0.2.1", path).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(refused.header(RETRY_AFTER.as_str()), "20");
        assert!(refused.text.contains("Try again in 20 seconds."));
        assert!(!refused.header("x-request-id").is_empty());
    }
    let elsewhere = from(&mut browser, "192.0.2.2", "/manager/sign-in").await;
    assert_eq!(elsewhere.status, StatusCode::OK);
    server.clock.advance(Duration::from_secs(20));
    let later = from(&mut browser, "192.0.2.1", "/manager/sign-in").await;
    assert_eq!(later.status, StatusCode::OK);
}

#[tokio::test]
async fn passwords_are_tried_less_often_than_pages_are_looked_at() {
    let rates = RateSettings {
        tokens_per_address: Some(1),
        ..RateSettings::default()
    };
    let server = Server::start_on(ConsoleSettings::default(), rates).await;
    let mut browser = server.browser();
    for status in [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS] {
        let form = [("name", "ada"), ("password", "wrong horse battery staple")];
        let request = browser.form("/manager/sign-in", &form);
        let request = request.header("X-Forwarded-For", "192.0.2.1");
        assert_eq!(browser.send(request).await.status, status);
    }
    let page = from(&mut browser, "192.0.2.1", "/manager/sign-in").await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused() {
    let server = Server::start().await;
    let path = format!("/manager/sign-in?next={}", "x".repeat(9_000));
    let answer = server.browser().get(&path).await;
    assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
}
