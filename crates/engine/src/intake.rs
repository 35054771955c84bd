//! From a stream of bytes to a queued job. The job row is written last: until then nothing exists for anybody, and what
//! was stored is removed again.

use std::time::Duration;

use bytes::Bytes;
use sfumato_core::idempotency::{IdempotencyKey, Once};
use sfumato_core::job::{Job, Priority, Upload};
use sfumato_core::store::Call;
use sfumato_core::{
    AnonymizeOptions, ClientId, JobId, MediaFormat, PublicJobId, StoreError, Timestamp, UploadId,
};
use sfumato_failpoints::{Point, hit};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::Engine;
use crate::access::Caller;
use crate::blobs::{BlobError, BlobWriter};
use crate::traces::{Accepted, RemoteSpan};

/// Longest file name that is kept, in bytes; longer ones lose their middle part, not their extension.
const FILE_NAME_BYTES_MAX: usize = 200;

/// An upload is received so far between two looks at the free space.
const LOOK_BYTES: u64 = 16 * 1024 * 1024;

/// Why an upload was not accepted.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// Larger than allowed.
    #[error("the file is larger than {max} bytes, which is the most")]
    TooLarge {
        /// The limit in bytes.
        max: u64,
    },
    /// The content is none of the supported formats.
    #[error("the content of the file is none of the supported formats ({})", supported())]
    UnsupportedMedia,
    /// There is no content.
    #[error("the file is empty")]
    Empty,
    /// Too many jobs wait, of all clients together.
    #[error("as many jobs wait already as may, {max}; try again in {} seconds", wait.as_secs())]
    QueueFull {
        /// The limit.
        max: u64,
        /// When there is likely to be room.
        wait: Duration,
    },
    /// The storage is full.
    #[error("the storage is full")]
    StorageFull,
    /// The storage cannot answer.
    #[error("the upload cannot be stored")]
    Blobs(#[source] BlobError),
    /// The database cannot answer.
    #[error("the job cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<BlobError> for IntakeError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::StorageFull,
            other => Self::Blobs(other),
        }
    }
}

fn supported() -> String {
    MediaFormat::ALL
        .map(|format| format.as_str().to_uppercase())
        .join(", ")
}

/// On which terms a job is made.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Which of the client's waiting jobs it goes before.
    pub priority: Priority,
    /// What the client calls the request, so that it is carried out once.
    pub key: Option<IdempotencyKey>,
    /// The span of the client's that the request was sent in, where it names one.
    pub sender: Option<RemoteSpan>,
}

impl Terms {
    /// What is to be done once, where the client has named it: `parts` are what make the request what it is.
    pub(crate) fn once(&self, parts: &[&[u8]]) -> Option<Once> {
        let key = self.key.clone()?;
        let mut hash = Sha256::new();
        for part in parts.iter().chain([&self.priority.as_str().as_bytes()]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(Once {
            key,
            request: hash.finalize().into(),
        })
    }
}

/// An upload that is being received. Dropped before [`UploadWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct UploadWriter {
    engine: Engine,
    id: UploadId,
    writer: BlobWriter,
    file_name: String,
    first_bytes: Vec<u8>,
    format: Option<MediaFormat>,
    looked_at: u64,
    began: Timestamp,
}

