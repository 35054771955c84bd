//! Deleting the files of one job, and marking that they are gone.
//!
//! The row says first that files are to be deleted, so that nothing is offered that is gone; then they are deleted; then they
//! are marked as deleted. Whatever fails or dies in between is found by the janitor, which tries again every minute.

use futures::StreamExt;
use sfumato_core::{JobId, ResultId, StoreError, Timestamp, UploadId};
use sfumato_failpoints::{Point, hit};

use crate::Engine;
use crate::blobs::{BlobError, Deleted, Reason, log_deletion};

/// Rows in one transaction: the writer is never held for long.
pub(crate) const BATCH: usize = 100;

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

    /// Retires originals of jobs that have finished before `before`, and disposes of as many as `limit` of those that are retired
    /// and not marked as deleted: which of them are gone.
    pub(crate) async fn dispose_retired(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<bool>, StoreError> {
        let retired = self.inner().store.retire_uploads(before, limit).await?;
        let disposals = retired.into_iter().map(|(job, upload)| async move {
            hit(Point::RetentionRowBeforeBlob);
            self.dispose_original(job, upload, Reason::Retention).await
        });
        several(disposals).await.into_iter().collect()
    }

    /// Disposes of as many as `limit` of the results that have expired and are not marked as deleted: which of them are gone.
    pub(crate) async fn dispose_expired(&self, limit: usize) -> Result<Vec<bool>, StoreError> {
        let expired = self.inner().store.expired_results(limit).await?;
        let disposals = expired.into_iter().map(|(job, result)| async move {
            hit(Point::RetentionRowBeforeBlob);
            self.dispose_result(job, result, Reason::Retention).await
        });
        several(disposals).await.into_iter().collect()
    }
}

/// Disposes of one batch after the other until nothing is left but what cannot be deleted; how many are gone. One that cannot be
/// deleted comes first again in the next batch, which is larger by it, so that it keeps no other from its deletion.
pub(crate) async fn dispose_all<F>(batch: impl Fn(usize) -> F) -> Result<usize, StoreError>
where
    F: Future<Output = Result<Vec<bool>, StoreError>>,
{
    let mut deleted = 0;
    let mut stuck = 0;
    loop {
        let asked = BATCH + stuck;
        let outcomes = batch(asked).await?;
        let gone = outcomes.iter().filter(|gone| **gone).count();
        deleted += gone;
        stuck = outcomes.len() - gone;
        if outcomes.len() < asked || gone == 0 {
            return Ok(deleted);
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
