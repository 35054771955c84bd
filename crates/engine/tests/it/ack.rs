//! What acknowledges: bodies of a 200 where the endpoint is strict, the status where it is not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use sfumato_core::Outcome;
use sfumato_core::endpoint::AckPolicy;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Exchange, Outbound, RESPONSE_BYTES_KEPT, WebhookMessage};
use tokio::io::AsyncWriteExt;

use crate::addresses::Names;
use crate::hostile_framing::tells_the_customer_enough_and_no_address;
use crate::outbound::{Fixed, LONG, message, outbound};
use crate::receiver::{RawServer, Receiver, Silent, acknowledge, answer, read_request, until};

fn by_status(url: &str) -> WebhookMessage {
    WebhookMessage {
        ack: AckPolicy::Status,
        ..message(url)
    }
}

#[tokio::test]
async fn a_right_body_acknowledges_whatever_its_content_type_and_its_other_headers_say() {
    let outbound = outbound(LONG);
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/plain",
        "text/html; charset=iso-8859-1",
        "application/octet-stream",
        "nonsense",
        "",
    ] {
        let receiver = Receiver::answering(move |received| {
            let mut response = acknowledge(&received);
            let headers = response.headers_mut();
            headers.insert("content-type", content_type.parse().unwrap());
            headers.append("set-cookie", "a=b".parse().unwrap());
            headers.insert("content-encoding", "gzip".parse().unwrap());
            response
        })
        .await;
        let exchange = outbound.send(&message(&receiver.url())).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{content_type}: {exchange:?}");
        assert!(exchange.explanation.contains("kept the contract"));
    }
    assert!(
        outbound
            .send(&message(&Receiver::obedient().await.url()))
            .await
            .headers
            .iter()
            .all(|(name, _)| name != "set-cookie")
    );
}

#[tokio::test]
async fn promise_5_a_strict_endpoint_wants_exactly_200_and_our_task_in_a_json_object() {
    let outbound = outbound(LONG);
    let deep = "[".repeat(60_000);
    let many = format!("[{}1]", "1,".repeat(30_000));
    for (status, body, outcome, words) in [
        (201, "TASK", Outcome::Status, "only 200 acknowledges"),
        (202, "TASK", Outcome::Status, "only 200 acknowledges"),
        (299, "TASK", Outcome::Status, "only 200 acknowledges"),
        (200, "", Outcome::BadAck, "an empty body"),
        (200, " ", Outcome::BadAck, "not JSON"),
        (200, "OK", Outcome::BadAck, "not JSON"),
        (
            200,
            "<!doctype html><html><body>OK</body></html>",
            Outcome::BadAck,
            "not JSON",
        ),
        (200, "taskId=TASK", Outcome::BadAck, "not JSON"),
        (200, "{'taskId':'TASK'}", Outcome::BadAck, "not JSON"),
        (200, "{\"taskId\":\"TASK\"},", Outcome::BadAck, "not JSON"),
        (
            200,
            "{\"taskId\":\"TASK\"}{\"taskId\":\"TASK\"}",
            Outcome::BadAck,
            "not JSON",
        ),
        (200, "{\"taskId\":\"TASK\"", Outcome::BadAck, "not JSON"),
        (200, &deep, Outcome::BadAck, "not JSON"),
        (200, &many, Outcome::BadAck, "not an object"),
        (200, "\"TASK\"", Outcome::BadAck, "not an object"),
        (200, "[{\"taskId\":\"TASK\"}]", Outcome::BadAck, "not an object"),
        (200, "null", Outcome::BadAck, "not an object"),
        (200, "{\"task_id\":\"TASK\"}", Outcome::BadAck, "without taskId"),
        (
            200,
            "{\"data\":{\"taskId\":\"TASK\"}}",
            Outcome::BadAck,
            "without taskId",
        ),
        (200, "{\"taskId\":\"TASK2\"}", Outcome::BadAck, "another taskId"),
        (200, "{\"taskId\":\" TASK\"}", Outcome::BadAck, "another taskId"),
        (200, "{\"taskId\":null}", Outcome::BadAck, "another taskId"),
        (200, "{\"taskId\":[\"TASK\"]}", Outcome::BadAck, "another taskId"),
        (
            200,
            "{\"taskId\":\"TASK\",\"taskId\":\"x\"}",
            Outcome::BadAck,
            "another taskId",
        ),
    ] {
        let sent = body.to_owned();
        let receiver =
            Receiver::answering(move |received| answer(status, &sent.replace("TASK", &received.task_id())))
                .await;
        let exchange = outbound.send(&message(&receiver.url())).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (outcome, Some(status)),
            "{body:.60}"
        );
        tells_the_customer_enough_and_no_address(&exchange, words);
    }
}

#[tokio::test]
async fn a_body_in_an_encoding_that_was_not_asked_for_is_never_decoded_and_told_as_such() {
    let outbound = outbound(LONG);
    // The head of a gzip file and a body of which a decoder would make gigabytes.
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &[0; 60_000]].concat();
    for encoding in ["gzip", "br", "zstd", "deflate, gzip"] {
        let bomb = bomb.clone();
        let receiver = Receiver::answering(move |received| {
            assert_eq!(received.header("accept-encoding"), "");
            ([("content-encoding", encoding)], bomb.clone()).into_response()
        })
        .await;
        let exchange = outbound.send(&message(&receiver.url())).await;
        assert_eq!((exchange.outcome, exchange.status), (Outcome::BadAck, Some(200)));
        assert_eq!(exchange.body, bomb_start(&exchange));
        tells_the_customer_enough_and_no_address(&exchange, "Content-Encoding");
    }
}

