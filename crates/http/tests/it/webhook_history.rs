//! Deliveries, resends and replays of webhook endpoints.

use reqwest::Method;
use serde_json::{Value, json};
use sfumato_core::store::{Finished, Want};
use sfumato_core::{Clock, Store, WorkerId};
use sfumato_engine::system::SystemEntropy;

use crate::server::{Client, Server, failed, jpeg, ok, text};

const UNKNOWN: &str = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f";

async fn endpoint(client: &Client) -> String {
    let body = json!({"webhookUrl": "https://example.com/hook"});
    let answer = client.post("/webhook-url").json(&body).send().await.unwrap();
    text(&answer.json::<Value>().await.unwrap()["uuid"])
}

async fn deliveries(client: &Client, uuid: &str, query: &str) -> Value {
    let path = format!("/webhook-url/{uuid}/deliveries{query}");
    ok(client.get(&path).send().await.unwrap()).await
}

fn statuses(page: &Value) -> Vec<String> {
    let deliveries = page["deliveries"].as_array().unwrap().iter();
    deliveries.map(|delivery| text(&delivery["status"])).collect()
}

/// A client with an endpoint and one job that has been told to it in full, though nobody has sent it yet.
async fn told(server: &Server) -> (Client, String, String) {
    let client = server.client("a").await;
    let uuid = endpoint(&client).await;
    let job = client.upload(jpeg(b"1"), &[]).await;
    server.succeed(&job, b"result", None).await;
    (client, uuid, job)
}

