//! The rules of every store.

use std::sync::Arc;

use sfumato_core::Store;
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{SimClock, SimEntropy, store_conformance};

async fn open(clock: Arc<SimClock>, entropy: Arc<SimEntropy>) -> (Arc<dyn Store>, Database) {
    let migrate = async |url: String| drop(PostgresStore::migrate(&url).await.unwrap());
    let database = Database::filled_by(migrate).await;
    let options = PostgresOptions::default();
    let store = PostgresStore::open(&database.url(), clock, entropy, options)
        .await
        .unwrap();
    (Arc::new(store), database)
}

store_conformance!(super::open);
