//! What a client reads: its events in the order of commits, and the deliveries of an endpoint.

use sfumato_core::delivery::Outcome;
use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};
use sfumato_core::store::{DeliveryFilter, DeliveryPage};
use sfumato_core::{Client, DeliveryId, Endpoint, EventPosition, Standing, StoreError};

use crate::World;

async fn read(world: &World, client: &Client, after: EventPosition, limit: usize) -> Vec<EventPosition> {
    let events = world.store.events_after(client.id, after, limit).await.unwrap();
    events.iter().map(|(position, _)| *position).collect()
}

pub async fn promise_12_events_are_read_in_the_order_of_their_commits(world: World) {
    let client = world.client().await;
    let first = world.submitted(client.id).await;
    let second = world.submitted(client.id).await;
    let running = world.claimed().await;
    world.finish(&running, world.success()).await;
    let events = world
        .store
        .events_after(client.id, EventPosition::START, 100)
        .await
        .unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|(_, event)| (event.job, event.sequence, event.status))
        .collect();
    assert_eq!(
        told,
        [
            (first.id, 1, Sent),
            (second.id, 1, Sent),
            (first.id, 2, Started),
            (first.id, 3, Succeeded),
        ]
    );
    assert!(events.is_sorted_by(|a, b| a.0 < b.0));
    assert!(events.iter().all(|(_, event)| event.client == client.id));
}

pub async fn promise_12_reading_goes_on_after_a_position_and_misses_nothing(world: World) {
    let client = world.client().await;
    for _ in 0..5 {
        world.submitted(client.id).await;
    }
    let all = read(&world, &client, EventPosition::START, 100).await;
    assert_eq!(all.len(), 5);
    assert_eq!(read(&world, &client, EventPosition::START, 2).await, all[..2]);
    assert_eq!(read(&world, &client, all[1], 2).await, all[2..4]);
    assert_eq!(read(&world, &client, all[4], 2).await, []);
    let last = world.store.last_event_position(client.id).await.unwrap();
    assert_eq!(last, all[4]);
    world.submitted(client.id).await;
    let later = read(&world, &client, all[4], 2).await;
    assert_eq!(later.len(), 1);
    assert!(later[0] > all[4]);
}

pub async fn another_clients_events_are_not_read(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    world.submitted(stranger.id).await;
    assert_eq!(read(&world, &client, EventPosition::START, 10).await, []);
    let last = world.store.last_event_position(client.id).await.unwrap();
    assert_eq!(last, EventPosition::START);
    world.submitted(client.id).await;
    assert_eq!(read(&world, &client, EventPosition::START, 10).await.len(), 1);
}

async fn page(
    world: &World,
    endpoint: &Endpoint,
    filter: DeliveryFilter,
    before: Option<EventPosition>,
    limit: usize,
) -> DeliveryPage {
    world
        .store
        .deliveries_of_endpoint(endpoint.client, endpoint.id, filter, before, limit)
        .await
        .unwrap()
}

fn ids(page: &DeliveryPage) -> Vec<DeliveryId> {
    page.records
        .iter()
        .map(|(_, record)| record.delivery.id)
        .collect()
}

pub async fn deliveries_of_an_endpoint_are_listed_newest_first_and_page_by_page(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let other = world.endpoint(client.id).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        let job = world.submitted(client.id).await;
        let records = world.records(&job).await;
        let own = records
            .iter()
            .find(|record| record.delivery.endpoint == endpoint.id);
        expected.insert(0, own.unwrap().delivery.id);
    }
    let all = page(&world, &endpoint, DeliveryFilter::default(), None, 100).await;
    assert_eq!((ids(&all), all.next), (expected.clone(), None));
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let part = page(&world, &endpoint, DeliveryFilter::default(), before, 2).await;
        assert!(part.records.len() <= 2);
        seen.extend(ids(&part));
        before = part.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let others = page(&world, &other, DeliveryFilter::default(), None, 100).await;
    assert_eq!(others.records.len(), 5);
    assert!(ids(&others).iter().all(|id| !expected.contains(id)));
}

pub async fn deliveries_are_listed_with_every_attempt(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    for outcome in [Outcome::Connect, Outcome::BadAck, Outcome::Ok] {
        let dispatch = world.dispatch().await;
        world.attempted(&dispatch, outcome).await;
        world.pass(60);
    }
    let all = page(&world, &endpoint, DeliveryFilter::default(), None, 10).await;
    let (_, record) = &all.records[0];
    let outcomes: Vec<_> = record.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Connect, Outcome::BadAck, Outcome::Ok]);
    let one = world
        .store
        .delivery_of_endpoint(client.id, endpoint.id, record.delivery.id)
        .await;
    assert_eq!(one.unwrap().as_ref(), Some(record));
}

pub async fn deliveries_are_filtered_by_standing_job_and_time(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let delivered = world.submitted(client.id).await;
    world.deliver_all().await;
    world.pass(60);
    let since = world.now();
    let waiting = world.submitted(client.id).await;
    let jobs = async |filter| {
        let found = page(&world, &endpoint, filter, None, 10).await;
        assert_eq!(found.next, None);
        let jobs = found.records.iter().map(|(_, record)| record.delivery.job);
        jobs.collect::<Vec<_>>()
    };
    let all = DeliveryFilter::default();
    assert_eq!(jobs(all).await, [waiting.id, delivered.id]);
    for (standing, expected) in [
        (Standing::Delivered, vec![delivered.id]),
        (Standing::Pending, vec![waiting.id]),
        (Standing::Expired, vec![]),
        (Standing::Missing, vec![]),
    ] {
        let standing = Some(standing);
        assert_eq!(jobs(DeliveryFilter { standing, ..all }).await, expected);
        let job = Some(delivered.id);
        let both = jobs(DeliveryFilter { standing, job, ..all }).await;
        assert_eq!(
            both,
            if expected == [delivered.id] {
                expected
            } else {
                vec![]
            }
        );
    }
    let since = Some(since);
    assert_eq!(jobs(DeliveryFilter { since, ..all }).await, [waiting.id]);
    let job = Some(delivered.id);
    assert_eq!(jobs(DeliveryFilter { job, ..all }).await, [delivered.id]);
    assert_eq!(jobs(DeliveryFilter { job, since, ..all }).await, []);
}

pub async fn another_clients_deliveries_are_not_listed(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let own = world.endpoint(stranger.id).await;
    let job = world.submitted(client.id).await;
    let delivery = world.records(&job).await[0].delivery.id;
    let listed = world
        .store
        .deliveries_of_endpoint(stranger.id, endpoint.id, DeliveryFilter::default(), None, 10)
        .await;
    assert!(matches!(listed, Err(StoreError::NotFound { .. })), "{listed:?}");
    for (client, endpoint) in [(stranger.id, endpoint.id), (stranger.id, own.id)] {
        let found = world.store.delivery_of_endpoint(client, endpoint, delivery).await;
        assert_eq!(found.unwrap(), None);
    }
    let filter = DeliveryFilter {
        job: Some(job.id),
        ..DeliveryFilter::default()
    };
    assert!(page(&world, &own, filter, None, 10).await.records.is_empty());
}