impl UploadWriter {
    /// Appends a chunk.
    ///
    /// # Errors
    /// [`IntakeError::TooLarge`], [`IntakeError::UnsupportedMedia`] and [`IntakeError::StorageFull`] as soon as they are
    /// known.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), IntakeError> {
        let max = self.engine.settings().upload_bytes_max;
        if self.writer.bytes().saturating_add(chunk.len() as u64) > max {
            return Err(IntakeError::TooLarge { max });
        }
        if self.format.is_none() {
            let wanted = MediaFormat::SNIFF_BYTES.saturating_sub(self.first_bytes.len());
            self.first_bytes
                .extend_from_slice(&chunk[..wanted.min(chunk.len())]);
            if self.first_bytes.len() >= MediaFormat::SNIFF_BYTES {
                self.sniff()?;
            }
        }
        if self.writer.bytes() >= self.looked_at.saturating_add(LOOK_BYTES) {
            self.looked_at = self.writer.bytes();
            self.engine.check_space(chunk.len() as u64).await?;
        }
        Ok(self.writer.write(chunk).await?)
    }

    fn sniff(&mut self) -> Result<MediaFormat, IntakeError> {
        let format = MediaFormat::sniff(&self.first_bytes).ok_or(IntakeError::UnsupportedMedia)?;
        self.format = Some(format);
        Ok(format)
    }

    /// All bytes have come: stores the original durably.
    ///
    /// # Errors
    /// [`IntakeError`]; then nothing is left behind.
    pub async fn finish(mut self) -> Result<StoredUpload, IntakeError> {
        if self.writer.bytes() == 0 {
            return Err(IntakeError::Empty);
        }
        let format = match self.format {
            Some(format) => format,
            None => self.sniff()?,
        };
        let Self {
            engine,
            id,
            writer,
            file_name,
            began,
            ..
        } = self;
        // In a task of its own: a client that goes away now must not leave a blob that nobody guards.
        detached(async move {
            let received = engine.now();
            let written = writer.finish().await?;
            let upload = Upload {
                id,
                format,
                bytes: written.bytes,
                sha256: written.sha256,
                file_name,
            };
            let times = (began, received, engine.now());
            Ok(StoredUpload {
                engine,
                upload: Some(upload),
                times,
            })
        })
        .await
    }
}

/// An original that is stored and has no job yet. Dropped before [`Engine::submit`], it is deleted.
#[derive(Debug)]
pub struct StoredUpload {
    engine: Engine,
    upload: Option<Upload>,
    /// When its first byte came, its last one, and when it was stored.
    times: (Timestamp, Timestamp, Timestamp),
}

impl StoredUpload {
    /// What it is called, cleaned.
    pub fn file_name(&self) -> &str {
        self.upload.as_ref().map_or("", |upload| &upload.file_name)
    }
}

impl Drop for StoredUpload {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let engine = self.engine.clone();
            runtime.spawn(async move {
                if let Err(error) = engine.inner().blobs.delete_upload(upload.id).await {
                    tracing::warn!(
                        upload.id = %upload.id,
                        error = sfumato_core::chain(&error),
                        "an upload without a job is left to the janitor"
                    );
                }
            });
        }
    }
}

impl Engine {
    /// Begins to receive an upload. `file_name` is what the client calls it; only its last component is kept, and only
    /// to name the download.
    pub fn begin_upload(&self, file_name: Option<&str>) -> UploadWriter {
        let inner = self.inner();
        let id = UploadId::new(&*inner.clock, &*inner.entropy);
        let writer = inner.blobs.write_upload(id);
        UploadWriter {
            engine: self.clone(),
            id,
            writer,
            file_name: clean_file_name(file_name.unwrap_or_default()),
            first_bytes: Vec::new(),
            format: None,
            looked_at: 0,
            began: self.now(),
        }
    }

    /// Makes a job of an upload. From here on it exists, and its `Sent` event is on its way.
    ///
    /// # Errors
    /// [`IntakeError::Store`]; then the upload is deleted, at once or by the janitor.
    pub async fn submit(
        &self,
        caller: &Caller,
        upload: StoredUpload,
        options: AnonymizeOptions,
    ) -> Result<PublicJobId, IntakeError> {
        self.submit_on(caller, upload, options, Terms::default()).await
    }

    /// The same on terms of the client's. Where it has sent the same request under the same name before, the job that came of
    /// it then; the upload is deleted.
    ///
    /// # Errors
    /// [`IntakeError::Store`]; then the upload is deleted.
    pub async fn submit_on(
        &self,
        caller: &Caller,
        mut upload: StoredUpload,
        options: AnonymizeOptions,
        terms: Terms,
    ) -> Result<PublicJobId, IntakeError> {
        let (engine, client) = (self.clone(), caller.client);
        // In a task of its own: what the database has been asked to write happens even if the client goes away now.
        detached(async move { engine.make_job(client, &mut upload, options, terms).await }).await
    }

