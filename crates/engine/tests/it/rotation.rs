//! Rotation of tokens and signing secrets, verified by the library of Standard Webhooks and not by code of ours.

use std::time::Duration;

use sfumato_core::endpoint::{AckPolicy, SigningSecret, WebhookToken};
use sfumato_core::{Clock, DeliveryId, Endpoint, Outcome, Rotating, Timestamp};
use sfumato_engine::EngineSettings;
use sfumato_engine::endpoints::EndpointWish;
use sfumato_engine::system::SystemClock;
use standardwebhooks::{Webhook, WebhookError};
use tokio_util::sync::CancellationToken;

use crate::receiver::{Received, Receiver, acknowledge, answer, until};
use crate::world::{Courier, World, settings};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A world at the present time: the library refuses what is older than five minutes.
async fn present() -> World {
    let world = World::new(settings()).await;
    world.clock.set(SystemClock.now());
    world
}

fn verified(received: &Received, secret: &SigningSecret) -> Result<(), WebhookError> {
    let webhook = Webhook::new(&secret.expose()).unwrap();
    webhook.verify(&received.body, &received.headers)
}

/// What arrives of one test of the endpoint.
async fn arrived(world: &World, receiver: &Receiver, endpoint: &Endpoint) -> Received {
    world
        .engine
        .test_endpoint(&world.caller, endpoint.id)
        .await
        .unwrap();
    receiver.received().pop().unwrap()
}

#[tokio::test]
async fn promise_6_an_independent_library_verifies_what_is_sent() {
    let world = present().await;
    let receiver = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    world.submit().await;
    let courier = Courier::start(&world.engine);
    let received = until("an event", || async { receiver.received().pop() }).await;
    courier.stop().await;
    let secret = world.credentials(&endpoint).signing_secret.current;
    assert!(verified(&received, &secret).is_ok());
    let mut tampered = received.clone();
    tampered.body.push(b' ');
    assert!(verified(&tampered, &secret).is_err());
    assert!(verified(&received, &SigningSecret::from_bytes([1; 32])).is_err());
}

#[tokio::test]
async fn promise_6_in_the_overlap_both_secrets_verify_and_the_token_that_the_receiver_knows_is_sent() {
    let world = present().await;
    let receiver = Receiver::obedient().await;
    let before = world.endpoint(&receiver.url()).await;
    let engine = &world.engine;
    engine.rotate_token(&world.caller, before.id, DAY).await.unwrap();
    let after = engine
        .rotate_signing_secret(&world.caller, before.id, DAY)
        .await
        .unwrap();
    let (old_ones, new_ones) = (world.credentials(&before), world.credentials(&after));
    let (old, new) = (&old_ones.signing_secret.current, &new_ones.signing_secret.current);
    let received = arrived(&world, &receiver, &before).await;
    assert!(verified(&received, old).is_ok() && verified(&received, new).is_ok());
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
    assert_eq!(received.header("x-auth-token"), old_ones.token.current.expose());

    engine.settle_rotations(&world.caller, before.id).await.unwrap();
    let received = arrived(&world, &receiver, &before).await;
    assert!(verified(&received, old).is_err() && verified(&received, new).is_ok());
    assert_eq!(received.header("x-auth-token"), new_ones.token.current.expose());
}

#[tokio::test]
async fn promise_6_the_overlap_ends_by_itself_and_the_old_credentials_leave_the_database() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    let before = world.endpoint(&receiver.url()).await;
    let engine = &world.engine;
    engine.rotate_token(&world.caller, before.id, DAY).await.unwrap();
    engine
        .rotate_signing_secret(&world.caller, before.id, DAY)
        .await
        .unwrap();
    world.clock.advance(DAY);
    let received = arrived(&world, &receiver, &before).await;
    assert_eq!(received.header("webhook-signature").split(' ').count(), 1);
    let old = world.credentials(&before).token.current;
    assert_ne!(received.header("x-auth-token"), old.expose());

    let shutdown = CancellationToken::new();
    let (janitor, until_then) = (engine.clone(), shutdown.clone());
    let janitor = tokio::spawn(async move { janitor.run_janitor(until_then).await });
    until("the old credentials to be forgotten", || async {
        let endpoint = world.endpoint_now(before.id).await;
        (endpoint.token.previous.is_none() && endpoint.signing_secret.previous.is_none()).then_some(())
    })
    .await;
    shutdown.cancel();
    janitor.await.unwrap();
}

