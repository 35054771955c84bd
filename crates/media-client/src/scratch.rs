//! The files that a child inherits: the original goes in through one, the result comes out through another. A child for
//! videos or archives has three more, for the detections document and to work in.
//!
//! Parent and child share one open file description for each of them, and with it one file offset. Therefore only the
//! child uses the offset (it seeks to 0 when a task begins); the parent reads and writes at explicit positions. The files
//! have no name, so that nothing is left behind however either side ends, and they are emptied after each task, so that
//! a child never holds the media of an earlier customer.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::protocol::{DOCUMENT_FD, INPUT_FD, OUTPUT_FD, SPARE_FDS};
use crate::sandbox::Purpose;

/// What is moved at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The nameless files of one child.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    pub(crate) input: Arc<File>,
    pub(crate) output: Arc<File>,
    pub(crate) more: Option<More>,
}

/// What only a child for videos or archives has.
#[derive(Debug)]
pub(crate) struct More {
    pub(crate) document: Arc<File>,
    pub(crate) spares: [Arc<File>; 3],
}

impl Scratch {
    pub(crate) fn new(dir: &Path, purpose: Purpose) -> io::Result<Self> {
        let new = || tempfile::tempfile_in(dir);
        let more = match purpose {
            Purpose::Pictures => None,
            Purpose::Video | Purpose::Archive => Some(More {
                document: Arc::new(new()?),
                spares: [Arc::new(new()?), Arc::new(new()?), Arc::new(new()?)],
            }),
        };
        Ok(Self {
            dir: dir.to_owned(),
            input: Arc::new(new()?),
            output: Arc::new(new()?),
            more,
        })
    }

    /// Every file with the number under which the child has it.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (&File, i32)> {
        let pair = [(&*self.input, INPUT_FD), (&*self.output, OUTPUT_FD)];
        let more = self.more.iter().flat_map(|more| {
            let spares = more.spares.iter().map(|file| &**file).zip(SPARE_FDS);
            std::iter::once((&*more.document, DOCUMENT_FD)).chain(spares)
        });
        pair.into_iter().chain(more)
    }

    /// The result and the document of a child that is dead, positioned at their starts: without it nobody can change them
    /// any more.
    pub(crate) async fn results(&self, bytes: u64, document_bytes: u64) -> io::Result<(File, File)> {
        let more = self.more.as_ref();
        let more = more
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "there is no file for the document"))?;
        let (output, document) = (Arc::clone(&self.output), Arc::clone(&more.document));
        blocking(move || {
            Ok((
                of_size(&output, bytes, "the result")?,
                of_size(&document, document_bytes, "the document")?,
            ))
        })
        .await
    }

    /// Empties both files and fills the first with the original.
    pub(crate) async fn fill(
        &self,
        original: &mut (impl AsyncRead + Unpin),
        bytes: u64,
    ) -> Result<(), FillError> {
        self.empty().await.map_err(FillError::Scratch)?;
        let mut position = 0;
        // One byte more than announced is asked for, so that a longer original is noticed.
        let mut original = original.take(bytes.saturating_add(1));
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            while chunk.len() < CHUNK_BYTES {
                let count = original.read_buf(&mut chunk).await.map_err(FillError::Original)?;
                if count == 0 {
                    break;
                }
            }
            if chunk.is_empty() {
                break;
            }
            let length = chunk.len() as u64;
            let file = Arc::clone(&self.input);
            blocking(move || file.write_all_at(&chunk, position))
                .await
                .map_err(FillError::Scratch)?;
            position += length;
        }
        if position == bytes {
            return Ok(());
        }
        let relation = if position < bytes { "shorter" } else { "longer" };
        let message = format!("it is {relation} than the {bytes} bytes that the task says");
        Err(FillError::Original(io::Error::new(
            io::ErrorKind::InvalidData,
            message,
        )))
    }

    /// Writes what came of a part of a video behind that of the parts before it, which end at `place`; returns where it ends.
    pub(crate) async fn fill_parts(
        &self,
        content: &mut (impl AsyncRead + Unpin),
        mut place: u64,
    ) -> io::Result<u64> {
        let more = self.more.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            while chunk.len() < CHUNK_BYTES && content.read_buf(&mut chunk).await? > 0 {}
            if chunk.is_empty() {
                return Ok(place);
            }
            let (length, file) = (chunk.len() as u64, Arc::clone(&more.spares[0]));
            blocking(move || file.write_all_at(&chunk, place)).await?;
            place += length;
        }
    }

    /// Empties all but the original, so that the video can be processed in another way.
    pub(crate) async fn empty_results(&self) -> io::Result<()> {
        let mut files = vec![Arc::clone(&self.output)];
        if let Some(more) = &self.more {
            files.push(Arc::clone(&more.document));
            files.extend(more.spares.iter().cloned());
        }
        blocking(move || files.iter().try_for_each(|file| file.set_len(0))).await
    }

    /// Moves the result into a file of its own, positioned at its start, and empties that of the child. The copy is what makes it
    /// safe to hand out: the child, which keeps its descriptor, can change nothing in it afterwards.
    pub(crate) async fn take_output(&self, bytes: u64) -> io::Result<File> {
        let (output, dir) = (Arc::clone(&self.output), self.dir.clone());
        blocking(move || {
            check_size(&output, bytes, "the result")?;
            let mut result = tempfile::tempfile_in(dir)?;
            copy_all(&output, &result, bytes)?;
            output.set_len(0)?;
            result.seek(SeekFrom::Start(0))?;
            Ok(result)
        })
        .await
    }

    /// Gives the bytes of both files back to the disk.
    pub(crate) async fn empty(&self) -> io::Result<()> {
        let (input, output) = (Arc::clone(&self.input), Arc::clone(&self.output));
        blocking(move || {
            input.set_len(0)?;
            output.set_len(0)
        })
        .await
    }
}

