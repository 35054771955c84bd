//! Sealed secrets: which keys they are sealed with, and sealing them again.

use std::time::Duration;

use sfumato_core::endpoint::Endpoint;
use sfumato_core::store::SealedCredentials;
use sfumato_core::{EndpointId, KeyId};

use crate::{World, build};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const fn key(number: u8) -> KeyId {
    KeyId::from_bytes([number; KeyId::BYTES])
}

async fn all(world: &World) -> Vec<SealedCredentials> {
    world.store.sealed_credentials(None, 100).await.unwrap()
}

/// Two endpoints, of which one has an overlap of its token and the other was deleted.
async fn scene(world: &World) -> (Endpoint, Endpoint) {
    let client = world.client().await;
    let (kept, gone) = (world.endpoint(client.id).await, world.endpoint(client.id).await);
    let next = build::sealed(2, &*world.entropy);
    let kept = world
        .store
        .rotate_token(client.id, kept.id, &next, DAY)
        .await
        .unwrap();
    world.store.delete_endpoint(client.id, gone.id).await.unwrap();
    (kept, gone)
}

pub async fn secrets_are_counted_by_their_keys(world: World) {
    assert_eq!(world.store.sealing_keys().await.unwrap(), []);
    scene(&world).await;
    let counted = world.store.sealing_keys().await.unwrap();
    assert_eq!(counted, [(key(1), 4), (key(2), 1)]);
}

pub async fn sealed_credentials_are_read_page_by_page_and_of_deleted_endpoints_too(world: World) {
    let (kept, gone) = scene(&world).await;
    let mut read: Vec<SealedCredentials> = vec![];
    loop {
        let after = read.last().map(|last| last.endpoint);
        let page = world.store.sealed_credentials(after, 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    let mut expected = [kept.id, gone.id];
    expected.sort_by_key(|id| id.as_uuid());
    let endpoints: Vec<EndpointId> = read.iter().map(|one| one.endpoint).collect();
    assert_eq!(endpoints, expected);
    let of_kept = read.iter().find(|one| one.endpoint == kept.id).unwrap();
    assert_eq!(of_kept.token, kept.token.current);
    assert_eq!(of_kept.old_token, kept.token.previous.map(|(old, _)| old));
    assert_eq!(of_kept.signing_secret, kept.signing_secret.current);
    assert_eq!(of_kept.old_secret, None);
    assert_eq!(of_kept.keys().collect::<Vec<_>>(), [key(2), key(1), key(1)]);
}

pub async fn what_is_sealed_again_takes_the_place_of_what_it_was(world: World) {
    let (kept, _) = scene(&world).await;
    for before in all(&world).await {
        let after = SealedCredentials {
            endpoint: before.endpoint,
            token: build::sealed(3, &*world.entropy),
            old_token: before
                .old_token
                .as_ref()
                .map(|_| build::sealed(3, &*world.entropy)),
            signing_secret: build::sealed(3, &*world.entropy),
            old_secret: None,
        };
        assert!(world.store.reseal(&before, &after).await.unwrap());
        assert!(
            !world.store.reseal(&before, &after).await.unwrap(),
            "it is something else already"
        );
    }
    assert_eq!(world.store.sealing_keys().await.unwrap(), [(key(3), 5)]);
    let now = world.endpoint_now(&kept).await;
    assert_eq!(now.updated_at, kept.updated_at, "nobody changed the endpoint");
    let until = |endpoint: &Endpoint| endpoint.token.previous.as_ref().map(|(_, until)| *until);
    assert_eq!(until(&now), until(&kept));
}

pub async fn a_rotation_in_between_is_not_overwritten(world: World) {
    let (kept, _) = scene(&world).await;
    let read = all(&world).await;
    let before = read.iter().find(|one| one.endpoint == kept.id).unwrap();
    let next = build::sealed(4, &*world.entropy);
    let rotated = world
        .store
        .rotate_signing_secret(kept.client, kept.id, &next, DAY)
        .await
        .unwrap();
    let after = SealedCredentials {
        token: build::sealed(3, &*world.entropy),
        ..before.clone()
    };
    assert!(!world.store.reseal(before, &after).await.unwrap());
    assert_eq!(world.endpoint_now(&kept).await, rotated);
}
