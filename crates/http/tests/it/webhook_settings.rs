//! Settings of webhook endpoints and the rotation of their credentials.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Client, Server, failed, ok, text};

const UNKNOWN: &str = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f";

async fn added(client: &Client, body: Value) -> Value {
    let answer = client.post("/webhook-url").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

async fn endpoint(client: &Client) -> String {
    let made = added(client, json!({"webhookUrl": "https://example.com/hook"})).await;
    text(&made["uuid"])
}

async fn details(client: &Client, uuid: &str) -> Value {
    ok(client.get(&format!("/webhook-url/{uuid}")).send().await.unwrap()).await
}

async fn post(client: &Client, path: &str, body: Option<Value>) -> reqwest::Response {
    let request = client.post(path);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

async fn put(client: &Client, uuid: &str, body: Value) -> reqwest::Response {
    let request = client.request(Method::PUT, &format!("/webhook-url/{uuid}"));
    request.json(&body).send().await.unwrap()
}

#[tokio::test]
async fn settings_are_made_read_and_changed_and_old_answers_keep_their_six_members() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let plain = endpoint(&client).await;
    let shown = details(&client, &plain).await;
    assert_eq!(
        (&shown["ack"], &shown["keepResponses"], &shown["state"]),
        (&json!("strict"), &json!(true), &json!("active"))
    );
    assert_eq!(shown.get("description"), None);
    let made = added(
        &client,
        json!({"webhookUrl": "https://example.com/2", "ack": "status", "description": "Billing", "keepResponses": false}),
    )
    .await;
    assert_eq!(made.as_object().unwrap().len(), 6, "{made}");
    let uuid = text(&made["uuid"]);
    let shown = details(&client, &uuid).await;
    assert_eq!(
        (&shown["ack"], &shown["keepResponses"], &shown["description"]),
        (&json!("status"), &json!(false), &json!("Billing"))
    );
    let changed = ok(put(&client, &uuid, json!({"ack": "strict", "keepResponses": true})).await).await;
    assert_eq!(changed.as_object().unwrap().len(), 6, "{changed}");
    let shown = details(&client, &uuid).await;
    assert_eq!(
        (&shown["ack"], &shown["keepResponses"], &shown["description"]),
        (&json!("strict"), &json!(true), &json!("Billing"))
    );
    ok(put(&client, &uuid, json!({"description": ""})).await).await;
    assert_eq!(details(&client, &uuid).await.get("description"), None);
}

#[tokio::test]
async fn a_setting_that_is_none_is_refused_and_named() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let uuid = endpoint(&client).await;
    let long = "a".repeat(201);
    for (body, field) in [
        (json!({"ack": "maybe"}), "ack"),
        (json!({"ack": 1}), "ack"),
        (json!({"description": "two\nlines"}), "description"),
        (json!({"description": long}), "description"),
        (json!({"keepResponses": "no"}), "keepResponses"),
    ] {
        let message = failed(put(&client, &uuid, body.clone()).await, 400).await;
        assert!(message.starts_with(field), "{message}");
        let mut body = body;
        body["webhookUrl"] = json!("https://example.com/");
        let message = failed(post(&client, "/webhook-url", Some(body)).await, 400).await;
        assert!(message.starts_with(field), "{message}");
    }
}

#[tokio::test]
async fn promise_6_a_token_is_rotated_with_an_overlap_in_which_the_old_one_is_shown_as_sent() {
    let server = Server::start().await;
    let mut client = server.client("a").await;
    let uuid = endpoint(&client).await;
    let old = text(&details(&client, &uuid).await["webhookToken"]);
    let path = format!("/webhook-url/{uuid}/rotate-token");
    let rotated = ok(post(&client, &path, None).await).await;
    let new = text(&rotated["webhookToken"]);
    assert_ne!(old, new);
    assert_eq!(
        rotated["overlapUntil"], "2030-03-18T17:46:40.000Z",
        "a day is the default"
    );
    let shown = details(&client, &uuid).await;
    assert_eq!(
        (
            &shown["webhookToken"],
            &shown["nextWebhookToken"],
            &shown["tokenOverlapUntil"]
        ),
        (&json!(old), &json!(new), &rotated["overlapUntil"])
    );
    let listed = ok(client.get("/webhook-url/get-many").send().await.unwrap()).await;
    assert_eq!(
        listed[0]["webhookToken"],
        json!(old),
        "what the receiver finds in the header"
    );
    failed(
        post(&client, &path, Some(json!({"overlapSeconds": 60}))).await,
        409,
    )
    .await;

    server.clock.advance(Duration::from_secs(24 * 60 * 60));
    client.log_in().await;
    let shown = details(&client, &uuid).await;
    assert_eq!(shown["webhookToken"], json!(new));
    assert_eq!(shown.get("nextWebhookToken"), None);

    let at_once = ok(post(&client, &path, Some(json!({"overlapSeconds": 0}))).await).await;
    assert_eq!(at_once.get("overlapUntil"), None);
    assert_eq!(
        details(&client, &uuid).await["webhookToken"],
        at_once["webhookToken"]
    );
}

#[tokio::test]
async fn promise_6_a_signing_secret_is_rotated_and_the_overlap_can_be_ended() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let uuid = endpoint(&client).await;
    let secret = async || {
        let path = format!("/webhook-url/{uuid}/signing-secret");
        text(&ok(client.get(&path).send().await.unwrap()).await["signingSecret"])
    };
    let old = secret().await;
    let path = format!("/webhook-url/{uuid}/rotate-signing-secret");
    let rotated = ok(post(&client, &path, Some(json!({"overlapSeconds": 604_800}))).await).await;
    assert_ne!(text(&rotated["signingSecret"]), old);
    assert_eq!(secret().await, text(&rotated["signingSecret"]));
    let shown = details(&client, &uuid).await;
    assert_eq!(shown["signingSecretOverlapUntil"], rotated["overlapUntil"]);
    failed(post(&client, &path, None).await, 409).await;
    let end = client.request(Method::DELETE, &format!("/webhook-url/{uuid}/overlap"));
    assert_eq!(end.send().await.unwrap().status(), 204);
    assert_eq!(
        details(&client, &uuid).await.get("signingSecretOverlapUntil"),
        None
    );
    ok(post(&client, &path, None).await).await;
}

#[tokio::test]
async fn an_overlap_is_a_number_of_seconds_up_to_seven_days() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let uuid = endpoint(&client).await;
    for route in ["rotate-token", "rotate-signing-secret"] {
        let path = format!("/webhook-url/{uuid}/{route}");
        for overlap in [json!(-1), json!(604_801), json!("1d"), json!(1.5)] {
            let body = json!({"overlapSeconds": overlap});
            let message = failed(post(&client, &path, Some(body)).await, 400).await;
            assert!(message.starts_with("overlapSeconds"), "{message}");
        }
    }
}

#[tokio::test]
async fn what_is_no_endpoint_of_this_client_has_no_settings() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let foreign = endpoint(&other).await;
    for uuid in [foreign.as_str(), UNKNOWN, "nonsense"] {
        failed(
            client.get(&format!("/webhook-url/{uuid}")).send().await.unwrap(),
            404,
        )
        .await;
        for route in ["rotate-token", "rotate-signing-secret"] {
            failed(
                post(&client, &format!("/webhook-url/{uuid}/{route}"), None).await,
                404,
            )
            .await;
        }
        let end = client.request(Method::DELETE, &format!("/webhook-url/{uuid}/overlap"));
        failed(end.send().await.unwrap(), 404).await;
    }
}
