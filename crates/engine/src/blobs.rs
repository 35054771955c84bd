//! Originals and results as named bytes, in the product's words over any object store.
//!
//! An original lies at `uploads/{upload}`, detections that were given for it at `given/{upload}/{sha256}` for as long, what
//! is done of a long video at `parts/{upload}/{job}/…`, a result at `results/{result}/media` and its detections document at
//! `results/{result}/document`. A blob becomes visible whole or not at all. The database row is written last and deleted
//! first, so that a blob without a row can be left over (the janitor collects it), a row without a blob never.
//!
//! The store is a folder ([`Blobs::open_folder`]) or a bucket ([`Blobs::open_s3`]), and either can hold blobs that this server
//! has encrypted ([`Blobs::encrypted`]). Nothing relies on more than that a blob can be written whole, read in ranges, listed
//! and deleted.

mod abandoned;
mod copies;
mod deletion;
mod folder;
mod given;
mod owner;
mod parts;
mod probe;
mod reader;
mod s3;
mod seal;
mod writer;

use std::io;
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::BytesMut;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use sfumato_core::{Entropy, ResultId, Timestamp, UploadId};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::task::TaskTracker;

use crate::key_ring::KeyRing;
use crate::ownership::hand_over;

pub use copies::{BlobName, Recorded, Standing, recorded_of};
pub use deletion::Deleted;
pub(crate) use deletion::{Reason, log as log_deletion};
pub use owner::ClaimError;
pub(crate) use parts::PartsOfJob;
pub use probe::{ProbeError, ProbeStep};
pub use reader::BlobStream;
use s3::S3;
pub use s3::{
    NoS3Location, PART_BYTES_MIN, S3Location, S3Settings, ServerSideEncryption, SignedAnswer, SignedUrl,
};
pub use seal::SealError;
pub use writer::{BlobWriter, Written};

/// Bytes that are gathered before they are written to a folder: what one writer holds in memory, at most twice.
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
    /// The blob is encrypted and cannot be decrypted.
    #[error("the blob cannot be decrypted")]
    Sealed(#[from] SealError),
    /// It was deleted, and is there all the same.
    #[error(
        "the storage still has {path} after it was deleted; look at its permissions, or what its bucket retains"
    )]
    Remains {
        /// What.
        path: String,
    },
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

/// What this server encrypts before it writes it. Whatever it was when a blob was written, the blob is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encrypted {
    /// Nothing any more; what is encrypted can still be read.
    Nothing,
    /// Originals, what was given for them, and what is done of them.
    #[default]
    Originals,
    /// Results too.
    Everything,
}

/// How blobs are encrypted.
#[derive(Clone)]
pub struct Encryption {
    /// The keys.
    pub keys: KeyRing,
    /// What is encrypted.
    pub what: Encrypted,
    /// Where data keys come from.
    pub entropy: Arc<dyn Entropy>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An original, or what lies beside it.
    Original,
    /// A part of a result.
    Result,
}

/// Where the blobs lie.
enum Place {
    /// The folder, which shows half-written files that the object store hides.
    Folder(PathBuf),
    /// The bucket, which shows abandoned uploads in parts and signs addresses.
    S3(Box<S3>),
}

impl Place {
    /// Leaves a blob that has become visible to whoever owns the storage.
    fn hand_over(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Folder(root) => hand_over(root, FsPath::new(path.as_ref())),
            Self::S3(_) => Ok(()),
        }
    }
}

