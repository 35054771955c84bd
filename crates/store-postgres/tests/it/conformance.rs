//! The rules of every store.

use std::sync::Arc;

use sfumato_core::Store;
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{SimClock, SimEntropy, store_conformance};

async fn open(clock: Arc<SimClock>, entropy: Arc<SimEntropy>) -> (Arc<dyn Store>, Database) {
    let database = Database::create();
    PostgresStore::migrate(&database.url()).await.unwrap();
    let options = PostgresOptions::default();
    let store = PostgresStore::open(&database.url(), clock, entropy, options)
        .await
        .unwrap();
    (Arc::new(store), database)
}

store_conformance!(super::open);
