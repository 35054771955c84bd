//! How often requests may come, and how full the queue and the disk may be.

use std::time::Duration;

use futures::future::join_all;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sfumato_core::policy::{ClientPolicy, Quotas, Scheduling};
use sfumato_core::store::ClientPolicies;
use sfumato_core::{ClientKey, Priority, Weight};
use sfumato_engine::room::Reserve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Client, Server, failed, http, jpeg, ok};

async fn upload(client: &Client) -> reqwest::Response {
    let part = Part::bytes(jpeg(b"")).file_name("a.jpg");
    client
        .post_form(Form::new().part("input_media", part))
        .send()
        .await
        .unwrap()
}

/// A request from an address, as a proxy in front passes it on.
async fn from(server: &Server, address: &str, path: &str) -> reqwest::Response {
    let request = http().get(server.url(path)).header("X-Forwarded-For", address);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_client_that_asks_too_often_waits_and_another_does_not() {
    let server = Server::start_with(|engine, _| engine.rates.per_client = Some(6)).await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    for _ in 0..6 {
        ok(client.get("/usage").send().await.unwrap()).await;
    }
    let refused = client.get("/usage").send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "10");
    let message = failed(refused, 429).await;
    assert_eq!(message, "too many requests; try again in 10 seconds");
    ok(other.get("/usage").send().await.unwrap()).await;
    server.clock.advance(Duration::from_secs(10));
    ok(client.get("/usage").send().await.unwrap()).await;
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_before_anybody_asks_who_it_is() {
    let server = Server::start_with(|engine, _| engine.rates.per_address = Some(3)).await;
    for address in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
        failed(from(&server, address, "/usage").await, 401).await;
    }
    let refused = from(&server, "2001:db8::4", "/usage").await;
    assert_eq!(refused.headers()["retry-after"], "20");
    failed(refused, 429).await;
    failed(from(&server, "2001:db8:0:1::1", "/usage").await, 401).await;
    let health = from(&server, "2001:db8::4", "/healthz").await;
    assert_eq!(health.status(), 200, "whoever watches over it never waits");
}

#[tokio::test]
async fn tokens_are_asked_for_less_often_than_all_else() {
    let server = Server::start_with(|engine, _| engine.rates.tokens_per_address = Some(2)).await;
    let log_in = async |address: &str| {
        let request = http()
            .post(server.url("/login"))
            .header("X-Forwarded-For", address);
        let body = json!({"clientId": "client_x", "secretId": "secret_x"});
        request.json(&body).send().await.unwrap()
    };
    failed(log_in("192.0.2.1").await, 401).await;
    failed(log_in("192.0.2.1").await, 401).await;
    failed(log_in("192.0.2.1").await, 429).await;
    failed(log_in("192.0.2.2").await, 401).await;
    failed(from(&server, "192.0.2.1", "/usage").await, 401).await;
}

#[tokio::test]
async fn who_guesses_a_secret_waits_longer_each_time_and_its_owner_elsewhere_does_not() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let log_in = async |address: &str, secret: &str| {
        let request = http()
            .post(server.url("/login"))
            .header("X-Forwarded-For", address);
        let body = json!({"clientId": client.client_id, "secretId": secret});
        request.json(&body).send().await.unwrap()
    };
    for _ in 0..10 {
        failed(log_in("192.0.2.1", "secret_wrong").await, 401).await;
    }
    for wait in [60, 120, 240] {
        let refused = log_in("192.0.2.1", &client.secret_id).await;
        assert_eq!(refused.headers()["retry-after"], wait.to_string());
        failed(refused, 429).await;
        ok(log_in("192.0.2.2", &client.secret_id).await).await;
        server.clock.advance(Duration::from_secs(wait));
        failed(log_in("192.0.2.1", "secret_wrong").await, 401).await;
    }
    server.clock.advance(Duration::from_secs(900));
    ok(log_in("192.0.2.1", &client.secret_id).await).await;
}

