//! Receivers whose answers are not what HTTP says: each is told in words that its owner can act on, which name no
//! address.

use sfumato_core::Outcome;
use sfumato_engine::outbound::Exchange;
use tokio::io::AsyncWriteExt;

use crate::outbound::{LONG, message, outbound};
use crate::receiver::{RawServer, acknowledgement, read_request};

/// The answer, and what it comes to.
struct Case {
    answer: Vec<u8>,
    outcome: Outcome,
    status: Option<u16>,
    words: &'static str,
}

fn case(answer: impl Into<Vec<u8>>, outcome: Outcome, status: Option<u16>, words: &'static str) -> Case {
    Case {
        answer: answer.into(),
        outcome,
        status,
        words,
    }
}

/// An answer that is broken before its body.
fn broken(answer: impl Into<Vec<u8>>, words: &'static str) -> Case {
    case(answer, Outcome::Connect, None, words)
}

/// An answer of 200 whose body breaks.
fn cut(answer: impl Into<Vec<u8>>, words: &'static str) -> Case {
    case(answer, Outcome::Connect, Some(200), words)
}

pub(crate) fn tells_the_customer_enough_and_no_address(exchange: &Exchange, words: &str) {
    let told = &exchange.explanation;
    assert!(told.contains(words), "{words}: {told}");
    assert!(told.contains(';') || told.contains(':'), "no advice: {told}");
    for secret in ["127.0.0", "::1", "os error", "hyper"] {
        assert!(!told.contains(secret), "{told}");
    }
}

async fn run(cases: Vec<Case>) {
    let outbound = outbound(LONG);
    for case in cases {
        let shown = String::from_utf8_lossy(&case.answer[..case.answer.len().min(100)]).into_owned();
        let server = RawServer::answering(case.answer).await;
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (case.outcome, case.status),
            "{shown}: {exchange:?}"
        );
        tells_the_customer_enough_and_no_address(&exchange, case.words);
        // Nothing of it is left to the next message.
        outbound.send(&message(&server.url())).await;
        assert_eq!(server.connections(), 2, "{shown}");
    }
}

