//! Originals and results as named bytes, in the product's words over any object store.
//!
//! An original lies at `uploads/{upload}`, detections that were given for it at `given/{upload}/{sha256}` for as long, what
//! is done of a long video at `parts/{upload}/{job}/…`, a result at `results/{result}/media` and its detections document at
//! `results/{result}/document`. A blob becomes visible whole or not at all. The database row is written last and deleted
//! first, so that a blob without a row can be left over (the janitor collects it), a row without a blob never.

mod given;
mod parts;

use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use sfumato_core::{ResultId, Timestamp, UploadId};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

pub(crate) use parts::PartsOfJob;

/// Bytes that are gathered before they are written: what one writer holds in memory, at most twice.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// Why the storage could not do what it was asked.
#[derive(Debug, Error)]
pub enum BlobError {
    /// No such blob.
    #[error("the blob does not exist")]
    NotFound,
    /// No space is left.
    #[error("the storage is full")]
    Full,
    /// Anything else.
    #[error("the storage cannot answer")]
    Unavailable {
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::NotFound { .. } = error {
            return Self::NotFound;
        }
        if storage_is_full(&error) {
            Self::Full
        } else {
            Self::Unavailable {
                source: Box::new(error),
            }
        }
    }
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        if storage_is_full(&error) {
            Self::Full
        } else {
            Self::Unavailable {
                source: Box::new(error),
            }
        }
    }
}

fn storage_is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(
                io.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            )
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Which of a result's two blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultPart {
    /// The anonymized media.
    Media,
    /// The detections document.
    Document,
}

/// Size and hash of a blob that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

/// The storage of originals and results.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, which shows half-written files that the object store hides.
    root: Arc<PathBuf>,
}

fn upload_path(upload: UploadId) -> Path {
    Path::from_iter(["uploads".to_owned(), upload.to_string()])
}

fn result_path(result: ResultId, part: ResultPart) -> Path {
    let part = match part {
        ResultPart::Media => "media",
        ResultPart::Document => "document",
    };
    Path::from_iter(["results".to_owned(), result.to_string(), part.to_owned()])
}

