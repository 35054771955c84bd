//! Kept connections of the hardened client: when one is used again, when it must not be, and what happens when the
//! receiver has closed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sfumato_core::Outcome;
use sfumato_engine::outbound::{Keep, Outbound, WebhookMessage};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::outbound::{LONG, message, outbound};
use crate::receiver::{RawServer, acknowledgement, read_request, talk, until};

/// A receiver that keeps the contract and the connection.
async fn faithful() -> RawServer {
    RawServer::talking(|_, request| Some(acknowledgement(request, ""))).await
}

async fn send_ok(outbound: &Outbound, url: &str) {
    let exchange = outbound.send(&message(url)).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
}

#[tokio::test]
async fn messages_to_one_origin_share_a_connection_and_tell_only_the_phases_that_they_had() {
    let server = faithful().await;
    let outbound = outbound(LONG);
    let first = outbound.send(&message(&server.url())).await;
    let second = outbound
        .send(&message(&format!("{}/other?a=b", server.url())))
        .await;
    assert_eq!((first.outcome, second.outcome), (Outcome::Ok, Outcome::Ok));
    assert_eq!(server.connections(), 1);
    assert!(first.phases.dns_ms.is_some() && first.phases.connect_ms.is_some());
    assert!(second.phases.dns_ms.is_none() && second.phases.connect_ms.is_none());
    assert!(second.phases.headers_ms.is_some() && second.phases.body_ms.is_some());
    assert_eq!(second.address, Some(server.address));
}

#[tokio::test]
async fn messages_at_the_same_time_have_a_connection_each_and_all_of_them_are_kept() {
    let server = faithful().await;
    let (outbound, url) = (outbound(LONG), server.url());
    for _ in 0..3 {
        futures::future::join_all((0..5).map(|_| send_ok(&outbound, &url))).await;
    }
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn an_endpoint_is_tried_on_a_connection_of_its_own_that_says_so() {
    let server = RawServer::talking(|_, request| {
        let close = request.contains("\r\nConnection: close\r\n");
        Some(acknowledgement(
            request,
            if close { "x-closed: 1\r\n" } else { "" },
        ))
    })
    .await;
    let outbound = outbound(LONG);
    send_ok(&outbound, &server.url()).await;
    let tried = outbound.send_afresh(&message(&server.url())).await;
    assert_eq!(tried.outcome, Outcome::Ok);
    assert!(
        tried.headers.contains(&("x-closed".into(), "1".into())),
        "{tried:?}"
    );
    assert!(tried.phases.dns_ms.is_some() && tried.phases.connect_ms.is_some());
    assert_eq!(server.connections(), 2);
    send_ok(&outbound, &server.url()).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_is_kept_after_every_answer_that_ends_where_it_says() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 No\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nno",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 301 There\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 503 No\r\nkeep-alive: timeout=60, max=9\r\ncontent-length: 0\r\n\r\n",
    ] {
        assert_eq!(connections_of_three(answer).await, 1, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_every_answer_whose_end_is_in_doubt() {
    for answer in [
        // Said to be the last.
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\n{}",
        // Told twice, which is how answers are smuggled.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 99\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        // More than was announced.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}x",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\nbody",
        "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nbody",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n",
        // Another protocol from here on.
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    ] {
        assert_eq!(connections_of_three(answer).await, 3, "{answer}");
    }
}

async fn connections_of_three(answer: &'static str) -> usize {
    let server = RawServer::talking(move |_, _| Some(answer.into())).await;
    let outbound = outbound(LONG);
    let mut told = Vec::new();
    for _ in 0..3 {
        let exchange = outbound.send(&message(&server.url())).await;
        told.push((exchange.outcome, exchange.status, exchange.body));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{answer}: {told:?}");
    assert!(
        matches!(told[0].0, Outcome::BadAck | Outcome::Status),
        "{answer}: {told:?}"
    );
    server.connections()
}

#[tokio::test]
async fn a_kept_connection_that_turns_out_to_be_closed_costs_one_more_connection_and_no_attempt() {
    // The first request of a connection is answered, the second is read and never answered.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let server = RawServer::talking(move |number, request| {
        count.fetch_add(1, Ordering::SeqCst);
        assert!(request.contains("\r\nWebhook-Id: 00000000-0000-0000-0000-000000000004\r\n"));
        (number == 0).then(|| acknowledgement(request, ""))
    })
    .await;
    let outbound = outbound(LONG);
    send_ok(&outbound, &server.url()).await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert!(exchange.phases.connect_ms.is_some());
    assert_eq!((server.connections(), asked.load(Ordering::SeqCst)), (2, 3));
}

#[tokio::test]
async fn a_kept_connection_that_breaks_within_the_answer_is_a_failure_and_nothing_is_repeated() {
    let server = RawServer::start(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let _ = stream.write_all(&acknowledgement(&request, "")).await;
        read_request(&mut stream).await;
        let _ = stream.write_all(b"H").await;
    })
    .await;
    let outbound = outbound(LONG);
    send_ok(&outbound, &server.url()).await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!((exchange.outcome, exchange.status), (Outcome::Connect, None));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_receiver_that_never_answers_twice_is_asked_twice_and_no_more() {
    // Only the very first request is answered.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let server = RawServer::talking(move |_, request| {
        (count.fetch_add(1, Ordering::SeqCst) == 0).then(|| acknowledgement(request, ""))
    })
    .await;
    let outbound = outbound(LONG);
    send_ok(&outbound, &server.url()).await;
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!(exchange.outcome, Outcome::Connect, "{exchange:?}");
    assert_eq!((server.connections(), asked.load(Ordering::SeqCst)), (2, 3));
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!(exchange.outcome, Outcome::Connect);
    assert_eq!((server.connections(), asked.load(Ordering::SeqCst)), (3, 4));
}

