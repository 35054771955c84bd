//! Secrets in the database: sealed, sealed again with another key, and what happens where a key is missing.

use std::time::Duration;

use sfumato_core::store::SealedSecrets;
use sfumato_engine::access::Keys;
use sfumato_engine::key_ring::KeyRing;
use sfumato_engine::vault::{self, SecretsError, Vault};

use crate::receiver::{Receiver, until};
use crate::world::{Courier, World, settings};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The key that the engine of a world has.
fn present() -> KeyRing {
    Keys::derive(&[1; 32]).vault().keys()
}

fn next() -> KeyRing {
    KeyRing::of(&[99; 32])
}

/// An endpoint with a rotation of both credentials under way.
async fn rotating(world: &World, url: &str) -> sfumato_core::Endpoint {
    let (engine, caller) = (&world.engine, &world.caller);
    let endpoint = world.endpoint(url).await;
    engine.rotate_token(caller, endpoint.id, DAY).await.unwrap();
    engine
        .rotate_signing_secret(caller, endpoint.id, DAY)
        .await
        .unwrap()
}

#[tokio::test]
async fn no_secret_lies_in_the_database_in_clear() {
    let world = World::new(settings()).await;
    let endpoint = rotating(&world, "http://127.0.0.1:19999/hook").await;
    let credentials = world.credentials(&endpoint);
    let file = world.database();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend(std::fs::read(file.with_extension("db-wal")).unwrap_or_default());
    let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(holds(b"http://127.0.0.1:19999/hook"), "the row is there");
    let (old_token, _) = credentials.token.previous.unwrap();
    let (old_secret, _) = credentials.signing_secret.previous.unwrap();
    for token in [credentials.token.current, old_token] {
        assert!(!holds(token.expose().as_bytes()));
    }
    for secret in [credentials.signing_secret.current, old_secret] {
        assert!(!holds(secret.as_bytes()) && !holds(secret.expose().as_bytes()));
    }
}

#[tokio::test]
async fn everything_is_sealed_again_and_opens_as_before() {
    let world = World::new(settings()).await;
    let before = rotating(&world, "http://127.0.0.1:19999/hook").await;
    let credentials = world.credentials(&before);
    let gone = world.endpoint("http://127.0.0.1:19999/gone").await;
    world
        .engine
        .delete_endpoint(&world.caller, gone.id)
        .await
        .unwrap();

    let vault = Vault::new(next().and(&present()));
    let found = vault::inventory(&*world.store, &vault).await.unwrap();
    assert!(!found.is_even());
    let counted: Vec<u64> = found.keys.iter().map(|used| used.secrets).collect();
    assert_eq!(counted, [0, 6]);
    let done = vault::reseal(&*world.store, &vault, &*world.entropy)
        .await
        .unwrap();
    assert_eq!((done.secrets, done.left), (6, 0));
    let again = vault::reseal(&*world.store, &vault, &*world.entropy)
        .await
        .unwrap();
    assert_eq!((again.secrets, again.left), (0, 6), "there is nothing left to do");

    let found = vault::inventory(&*world.store, &vault).await.unwrap();
    assert!(found.is_even());
    assert_eq!(found.idle().collect::<Vec<_>>(), [present().current_id()]);
    let after = world.endpoint_now(before.id).await;
    let only_next = Vault::new(next());
    assert_eq!(only_next.credentials(&after), Ok(credentials));
    vault::check(&*world.store, &only_next).await.unwrap();
}

#[tokio::test]
async fn a_missing_key_is_told_before_anything_is_done() {
    let world = World::new(settings()).await;
    world.endpoint("http://127.0.0.1:19999/hook").await;
    let wrong = Vault::new(next());
    let refused = vault::check(&*world.store, &wrong).await.unwrap_err();
    assert!(
        matches!(refused, SecretsError::KeyMissing { key, secrets: 2 } if key == present().current_id()),
        "{refused}"
    );
    assert!(refused.to_string().contains("put it back"), "{refused}");
    let refused = vault::reseal(&*world.store, &wrong, &*world.entropy).await;
    assert!(matches!(refused, Err(SecretsError::KeyMissing { .. })));
}

#[tokio::test]
async fn a_delivery_that_cannot_be_signed_waits_for_the_key_and_its_endpoint_does_not_pay() {
    let world = World::new(settings()).await;
    let receiver = Receiver::obedient().await;
    let endpoint = world.endpoint(&receiver.url()).await;
    let ahead = Vault::new(next().and(&present()));
    vault::reseal(&*world.store, &ahead, &*world.entropy)
        .await
        .unwrap();

    let job = world.submit().await;
    let courier = Courier::start(&world.engine);
    until("an attempt that failed by our fault", || async {
        let records = world.deliveries(job.id).await;
        records[0].attempts.first().map(|attempt| assert!(attempt.ours))
    })
    .await;
    assert!(receiver.received().is_empty());
    let health = world.endpoint_now(endpoint.id).await.health;
    assert_eq!((health.consecutive_failures, health.failing_since), (0, None));
    assert!(
        world
            .engine
            .credentials(&world.endpoint_now(endpoint.id).await)
            .is_err()
    );

    let back = Vault::new(present().and(&next()));
    vault::reseal(&*world.store, &back, &*world.entropy)
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(600));
    world.wait_for_states(job.id, &["delivered"]).await;
    courier.stop().await;
    assert_eq!(
        world.store.sealing_keys().await.unwrap()[0].0,
        present().current_id()
    );
}