#[test]
fn no_credential_shows_in_debug_output() {
    let token = Rotating {
        current: WebhookToken::from_clear("wis-wht_NEW"),
        previous: Some((
            WebhookToken::from_clear("wis-wht_OLD"),
            Timestamp::from_seconds(1),
        )),
    };
    let secret = Rotating::from(SigningSecret::from_bytes([77; 32]));
    let shown = format!("{token:?} {secret:?}");
    for part in ["NEW", "OLD", "77", "TU1N"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

async fn response_of_one_delivery(settings: EngineSettings, keep: Option<bool>) -> Option<Vec<u8>> {
    let world = World::new(settings).await;
    let receiver = Receiver::answering(|received| acknowledge(&received)).await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let wish = EndpointWish {
        keep_responses: keep,
        ..EndpointWish::default()
    };
    let engine = &world.engine;
    engine
        .update_endpoint(&world.caller, endpoint.id, wish)
        .await
        .unwrap();
    let job = world.submit().await;
    let courier = Courier::start(engine);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    let attempt = world.deliveries(job.id).await[0].attempts[0].clone();
    assert_eq!(attempt.status, Some(200));
    attempt.response
}

#[tokio::test]
async fn promise_13_answers_are_kept_unless_the_client_or_the_operator_wants_none() {
    let none_kept = EngineSettings {
        keep_responses: false,
        ..settings()
    };
    assert!(response_of_one_delivery(settings(), None).await.is_some());
    assert_eq!(response_of_one_delivery(settings(), Some(false)).await, None);
    assert_eq!(response_of_one_delivery(none_kept, None).await, None);
}

#[tokio::test]
async fn promise_13_answers_are_forgotten_after_seven_days_and_the_attempts_are_not() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    world.endpoint(&receiver.url()).await;
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    world.clock.advance(7 * DAY + Duration::from_secs(1));
    let shutdown = CancellationToken::new();
    let (janitor, until_then) = (world.engine.clone(), shutdown.clone());
    let janitor = tokio::spawn(async move { janitor.run_janitor(until_then).await });
    until("the answer to be forgotten", || async {
        world.deliveries(job.id).await[0].attempts[0]
            .response
            .is_none()
            .then_some(())
    })
    .await;
    shutdown.cancel();
    janitor.await.unwrap();
    assert_eq!(world.deliveries(job.id).await[0].attempts[0].status, Some(200));
}

#[tokio::test]
async fn an_endpoint_that_takes_any_success_for_an_acknowledgement_is_believed() {
    let world = World::new(settings()).await;
    let receiver = Receiver::answering(|_| answer(204, "")).await;
    let strict = world.endpoint(&receiver.url()).await;
    let tested = world
        .engine
        .test_endpoint(&world.caller, strict.id)
        .await
        .unwrap();
    assert_ne!(tested.exchange.outcome, Outcome::Ok);
    let wish = EndpointWish {
        ack: Some(AckPolicy::Status),
        ..EndpointWish::default()
    };
    world
        .engine
        .update_endpoint(&world.caller, strict.id, wish)
        .await
        .unwrap();
    let tested = world
        .engine
        .test_endpoint(&world.caller, strict.id)
        .await
        .unwrap();
    assert_eq!(tested.exchange.outcome, Outcome::Ok);
    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
}

#[tokio::test]
async fn a_signature_belongs_to_one_delivery() {
    let world = present().await;
    let receiver = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let mut received = arrived(&world, &receiver, &endpoint).await;
    let secret = world.credentials(&endpoint).signing_secret.current;
    assert!(verified(&received, &secret).is_ok());
    let other = DeliveryId::new(&*world.clock, &*world.entropy).to_string();
    received.headers.insert("webhook-id", other.parse().unwrap());
    assert!(verified(&received, &secret).is_err());
}
