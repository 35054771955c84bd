//! The two files that a child inherits: the original goes in through one, the result comes out through the other.
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

/// What is moved at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// One pair of nameless files.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    pub(crate) input: Arc<File>,
    pub(crate) output: Arc<File>,
}

impl Scratch {
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            input: Arc::new(tempfile::tempfile_in(dir)?),
            output: Arc::new(tempfile::tempfile_in(dir)?),
        })
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

    /// Moves the result into a file of its own, positioned at its start, and empties the pair. The copy is what makes it
    /// safe to hand out: the child, which keeps its descriptor, can change nothing in it afterwards.
    pub(crate) async fn take_output(&self, bytes: u64) -> io::Result<File> {
        let (output, dir) = (Arc::clone(&self.output), self.dir.clone());
        let result = blocking(move || {
            let actual = output.metadata()?.len();
            if actual != bytes {
                let message = format!("the result has {actual} bytes where the child says {bytes}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let mut result = tempfile::tempfile_in(dir)?;
            copy_all(&output, &result, bytes)?;
            result.seek(SeekFrom::Start(0))?;
            Ok(result)
        })
        .await?;
        self.empty().await?;
        Ok(result)
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
        let scratch = Scratch::new(dir.path()).unwrap();
        assert!(scratch.fill(&mut &b"12345"[..], 5).await.is_ok());
        for wrong in [4, 6] {
            let refused = scratch.fill(&mut &b"12345"[..], wrong).await;
            assert!(matches!(refused, Err(FillError::Original(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_result_is_a_copy_that_the_child_cannot_change() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path()).unwrap();
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
    async fn a_result_may_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path()).unwrap();
        let result = scratch.take_output(0).await.unwrap();
        assert_eq!(result.metadata().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn a_child_that_lies_about_the_size_of_its_result_is_caught() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(dir.path()).unwrap();
        scratch.output.write_all_at(b"abc", 0).unwrap();
        assert!(scratch.take_output(4).await.is_err());
    }
}
