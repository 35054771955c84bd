//! The routes of webhook endpoints.

use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::server::{Client, Server, failed, ok, text};

async fn add(client: &Client, url: &str) -> reqwest::Response {
    let request = client.post("/webhook-url").json(&json!({"webhookUrl": url}));
    request.send().await.unwrap()
}

async fn added(client: &Client, url: &str) -> Value {
    let answer = add(client, url).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

async fn list(client: &Client, query: &str) -> Vec<String> {
    let answer = ok(client
        .get(&format!("/webhook-url/get-many{query}"))
        .send()
        .await
        .unwrap())
    .await;
    let endpoints = answer.as_array().unwrap().iter();
    endpoints.map(|endpoint| text(&endpoint["uuid"])).collect()
}

async fn put(client: &Client, uuid: &str, body: Value) -> reqwest::Response {
    let request = client.request(Method::PUT, &format!("/webhook-url/{uuid}"));
    request.json(&body).send().await.unwrap()
}

async fn delete(client: &Client, uuid: &str) -> reqwest::Response {
    let request = client.request(Method::DELETE, &format!("/webhook-url/{uuid}"));
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_endpoint_is_made_under_both_spellings_of_the_path() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for path in ["/webhook-url", "/webhook-url/"] {
        let request = client
            .post(path)
            .json(&json!({"webhookUrl": "https://example.com/hook"}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let endpoint: Value = answer.json().await.unwrap();
        let members: Vec<&String> = endpoint.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            [
                "active",
                "createdAt",
                "updatedAt",
                "uuid",
                "webhookToken",
                "webhookUrl"
            ]
        );
        assert_eq!(endpoint["webhookUrl"], "https://example.com/hook");
        assert_eq!(endpoint["active"], true);
        assert_eq!(endpoint["createdAt"], "2030-03-17T17:46:40.000Z");
        assert!(text(&endpoint["webhookToken"]).starts_with("wis-wht_"));
    }
    assert_eq!(list(&client, "").await.len(), 2);
}

#[tokio::test]
async fn a_url_that_may_not_be_called_is_refused_and_the_field_is_named() {
    let server = Server::start_with(|engine, _| engine.addresses = Default::default()).await;
    let client = server.client("a").await;
    for url in [
        "",
        "example",
        "ftp://example.com",
        "http://127.0.0.1/",
        "http://[::1]:8080/x",
    ] {
        let message = failed(add(&client, url).await, 400).await;
        assert!(message.contains("webhookUrl"), "{message}");
    }
    for body in [json!({}), json!({"webhookUrl": 5}), json!(null)] {
        let answer = client.post("/webhook-url").json(&body).send().await.unwrap();
        let message = failed(answer, 400).await;
        assert!(body.is_null() || message.contains("webhookUrl"), "{message}");
    }
    let uuid = text(&added(&client, "https://example.com/").await["uuid"]);
    failed(
        put(&client, &uuid, json!({"webhookUrl": "http://10.0.0.1/"})).await,
        400,
    )
    .await;
}

#[tokio::test]
async fn a_client_has_five_endpoints_at_most() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    for n in 0..5 {
        added(&client, &format!("https://example.com/{n}")).await;
    }
    let message = failed(add(&client, "https://example.com/5").await, 409).await;
    assert!(message.contains('5'), "{message}");
    added(&other, "https://example.com/0").await;
    let first = list(&client, "").await.remove(0);
    assert_eq!(delete(&client, &first).await.status(), 204);
    added(&client, "https://example.com/5").await;
}

#[tokio::test]
async fn endpoints_are_listed_by_activity_and_by_name() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let mut uuids = vec![];
    for n in 0..3 {
        // Endpoints of one millisecond have no order.
        server.clock.advance(Duration::from_millis(1));
        uuids.push(text(
            &added(&client, &format!("https://example.com/{n}")).await["uuid"],
        ));
    }
    ok(put(&client, &uuids[1], json!({"active": false})).await).await;
    let (zero, one, two) = (&uuids[0], &uuids[1], &uuids[2]);
    for (query, expected) in [
        (String::new(), vec![zero, one, two]),
        ("?active=true".into(), vec![zero, two]),
        ("?active=false".into(), vec![one]),
        ("?active=".into(), vec![zero, one, two]),
        (format!("?uuids[]={two}&uuids[]={zero}"), vec![zero, two]),
        (format!("?uuids%5B%5D={one}"), vec![one]),
        (format!("?uuids={one}&uuids={two}"), vec![one, two]),
        (format!("?active=true&uuids[]={one}"), vec![]),
        ("?uuids[]=nonsense".into(), vec![]),
        (format!("?uuids[]=nonsense&uuids[]={one}"), vec![one]),
    ] {
        let listed = list(&client, &query).await;
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let answer = client
        .get("/webhook-url/get-many?active=perhaps")
        .send()
        .await
        .unwrap();
    assert!(failed(answer, 400).await.contains("active"));
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let before = added(&client, "https://example.com/1").await;
    let uuid = text(&before["uuid"]);
    server.clock.advance(Duration::from_secs(1));
    let moved = ok(put(&client, &uuid, json!({"webhookUrl": "https://example.com/2"})).await).await;
    assert_eq!(moved["webhookUrl"], "https://example.com/2");
    assert_eq!(moved["active"], true);
    assert_eq!(moved["updatedAt"], "2030-03-17T17:46:41.000Z");
    let off = ok(put(&client, &uuid, json!({"webhookUrl": null, "active": false})).await).await;
    assert_eq!(off["webhookUrl"], "https://example.com/2");
    assert_eq!(off["active"], false);
    let on = ok(put(
        &client,
        &uuid,
        json!({"active": true, "webhookUrl": "https://example.com/3"}),
    )
    .await)
    .await;
    assert_eq!(
        (&on["active"], &on["webhookUrl"]),
        (&json!(true), &json!("https://example.com/3"))
    );
    for member in ["uuid", "webhookToken", "createdAt"] {
        assert_eq!(on[member], before[member], "{member}");
    }
    let message = failed(put(&client, &uuid, json!({"active": "yes"})).await, 400).await;
    assert!(message.contains("active"), "{message}");
}

#[tokio::test]
async fn what_is_no_endpoint_of_this_client_is_not_found() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let foreign = text(&added(&other, "https://example.com/").await["uuid"]);
    let unknown = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f".to_owned();
    for uuid in [&foreign, &unknown, "nonsense", "%FF"] {
        failed(put(&client, uuid, json!({"active": false})).await, 404).await;
        failed(delete(&client, uuid).await, 404).await;
        let test = client
            .post(&format!("/webhook-url/test/{uuid}"))
            .send()
            .await
            .unwrap();
        failed(test, 404).await;
    }
    assert_eq!(
        list(&client, &format!("?uuids[]={foreign}")).await,
        Vec::<String>::new()
    );
    assert_eq!(list(&other, "?active=true").await, [foreign]);
}

