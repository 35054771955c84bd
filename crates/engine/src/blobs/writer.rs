//! Writing one blob: gathered in parts, sealed where that is wanted, visible whole or not at all.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload};
use sfumato_failpoints::{Point, hit};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;

use super::seal::Sealer;
use super::{BlobError, Place};

/// A part is gathered in pieces of this size. As one buffer it would have to grow with every chunk, and what it leaves behind in
/// the heaps of the threads adds up to several parts.
const PIECE_BYTES: usize = 256 * 1024;

/// Size and hash of a blob that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

/// Writes one blob chunk by chunk, hashing as it goes. It holds two parts in memory at most: one that is on its way, one that
/// is gathered meanwhile. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
pub struct BlobWriter {
    store: Arc<dyn ObjectStore>,
    place: Arc<Place>,
    path: Path,
    part_bytes: usize,
    sealer: Option<Sealer>,
    /// Begun with the first full part: what is smaller goes in a single request.
    upload: Option<Box<dyn MultipartUpload>>,
    on_its_way: Option<JoinHandle<object_store::Result<()>>>,
    /// What arrived after the last whole piece.
    buffer: BytesMut,
    part: Part,
    bytes: u64,
    stored_bytes: u64,
    hash: Sha256,
}

impl std::fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobWriter")
            .field("path", &self.path)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// What is gathered of the next part.
#[derive(Default)]
struct Part {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Part {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push(piece);
    }

    fn payload(self) -> PutPayload {
        self.pieces.into_iter().collect()
    }
}

impl BlobWriter {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        place: Arc<Place>,
        path: Path,
        part_bytes: usize,
        sealer: Option<Sealer>,
    ) -> Self {
        Self {
            store,
            place,
            path,
            part_bytes,
            sealer,
            upload: None,
            on_its_way: None,
            buffer: BytesMut::new(),
            part: Part::default(),
            bytes: 0,
            stored_bytes: 0,
            hash: Sha256::new(),
        }
    }

    /// Bytes of content that were written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a chunk. Returns once it is gathered or on its way: slow storage slows the sender down.
    ///
    /// # Errors
    /// [`BlobError`] when the storage is full or cannot answer.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), BlobError> {
        self.bytes += chunk.len() as u64;
        self.hash.update(&chunk);
        match &mut self.sealer {
            Some(sealer) => sealer.push(&chunk, &mut self.buffer),
            None => self.buffer.extend_from_slice(&chunk),
        }
        self.gather().await
    }

    /// Takes whole pieces from the buffer, and sends the part once more follows than it holds.
    async fn gather(&mut self) -> Result<(), BlobError> {
        while !self.buffer.is_empty() {
            if self.part.bytes == self.part_bytes {
                let part = std::mem::take(&mut self.part);
                self.send(part).await?;
            }
            let piece = PIECE_BYTES.min(self.part_bytes - self.part.bytes);
            if self.buffer.len() < piece {
                break;
            }
            let piece = self.buffer.split_to(piece).freeze();
            self.part.push(piece);
        }
        Ok(())
    }

    async fn send(&mut self, part: Part) -> Result<(), BlobError> {
        self.arrived().await?;
        self.stored_bytes += part.bytes as u64;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let options = PutMultipartOptions::default();
                let begun = self.store.put_multipart_opts(&self.path, options).await?;
                self.upload.insert(begun)
            }
        };
        self.on_its_way = Some(tokio::spawn(upload.put_part(part.payload())));
        Ok(())
    }

    /// Waits for the part that is on its way.
    async fn arrived(&mut self) -> Result<(), BlobError> {
        if let Some(part) = &mut self.on_its_way {
            let outcome = part.await;
            self.on_its_way = None;
            outcome.map_err(|error| BlobError::Unavailable {
                source: Box::new(error),
            })??;
        }
        Ok(())
    }

    /// Makes the blob visible, durably.
    ///
    /// # Errors
    /// [`BlobError`]; then nothing is left behind, or something that no row knows and the janitor collects.
    pub async fn finish(mut self) -> Result<Written, BlobError> {
        if let Some(sealer) = self.sealer.take() {
            sealer.finish(&mut self.buffer);
        }
        self.gather().await?;
        let mut rest = std::mem::take(&mut self.part);
        rest.push(self.buffer.split().freeze());
        hit(Point::SlowBlobSync);
        if self.upload.is_none() {
            self.store.put(&self.path, rest.payload()).await?;
        } else {
            self.send(rest).await?;
            self.arrived().await?;
            self.complete().await?;
        }
        self.place.hand_over(&self.path)?;
        Ok(Written {
            bytes: self.bytes,
            sha256: std::mem::take(&mut self.hash).finalize().into(),
        })
    }

    async fn complete(&mut self) -> Result<(), BlobError> {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        if let Err(error) = upload.complete().await {
            // Where the answer to the first request was lost, the second finds no upload any more, but the blob.
            let found = self.store.head(&self.path).await;
            if !found.is_ok_and(|blob| blob.size == self.stored_bytes) {
                return Err(error.into());
            }
        }
        self.upload = None;
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        let part = self.on_its_way.take();
        if let Some(part) = &part {
            part.abort();
        }
        if let Some(mut upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                // A part that arrives after its upload was aborted would stay, and be paid for.
                if let Some(part) = part {
                    let _cancelled = part.await;
                }
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
