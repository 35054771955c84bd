//! The hardened client against receivers that keep the contract, break it, or attack.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sfumato_core::{
    AckPolicy, ClientId, Clock, Credentials, DeliveryId, EventStatus, JobId, Outcome, PublicJobId,
    SigningSecret, Timestamp, WebhookToken, WebhookUrl,
};
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{
    Addressee, Exchange, Outbound, RESPONSE_BYTES_KEPT, RESPONSE_BYTES_MAX, WebhookMessage,
};
use sha2::Sha256;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::receiver::{RawServer, Received, Receiver, Silent, acknowledge, answer, read_request};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub(crate) const LONG: Duration = Duration::from_secs(15);
const TOKEN: &str = "wis-wht_ABCDEFGHIJKLMNOPQR";
const SECRET: [u8; 32] = [7; 32];

pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

pub(crate) fn outbound(deadline: Duration) -> Outbound {
    Outbound::new(AddressPolicy::allowing_private(), deadline, Arc::new(Fixed))
}

fn credentials() -> Credentials {
    Credentials {
        token: WebhookToken::from_clear(TOKEN).into(),
        signing_secret: SigningSecret::from_bytes(SECRET).into(),
    }
}

pub(crate) fn message(url: &str) -> WebhookMessage {
    let job = PublicJobId {
        client: ClientId::from_uuid(Uuid::from_u128(2)),
        job: JobId::from_uuid(Uuid::from_u128(3)),
    };
    let id = DeliveryId::from_uuid(Uuid::from_u128(4));
    let to = Addressee {
        url: &WebhookUrl::from_judged(url),
        ack: AckPolicy::default(),
        credentials: &credentials(),
    };
    WebhookMessage::new(id, job, EventStatus::Succeeded, 3, 2, &to, NOW)
}

async fn send(url: &str) -> Exchange {
    outbound(LONG).send(&message(url)).await
}

/// What a receiver computes by the Standard Webhooks specification.
pub(crate) fn signature(secret: &[u8], received: &Received) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(received.header("webhook-id").as_bytes());
    mac.update(b".");
    mac.update(received.header("webhook-timestamp").as_bytes());
    mac.update(b".");
    mac.update(&received.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_webhook_looks_on_the_wire_exactly_as_the_contract_says() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let tell = std::sync::Mutex::new(Some(tell));
    let server = RawServer::start(move |mut stream| {
        let tell = tell.lock().unwrap().take();
        async move {
            let request = read_request(&mut stream).await;
            let _ = tell.unwrap().send(request);
        }
    })
    .await;
    send(&format!("http://{}/a/b?c=d&e=%20", server.address)).await;
    let request = told.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /a/b?c=d&e=%20 HTTP/1.1"));
    let task = "00000000-0000-0000-0000-000000000002-SRV_ANONYMIZATION-0000000000000000000003";
    assert_eq!(body, format!(r#"{{"taskId":"{task}","status":"Succeeded"}}"#));
    let mut headers: Vec<&str> = lines
        .filter(|line| !line.starts_with("Webhook-Signature"))
        .collect();
    headers.sort_unstable();
    let expected = [
        format!("Content-Length: {}", body.len()),
        "Content-Type: application/json".to_owned(),
        format!("Host: {}", server.address),
        format!("User-Agent: Sfumato/{}", env!("CARGO_PKG_VERSION")),
        "Webhook-Attempt: 2".to_owned(),
        "Webhook-Id: 00000000-0000-0000-0000-000000000004".to_owned(),
        "Webhook-Sequence: 3".to_owned(),
        "Webhook-Timestamp: 1700000000".to_owned(),
        format!("X-Auth-Token: {TOKEN}"),
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn an_acknowledged_webhook_is_ok_and_its_signature_verifies() {
    let receiver = Receiver::obedient().await;
    let exchange = send(&receiver.url()).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert_eq!(exchange.status, Some(200));
    assert_eq!(exchange.address, Some(receiver.address));
    assert_eq!(exchange.started_at, NOW);
    assert_eq!((exchange.tls, exchange.internal), (None, None));
    let phases = exchange.phases;
    for phase in [
        phases.dns_ms,
        phases.connect_ms,
        phases.headers_ms,
        phases.body_ms,
    ] {
        assert!(phase.unwrap() <= phases.total_ms, "{phases:?}");
    }
    assert_eq!(phases.tls_ms, None);
    let received = &receiver.received()[0];
    assert_eq!(
        exchange.body,
        format!(r#"{{"taskId":"{}"}}"#, received.task_id()).as_bytes()
    );
    assert_eq!(received.header("webhook-signature"), signature(&SECRET, received));
    assert_ne!(
        received.header("webhook-signature"),
        signature(&[8; 32], received)
    );
}

#[tokio::test]
async fn every_other_status_is_a_failure_and_a_redirect_is_not_followed() {
    let target = Receiver::obedient().await;
    for status in [
        201, 202, 204, 301, 302, 303, 307, 308, 400, 401, 404, 410, 422, 500, 502, 503,
    ] {
        let location = target.url();
        let receiver = Receiver::answering(move |received| {
            let mut response = acknowledge(&received);
            *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap();
            response
                .headers_mut()
                .insert("location", location.parse().unwrap());
            response
        })
        .await;
        let exchange = send(&receiver.url()).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::Status, Some(status))
        );
        assert!(
            exchange.explanation.contains(&status.to_string()),
            "{}",
            exchange.explanation
        );
        assert_eq!(receiver.received().len(), 1);
    }
    assert!(target.received().is_empty());
}

#[tokio::test]
async fn a_200_without_our_task_id_is_a_bad_acknowledgement_in_words() {
    for (body, words) in [
        ("", "an empty body"),
        ("OK", "not JSON"),
        ("<html>", "not JSON"),
        ("[]", "not an object"),
        ("{}", "without taskId"),
        (r#"{"taskId":"x"}"#, "another taskId"),
    ] {
        let receiver = Receiver::answering(move |_| answer(200, body)).await;
        let exchange = send(&receiver.url()).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::BadAck, Some(200)),
            "{body}"
        );
        assert!(
            exchange.explanation.contains(words),
            "{body}: {}",
            exchange.explanation
        );
        assert_eq!(exchange.body, body.as_bytes());
    }
}

#[tokio::test]
async fn retry_after_of_a_busy_receiver_is_read() {
    for (status, expected) in [(429, Some(90)), (503, Some(90)), (500, None)] {
        let receiver =
            Receiver::answering(move |_| ([("retry-after", "90")], answer(status, "")).into_response()).await;
        let exchange = send(&receiver.url()).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::Status, Some(status))
        );
        assert_eq!(exchange.retry_after.map(|at| at.since(NOW).as_secs()), expected);
    }
}

