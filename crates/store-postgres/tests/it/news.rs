//! What couriers hear of their own process and of others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sfumato_core::store::{Admission, Courier, EndpointChange, News};
use sfumato_core::{EndpointId, StoreError};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{COURIER, LEASE, World};
use tokio::sync::mpsc;

use crate::installation::Installation;

/// A courier with so many places, and what it hears.
struct Ears {
    places: Mutex<usize>,
    hears: mpsc::UnboundedSender<News>,
}

impl Courier for Ears {
    fn admit(&self, _: EndpointId) -> Option<Admission> {
        let mut places = self.places.lock().unwrap();
        *places = places.checked_sub(1)?;
        Some(Admission {
            worker: COURIER,
            lease_for: LEASE,
        })
    }

    fn withdraw(&self, _: EndpointId) {
        *self.places.lock().unwrap() += 1;
    }

    fn committed(&self, news: Vec<News>) {
        for news in news {
            self.hears.send(news).unwrap();
        }
    }
}

fn attach(world: &World, places: usize) -> (Arc<Ears>, mpsc::UnboundedReceiver<News>) {
    let (hears, heard) = mpsc::unbounded_channel();
    let ears = Arc::new(Ears {
        places: Mutex::new(places),
        hears,
    });
    let courier: Arc<dyn Courier> = ears.clone();
    world.store.attach_courier(Arc::downgrade(&courier));
    (ears, heard)
}

/// The sessions that listen, when there are `count` of them and none is `except`.
async fn listeners(installation: &Installation, count: usize, except: Option<i32>) -> Vec<i32> {
    let sql = installation.sql().await;
    let sessions = "SELECT pid FROM pg_stat_activity
                    WHERE datname = current_database() AND state = 'idle'
                      AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%') AND pid <> pg_backend_pid()";
    loop {
        let rows = sql.query(sessions, &[]).await.unwrap();
        let found: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        if found.len() == count && !found.iter().any(|pid| Some(*pid) == except) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_hears_what_other_processes_have_committed_also_after_its_connection_broke() {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let (one, other) = (installation.process(1).await, installation.process(2).await);
    let (_ears, mut heard) = attach(&other, 0);
    let first = listeners(&installation, 1, None).await[0];
    let client = one.client().await.id;
    let endpoint = one.endpoint(client).await.id;
    one.submitted(client).await;
    assert_eq!(heard.recv().await, Some(News::Waiting(endpoint)));

    let end = "SELECT pg_terminate_backend($1)";
    installation.sql().await.execute(end, &[&first]).await.unwrap();
    listeners(&installation, 2, Some(first)).await;
    let off = EndpointChange {
        active: Some(false),
        ..EndpointChange::default()
    };
    one.store.update_endpoint(client, endpoint, off).await.unwrap();
    assert_eq!(heard.recv().await, Some(News::Changed(endpoint)));
    one.store.delete_endpoint(client, endpoint).await.unwrap();
    assert_eq!(heard.recv().await, Some(News::Gone(endpoint)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_leased_when_it_is_made_where_there_is_a_place_and_that_is_told_to_its_own_process_alone()
 {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let (one, other) = (installation.process(1).await, installation.process(2).await);
    let ((ears, mut own), (_others, mut heard)) = (attach(&one, 1), attach(&other, 5));
    listeners(&installation, 2, None).await;
    let client = one.client().await.id;
    let endpoint = one.endpoint(client).await;
    let first = one.submitted(client).await;
    let Some(News::Leased(dispatch)) = own.recv().await else {
        panic!("it is leased")
    };
    assert_eq!((dispatch.delivery.job, &dispatch.endpoint), (first.id, &endpoint));
    assert_eq!(one.records(&first).await[0].delivery, dispatch.delivery);
    assert_eq!(*ears.places.lock().unwrap(), 0);
    let second = one.submitted(client).await;
    assert_eq!(own.recv().await, Some(News::Waiting(endpoint.id)));
    assert_eq!(
        heard.recv().await,
        Some(News::Waiting(endpoint.id)),
        "the first that the other hears"
    );
    assert_eq!(other.dispatch().await.delivery.job, second.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rolled_back_gives_its_place_back_and_is_not_told() {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let world = installation.process(1).await;
    let (ears, mut heard) = attach(&world, 2);
    let client = world.client().await.id;
    let endpoint = world.endpoint(client).await;
    let job = world.submitted(client).await;
    assert!(matches!(heard.recv().await, Some(News::Leased(_))));
    let refused = world.store.submit(&job).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(*ears.places.lock().unwrap(), 1);
    // The delivery's own statement fails when its event and admission are there.
    let sql = installation.sql().await;
    sql.batch_execute("ALTER TABLE deliveries ADD CHECK (created_at < 0) NOT VALID")
        .await
        .unwrap();
    let refused = world.store.submit(&world.unsubmitted(client)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(*ears.places.lock().unwrap(), 1);
    sql.batch_execute("ALTER TABLE deliveries DROP CONSTRAINT deliveries_created_at_check")
        .await
        .unwrap();
    world.store.delete_endpoint(client, endpoint.id).await.unwrap();
    assert_eq!(heard.recv().await, Some(News::Gone(endpoint.id)));
}
