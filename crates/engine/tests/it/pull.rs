//! Reading events: in order, from where one was, and as soon as they happen.

use std::time::Duration;

use bytes::Bytes;
use sfumato_core::{AnonymizeOptions, ClientId, LoginId};
use sfumato_engine::access::{Caller, Via};
use sfumato_engine::events::{After, EventPage, EventsError, WAIT_MAX};

use crate::world::{World, settings};

async fn read(world: &World, after: After<'_>, limit: usize) -> EventPage {
    let page = world
        .engine
        .events(&world.caller, after, limit, Duration::ZERO)
        .await;
    page.unwrap()
}

#[tokio::test]
async fn promise_12_a_reader_goes_on_where_it_was_also_after_a_restart() {
    let world = World::new(settings()).await;
    let first = world.submit().await;
    world.clock.advance(Duration::from_secs(1));
    let second = world.submit().await;
    world.succeed(world.begin().await).await;
    let one = read(&world, After::Start, 1).await;
    assert_eq!(one.events.len(), 1);
    assert_eq!(one.events[0].0, one.next);
    assert_eq!(one.events[0].1.job, first.id);

    let restarted = world.restarted(settings());
    let rest = restarted
        .events(&world.caller, After::Cursor(&one.next), 100, Duration::ZERO)
        .await
        .unwrap();
    let told: Vec<_> = rest
        .events
        .iter()
        .map(|(_, event)| (event.job, event.sequence))
        .collect();
    assert_eq!(told, [(second.id, 1), (first.id, 2), (first.id, 3)]);
    assert_eq!(read(&world, After::Cursor(&one.next), 100).await, rest);
    let end = read(&world, After::Cursor(&rest.next), 100).await;
    assert_eq!((end.events.len(), end.next), (0, rest.next.clone()));
    assert_eq!(read(&world, After::Latest, 100).await.next, rest.next);
}

#[tokio::test]
async fn promise_12_a_cursor_of_another_client_or_none_is_refused() {
    let world = World::new(settings()).await;
    world.submit().await;
    let mine = read(&world, After::Start, 1).await.next;
    let stranger = Caller {
        client: ClientId::new(&*world.clock, &*world.entropy),
        via: Via::Login(LoginId::new(&*world.clock, &*world.entropy)),
    };
    for (caller, cursor) in [
        (&stranger, mine.as_str()),
        (&world.caller, ""),
        (&world.caller, "AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let refused = world
            .engine
            .events(caller, After::Cursor(cursor), 1, Duration::ZERO)
            .await;
        assert!(matches!(refused, Err(EventsError::UnknownCursor)), "{refused:?}");
    }
}

async fn upload(world: &World) {
    let mut writer = world.engine.begin_upload(Some("a.jpg"));
    let bytes = Bytes::from([0xFF, 0xD8, 0xFF, 0xE0].repeat(100));
    writer.write(bytes).await.unwrap();
    let stored = writer.finish().await.unwrap();
    let options = AnonymizeOptions::default();
    world.engine.submit(&world.caller, stored, options).await.unwrap();
}

#[tokio::test]
async fn promise_12_whoever_waits_hears_of_an_event_when_it_happens() {
    let world = World::new(settings()).await;
    let began = std::time::Instant::now();
    let wait = world.engine.events(&world.caller, After::Start, 10, WAIT_MAX);
    let (page, ()) = tokio::join!(wait, upload(&world));
    assert_eq!(page.unwrap().events.len(), 1);
    assert!(began.elapsed() < WAIT_MAX, "it was woken");
}

#[tokio::test]
async fn nobody_waits_when_the_process_stops() {
    let world = World::new(settings()).await;
    let wait = world.engine.events(&world.caller, After::Start, 10, WAIT_MAX);
    let stop = async { world.engine.end_waiting() };
    let (page, ()) = tokio::join!(wait, stop);
    assert!(page.unwrap().events.is_empty());
}

#[tokio::test]
async fn a_client_has_a_bounded_number_of_waiting_requests() {
    let world = World::new(settings()).await;
    let waiting: Vec<_> = (0..16)
        .map(|_| {
            let (engine, caller) = (world.engine.clone(), world.caller);
            tokio::spawn(async move { engine.events(&caller, After::Start, 10, WAIT_MAX).await })
        })
        .collect();
    // On one thread every one of them begins to wait before this goes on.
    tokio::task::yield_now().await;
    let refused = world
        .engine
        .events(&world.caller, After::Start, 10, WAIT_MAX)
        .await;
    assert!(matches!(refused, Err(EventsError::TooManyWaiting)), "{refused:?}");
    let at_once = world
        .engine
        .events(&world.caller, After::Start, 10, Duration::ZERO)
        .await;
    assert!(at_once.is_ok(), "who does not wait is always answered");
    world.engine.end_waiting();
    for task in waiting {
        assert!(task.await.unwrap().is_ok());
    }
}
