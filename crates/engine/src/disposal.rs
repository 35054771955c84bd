//! Deleting the files of one job, and marking that they are gone.
//!
//! The row says first that files are to be deleted, so that nothing is offered that is gone; then they are deleted; then they
//! are marked as deleted. Whatever fails or dies in between is found by the janitor, which tries again every minute.

use futures::StreamExt;
use sfumato_core::{JobId, ResultId, StoreError, UploadId};

use crate::Engine;
use crate::blobs::{BlobError, Deleted, Reason, log_deletion};
use crate::janitor::SweepError;

/// Results that are asked for at once.
const BATCH: usize = 100;

/// Blobs that are deleted at the same time. Each takes a few requests to a bucket, one after the other, of some ten
/// milliseconds: one at a time would fall behind a busy installation.
const DELETIONS_AT_ONCE: usize = 16;

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
            let found = left.len();
            let deletions = left
                .into_iter()
                .map(|(job, result)| self.dispose_result(job, result, Reason::Retention));
            let gone = several(deletions).await.into_iter().try_fold(0, count)?;
            deleted += gone;
            stuck = found - gone;
            if found < asked || stuck == found {
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

/// What comes of all of these, of which a few are done at the same time.
pub(crate) async fn several<F: Future>(deletions: impl Iterator<Item = F>) -> Vec<F::Output> {
    let deletions = futures::stream::iter(deletions);
    deletions.buffer_unordered(DELETIONS_AT_ONCE).collect().await
}

/// Counts those that are gone.
pub(crate) fn count(gone: usize, outcome: Result<bool, StoreError>) -> Result<usize, StoreError> {
    Ok(gone + usize::from(outcome?))
}
