//! Connections that only read, kept for the next reader.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use sfumato_core::StoreError;
use tokio::sync::Semaphore;

use crate::open;
use crate::sql::unavailable;

#[derive(Clone, Debug)]
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, readers_max: usize) -> Self {
        Self {
            path: Arc::new(path),
            permits: Arc::new(Semaphore::new(readers_max.max(1))),
            idle: Arc::default(),
        }
    }

    /// Runs `work` in a read transaction: all its queries see the same commit.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(unavailable)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let taken = readers.idle().pop();
            let mut connection = match taken {
                Some(connection) => connection,
                None => open::reader(&readers.path).map_err(unavailable)?,
            };
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .map_err(unavailable)?;
            let outcome = work(&transaction);
            transaction.finish().map_err(unavailable)?;
            readers.idle().push(connection);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(unavailable(error)))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same on the one connection of the calling thread.
pub(crate) fn run_inline<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.unchecked_transaction().map_err(unavailable)?;
    let outcome = work(&transaction);
    transaction.finish().map_err(unavailable)?;
    outcome
}
