//! Requests that did not come from a page of ours.

use reqwest::header::ORIGIN;
use reqwest::{Method, StatusCode};
use sfumato_core::Role;

use crate::browser::{PASSWORD, Server};

#[tokio::test]
async fn a_form_without_the_token_of_this_session_changes_nothing() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut bob = server.signed_in("bob", Role::Administrator).await;
    let of_bob = bob.get("/manager").await.csrf();
    for fields in [vec![], vec![("csrf", "")], vec![("csrf", of_bob.as_str())]] {
        let request = ada.form("/manager/sign-out-everywhere", &fields);
        let refused = ada.send(request).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(refused.text.contains("This page is out of date"));
    }
    assert_eq!(ada.get("/manager").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_token_may_come_as_a_header() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let csrf = ada.get("/manager").await.csrf();
    let request = ada.form("/manager/sign-out", &[]).header("X-CSRF-Token", &csrf);
    assert_eq!(ada.send(request).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn another_sites_form_is_refused_even_with_the_token() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let csrf = ada.get("/manager").await.csrf();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = ada
            .request(Method::POST, "/manager/sign-out")
            .header("X-CSRF-Token", &csrf)
            .header(name, value);
        assert_eq!(
            ada.send(request).await.status,
            StatusCode::FORBIDDEN,
            "{name}: {value}"
        );
    }
    assert_eq!(ada.get("/manager").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let server = Server::start().await;
    server.user("ada", Role::Administrator).await;
    let mut browser = server.browser();
    let body = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let request = browser
        .request(Method::POST, "/manager/sign-in")
        .header(ORIGIN, "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN);
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn htmx_is_told_by_a_toast_that_swaps_nothing() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let request = ada.form("/manager/sign-out", &[]).header("HX-Request", "true");
    let refused = ada.send(request).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("hx-reswap"), "none");
    assert!(refused.header("hx-trigger").contains(r#""kind":"failure""#));
    assert_eq!(refused.text, "");
}
