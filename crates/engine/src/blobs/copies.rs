//! Blobs as rows know them: whether what lies there is what was recorded, and copies of it elsewhere.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use sfumato_core::job::{DetectionSource, Job, JobState};
use sfumato_core::{ResultId, UploadId};
use sha2::{Digest, Sha256};

use super::writer::Written;
use super::{BlobError, BlobStream, Blobs, Kind, ResultPart, given, result_path, upload_path};

/// A blob that a row refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobName {
    /// An original.
    Upload(UploadId),
    /// Detections that were given for it, by their hash.
    Given(UploadId, [u8; 32]),
    /// A part of a result.
    Result(ResultId, ResultPart),
}

impl BlobName {
    fn path(self) -> Path {
        match self {
            Self::Upload(upload) => upload_path(upload),
            Self::Given(upload, sha256) => given::path(upload, &sha256),
            Self::Result(result, part) => result_path(result, part),
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Upload(_) | Self::Given(..) => Kind::Original,
            Self::Result(..) => Kind::Result,
        }
    }
}

impl std::fmt::Display for BlobName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path().fmt(f)
    }
}

/// A blob with what was recorded of it when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Which one.
    pub name: BlobName,
    /// Its size and hash.
    pub written: Written,
}

/// The blobs that a job needs to be there, each named by one job only: an original by the first job on it.
pub fn recorded_of(job: &Job) -> Vec<Recorded> {
    let recorded = |name, bytes, sha256| Recorded {
        name,
        written: Written { bytes, sha256 },
    };
    let mut all = Vec::new();
    let upload = &job.upload;
    if job.original_kept {
        if job.revises.is_none() {
            all.push(recorded(BlobName::Upload(upload.id), upload.bytes, upload.sha256));
        }
        if let DetectionSource::Given(blob) = &job.source {
            all.push(recorded(
                BlobName::Given(upload.id, blob.sha256),
                blob.bytes,
                blob.sha256,
            ));
        }
    }
    if let JobState::Succeeded { result, .. } = &job.state {
        let name = |part| BlobName::Result(result.id, part);
        all.push(recorded(name(ResultPart::Media), result.bytes, result.sha256));
        if let Some((bytes, sha256)) = result.document {
            all.push(recorded(name(ResultPart::Document), bytes, sha256));
        }
    }
    all
}

/// What lies where a blob should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What was recorded.
    Right,
    /// Nothing.
    Missing,
    /// Something else.
    Wrong,
}

impl Blobs {
    /// Reads a blob and compares it with what was recorded.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn examine(&self, recorded: &Recorded) -> Result<Standing, BlobError> {
        let content = match self.read(&recorded.name.path(), None).await {
            Ok(content) if content.bytes == recorded.written.bytes => content,
            Ok(_) => return Ok(Standing::Wrong),
            Err(BlobError::NotFound) => return Ok(Standing::Missing),
            Err(error) => return Err(error),
        };
        let mut hash = Sha256::new();
        hear(content.stream, |chunk| hash.update(&chunk)).await?;
        let found: [u8; 32] = hash.finalize().into();
        Ok(match found == recorded.written.sha256 {
            true => Standing::Right,
            false => Standing::Wrong,
        })
    }

    /// Copies a blob from another storage, where it is what was recorded there; else nothing is left of the copy. Says what lies
    /// in the other storage. In bounded memory.
    ///
    /// # Errors
    /// [`BlobError`] when one of both cannot answer.
    pub async fn copy_from(&self, source: &Self, recorded: &Recorded) -> Result<Standing, BlobError> {
        let path = recorded.name.path();
        let mut content = match source.read(&path, None).await {
            Ok(content) => content.stream,
            Err(BlobError::NotFound) => return Ok(Standing::Missing),
            Err(error) => return Err(error),
        };
        let mut writer = self.writer(recorded.name.kind(), path.clone());
        while let Some(chunk) = content.try_next().await? {
            writer.write(chunk).await?;
        }
        if writer.finish().await? == recorded.written {
            return Ok(Standing::Right);
        }
        self.delete(&path).await?;
        Ok(Standing::Wrong)
    }
}

async fn hear(mut stream: BlobStream, mut each: impl FnMut(Bytes)) -> Result<(), BlobError> {
    while let Some(chunk) = stream.try_next().await? {
        each(chunk);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn result(content: &[u8]) -> Recorded {
        Recorded {
            name: BlobName::Result(ResultId::from_uuid(uuid::Uuid::from_u128(1)), ResultPart::Media),
            written: Written {
                bytes: content.len() as u64,
                sha256: Sha256::digest(content).into(),
            },
        }
    }

    #[tokio::test]
    async fn a_copy_is_what_was_recorded_or_is_not() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [source, target] = folders
            .each_ref()
            .map(|folder| Blobs::open_folder(folder.path()).unwrap());
        let recorded = result(b"abc");
        assert_eq!(
            target.copy_from(&source, &recorded).await.unwrap(),
            Standing::Missing
        );
        let id = ResultId::from_uuid(uuid::Uuid::from_u128(1));
        source
            .put_result(id, ResultPart::Media, Cursor::new(b"abc"))
            .await
            .unwrap();
        assert_eq!(target.examine(&recorded).await.unwrap(), Standing::Missing);
        assert_eq!(
            target.copy_from(&source, &recorded).await.unwrap(),
            Standing::Right
        );
        assert_eq!(target.examine(&recorded).await.unwrap(), Standing::Right);
        source
            .put_result(id, ResultPart::Media, Cursor::new(b"abX"))
            .await
            .unwrap();
        assert_eq!(source.examine(&recorded).await.unwrap(), Standing::Wrong);
        assert_eq!(
            target.copy_from(&source, &recorded).await.unwrap(),
            Standing::Wrong
        );
        assert_eq!(
            target.examine(&recorded).await.unwrap(),
            Standing::Missing,
            "nothing wrong is left"
        );
    }
}
