//! What a media process is asked for, for the whole of a job or for a part of it.

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sfumato_core::job::Job;
use sfumato_core::time::random;
use sfumato_media_client::MediaError;
use sfumato_media_client::protocol::{Goal, Task};
use tokio_util::io::StreamReader;

use crate::Engine;
use crate::blobs::BlobError;

/// Why a task came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Blobs(BlobError),
    #[error(transparent)]
    Media(MediaError),
}

/// An original as it is read for a media process.
pub(super) type Original = StreamReader<BoxStream<'static, std::io::Result<Bytes>>, Bytes>;

impl Engine {
    /// What a media process is to do, and the original.
    pub(super) async fn task(&self, job: &Job) -> Result<(Task, Original), Trouble> {
        let inner = self.inner();
        let given = match job.source.given() {
            Some(given) => Some(self.read_given(job, given).await.map_err(Trouble::Blobs)?),
            None => None,
        };
        let task = Task {
            format: job.upload.format,
            bytes: job.upload.bytes,
            goal: Goal::Anonymize,
            options: job.options.clone(),
            given,
            limits: inner.settings.media_limits,
            seed: random(&*inner.entropy),
        };
        let stream = inner.blobs.read_upload(job.upload.id).await;
        let stream = stream.map_err(Trouble::Blobs)?.map_err(std::io::Error::other);
        Ok((task, StreamReader::new(Box::pin(stream))))
    }
}