#[tokio::test]
async fn guesses_that_come_at_the_same_time_are_counted_before_they_are_heard() {
    let server = Server::start_with(|engine, _| engine.rates.tokens_per_address = None).await;
    let client = server.client("a").await;
    let log_in = |secret: &str| {
        let request = http()
            .post(server.url("/login"))
            .header("X-Forwarded-For", "192.0.2.1");
        let body = json!({"clientId": client.client_id, "secretId": secret});
        request.json(&body).send()
    };
    let answers = join_all((0..60).map(|n| log_in(&format!("secret_{n}")))).await;
    let statuses: Vec<u16> = answers
        .into_iter()
        .map(|answer| answer.unwrap().status().as_u16())
        .collect();
    let of = |status: u16| statuses.iter().filter(|got| **got == status).count();
    assert_eq!((of(401), of(429)), (10, 50), "{statuses:?}");
    server.clock.advance(Duration::from_secs(60));
    ok(log_in(&client.secret_id).await.unwrap()).await;
}

#[tokio::test]
async fn a_secret_that_is_guessed_from_everywhere_is_guessed_slowly_and_its_owner_logs_in_as_before() {
    let server = Server::start_with(|_, http| http.login_failures_max = 1).await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    let log_in = async |address: &str, client_id: &str, secret: &str| {
        let request = http()
            .post(server.url("/login"))
            .header("X-Forwarded-For", address);
        let body = json!({"clientId": client_id, "secretId": secret});
        request.json(&body).send().await.unwrap()
    };
    let own = "198.51.100.7";
    ok(log_in(own, &client.client_id, &client.secret_id).await).await;
    for n in 0..10 {
        let address = format!("192.0.2.{n}");
        failed(log_in(&address, &client.client_id, "secret_wrong").await, 401).await;
    }
    let refused = log_in("192.0.2.99", &client.client_id, "secret_wrong").await;
    assert_eq!(refused.headers()["retry-after"], "60");
    failed(refused, 429).await;
    ok(log_in(own, &client.client_id, &client.secret_id).await).await;
    ok(log_in("192.0.2.99", &other.client_id, &other.secret_id).await).await;
    // One address that tries many names waits, too, and lets in who got in from there before.
    for n in 0..5 {
        failed(log_in(own, &format!("client_{n}"), "secret_wrong").await, 401).await;
    }
    failed(log_in(own, &other.client_id, &other.secret_id).await, 429).await;
    ok(log_in(own, &client.client_id, &client.secret_id).await).await;
    server.clock.advance(Duration::from_secs(60));
    ok(log_in("192.0.2.99", &client.client_id, &client.secret_id).await).await;
}

#[tokio::test]
async fn usage_tells_what_is_agreed_and_what_there_is() {
    let server = Server::start().await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    let policy = ClientPolicy {
        quotas: Quotas {
            jobs_per_day_max: Some(10),
            ..Quotas::default()
        },
        scheduling: Scheduling {
            weight: Weight::new(3).unwrap(),
            jobs_at_once_max: Some(2),
            priority_max: Priority::Normal,
        },
        ..ClientPolicy::default()
    };
    let key = ClientKey::new(client.client_id.as_str());
    server.store.set_client_policy(&key, policy).await.unwrap();
    let job = client.upload(jpeg(b"12345"), &[]).await;
    server.claim(&job).await;
    client.upload(jpeg(b"12345"), &[]).await;
    let used = |used: u64, max: Value| json!({"used": used, "max": max});
    let expected = json!({
        "jobs_waiting": used(1, Value::Null),
        "jobs_running": used(1, json!(2)),
        "jobs_today": used(2, json!(10)),
        "bytes_stored": used(42, Value::Null),
        "weight": 3,
        "priority_max": "normal",
    });
    assert_eq!(ok(client.get("/usage").send().await.unwrap()).await, expected);
    let of_other = ok(other.get("/usage").send().await.unwrap()).await;
    assert_eq!(of_other["jobs_today"], used(0, Value::Null));
    failed(http().get(server.url("/usage")).send().await.unwrap(), 401).await;
}