/// Counts the bytes that it managed to send.
async fn endless(head: &'static str, chunk: &'static [u8]) -> (RawServer, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let count = sent.clone();
    let server = RawServer::start(move |mut stream| {
        let count = count.clone();
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(chunk).await.is_ok() {
                count.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            }
        }
    })
    .await;
    (server, sent)
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off_at_64_kib() {
    const CHUNK: &[u8] = &[b'a'; 1024];
    let chunked: &[u8] = Box::leak([b"400\r\n", CHUNK, b"\r\n"].concat().into_boxed_slice());
    let heads = [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunked),
        ("HTTP/1.1 200 OK\r\n\r\n", CHUNK),
        ("HTTP/1.1 500 No\r\n\r\n", CHUNK),
        ("HTTP/1.1 200 OK\r\ncontent-length: 314572800\r\n\r\n", CHUNK),
    ];
    for (head, chunk) in heads {
        let (server, sent) = endless(head, chunk).await;
        let exchange = send(&server.url()).await;
        assert_eq!(exchange.outcome, Outcome::BodyTooLarge, "{head}");
        assert!(exchange.body.len() <= RESPONSE_BYTES_KEPT);
        if !head.contains("content-length") {
            assert_eq!(exchange.body, [b'a'; RESPONSE_BYTES_KEPT], "{head}");
        }
        // What the sockets of both sides hold, and no more, was taken from the sender.
        assert!(sent.load(Ordering::SeqCst) < 16 << 20, "{head}");
    }
}

