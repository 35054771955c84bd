//! Clients and endpoints, as administrators and members manage them.

use reqwest::StatusCode;
use sfumato_core::audit::Action;
use sfumato_core::store::AuditFilter;
use sfumato_core::{Client, Endpoint, EndpointState, Role, Scope};
use sfumato_engine::access::{Caller, Via};

use crate::browser::{Answer, Browser, Server};

/// What stands in an element with this identifier.
fn text_of<'a>(answer: &'a Answer, id: &str) -> &'a str {
    let (_, rest) = answer.text.split_once(&format!("id=\"{id}\"")).unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap()
}

/// What was written down beside sign-ins, in the order of actions: the clock stands still, so that entries have none of their own.
async fn actions(server: &Server) -> Vec<Action> {
    let filter = AuditFilter::default();
    let page = server.engine.audit_entries(Scope::All, &filter, None, 100).await;
    let mut actions: Vec<Action> = page.unwrap().entries.iter().map(|entry| entry.action).collect();
    actions.retain(|action| *action != Action::SignedIn);
    actions.sort_unstable();
    actions
}

async fn endpoints(server: &Server, client: &Client) -> Vec<Endpoint> {
    let users = server.engine.users().await.unwrap();
    let caller = Caller {
        client: client.id,
        via: Via::User(users[0].id),
    };
    server.engine.endpoints(&caller).await.unwrap()
}

/// Somebody who administers, a client, and the address of its page.
async fn ada_at_acme(server: &Server) -> (Browser, Client, String) {
    let ada = server.signed_in("ada", Role::Administrator).await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let path = format!("/manager/developer/{}", client.id);
    (ada, client, path)
}

const FIELDS: [(&str, &str); 3] = [
    ("url", "https://receiver.example/hook"),
    ("description", "Billing <primary>"),
    ("ack", "strict"),
];

/// An endpoint that was added by the form, and the address of its page.
async fn add_endpoint(ada: &mut Browser, client: &str) -> String {
    let added = ada.post(&format!("{client}/endpoints"), &FIELDS).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text);
    added.location().strip_suffix("/settings").unwrap().to_owned()
}

