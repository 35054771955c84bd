//! The rules of every store, in both ways of running.

use std::sync::Arc;

use sfumato_core::Store;
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use sfumato_testkit::{SimClock, SimEntropy, store_conformance};
use tempfile::TempDir;

async fn threaded(clock: Arc<SimClock>, entropy: Arc<SimEntropy>) -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sfumato.db");
    let store = SqliteStore::open(&path, clock, entropy, SqliteOptions::default()).unwrap();
    (Arc::new(store), folder)
}

async fn inline(clock: Arc<SimClock>, entropy: Arc<SimEntropy>) -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sfumato.db");
    let store = SqliteStore::open_inline(&path, clock, entropy).unwrap();
    (Arc::new(store), folder)
}

mod with_threads {
    super::store_conformance!(super::super::threaded);
}

mod without_threads {
    super::store_conformance!(super::super::inline);
}