/// The storage of originals and results.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    place: Arc<Place>,
    part_bytes: usize,
    encryption: Option<Arc<Encryption>>,
    /// The writes that are about to become visible, which nobody who stops waiting can call back.
    finishing: TaskTracker,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs")
            .field("part_bytes", &self.part_bytes)
            .field(
                "encrypted",
                &self.encryption.as_ref().map(|encryption| encryption.what),
            )
            .finish_non_exhaustive()
    }
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
    /// A folder of the local file system, made where it is missing.
    ///
    /// # Errors
    /// [`BlobError`] when the folder cannot be made or read.
    pub fn open_folder(root: &FsPath) -> Result<Self, BlobError> {
        std::fs::create_dir_all(root)?;
        let store = LocalFileSystem::new_with_prefix(root)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            store: Arc::new(store),
            place: Arc::new(Place::Folder(root.to_owned())),
            part_bytes: PART_BYTES,
            encryption: None,
            finishing: TaskTracker::new(),
        })
    }

    /// A bucket of an S3-compatible store. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`BlobError`] when the settings do not fit together.
    pub fn open_s3(settings: &S3Settings) -> Result<Self, BlobError> {
        let s3 = S3::open(settings)?;
        Ok(Self {
            store: Arc::new(PrefixStore::new(s3.store.clone(), s3.prefix.clone())),
            place: Arc::new(Place::S3(Box::new(s3))),
            part_bytes: usize::try_from(settings.part_bytes.max(PART_BYTES_MIN)).unwrap_or(usize::MAX),
            encryption: None,
            finishing: TaskTracker::new(),
        })
    }

    /// The same storage, seen through another one in front of it, which measures, slows down or fails what is asked of it.
    #[must_use]
    pub fn through(self, front: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self {
            store: front(self.store),
            ..self
        }
    }

    /// The same storage, of which this server encrypts something by itself.
    #[must_use]
    pub fn encrypted(self, encryption: Encryption) -> Self {
        Self {
            encryption: Some(Arc::new(encryption)),
            ..self
        }
    }

    /// The same storage, with what tells whether a write of whoever has it is still on its way: what is abandoned while it
    /// becomes visible becomes visible all the same.
    pub(crate) fn followed(&self) -> (Self, TaskTracker) {
        let finishing = TaskTracker::new();
        let blobs = Self {
            finishing: finishing.clone(),
            ..self.clone()
        };
        (blobs, finishing)
    }

    /// Begins to write an original. Nothing is asked of the storage before the first part is full.
    pub fn write_upload(&self, upload: UploadId) -> BlobWriter {
        self.writer(Kind::Original, upload_path(upload))
    }

    fn writer(&self, kind: Kind, path: Path) -> BlobWriter {
        let sealer = self.encryption.as_ref().and_then(|encryption| {
            let wanted = match encryption.what {
                Encrypted::Nothing => false,
                Encrypted::Originals => kind == Kind::Original,
                Encrypted::Everything => true,
            };
            wanted.then(|| seal::Sealer::new(&encryption.keys, &*encryption.entropy, path.as_ref()))
        });
        BlobWriter::new(
            Arc::clone(&self.store),
            Arc::clone(&self.place),
            path,
            self.part_bytes,
            sealer,
        )
    }

    /// Opens an original for reading.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there is none.
    pub async fn read_upload(&self, upload: UploadId) -> Result<BlobStream, BlobError> {
        Ok(self.read(&upload_path(upload), None).await?.stream)
    }

    /// Streams a range of bytes of an original.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there is none.
    pub async fn read_upload_range(
        &self,
        upload: UploadId,
        range: Range<u64>,
    ) -> Result<BlobStream, BlobError> {
        Ok(self.read(&upload_path(upload), Some(range)).await?.stream)
    }

    /// Writes one part of a result from a reader, in bounded memory.
    ///
    /// # Errors
    /// [`BlobError`] when reading or writing fails.
    pub async fn put_result(
        &self,
        result: ResultId,
        part: ResultPart,
        content: impl AsyncRead + Unpin,
    ) -> Result<Written, BlobError> {
        self.put(Kind::Result, &result_path(result, part), content).await
    }

    async fn put(
        &self,
        kind: Kind,
        path: &Path,
        mut content: impl AsyncRead + Unpin,
    ) -> Result<Written, BlobError> {
        let mut writer = self.writer(kind, path.clone());
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        while content.read_buf(&mut buffer).await? > 0 {
            writer.write(buffer.split().freeze()).await?;
            buffer.reserve(64 * 1024);
        }
        let finished = self.finishing.spawn(writer.finish()).await;
        finished.map_err(|error| BlobError::Unavailable {
            source: Box::new(error),
        })?
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
    ) -> Result<BlobStream, BlobError> {
        Ok(self.read(&result_path(result, part), Some(range)).await?.stream)
    }

    /// An address under which the storage itself hands out one part of a result; `None` where it cannot: in a folder, and
    /// where the blob is encrypted by this server.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] where there is no such blob.
    pub async fn sign_result(
        &self,
        result: ResultId,
        part: ResultPart,
        answer: SignedAnswer<'_>,
    ) -> Result<Option<SignedUrl>, BlobError> {
        let Place::S3(s3) = &*self.place else {
            return Ok(None);
        };
        if self.look(&result_path(result, part)).await?.sealed {
            return Ok(None);
        }
        s3.signed_result(result, part, answer).await.map(Some)
    }

    /// The originals that were written before `before`, and those for which something was given or done before it.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn uploads_written_before(&self, before: Timestamp) -> Result<Vec<UploadId>, BlobError> {
        let mut names = Vec::new();
        for folder in ["uploads", "parts", "given"] {
            names.extend(self.names_written_before(folder, before).await?);
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
        let mut names = self.names_written_before("results", before).await?;
        names.dedup();
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes what is half-written and was last written to before `before`: what a process that was killed, or a write that
    /// failed at its very end, left behind. In a bucket these are uploads in parts, which no list of blobs shows.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer, or does not know how to list them.
    pub async fn remove_half_written(&self, before: Timestamp) -> Result<usize, BlobError> {
        let place = Arc::clone(&self.place);
        match &*self.place {
            Place::S3(s3) => s3.abort_abandoned(before).await,
            Place::Folder(_) => {
                let removal = tokio::task::spawn_blocking(move || match &*place {
                    Place::Folder(root) => folder::remove_half_written(root, before),
                    Place::S3(_) => Ok(0),
                });
                Ok(removal.await.map_err(io::Error::other)??)
            }
        }
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

    /// The names below a folder under which something was written before `before`, sorted.
    async fn names_written_before(&self, folder: &str, before: Timestamp) -> Result<Vec<String>, BlobError> {
        let mut names = Vec::new();
        let mut objects = self.store.list(Some(&Path::from(folder)));
        while let Some(object) = objects.try_next().await? {
            if object.last_modified.timestamp_micros() < before.as_micros()
                && let Some(name) = object.location.parts().nth(1)
            {
                names.push(name.as_ref().to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}
