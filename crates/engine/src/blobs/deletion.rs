//! Deleting blobs, and making sure that they are gone.
//!
//! What a storage says of a deletion is not believed: the blob is looked for afterwards. Whoever promises that footage is
//! deleted has to notice a file system that was remounted read-only or a bucket whose policy keeps what it was told to
//! delete.

use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sfumato_core::{JobId, ResultId, UploadId};

use super::{BlobError, Blobs, ResultPart, result_path, upload_path};

/// What was deleted and is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Blobs; none where all had been gone before.
    pub blobs: u64,
    /// Bytes that they took in the storage.
    pub bytes: u64,
}

impl Deleted {
    const fn and(self, other: Self) -> Self {
        Self {
            blobs: self.blobs + other.blobs,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// Why files are deleted, in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// They have had their time.
    Retention,
    /// Their client wants them to be gone.
    Wanted,
    /// No job refers to them.
    Orphan,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Wanted => "wanted",
            Self::Orphan => "orphan",
        }
    }
}

/// One line for what was deleted: what proves a deletion later.
pub(crate) fn log(deleted: Deleted, kind: &'static str, job: Option<JobId>, reason: Reason) {
    let Deleted { blobs, bytes } = deleted;
    let job = job.map(|job| job.to_string());
    let reason = reason.as_str();
    tracing::info!(
        job.id = job,
        kind,
        blobs,
        bytes,
        reason,
        "files were deleted and are gone"
    );
}

impl Blobs {
    /// Deletes an original, what was given for it and what is done of it, and looks for them afterwards. One that is gone
    /// already is deleted.
    ///
    /// # Errors
    /// [`BlobError::Remains`]; another one when the storage cannot answer.
    pub async fn delete_upload(&self, upload: UploadId) -> Result<Deleted, BlobError> {
        let parts = self.delete_parts(upload).await?;
        let given = self.delete_given(upload).await?;
        let original = self.delete_one(&upload_path(upload)).await?;
        Ok(parts.and(given).and(original))
    }

    /// Deletes both parts of a result, and looks for them afterwards. What is gone already is deleted.
    ///
    /// # Errors
    /// As [`Blobs::delete_upload`].
    pub async fn delete_result(&self, result: ResultId) -> Result<Deleted, BlobError> {
        let media = self.delete_one(&result_path(result, ResultPart::Media)).await?;
        let document = self
            .delete_one(&result_path(result, ResultPart::Document))
            .await?;
        Ok(media.and(document))
    }

    async fn delete_one(&self, path: &Path) -> Result<Deleted, BlobError> {
        let Some(bytes) = self.size_of(path).await? else {
            return Ok(Deleted::default());
        };
        self.delete(path).await?;
        match self.size_of(path).await? {
            None => Ok(Deleted { blobs: 1, bytes }),
            Some(_) => Err(BlobError::Remains {
                path: path.to_string(),
            }),
        }
    }

    async fn size_of(&self, path: &Path) -> Result<Option<u64>, BlobError> {
        match self.store.head(path).await {
            Ok(object) => Ok(Some(object.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes one blob, without another look.
    pub(super) async fn delete(&self, path: &Path) -> Result<(), BlobError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes everything below a folder, and looks for it afterwards.
    pub(super) async fn delete_folder(&self, folder: &Path) -> Result<Deleted, BlobError> {
        let mut deleted = Deleted::default();
        let mut objects = self.store.list(Some(folder));
        let mut paths = Vec::new();
        while let Some(object) = objects.try_next().await? {
            deleted = deleted.and(Deleted {
                blobs: 1,
                bytes: object.size,
            });
            paths.push(object.location);
        }
        drop(objects);
        if paths.is_empty() {
            return Ok(deleted);
        }
        let paths = futures::stream::iter(paths.into_iter().map(Ok));
        let mut deletions = self.store.delete_stream(paths.boxed());
        while let Some(outcome) = deletions.next().await {
            match outcome {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        drop(deletions);
        match self.store.list(Some(folder)).try_next().await? {
            None => Ok(deleted),
            Some(object) => Err(BlobError::Remains {
                path: object.location.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use sfumato_testkit::storage::{Deletions, FaultyStorage};

    use super::*;

    const fn result() -> ResultId {
        ResultId::from_uuid(uuid::Uuid::from_u128(9))
    }

    async fn with_a_result(folder: &std::path::Path) -> Blobs {
        let blobs = Blobs::open_folder(folder).unwrap();
        for (part, content) in [(ResultPart::Media, &b"12345"[..]), (ResultPart::Document, b"12")] {
            blobs
                .put_result(result(), part, Cursor::new(content))
                .await
                .unwrap();
        }
        blobs
    }

    #[tokio::test]
    async fn what_was_deleted_is_measured_and_deleting_it_again_deletes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = with_a_result(folder.path()).await;
        let deleted = blobs.delete_result(result()).await.unwrap();
        assert_eq!(deleted, Deleted { blobs: 2, bytes: 7 });
        assert_eq!(blobs.delete_result(result()).await.unwrap(), Deleted::default());
    }

    #[tokio::test]
    async fn what_cannot_be_deleted_is_not_said_to_be_gone() {
        let folder = tempfile::tempdir().unwrap();
        let upload = UploadId::from_uuid(uuid::Uuid::from_u128(8));
        let blobs = with_a_result(folder.path()).await;
        let mut writer = blobs.write_upload(upload);
        writer.write(b"123".as_slice().into()).await.unwrap();
        writer.finish().await.unwrap();
        blobs.put_given(upload, b"{}".to_vec()).await.unwrap();
        let storage = FaultyStorage::new(Arc::clone(&blobs.store));
        let blobs = blobs.through(|_| Arc::new(storage.clone()));
        storage.set_deletions(Deletions::Kept);
        for outcome in [
            blobs.delete_result(result()).await,
            blobs.delete_given(upload).await,
            blobs.delete_upload(upload).await,
        ] {
            assert!(matches!(outcome, Err(BlobError::Remains { .. })), "{outcome:?}");
        }
        storage.set_deletions(Deletions::Refused);
        for outcome in [
            blobs.delete_result(result()).await,
            blobs.delete_given(upload).await,
            blobs.delete_upload(upload).await,
        ] {
            assert!(
                matches!(outcome, Err(BlobError::Unavailable { .. })),
                "{outcome:?}"
            );
        }
        storage.set_deletions(Deletions::Done);
        assert_eq!(blobs.delete_result(result()).await.unwrap().blobs, 2);
        assert_eq!(blobs.delete_upload(upload).await.unwrap().blobs, 2);
    }
}
