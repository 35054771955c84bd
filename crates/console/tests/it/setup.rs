//! Setup links.

use std::time::Duration;

use reqwest::StatusCode;
use sfumato_core::Role;

use crate::browser::{PASSWORD, Server};

fn form<'a>(name: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", name), ("password", password), ("repeated", password)]
}

#[tokio::test]
async fn the_first_administrator_is_made_with_the_link_of_the_first_start_and_is_signed_in() {
    let server = Server::start().await;
    let token = server.engine.open_setup().await.unwrap().unwrap();
    let path = format!("/manager/setup/{}", token.expose());
    let mut browser = server.browser();
    assert!(browser.get(&path).await.text.contains("Set up Sfumato"));
    let request = browser.form(&path, &form("Ada@Example.com", PASSWORD));
    assert_eq!(browser.send(request).await.location(), "/manager");
    let page = browser.get("/manager").await.text;
    assert!(
        page.contains("ada@example.com") && page.contains("Users"),
        "{page}"
    );
    assert!(server.engine.open_setup().await.unwrap().is_none());
}

#[tokio::test]
async fn a_link_works_once() {
    let server = Server::start().await;
    let token = server.engine.open_setup().await.unwrap().unwrap();
    let path = format!("/manager/setup/{}", token.expose());
    let mut browser = server.browser();
    let request = browser.form(&path, &form("ada", PASSWORD));
    assert_eq!(browser.send(request).await.status, StatusCode::SEE_OTHER);
    let mut second = server.browser();
    assert_eq!(second.get(&path).await.status, StatusCode::BAD_REQUEST);
    let request = second.form(&path, &form("eve", PASSWORD));
    let refused = second.send(request).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text.contains("has been used"));
    assert_eq!(server.engine.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_start_voids_the_link_of_the_one_before() {
    let server = Server::start().await;
    let old = server.engine.open_setup().await.unwrap().unwrap();
    let new = server.engine.open_setup().await.unwrap().unwrap();
    let mut browser = server.browser();
    let path = |token: &str| format!("/manager/setup/{token}");
    assert_eq!(
        browser.get(&path(old.expose())).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(browser.get(&path(new.expose())).await.status, StatusCode::OK);
    server.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(
        browser.get(&path(new.expose())).await.status,
        StatusCode::BAD_REQUEST,
        "a link works for a day"
    );
}

#[tokio::test]
async fn a_user_chooses_the_password_with_a_link_and_then_signs_in() {
    let server = Server::start().await;
    let (_, token) = server
        .engine
        .create_user("bob", Role::Administrator)
        .await
        .unwrap();
    let path = format!("/manager/setup/{}", token.expose());
    let mut browser = server.browser();
    assert!(browser.get(&path).await.text.contains("For bob."));
    let request = browser.form(&path, &form("eve", PASSWORD));
    assert_eq!(browser.send(request).await.location(), "/manager/sign-in");
    assert_eq!(
        browser.sign_in("eve", PASSWORD).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(browser.sign_in("bob", PASSWORD).await.location(), "/manager");
    assert_eq!(browser.get(&path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_cannot_be_a_name_or_password_is_said_in_the_form_and_leaves_the_link_whole() {
    let server = Server::start().await;
    let token = server.engine.open_setup().await.unwrap().unwrap();
    let path = format!("/manager/setup/{}", token.expose());
    let mut browser = server.browser();
    for (fields, said) in [
        (
            form("ada", "short"),
            "The password must have at least 12 characters.",
        ),
        (
            form("a da", PASSWORD),
            "The name must have 1 to 254 characters, without spaces.",
        ),
        (
            form("adalovelace1815", "AdaLovelace1815"),
            "The password must not be the name.",
        ),
        (
            [
                ("name", "ada"),
                ("password", PASSWORD),
                ("repeated", "another horse"),
            ],
            "The two passwords differ.",
        ),
    ] {
        let request = browser.form(&path, &fields);
        let refused = browser.send(request).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(refused.text.contains(said), "{}", refused.text);
        assert!(!refused.text.contains(PASSWORD));
    }
    let request = browser.form(&path, &form("ada", PASSWORD));
    assert_eq!(browser.send(request).await.location(), "/manager");
}