    async fn make_job(
        &self,
        client: ClientId,
        upload: &mut StoredUpload,
        options: AnonymizeOptions,
        terms: Terms,
    ) -> Result<PublicJobId, IntakeError> {
        let inner = self.inner();
        // Taken out, so that however this ends nothing deletes an original that a row may name already.
        let original = upload.upload.take().ok_or(IntakeError::Empty)?;
        let id = JobId::new(&*inner.clock, &*inner.entropy);
        let job = Job {
            priority: terms.priority,
            ..Job::queued(id, client, original, options, inner.clock.now())
        };
        hit(Point::AfterBlobBeforeRow);
        match self.write_job(&job, &terms).await {
            Ok(made) if made == job.id => {}
            Ok(made) => {
                upload.upload = Some(job.upload);
                return Ok(PublicJobId { client, job: made });
            }
            Err(error) => {
                // A database elsewhere that went away in the middle may have written the row, or be about to: then the
                // original is needed, and else it is an orphan.
                let may_be_written = inner.settings.shared && matches!(error, StoreError::Unavailable { .. });
                if !may_be_written {
                    upload.upload = Some(job.upload);
                }
                return Err(error.into());
            }
        }
        hit(Point::AfterRowBeforeResponse);
        if let Some(tracer) = self.tracer() {
            let (began, received, stored) = upload.times;
            let committed = self.now();
            let accepted = Accepted {
                began,
                received,
                stored,
                committed,
            };
            tracer.job_accepted(&job, &accepted, terms.sender);
        }
        inner.announce(Call::Jobs);
        inner.announce(Call::Told(job.client));
        inner
            .metrics
            .job_accepted(job.upload.format.kind(), job.upload.bytes);
        tracing::info!(job.id = %job.id, client.id = %job.client, format = %job.upload.format, bytes = job.upload.bytes, trace.id = self.trace_of(job.id).map(tracing::field::display), "a job was accepted");
        Ok(job.public_id())
    }
}

impl Engine {
    /// Writes the row, once where the client has named the request. Returns the job that stands for it.
    async fn write_job(&self, job: &Job, terms: &Terms) -> Result<JobId, StoreError> {
        let store = &self.inner().store;
        let options = serde_json::to_vec(&job.options).map_err(|error| StoreError::Unavailable {
            source: Box::new(error),
        })?;
        let parts = [
            b"anonymization".as_slice(),
            &job.upload.sha256,
            job.upload.file_name.as_bytes(),
            &options,
        ];
        match terms.once(&parts) {
            Some(once) => store.submit_once(job, &once).await,
            None => store.submit(job).await.map(|()| job.id),
        }
    }

    /// Whether the client has named a request so before, which is remembered.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn knows_key(&self, caller: &Caller, key: &IdempotencyKey) -> Result<bool, StoreError> {
        self.inner().store.knows_key(caller.client, key).await
    }
}

/// Runs a step that must not be cut short where its caller may be.
async fn detached<T: Send + 'static>(
    step: impl Future<Output = Result<T, IntakeError>> + Send + 'static,
) -> Result<T, IntakeError> {
    tokio::spawn(step).await.unwrap_or_else(|error| {
        Err(IntakeError::Blobs(BlobError::Unavailable {
            source: Box::new(error),
        }))
    })
}

/// The last component of a path in either notation, without control characters, of bounded length.
fn clean_file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    if name.is_empty() || name == "." || name == ".." {
        return "upload".to_owned();
    }
    if name.len() <= FILE_NAME_BYTES_MAX {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map(|(_, e)| e).filter(|e| e.len() <= 10);
    let keep = FILE_NAME_BYTES_MAX - extension.map_or(0, |e| e.len() + 1);
    let end = (0..=keep).rev().find(|&i| name.is_char_boundary(i)).unwrap_or(0);
    match extension {
        Some(extension) => format!("{}.{extension}", &name[..end]),
        None => name[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_name_loses_its_folders_and_control_characters() {
        assert_eq!(clean_file_name("C:\\photos\\a b.jpg"), "a b.jpg");
        assert_eq!(clean_file_name("../../etc/pass\r\nwd"), "passwd");
        assert_eq!(clean_file_name(""), "upload");
        assert_eq!(clean_file_name("x/.."), "upload");
        let long = format!("{}.jpeg", "ä".repeat(300));
        assert!(clean_file_name(&long).ends_with(".jpeg"));
    }

    proptest! {
        #[test]
        fn any_file_name_becomes_a_short_one_without_separators(name in ".*") {
            let cleaned = clean_file_name(&name);
            prop_assert!(!cleaned.is_empty() && cleaned.len() <= FILE_NAME_BYTES_MAX);
            prop_assert!(!cleaned.contains(['/', '\\']) && !cleaned.chars().any(char::is_control));
        }
    }
}
