//! Deleting the files of one job, and marking that they are gone.
//!
//! The row says first that files are to be deleted, so that nothing is offered that is gone; then they are deleted; then they
//! are marked as deleted. Whatever fails or dies in between is found by the janitor, which tries again every minute.

use sfumato_core::{JobId, ResultId, StoreError, UploadId};

use crate::Engine;
use crate::blobs::{BlobError, Deleted, Reason, log_deletion};
use crate::janitor::SweepError;

/// Results that are asked for at once.
const BATCH: usize = 100;

impl Engine {
    /// Deletes a retired original with all that belongs to it, and marks it as deleted. `false`: the storage could not; that
    /// is logged.
    pub(crate) async fn dispose_original(
        &self,
        job: JobId,
        upload: UploadId,
        reason: Reason,
    ) -> Result<bool, StoreError> {
        let inner = self.inner();
        let outcome = inner.blobs.delete_upload(upload).await;
        let Some(gone) = logged(outcome, "original", job, reason) else {
            return Ok(false);
        };
        inner.store.upload_deleted(job).await?;
        if gone.blobs > 0 {
            inner.metrics.original_deleted();
        }
        Ok(true)
    }

    /// Deletes an expired result, and marks it as deleted. `false`: the storage could not; that is logged.
    pub(crate) async fn dispose_result(
        &self,
        job: JobId,
        result: ResultId,
        reason: Reason,
    ) -> Result<bool, StoreError> {
        let inner = self.inner();
        let outcome = inner.blobs.delete_result(result).await;
        let Some(gone) = logged(outcome, "result", job, reason) else {
            return Ok(false);
        };
        inner.store.result_deleted(job).await?;
        if gone.blobs > 0 {
            inner.metrics.result_deleted();
        }
        Ok(true)
    }

    /// Deletes the results that have expired and are not marked as deleted: a deletion has failed, or a process has died. One
    /// that cannot be deleted keeps no other from its deletion.
    pub(crate) async fn dispose_left_results(&self) -> Result<usize, SweepError> {
        let mut deleted = 0;
        let mut stuck = 0;
        loop {
            let asked = BATCH + stuck;
            let left = self.inner().store.expired_results(asked).await?;
            stuck = 0;
            for (job, result) in &left {
                match self.dispose_result(*job, *result, Reason::Retention).await? {
                    true => deleted += 1,
                    false => stuck += 1,
                }
            }
            if left.len() < asked || stuck == left.len() {
                return Ok(deleted);
            }
        }
    }
}

fn logged(
    outcome: Result<Deleted, BlobError>,
    kind: &'static str,
    job: JobId,
    reason: Reason,
) -> Option<Deleted> {
    match outcome {
        Ok(gone) => {
            log_deletion(gone, kind, Some(job), reason);
            Some(gone)
        }
        Err(error) => {
            tracing::error!(job.id = %job, kind, error = sfumato_core::chain(&error), "files cannot be deleted; it is tried again every minute");
            None
        }
    }
}
