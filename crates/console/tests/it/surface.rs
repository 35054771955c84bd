//! What every answer has in common.

use reqwest::{Method, StatusCode};
use sfumato_core::Role;

use crate::browser::Server;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

#[tokio::test]
async fn every_answer_carries_the_policy_and_no_page_is_kept() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut nobody = server.browser();
    let answers = [
        ada.get("/manager").await,
        ada.get("/manager/account").await,
        ada.get("/manager/users").await,
        ada.get("/manager/nothing").await,
        nobody.get("/manager").await,
        nobody.get("/manager/sign-in").await,
        nobody.get("/manager/setup/x").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("content-security-policy"), POLICY);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(!answer.text.contains("<script>") && !answer.text.contains("style=\""));
        assert!(!answer.text.contains("onclick") && !answer.text.contains("hx-on"));
    }
}

#[tokio::test]
async fn assets_are_kept_for_good_under_the_name_of_their_content() {
    let server = Server::start().await;
    let mut browser = server.browser();
    let page = browser.get("/manager/sign-in").await.text;
    let assets: Vec<&str> = page
        .split('"')
        .filter(|part| part.starts_with("/manager/assets/"))
        .collect();
    assert_eq!(assets.len(), 4, "{assets:?}");
    for asset in assets {
        let answer = browser.get(asset).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert!(!answer.text.is_empty());
    }
    let gone = browser.get("/manager/assets/app-0000000000000000.css").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_does_not_exist_is_a_page_too() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for (method, path) in [
        (Method::GET, "/manager/nothing/at/all"),
        (Method::GET, "/manager/users/x/delete"),
    ] {
        let request = ada.request(method, path);
        let answer = ada.send(request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("Nothing here"));
        assert!(answer.text.contains(r#"<nav aria-label="Main">"#));
    }
}

#[tokio::test]
async fn the_chosen_theme_is_in_the_page_from_the_beginning() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    assert!(ada.get("/manager").await.text.contains("<html lang=\"en\">"));
    let _ = ada.post("/manager/account/theme", &[("theme", "dark")]).await;
    assert!(ada.get("/manager").await.text.contains(r#"data-theme="dark""#));
    let _ = ada.post("/manager/account/theme", &[("theme", "system")]).await;
    assert!(ada.get("/manager").await.text.contains("<html lang=\"en\">"));
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let large = "x".repeat(300 * 1024);
    let refused = ada.post("/manager/users", &[("name", &large)]).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}
