//! Deleting files of a job before their time, and keeping track of what is to be deleted until it is.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ClientId, JobId, ResultId, UploadId};

/// What is to be deleted from the storage, or has been before: deleting twice is harmless, and shows whether it is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// The original, which is retired; `None` where another job that has not finished needs it.
    pub upload: Option<UploadId>,
    /// The result, which has expired; `None` where the job has none.
    pub result: Option<ResultId>,
}

/// Deleting what a person wants to be gone now.
#[async_trait]
pub trait Discarding {
    /// Expires the result of a finished job of this client, and retires its original for all jobs that share it, unless one
    /// of them has not finished. Neither is marked as deleted: until they are, [`super::Store::retire_uploads`] and
    /// [`Discarding::expired_results`] return them. `NotFound`; `UnderWay` until the job has finished.
    async fn discard(&self, client: ClientId, job: JobId) -> Result<Discarded, StoreError>;

    /// Up to `limit` results that have expired and are not marked as deleted, with their jobs, first expired first.
    async fn expired_results(&self, limit: usize) -> Result<Vec<(JobId, ResultId)>, StoreError>;

    /// Marks the expired result of a job as deleted. `NotFound` where it has not expired.
    async fn result_deleted(&self, job: JobId) -> Result<(), StoreError>;
}
