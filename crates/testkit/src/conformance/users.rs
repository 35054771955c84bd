//! People, their sessions and their setup links.

use std::sync::Arc;
use std::time::Duration;

use sfumato_core::client::SecretHash;
use sfumato_core::store::UserChange;
use sfumato_core::user::{PasswordHash, SetupLink, UserSession};
use sfumato_core::{ClientId, Role, SessionId, StoreError, User, UserId, UserName, UserState};
use tokio::task::JoinSet;

use crate::{World, build};

const HOUR: Duration = Duration::from_secs(3600);

fn not_found<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::NotFound { .. })), "{answer:?}");
}

fn password(text: &str) -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id${text}"))
}

fn unsaved(world: &World, name: &str) -> User {
    User {
        id: UserId::new(&*world.clock, &*world.entropy),
        name: name.parse().unwrap(),
        role: Role::Administrator,
        state: UserState::Active,
        password: None,
        created_at: world.now(),
        last_sign_in_at: None,
        password_changed_at: None,
    }
}

async fn user(world: &World, name: &str) -> User {
    let user = unsaved(world, name);
    world.store.create_user(&user).await.unwrap();
    user
}

async fn now(world: &World, user: &User) -> User {
    world.store.user(user.id).await.unwrap().unwrap()
}

async fn session(world: &World, user: &User) -> UserSession {
    let session = unopened(world, user.id);
    world.store.open_session(&session).await.unwrap();
    session
}

fn unopened(world: &World, user: UserId) -> UserSession {
    UserSession {
        id: SessionId::new(&*world.clock, &*world.entropy),
        token: build::secret_hash(&*world.entropy),
        user,
        created_at: world.now(),
        last_seen_at: world.now(),
        expires_at: world.now().after(HOUR),
        user_agent: "Browser/1.0".into(),
        address: Some("2001:db8::1".parse().unwrap()),
    }
}

async fn link(world: &World, user: Option<UserId>) -> SetupLink {
    let link = SetupLink {
        token: build::secret_hash(&*world.entropy),
        user,
        expires_at: world.now().after(HOUR),
    };
    world.store.put_setup_link(&link).await.unwrap();
    link
}

async fn works(world: &World, token: &SecretHash) -> bool {
    world.store.setup_link(token).await.unwrap().is_some()
}

async fn stands(world: &World, session: &UserSession) -> bool {
    let found = world.store.session_by_token(&session.token).await;
    found.unwrap().is_some()
}

pub async fn a_user_is_found_by_name_and_identifier_as_it_was_written(world: World) {
    assert!(!world.store.has_users().await.unwrap());
    let client = world.client().await;
    let ada = User {
        role: Role::Member(client.id),
        password: Some(password("a")),
        password_changed_at: Some(world.now()),
        ..unsaved(&world, "ada@example.com")
    };
    world.store.create_user(&ada).await.unwrap();
    assert!(world.store.has_users().await.unwrap());
    let name: UserName = "Ada@Example.com".parse().unwrap();
    assert_eq!(world.store.user_by_name(&name).await.unwrap(), Some(ada.clone()));
    assert_eq!(world.store.user(ada.id).await.unwrap(), Some(ada));
}

pub async fn users_are_listed_by_name(world: World) {
    let bob = user(&world, "bob").await;
    let ada = user(&world, "ada").await;
    assert_eq!(world.store.users().await.unwrap(), [ada, bob]);
}

pub async fn a_name_belongs_to_one_user_only(world: World) {
    let ada = user(&world, "ada").await;
    let refused = world.store.create_user(&unsaved(&world, "ada")).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists { .. })),
        "{refused:?}"
    );
    assert_eq!(world.store.users().await.unwrap(), [ada]);
}

pub async fn a_member_of_a_client_that_does_not_exist_is_refused(world: World) {
    let nobody = ClientId::new(&*world.clock, &*world.entropy);
    let lost = User {
        role: Role::Member(nobody),
        ..unsaved(&world, "ada")
    };
    let refused = world.store.create_user(&lost).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.store.users().await.unwrap(), []);
}

pub async fn a_change_of_a_user_leaves_what_it_does_not_name(world: World) {
    let client = world.client().await;
    let ada = user(&world, "ada").await;
    let kept = session(&world, &ada).await;
    let change = UserChange {
        role: Some(Role::Member(client.id)),
        state: None,
    };
    let changed = world.store.update_user(ada.id, change).await.unwrap();
    assert_eq!(
        (changed.role, changed.state),
        (Role::Member(client.id), ada.state)
    );
    assert_eq!(now(&world, &ada).await, changed);
    assert!(stands(&world, &kept).await);
    not_found(
        world
            .store
            .update_user(unsaved(&world, "x").id, UserChange::default())
            .await,
    );
}

