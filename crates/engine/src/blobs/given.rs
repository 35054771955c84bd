//! Detections that were given to be rendered. They lie beside the original, since nobody can use them without it, and go
//! with it.

use std::fmt::Write;
use std::io::Cursor;

use object_store::path::Path;
use sfumato_core::UploadId;
use sfumato_core::job::GivenBlob;
use sha2::{Digest, Sha256};

use super::{BlobError, Blobs, Kind};

fn folder(upload: UploadId) -> Path {
    Path::from_iter(["given".to_owned(), upload.to_string()])
}

pub(super) fn path(upload: UploadId, sha256: &[u8; 32]) -> Path {
    let name = sha256.iter().fold(String::new(), |mut name, byte| {
        let _infallible = write!(name, "{byte:02x}");
        name
    });
    folder(upload).join(name)
}

impl Blobs {
    /// Writes given detections. The same ones are written once, however often they are given.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn put_given(&self, upload: UploadId, content: Vec<u8>) -> Result<GivenBlob, BlobError> {
        let sha256 = Sha256::digest(&content).into();
        let written = self
            .put(Kind::Original, &path(upload, &sha256), Cursor::new(content))
            .await?;
        Ok(GivenBlob {
            bytes: written.bytes,
            sha256,
        })
    }

    /// Reads given detections.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there are none.
    pub async fn read_given(&self, upload: UploadId, given: &GivenBlob) -> Result<Vec<u8>, BlobError> {
        let content = self.read(&path(upload, &given.sha256), None).await?;
        content.gather().await
    }

    /// Deletes what was given for an original.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn delete_given(&self, upload: UploadId) -> Result<(), BlobError> {
        self.delete_folder(&folder(upload)).await
    }
}