impl Blobs {
    /// A folder of the local file system, made where it is missing. What a killed process was writing is removed: only
    /// one process may use the folder.
    ///
    /// # Errors
    /// [`BlobError`] when the folder cannot be made or read.
    pub fn open_folder(root: &FsPath) -> Result<Self, BlobError> {
        std::fs::create_dir_all(root)?;
        for half_written in half_written_files(root)? {
            std::fs::remove_file(&half_written)?;
        }
        let store = LocalFileSystem::new_with_prefix(root)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            store: Arc::new(store),
            root: Arc::new(root.to_owned()),
        })
    }

    /// Begins to write an original.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn write_upload(&self, upload: UploadId) -> Result<BlobWriter, BlobError> {
        BlobWriter::open(&*self.store, &upload_path(upload)).await
    }

    /// Opens an original for reading.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there is none.
    pub async fn read_upload(
        &self,
        upload: UploadId,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let got = self.store.get(&upload_path(upload)).await?;
        Ok(got.into_stream().map_err(BlobError::from).boxed())
    }

    /// Deletes an original, what was given for it and what is done of it. One that is gone already is deleted.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn delete_upload(&self, upload: UploadId) -> Result<(), BlobError> {
        self.delete_parts(upload).await?;
        self.delete_given(upload).await?;
        self.delete(&upload_path(upload)).await
    }

    /// Writes one part of a result from a reader, in bounded memory.
    ///
    /// # Errors
    /// [`BlobError`] when reading or writing fails; then nothing is left behind.
    pub async fn put_result(
        &self,
        result: ResultId,
        part: ResultPart,
        content: impl AsyncRead + Unpin,
    ) -> Result<Written, BlobError> {
        self.put(&result_path(result, part), content).await
    }

    async fn put(&self, path: &Path, mut content: impl AsyncRead + Unpin) -> Result<Written, BlobError> {
        let mut writer = BlobWriter::open(&*self.store, path).await?;
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        while content.read_buf(&mut buffer).await? > 0 {
            writer.write(buffer.split().freeze()).await?;
            buffer.reserve(64 * 1024);
        }
        writer.finish().await
    }

    /// Streams a range of bytes of one part of a result.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there is none.
    pub async fn read_result(
        &self,
        result: ResultId,
        part: ResultPart,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        let options = object_store::GetOptions::default().with_range(Some(range));
        let got = self.store.get_opts(&result_path(result, part), options).await?;
        Ok(got.into_stream().map_err(BlobError::from).boxed())
    }

    /// Deletes both parts of a result. What is gone already is deleted.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn delete_result(&self, result: ResultId) -> Result<(), BlobError> {
        self.delete(&result_path(result, ResultPart::Media)).await?;
        self.delete(&result_path(result, ResultPart::Document)).await
    }

    /// The originals that were written before `before`, and those for which something was given or done before it.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn uploads_written_before(&self, before: Timestamp) -> Result<Vec<UploadId>, BlobError> {
        let mut names = self.names_written_before("uploads", 1, before).await?;
        for folder in ["parts", "given"] {
            names.extend(self.names_written_before(folder, 1, before).await?);
        }
        names.sort_unstable();
        names.dedup();
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The results that were written before `before`.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn results_written_before(&self, before: Timestamp) -> Result<Vec<ResultId>, BlobError> {
        let mut names = self.names_written_before("results", 1, before).await?;
        names.dedup();
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes half-written files that were last written to before `before`: what a write that failed at its very end left
    /// behind.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn remove_half_written(&self, before: Timestamp) -> Result<usize, BlobError> {
        let root = Arc::clone(&self.root);
        let removal = tokio::task::spawn_blocking(move || {
            let mut removed = 0;
            for file in half_written_files(&root)? {
                let written = file.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH);
                let written = written.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
                if written < before.as_micros() {
                    std::fs::remove_file(&file)?;
                    removed += 1;
                }
            }
            Ok::<_, io::Error>(removed)
        });
        Ok(removal.await.map_err(io::Error::other)??)
    }

    /// A question that only working storage answers.
    ///
    /// # Errors
    /// [`BlobError`] when it does not.
    pub async fn ping(&self) -> Result<(), BlobError> {
        match self.store.head(&Path::from("ping")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, path: &Path) -> Result<(), BlobError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete_folder(&self, folder: &Path) -> Result<(), BlobError> {
        let mut objects = self.store.list(Some(folder));
        while let Some(object) = objects.try_next().await? {
            self.delete(&object.location).await?;
        }
        Ok(())
    }

    async fn names_written_before(
        &self,
        folder: &str,
        depth: usize,
        before: Timestamp,
    ) -> Result<Vec<String>, BlobError> {
        let mut names = Vec::new();
        let mut objects = self.store.list(Some(&Path::from(folder)));
        while let Some(object) = objects.try_next().await? {
            if object.last_modified.timestamp_micros() < before.as_micros()
                && let Some(name) = object.location.parts().nth(depth)
            {
                names.push(name.as_ref().to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// The local file system's object store writes to `name#1` and renames at the end.
fn half_written_files(root: &FsPath) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry
                .file_name()
                .to_string_lossy()
                .rsplit_once('#')
                .is_some_and(|(_, suffix)| suffix.bytes().all(|b| b.is_ascii_digit()))
            {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Writes one blob chunk by chunk, hashing as it goes. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    upload: Option<Box<dyn MultipartUpload>>,
    buffer: BytesMut,
    bytes: u64,
    hash: Sha256,
}

impl BlobWriter {
    async fn open(store: &dyn ObjectStore, path: &Path) -> Result<Self, BlobError> {
        let upload = store
            .put_multipart_opts(path, object_store::PutMultipartOptions::default())
            .await?;
        Ok(Self {
            upload: Some(upload),
            buffer: BytesMut::new(),
            bytes: 0,
            hash: Sha256::new(),
        })
    }

    /// Bytes that were written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a chunk. Returns once it is gathered or written: a slow disk slows the sender down.
    ///
    /// # Errors
    /// [`BlobError`] when the storage is full or cannot answer.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        self.bytes += chunk.len() as u64;
        self.hash.update(&chunk);
        self.buffer.extend_from_slice(&chunk);
        while self.buffer.len() >= PART_BYTES {
            let part = self.buffer.split_to(PART_BYTES).freeze();
            self.put(part).await?;
        }
        Ok(())
    }

    async fn put(&mut self, part: Bytes) -> Result<(), BlobError> {
        let upload = self.upload.as_mut().ok_or(BlobError::NotFound)?;
        upload.put_part(part.into()).await?;
        Ok(())
    }

    /// Makes the blob visible, durably.
    ///
    /// # Errors
    /// [`BlobError`]; then nothing is left behind.
    pub async fn finish(mut self) -> Result<Written, BlobError> {
        let rest = self.buffer.split().freeze();
        if !rest.is_empty() || self.bytes == 0 {
            self.put(rest).await?;
        }
        if let Some(upload) = self.upload.as_mut() {
            upload.complete().await?;
        }
        self.upload = None;
        Ok(Written {
            bytes: self.bytes,
            sha256: std::mem::take(&mut self.hash).finalize().into(),
        })
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(mut upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = upload.abort().await {
                    tracing::warn!(
                        error = sfumato_core::chain(&error),
                        "a half-written blob is left to the janitor"
                    );
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;