fn bomb_start(exchange: &Exchange) -> Vec<u8> {
    let mut start = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec();
    start.resize(RESPONSE_BYTES_KEPT, 0);
    assert_eq!(exchange.body.len(), start.len());
    start
}

#[tokio::test]
async fn promise_5_an_endpoint_that_is_asked_for_a_status_acknowledges_by_any_2xx_and_by_nothing_else() {
    let outbound = outbound(LONG);
    for status in [200, 201, 202, 203, 204, 206, 226, 299] {
        for body in ["", "OK", "<html>", "{\"taskId\":\"another\"}"] {
            let receiver = Receiver::answering(move |_| answer(status, body)).await;
            let exchange = outbound.send(&by_status(&receiver.url())).await;
            assert_eq!(
                (exchange.outcome, exchange.status),
                (Outcome::Ok, Some(status)),
                "{body}"
            );
            assert!(
                exchange.explanation.contains("kept the contract"),
                "{}",
                exchange.explanation
            );
        }
    }
    for status in [300, 301, 304, 307, 400, 401, 404, 410, 429, 500, 503, 999] {
        let receiver = Receiver::answering(move |received| {
            let mut response = acknowledge(&received);
            *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap();
            response
        })
        .await;
        let exchange = outbound.send(&by_status(&receiver.url())).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::Status, Some(status))
        );
    }
}

#[tokio::test]
async fn what_becomes_of_the_body_takes_nothing_back_from_a_status_that_acknowledges() {
    for rest in [
        "content-length: 999999\r\n\r\n",
        "content-length: 9\r\n\r\ncut",
        "transfer-encoding: chunked\r\n\r\nnonsense\r\n",
    ] {
        let server = RawServer::answering(format!("HTTP/1.1 200 OK\r\n{rest}")).await;
        let exchange = outbound(LONG).send(&by_status(&server.url())).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{rest}: {exchange:?}");
        let exchange = outbound(LONG).send(&message(&server.url())).await;
        assert_ne!(exchange.outcome, Outcome::Ok, "{rest}");
    }
    let server = RawServer::start(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let outbound = outbound(Duration::from_millis(300));
    let exchange = outbound.send(&by_status(&server.url())).await;
    assert_eq!(
        (exchange.outcome, exchange.status),
        (Outcome::Ok, Some(202)),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn retry_after_is_read_in_every_form_that_means_something_and_never_harms() {
    let outbound = outbound(LONG);
    for (text, seconds) in [
        ("0", Some(0)),
        ("120", Some(120)),
        ("  120  ", Some(120)),
        ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
        ("Tue, 14 Nov 2000 22:14:20 GMT", Some(0)),
        ("99999999999", Some(99_999_999_999)),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("0x10", None),
        ("120, 240", None),
        ("120 seconds", None),
        ("soon", None),
        ("", None),
        ("99999999999999999999999999", None),
        ("Tue, 14 Nov 99999 22:14:20 GMT", None),
        ("2023-11-14T22:14:20Z", None),
        ("\u{663}\u{660}", None),
    ] {
        for status in [429, 503] {
            let answer = format!("HTTP/1.1 {status} x\r\nretry-after: {text}\r\ncontent-length: 0\r\n\r\n");
            let server = RawServer::answering(answer).await;
            let exchange = outbound.send(&message(&server.url())).await;
            assert_eq!(
                (exchange.outcome, exchange.status),
                (Outcome::Status, Some(status)),
                "{text}"
            );
            let asked = exchange
                .retry_after
                .map(|at| at.since(crate::outbound::NOW).as_secs());
            assert_eq!(asked, seconds, "{text}");
        }
    }
    // The first of several counts, and of the largest number only the size of a time is left.
    let server = RawServer::answering(
        "HTTP/1.1 429 x\r\nretry-after: 18446744073709551615\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert!(exchange.retry_after.is_some_and(|at| at > crate::outbound::NOW));
}

#[tokio::test]
async fn every_outcome_comes_of_a_socket() {
    let mut met = BTreeSet::new();
    let short = || outbound(Duration::from_millis(300));
    let mut meet = |exchange: Exchange| {
        assert!(!exchange.explanation.is_empty());
        met.insert(exchange.outcome.as_str());
    };

    meet(
        outbound(LONG)
            .send(&message(&Receiver::obedient().await.url()))
            .await,
    );
    let html = Receiver::answering(|_| answer(200, "<html>")).await;
    meet(outbound(LONG).send(&message(&html.url())).await);
    let busy = Receiver::answering(|_| answer(503, "")).await;
    meet(outbound(LONG).send(&message(&busy.url())).await);
    let large = Receiver::answering(|_| answer(200, &"a".repeat(70_000))).await;
    meet(outbound(LONG).send(&message(&large.url())).await);
    let closing = RawServer::answering("").await;
    meet(outbound(LONG).send(&message(&closing.url())).await);
    let hanging_up = RawServer::start(|_| async {}).await;
    let url = hanging_up.url().replace("http:", "https:");
    meet(outbound(LONG).send(&message(&url)).await);
    let full = Silent::on("127.0.0.1:0".parse().unwrap()).await;
    meet(short().send(&message(&format!("http://{}/", full.address))).await);
    let mute = RawServer::start(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    meet(short().send(&message(&mute.url())).await);
    let arrived = until("the request", || async { (mute.connections() > 1).then_some(()) });
    meet(outbound(LONG).send_until(&message(&mute.url()), arrived).await);
    let production = Outbound::new(AddressPolicy::default(), LONG, Arc::new(Fixed));
    meet(production.send(&message(&mute.url())).await);
    let nowhere = outbound(LONG).with_resolver(Names::new([]));
    meet(nowhere.send(&message("http://hooks.example.com/")).await);

    let all: BTreeSet<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    assert_eq!(met, all);
}
