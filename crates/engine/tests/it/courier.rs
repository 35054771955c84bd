//! Deliveries from the database to receivers on real sockets: order, retries, holds, restarts, limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::IntoResponse;
use sfumato_core::endpoint::{EndpointState, HoldReason};
use sfumato_core::{Clock, DeliveryState, EventStatus, Outcome, Store};
use sfumato_engine::EngineSettings;
use tokio::sync::Semaphore;

use crate::outbound::signature;
use crate::receiver::{Received, Receiver, acknowledge, answer, switchable, until};
use crate::world::{Courier, World, settings};

const MINUTE: Duration = Duration::from_secs(60);

fn statuses(received: &[Received]) -> Vec<String> {
    received.iter().map(Received::status).collect()
}

#[tokio::test]
async fn promises_3_and_6_the_events_of_a_job_arrive_in_order_signed_and_are_recorded() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    world.succeed(world.begin().await).await;
    let courier = Courier::start(&world.engine);
    world.wait_for_states(job.id, &["delivered"; 3]).await;
    courier.stop().await;

    let received = receiver.received();
    assert_eq!(statuses(&received), ["Sent", "Started", "Succeeded"]);
    let ids: BTreeSet<&str> = received.iter().map(|r| r.header("webhook-id")).collect();
    assert_eq!(ids.len(), 3);
    let records = world.deliveries(job.id).await;
    for (index, (request, record)) in received.iter().zip(&records).enumerate() {
        assert_eq!(request.task_id(), job.public_id().to_string());
        assert_eq!(
            request.header("x-auth-token"),
            world.credentials(&endpoint).token.current.expose()
        );
        assert_eq!(request.header("webhook-sequence"), (index + 1).to_string());
        assert_eq!(request.header("webhook-attempt"), "1");
        assert_eq!(request.header("webhook-id"), record.delivery.id.to_string());
        let expected = signature(
            world.credentials(&endpoint).signing_secret.current.as_bytes(),
            request,
        );
        assert_eq!(request.header("webhook-signature"), expected);
        let [attempt] = record.attempts.as_slice() else {
            panic!("{record:?}");
        };
        assert_eq!(
            (attempt.number, attempt.outcome, attempt.status),
            (1, Outcome::Ok, Some(200))
        );
        assert_eq!(attempt.started_at, world.clock.now());
        let body = format!(r#"{{"taskId":"{}"}}"#, job.public_id());
        assert_eq!(attempt.response.as_deref(), Some(body.as_bytes()));
    }
    assert_eq!(
        world.endpoint_now(endpoint.id).await.health.last_success_at,
        Some(world.clock.now())
    );
}

#[tokio::test]
async fn promise_8_a_failed_delivery_is_tried_again_on_the_schedule_and_the_next_event_waits_for_it() {
    let world = World::new(settings()).await;
    let (receiver, well) = switchable(500).await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let healthy = Receiver::obedient().await;
    world.endpoint(&healthy.url()).await;
    let job = world.submit().await;
    let _running = world.begin().await;
    let courier = Courier::start(&world.engine);
    let due = until("the first attempt's record", || async {
        match world.deliveries_to(endpoint.id, job.id).await[0].delivery.state {
            DeliveryState::Pending { not_before } if not_before > world.clock.now() => Some(not_before),
            _ => None,
        }
    })
    .await;
    let wait = due.since(world.clock.now());
    assert!(
        wait >= Duration::from_secs(4) && wait <= Duration::from_secs(6),
        "{wait:?}"
    );

    // The other endpoint hears of another job just before the time: the courier has looked, and has let this one wait.
    world.clock.advance(wait - Duration::from_micros(1));
    world.submit().await;
    healthy.wait_for(3).await;
    let of_job = || -> Vec<Received> {
        let task = job.public_id().to_string();
        let received = receiver.received().into_iter();
        received.filter(|r| r.task_id() == task).collect()
    };
    assert_eq!(of_job().len(), 1);
    well.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_micros(1));
    world
        .wait_for_states_to(endpoint.id, job.id, &["delivered"; 2])
        .await;
    courier.stop().await;

    let of_job = of_job();
    let told: Vec<(String, &str)> = of_job
        .iter()
        .map(|r| (r.status(), r.header("webhook-attempt")))
        .collect();
    assert_eq!(
        told,
        [
            ("Sent".into(), "1"),
            ("Sent".into(), "2"),
            ("Started".into(), "1")
        ]
    );
    assert_eq!(of_job[0].header("webhook-id"), of_job[1].header("webhook-id"));
    let seconds = |r: &Received| r.header("webhook-timestamp").parse::<u64>().unwrap();
    assert!((4..=6).contains(&(seconds(&of_job[1]) - seconds(&of_job[0]))));
    let attempts = &world.deliveries_to(endpoint.id, job.id).await[0].attempts;
    let outcomes: Vec<Outcome> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Status, Outcome::Ok]);
}

