//! Faults of ours: what the client is told, and what the log is told. The failures are real ones.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::subscriber::DefaultGuard;

use crate::server::{Server, eventually, failed, http, jpeg};

/// The log of this test's thread, on which its server runs too.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The access log: the fields of each of its lines and their levels.
    fn requests(&self) -> Vec<(Value, Value)> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["target"] == "sfumato_engine::requests")
            .map(|line| (line["level"].clone(), line["fields"].clone()))
            .collect()
    }
}

#[tokio::test]
async fn a_request_is_one_line_that_names_the_route_and_no_secret() {
    let (log, _guard) = Log::begin();
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    client.status(&job).await;
    http()
        .get(server.url("/secret-path?secret=query"))
        .send()
        .await
        .unwrap();
    let requests = log.requests();
    let summary: Vec<_> = requests
        .iter()
        .map(|(_, fields)| (&fields["method"], &fields["route"], &fields["status"]))
        .map(|(method, route, status)| format!("{method} {route} {status}").replace('"', ""))
        .collect();
    assert_eq!(
        summary,
        [
            "POST /login 200",
            "POST /innovation-service/anonymization 200",
            "GET /innovation-service/anonymization 200",
            "GET none 404",
        ]
    );
    let client_id = job.split("-SRV_").next().unwrap();
    assert_eq!(requests[0].1.get("client.id"), None);
    assert_eq!(requests[2].1["client.id"], client_id);
    assert!(requests[2].1["duration_ms"].as_f64().unwrap() > 0.0);
    let upload = &requests[1].1;
    assert_eq!(upload["surface"], "api");
    assert_eq!(upload["job.id"], server.job(&job).await.id.to_string());
    assert_eq!(upload.get("trace.id"), None, "nothing is traced");
    for (member, least) in [("bytes_in", jpeg(b"").len()), ("bytes_out", job.len())] {
        assert!(
            upload[member].as_u64().unwrap() > least as u64,
            "{member}: {upload}"
        );
    }
    let text = log.text();
    for secret in [
        &client.secret_id,
        &client.token,
        &client.refresh_token,
        &job,
        &"secret-path".into(),
    ] {
        assert!(!text.contains(secret.as_str()), "{secret} is in the log");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_in_the_log() {
    let (log, _guard) = Log::begin();
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    eventually("the request is in the log", || log.requests().len() == 1).await;
    assert_eq!(log.requests()[0].1["route"], "/login");
}

#[tokio::test]
async fn a_broken_database_is_503_outside_and_a_chain_of_causes_inside() {
    let (log, _guard) = Log::begin();
    let server = Server::start().await;
    let client = server.client("a").await;
    let database = rusqlite::Connection::open(server.folder.path().join("sfumato.db")).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%job%'";
    let table: String = database.query_row(tables, [], |row| row.get(0)).unwrap();
    database
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"))
        .unwrap();
    let job = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.jpg";
    let answer = client
        .get(&format!("/innovation-service/result/{job}"))
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.headers()["retry-after"], "5");
    let message = failed(answer, 503).await;
    assert!(message.contains(&id), "{message}");
    assert!(
        !message.contains("table") && !message.contains("database"),
        "{message}"
    );
    let requests = log.requests();
    let (level, fields) = requests.last().unwrap();
    assert_eq!((level, &fields["request.id"]), (&"ERROR".into(), &id.into()));
    assert!(
        log.text().contains("no such table"),
        "the chain is in the log: {fields}"
    );
    assert_eq!(log.text().matches("no such table").count(), 1, "once");

    let uploaded = client.post_form(
        reqwest::multipart::Form::new().part("input_media", reqwest::multipart::Part::bytes(jpeg(b""))),
    );
    failed(uploaded.send().await.unwrap(), 503).await;
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn a_broken_storage_makes_the_server_not_ready_and_refuses_uploads() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let blobs = server.folder.path().join("blobs");
    std::fs::remove_dir_all(&blobs).unwrap();
    std::fs::write(&blobs, "in the way").unwrap();
    let form = reqwest::multipart::Form::new();
    let form = form.part("input_media", reqwest::multipart::Part::bytes(jpeg(b"")));
    let message = failed(client.post_form(form).send().await.unwrap(), 503).await;
    assert!(!message.contains("blobs"), "{message}");
    let message = failed(http().get(server.url("/readyz")).send().await.unwrap(), 503).await;
    assert!(message.contains("storage"), "{message}");
    let health = http().get(server.url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), 200);
}
