//! Handing originals out: to people who look at what was hidden, while they are kept.

use std::ops::Range;

use sfumato_core::job::Upload;
use sfumato_core::{MediaFormat, PublicJobId, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::blobs::{BlobError, BlobStream};

/// Why an original is not handed out.
#[derive(Debug, Error)]
pub enum OriginalError {
    /// No such job of this client.
    #[error("there is no such job")]
    Unknown,
    /// It has had its retention.
    #[error("the original has been deleted: it is not kept any more")]
    Gone,
    /// The database cannot answer.
    #[error("the original cannot be looked up")]
    Store(#[from] StoreError),
    /// The storage cannot answer.
    #[error("the original cannot be read")]
    Blobs(#[source] BlobError),
}

/// An original that is kept, ready to be read.
#[derive(Debug)]
pub struct StoredOriginal {
    engine: Engine,
    upload: Upload,
}

impl StoredOriginal {
    /// What was uploaded.
    pub const fn upload(&self) -> &Upload {
        &self.upload
    }

    /// The media type.
    pub const fn content_type(&self) -> &'static str {
        MediaFormat::content_type(self.upload.format)
    }

    /// Streams a range of bytes, which must lie inside the upload's size.
    ///
    /// # Errors
    /// [`OriginalError::Gone`] if it was deleted meanwhile, [`OriginalError::Blobs`] when the storage cannot answer.
    pub async fn read(&self, range: Range<u64>) -> Result<BlobStream, OriginalError> {
        let blobs = &self.engine.inner().blobs;
        match blobs.read_upload_range(self.upload.id, range).await {
            Ok(stream) => Ok(stream),
            Err(BlobError::NotFound) => Err(OriginalError::Gone),
            Err(other) => Err(OriginalError::Blobs(other)),
        }
    }
}

impl Engine {
    /// Finds the original of a job of the caller.
    ///
    /// # Errors
    /// [`OriginalError`].
    pub async fn original(&self, caller: &Caller, id: &PublicJobId) -> Result<StoredOriginal, OriginalError> {
        let job = self.job(caller, id).await?.ok_or(OriginalError::Unknown)?;
        if !job.original_kept {
            return Err(OriginalError::Gone);
        }
        Ok(StoredOriginal {
            engine: self.clone(),
            upload: job.upload,
        })
    }
}
