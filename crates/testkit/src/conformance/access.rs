//! Clients, logins and refresh tokens.

use std::time::Duration;

use sfumato_core::store::{RefreshOutcome, RefreshToken};
use sfumato_core::{ClientId, ClientKey, ClientState, LoginId, StoreError};

use crate::{World, build};

pub async fn a_client_is_found_by_its_key(world: World) {
    let client = world.client().await;
    world.client().await;
    let found = world.store.client_by_key(&client.key).await.unwrap();
    assert_eq!(found, Some(client));
}

pub async fn an_unknown_key_names_no_client(world: World) {
    world.client().await;
    let found = world.store.client_by_key(&ClientKey::new("client_x")).await;
    assert_eq!(found.unwrap(), None);
}

pub async fn clients_are_listed_oldest_first(world: World) {
    let first = world.client().await;
    world.pass(1);
    let second = world.client().await;
    assert_eq!(world.store.clients().await.unwrap(), [first, second]);
}

pub async fn a_key_names_one_client_only(world: World) {
    let client = world.client().await;
    let mut twin = build::client(&*world.clock, &*world.entropy);
    twin.key = client.key.clone();
    let refused = world.store.create_client(&twin).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.store.clients().await.unwrap(), [client]);
}

pub async fn a_rotated_secret_leaves_the_previous_one_until_its_time(world: World) {
    let client = world.client().await;
    let new = build::secret_hash(&*world.entropy);
    let until = world.now().after(Duration::from_secs(60));
    world.store.rotate_secret(&client.key, &new, until).await.unwrap();
    let now = world.store.client_by_key(&client.key).await.unwrap().unwrap();
    assert_eq!(now.secret, new);
    assert_eq!(now.previous_secret, Some((client.secret, until)));
}

pub async fn a_second_rotation_forgets_the_oldest_secret(world: World) {
    let client = world.client().await;
    let [second, third] = [(); 2].map(|()| build::secret_hash(&*world.entropy));
    let until = world.now().after(Duration::from_secs(60));
    for secret in [&second, &third] {
        world
            .store
            .rotate_secret(&client.key, secret, until)
            .await
            .unwrap();
    }
    let now = world.store.client_by_key(&client.key).await.unwrap().unwrap();
    assert_eq!(now.secret, third);
    assert_eq!(now.previous_secret, Some((second, until)));
}

pub async fn a_client_that_does_not_exist_cannot_be_changed(world: World) {
    let client = world.client().await;
    let nobody = ClientKey::new("client_x");
    let secret = build::secret_hash(&*world.entropy);
    let rotated = world.store.rotate_secret(&nobody, &secret, world.now()).await;
    assert!(matches!(rotated, Err(StoreError::NotFound { .. })));
    let disabled = world.store.set_client_state(&nobody, ClientState::Disabled).await;
    assert!(matches!(disabled, Err(StoreError::NotFound { .. })));
    let renamed = world.store.rename_client(&nobody, "Nobody").await;
    assert!(matches!(renamed, Err(StoreError::NotFound { .. })));
    assert_eq!(world.store.clients().await.unwrap(), [client]);
}

pub async fn a_renamed_client_is_the_same_otherwise(world: World) {
    let client = world.client().await;
    let other = world.client().await;
    world
        .store
        .rename_client(&client.key, "Acme & Sons")
        .await
        .unwrap();
    let renamed = sfumato_core::Client {
        name: "Acme & Sons".into(),
        ..client
    };
    // Of two that were made at the same time either may come first.
    let clients = world.store.clients().await.unwrap();
    assert_eq!(clients.len(), 2);
    assert!(
        clients.contains(&renamed) && clients.contains(&other),
        "{clients:?}"
    );
}

pub async fn a_new_login_has_a_session(world: World) {
    let client = world.client().await;
    let (login, _) = world.login(client.id).await;
    let session = world.store.session(login.id).await.unwrap().unwrap();
    assert_eq!(session.client, client.id);
    assert_eq!(session.client_state, ClientState::Active);
    assert!(!session.revoked);
}

pub async fn a_login_that_does_not_exist_has_no_session(world: World) {
    let login = LoginId::new(&*world.clock, &*world.entropy);
    assert_eq!(world.store.session(login).await.unwrap(), None);
    // Ending it is no error: it has ended.
    world.store.revoke_login(login).await.unwrap();
}

pub async fn a_revoked_login_stays_revoked_and_takes_no_other_with_it(world: World) {
    let client = world.client().await;
    let (ended, _) = world.login(client.id).await;
    let (other, _) = world.login(client.id).await;
    for _ in 0..2 {
        world.store.revoke_login(ended.id).await.unwrap();
        assert!(world.store.session(ended.id).await.unwrap().unwrap().revoked);
    }
    assert!(!world.store.session(other.id).await.unwrap().unwrap().revoked);
}

pub async fn a_client_that_is_shut_out_shows_so_in_its_sessions(world: World) {
    let client = world.client().await;
    let neighbour = world.client().await;
    let (login, _) = world.login(client.id).await;
    let (other, _) = world.login(neighbour.id).await;
    let set = |state| world.store.set_client_state(&client.key, state);
    set(ClientState::Disabled).await.unwrap();
    let session = world.store.session(login.id).await.unwrap().unwrap();
    assert_eq!(session.client_state, ClientState::Disabled);
    assert!(session.revoked);
    let session = world.store.session(other.id).await.unwrap().unwrap();
    assert!(!session.revoked && session.client_state == ClientState::Active);

    set(ClientState::Active).await.unwrap();
    let session = world.store.session(login.id).await.unwrap().unwrap();
    assert_eq!(session.client_state, ClientState::Active);
    assert!(session.revoked, "a login from before does not come back to life");
}

