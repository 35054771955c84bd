//! Receivers that drip or stall, as the courier sees them: the place is free after the deadline, and the attempt is
//! recorded.

use std::time::Duration;

use sfumato_core::{DeliveryState, Outcome};
use sfumato_engine::EngineSettings;
use tokio::io::AsyncWriteExt;

use crate::hostile_framing::tells_the_customer_enough_and_no_address;
use crate::outbound::{message, outbound};
use crate::receiver::{RawServer, read_request, until};
use crate::world::{Courier, World, settings};

const DEADLINE: Duration = Duration::from_millis(300);

/// One that sends the beginning of an answer, and then a little now and then for ever.
async fn dripping(head: &'static str, drop: &'static str) -> RawServer {
    RawServer::start(move |mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(head.as_bytes()).await;
        while stream.write_all(drop.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_dripping_answer_gives_its_place_back_and_its_attempt_is_recorded() {
    let world = World::new(EngineSettings {
        delivery_deadline: DEADLINE,
        deliveries_per_endpoint: 1,
        ..settings()
    })
    .await;
    let server = dripping("HTTP/1.1 200 OK\r\n\r\n{", " ").await;
    let endpoint = world.endpoint(&server.url()).await;
    let jobs = [world.submit().await, world.submit().await];
    let courier = Courier::start(&world.engine);
    for job in &jobs {
        let attempt = until("the record of the attempt", || async {
            let records = world.deliveries_to(endpoint.id, job.id).await;
            let record = &records[0];
            matches!(record.delivery.state, DeliveryState::Pending { .. })
                .then(|| record.attempts.first().cloned())
                .flatten()
        })
        .await;
        assert_eq!(
            (attempt.outcome, attempt.status),
            (Outcome::TimeoutTotal, Some(200))
        );
        assert!(attempt.duration_ms >= 299, "{attempt:?}");
        assert_eq!(attempt.response.as_deref().map(|body| body[0]), Some(b'{'));
    }
    assert_eq!(server.connections(), 2);
    courier.stop().await;
}

#[tokio::test]
async fn every_phase_that_a_receiver_can_stall_in_has_words_of_its_own() {
    for (head, drop, words) in [
        ("", "", "answer first and do the work afterwards"),
        ("H", "", "no answer came"),
        ("HTTP/1.1 200 OK\r\n", "", "no answer came"),
        ("HTTP/1.1 200 OK\r\n", "a: b\r\n", "no answer came"),
        ("HTTP/1.1 200 OK\r\na: ", "b", "no answer came"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "no answer came"),
        ("HTTP/1.1 200 OK\r\n\r\n", "", "send its Content-Length"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n",
            " ",
            "send its Content-Length",
        ),
        (
            "HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\na\r\n",
            "the body of the answer",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "0",
            "the body of the answer",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            "a: b\r\n",
            "the body of the answer",
        ),
    ] {
        let server = dripping(head, drop).await;
        let outbound = outbound(DEADLINE);
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!(
            exchange.outcome,
            Outcome::TimeoutTotal,
            "{head}{drop}: {exchange:?}"
        );
        assert!(exchange.phases.total_ms >= 299.0);
        tells_the_customer_enough_and_no_address(&exchange, words);
    }
}
