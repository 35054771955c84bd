//! The audit log: only added to, read by whoever may, forgotten in time.

use sfumato_core::audit::{Action, Actor, AuditEntry, Detail, Subject};
use sfumato_core::store::AuditFilter;
use sfumato_core::{AuditId, ClientId, EndpointId, Scope, Timestamp, UserId};

use crate::World;

fn entry(world: &World, actor: Actor, action: Action) -> AuditEntry {
    world.pass(1);
    AuditEntry {
        id: AuditId::new(&*world.clock, &*world.entropy),
        at: world.now(),
        actor,
        action,
        subject: None,
        client: None,
        detail: Detail::new(),
        address: None,
    }
}

async fn added(world: &World, entry: AuditEntry) -> AuditEntry {
    world.store.add_audit_entry(&entry).await.unwrap();
    entry
}

async fn read(world: &World, scope: Scope, filter: AuditFilter) -> Vec<AuditEntry> {
    let page = world
        .store
        .audit_entries(scope, &filter, None, 100)
        .await
        .unwrap();
    assert_eq!(page.next, None);
    page.entries
}

fn user(world: &World, name: &str) -> (UserId, Actor) {
    let id = UserId::new(&*world.clock, &*world.entropy);
    let name = name.to_owned();
    (id, Actor::User { id, name })
}

pub async fn entries_read_back_as_they_were_written_newest_first(world: World) {
    let client = world.client().await;
    let (id, person) = user(&world, "someone");
    let mut written = Vec::new();
    for (n, actor) in [
        person,
        Actor::Client {
            id: client.id,
            name: client.name.clone(),
        },
        Actor::Operator,
        Actor::Stranger {
            name: "“;--".into()
        },
        Actor::System,
    ]
    .into_iter()
    .enumerate()
    {
        let mut entry = entry(&world, actor, Action::ALL[n]);
        if n % 2 == 0 {
            entry.subject = Some(Subject::User(id));
            entry.client = Some(client.id);
            entry.detail = Detail::from([("role".to_owned(), "member → administrator".to_owned())]);
            entry.address = Some("2001:db8::1".parse().unwrap());
        }
        written.insert(0, added(&world, entry).await);
    }
    assert_eq!(read(&world, Scope::All, AuditFilter::default()).await, written);
}

pub async fn entries_are_chosen_by_action_person_subject_and_time(world: World) {
    let [(ada, ada_actor), (_, other_actor)] = [user(&world, "ada"), user(&world, "other")];
    let endpoint = EndpointId::new(&*world.clock, &*world.entropy);
    let first = added(&world, entry(&world, ada_actor.clone(), Action::SignedIn)).await;
    let about = AuditEntry {
        subject: Some(Subject::Endpoint(endpoint)),
        ..entry(&world, other_actor, Action::EndpointDeleted)
    };
    let about = added(&world, about).await;
    let last = added(&world, entry(&world, ada_actor, Action::SignedOut)).await;
    let every = AuditFilter::default();
    for (filter, expected) in [
        (
            AuditFilter {
                actions: vec![Action::SignedIn, Action::SignedOut],
                ..every.clone()
            },
            vec![&last, &first],
        ),
        (
            AuditFilter {
                user: Some(ada),
                ..every.clone()
            },
            vec![&last, &first],
        ),
        (
            AuditFilter {
                subject: Some(endpoint.as_uuid()),
                ..every.clone()
            },
            vec![&about],
        ),
        (
            AuditFilter {
                since: Some(about.at),
                ..every.clone()
            },
            vec![&last, &about],
        ),
        (
            AuditFilter {
                until: Some(last.at),
                user: Some(ada),
                ..every.clone()
            },
            vec![&first],
        ),
        (
            AuditFilter {
                actions: vec![Action::UserCreated],
                ..every
            },
            vec![],
        ),
    ] {
        let found = read(&world, Scope::All, filter.clone()).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub async fn a_member_sees_entries_about_one_client_only(world: World) {
    let clients = [world.client().await.id, world.client().await.id];
    let (id, actor) = user(&world, "someone");
    let of = |client: Option<ClientId>| AuditEntry {
        client,
        subject: Some(Subject::User(id)),
        ..entry(&world, actor.clone(), Action::EndpointCreated)
    };
    let own = added(&world, of(Some(clients[0]))).await;
    added(&world, of(Some(clients[1]))).await;
    added(&world, of(None)).await;
    for filter in [
        AuditFilter::default(),
        AuditFilter {
            user: Some(id),
            ..AuditFilter::default()
        },
        AuditFilter {
            subject: Some(id.as_uuid()),
            ..AuditFilter::default()
        },
    ] {
        let seen = read(&world, Scope::Client(clients[0]), filter.clone()).await;
        assert_eq!(seen[..], *std::slice::from_ref(&own), "{filter:?}");
        assert_eq!(read(&world, Scope::All, filter).await.len(), 3);
    }
}

pub async fn the_audit_log_is_read_page_by_page(world: World) {
    let mut written = Vec::new();
    for _ in 0..5 {
        written.insert(
            0,
            added(&world, entry(&world, Actor::Operator, Action::ClientCreated)).await,
        );
    }
    for limit in [1, 2, 5] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = world
                .store
                .audit_entries(Scope::All, &AuditFilter::default(), before, limit)
                .await
                .unwrap();
            assert!(page.entries.len() <= limit);
            seen.extend(page.entries);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, written);
    }
}

pub async fn old_entries_are_forgotten_and_young_ones_kept(world: World) {
    added(&world, entry(&world, Actor::System, Action::UserCreated)).await;
    world.pass(100);
    let young = added(&world, entry(&world, Actor::System, Action::UserDeleted)).await;
    let forget = async |before: Timestamp| world.store.forget_audit_entries(before).await.unwrap();
    assert_eq!(forget(young.at).await, 1);
    assert_eq!(forget(young.at).await, 0);
    assert_eq!(read(&world, Scope::All, AuditFilter::default()).await, [young]);
}
