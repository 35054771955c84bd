//! Handing results out: to their owner, while they exist.

use std::ops::Range;
use std::time::Duration;

use sfumato_core::job::{Job, JobResult, JobState};
use sfumato_core::{PublicJobId, ResultId, StoreError, Timestamp};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::blobs::{BlobError, BlobStream, ResultPart, SignedAnswer, SignedUrl};

/// Why a result is not handed out.
#[derive(Debug, Error)]
pub enum ResultError {
    /// No such result of this client.
    #[error("there is no such result")]
    Unknown,
    /// It was deleted, or its retention time has passed.
    #[error("the result has been deleted, by request or because its retention time has passed")]
    Gone,
    /// The database cannot answer.
    #[error("the result cannot be looked up")]
    Store(#[from] StoreError),
    /// The storage cannot answer.
    #[error("the result cannot be read")]
    Blobs(#[source] BlobError),
}

/// A result that exists, ready to be read.
#[derive(Debug)]
pub struct StoredResult {
    engine: Engine,
    result: JobResult,
    part: ResultPart,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content: a strong validator.
    pub sha256: [u8; 32],
    /// The media type.
    pub content_type: &'static str,
    /// A name for the downloaded file, after the uploaded one.
    pub file_name: String,
    /// When it was made.
    pub finished_at: Timestamp,
}

impl StoredResult {
    /// Streams a range of bytes, which must lie inside `0..bytes`.
    ///
    /// # Errors
    /// [`ResultError::Gone`] if it was deleted meanwhile, [`ResultError::Blobs`] when the storage cannot answer.
    pub async fn read(&self, range: Range<u64>) -> Result<BlobStream, ResultError> {
        match self
            .engine
            .inner()
            .blobs
            .read_result(self.result.id, self.part, range)
            .await
        {
            Ok(stream) => Ok(stream),
            Err(BlobError::NotFound) => Err(ResultError::Gone),
            Err(other) => Err(ResultError::Blobs(other)),
        }
    }

    /// An address under which the storage itself hands the whole out; `None` where it cannot.
    ///
    /// # Errors
    /// [`ResultError::Gone`] if it was deleted meanwhile, [`ResultError::Blobs`] when the storage cannot answer.
    pub async fn sign(
        &self,
        disposition: &str,
        lifetime: Duration,
    ) -> Result<Option<SignedUrl>, ResultError> {
        let answer = SignedAnswer {
            content_type: self.content_type,
            disposition,
            lifetime,
        };
        let blobs = &self.engine.inner().blobs;
        match blobs.sign_result(self.result.id, self.part, answer).await {
            Ok(url) => Ok(url),
            Err(BlobError::NotFound) => Err(ResultError::Gone),
            Err(other) => Err(ResultError::Blobs(other)),
        }
    }
}

impl Engine {
    /// Finds one part of a result of the caller. `extension` is what the caller wrote behind the identifier: it must be
    /// the result's own, or `json` for the detections document.
    ///
    /// # Errors
    /// [`ResultError`].
    pub async fn result(
        &self,
        caller: &Caller,
        id: ResultId,
        extension: &str,
    ) -> Result<StoredResult, ResultError> {
        let job = self
            .inner()
            .store
            .job_by_result(caller.client, id)
            .await?
            .ok_or(ResultError::Unknown)?;
        // The document is stored for every job, and told of where it was asked for.
        let is_document = extension == "json" && job.options.detections_document;
        let is_media = matches!(
            &job.state,
            JobState::Succeeded { result, .. } | JobState::Expired { result, .. }
                if extension == result.format.extension()
        );
        match (is_document, is_media) {
            (true, _) => self.stored(job, ResultPart::Document).await,
            (_, true) => self.stored(job, ResultPart::Media).await,
            _ => Err(ResultError::Unknown),
        }
    }

    /// Finds the detections document of a job of the caller, whether or not the job was asked for one.
    ///
    /// # Errors
    /// [`ResultError`].
    pub async fn detections(&self, caller: &Caller, id: &PublicJobId) -> Result<StoredResult, ResultError> {
        let job = self.job(caller, id).await?.ok_or(ResultError::Unknown)?;
        self.stored(job, ResultPart::Document).await
    }

    /// Whether the result of a job can be fetched. Its time passes by the clock: the janitor deletes it within the minute after.
    async fn has_result(&self, job: &Job) -> Result<bool, StoreError> {
        let JobState::Succeeded { finished_at, .. } = job.state else {
            return Ok(false);
        };
        let (agreed, _) = self.client_policy(job.client).await?;
        let kept = agreed
            .retention
            .results_kept
            .unwrap_or(self.settings().results_kept);
        Ok(finished_at >= self.now().before(kept))
    }

    async fn stored(&self, job: Job, part: ResultPart) -> Result<StoredResult, ResultError> {
        let is_there = self.has_result(&job).await?;
        let Job { state, upload, .. } = job;
        let (JobState::Succeeded { finished_at, result }
        | JobState::Expired {
            finished_at, result, ..
        }) = state
        else {
            return Err(ResultError::Unknown);
        };
        let (bytes, sha256, content_type, file_name) = match part {
            ResultPart::Document => {
                let (bytes, sha256) = result.document.ok_or(ResultError::Unknown)?;
                let stem = upload.file_name.rsplit_once('.').map(|(stem, _)| stem);
                let name = format!("{}.json", stem.unwrap_or(&upload.file_name));
                (bytes, sha256, "application/json", name)
            }
            ResultPart::Media => (
                result.bytes,
                result.sha256,
                result.format.content_type(),
                upload.file_name,
            ),
        };
        if !is_there {
            return Err(ResultError::Gone);
        }
        Ok(StoredResult {
            engine: self.clone(),
            result,
            part,
            bytes,
            sha256,
            content_type,
            file_name,
            finished_at,
        })
    }
}
