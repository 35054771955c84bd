//! What a person does with a job that has finished: has it done again, or has its files deleted at once.

use sfumato_core::job::{JobState, NewRevision};
use sfumato_core::{JobId, PublicJobId, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;

/// Why a job is not done again.
#[derive(Debug, Error)]
pub enum RetryError {
    /// It was done.
    #[error("the job has succeeded; there is nothing to try again")]
    Succeeded,
    /// `NotFound`; `UnderWay` while it waits or runs; `NotRetained`; `OverQuota`; or the database cannot answer.
    #[error("the job cannot be done again")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Does a failed or cancelled job of the caller again, as a new job on the same original with the same options: how the
    /// first one ended has been told, and stays so. The new job has its own name, events and result.
    ///
    /// # Errors
    /// [`RetryError`].
    pub async fn retry(&self, caller: &Caller, id: &PublicJobId) -> Result<PublicJobId, RetryError> {
        let inner = self.inner();
        let unknown = StoreError::NotFound { what: "job" };
        let job = self.job(caller, id).await?.ok_or(unknown)?;
        if let JobState::Succeeded { .. } | JobState::Expired { .. } = job.state {
            return Err(RetryError::Succeeded);
        }
        let revision = NewRevision {
            id: JobId::new(&*inner.clock, &*inner.entropy),
            options: job.options.clone(),
            priority: job.priority,
            source: job.source,
            once: None,
        };
        Ok(self.revise(&job, revision).await?)
    }

    /// Deletes the result and the original of a finished job of the caller now. An original stays while another job needs
    /// it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown job or another client's, [`StoreError::UnderWay`] until it has finished.
    pub async fn discard(&self, caller: &Caller, id: &PublicJobId) -> Result<(), StoreError> {
        if id.client != caller.client {
            return Err(StoreError::NotFound { what: "job" });
        }
        let inner = self.inner();
        let discarded = inner.store.discard(caller.client, id.job).await?;
        // The rows say that both are gone; a blob that cannot be deleted now is left to the orphans' turn.
        if let Some(result) = discarded.result
            && let Err(error) = inner.blobs.delete_result(result).await
        {
            tracing::warn!(job.id = %id.job, error = sfumato_core::chain(&error), "a discarded result is left to the orphans' turn");
        }
        if let Some(upload) = discarded.upload
            && let Err(error) = inner.blobs.delete_upload(upload).await
        {
            tracing::warn!(job.id = %id.job, error = sfumato_core::chain(&error), "a discarded original is left to the orphans' turn");
        }
        tracing::info!(job.id = %id.job, "a job's files were deleted before their time");
        Ok(())
    }
}