#[tokio::test]
async fn status_lines_that_are_none_are_told_as_such() {
    const NOT_HTTP: &str = "not an HTTP/1.1 answer";
    run(vec![
        broken("", "closed the connection"),
        broken("H", "closed the connection"),
        broken("HTTP/1.1 200", "closed the connection"),
        broken("HTTP/1.1 200 OK\r\n", "closed the connection"),
        broken(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
            "closed the connection",
        ),
        broken("{\"taskId\":\"x\"}", NOT_HTTP),
        broken("<html>hello</html>\r\n\r\n", NOT_HTTP),
        broken("HTTP/0.9 200 OK\r\n\r\n", NOT_HTTP),
        broken("HTTP/2.0 200 OK\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.2 200 OK\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 000 Zero\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 -1 Less\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 20 Short\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 2000 Long\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 0x200 OK\r\n\r\n", NOT_HTTP),
        broken("HTTP/1.1 OK\r\n\r\n", NOT_HTTP),
        broken("http/1.1 200 OK\r\n\r\n", NOT_HTTP),
        broken("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NOT_HTTP),
        broken(
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64".to_vec(),
            NOT_HTTP,
        ),
        broken(b"\x15\x03\x01\x00\x02\x02\x46".to_vec(), NOT_HTTP),
        broken("220 mail.example.com ESMTP\r\n", NOT_HTTP),
        broken("-ERR unknown command 'POST'\r\n", NOT_HTTP),
        broken([0xff; 64].to_vec(), NOT_HTTP),
    ])
    .await;
}

#[tokio::test]
async fn statuses_beyond_those_that_mean_something_are_failures_by_their_number() {
    let status = |status: u16, more: &str, words| {
        let answer = format!("HTTP/1.1 {status} x\r\n{more}\r\n");
        case(answer, Outcome::Status, Some(status), words)
    };
    run(vec![
        status(599, "connection: close\r\ncontent-length: 0\r\n", "answered 599"),
        status(600, "connection: close\r\ncontent-length: 0\r\n", "answered 600"),
        status(999, "connection: close\r\ncontent-length: 0\r\n", "answered 999"),
        status(
            101,
            "upgrade: websocket\r\nconnection: upgrade\r\n",
            "answered 101",
        ),
        status(
            206,
            "content-range: bytes 0-0/9\r\nconnection: close\r\n",
            "only 200",
        ),
        status(204, "connection: close\r\n", "only 200 acknowledges"),
        status(304, "connection: close\r\n", "never followed"),
        status(
            407,
            "proxy-authenticate: Basic\r\nconnection: close\r\n",
            "answered 407",
        ),
        status(426, "upgrade: h2c\r\nconnection: close\r\n", "answered 426"),
    ])
    .await;
}

#[tokio::test]
async fn headers_that_are_too_many_too_long_or_none_are_told_as_such() {
    const NOT_HTTP: &str = "not an HTTP/1.1 answer";
    let ok = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}");
    run(vec![
        broken(ok(&"a: b\r\n".repeat(101)), "100 headers"),
        broken(ok(&"a: b\r\n".repeat(100_000)), "100 headers"),
        broken(ok(&format!("a: {}\r\n", "b".repeat(1 << 20))), "of 32 KiB"),
        broken(ok(&format!("{}: b\r\n", "a".repeat(40_000))), "of 32 KiB"),
        broken("HTTP/1.1 200 ".to_owned() + &"O".repeat(1 << 20), "of 32 KiB"),
        broken(ok("no colon\r\n"), NOT_HTTP),
        broken(ok(": no name\r\n"), NOT_HTTP),
        broken(ok("na me: b\r\n"), NOT_HTTP),
        broken(ok("name : b\r\n"), NOT_HTTP),
        broken(ok("a: b\r\n folded\r\n"), NOT_HTTP),
        broken(ok("a: b\0c\r\n"), NOT_HTTP),
        broken(ok("a: b\rc\r\n"), NOT_HTTP),
    ])
    .await;
}

#[tokio::test]
async fn lengths_that_lie_or_contradict_each_other_are_told_as_such() {
    const CUT: &str = "closed the connection before its answer was complete";
    const LENGTH: &str = "one valid Content-Length";
    let ok = |headers: &str, body: &str| format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}");
    run(vec![
        cut(ok("content-length: 99\r\n", "{"), CUT),
        cut(ok("content-length: 1\r\n", ""), CUT),
        case(
            ok("content-length: 1\r\n", "{\"taskId\":\"x\"}"),
            Outcome::BadAck,
            Some(200),
            "not JSON",
        ),
        case(
            ok("content-length: 0\r\n", "{}"),
            Outcome::BadAck,
            Some(200),
            "an empty body",
        ),
        broken(ok("content-length: 2\r\ncontent-length: 3\r\n", "{}"), LENGTH),
        broken(ok("content-length: 2, 3\r\n", "{}"), LENGTH),
        broken(ok("content-length: -2\r\n", "{}"), LENGTH),
        broken(ok("content-length: +2\r\n", "{}"), LENGTH),
        broken(ok("content-length: 0x2\r\n", "{}"), LENGTH),
        broken(ok("content-length: 2 2\r\n", "{}"), LENGTH),
        broken(ok("content-length: \r\n", "{}"), LENGTH),
        broken(ok("content-length: 99999999999999999999\r\n", "{}"), LENGTH),
        broken(
            ok("content-length: 18446744073709551615\r\n", "{}"),
            "Content-Length",
        ),
        case(
            ok("content-length: 9223372036854775807\r\n", "{}"),
            Outcome::BodyTooLarge,
            Some(200),
            "more than 64 KiB",
        ),
    ])
    .await;
}