/// A file that has the size that the child says, positioned at its start.
fn of_size(file: &File, bytes: u64, what: &str) -> io::Result<File> {
    check_size(file, bytes, what)?;
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

fn check_size(file: &File, bytes: u64, what: &str) -> io::Result<()> {
    let actual = file.metadata()?.len();
    if actual == bytes {
        return Ok(());
    }
    let message = format!("{what} has {actual} bytes where the child says {bytes}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// The original did not get into its scratch file.
#[derive(Debug)]
pub(crate) enum FillError {
    Original(io::Error),
    Scratch(io::Error),
}

/// Lets the file system share or copy the bytes where it can, and copies them through memory where it cannot.
fn copy_all(from: &File, to: &File, bytes: u64) -> io::Result<()> {
    let (mut read_at, mut write_at) = (0, 0);
    while read_at < bytes {
        let left = usize::try_from(bytes - read_at).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut read_at), to, Some(&mut write_at), left) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let mut chunk = vec![0; CHUNK_BYTES];
    while read_at < bytes {
        let count = from.read_at(&mut chunk, read_at)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all_at(&chunk[..count], read_at)?;
        read_at += count as u64;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_original_that_is_shorter_or_longer_than_announced_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path(), Purpose::Pictures).unwrap();
        assert!(scratch.fill(&mut &b"12345"[..], 5).await.is_ok());
        for wrong in [4, 6] {
            let refused = scratch.fill(&mut &b"12345"[..], wrong).await;
            assert!(matches!(refused, Err(FillError::Original(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_result_is_a_copy_that_the_child_cannot_change() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path(), Purpose::Pictures).unwrap();
        let bytes = vec![7u8; 3 * CHUNK_BYTES + 5];
        scratch.output.write_all_at(&bytes, 0).unwrap();
        let mut result = scratch.take_output(bytes.len() as u64).await.unwrap();
        scratch.output.write_all_at(b"later", 0).unwrap();
        let mut read_back = vec![];
        io::Read::read_to_end(&mut result, &mut read_back).unwrap();
        assert!(read_back == bytes);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "scratch files have no name"
        );
    }

    #[tokio::test]
    async fn a_child_for_videos_has_files_for_its_document_and_to_work_in() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path(), Purpose::Video).unwrap();
        let numbers: Vec<_> = scratch.descriptors().map(|(_, number)| number).collect();
        assert_eq!(numbers, [3, 4, 5, 6, 7, 8]);
        scratch.output.write_all_at(b"abc", 0).unwrap();
        let document = &scratch.more.as_ref().unwrap().document;
        document.write_all_at(b"{}", 0).unwrap();
        let (result, mut document) = scratch.results(3, 2).await.unwrap();
        assert_eq!(result.metadata().unwrap().len(), 3);
        let mut text = String::new();
        io::Read::read_to_string(&mut document, &mut text).unwrap();
        assert_eq!(text, "{}");
    }

    #[tokio::test]
    async fn a_result_may_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path(), Purpose::Pictures).unwrap();
        let result = scratch.take_output(0).await.unwrap();
        assert_eq!(result.metadata().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn a_child_that_lies_about_the_size_of_its_result_is_caught() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path(), Purpose::Pictures).unwrap();
        scratch.output.write_all_at(b"abc", 0).unwrap();
        assert!(scratch.take_output(4).await.is_err());
    }
}
