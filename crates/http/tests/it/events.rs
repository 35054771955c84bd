//! Reading events by `GET /events`.

use serde_json::{Value, json};

use crate::server::{Server, failed, jpeg, ok, text};

async fn read(client: &crate::server::Client, query: &str) -> Value {
    ok(client.get(&format!("/events{query}")).send().await.unwrap()).await
}

#[tokio::test]
async fn promise_12_events_are_read_in_order_and_from_where_one_was() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let nothing = read(&client, "").await;
    assert_eq!(nothing["events"], json!([]));
    let start = text(&nothing["next"]);
    let first = client.upload(jpeg(b"1"), &[]).await;
    server.succeed(&first, b"result", None).await;
    let page = read(&client, &format!("?after={start}&limit=2")).await;
    let events = page["events"].as_array().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                text(&event["taskId"]),
                text(&event["status"]),
                event["sequence"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (first.clone(), "Sent".into(), json!(1)),
            (first.clone(), "Started".into(), json!(2)),
        ]
    );
    let members: Vec<&String> = events[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["at", "cursor", "id", "sequence", "status", "taskId"]);
    assert_eq!(page["next"], events[1]["cursor"]);
    let rest = read(&client, &format!("?after={}", text(&page["next"]))).await;
    assert_eq!(rest["events"].as_array().unwrap().len(), 1);
    assert_eq!(rest["events"][0]["status"], "Succeeded");
    let end = read(&client, &format!("?after={}&wait=0", text(&rest["next"]))).await;
    assert_eq!((&end["events"], &end["next"]), (&json!([]), &rest["next"]));
    assert_eq!(read(&client, "?after=latest").await, end);
}

#[tokio::test]
async fn promise_12_a_waiting_request_is_answered_when_something_happens() {
    let server = Server::start().await;
    let client = server.client("a").await;
    // Whichever comes first, the request hears of the upload.
    let (page, job) = tokio::join!(read(&client, "?wait=30"), client.upload(jpeg(b"1"), &[]));
    assert_eq!(page["events"][0]["taskId"], json!(job));
}

#[tokio::test]
async fn what_is_no_cursor_or_number_is_refused_and_named() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let foreign = text(&read(&other, "").await["next"]);
    for (query, field) in [
        ("?after=nonsense".to_owned(), "after"),
        (format!("?after={foreign}"), "after"),
        ("?limit=0".into(), "limit"),
        ("?limit=1001".into(), "limit"),
        ("?wait=31".into(), "wait"),
        ("?wait=-1".into(), "wait"),
        ("?wait=soon".into(), "wait"),
    ] {
        let answer = client.get(&format!("/events{query}")).send().await.unwrap();
        let message = failed(answer, 400).await;
        assert!(message.starts_with(field), "{query}: {message}");
    }
}

#[tokio::test]
async fn another_clients_events_are_never_read() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    client.upload(jpeg(b"1"), &[]).await;
    assert_eq!(read(&other, "").await["events"], json!([]));
    let answer = crate::server::http()
        .get(server.url("/events"))
        .send()
        .await
        .unwrap();
    failed(answer, 401).await;
}