#[tokio::test]
async fn one_dead_connection_condemns_the_others_to_its_origin() {
    // Every connection answers once; then it is silent for ever.
    let server = RawServer::start(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let _ = stream.write_all(&acknowledgement(&request, "")).await;
        std::future::pending::<()>().await;
    })
    .await;
    let outbound = outbound(Duration::from_millis(300));
    let url = server.url();
    futures::future::join_all((0..4).map(|_| send_ok(&outbound, &url))).await;
    let exchange = outbound.send(&message(&url)).await;
    assert_eq!(exchange.outcome, Outcome::TimeoutTotal, "{exchange:?}");
    assert_eq!(server.connections(), 4);
    send_ok(&outbound, &url).await;
    assert_eq!(server.connections(), 5);
}

#[tokio::test]
async fn a_connection_on_which_a_part_of_the_request_is_left_is_closed() {
    // An answer before a request that is larger than what the sockets hold.
    let server = RawServer::start(|mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
            .await;
        std::future::pending::<()>().await;
    })
    .await;
    let outbound = outbound(LONG);
    let message = WebhookMessage {
        body: vec![b' '; 16 << 20],
        ..message(&server.url())
    };
    for connections in 1..3 {
        let exchange = outbound.send(&message).await;
        assert_eq!((exchange.outcome, exchange.status), (Outcome::Status, Some(500)));
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_are_never_taken_for_the_next_answer() {
    // The receiver sends a second answer when the test says that the first has been taken in.
    let (go, smuggled) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (gone, told) = (go.clone(), smuggled.clone());
    let server = RawServer::start(move |mut stream| {
        let (go, smuggled) = (go.clone(), smuggled.clone());
        async move {
            let request = read_request(&mut stream).await;
            let _ = stream.write_all(&acknowledgement(&request, "")).await;
            go.notified().await;
            let _ = stream
                .write_all(&acknowledgement(&request, "x-smuggled: 1\r\n"))
                .await;
            smuggled.notify_one();
            talk(&mut stream, |_, request| Some(acknowledgement(request, ""))).await;
        }
    })
    .await;
    let outbound = outbound(LONG);
    send_ok(&outbound, &server.url()).await;
    gone.notify_one();
    told.notified().await;
    // The kernel has the bytes on this side already; the runtime hears of it when it parks, which this has it do.
    tokio::time::sleep(Duration::from_millis(1)).await;
    gone.notify_one();
    let exchange = outbound.send(&message(&server.url())).await;
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert!(!exchange.headers.iter().any(|(name, _)| name == "x-smuggled"));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_and_no_origin_has_more_than_its_number() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = closed.clone();
    let server = RawServer::start(move |mut stream| {
        let count = count.clone();
        async move {
            talk(&mut stream, |_, request| Some(acknowledgement(request, ""))).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    let closed_are = |number: usize| {
        let closed = closed.clone();
        async move {
            until(&format!("{number} closed connections"), || async {
                (closed.load(Ordering::SeqCst) == number).then_some(())
            })
            .await;
        }
    };
    let keep = |keep: Keep| outbound(LONG).keeping(keep);
    let url = server.url();

    let few = keep(Keep {
        per_origin_max: 2,
        ..Keep::default()
    });
    futures::future::join_all((0..5).map(|_| send_ok(&few, &url))).await;
    closed_are(3).await;
    drop(few);
    closed_are(5).await;

    let short = keep(Keep {
        idle_max: Duration::from_millis(50),
        ..Keep::default()
    });
    send_ok(&short, &url).await;
    closed_are(6).await;

    let brief = keep(Keep {
        life_max: Duration::ZERO,
        ..Keep::default()
    });
    send_ok(&brief, &url).await;
    send_ok(&brief, &url).await;
    closed_are(8).await;
    assert_eq!(server.connections(), 8);
}

#[tokio::test]
async fn a_message_that_is_stopped_is_cancelled_unless_its_answer_is_whole() {
    let server = RawServer::start(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (outbound, message) = (outbound(LONG), message(&server.url()));
    let arrived = async {
        until("the connection", || async {
            (server.connections() > 0).then_some(())
        })
        .await;
    };
    let exchange = outbound.send_until(&message, arrived).await;
    assert_eq!((exchange.outcome, exchange.status), (Outcome::Cancelled, None));
    assert!(
        exchange.explanation.contains("stopped"),
        "{}",
        exchange.explanation
    );

    let server = faithful().await;
    let message = crate::outbound::message(&server.url());
    let exchange = outbound.send_until(&message, std::future::pending()).await;
    assert_eq!(exchange.outcome, Outcome::Ok);
}
