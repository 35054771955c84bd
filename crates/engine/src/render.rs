//! Another result of an original that is kept: with detections that are given, or that are looked for once more. Each is a
//! revision, a job of its own with its own events and result; what came of the jobs before it stays as it is.

use sfumato_core::detection::given::GivenDetections;
use sfumato_core::job::{DetectionSource, GivenBlob, Job, NewRevision};
use sfumato_core::store::Call;
use sfumato_core::{AnonymizeOptions, JobId, MediaKind, PublicJobId, StoreError};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::blobs::BlobError;
use crate::intake::Terms;
use crate::traces::RemoteSpan;

/// Why nothing is rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// No such job of this client.
    #[error("the job does not exist")]
    Unknown,
    /// The job may still change what there is to be edited.
    #[error("the job has not finished yet")]
    NotFinished,
    /// Its original is gone.
    #[error(
        "the original of the job is not kept any more; originals are kept after their job for as long as the setting retention.originals of the service says"
    )]
    NotRetained,
    /// Its original is an archive.
    #[error("the job is of an archive, which is not rendered again; upload what is to be rendered by itself")]
    Archive,
    /// The detections are of something else.
    #[error("the detections are of a {given}, and the job is of a {original}")]
    OtherKind {
        /// What they are of.
        given: MediaKind,
        /// What the original is.
        original: MediaKind,
    },
    /// The database cannot answer.
    #[error("the job cannot be recorded")]
    Store(#[source] StoreError),
    /// The storage cannot answer.
    #[error("the detections cannot be stored")]
    Blobs(#[from] BlobError),
}

impl From<StoreError> for RenderError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::Unknown,
            StoreError::UnderWay { .. } => Self::NotFinished,
            StoreError::NotRetained => Self::NotRetained,
            other => Self::Store(other),
        }
    }
}

impl Engine {
    /// Makes a job that hides what is given in the original of a finished job of the caller. Only how it is hidden, and what
    /// else is done, counts of the options.
    ///
    /// # Errors
    /// [`RenderError`]; then there is no job.
    pub async fn render(
        &self,
        caller: &Caller,
        id: &PublicJobId,
        given: &GivenDetections,
        options: AnonymizeOptions,
        terms: Terms,
    ) -> Result<PublicJobId, RenderError> {
        let job = self.job(caller, id).await?.ok_or(RenderError::Unknown)?;
        let original = job.upload.format.kind();
        if original == MediaKind::Archive {
            return Err(RenderError::Archive);
        }
        if given.kind() != original {
            let given = given.kind();
            return Err(RenderError::OtherKind { given, original });
        }
        // The transaction asks again; here it saves storing what nobody can use.
        if !job.is_finished() {
            return Err(RenderError::NotFinished);
        }
        if !job.original_kept {
            return Err(RenderError::NotRetained);
        }
        let content = serde_json::to_vec(given).map_err(|error| BlobError::Unavailable {
            source: Box::new(error),
        })?;
        let inner = self.inner();
        // The blob first: if the process dies before the row exists, it goes with the original.
        let blob = inner.blobs.put_given(job.upload.id, content).await?;
        let wanted = serde_json::to_vec(&options).map_err(|error| BlobError::Unavailable {
            source: Box::new(error),
        })?;
        let named = id.to_string();
        let revision = NewRevision {
            id: JobId::new(&*inner.clock, &*inner.entropy),
            options,
            priority: terms.priority,
            once: terms.once(&[b"render", named.as_bytes(), &blob.sha256, &wanted]),
            source: DetectionSource::Given(blob),
        };
        Ok(self.revise(&job, revision, terms.sender).await?)
    }

    /// Queues a revision of a job, and wakes whoever waits for one.
    pub(crate) async fn revise(
        &self,
        job: &Job,
        revision: NewRevision,
        sender: Option<RemoteSpan>,
    ) -> Result<PublicJobId, StoreError> {
        let inner = self.inner();
        let id = revision.id;
        let revised = inner.store.submit_revision(job.client, job.id, revision).await?;
        inner.announce(Call::Jobs);
        inner.announce(Call::Told(revised.client));
        // The same request again brings the job of the first time, which has been told of.
        if let Some(tracer) = self.tracer()
            && revised.id == id
        {
            tracer.revision_accepted(&revised, inner.clock.now(), sender);
        }
        tracing::info!(job.id = %revised.id, client.id = %revised.client, root.id = %revised.root(), "a revision was accepted");
        Ok(revised.public_id())
    }

    /// What was given for a job.
    pub(crate) async fn read_given(
        &self,
        job: &Job,
        given: &GivenBlob,
    ) -> Result<GivenDetections, BlobError> {
        let content = self.inner().blobs.read_given(job.upload.id, given).await?;
        serde_json::from_slice(&content).map_err(|error| BlobError::Unavailable {
            source: Box::new(error),
        })
    }
}
