//! The person's own account.

use reqwest::StatusCode;
use sfumato_core::Role;

use crate::browser::{PASSWORD, Server};

const OTHER: &str = "another horse battery staple";

fn change<'a>(present: &'a str, new: &'a str) -> [(&'a str, &'a str); 3] {
    [("present", present), ("new", new), ("repeated", new)]
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session() {
    let server = Server::start().await;
    let mut here = server.signed_in("ada", Role::Administrator).await;
    let mut there = server.browser();
    let _ = there.sign_in("ada", PASSWORD).await;
    let changed = here
        .post("/manager/account/password", &change(PASSWORD, OTHER))
        .await;
    assert_eq!(changed.location(), "/manager/account");
    assert_eq!(here.get("/manager").await.status, StatusCode::OK);
    assert_eq!(there.get("/manager").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        there.sign_in("ada", PASSWORD).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(there.sign_in("ada", OTHER).await.location(), "/manager");
}

#[tokio::test]
async fn the_present_password_is_asked_for_and_not_without_end() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for _ in 0..10 {
        let refused = ada
            .post("/manager/account/password", &change("wrong", OTHER))
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text.contains("The present password is wrong."));
    }
    let waits = ada
        .post("/manager/account/password", &change(PASSWORD, OTHER))
        .await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_person_ends_one_of_the_own_sessions_and_none_of_others() {
    let server = Server::start().await;
    let mut here = server.signed_in("ada", Role::Administrator).await;
    let mut there = server.browser();
    let _ = there.sign_in("ada", PASSWORD).await;
    let mut bob = server.signed_in("bob", Role::Administrator).await;
    let session = |page: &str| {
        let (_, rest) = page.split_once(r#"name="session" value=""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let of_there = session(&here.get("/manager/account").await.text);
    let _ = bob
        .post("/manager/account/sessions/end", &[("session", &of_there)])
        .await;
    assert_eq!(there.get("/manager").await.status, StatusCode::OK);
    let _ = here
        .post("/manager/account/sessions/end", &[("session", &of_there)])
        .await;
    assert_eq!(there.get("/manager").await.status, StatusCode::SEE_OTHER);
}
