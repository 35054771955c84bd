//! Handing results out: to their owner, while they exist.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use sfumato_core::job::{Job, JobResult, JobState};
use sfumato_core::{ResultId, StoreError, Timestamp};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::blobs::{BlobError, ResultPart};

/// Why a result is not handed out.
#[derive(Debug, Error)]
pub enum ResultError {
    /// No such result of this client.
    #[error("there is no such result")]
    Unknown,
    /// Its retention time has passed.
    #[error("the result has been deleted: its retention time has passed")]
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
    pub async fn read(
        &self,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, ResultError> {
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
        let Job { state, upload, .. } = job;
        let (finished_at, result, expired) = match state {
            JobState::Succeeded { finished_at, result } => (finished_at, result, false),
            JobState::Expired {
                finished_at, result, ..
            } => (finished_at, result, true),
            _ => return Err(ResultError::Unknown),
        };
        let stem = upload
            .file_name
            .rsplit_once('.')
            .map_or(&*upload.file_name, |(stem, _)| stem);
        let (part, bytes, sha256, content_type, file_name) = match result.document {
            Some((bytes, sha256)) if extension == "json" => (
                ResultPart::Document,
                bytes,
                sha256,
                "application/json",
                format!("{stem}.json"),
            ),
            _ if extension == result.format.extension() => {
                let name = upload.file_name.clone();
                (
                    ResultPart::Media,
                    result.bytes,
                    result.sha256,
                    result.format.content_type(),
                    name,
                )
            }
            _ => return Err(ResultError::Unknown),
        };
        if expired {
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