pub async fn a_user_who_is_disabled_has_no_session_and_gets_none(world: World) {
    let ada = user(&world, "ada").await;
    let ended = session(&world, &ada).await;
    let change = |state| UserChange {
        role: None,
        state: Some(state),
    };
    world
        .store
        .update_user(ada.id, change(UserState::Disabled))
        .await
        .unwrap();
    assert!(!stands(&world, &ended).await);
    not_found(world.store.open_session(&unopened(&world, ada.id)).await);
    world
        .store
        .update_user(ada.id, change(UserState::Active))
        .await
        .unwrap();
    assert!(!stands(&world, &ended).await, "what has ended stays ended");
    session(&world, &ada).await;
}

pub async fn a_new_password_ends_every_session_but_the_one_to_keep(world: World) {
    let ada = user(&world, "ada").await;
    let bob = user(&world, "bob").await;
    let [kept, ended] = [session(&world, &ada).await, session(&world, &ada).await];
    let others = session(&world, &bob).await;
    let invited = link(&world, Some(ada.id)).await;
    world.pass(5);
    let given = password("b");
    world
        .store
        .set_password(ada.id, &given, Some(kept.id))
        .await
        .unwrap();
    let changed = now(&world, &ada).await;
    assert_eq!(changed.password, Some(given.clone()));
    assert_eq!(changed.password_changed_at, Some(world.now()));
    assert!(stands(&world, &kept).await && stands(&world, &others).await);
    assert!(!stands(&world, &ended).await);
    assert!(!works(&world, &invited.token).await);
    not_found(
        world
            .store
            .set_password(unsaved(&world, "x").id, &given, None)
            .await,
    );
}

pub async fn a_deleted_user_takes_sessions_and_links_along(world: World) {
    let ada = user(&world, "ada").await;
    let bob = user(&world, "bob").await;
    let (gone, invited) = (session(&world, &ada).await, link(&world, Some(ada.id)).await);
    let kept = session(&world, &bob).await;
    world.store.delete_user(ada.id).await.unwrap();
    assert_eq!(world.store.user(ada.id).await.unwrap(), None);
    assert!(!stands(&world, &gone).await && !works(&world, &invited.token).await);
    assert!(stands(&world, &kept).await);
    not_found(world.store.delete_user(ada.id).await);
}

pub async fn a_session_is_found_by_its_token_with_its_user(world: World) {
    let ada = user(&world, "ada").await;
    world.pass(5);
    let opened = session(&world, &ada).await;
    let found = world.store.session_by_token(&opened.token).await.unwrap();
    let (session, user) = found.unwrap();
    assert_eq!(session, opened);
    assert_eq!(user.last_sign_in_at, Some(world.now()));
    let unknown = build::secret_hash(&*world.entropy);
    assert_eq!(world.store.session_by_token(&unknown).await.unwrap(), None);
}

pub async fn a_session_remembers_its_last_use_and_never_an_earlier_one(world: World) {
    let ada = user(&world, "ada").await;
    let opened = session(&world, &ada).await;
    let later = world.now().after(HOUR / 2);
    for seen_at in [later, world.now()] {
        world.store.touch_session(opened.id, seen_at).await.unwrap();
    }
    let sessions = world.store.sessions_of_user(ada.id).await.unwrap();
    assert_eq!(sessions[0].last_seen_at, later);
}

pub async fn sessions_are_listed_last_used_first_to_their_user_alone(world: World) {
    let ada = user(&world, "ada").await;
    let bob = user(&world, "bob").await;
    let first = session(&world, &ada).await;
    world.pass(1);
    let second = session(&world, &ada).await;
    session(&world, &bob).await;
    assert_eq!(
        world.store.sessions_of_user(ada.id).await.unwrap(),
        [second, first]
    );
}

pub async fn a_session_is_ended_by_its_own_user_alone(world: World) {
    let ada = user(&world, "ada").await;
    let bob = user(&world, "bob").await;
    let opened = session(&world, &ada).await;
    world.store.end_session(bob.id, opened.id).await.unwrap();
    assert!(stands(&world, &opened).await);
    world.store.end_session(ada.id, opened.id).await.unwrap();
    assert!(!stands(&world, &opened).await);
}

