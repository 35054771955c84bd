//! What is done of a long video, between the attempts of its job. It goes when the job has finished, or with the original.

use std::fs::File;
use std::io::{self, Cursor};

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path;
use sfumato_core::{JobId, UploadId};
use sfumato_media_client::{KeptParts, KeptPlan};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::{BlobError, Blobs, Deleted, Kind};

/// The parts that one job has made of a video. Those of another job on the same original do not fit together with them.
pub(crate) struct PartsOfJob<'a> {
    pub(crate) blobs: &'a Blobs,
    pub(crate) upload: UploadId,
    pub(crate) job: JobId,
    /// Called after a part has been kept.
    pub(crate) when_kept: &'a (dyn Fn() + Send + Sync),
}

fn folder(upload: UploadId) -> Path {
    Path::from_iter(["parts".to_owned(), upload.to_string()])
}

fn folder_of_job(upload: UploadId, job: JobId) -> Path {
    folder(upload).join(job.to_string())
}

/// What there is none of is no error here.
fn present<T>(outcome: Result<T, BlobError>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(BlobError::NotFound) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// That there is no room has to be seen by whoever hears of it as an error of input and output.
fn failed(error: BlobError) -> io::Error {
    match error {
        BlobError::Full => io::ErrorKind::StorageFull.into(),
        error => io::Error::other(error),
    }
}

impl Blobs {
    /// Deletes what is done of a long video, by whichever job.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn delete_parts(&self, upload: UploadId) -> Result<Deleted, BlobError> {
        self.delete_folder(&folder(upload)).await
    }

    /// Deletes what a job has done of a long video.
    ///
    /// # Errors
    /// [`BlobError`] when the storage cannot answer.
    pub async fn delete_parts_of_job(&self, upload: UploadId, job: JobId) -> Result<Deleted, BlobError> {
        self.delete_folder(&folder_of_job(upload, job)).await
    }
}

impl PartsOfJob<'_> {
    fn path(&self, name: &str) -> Path {
        folder_of_job(self.upload, self.job).join(name)
    }
}

#[async_trait]
impl KeptParts for PartsOfJob<'_> {
    async fn plan(&self) -> io::Result<Option<KeptPlan>> {
        let Some(plan) = present(self.blobs.read(&self.path("plan"), None).await)? else {
            return Ok(None);
        };
        let text = plan.gather().await.map_err(io::Error::other)?;
        // One of another version is none: the video is planned again.
        Ok(serde_json::from_slice(&text).ok())
    }

    async fn keep_plan(&self, plan: &KeptPlan) -> io::Result<()> {
        let text = serde_json::to_vec(plan)?;
        let path = self.path("plan");
        let written = self.blobs.put(Kind::Original, &path, Cursor::new(text)).await;
        written.map(drop).map_err(failed)
    }

    async fn part(&self, number: u32) -> io::Result<Option<(Box<dyn AsyncRead + Send + Unpin>, u64)>> {
        let path = self.path(&number.to_string());
        let Some(part) = present(self.blobs.read(&path, None).await)? else {
            return Ok(None);
        };
        let stream = StreamReader::new(part.stream.map_err(io::Error::other));
        Ok(Some((Box::new(stream), part.bytes)))
    }

    async fn part_bytes(&self, number: u32) -> io::Result<Option<u64>> {
        let path = self.path(&number.to_string());
        Ok(present(self.blobs.look(&path).await)?.map(|look| look.bytes))
    }

    async fn keep_part(&self, number: u32, content: File) -> io::Result<()> {
        let path = self.path(&number.to_string());
        let content = tokio::fs::File::from_std(content);
        let written = self.blobs.put(Kind::Original, &path, content).await;
        written.map_err(failed)?;
        (self.when_kept)();
        Ok(())
    }

    async fn forget(&self) -> io::Result<()> {
        self.blobs
            .delete_parts_of_job(self.upload, self.job)
            .await
            .map(drop)
            .map_err(io::Error::other)
    }
}