#[tokio::test]
async fn a_deleted_endpoint_is_gone() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let uuid = text(&added(&client, "https://example.com/").await["uuid"]);
    let answer = delete(&client, &uuid).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.text().await.unwrap(), "");
    failed(delete(&client, &uuid).await, 404).await;
    assert_eq!(list(&client, "").await, Vec::<String>::new());
}

/// An endpoint of a customer: acknowledges under `/good`, answers otherwise under `/bad`. Tells what arrives at the former.
async fn receiver() -> (String, mpsc::UnboundedReceiver<(HeaderMap, Value)>) {
    let (tell, told) = mpsc::unbounded_channel();
    let acknowledge = move |headers: HeaderMap, axum::Json(event): axum::Json<Value>| async move {
        let answer = json!({"taskId": event["taskId"], "status": event["status"]});
        tell.send((headers, event)).unwrap();
        axum::Json(answer)
    };
    let router = Router::new()
        .route("/good", post(acknowledge))
        .route("/bad", post(|| async { "thank you" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), told)
}

#[tokio::test]
async fn promise_11_a_test_sends_one_real_post_now_and_shows_the_whole_exchange() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let (base, mut arrivals) = receiver().await;
    let test = async |path: &str| {
        let uuid = text(&added(&client, &format!("{base}{path}")).await["uuid"]);
        ok(client
            .post(&format!("/webhook-url/test/{uuid}"))
            .send()
            .await
            .unwrap())
        .await
    };
    let good = test("/good").await;
    assert_eq!(good["kept"], true, "{good}");
    assert_eq!(good["outcome"], "ok");
    assert_eq!(good["status"], 200);
    assert!(base.ends_with(good["address"].as_str().unwrap()), "{good}");
    assert!(good["phases"]["totalMs"].as_f64().unwrap() > 0.0, "{good}");
    assert!(text(&good["body"]).contains("taskId"), "{good}");
    assert!(
        good["headers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|header| header["name"] == "content-type")
    );
    assert_eq!(good.get("tls"), None);
    let (headers, event) = arrivals.recv().await.unwrap();
    for name in [
        "x-auth-token",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ] {
        assert!(headers.contains_key(name), "{name}");
    }
    assert!(
        text(&good["body"]).contains(event["taskId"].as_str().unwrap()),
        "{event}"
    );
    assert!(arrivals.try_recv().is_err(), "one POST");

    let bad = test("/bad").await;
    assert_eq!(bad["kept"], false, "{bad}");
    assert_eq!(bad["outcome"], "bad_ack");
    assert_eq!(bad["body"], "thank you");
    assert!(text(&bad["explanation"]).contains("taskId"), "{bad}");

    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let uuid = text(&added(&client, &format!("http://{nobody}/")).await["uuid"]);
    let refused = ok(client
        .post(&format!("/webhook-url/test/{uuid}"))
        .send()
        .await
        .unwrap())
    .await;
    assert_eq!(refused["kept"], false);
    assert_eq!(refused.get("status"), None);
    assert_eq!(refused.get("body"), None);
}

#[tokio::test]
async fn the_signing_secret_is_told_to_its_client_alone() {
    let server = Server::start().await;
    let (mine, other) = (server.client("mine").await, server.client("other").await);
    let body = serde_json::json!({"webhookUrl": "https://example.com/hook"});
    let made = mine
        .request(Method::POST, "/webhook-url")
        .json(&body)
        .send()
        .await
        .unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    let path = format!("/webhook-url/{}/signing-secret", made["uuid"].as_str().unwrap());
    let told: serde_json::Value = mine.get(&path).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["uuid"], made["uuid"]);
    assert!(told["signingSecret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(other.get(&path).send().await.unwrap().status(), 404);
    assert_eq!(
        mine.get("/webhook-url/nonsense/signing-secret")
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}