#[tokio::test]
async fn chunks_that_are_malformed_are_told_as_such() {
    const CHUNKS: &str = "chunks of the answer's body are malformed";
    let chunked = |body: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    run(vec![
        cut(chunked("x\r\n{}\r\n0\r\n\r\n"), CHUNKS),
        cut(chunked("-2\r\n{}\r\n0\r\n\r\n"), CHUNKS),
        cut(chunked("0x2\r\n{}\r\n0\r\n\r\n"), CHUNKS),
        cut(chunked("2\r\n{}0\r\n\r\n"), CHUNKS),
        cut(chunked("2\n{}\r\n0\r\n\r\n"), CHUNKS),
        cut(chunked("ffffffffffffffff1\r\n{}"), CHUNKS),
        cut(chunked("\r\n{}\r\n0\r\n\r\n"), CHUNKS),
        cut(
            chunked(&format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "a".repeat(1 << 20))),
            CHUNKS,
        ),
        cut(
            chunked(&"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n \r\n".repeat(1000)),
            CHUNKS,
        ),
        cut(chunked("2\r\n{}\r\n"), "closed the connection"),
        cut(chunked("5\r\n{"), "closed the connection"),
        cut(chunked("2\r\n{}\r\n0\r\n"), "closed the connection"),
        cut(
            chunked(&format!("2\r\n{{}}\r\n0\r\n{}\r\n", "a: b\r\n".repeat(10_000))),
            CHUNKS,
        ),
        // Each chunk a byte: framing five times the body is no attack on memory.
        case(
            chunked(&("1\r\n \r\n".repeat(2000) + "0\r\n\r\n")),
            Outcome::BadAck,
            Some(200),
            "not JSON",
        ),
    ])
    .await;
    // HTTP/1.0 knows no chunks.
    run(vec![broken(
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "not an HTTP/1.1 answer",
    )])
    .await;
}

#[tokio::test]
async fn an_old_receiver_that_closes_after_its_answer_keeps_the_contract() {
    let outbound = outbound(LONG);
    for head in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 Fine by me\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nX-Name: caf\u{e9}\r\n\r\n",
    ] {
        let server = RawServer::start(move |mut stream| async move {
            let request = read_request(&mut stream).await;
            let body = request.split_once("\r\n\r\n").unwrap().1;
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{head}: {exchange:?}");
    }
}

#[tokio::test]
async fn a_few_interim_answers_are_passed_over_and_thousands_are_not() {
    let outbound = outbound(LONG);
    let server = RawServer::talking(|_, request| {
        let mut bytes = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(50);
        bytes.extend(acknowledgement(request, ""));
        Some(bytes)
    })
    .await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");

    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
        "HTTP/1.1 199 x\r\n\r\n",
    ] {
        let server = RawServer::start(move |mut stream| async move {
            read_request(&mut stream).await;
            let many = interim.repeat(100);
            while stream.write_all(many.as_bytes()).await.is_ok() {}
        })
        .await;
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!((exchange.outcome, exchange.status), (Outcome::Connect, None));
        tells_the_customer_enough_and_no_address(&exchange, "interim answers");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_a_connect_failure_wherever_it_breaks() {
    let outbound = outbound(LONG);
    for sent in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"taskId\"",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"tas",
        "HTTP/1.1 200 OK\r\n\r\n{\"taskId\"",
    ] {
        let server = RawServer::start(move |mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(sent.as_bytes()).await;
            // The reset may overtake what was sent.
            let _ = stream.set_zero_linger();
        })
        .await;
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!(exchange.outcome, Outcome::Connect, "{sent}: {exchange:?}");
        assert!(
            matches!(exchange.status, None | Some(200)),
            "{sent}: {exchange:?}"
        );
        tells_the_customer_enough_and_no_address(&exchange, "closed the connection");
    }
}

#[tokio::test]
async fn a_receiver_that_answers_before_it_has_read_the_request_is_heard() {
    let outbound = outbound(LONG);
    let server = RawServer::start(|mut stream| async move {
        let _ = stream
            .write_all(
                b"HTTP/1.1 503 Busy\r\nretry-after: 9\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            )
            .await;
        read_request(&mut stream).await;
    })
    .await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!((exchange.outcome, exchange.status), (Outcome::Status, Some(503)));
    assert!(exchange.retry_after.is_some());
}