#[tokio::test]
async fn promise_4_failing_intermediate_events_are_superseded_and_the_terminal_one_is_not() {
    let world = World::new(settings()).await;
    let receiver = Receiver::answering(|received| match received.status().as_str() {
        "Succeeded" => acknowledge(&received),
        _ => answer(200, "thanks"),
    })
    .await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    world.wait_for_states(job.id, &["pending"]).await;
    world.succeed(world.begin().await).await;
    world
        .wait_for_states(job.id, &["superseded", "superseded", "delivered"])
        .await;
    courier.stop().await;
    assert_eq!(statuses(&receiver.received()), ["Sent", "Succeeded"]);
    let records = world.deliveries(job.id).await;
    assert_eq!(records[0].attempts[0].outcome, Outcome::BadAck);
    assert_eq!(records[0].attempts[0].response.as_deref(), Some(&b"thanks"[..]));
    assert_eq!(records[2].event.status, EventStatus::Succeeded);
}

/// Promises 7 and 9.
#[tokio::test]
async fn promise_9_gone_holds_the_endpoint_and_a_probe_after_an_hour_releases_it() {
    let world = World::new(settings()).await;
    let (receiver, well) = switchable(410).await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let healthy = Receiver::obedient().await;
    world.endpoint(&healthy.url()).await;
    let first = world.submit().await;
    let courier = Courier::start(&world.engine);
    until("the hold", || async {
        let state = world.endpoint_now(endpoint.id).await.state;
        matches!(
            state,
            EndpointState::Held {
                reason: HoldReason::Gone,
                ..
            }
        )
        .then_some(())
    })
    .await;
    // Everything that happens now waits, also beyond its own schedule.
    world.clock.advance(30 * MINUTE);
    let second = world.submit().await;
    healthy.wait_for(2).await;
    world.clock.advance(30 * MINUTE - Duration::from_micros(1));
    world.submit().await;
    healthy.wait_for(3).await;
    assert_eq!(receiver.received().len(), 1);
    well.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_micros(1));
    world
        .wait_for_states_to(endpoint.id, first.id, &["delivered"])
        .await;
    world
        .wait_for_states_to(endpoint.id, second.id, &["delivered"])
        .await;
    receiver.wait_for(4).await;
    courier.stop().await;
    assert_eq!(world.endpoint_now(endpoint.id).await.state, EndpointState::Active);
    let received = receiver.received();
    assert_eq!(
        received[1].task_id(),
        first.public_id().to_string(),
        "the probe is the oldest"
    );
    assert_eq!(received.len(), 4);
}

#[tokio::test]
async fn promise_7_retry_after_pauses_the_whole_endpoint() {
    let world = World::new(settings()).await;
    let well = Arc::new(AtomicBool::new(false));
    let switch = well.clone();
    let receiver = Receiver::answering(move |received| {
        if switch.load(Ordering::SeqCst) {
            return acknowledge(&received);
        }
        ([("retry-after", "100")], answer(503, "")).into_response()
    })
    .await;
    let free = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    world.endpoint(&free.url()).await;
    let courier = Courier::start(&world.engine);
    world.submit().await;
    receiver.wait_for(1).await;
    until("the pause", || async {
        world.endpoint_now(endpoint.id).await.health.paused_until
    })
    .await;
    well.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_secs(99));
    world.submit().await;
    free.wait_for(2).await;
    assert_eq!(receiver.received().len(), 1);
    world.clock.advance(Duration::from_secs(1));
    receiver.wait_for(3).await;
    courier.stop().await;
}

