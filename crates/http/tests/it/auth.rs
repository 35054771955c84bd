//! `/login`, `/token`, `/logout` and what an access token opens.

use std::time::Duration;

use serde_json::json;
use sfumato_core::{ClientKey, ClientState, Store};

use crate::server::{Client, Server, failed, http, http_from, ok, text};

async fn log_in(client: &Client, secret_id: &str) -> reqwest::Response {
    let body = json!({"clientId": client.client_id, "secretId": secret_id});
    let request = client.http.post(format!("{}/login", client.base)).json(&body);
    request.send().await.unwrap()
}

async fn refresh(client: &Client, token: &str, refresh_token: &str) -> reqwest::Response {
    let body = json!({"refreshToken": refresh_token});
    let request = client
        .http
        .post(format!("{}/token", client.base))
        .bearer_auth(token);
    request.json(&body).send().await.unwrap()
}

async fn is_let_in(client: &Client, token: &str) -> bool {
    let request = client.http.get(format!("{}/webhook-url/get-many", client.base));
    let answer = request.bearer_auth(token).send().await.unwrap();
    match answer.status().as_u16() {
        200 => true,
        401 => false,
        other => panic!("unexpected {other}"),
    }
}

#[tokio::test]
async fn a_login_gives_a_pair_of_tokens_and_their_lifetime_under_both_names() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let grant = ok(log_in(&client, &client.secret_id).await).await;
    assert_eq!(grant["expireTime"], 3600);
    assert_eq!(grant["expiresIn"], 3600);
    assert!(text(&grant["refreshToken"]).starts_with("rt_"));
    assert_eq!(text(&grant["token"]).split('.').count(), 3, "a JWT");
    assert!(is_let_in(&client, &text(&grant["token"])).await);
    assert!(
        is_let_in(&client, &client.token).await,
        "logins live side by side"
    );
}

#[tokio::test]
async fn a_login_is_read_whatever_its_content_type_says() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let body = json!({"clientId": client.client_id, "secretId": client.secret_id, "extra": 1}).to_string();
    for declared in [None, Some("application/json; charset=utf-8"), Some("text/plain")] {
        let mut request = http().post(server.url("/login")).body(body.clone());
        if let Some(declared) = declared {
            request = request.header("content-type", declared);
        }
        ok(request.send().await.unwrap()).await;
    }
}

#[tokio::test]
async fn a_malformed_login_is_told_what_is_wrong() {
    let server = Server::start().await;
    let post = |declared: &'static str, body: String| {
        let request = http()
            .post(server.url("/login"))
            .header("content-type", declared)
            .body(body);
        async move { request.send().await.unwrap() }
    };
    let message = failed(post("application/json", r#"{"clientId":"a"}"#.into()).await, 400).await;
    assert!(message.contains("secretId"), "{message}");
    failed(post("application/json", "{".into()).await, 400).await;
    let form = post(
        "application/x-www-form-urlencoded",
        "clientId=a&secretId=b".into(),
    );
    assert_eq!(
        failed(form.await, 400).await,
        "the body must be JSON (application/json)"
    );
    failed(
        post("application/json", format!("\"{}\"", "x".repeat(70_000))).await,
        413,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_client_a_wrong_secret_and_a_disabled_client_are_answered_alike() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let wrong = failed(log_in(&client, "secret_wrong").await, 401).await;
    let stranger = Client {
        client_id: "client_unknown".into(),
        ..client.clone()
    };
    assert_eq!(failed(log_in(&stranger, "secret_wrong").await, 401).await, wrong);
    let key = ClientKey::new(&*client.client_id);
    server
        .store
        .set_client_state(&key, ClientState::Disabled)
        .await
        .unwrap();
    assert_eq!(failed(log_in(&client, &client.secret_id).await, 401).await, wrong);
    assert!(
        !is_let_in(&client, &client.token).await,
        "its tokens are dead too"
    );
}

#[tokio::test]
async fn too_many_failures_make_one_address_wait_and_no_other() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for _ in 0..10 {
        failed(log_in(&client, "secret_wrong").await, 401).await;
    }
    let answer = log_in(&client, &client.secret_id).await;
    assert_eq!(answer.headers()["retry-after"], "60");
    failed(answer, 429).await;
    let elsewhere = Client {
        http: http_from("127.0.0.2"),
        ..client.clone()
    };
    ok(log_in(&elsewhere, &client.secret_id).await).await;
    let mut other = server.client("b").await;
    other.log_in().await;
    server.clock.advance(Duration::from_secs(60));
    ok(log_in(&client, &client.secret_id).await).await;
}

#[tokio::test]
async fn an_access_token_ends_after_its_lifetime_and_its_refresh_token_gives_the_next() {
    let server = Server::start().await;
    let client = server.client("a").await;
    server.clock.advance(Duration::from_secs(3599));
    assert!(is_let_in(&client, &client.token).await);
    server.clock.advance(Duration::from_secs(1));
    let expired = client.get("/webhook-url/get-many").send().await.unwrap();
    let message = failed(expired, 401).await;
    assert!(message.contains("expired"), "{message}");
    let grant = ok(refresh(&client, &client.token, &client.refresh_token).await).await;
    assert_eq!(grant["expireTime"], 3600);
    assert!(is_let_in(&client, &text(&grant["token"])).await);
}

#[tokio::test]
async fn using_a_refresh_token_twice_ends_the_login() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let grant = ok(refresh(&client, &client.token, &client.refresh_token).await).await;
    let next = text(&grant["token"]);
    assert!(is_let_in(&client, &next).await);
    failed(refresh(&client, &client.token, &client.refresh_token).await, 401).await;
    assert!(!is_let_in(&client, &next).await);
    failed(refresh(&client, &next, &text(&grant["refreshToken"])).await, 401).await;
}

#[tokio::test]
async fn a_refresh_needs_two_authentic_tokens_of_one_client() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    failed(refresh(&client, "nonsense", &client.refresh_token).await, 401).await;
    failed(refresh(&client, &client.token, "rt_nonsense").await, 401).await;
    failed(refresh(&client, &other.token, &client.refresh_token).await, 403).await;
    let body = json!({"refreshToken": client.refresh_token});
    let without = http()
        .post(server.url("/token"))
        .json(&body)
        .send()
        .await
        .unwrap();
    failed(without, 401).await;
    let empty = client.post("/token").json(&json!({})).send().await.unwrap();
    failed(empty, 400).await;
    ok(refresh(&client, &client.token, &client.refresh_token).await).await;
}

#[tokio::test]
async fn a_refresh_token_ends_after_its_lifetime() {
    let server = Server::start().await;
    let client = server.client("a").await;
    server.clock.advance(Duration::from_secs(31 * 24 * 3600));
    failed(refresh(&client, &client.token, &client.refresh_token).await, 401).await;
}

#[tokio::test]
async fn a_logout_ends_this_login_and_no_other() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let mut second = client.clone();
    second.log_in().await;
    // Old clients send a body with it.
    let answer = client.post("/logout").body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(!is_let_in(&client, &client.token).await);
    failed(refresh(&client, &client.token, &client.refresh_token).await, 401).await;
    failed(client.post("/logout").send().await.unwrap(), 401).await;
    assert!(is_let_in(&second, &second.token).await);
}
