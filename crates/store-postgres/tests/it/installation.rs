//! Several processes on one database, as far as a store can tell: each has connections of its own.

use std::sync::Arc;

use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::{SimClock, SimEntropy, World};
use tokio_postgres::{Client, NoTls};

pub(crate) struct Installation {
    url: String,
    clock: Arc<SimClock>,
}

impl Installation {
    /// In an empty database.
    pub(crate) async fn new(url: String) -> Self {
        PostgresStore::migrate(&url).await.unwrap();
        Self {
            url,
            clock: Arc::default(),
        }
    }

    /// One more process. Processes with different seeds make different identifiers.
    pub(crate) async fn process(&self, seed: u64) -> Arc<World> {
        let entropy = Arc::new(SimEntropy::new(seed));
        let options = PostgresOptions::default();
        let store = PostgresStore::open(&self.url, self.clock.clone(), entropy.clone(), options).await;
        Arc::new(World::new(Arc::new(store.unwrap()), self.clock.clone(), entropy))
    }

    /// A look past the store.
    pub(crate) async fn sql(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// How many chains have something open and not exactly one head.
    pub(crate) async fn chains_without_a_head(&self) -> i64 {
        let chains = "SELECT count(*)
                      FROM (SELECT 1 FROM deliveries WHERE closed_at IS NULL
                            GROUP BY job, endpoint HAVING count(*) FILTER (WHERE head) <> 1) AS chains";
        self.sql().await.query_one(chains, &[]).await.unwrap().get(0)
    }
}
