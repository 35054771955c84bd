//! Object storage that does not do what it is told: for whoever relies on it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::{Semaphore, watch};

/// What becomes of what is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Deletions {
    /// It is deleted.
    Done,
    /// It is said to be deleted and kept, as by a bucket whose policy retains it.
    Kept,
    /// It is refused, as by a file system that has been remounted read-only.
    Refused,
}

/// A storage in front of another one, which a test makes misbehave. What is written in parts passes it unhindered.
#[derive(Clone)]
pub struct FaultyStorage {
    inner: Arc<dyn ObjectStore>,
    deletions: Arc<AtomicU8>,
    full: Arc<AtomicBool>,
    held: watch::Sender<bool>,
    /// Writes that have come as far as the gate.
    arrived: Arc<Semaphore>,
}

impl fmt::Debug for FaultyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStorage").finish_non_exhaustive()
    }
}

impl fmt::Display for FaultyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStorage({})", self.inner)
    }
}

impl FaultyStorage {
    /// In front of `inner`, which it lets do as it does until it is told otherwise.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            deletions: Arc::new(AtomicU8::new(Deletions::Done as u8)),
            full: Arc::default(),
            held: watch::Sender::new(false),
            arrived: Arc::new(Semaphore::new(0)),
        }
    }

    /// What becomes of deletions from here on.
    pub fn set_deletions(&self, deletions: Deletions) {
        self.deletions.store(deletions as u8, Ordering::SeqCst);
    }

    /// Whether there is no room for another blob from here on.
    pub fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Whether blobs are held back before they become visible. One that is held becomes visible later even where nobody waits
    /// for it any more, as with a request that is on its way.
    pub fn hold_writes(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until as many blobs more as this have been written and are about to become visible.
    ///
    /// # Panics
    /// Never: the semaphore is not closed.
    pub async fn wait_for_writes(&self, blobs: u32) {
        let arrived = self.arrived.acquire_many(blobs).await;
        arrived.expect("it is not closed").forget();
    }

    fn error(source: io::Error) -> Error {
        Error::Generic {
            store: "FaultyStorage",
            source: source.into(),
        }
    }
}

#[async_trait]
impl ObjectStore for FaultyStorage {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Self::error(io::ErrorKind::StorageFull.into()));
        }
        let (storage, location) = (self.clone(), location.clone());
        let write = async move {
            let mut held = storage.held.subscribe();
            storage.arrived.add_permits(1);
            // An error is a sender that is gone; this is one.
            drop(held.wait_for(|held| !held).await);
            storage.inner.put_opts(&location, payload, options).await
        };
        tokio::spawn(write)
            .await
            .map_err(|source| Error::JoinError { source })?
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.deletions.load(Ordering::SeqCst) {
            n if n == Deletions::Kept as u8 => locations,
            n if n == Deletions::Refused as u8 => locations
                .map(|_| Err(Self::error(io::ErrorKind::ReadOnlyFilesystem.into())))
                .boxed(),
            _ => self.inner.delete_stream(locations),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