#[tokio::test]
async fn an_administrator_creates_a_client_whose_secret_is_shown_once_and_works() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    assert!(
        ada.get("/manager/developer")
            .await
            .text
            .contains("No clients yet")
    );
    let made = ada
        .post("/manager/developer", &[("name", "  Acme & sons ")])
        .await;
    let made = ada.follow(&made).await;
    let (key, secret) = (
        text_of(&made, "new-client-id").to_owned(),
        text_of(&made, "new-secret").to_owned(),
    );
    assert!(server.engine.log_in(&key, &secret).await.is_ok());
    let list = ada.get("/manager/developer").await;
    assert!(list.text.contains("Acme &#38; sons") && list.text.contains(&key));
    let client = server.engine.clients().await.unwrap().remove(0);
    let page = ada.get(&format!("/manager/developer/{}", client.id)).await;
    assert!(page.text.contains(&key) && !page.text.contains(&secret));
    assert!(page.text.contains("0 of 5"));
    assert_eq!(actions(&server).await, [Action::ClientCreated]);
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_refused_beside_its_field() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let refused = ada.post("/manager/developer", &[("name", " ")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .text
            .contains("The name must have 1 to 200 printable characters.")
    );
    assert!(server.engine.clients().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_secret_is_rotated_by_a_member_and_the_old_one_works_for_as_long_as_was_chosen() {
    let server = Server::start().await;
    let (client, old) = server.engine.create_client("Acme").await.unwrap();
    let mut bob = server.signed_in("bob", Role::Member(client.id)).await;
    let path = format!("/manager/developer/{}/rotate-secret", client.id);
    let rotated = bob.post(&path, &[("overlap", "3600")]).await;
    let rotated = bob.follow(&rotated).await;
    let new = text_of(&rotated, "new-secret").to_owned();
    let key = client.key.as_str();
    assert!(rotated.text.contains("still works until"));
    assert!(server.engine.log_in(key, old.expose()).await.is_ok());
    assert!(server.engine.log_in(key, &new).await.is_ok());
    server.clock.advance(std::time::Duration::from_secs(3600));
    assert!(server.engine.log_in(key, old.expose()).await.is_err());
    let _ = bob.post(&path, &[("overlap", "0")]).await;
    assert!(server.engine.log_in(key, &new).await.is_err());
    let too_long = bob.post(&path, &[("overlap", "604801")]).await;
    assert_eq!(too_long.status, StatusCode::BAD_REQUEST);
    let rotated = Action::ClientSecretRotated;
    assert_eq!(actions(&server).await, [rotated, rotated]);
}

#[tokio::test]
async fn an_administrator_shuts_a_client_out_and_lets_it_in_again() {
    let server = Server::start().await;
    let (mut ada, client, path) = ada_at_acme(&server).await;
    let done = ada.post(&format!("{path}/disable"), &[]).await;
    assert_eq!(done.location(), path);
    let page = ada.get(&path).await;
    assert!(page.text.contains("This client is shut out"));
    assert!(page.text.contains("Acme is shut out. Its logins have ended."));
    let _ = ada.post(&format!("{path}/enable"), &[]).await;
    assert!(!ada.get(&path).await.text.contains("is shut out:"));
    let mut bob = server.signed_in("bob", Role::Member(client.id)).await;
    let refused = bob.post(&format!("{path}/disable"), &[]).await;
    assert_eq!(
        refused.status,
        StatusCode::NOT_FOUND,
        "members do not shut clients out"
    );
    assert_eq!(
        actions(&server).await,
        [Action::ClientDisabled, Action::ClientEnabled]
    );
}

#[tokio::test]
async fn a_member_is_led_to_the_own_client_and_another_one_does_not_exist() {
    let server = Server::start().await;
    let (mut ada, _, other) = ada_at_acme(&server).await;
    let endpoint = add_endpoint(&mut ada, &other).await;
    let (own, _) = server.engine.create_client("Bolt").await.unwrap();
    let mut bob = server.signed_in("bob", Role::Member(own.id)).await;
    let led = bob.get("/manager/developer").await;
    assert_eq!(led.location(), format!("/manager/developer/{}", own.id));
    assert_eq!(bob.get(led.location()).await.status, StatusCode::OK);
    let nothing = bob.get("/manager/nothing").await;
    let inside = endpoint.strip_prefix(&other).unwrap();
    let mixed = format!("/manager/developer/{}{inside}", own.id);
    for path in [&other, &format!("{other}/endpoints"), &endpoint, &mixed] {
        let hidden = bob.get(path).await;
        assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(hidden.text, nothing.text, "{path}");
    }
    for page in ["test", "replays", "replays/live", "settings"] {
        for base in [&endpoint, &mixed] {
            let hidden = bob.get(&format!("{base}/{page}")).await;
            assert_eq!(hidden.status, StatusCode::NOT_FOUND, "{base}/{page}");
        }
    }
    for action in [
        "settings",
        "deactivate",
        "activate",
        "delete",
        "show-token",
        "show-signing-secret",
        "rotate-token",
        "rotate-signing-secret",
        "end-overlap",
        "test",
        "replays",
    ] {
        for base in [&endpoint, &mixed] {
            let fields = [
                ("url", "https://evil.example/"),
                ("overlap", "0"),
                ("since", "2024-06-04T10:29"),
            ];
            let refused = bob.post(&format!("{base}/{action}"), &fields).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{base}/{action}");
        }
    }
    for action in ["rotate-secret", "endpoints"] {
        let fields = [("url", "https://evil.example/"), ("overlap", "0")];
        let refused = bob.post(&format!("{other}/{action}"), &fields).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{action}");
    }
    assert_eq!(actions(&server).await, [Action::EndpointCreated]);
}

#[tokio::test]
async fn an_endpoint_is_added_changed_switched_off_and_on_and_deleted() {
    let server = Server::start().await;
    let (mut ada, client, path) = ada_at_acme(&server).await;
    let endpoint = add_endpoint(&mut ada, &path).await;
    let page = ada.get(&path).await;
    assert!(page.text.contains("1 of 5"));
    assert!(page.text.contains("Billing &#60;primary&#62;"));
    let made = endpoints(&server, &client).await.remove(0);
    assert!(!made.keep_responses, "the box was not ticked");

    let settings = format!("{endpoint}/settings");
    let fields = [
        ("url", "https://receiver.example/other"),
        ("description", ""),
        ("ack", "status"),
        ("keep_responses", "on"),
    ];
    assert_eq!(ada.post(&settings, &fields).await.location(), settings);
    let changed = endpoints(&server, &client).await.remove(0);
    assert_eq!(changed.url.as_str(), "https://receiver.example/other");
    assert!(changed.keep_responses && changed.description.is_none());
    assert_eq!(changed.ack.as_str(), "status");

    let _ = ada.post(&format!("{endpoint}/deactivate"), &[]).await;
    assert_eq!(
        endpoints(&server, &client).await[0].state,
        EndpointState::Disabled
    );
    assert!(ada.get(&endpoint).await.text.contains("Switched off"));
    let _ = ada.post(&format!("{endpoint}/activate"), &[]).await;
    assert_eq!(endpoints(&server, &client).await[0].state, EndpointState::Active);

    assert_eq!(
        ada.post(&format!("{endpoint}/delete"), &[]).await.location(),
        path
    );
    assert!(endpoints(&server, &client).await.is_empty());
    assert_eq!(ada.get(&endpoint).await.status, StatusCode::NOT_FOUND);
    let changed = Action::EndpointChanged;
    assert_eq!(
        actions(&server).await,
        [
            Action::EndpointCreated,
            changed,
            changed,
            changed,
            Action::EndpointDeleted
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_beside_its_field_with_what_was_given() {
    let server = Server::start().await;
    let (mut ada, client, path) = ada_at_acme(&server).await;
    let fields = [
        ("url", "ftp://receiver.example/"),
        ("description", "Mine"),
        ("ack", "status"),
    ];
    let refused = ada.post(&format!("{path}/endpoints"), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .text
            .contains("The URL begins with another scheme than https or http.")
    );
    assert!(refused.text.contains(r#"value="ftp://receiver.example/""#));
    assert!(refused.text.contains(r#"value="Mine""#));
    assert!(endpoints(&server, &client).await.is_empty());
}

#[tokio::test]
async fn a_client_has_five_endpoints_at_most_and_the_page_says_so() {
    let server = Server::start().await;
    let (mut ada, _, path) = ada_at_acme(&server).await;
    for _ in 0..5 {
        let _ = add_endpoint(&mut ada, &path).await;
    }
    let page = ada.get(&path).await;
    assert!(page.text.contains("5 of 5") && !page.text.contains("Add an endpoint"));
    let form = ada.get(&format!("{path}/endpoints")).await;
    assert!(form.text.contains("All 5 are in use"));
    let sixth = ada.post(&format!("{path}/endpoints"), &FIELDS).await;
    assert_eq!(sixth.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn token_and_signing_secret_are_hidden_until_somebody_looks_which_is_written_down() {
    let server = Server::start().await;
    let (mut ada, client, path) = ada_at_acme(&server).await;
    let endpoint = add_endpoint(&mut ada, &path).await;
    let made = endpoints(&server, &client).await.remove(0);
    let made = server.engine.credentials(&made).unwrap();
    let token = made.token.current.expose().to_owned();
    let secret = made.signing_secret.current.expose();
    let hidden = ada.get(&format!("{endpoint}/settings")).await;
    assert!(!hidden.text.contains(&token) && !hidden.text.contains(&secret));
    let shown = ada.post(&format!("{endpoint}/show-token"), &[]).await;
    assert_eq!(text_of(&shown, "token-text"), token);
    assert!(!shown.text.contains(&secret));
    let shown = ada.post(&format!("{endpoint}/show-signing-secret"), &[]).await;
    assert!(shown.text.contains(r#"id="secret-text""#) && !shown.text.contains(&token));
    assert_eq!(
        actions(&server).await,
        [
            Action::EndpointCreated,
            Action::EndpointTokenShown,
            Action::EndpointSecretShown
        ]
    );
}

#[tokio::test]
async fn a_rotation_shows_both_tokens_until_its_overlap_is_ended() {
    let server = Server::start().await;
    let (mut ada, client, path) = ada_at_acme(&server).await;
    let endpoint = add_endpoint(&mut ada, &path).await;
    let old = endpoints(&server, &client).await.remove(0);
    let old = server.engine.credentials(&old).unwrap().token.current;
    let old = old.expose().to_owned();
    let rotate = format!("{endpoint}/rotate-token");
    let _ = ada.post(&rotate, &[("overlap", "86400")]).await;
    let shown = ada.post(&format!("{endpoint}/show-token"), &[]).await;
    assert_eq!(text_of(&shown, "old-token-text"), old);
    assert_ne!(text_of(&shown, "token-text"), old);
    assert!(shown.text.contains("the old token is sent until"));
    let second = ada.post(&rotate, &[("overlap", "3600")]).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.text.contains("A rotation is under way."));
    let signing = format!("{endpoint}/rotate-signing-secret");
    let _ = ada.post(&signing, &[("overlap", "3600")]).await;
    let settings = format!("{endpoint}/settings");
    assert!(
        ada.get(&settings)
            .await
            .text
            .contains("the signatures of both secrets until")
    );
    let _ = ada.post(&format!("{endpoint}/end-overlap"), &[]).await;
    let settled = ada.get(&settings).await;
    assert!(!settled.text.contains("A rotation is under way"));
    assert!(!settled.text.contains("End the overlap"));
}
