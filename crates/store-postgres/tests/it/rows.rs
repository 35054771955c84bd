//! Rows as a copy reads them.

use std::sync::Arc;

use sfumato_core::MediaFormat;
use sfumato_core::store::{RowSource, TABLES};
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{SimClock, SimEntropy, World};

/// A migrated database with a store on it, in a world.
async fn world() -> (Database, Arc<PostgresStore>, World) {
    let database = Database::create();
    let url = database.url();
    PostgresStore::migrate(&url).await.unwrap();
    let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
    let options = PostgresOptions::default();
    let store = PostgresStore::open(&url, clock.clone(), entropy.clone(), options).await;
    let store = Arc::new(store.unwrap());
    let world = World::new(store.clone(), clock, entropy);
    (database, store, world)
}

#[tokio::test]
async fn a_snapshot_sees_one_commit_while_others_write() {
    let (_database, store, world) = world().await;
    let client = world.client().await.id;
    world.submitted(client).await;
    let of_name = |name| TABLES.into_iter().find(|table| table.name == name).unwrap();
    let (jobs, events) = (of_name("jobs"), of_name("events"));
    let snapshot = store.snapshot().await.unwrap();
    for _ in 0..3 {
        world.submitted(client).await;
    }
    assert_eq!(store.count_rows(jobs).await.unwrap(), 4);
    for table in [jobs, events] {
        assert_eq!(snapshot.count_rows(table).await.unwrap(), 1, "{}", table.name);
        let columns = snapshot.columns(table).await.unwrap();
        assert_eq!(
            snapshot
                .rows_after(table, &columns, None, 10)
                .await
                .unwrap()
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn rows_are_read_page_by_page_also_where_a_flag_is_in_the_key() {
    let (_database, store, world) = world().await;
    for _ in 0..2 {
        let client = world.client().await.id;
        world.submitted(client).await;
        let mut video = world.unsubmitted(client);
        video.upload.format = MediaFormat::Mp4;
        world.store.submit(&video).await.unwrap();
    }
    assert_eq!(world.claim_all().await.len(), 4);
    let turns = TABLES.into_iter().find(|table| table.name == "turns").unwrap();
    let columns = ["client", "long"].map(str::to_owned);
    let mut read = Vec::new();
    loop {
        let after = read.last().map(Vec::as_slice);
        let page = store.rows_after(turns, &columns, after, 1).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read.len(), 4);
    assert!(
        read.iter()
            .all(|row| read.iter().filter(|other| *other == row).count() == 1)
    );
}
