//! What is agreed with clients, and what the server runs with.

use std::time::Duration;

use reqwest::StatusCode;
use sfumato_console::{ConsoleSettings, ServerSetting};
use sfumato_core::audit::Action;
use sfumato_core::policy::{ClientPolicy, Quotas, Retention, Scheduling};
use sfumato_core::store::AuditFilter;
use sfumato_core::{Priority, Role, Scope, Weight};

use crate::browser::Server;

fn form(client: &sfumato_core::Client) -> String {
    format!("/manager/settings/clients/{}", client.id)
}

#[tokio::test]
async fn an_administrator_agrees_on_retention_and_quotas_and_it_is_written_down() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let fields = [
        ("name", "Acme"),
        ("originals_kept", "30"),
        ("originals_kept_unit", "d"),
        ("results_kept", ""),
        ("results_kept_unit", "d"),
        ("jobs_waiting_max", "100"),
        ("jobs_per_day_max", " "),
        ("bytes_stored_max", "20"),
        ("bytes_stored_max_unit", "GB"),
        ("weight", "4"),
        ("jobs_at_once_max", "2"),
        ("priority_max", "normal"),
    ];
    let saved = ada.post(&form(&client), &fields).await;
    assert_eq!(saved.location(), "/manager/settings", "{}", saved.text);
    let (policy, _) = server.engine.client_policy(client.id).await.unwrap();
    let expected = ClientPolicy {
        retention: Retention {
            originals_kept: Some(Duration::from_secs(30 * 86_400)),
            results_kept: None,
        },
        quotas: Quotas {
            jobs_waiting_max: Some(100),
            bytes_stored_max: Some(20_000_000_000),
            jobs_per_day_max: None,
        },
        scheduling: Scheduling {
            weight: Weight::new(4).unwrap(),
            jobs_at_once_max: Some(2),
            priority_max: Priority::Normal,
        },
    };
    assert_eq!(policy, expected);
    let page = ada.get("/manager/settings").await.text;
    for part in ["30 days", "7 days (default)", "0 of 100", "0 B of 20.0 GB"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let shown = ada.get(&form(&client)).await.text;
    assert!(shown.contains(r#"name="originals_kept" inputmode="numeric" value="30""#));
    let filter = AuditFilter {
        actions: vec![Action::ClientPolicyChanged],
        ..AuditFilter::default()
    };
    let again = ada.post(&form(&client), &fields).await;
    assert_eq!(again.location(), "/manager/settings");
    let entries = server.engine.audit_entries(Scope::All, &filter, None, 10).await;
    let entries = entries.unwrap().entries;
    assert_eq!(entries.len(), 1, "what changes nothing is not written down");
    assert_eq!(entries[0].client, Some(client.id));
    assert_eq!(entries[0].detail["originals-kept"], "default → 30d");
    assert_eq!(entries[0].detail["bytes-stored-max"], "none → 20GB");
    assert_eq!(entries[0].detail["weight"], "1 → 4");
    assert!(!entries[0].detail.contains_key("results-kept"));
}

#[tokio::test]
async fn an_administrator_renames_a_client_and_it_is_written_down() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let saved = ada.post(&form(&client), &[("name", " Acme & Sons ")]).await;
    assert_eq!(saved.location(), "/manager/settings", "{}", saved.text);
    let page = ada.get("/manager/settings").await.text;
    assert!(page.contains("Acme &#38; Sons"), "{page}");
    let refused = ada.post(&form(&client), &[("name", " ")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains(r#"aria-errormessage="name-error""#));
    let filter = AuditFilter::default();
    let entries = server.engine.audit_entries(Scope::All, &filter, None, 10).await;
    let entries = entries.unwrap().entries;
    let renamed: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == Action::ClientRenamed)
        .collect();
    assert_eq!(renamed.len(), 1);
    assert_eq!(renamed[0].client, Some(client.id));
    assert_eq!(renamed[0].detail["name"], "Acme → Acme & Sons");
    let changed = entries
        .iter()
        .any(|entry| entry.action == Action::ClientPolicyChanged);
    assert!(!changed, "nothing else was agreed");
}

#[tokio::test]
async fn a_field_that_cannot_be_read_is_named_and_nothing_is_saved() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let fields = [
        ("name", "Acme"),
        ("jobs_waiting_max", "5"),
        ("jobs_per_day_max", "\"many"),
    ];
    let refused = ada.post(&form(&client), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .text
            .contains(r#"aria-errormessage="jobs_per_day_max-error""#)
    );
    assert!(refused.text.contains(r#"value="&#34;many""#), "{}", refused.text);
    let (policy, _) = server.engine.client_policy(client.id).await.unwrap();
    assert_eq!(policy, ClientPolicy::default());
}

#[tokio::test]
async fn members_see_what_is_agreed_with_them_and_change_nothing() {
    let server = Server::start_with(ConsoleSettings {
        server: vec![
            ServerSetting {
                key: "allowed_origins".into(),
                value: "https://shop.example".into(),
                origin: None,
                meaning: String::new(),
            },
            ServerSetting {
                key: "worker.lease".into(),
                value: "30s".into(),
                origin: Some("SFUMATO_WORKER__LEASE".into()),
                meaning: String::new(),
            },
        ],
        ..ConsoleSettings::default()
    })
    .await;
    let (own, _) = server.engine.create_client("Acme").await.unwrap();
    let (other, _) = server.engine.create_client("Other Ltd").await.unwrap();
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let all = ada.get("/manager/settings").await.text;
    for part in [
        "Acme",
        "Other Ltd",
        "https://shop.example",
        "SFUMATO_WORKER__LEASE",
        "1 changed",
    ] {
        assert!(all.contains(part), "{part}");
    }
    let mut bob = server.signed_in("bob", Role::Member(own.id)).await;
    let page = bob.get("/manager/settings").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Acme") && page.text.contains("https://shop.example"));
    for hidden in [
        "Other Ltd",
        "worker.lease",
        "/manager/settings/clients/",
        "/manager/audit",
    ] {
        assert!(!page.text.contains(hidden), "{hidden}");
    }
    for client in [&own, &other] {
        assert_eq!(bob.get(&form(client)).await.status, StatusCode::NOT_FOUND);
        let refused = bob.post(&form(client), &[("jobs_waiting_max", "1")]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
    let (policy, _) = server.engine.client_policy(own.id).await.unwrap();
    assert_eq!(policy, ClientPolicy::default());
}

#[tokio::test]
async fn one_of_many_clients_is_searched_for() {
    let server = Server::start().await;
    for number in 0..51 {
        let name = format!("client {number:02}");
        server.engine.create_client(&name).await.unwrap();
    }
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let page = ada.get("/manager/settings").await.text;
    assert!(page.contains("The first 50 of 51") && !page.contains("client 50"));
    let found = ada.get("/manager/settings?q=CLIENT+50").await.text;
    assert!(found.contains("client 50") && !found.contains("client 49"));
    let none = ada.get("/manager/settings?q=%3Cb%3E").await.text;
    assert!(none.contains("No client has") && !none.contains("<b>"));
}
