//! Deleting files of a job before their time.

use async_trait::async_trait;

use super::StoreError;
use crate::id::{ClientId, JobId, ResultId, UploadId};

/// What is to be deleted from the storage: no row refers to it any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// The original; `None` where it was gone before, or where another job that has not finished needs it.
    pub upload: Option<UploadId>,
    /// The result; `None` where there is none any more.
    pub result: Option<ResultId>,
}

/// Deleting what a person wants to be gone now.
#[async_trait]
pub trait Discarding {
    /// Expires the result of a finished job of this client, and marks its original as deleted for all jobs that share it,
    /// unless one of them has not finished. The rows go first: if the process dies now, the blobs are orphans. `NotFound`;
    /// `UnderWay` until the job has finished.
    async fn discard(&self, client: ClientId, job: JobId) -> Result<Discarded, StoreError>;
}
