//! Rows as a copy reads them.

use std::sync::Arc;

use sfumato_core::MediaFormat;
use sfumato_core::store::{RowSource, TABLES};
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{SimClock, SimEntropy, World};

#[tokio::test]
async fn rows_are_read_page_by_page_also_where_a_flag_is_in_the_key() {
    let database = Database::create();
    let url = database.url();
    PostgresStore::migrate(&url).await.unwrap();
    let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
    let options = PostgresOptions::default();
    let store = PostgresStore::open(&url, clock.clone(), entropy.clone(), options).await;
    let store = Arc::new(store.unwrap());
    let world = World::new(store.clone(), clock, entropy);
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
