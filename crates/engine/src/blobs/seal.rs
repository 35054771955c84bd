//! Blobs that are encrypted before they leave the server.
//!
//! Each blob has a data key of its own, which a master key wraps (envelope encryption): a header, then the content in chunks
//! of 64 KiB, each sealed by AES-256-GCM. The nonces are those of the STREAM construction (Hoang, Reyhanitabar, Rogaway,
//! Vizár: "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): a prefix, the number of the
//! chunk, and whether it is the last. So each chunk can be read by itself, and none can be changed, moved, left out or
//! added without being noticed.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | [`MAGIC`], of which the last is the version |
//! | 8 | which master key |
//! | 7 | prefix of the chunks' nonces |
//! | 12 | nonce under which the data key is wrapped |
//! | 48 | the wrapped data key |
//! | n × (≤ 65536 + 16) | the chunks; the last may be shorter |
//!
//! The data key is wrapped with the head of the header and the blob's own path as associated data: a blob that somebody
//! renames cannot be read under the other's name.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::{Bytes, BytesMut};
use sfumato_core::time::random;
use sfumato_core::{Entropy, KeyId};
use thiserror::Error;

use crate::key_ring::KeyRing;

/// What every sealed blob begins with. No format of media does, nor does JSON.
const MAGIC: [u8; 8] = *b"SFUMATO\x01";

/// Bytes of content in a chunk.
const CHUNK: usize = 64 * 1024;

/// Bytes that sealing adds to each chunk.
const TAG: usize = 16;

const PREFIX: usize = 7;
const NONCE: usize = 12;
const WRAPPED: usize = 32 + TAG;

/// Where the wrapped key's nonce begins: what lies before it is authenticated with the key.
const HEAD: usize = MAGIC.len() + KeyId::BYTES + PREFIX;

/// Bytes of the header.
pub(super) const HEADER: usize = HEAD + NONCE + WRAPPED;

/// Why a sealed blob cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The key is not there.
    #[error(
        "it is encrypted with the key {id}, which is not among the keys of this server; add that key to the file of storage.encryption_key_file"
    )]
    UnknownKey {
        /// Which.
        id: KeyId,
    },
    /// It is not what was written.
    #[error("it was changed after it was written, or is damaged")]
    Damaged,
    /// Its end is missing.
    #[error("its end is missing")]
    Truncated,
}

/// The chunks of one blob.
struct Chunks {
    key: LessSafeKey,
    prefix: [u8; PREFIX],
}

impl Chunks {
    fn new(key: &[u8; 32], prefix: [u8; PREFIX]) -> Self {
        Self {
            key: gcm(key),
            prefix,
        }
    }

    fn nonce(&self, number: u32, last: bool) -> Nonce {
        let mut nonce = [0; NONCE];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..NONCE - 1].copy_from_slice(&number.to_be_bytes());
        nonce[NONCE - 1] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }
}

fn gcm(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key).expect("a key of AES-256 has 32 bytes");
    LessSafeKey::new(key)
}

/// The header's authenticated head, and the path that the blob lies at.
fn bound(head: &[u8], path: &str) -> Vec<u8> {
    [head, path.as_bytes()].concat()
}

/// Seals one blob from its beginning to its end.
pub(super) struct Sealer {
    chunks: Chunks,
    header: Option<[u8; HEADER]>,
    number: u32,
    /// What is not sealed yet: a full chunk may be the last, which only its successor or the end tells.
    pending: Vec<u8>,
}

impl Sealer {
    /// Begins to seal the blob at `path` with the first of the keys.
    pub(super) fn new(keys: &KeyRing, entropy: &dyn Entropy, path: &str) -> Self {
        let master = keys.current();
        let (data_key, prefix): ([u8; 32], [u8; PREFIX]) = (random(entropy), random(entropy));
        let nonce: [u8; NONCE] = random(entropy);
        let mut header = [0; HEADER];
        let (head, wrapped) = header.split_at_mut(HEAD);
        head[..MAGIC.len()].copy_from_slice(&MAGIC);
        head[MAGIC.len()..HEAD - PREFIX].copy_from_slice(master.id().as_bytes());
        head[HEAD - PREFIX..].copy_from_slice(&prefix);
        let mut key = data_key.to_vec();
        gcm(master.wrapping())
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(head, path)),
                &mut key,
            )
            .expect("a key is shorter than what AES-GCM seals at most");
        wrapped[..NONCE].copy_from_slice(&nonce);
        wrapped[NONCE..].copy_from_slice(&key);
        Self {
            chunks: Chunks::new(&data_key, prefix),
            header: Some(header),
            number: 0,
            pending: Vec::with_capacity(CHUNK + TAG),
        }
    }

    /// Takes more of the content and appends what can be sealed to `sealed`.
    pub(super) fn push(&mut self, mut content: &[u8], sealed: &mut BytesMut) {
        while !content.is_empty() {
            if self.pending.len() == CHUNK {
                self.seal(false, sealed);
            }
            let (fits, rest) = content.split_at(content.len().min(CHUNK - self.pending.len()));
            self.pending.extend_from_slice(fits);
            content = rest;
        }
    }

    /// The content has ended: appends the last chunk.
    pub(super) fn finish(mut self, sealed: &mut BytesMut) {
        self.seal(true, sealed);
    }

    fn seal(&mut self, last: bool, sealed: &mut BytesMut) {
        if let Some(header) = self.header.take() {
            sealed.extend_from_slice(&header);
        }
        let nonce = self.chunks.nonce(self.number, last);
        self.chunks
            .key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut self.pending)
            .expect("a chunk is shorter than what AES-GCM seals at most");
        sealed.extend_from_slice(&self.pending);
        self.pending.clear();
        // 2^32 chunks are 256 TiB: more than any store takes in one blob.
        self.number = self.number.checked_add(1).expect("no blob has 256 TiB");
    }
}

