//! Deliveries when something breaks: a crash, a stop, the database, a panic, a deletion. What remains is told in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sfumato_core::Store;

use crate::logs::Logs;
use crate::receiver::{Receiver, gated, switchable, until};
use crate::world::{Courier, World, settings};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Promises 1 and 2: nothing is lost, and the repetition has the same `webhook-id`.
#[tokio::test]
async fn promise_2_a_delivery_that_was_on_its_way_at_a_crash_goes_out_again_under_the_same_id() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    courier.kill().await;
    assert_eq!(world.states(job.id).await, ["sending"]);

    let engine = world.restarted(settings());
    assert_eq!(engine.recover(None).await.unwrap(), 1);
    let courier = Courier::start(&engine);
    receiver.wait_for(2).await;
    gate.add_permits(10);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    for name in ["webhook-id", "webhook-attempt", "webhook-sequence"] {
        assert_eq!(received[0].header(name), received[1].header(name), "{name}");
    }
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn what_ends_soon_after_shutdown_is_recorded() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    // Nothing that comes after the signal is begun.
    courier.shutdown.cancel();
    let late = world.submit().await;
    gate.add_permits(10);
    courier.task.await.unwrap();
    assert_eq!(world.states(job.id).await, ["delivered"]);
    assert_eq!(world.states(late.id).await, ["pending"]);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn promise_1_what_does_not_end_after_shutdown_is_handed_back_without_an_attempt() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    // From here on waits take no real time: the few seconds of grace pass as soon as nothing else moves.
    tokio::time::pause();
    courier.stop().await;
    tokio::time::resume();
    assert_eq!(world.states(job.id).await, ["pending"]);
    let records = world.deliveries(job.id).await;
    assert_eq!((records[0].delivery.attempts, records[0].attempts.len()), (0, 0));

    gate.add_permits(10);
    let courier = Courier::start(&world.restarted(settings()));
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    let received = receiver.received();
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
}

#[tokio::test]
async fn an_attempt_is_recorded_when_the_database_can_answer_again() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    // A table that is away makes the real database fail as a broken disk would.
    let saboteur = rusqlite::Connection::open(world.database()).unwrap();
    saboteur
        .execute_batch("ALTER TABLE attempts RENAME TO attempts_away")
        .unwrap();
    let logs = Logs::default();
    let guard = tracing::subscriber::set_default(logs.subscriber());
    gate.add_permits(10);
    until("a failed record", || async {
        logs.text().contains("cannot be recorded yet").then_some(())
    })
    .await;
    drop(guard);
    saboteur
        .execute_batch("ALTER TABLE attempts_away RENAME TO attempts")
        .unwrap();
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    assert_eq!(
        receiver.received().len(),
        1,
        "recording again does not send again"
    );
}

#[tokio::test]
async fn the_courier_outlives_a_database_that_cannot_answer() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let saboteur = rusqlite::Connection::open(world.database()).unwrap();
    saboteur
        .execute_batch("ALTER TABLE deliveries RENAME TO deliveries_away")
        .unwrap();
    let logs = Logs::default();
    let _guard = tracing::subscriber::set_default(logs.subscriber());
    let courier = Courier::start(&world.engine);
    until("a failed claim", || async {
        logs.text().contains("no deliveries can be claimed").then_some(())
    })
    .await;
    saboteur
        .execute_batch("ALTER TABLE deliveries_away RENAME TO deliveries")
        .unwrap();
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    assert_eq!(logs.text().matches("no deliveries can be claimed").count(), 1);
    assert!(logs.text().contains("can be claimed again"));
}

#[tokio::test]
async fn a_panic_costs_one_delivery_a_delay_and_the_courier_nothing() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let (armed, courier_id) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(None)));
    let trap = (armed.clone(), courier_id.clone());
    world.entropy.ambush(move || {
        let (armed, courier_id) = &trap;
        let here = tokio::task::try_id();
        let in_delivery = here.is_some() && here != *courier_id.lock().unwrap();
        if in_delivery && armed.swap(false, Ordering::SeqCst) {
            std::panic::panic_any("ambushed");
        }
    });
    let courier = Courier::start(&world.engine);
    *courier_id.lock().unwrap() = Some(courier.task.id());
    until("the panic", || async {
        (!armed.load(Ordering::SeqCst)).then_some(())
    })
    .await;
    let other = world.submit().await;
    world.wait_for_states(other.id, &["delivered"]).await;
    assert_eq!(world.states(job.id).await, ["sending"], "its lease lasts");
    world.clock.advance(MINUTE);
    assert_eq!(world.store.reap().await.unwrap().freed, 1);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    let received = receiver.received();
    assert_eq!(received[0].header("webhook-id"), received[2].header("webhook-id"));
}

#[tokio::test]
async fn an_endpoint_that_is_deleted_while_it_is_called_leaves_nothing_behind() {
    let world = World::new(settings()).await;
    let (receiver, gate) = gated().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    receiver.wait_for(1).await;
    world
        .engine
        .delete_endpoint(&world.caller, endpoint.id)
        .await
        .unwrap();
    gate.add_permits(10);
    courier.stop().await;
    for record in world.deliveries(job.id).await {
        assert_eq!(record.delivery.state.name(), "dropped");
    }
}

#[tokio::test]
async fn promise_13_each_attempt_is_one_line_in_the_log_and_no_line_holds_a_secret() {
    let logs = Logs::default();
    let _guard = tracing::subscriber::set_default(logs.subscriber());
    let world = World::new(settings()).await;
    let (receiver, well) = switchable(500).await;
    let endpoint = world.endpoint(&format!("{}?key=hush", receiver.url())).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    until("a failure", || async {
        (!world.deliveries(job.id).await[0].attempts.is_empty()).then_some(())
    })
    .await;
    well.store(true, Ordering::SeqCst);
    world.clock.advance(HOUR);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    let text = logs.text();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("a delivery was attempted"))
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    let id = world.deliveries(job.id).await[0].delivery.id.to_string();
    for (line, outcome) in lines.iter().zip(["status", "ok"]) {
        assert!(line.contains(&format!("delivery.id={id}")), "{line}");
        assert!(line.contains(&format!("endpoint.id={}", endpoint.id)), "{line}");
        assert!(
            line.contains(&format!("outcome={outcome} ")) && line.contains("duration_ms="),
            "{line}"
        );
    }
    let credentials = world.credentials(&endpoint);
    let key = credentials.signing_secret.current.expose();
    for secret in [credentials.token.current.expose(), "hush", "v1,", key.as_str()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