#[tokio::test]
async fn a_body_of_exactly_64_kib_is_read_and_its_first_4_kib_are_kept() {
    for (length, outcome) in [
        (RESPONSE_BYTES_MAX, Outcome::Ok),
        (RESPONSE_BYTES_MAX + 1, Outcome::BodyTooLarge),
    ] {
        let receiver = Receiver::answering(move |received| {
            let json = format!(r#"{{"taskId":"{}"}}"#, received.task_id());
            answer(200, &(json.clone() + &" ".repeat(length - json.len())))
        })
        .await;
        let exchange = send(&receiver.url()).await;
        assert_eq!(exchange.outcome, outcome, "{length}");
        if outcome == Outcome::Ok {
            assert_eq!(exchange.body.len(), RESPONSE_BYTES_KEPT);
        }
    }
}

/// The client waits for as long as it must and not longer.
async fn timed(deadline: Duration, url: &str) -> Exchange {
    let began = Instant::now();
    let exchange = outbound(deadline).send(&message(url)).await;
    let took = began.elapsed();
    // Far less than a drip takes, far more than a busy machine needs to wake up.
    assert!(took < deadline + Duration::from_secs(5), "{took:?}");
    exchange
}

#[tokio::test]
async fn a_receiver_that_drips_stalls_or_never_answers_is_left_at_the_deadline() {
    let deadline = Duration::from_millis(300);
    let drip = |head: &'static str, drop: &'static str| {
        RawServer::start(move |mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    };
    for (server, words, status) in [
        (drip("", "").await, "no answer came", None),
        (
            drip("HTTP/1.1 200 OK\r\n", "a: b\r\n").await,
            "no answer came",
            None,
        ),
        (
            drip("HTTP/1.1 200 OK\r\n\r\n", " ").await,
            "body of the answer",
            Some(200),
        ),
        (
            drip(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                "1\r\n \r\n",
            )
            .await,
            "body of the answer",
            Some(200),
        ),
        (
            drip("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "").await,
            "body of the answer",
            Some(200),
        ),
    ] {
        let exchange = timed(deadline, &server.url()).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::TimeoutTotal, status),
            "{exchange:?}"
        );
        assert!(exchange.explanation.contains(words), "{}", exchange.explanation);
        assert!(exchange.phases.headers_ms.is_some() && exchange.phases.total_ms >= 299.0);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_accept_and_one_that_cannot_be_reached_are_told_apart() {
    let deadline = Duration::from_millis(300);
    // The kernel connects for a listener that never accepts, as long as its queue has room.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert_eq!(timed(deadline, &url).await.outcome, Outcome::TimeoutTotal);

    let silent = Silent::on("127.0.0.1:0".parse().unwrap()).await;
    let exchange = timed(deadline, &format!("http://{}/", silent.address)).await;
    assert_eq!(exchange.outcome, Outcome::TimeoutConnect, "{exchange:?}");
    assert!(exchange.phases.headers_ms.is_none());
    assert!(
        exchange.phases.total_ms < 290.0,
        "its share is less than the deadline"
    );
}

#[tokio::test]
async fn a_connection_that_is_refused_or_breaks_and_an_answer_that_is_not_http_are_connect_failures() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let exchange = send(&format!("http://{free}/")).await;
    assert_eq!((exchange.outcome, exchange.address), (Outcome::Connect, None));
    assert!(exchange.internal.unwrap().contains("refused"));

    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(100_000));
    for (bytes, words) in [
        ("", "closed the connection"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
            "closed the connection",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
            "closed the connection",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP/1.1 answer"),
        ("HTTP/9.9 200 OK\r\n\r\n", "not an HTTP/1.1 answer"),
        ("HTTP/1.1 200 OK\r\na b c\r\n\r\n", "not an HTTP/1.1 answer"),
        (&many, "100 headers"),
        (&long, "of 32 KiB"),
    ] {
        let server = RawServer::answering(bytes).await;
        let exchange = send(&server.url()).await;
        assert_eq!(exchange.outcome, Outcome::Connect, "{bytes:.60}: {exchange:?}");
        assert!(
            exchange.explanation.contains(words),
            "{bytes:.60}: {}",
            exchange.explanation
        );
    }
}

#[tokio::test]
async fn an_informational_answer_is_not_the_answer() {
    let receiver = RawServer::start(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let body = request.split_once("\r\n\r\n").unwrap().1.to_owned();
        let answer = format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let exchange = send(&receiver.url()).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
}

#[test]
fn no_secret_shows_in_what_is_printed_for_debugging() {
    let message = message("https://example.com/?key=hush");
    let printed = format!("{message:?} {:?}", credentials());
    let key = SigningSecret::from_bytes(SECRET).expose();
    for secret in [TOKEN, "hush", "v1,", key.as_str()] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
