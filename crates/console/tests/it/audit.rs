//! What people do is written down.

use std::time::Duration;

use reqwest::StatusCode;
use sfumato_console::ConsoleSettings;
use sfumato_core::Role;
use sfumato_core::Scope;
use sfumato_core::audit::{Action, AuditEntry};
use sfumato_core::store::AuditFilter;

use crate::browser::{PASSWORD, Server};

async fn entries(server: &Server) -> Vec<AuditEntry> {
    let filter = AuditFilter::default();
    let page = server
        .engine
        .audit_entries(Scope::All, &filter, None, 100)
        .await
        .unwrap();
    page.entries.into_iter().rev().collect()
}

#[tokio::test]
async fn strangers_fill_the_log_with_so_many_refusals_an_hour_and_no_more() {
    let server = Server::start_with(ConsoleSettings {
        sign_in_failures_max: 1_000,
        ..ConsoleSettings::default()
    })
    .await;
    let mut browser = server.browser();
    for n in 0..103 {
        let refused = browser.sign_in(&format!("eve{n}"), "wrong horse battery").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(refusals(&server).await.len(), 100);
    server.clock.advance(Duration::from_secs(3600));
    let _ = browser.sign_in("eve", "wrong horse battery").await;
    let entries = refusals(&server).await;
    assert_eq!(entries.len(), 101);
    assert_eq!(entries[100].detail["left_out_before"], "3");
}

/// Refused sign-ins, oldest first.
async fn refusals(server: &Server) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        actions: vec![Action::SignInRefused],
        ..AuditFilter::default()
    };
    let page = server.engine.audit_entries(Scope::All, &filter, None, 200).await;
    page.unwrap().entries.into_iter().rev().collect()
}

#[tokio::test]
async fn who_did_what_from_where_is_written_down_and_no_secret_is() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    // Entries are in the order of time, so that it has to pass between them.
    let tick = || server.clock.advance(Duration::from_secs(1));
    tick();
    let _ = server.browser().sign_in("eve", "wrong horse battery").await;
    let fields = [("name", "bob"), ("role", "administrator")];
    tick();
    let made = ada.post("/manager/users", &fields).await;
    let made = ada.follow(&made).await;
    let users = server.engine.users().await.unwrap();
    let bob = users.iter().find(|user| user.name.as_str() == "bob").unwrap().id;
    for action in ["link", "disable", "enable", "delete"] {
        tick();
        let path = format!("/manager/users/{bob}/{action}");
        let _ = ada.post(&path, &[]).await;
    }
    let fields = [
        ("present", PASSWORD),
        ("new", "another horse battery"),
        ("repeated", "another horse battery"),
    ];
    tick();
    let _ = ada.post("/manager/account/password", &fields).await;
    tick();
    let _ = ada.post("/manager/sign-out", &[]).await;

    let entries = entries(&server).await;
    let told: Vec<(&str, Action)> = entries
        .iter()
        .map(|entry| (entry.actor.name(), entry.action))
        .collect();
    let expected = [
        ("ada", Action::SignedIn),
        ("eve", Action::SignInRefused),
        ("ada", Action::UserCreated),
        ("ada", Action::PasswordLinkCreated),
        ("ada", Action::UserDisabled),
        ("ada", Action::UserEnabled),
        ("ada", Action::UserDeleted),
        ("ada", Action::PasswordChanged),
        ("ada", Action::SignedOut),
    ];
    assert_eq!(told, expected);
    for entry in &entries {
        assert_eq!(entry.address, Some(server.address.ip()));
        let text = format!("{entry:?}");
        assert!(!text.contains("horse") && !text.contains("setup_"), "{text}");
    }
    assert!(made.text.contains("setup_"));
}
