//! The audit log, as administrators read it.

use std::time::Duration;

use reqwest::StatusCode;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::{ClientId, JobId, PublicJobId, Role};
use sfumato_engine::audit::Deed;
use uuid::Uuid;

use crate::browser::Server;

async fn write(server: &Server, deed: Deed) {
    server.clock.advance(Duration::from_secs(1));
    server.engine.audit(deed).await.unwrap();
}

fn deed(action: Action, client: ClientId) -> Deed {
    Deed::new(Actor::Operator, action).of(client)
}

/// The entries on a page: what was done in each, the newest first.
fn rows(page: &str) -> usize {
    page.matches(r#"data-label="When""#).count()
}

#[tokio::test]
async fn entries_are_found_by_person_action_client_subject_and_time() {
    let server = Server::start().await;
    let (own, _) = server.engine.create_client("Acme").await.unwrap();
    let (other, _) = server.engine.create_client("Other").await.unwrap();
    let job = JobId::from_uuid(Uuid::from_u128(7));
    let read = deed(Action::ResultRead, own.id)
        .to(Subject::Job(job))
        .with("file", "street <b>.jpg");
    write(&server, read).await;
    server.clock.advance(Duration::from_secs(3 * 86_400));
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let id = server.engine.users().await.unwrap()[0].id;
    write(&server, deed(Action::EndpointDeleted, other.id)).await;
    write(&server, deed(Action::EndpointCreated, other.id)).await;
    let public = PublicJobId { client: own.id, job };
    let today = server.engine.now().to_string()[..10].to_owned();
    for (query, count) in [
        (String::new(), 4),
        (format!("?who={id}"), 1),
        ("?action=endpoint".into(), 2),
        ("?action=endpoint.deleted".into(), 1),
        (format!("?client={}", own.id), 1),
        (format!("?about={public}"), 1),
        (format!("?about={}", job.as_uuid()), 1),
        (format!("?from={today}&to={today}"), 3),
        (format!("?client={}&action=session", own.id), 0),
    ] {
        let page = ada.get(&format!("/manager/audit{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(rows(&page.text), count, "{query}");
    }
    let page = ada.get("/manager/audit").await.text;
    for part in [
        format!("/manager/jobs/{public}"),
        "street &#60;b&#62;.jpg".into(),
        "Result downloaded".into(),
        "command line".into(),
        server.address.ip().to_string(),
    ] {
        assert!(page.contains(&part), "{part}");
    }
    for wrong in [
        "who=x",
        "action=x",
        "action=x.y",
        "client=x",
        "about=x",
        "from=x",
        "before=x",
    ] {
        let refused = ada.get(&format!("/manager/audit?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn pages_lead_to_the_oldest_entry_with_the_same_question() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for _ in 0..60 {
        write(&server, deed(Action::ResultRead, client.id)).await;
    }
    let first = ada.get("/manager/audit?action=result").await.text;
    assert_eq!(rows(&first), 50);
    assert!(!first.contains("Newest"));
    let (_, rest) = first.split_once(r#"rel="next" href=""#).unwrap();
    let older = rest.split('"').next().unwrap().replace("&#38;", "&");
    assert!(older.contains("action=result&before="), "{older}");
    let second = ada.get(&older).await.text;
    assert_eq!(rows(&second), 10);
    assert!(second.contains("Newest") && !second.contains(r#"rel="next""#));
}

#[tokio::test]
async fn an_export_has_what_the_page_asks_for_and_is_written_down_itself() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for _ in 0..3 {
        write(&server, deed(Action::ResultRead, client.id)).await;
    }
    let csv = ada.get("/manager/audit/export.csv?action=result.read").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert_eq!(
        csv.header("content-disposition"),
        r#"attachment; filename="sfumato-audit-2030-03-17.csv""#
    );
    assert_eq!(csv.text.lines().count(), 4, "{}", csv.text);
    let lines = ada.get("/manager/audit/export.jsonl?action=result.read").await;
    assert_eq!(lines.header("content-type"), "application/jsonl");
    assert_eq!(lines.text.lines().count(), 3);
    assert!(
        lines
            .text
            .lines()
            .all(|line| line.starts_with('{') && line.ends_with('}'))
    );
    let page = ada.get("/manager/audit?action=audit").await.text;
    assert_eq!(rows(&page), 2);
    assert!(
        page.contains("action: result.read") && page.contains("format: csv"),
        "{page}"
    );
}

#[tokio::test]
async fn the_log_does_not_exist_for_members() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut bob = server.signed_in("bob", Role::Member(client.id)).await;
    for path in ["", "/export.csv", "/export.jsonl"] {
        let hidden = bob.get(&format!("/manager/audit{path}")).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{path}");
    }
}
