//! What is not a member's to see behaves exactly as what does not exist.

use reqwest::StatusCode;
use sfumato_core::Role;

use crate::browser::Server;

#[tokio::test]
async fn pages_of_administrators_do_not_exist_for_members() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut member = server.signed_in("bob", Role::Member(client.id)).await;
    server.user("ada", Role::Administrator).await;
    let users = server.engine.users().await.unwrap();
    let ada = users.iter().find(|user| user.name.as_str() == "ada").unwrap().id;
    let nothing = member.get("/manager/nothing").await;
    let hidden = member.get("/manager/users").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(hidden.text, nothing.text);
    assert!(!hidden.text.contains("/manager/users") && !hidden.text.contains("/manager/audit"));
    for path in [
        "/manager/users".to_owned(),
        format!("/manager/users/{ada}/delete"),
        format!("/manager/users/{ada}/link"),
        format!("/manager/users/{ada}/role"),
        format!("/manager/users/{ada}/disable"),
    ] {
        let fields = [("name", "eve"), ("role", "administrator")];
        let refused = member.post(&path, &fields).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(server.engine.users().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_member_who_becomes_an_administrator_sees_more_at_once_and_less_again() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut bob = server.signed_in("bob", Role::Member(client.id)).await;
    let users = server.engine.users().await.unwrap();
    let bobs = users.iter().find(|user| user.name.as_str() == "bob").unwrap().id;
    let path = format!("/manager/users/{bobs}/role");
    let _ = ada.post(&path, &[("role", "administrator")]).await;
    assert_eq!(bob.get("/manager/users").await.status, StatusCode::OK);
    let _ = ada.post(&path, &[("role", &client.id.to_string())]).await;
    assert_eq!(bob.get("/manager/users").await.status, StatusCode::NOT_FOUND);
}