pub async fn all_sessions_of_a_user_end_at_once(world: World) {
    let ada = user(&world, "ada").await;
    let bob = user(&world, "bob").await;
    let [kept, ended] = [session(&world, &ada).await, session(&world, &ada).await];
    let others = session(&world, &bob).await;
    assert_eq!(world.store.end_sessions(ada.id, Some(kept.id)).await.unwrap(), 1);
    assert!(stands(&world, &kept).await && !stands(&world, &ended).await);
    assert_eq!(world.store.end_sessions(ada.id, None).await.unwrap(), 1);
    assert!(!stands(&world, &kept).await && stands(&world, &others).await);
}

pub async fn a_newer_setup_link_voids_the_earlier_ones_for_the_same_purpose(world: World) {
    let ada = user(&world, "ada").await;
    let first = link(&world, None).await;
    let adas = link(&world, Some(ada.id)).await;
    let newer = link(&world, Some(ada.id)).await;
    assert!(works(&world, &first.token).await && works(&world, &newer.token).await);
    assert!(!works(&world, &adas.token).await);
    let second = link(&world, None).await;
    assert!(!works(&world, &first.token).await && works(&world, &second.token).await);
    let lost = SetupLink {
        user: Some(unsaved(&world, "x").id),
        ..newer
    };
    not_found(world.store.put_setup_link(&lost).await);
}

pub async fn a_setup_link_works_until_it_expires(world: World) {
    let ada = user(&world, "ada").await;
    let given = link(&world, Some(ada.id)).await;
    world.pass(3599);
    assert!(works(&world, &given.token).await);
    world.pass(1);
    assert!(!works(&world, &given.token).await);
    not_found(world.store.choose_password(&given, &password("a")).await);
}

pub async fn the_first_user_is_made_once_and_only_with_a_link(world: World) {
    let given = link(&world, None).await;
    let unknown = SetupLink {
        token: build::secret_hash(&*world.entropy),
        ..given.clone()
    };
    let ada = unsaved(&world, "ada");
    not_found(world.store.create_first_user(&unknown, &ada).await);
    world.store.create_first_user(&given, &ada).await.unwrap();
    assert!(!works(&world, &given.token).await);
    let again = link(&world, None).await;
    not_found(
        world
            .store
            .create_first_user(&again, &unsaved(&world, "eve"))
            .await,
    );
    assert_eq!(world.store.users().await.unwrap(), [ada]);
}

pub async fn a_password_is_chosen_once_with_a_link(world: World) {
    let ada = user(&world, "ada").await;
    let ended = session(&world, &ada).await;
    let given = link(&world, Some(ada.id)).await;
    let first = link(&world, None).await;
    let chosen = world.store.choose_password(&given, &password("a")).await;
    assert_eq!(chosen.unwrap(), ada.id);
    assert_eq!(now(&world, &ada).await.password, Some(password("a")));
    assert!(!stands(&world, &ended).await);
    not_found(world.store.choose_password(&given, &password("b")).await);
    not_found(world.store.choose_password(&first, &password("b")).await);
    assert_eq!(now(&world, &ada).await.password, Some(password("a")));
}

pub async fn sessions_and_links_that_have_ended_are_forgotten(world: World) {
    let ada = user(&world, "ada").await;
    let old = session(&world, &ada).await;
    let invited = link(&world, Some(ada.id)).await;
    world.pass(3601);
    let young = session(&world, &ada).await;
    assert_eq!(world.store.prune(world.now()).await.unwrap(), 2);
    assert!(!stands(&world, &old).await && stands(&world, &young).await);
    assert!(!works(&world, &invited.token).await);
    assert_eq!(world.store.prune(world.now()).await.unwrap(), 0);
}

pub async fn a_setup_link_works_once_however_many_use_it(world: World) {
    let given = link(&world, None).await;
    let mut requests = JoinSet::new();
    for number in 0..8 {
        let (store, given) = (Arc::clone(&world.store), given.clone());
        let user = unsaved(&world, &format!("user{number}"));
        requests.spawn(async move { store.create_first_user(&given, &user).await });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let users = world.store.users().await.unwrap();
    let [user] = &users[..] else {
        panic!("{users:?}");
    };
    let given = link(&world, Some(user.id)).await;
    let mut requests = JoinSet::new();
    for number in 0..8 {
        let (store, given) = (Arc::clone(&world.store), given.clone());
        let password = password(&number.to_string());
        requests.spawn(async move { store.choose_password(&given, &password).await });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}