#[tokio::test]
async fn a_priority_is_kept_and_one_that_is_not_agreed_is_refused() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[("priority", "high")]).await;
    assert_eq!(server.job(&job).await.priority, Priority::High);
    let job = client.upload(jpeg(b""), &[("priority", "null")]).await;
    assert_eq!(server.job(&job).await.priority, Priority::Normal);
    let with = async |priority: &str| {
        let part = Part::bytes(jpeg(b"")).file_name("a.jpg");
        let form = Form::new()
            .part("input_media", part)
            .text("priority", priority.to_owned());
        client.post_form(form).send().await.unwrap()
    };
    let message = failed(with("urgent").await, 400).await;
    assert_eq!(message, "priority: must be one of low, normal, high");
    let policy = ClientPolicy {
        scheduling: Scheduling {
            priority_max: Priority::Low,
            ..Scheduling::default()
        },
        ..ClientPolicy::default()
    };
    let key = ClientKey::new(client.client_id.as_str());
    server.store.set_client_policy(&key, policy).await.unwrap();
    let message = failed(with("normal").await, 403).await;
    assert_eq!(message, "the priority may be low at most");
}

#[tokio::test]
async fn a_queue_of_all_clients_that_is_full_refuses_everybody_until_there_is_room() {
    let server = Server::start_with(|engine, _| engine.jobs_waiting_max = Some(1)).await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    let job = client.upload(jpeg(b""), &[]).await;
    server.clock.advance(Duration::from_secs(1));
    let refused = upload(&other).await;
    assert_eq!(
        refused.headers()["retry-after"],
        "30",
        "nothing is known of the throughput"
    );
    let message = failed(refused, 429).await;
    assert!(
        message.contains("as many jobs wait already as may, 1;"),
        "{message}"
    );
    server.claim(&job).await;
    server.clock.advance(Duration::from_secs(1));
    ok(upload(&other).await).await;
}

/// A server whose disk has less free space than is to stay free.
async fn crowded() -> Server {
    Server::start_with(|engine, _| {
        engine.reserve = Some(Reserve {
            folder: std::env::temp_dir(),
            free_min: u64::MAX / 2,
        });
    })
    .await
}

#[tokio::test]
async fn a_disk_that_would_run_full_refuses_uploads_of_any_size_and_nothing_else() {
    let server = crowded().await;
    let client = server.client("a").await;
    let message = failed(upload(&client).await, 507).await;
    assert!(message.contains("storage"), "{message}");
    ok(client.get("/usage").send().await.unwrap()).await;
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn who_waits_for_a_go_ahead_is_refused_before_it_sends_anything() {
    let server = crowded().await;
    let client = server.client("a").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /innovation-service/anonymization HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000000\r\nExpect: 100-continue\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 507 "), "{answer}");
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused() {
    let server = Server::start().await;
    let answer = http()
        .get(server.url(&format!("/usage?{}", "x".repeat(9_000))))
        .send()
        .await;
    failed(answer.unwrap(), 414).await;
}

#[tokio::test]
async fn header_fields_that_are_too_many_or_too_large_are_refused() {
    let server = Server::start().await;
    let asked = |fields: usize, bytes: usize| {
        let fields = (0..fields).map(|number| (format!("x-{number}"), "x".repeat(bytes)));
        let request = http().get(server.url("/usage"));
        fields.fold(request, |request, (name, value)| request.header(name, value))
    };
    failed(asked(110, 1).send().await.unwrap(), 431).await;
    failed(asked(2, 40_000).send().await.unwrap(), 431).await;
    // What is allowed gets as far as the question who asks.
    failed(asked(80, 700).send().await.unwrap(), 401).await;
}