/// Does a courier's part for everything that is due: acknowledges it.
async fn deliver(server: &Server) {
    let courier = WorkerId::from_uuid(uuid::Uuid::from_u128(9));
    loop {
        let lease = std::time::Duration::from_secs(30);
        let waiting = server.store.waiting_endpoints().await.unwrap();
        let wants: Vec<Want> = waiting
            .iter()
            .filter(|waiting| waiting.due <= server.clock.now())
            .map(|waiting| Want {
                endpoint: waiting.endpoint,
                count: 10,
            })
            .collect();
        let claimed = server
            .store
            .claim_deliveries(courier, &wants, lease)
            .await
            .unwrap();
        if claimed.dispatches.is_empty() {
            return;
        }
        for dispatch in claimed.dispatches {
            let attempt = sfumato_core::Attempt {
                id: sfumato_core::AttemptId::new(&*server.clock, &SystemEntropy),
                number: dispatch.delivery.attempts + 1,
                started_at: dispatch.event.at,
                duration_ms: 12,
                phases: "1200,,,8000,300".parse().unwrap(),
                outcome: sfumato_core::Outcome::Ok,
                ours: false,
                status: Some(200),
                response: Some(b"{}".to_vec()),
                retry_after: None,
            };
            let finished = Finished {
                delivery: dispatch.delivery.id,
                lease: dispatch.lease,
                attempt,
                jitter: 0.5,
            };
            let recorded = server.store.record_attempts(vec![finished]).await.unwrap();
            assert!(recorded.iter().all(Result::is_ok), "{recorded:?}");
        }
    }
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_with_their_attempts() {
    let server = Server::start().await;
    let (client, uuid, job) = told(&server).await;
    let page = deliveries(&client, &uuid, "").await;
    assert_eq!(statuses(&page), ["Succeeded", "Started", "Sent"]);
    assert_eq!(page.get("next"), None);
    let waiting = &page["deliveries"][0];
    assert_eq!(
        (&waiting["taskId"], &waiting["state"]),
        (&json!(job), &json!("pending"))
    );
    assert!(
        waiting["nextAttemptAt"].is_string() && waiting.get("closedAt").is_none(),
        "{waiting}"
    );
    deliver(&server).await;
    let page = deliveries(&client, &uuid, "").await;
    let delivered = &page["deliveries"][2];
    assert_eq!(delivered["state"], "delivered");
    assert_eq!(
        delivered["attempts"],
        json!([{
            "number": 1,
            "at": "2030-03-17T17:46:40.000Z",
            "durationMs": 12,
            "phases": { "dnsMs": 1.2, "headersMs": 8.0, "bodyMs": 0.3, "totalMs": 12.0 },
            "outcome": "ok",
            "ours": false,
            "status": 200,
            "response": "{}",
        }])
    );
    let path = format!("/webhook-url/{uuid}/deliveries/{}", text(&delivered["id"]));
    assert_eq!(&ok(client.get(&path).send().await.unwrap()).await, delivered);
}

#[tokio::test]
async fn deliveries_are_filtered_and_read_page_by_page() {
    let server = Server::start().await;
    let (client, uuid, job) = told(&server).await;
    let first = deliveries(&client, &uuid, "?limit=2").await;
    let next = text(&first["next"]);
    let second = deliveries(&client, &uuid, &format!("?limit=2&cursor={next}")).await;
    assert_eq!(statuses(&first), ["Succeeded", "Started"]);
    assert_eq!(
        (statuses(&second), second.get("next")),
        (vec!["Sent".into()], None)
    );
    for (query, expected) in [
        ("?state=pending".to_owned(), 3),
        ("?state=delivered".into(), 0),
        ("?state=&jobId=&since=&cursor=&limit=".into(), 3),
        (format!("?jobId={job}"), 3),
        (format!("?jobId={job}&state=expired"), 0),
        ("?jobId=nonsense".into(), 0),
        ("?since=2030-03-17T17:46:40Z".into(), 3),
        ("?since=2030-03-17T17:46:41Z".into(), 0),
    ] {
        let page = deliveries(&client, &uuid, &query).await;
        assert_eq!(statuses(&page).len(), expected, "{query}");
    }
    for (query, field) in [
        ("?state=missing", "state"),
        ("?state=lost", "state"),
        ("?since=yesterday", "since"),
        ("?cursor=nonsense", "cursor"),
        ("?limit=101", "limit"),
    ] {
        let path = format!("/webhook-url/{uuid}/deliveries{query}");
        let message = failed(client.get(&path).send().await.unwrap(), 400).await;
        assert!(message.starts_with(field), "{query}: {message}");
    }
}

#[tokio::test]
async fn promise_10_a_delivery_is_sent_again_whatever_its_state() {
    let server = Server::start().await;
    let (client, uuid, _) = told(&server).await;
    deliver(&server).await;
    let delivered = deliveries(&client, &uuid, "").await["deliveries"][0].clone();
    assert_eq!(delivered["state"], "delivered");
    let path = format!("/webhook-url/{uuid}/deliveries/{}/resend", text(&delivered["id"]));
    for _ in 0..2 {
        let answer = client.post(&path).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let resent: Value = answer.json().await.unwrap();
        assert_eq!(
            (&resent["id"], &resent["state"]),
            (&delivered["id"], &json!("pending"))
        );
        assert_eq!(resent["attempts"], delivered["attempts"]);
    }
}

async fn replay(client: &Client, uuid: &str, body: Value) -> reqwest::Response {
    let path = format!("/webhook-url/{uuid}/replay");
    client.post(&path).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn promise_10_a_replay_is_tried_begun_read_listed_and_stopped() {
    let server = Server::start().await;
    let (client, uuid, job) = told(&server).await;
    deliver(&server).await;
    let chosen = json!({"since": "2030-01-01T00:00:00Z", "statuses": ["Sent", "Succeeded"], "states": ["delivered"], "jobId": job});
    let mut dry = chosen.clone();
    dry["dryRun"] = json!(true);
    let counts = ok(replay(&client, &uuid, dry).await).await;
    assert_eq!(
        counts,
        json!({"examined": 3, "resent": 2, "created": 0, "onTheirWay": 0})
    );
    let begun = replay(&client, &uuid, chosen.clone()).await;
    assert_eq!(begun.status(), 202);
    let begun: Value = begun.json().await.unwrap();
    assert_eq!(
        (&begun["state"], &begun["progress"]),
        (&json!("running"), &json!(0.0))
    );
    assert_eq!(
        (&begun["jobId"], &begun["statuses"]),
        (&chosen["jobId"], &chosen["statuses"])
    );
    failed(replay(&client, &uuid, chosen.clone()).await, 409).await;

    let id = text(&begun["id"]);
    let path = format!("/webhook-url/{uuid}/replay/{id}");
    let read = async || ok(client.get(&path).send().await.unwrap()).await;
    assert_eq!(read().await, begun);
    server.store.advance_replay(id.parse().unwrap(), 1).await.unwrap();
    let part = read().await;
    assert_eq!((&part["resent"], &part["state"]), (&json!(1), &json!("running")));
    let stopped = ok(client.request(Method::DELETE, &path).send().await.unwrap()).await;
    assert_eq!(
        (&stopped["state"], &stopped["resent"]),
        (&json!("cancelled"), &json!(1))
    );
    assert!(stopped["endedAt"].is_string());
    let listed = client
        .get(&format!("/webhook-url/{uuid}/replay"))
        .send()
        .await
        .unwrap();
    assert_eq!(ok(listed).await, json!([stopped]));
}

#[tokio::test]
async fn a_replay_that_chooses_nonsense_is_refused_and_the_field_is_named() {
    let server = Server::start().await;
    let (client, uuid, _) = told(&server).await;
    let since = "2030-01-01T00:00:00Z";
    for (body, field) in [
        (json!({}), "since"),
        (json!({"since": "yesterday"}), "since"),
        (json!({"since": "2031-01-01T00:00:00Z"}), "since"),
        (json!({"since": since, "until": since}), "until"),
        (json!({"since": since, "until": 5}), "until"),
        (json!({"since": since, "statuses": ["Retried"]}), "statuses"),
        (json!({"since": since, "states": ["lost"]}), "states"),
        (json!({"since": since, "states": "expired"}), "states"),
        (json!({"since": since, "dryRun": "yes"}), "dryRun"),
    ] {
        let message = failed(replay(&client, &uuid, body).await, 400).await;
        assert!(message.starts_with(field), "{message}");
    }
    let foreign = server.client("b").await.upload(jpeg(b"2"), &[]).await;
    for job in [foreign.as_str(), "nonsense"] {
        let body = json!({"since": since, "jobId": job});
        let message = failed(replay(&client, &uuid, body).await, 404).await;
        assert!(message.contains("job"), "{message}");
    }
}

#[tokio::test]
async fn what_is_another_clients_is_answered_like_what_does_not_exist() {
    let server = Server::start().await;
    let (client, uuid, job) = told(&server).await;
    deliver(&server).await;
    let delivery = text(&deliveries(&client, &uuid, "").await["deliveries"][0]["id"]);
    let begun = replay(&client, &uuid, json!({"since": "2030-01-01T00:00:00Z"})).await;
    let id = text(&begun.json::<Value>().await.unwrap()["id"]);
    let other = server.client("b").await;
    let own = endpoint(&other).await;
    assert_eq!(
        deliveries(&other, &own, &format!("?jobId={job}")).await,
        json!({"deliveries": []})
    );
    for (endpoint, delivery, id) in [
        (uuid.as_str(), delivery.as_str(), id.as_str()),
        (own.as_str(), delivery.as_str(), id.as_str()),
        (own.as_str(), UNKNOWN, UNKNOWN),
        (own.as_str(), "nonsense", "%FF"),
        (UNKNOWN, UNKNOWN, UNKNOWN),
        ("nonsense", UNKNOWN, UNKNOWN),
    ] {
        for (method, path) in [
            (Method::GET, format!("deliveries/{delivery}")),
            (Method::POST, format!("deliveries/{delivery}/resend")),
            (Method::GET, format!("replay/{id}")),
            (Method::DELETE, format!("replay/{id}")),
        ] {
            let path = format!("/webhook-url/{endpoint}/{path}");
            failed(other.request(method, &path).send().await.unwrap(), 404).await;
        }
    }
    for endpoint in [uuid.as_str(), UNKNOWN, "nonsense"] {
        for path in ["deliveries", "deliveries?jobId=nonsense", "replay"] {
            let path = format!("/webhook-url/{endpoint}/{path}");
            failed(other.get(&path).send().await.unwrap(), 404).await;
        }
        for dry_run in [true, false] {
            let body = json!({"since": "2030-01-01T00:00:00Z", "dryRun": dry_run});
            failed(replay(&other, endpoint, body).await, 404).await;
        }
    }
}