async fn refresh(
    world: &World,
    client: ClientId,
    presented: &RefreshToken,
) -> (RefreshOutcome, RefreshToken) {
    let next = world.refresh_token();
    let outcome = world
        .store
        .rotate_refresh_token(client, &presented.hash, &next)
        .await
        .unwrap();
    (outcome, next)
}

pub async fn a_refresh_token_is_exchanged_for_the_next(world: World) {
    let client = world.client().await;
    let (login, mut token) = world.login(client.id).await;
    for _ in 0..3 {
        let (outcome, next) = refresh(&world, client.id, &token).await;
        assert_eq!(outcome, RefreshOutcome::Rotated(login.id));
        token = next;
    }
    assert!(!world.store.session(login.id).await.unwrap().unwrap().revoked);
}

pub async fn a_refresh_token_that_is_used_twice_ends_the_whole_login(world: World) {
    let client = world.client().await;
    let (login, first) = world.login(client.id).await;
    let (other, _) = world.login(client.id).await;
    let (_, second) = refresh(&world, client.id, &first).await;
    let (outcome, third) = refresh(&world, client.id, &first).await;
    assert_eq!(outcome, RefreshOutcome::Reused(login.id));
    assert!(world.store.session(login.id).await.unwrap().unwrap().revoked);
    assert!(!world.store.session(other.id).await.unwrap().unwrap().revoked);
    for token in [second, third] {
        assert_eq!(
            refresh(&world, client.id, &token).await.0,
            RefreshOutcome::Refused
        );
    }
}

pub async fn a_refresh_token_that_does_not_exist_is_refused(world: World) {
    let client = world.client().await;
    world.login(client.id).await;
    let made_up = world.refresh_token();
    assert_eq!(
        refresh(&world, client.id, &made_up).await.0,
        RefreshOutcome::Refused
    );
}

pub async fn a_refresh_token_works_until_it_expires(world: World) {
    let client = world.client().await;
    let (login, early) = world.login(client.id).await;
    world.pass(3599);
    let (outcome, late) = refresh(&world, client.id, &early).await;
    assert_eq!(outcome, RefreshOutcome::Rotated(login.id));
    world.pass(3600);
    assert_eq!(refresh(&world, client.id, &late).await.0, RefreshOutcome::Refused);
    assert_eq!(
        refresh(&world, client.id, &early).await.0,
        RefreshOutcome::Refused,
        "an expired token says nothing any more, also if it had been exchanged"
    );
    assert!(!world.store.session(login.id).await.unwrap().unwrap().revoked);
}

pub async fn a_refresh_token_of_a_revoked_login_is_refused(world: World) {
    let client = world.client().await;
    let (login, token) = world.login(client.id).await;
    world.store.revoke_login(login.id).await.unwrap();
    assert_eq!(
        refresh(&world, client.id, &token).await.0,
        RefreshOutcome::Refused
    );
}

pub async fn a_refresh_token_of_a_client_that_is_shut_out_is_refused(world: World) {
    let client = world.client().await;
    let (_, token) = world.login(client.id).await;
    for state in [ClientState::Disabled, ClientState::Active] {
        world.store.set_client_state(&client.key, state).await.unwrap();
        assert_eq!(
            refresh(&world, client.id, &token).await.0,
            RefreshOutcome::Refused
        );
    }
}

pub async fn another_clients_refresh_token_changes_nothing(world: World) {
    let owner = world.client().await;
    let thief = world.client().await;
    let (login, token) = world.login(owner.id).await;
    let (outcome, next) = refresh(&world, thief.id, &token).await;
    assert_eq!(outcome, RefreshOutcome::OfAnotherClient);
    assert_eq!(refresh(&world, thief.id, &next).await.0, RefreshOutcome::Refused);
    assert_eq!(
        refresh(&world, owner.id, &token).await.0,
        RefreshOutcome::Rotated(login.id)
    );
}

pub async fn pruning_forgets_only_what_has_ended(world: World) {
    let client = world.client().await;
    let (revoked, _) = world.login(client.id).await;
    let (expired, _) = world.login(client.id).await;
    world.store.revoke_login(revoked.id).await.unwrap();
    world.pass(3601);
    let (alive, first) = world.login(client.id).await;
    let (_, second) = refresh(&world, client.id, &first).await;
    world.pass(1);

    let forgotten = world.store.prune(world.now()).await.unwrap();
    assert!(forgotten >= 2, "{forgotten}");
    for login in [revoked, expired] {
        let session = world.store.session(login.id).await.unwrap();
        assert!(session.is_none_or(|session| session.revoked));
    }
    assert!(!world.store.session(alive.id).await.unwrap().unwrap().revoked);
    assert_eq!(
        refresh(&world, client.id, &second).await.0,
        RefreshOutcome::Rotated(alive.id)
    );
    assert_eq!(
        refresh(&world, client.id, &first).await.0,
        RefreshOutcome::Reused(alive.id),
        "a token that was exchanged is remembered until it expires"
    );
}

pub async fn a_login_of_a_client_that_does_not_exist_is_refused(world: World) {
    let nobody = build::client(&*world.clock, &*world.entropy);
    let login = build::login(nobody.id, &*world.clock, &*world.entropy);
    let refused = world.store.open_login(&login, &world.refresh_token()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.store.session(login.id).await.unwrap(), None);
}

pub async fn a_working_store_answers_a_ping(world: World) {
    world.store.ping().await.unwrap();
}
