//! What clients call requests, so that each is carried out once.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ClientId, JobId};
use crate::idempotency::{IdempotencyKey, Once};
use crate::job::Job;

/// Names of requests. Of one that makes a revision, [`crate::job::NewRevision::once`] says it.
#[async_trait]
pub trait RequestKeys {
    /// [`super::Store::submit`] for a request that the client has named: where it did the same under this name before, nothing
    /// is written. Returns the job that came of it the first time. `KeyReused`, and what [`super::Store::submit`] may fail
    /// with.
    async fn submit_once(&self, job: &Job, once: &Once) -> Result<JobId, StoreError>;

    /// Whether this client has used this name for a request that is remembered.
    async fn knows_key(&self, client: ClientId, key: &IdempotencyKey) -> Result<bool, StoreError>;
}