#[tokio::test]
async fn an_endpoint_gets_no_more_at_once_than_its_share_and_the_others_do_not_wait() {
    let world = World::new(EngineSettings {
        deliveries_per_endpoint: 2,
        ..settings()
    })
    .await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let counted = (now.clone(), most.clone(), gate.clone());
    let slow = Receiver::awaiting(move |received| {
        let (now, most, gate) = counted.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            now.fetch_sub(1, Ordering::SeqCst);
            acknowledge(&received)
        }
    })
    .await;
    let quick = Receiver::obedient().await;
    world.endpoint(&slow.url()).await;
    world.endpoint(&quick.url()).await;
    for _ in 0..7 {
        world.submit().await;
    }
    let courier = Courier::start(&world.engine);
    quick.wait_for(7).await;
    slow.wait_for(2).await;
    assert_eq!(slow.received().len(), 2);
    gate.add_permits(7);
    slow.wait_for(7).await;
    courier.stop().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    let tasks: BTreeSet<String> = slow.received().iter().map(Received::task_id).collect();
    assert_eq!(tasks.len(), 7);
}

#[tokio::test]
async fn promise_3_other_jobs_do_not_wait_for_one_that_is_stuck() {
    let world = World::new(settings()).await;
    let stuck = Arc::new(Mutex::new(String::new()));
    let name = stuck.clone();
    let receiver = Receiver::awaiting(move |received| {
        let name = name.clone();
        async move {
            if received.task_id() == *name.lock().unwrap() {
                std::future::pending::<()>().await;
            }
            acknowledge(&received)
        }
    })
    .await;
    world.endpoint(&receiver.url()).await;
    let first = world.submit().await;
    *stuck.lock().unwrap() = first.public_id().to_string();
    let running = world.begin().await;
    world.succeed(running).await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    let second = world.submit().await;
    world.succeed(world.begin().await).await;
    world.wait_for_states(second.id, &["delivered"; 3]).await;
    assert_eq!(world.states(first.id).await, ["sending", "pending", "pending"]);
    courier.kill().await;
}

#[tokio::test]
async fn every_place_is_used_again_when_there_are_fewer_places_than_deliveries() {
    let world = World::new(EngineSettings {
        deliveries_at_once: 3,
        ..settings()
    })
    .await;
    let receiver = Receiver::obedient().await;
    world.endpoint(&receiver.url()).await;
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(world.submit().await);
        world.succeed(world.begin().await).await;
    }
    let courier = Courier::start(&world.engine);
    for job in &jobs {
        world.wait_for_states(job.id, &["delivered"; 3]).await;
    }
    courier.stop().await;
    let mut told = BTreeMap::<String, Vec<String>>::new();
    for received in receiver.received() {
        told.entry(received.task_id())
            .or_default()
            .push(received.status());
    }
    assert_eq!(told.len(), 20);
    for (task, statuses) in told {
        assert_eq!(statuses, ["Sent", "Started", "Succeeded"], "{task}");
    }
}

#[tokio::test]
async fn promise_11_a_test_of_an_endpoint_is_one_real_post_and_changes_nothing() {
    let world = World::new(settings()).await;
    let (receiver, well) = switchable(500).await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let test = async || {
        let tested = world.engine.test_endpoint(&world.caller, endpoint.id).await;
        tested.unwrap().exchange
    };
    let exchange = test().await;
    assert_eq!((exchange.outcome, exchange.status), (Outcome::Status, Some(500)));
    well.store(true, Ordering::SeqCst);
    let exchange = test().await;
    assert_eq!(
        (exchange.outcome, exchange.address),
        (Outcome::Ok, Some(receiver.address))
    );
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let expected = signature(
        world.credentials(&endpoint).signing_secret.current.as_bytes(),
        &received[0],
    );
    assert_eq!(received[0].header("webhook-signature"), expected);
    assert_eq!(world.endpoint_now(endpoint.id).await, endpoint);
    assert_eq!(world.store.waiting_endpoints().await.unwrap().first(), None);
}

#[tokio::test]
async fn the_guard_stands_before_registration_and_before_delivery() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let production = world.restarted(EngineSettings::default());
    let refused = production.create_endpoint(&world.caller, &receiver.url()).await;
    assert!(refused.unwrap_err().to_string().contains("may not reach"));
    let courier = Courier::start(&production);
    until("the attempt", || async {
        (!world.deliveries(job.id).await[0].attempts.is_empty()).then_some(())
    })
    .await;
    courier.stop().await;
    let attempt = &world.deliveries(job.id).await[0].attempts[0];
    assert_eq!((attempt.outcome, attempt.status), (Outcome::BlockedAddress, None));
    assert_eq!(attempt.response, None);
    assert!(receiver.received().is_empty());
}