/// Whether these first bytes are those of a sealed blob.
pub(super) fn is_sealed(first: &[u8]) -> bool {
    first.starts_with(&MAGIC)
}

/// Where the chunk lies in which byte `at` of the content is, and which it is.
fn chunk_of(at: u64) -> (u64, u64) {
    let number = at / CHUNK as u64;
    (HEADER as u64 + number * (CHUNK + TAG) as u64, number)
}

/// The end of the sealed bytes that hold the content up to `end`, or more than all of them.
pub(super) fn sealed_end(end: u64) -> u64 {
    let chunks = end.div_ceil(CHUNK as u64).max(1);
    (HEADER as u64).saturating_add(chunks.saturating_mul((CHUNK + TAG) as u64))
}

/// Opens one blob.
pub(super) struct Opener {
    chunks: Chunks,
    bytes: u64,
}

impl Opener {
    /// Reads the header of the blob that lies at `path` and has `sealed_bytes` in all.
    ///
    /// # Errors
    /// [`SealError`].
    pub(super) fn new(
        header: &[u8],
        keys: Option<&KeyRing>,
        path: &str,
        sealed_bytes: u64,
    ) -> Result<Self, SealError> {
        let header: &[u8; HEADER] = header
            .get(..HEADER)
            .and_then(|header| header.try_into().ok())
            .ok_or(SealError::Truncated)?;
        let (head, wrapped) = header.split_at(HEAD);
        let name = head[MAGIC.len()..].first_chunk().ok_or(SealError::Damaged)?;
        let id = KeyId::from_bytes(*name);
        let master = keys
            .and_then(|keys| keys.find(id))
            .ok_or(SealError::UnknownKey { id })?;
        let nonce = Nonce::try_assume_unique_for_key(&wrapped[..NONCE]).map_err(|_| SealError::Damaged)?;
        let mut key = wrapped[NONCE..].to_vec();
        let key = gcm(master.wrapping())
            .open_in_place(nonce, Aad::from(bound(head, path)), &mut key)
            .map_err(|_| SealError::Damaged)?;
        let key = <&[u8; 32]>::try_from(&*key).map_err(|_| SealError::Damaged)?;
        let prefix = <[u8; PREFIX]>::try_from(&head[HEAD - PREFIX..]).map_err(|_| SealError::Damaged)?;
        Ok(Self {
            chunks: Chunks::new(key, prefix),
            bytes: content_bytes(sealed_bytes).ok_or(SealError::Truncated)?,
        })
    }

    /// Bytes of the content.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that chunk `number` has when it is sealed; `None` where there is no such chunk.
    pub(super) fn sealed_chunk(&self, number: u64) -> Option<usize> {
        let last = self.last();
        match number.cmp(&last) {
            std::cmp::Ordering::Less => Some(CHUNK + TAG),
            std::cmp::Ordering::Equal => {
                let rest = self.bytes - last * CHUNK as u64;
                Some(usize::try_from(rest).ok()? + TAG)
            }
            std::cmp::Ordering::Greater => None,
        }
    }

    fn last(&self) -> u64 {
        self.bytes.saturating_sub(1) / CHUNK as u64
    }

    /// Opens chunk `number`.
    ///
    /// # Errors
    /// [`SealError::Damaged`].
    pub(super) fn open(&self, number: u64, mut sealed: BytesMut) -> Result<Bytes, SealError> {
        let counter = u32::try_from(number).map_err(|_| SealError::Damaged)?;
        let nonce = self.chunks.nonce(counter, number == self.last());
        let content = self
            .chunks
            .key
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .map_err(|_| SealError::Damaged)?
            .len();
        sealed.truncate(content);
        Ok(sealed.freeze())
    }
}

/// Bytes of content in a sealed blob of so many bytes.
fn content_bytes(sealed: u64) -> Option<u64> {
    let body = sealed.checked_sub(HEADER as u64)?;
    let chunks = body.div_ceil((CHUNK + TAG) as u64);
    let content = body.checked_sub(chunks * TAG as u64)?;
    (chunks > 0).then_some(content)
}

/// Which sealed bytes hold a range of the content, and which chunk they begin with.
pub(super) fn sealed_range(range: &std::ops::Range<u64>) -> (std::ops::Range<u64>, u64) {
    let (start, number) = chunk_of(range.start);
    (start..sealed_end(range.end), number)
}

/// Bytes of content before chunk `number`.
pub(super) const fn content_before(number: u64) -> u64 {
    number * CHUNK as u64
}

/// Content that lies in the first chunk, which comes with the header in one request.
pub(super) const FIRST: u64 = CHUNK as u64;

#[cfg(test)]
mod tests;
