//! Reading ranges of blobs, sealed or not: which of both a blob says itself.

use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetResult};

use super::seal::{self, HEADER, Opener, SealError};
use super::{BlobError, Blobs};

/// A stream of content.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// A blob, or a range of it.
pub(super) struct Content {
    /// Bytes of the whole blob's content.
    pub(super) bytes: u64,
    /// What was asked for.
    pub(super) stream: BlobStream,
}

impl Content {
    /// Gathers all of it.
    pub(super) async fn gather(self) -> Result<Vec<u8>, BlobError> {
        self.stream
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
    }
}

/// What a blob's first bytes tell.
pub(super) struct Look {
    /// Bytes of its content.
    pub(super) bytes: u64,
    /// Whether it is encrypted by this server.
    pub(super) sealed: bool,
}

impl Blobs {
    /// Reads a blob: all of it, or a range that lies inside.
    pub(super) async fn read(&self, path: &Path, wanted: Option<Range<u64>>) -> Result<Content, BlobError> {
        // The header of a sealed blob comes with its first chunk in one request, and before any other in its own.
        let asked = wanted.as_ref().map(|wanted| {
            if wanted.start < seal::FIRST {
                0..seal::sealed_end(wanted.end)
            } else {
                0..HEADER as u64
            }
        });
        let got = self.get(path, asked).await?;
        let stored = got.meta.size;
        let (head, rest) = begin(got).await?;
        let sealed = seal::is_sealed(&head);
        let from_start = wanted.as_ref().is_none_or(|wanted| wanted.start < seal::FIRST);
        if !sealed {
            let wanted = wanted.unwrap_or(0..stored);
            let stream = if from_start {
                cut(join(head.freeze(), rest), wanted)
            } else {
                let got = self.get(path, Some(wanted)).await?;
                got.into_stream().map_err(BlobError::from).boxed()
            };
            return Ok(Content {
                bytes: stored,
                stream,
            });
        }
        let opener = self.opener(&head, path, stored)?;
        let bytes = opener.bytes();
        let wanted = wanted.unwrap_or(0..bytes);
        let (source, first) = if from_start {
            let mut head = head;
            head.advance(HEADER);
            (join(head.freeze(), rest), 0)
        } else {
            let (range, first) = seal::sealed_range(&wanted);
            let got = self.get(path, Some(range)).await?;
            (got.into_stream().map_err(BlobError::from).boxed(), first)
        };
        let skipped = seal::content_before(first);
        let wanted = wanted.start - skipped..wanted.end.min(bytes).saturating_sub(skipped);
        Ok(Content {
            bytes,
            stream: cut(opened(source, opener, first), wanted),
        })
    }

    /// Looks at a blob without reading it.
    pub(super) async fn look(&self, path: &Path) -> Result<Look, BlobError> {
        let got = self.get(path, Some(0..HEADER as u64)).await?;
        let stored = got.meta.size;
        let (head, _) = begin(got).await?;
        let sealed = seal::is_sealed(&head);
        let bytes = if sealed {
            self.opener(&head, path, stored)?.bytes()
        } else {
            stored
        };
        Ok(Look { bytes, sealed })
    }

    fn opener(&self, head: &[u8], path: &Path, stored: u64) -> Result<Opener, BlobError> {
        let keys = self.encryption.as_ref().map(|encryption| &encryption.keys);
        Ok(Opener::new(head, keys, path.as_ref(), stored)?)
    }

    async fn get(&self, path: &Path, range: Option<Range<u64>>) -> Result<GetResult, BlobError> {
        let options = GetOptions::default().with_range(range);
        Ok(self.store.get_opts(path, options).await?)
    }
}

/// The first bytes, as many as a header has or more, and the others.
async fn begin(got: GetResult) -> Result<(BytesMut, BlobStream), BlobError> {
    let mut rest = got.into_stream().map_err(BlobError::from).boxed();
    let mut head = BytesMut::new();
    while head.len() < HEADER {
        let Some(chunk) = rest.try_next().await? else {
            break;
        };
        head.extend_from_slice(&chunk);
    }
    Ok((head, rest))
}

fn join(head: Bytes, rest: BlobStream) -> BlobStream {
    futures::stream::iter((!head.is_empty()).then_some(Ok(head)))
        .chain(rest)
        .boxed()
}

/// A range of what a stream brings.
fn cut(stream: BlobStream, range: Range<u64>) -> BlobStream {
    let state = (stream, range.start, range.end.saturating_sub(range.start));
    futures::stream::try_unfold(state, |(mut stream, mut skip, mut left)| async move {
        while left > 0 {
            let Some(mut chunk) = stream.try_next().await? else {
                break;
            };
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            chunk.advance(index(skipped));
            chunk.truncate(index(left));
            if !chunk.is_empty() {
                left -= chunk.len() as u64;
                return Ok(Some((chunk, (stream, skip, left))));
            }
        }
        Ok(None)
    })
    .boxed()
}

fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The content of sealed chunks, from chunk `first` on.
fn opened(source: BlobStream, opener: Opener, first: u64) -> BlobStream {
    let state = (source, opener, first, BytesMut::new());
    futures::stream::try_unfold(state, |(mut source, opener, number, mut gathered)| async move {
        let Some(wanted) = opener.sealed_chunk(number) else {
            return Ok(None);
        };
        while gathered.len() < wanted {
            let Some(chunk) = source.try_next().await? else {
                return Err(SealError::Truncated.into());
            };
            gathered.extend_from_slice(&chunk);
        }
        let content = opener.open(number, gathered.split_to(wanted))?;
        Ok(Some((content, (source, opener, number + 1, gathered))))
    })
    .boxed()
}
