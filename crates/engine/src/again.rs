//! What a person does with a job that has finished: has it done again, or has its files deleted at once.

use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::job::{Job, JobState, NewRevision};
use sfumato_core::{JobId, PublicJobId, StoreError};
use sfumato_failpoints::{Point, hit};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::audit::Deed;
use crate::blobs::Reason;

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

/// What became of files that were to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are gone, or there never were any.
    Gone,
    /// They stay for another job that has not finished.
    Needed,
    /// The storage could not delete them; the janitor tries again, and whoever wants them to be gone may, too.
    Remains,
}

/// What became of the files of a job that were to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fates {
    /// The original, with what was given for it and what was done of it.
    pub original: Fate,
    /// The result, with its document.
    pub result: Fate,
}

/// What came of erasing a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Erased {
    /// The job as it stands now.
    pub job: Job,
    /// What became of its files.
    pub fates: Fates,
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
        Ok(self.revise(&job, revision, None).await?)
    }

    /// Deletes the result and the original of a finished job of the caller now. An original stays while another job needs
    /// it. It may be asked for again: what is gone is looked for once more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown job or another client's, [`StoreError::UnderWay`] until it has finished.
    pub async fn discard(&self, caller: &Caller, id: &PublicJobId) -> Result<Fates, StoreError> {
        if id.client != caller.client {
            return Err(StoreError::NotFound { what: "job" });
        }
        let discarded = self.inner().store.discard(caller.client, id.job).await?;
        hit(Point::RetentionRowBeforeBlob);
        let fate = |gone| if gone { Fate::Gone } else { Fate::Remains };
        let original = match discarded.upload {
            Some(upload) => self
                .dispose_original(id.job, upload, Reason::Wanted)
                .await
                .map(fate),
            None => Ok(Fate::Needed),
        };
        let result = match discarded.result {
            Some(result) => self
                .dispose_result(id.job, result, Reason::Wanted)
                .await
                .map(fate),
            None => Ok(Fate::Gone),
        };
        Ok(Fates {
            original: original?,
            result: result?,
        })
    }

    /// Cancels a job of the caller, where it waits or runs, and deletes all of its files now: the original, what was given
    /// for it, what is done of it, and the result. An original stays while another job needs it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown job or another client's.
    pub async fn erase(&self, caller: &Caller, id: &PublicJobId) -> Result<Erased, StoreError> {
        self.cancel(caller, id).await?;
        let fates = self.discard(caller, id).await?;
        let unknown = StoreError::NotFound { what: "job" };
        let job = self.job(caller, id).await?.ok_or(unknown)?;
        self.write_down_erasure(caller, &job).await;
        Ok(Erased { job, fates })
    }

    /// What was deleted stays so, whether or not it could be written down.
    async fn write_down_erasure(&self, caller: &Caller, job: &Job) {
        let clients = self.inner().store.clients().await.unwrap_or_default();
        let name = clients
            .into_iter()
            .find(|client| client.id == caller.client)
            .map_or_else(String::new, |client| client.name);
        let actor = Actor::Client {
            id: caller.client,
            name,
        };
        let deed = Deed::new(actor, Action::JobMediaDeleted)
            .to(Subject::Job(job.id))
            .of(job.client)
            .with("file", job.upload.file_name.as_str());
        if let Err(error) = self.audit(deed).await {
            tracing::error!(job.id = %job.id, error = sfumato_core::chain(&error), "a deletion was not written to the audit log");
        }
    }
}
