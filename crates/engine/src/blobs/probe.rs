//! A trial of the storage, for `sfumato doctor`: what a server does with it, once.

use std::fmt;

use bytes::Bytes;
use object_store::path::Path;
use sfumato_core::Entropy;
use sfumato_core::time::random;
use thiserror::Error;

use super::{BlobError, Blobs, Kind};

/// What the trial has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeStep {
    /// Writing a blob of two parts.
    Write,
    /// Reading a range of it.
    Read,
    /// Deleting it.
    Delete,
}

impl fmt::Display for ProbeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "write",
            Self::Read => "read a range of what was written",
            Self::Delete => "delete",
        })
    }
}

/// The trial failed.
#[derive(Debug, Error)]
#[error("{step} failed")]
pub struct ProbeError {
    /// At which step.
    pub step: ProbeStep,
    /// Why.
    #[source]
    pub source: BlobError,
}

impl Blobs {
    /// Writes a blob of two parts, reads a range of it and deletes it.
    ///
    /// # Errors
    /// [`ProbeError`]; then what was written is deleted if that is possible.
    pub async fn probe(&self, entropy: &dyn Entropy) -> Result<(), ProbeError> {
        let name = u64::from_le_bytes(random(entropy));
        let path = Path::from_iter(["probe".to_owned(), format!("{name:016x}")]);
        let tried = self.try_out(&path).await;
        let deleted = self.delete(&path).await;
        tried?;
        deleted.map_err(at(ProbeStep::Delete))
    }

    async fn try_out(&self, path: &Path) -> Result<(), ProbeError> {
        let bytes = self.part_bytes + 1;
        let content: Bytes = (0..=u8::MAX).cycle().take(bytes).collect();
        let write = async {
            let mut writer = self.writer(Kind::Original, path.clone());
            writer.write(content.clone()).await?;
            writer.finish().await
        };
        write.await.map_err(at(ProbeStep::Write))?;
        let range = bytes / 2..bytes / 2 + 1000;
        let read = async {
            let content = self
                .read(path, Some(range.start as u64..range.end as u64))
                .await?;
            content.gather().await
        };
        let found = read.await.map_err(at(ProbeStep::Read))?;
        if found != content[range] {
            let source = "other bytes come back than were written".into();
            return Err(at(ProbeStep::Read)(BlobError::Unavailable { source }));
        }
        Ok(())
    }

    /// Whether the storage lists uploads in parts that were abandoned, which the janitor aborts. Always in a folder.
    ///
    /// # Errors
    /// Why it does not: then a lifecycle rule of the bucket has to abort them.
    pub async fn lists_abandoned(&self) -> Result<(), BlobError> {
        self.remove_half_written(sfumato_core::Timestamp::from_seconds(0))
            .await
            .map(drop)
    }
}

fn at(step: ProbeStep) -> impl FnOnce(BlobError) -> ProbeError {
    move |source| ProbeError { step, source }
}
