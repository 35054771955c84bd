//! Settings of endpoints, and the rotation of their credentials.

use std::time::Duration;

use sfumato_core::endpoint::{AckPolicy, Endpoint};
use sfumato_core::rotation::OVERLAP_MAX;
use sfumato_core::store::EndpointChange;
use sfumato_core::{EndpointId, StoreError};

use crate::{World, build};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn rotate_token(world: &World, endpoint: &Endpoint, overlap: Duration) -> Result<Endpoint, StoreError> {
    let token = build::sealed(1, &*world.entropy);
    world
        .store
        .rotate_token(endpoint.client, endpoint.id, &token, overlap)
        .await
}

async fn rotate_secret(
    world: &World,
    endpoint: &Endpoint,
    overlap: Duration,
) -> Result<Endpoint, StoreError> {
    let secret = build::sealed(1, &*world.entropy);
    world
        .store
        .rotate_signing_secret(endpoint.client, endpoint.id, &secret, overlap)
        .await
}

pub async fn settings_are_kept_and_reach_whoever_sends(world: World) {
    let client = world.client().await;
    let before = world.endpoint(client.id).await;
    world.pass(1);
    let change = EndpointChange {
        ack: Some(AckPolicy::Status),
        description: Some(Some("Billing".parse().unwrap())),
        keep_responses: Some(false),
        ..EndpointChange::default()
    };
    let changed = world
        .store
        .update_endpoint(client.id, before.id, change)
        .await
        .unwrap();
    let expected = Endpoint {
        ack: AckPolicy::Status,
        description: Some("Billing".parse().unwrap()),
        keep_responses: false,
        updated_at: world.now(),
        ..before.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(world.endpoint_now(&before).await, expected);
    world.submitted(client.id).await;
    assert_eq!(world.dispatch().await.endpoint, expected);
    let change = EndpointChange {
        description: Some(None),
        ..EndpointChange::default()
    };
    let changed = world
        .store
        .update_endpoint(client.id, before.id, change)
        .await
        .unwrap();
    assert_eq!((changed.description, changed.ack), (None, AckPolicy::Status));
}

pub async fn promise_6_a_rotated_credential_counts_until_its_overlap_ends(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.pass(1);
    let rotated = rotate_token(&world, &endpoint, DAY).await.unwrap();
    let until = world.now().after(DAY);
    assert_eq!(
        rotated.token.previous,
        Some((endpoint.token.current.clone(), until))
    );
    assert_eq!(rotated.signing_secret, endpoint.signing_secret);
    assert_eq!(rotated.updated_at, world.now());
    let rotated = rotate_secret(&world, &endpoint, DAY).await.unwrap();
    assert_eq!(
        rotated.signing_secret.previous,
        Some((endpoint.signing_secret.current.clone(), until))
    );
    assert_ne!(rotated.signing_secret.current, endpoint.signing_secret.current);
    assert_eq!(world.endpoint_now(&endpoint).await, rotated);
    world.submitted(client.id).await;
    assert_eq!(
        world.dispatch().await.endpoint,
        rotated,
        "whoever sends gets both"
    );
}

pub async fn a_rotation_waits_for_the_one_before_unless_it_has_no_overlap(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    rotate_token(&world, &endpoint, DAY).await.unwrap();
    let rotated = rotate_secret(&world, &endpoint, DAY).await.unwrap();
    for refused in [
        rotate_token(&world, &endpoint, DAY).await,
        rotate_secret(&world, &endpoint, DAY).await,
    ] {
        assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    }
    assert_eq!(world.endpoint_now(&endpoint).await, rotated);
    let ended = rotate_token(&world, &endpoint, Duration::ZERO).await.unwrap();
    assert_eq!(ended.token.previous, None);
    assert!(ended.signing_secret.previous.is_some());
    world.pass(DAY.as_secs());
    assert!(rotate_secret(&world, &endpoint, OVERLAP_MAX).await.is_ok());
}

pub async fn settling_ends_every_overlap_at_once(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    rotate_token(&world, &endpoint, DAY).await.unwrap();
    let rotated = rotate_secret(&world, &endpoint, DAY).await.unwrap();
    let settled = world
        .store
        .settle_rotations(client.id, endpoint.id)
        .await
        .unwrap();
    assert_eq!(settled.token, rotated.token.current.into());
    assert_eq!(settled.signing_secret, rotated.signing_secret.current.into());
    assert_eq!(world.endpoint_now(&endpoint).await, settled);
}

pub async fn promise_6_what_was_rotated_out_is_forgotten_after_its_overlap_and_not_before(world: World) {
    let client = world.client().await;
    let (one, two) = (world.endpoint(client.id).await, world.endpoint(client.id).await);
    rotate_token(&world, &one, DAY).await.unwrap();
    rotate_secret(&world, &one, DAY * 2).await.unwrap();
    rotate_secret(&world, &two, DAY).await.unwrap();
    assert_eq!(world.store.forget_rotated().await.unwrap(), 0);
    world.pass(DAY.as_secs());
    assert_eq!(world.store.forget_rotated().await.unwrap(), 2);
    let now = world.endpoint_now(&one).await;
    assert_eq!(now.token.previous, None);
    assert!(now.signing_secret.previous.is_some(), "its overlap has not ended");
    assert_eq!(world.endpoint_now(&two).await.signing_secret.previous, None);
    assert_eq!(world.store.forget_rotated().await.unwrap(), 0);
    world.pass(DAY.as_secs());
    assert_eq!(world.store.forget_rotated().await.unwrap(), 1);
}

pub async fn another_clients_endpoint_has_no_credentials_to_rotate(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let foreign = Endpoint {
        client: stranger.id,
        ..endpoint.clone()
    };
    let unknown = Endpoint {
        id: EndpointId::new(&*world.clock, &*world.entropy),
        ..endpoint.clone()
    };
    for nobody in [foreign, unknown] {
        let settled = world.store.settle_rotations(nobody.client, nobody.id).await;
        for refused in [
            rotate_token(&world, &nobody, DAY).await,
            rotate_secret(&world, &nobody, DAY).await,
            settled,
        ] {
            assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
        }
    }
    assert_eq!(world.endpoint_now(&endpoint).await, endpoint);
}
