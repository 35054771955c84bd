//! Users, as administrators manage them.

use reqwest::StatusCode;
use sfumato_core::{Role, UserState};

use crate::browser::{PASSWORD, Server};

#[tokio::test]
async fn an_administrator_makes_a_member_whose_link_is_shown_once() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let client = client.id.to_string();
    let made = ada
        .post("/manager/users", &[("name", "Bob"), ("role", &client)])
        .await;
    let made = ada.follow(&made).await;
    let (_, rest) = made.text.split_once("<code id=\"setup-link\">").unwrap();
    let link = rest.split('<').next().unwrap();
    let path = link.strip_prefix(&ada.base).unwrap();
    assert!(!ada.get("/manager/users").await.text.contains("setup-link"));

    let mut bob = server.browser();
    let chosen = [("password", PASSWORD), ("repeated", PASSWORD)];
    let request = bob.form(path, &chosen);
    assert_eq!(bob.send(request).await.location(), "/manager/sign-in");
    assert_eq!(bob.sign_in("bob", PASSWORD).await.location(), "/manager");
}

#[tokio::test]
async fn what_is_shown_once_is_shown_to_whom_it_is_for_on_its_page() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut eve = server.signed_in("eve", Role::Administrator).await;
    let made = ada
        .post("/manager/users", &[("name", "bob"), ("role", "administrator")])
        .await;
    let cookie = ada.cookies["sfumato-once"].clone();
    assert!(!cookie.contains("setup_"), "it is sealed");
    let elsewhere = ada.get("/manager/developer").await;
    assert!(!elsewhere.text.contains("/manager/setup/"));
    eve.cookies.insert("sfumato-once".into(), cookie);
    assert!(!eve.get("/manager/users").await.text.contains("setup-link"));
    assert!(ada.follow(&made).await.text.contains("setup-link"));
    assert!(!ada.follow(&made).await.text.contains("setup-link"));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let refused = ada
        .post("/manager/users", &[("name", "ADA"), ("role", "administrator")])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("A user of this name exists already."));
}

#[tokio::test]
async fn whoever_is_disabled_or_deleted_is_out_at_once() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut bob = server.signed_in("bob", Role::Administrator).await;
    let users = server.engine.users().await.unwrap();
    let bobs = users.iter().find(|user| user.name.as_str() == "bob").unwrap().id;
    let path = |action: &str| format!("/manager/users/{bobs}/{action}");
    let done = ada.post(&path("disable"), &[]).await;
    assert_eq!(done.location(), "/manager/users");
    assert_eq!(bob.get("/manager").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        bob.sign_in("bob", PASSWORD).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let _ = ada.post(&path("enable"), &[]).await;
    assert_eq!(bob.sign_in("bob", PASSWORD).await.location(), "/manager");
    let _ = ada.post(&path("delete"), &[]).await;
    assert_eq!(bob.get("/manager").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.post(&path("delete"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_shuts_the_own_user_out() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let own = server.engine.users().await.unwrap().remove(0);
    for action in ["disable", "delete", "role", "link"] {
        let path = format!("/manager/users/{}/{action}", own.id);
        let refused = ada.post(&path, &[("role", "administrator")]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{action}");
    }
    let now = server.engine.user(own.id).await.unwrap().unwrap();
    assert_eq!((now.role, now.state), (Role::Administrator, UserState::Active));
}
