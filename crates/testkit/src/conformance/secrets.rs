//! Sealed secrets: which keys they are sealed with, and sealing them again.

use std::time::Duration;

use sfumato_core::audit::{Action, Actor, AuditEntry, Detail};
use sfumato_core::endpoint::Endpoint;
use sfumato_core::store::{AuditFilter, Installation, KeyCheck, MasterKeyChange, SealedCredentials};
use sfumato_core::{AuditId, Clock, EndpointId, InstallationId, KeyId, Scope, StoreError};

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

/// The same credentials, all that there are sealed with key 3.
fn sealed_again(world: &World, before: &SealedCredentials) -> SealedCredentials {
    SealedCredentials {
        endpoint: before.endpoint,
        token: build::sealed(3, &*world.entropy),
        old_token: before
            .old_token
            .as_ref()
            .map(|_| build::sealed(3, &*world.entropy)),
        signing_secret: build::sealed(3, &*world.entropy),
        old_secret: before
            .old_secret
            .as_ref()
            .map(|_| build::sealed(3, &*world.entropy)),
    }
}

pub async fn what_is_sealed_again_takes_the_place_of_what_it_was(world: World) {
    let (kept, _) = scene(&world).await;
    for before in all(&world).await {
        let after = sealed_again(&world, &before);
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

/// Everything that is sealed, sealed with key 3, for an installation whose master key is 1 and becomes 2.
async fn change(world: &World) -> MasterKeyChange {
    let installation = Installation {
        id: InstallationId::new(&*world.clock, &*world.entropy),
        key: KeyCheck::from_bytes([1; 32]),
    };
    world.store.claim_for(installation).await.unwrap();
    let again = |before: SealedCredentials| {
        let after = sealed_again(world, &before);
        (before, after)
    };
    MasterKeyChange {
        from: installation.key,
        to: KeyCheck::from_bytes([2; 32]),
        retired: key(1),
        resealed: all(world).await.into_iter().map(again).collect(),
        entry: AuditEntry {
            id: AuditId::new(&*world.clock, &*world.entropy),
            at: world.clock.now(),
            actor: Actor::Operator,
            action: Action::MasterKeyRotated,
            subject: None,
            client: None,
            detail: Detail::new(),
            address: None,
        },
    }
}

/// Of the installation's master key, the keys that secrets are sealed with, and how much the audit log says.
async fn state(world: &World) -> (KeyCheck, Vec<(KeyId, u64)>, usize) {
    let store = &world.store;
    let installation = store.installation().await.unwrap().unwrap();
    let filter = AuditFilter::default();
    let log = store.audit_entries(Scope::All, &filter, None, 10).await.unwrap();
    (
        installation.key,
        store.sealing_keys().await.unwrap(),
        log.entries.len(),
    )
}

pub async fn a_master_key_changes_together_with_what_is_sealed_and_once(world: World) {
    scene(&world).await;
    let change = change(&world).await;
    assert!(world.store.change_master_key(&change).await.unwrap());
    let after = (change.to, vec![(key(3), 5)], 1);
    assert_eq!(state(&world).await, after);
    assert!(!world.store.change_master_key(&change).await.unwrap());
    assert_eq!(state(&world).await, after);
}

pub async fn a_master_key_stays_where_a_secret_is_not_what_it_was(world: World) {
    let (kept, _) = scene(&world).await;
    let change = change(&world).await;
    let next = build::sealed(4, &*world.entropy);
    world
        .store
        .rotate_signing_secret(kept.client, kept.id, &next, DAY)
        .await
        .unwrap();
    let before = state(&world).await;
    let refused = world.store.change_master_key(&change).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    assert_eq!(state(&world).await, before);
}

pub async fn a_master_key_stays_where_something_would_be_left_that_is_sealed_with_it(world: World) {
    scene(&world).await;
    let mut change = change(&world).await;
    change.resealed.pop().unwrap();
    let before = state(&world).await;
    let refused = world.store.change_master_key(&change).await;
    assert!(matches!(refused, Err(StoreError::UnderWay { .. })), "{refused:?}");
    assert_eq!(state(&world).await, before);
}
