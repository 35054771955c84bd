//! Jobs in every state, without a worker: what one would have done is written by the test.

use std::time::Duration;

use bytes::Bytes;
use sfumato_core::audit::{AuditEntry, Subject};
use sfumato_core::job::{DetectionSource, JobOutcome, JobResult, JobState, Lease, NewRevision};
use sfumato_core::store::JobLimits;
use sfumato_core::{
    AnonymizeOptions, ClientId, Job, JobId, MediaFormat, PublicJobId, ResultId, Store, UserId, WorkerId,
};
use sfumato_engine::access::{Caller, Via};
use sfumato_engine::blobs::ResultPart;
use sfumato_engine::system::SystemEntropy;
use uuid::Uuid;

use crate::browser::Server;

/// The first bytes of a JPEG file, and nothing that can be decoded.
pub(crate) const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 an original that was uploaded";

/// The first bytes of an MP4 file, likewise.
pub(crate) const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0 an original that was uploaded";

/// The result of every job here.
pub(crate) const RESULT: &[u8] = b"\xFF\xD8\xFF\xE0 a result";

/// The detections document of every job here.
pub(crate) const DOCUMENT: &[u8] = br#"{"schema":"sfumato.detections/1"}"#;

pub(crate) fn caller(client: ClientId) -> Caller {
    Caller {
        client,
        via: Via::User(UserId::from_uuid(Uuid::nil())),
    }
}

impl Server {
    pub(crate) async fn client(&self, name: &str) -> ClientId {
        self.engine.create_client(name).await.unwrap().0.id
    }

    /// An upload that waits for its turn.
    pub(crate) async fn upload(&self, client: ClientId, name: &str, content: &'static [u8]) -> PublicJobId {
        self.clock.advance(Duration::from_secs(1));
        let mut upload = self.engine.begin_upload(Some(name));
        upload.write(Bytes::from_static(content)).await.unwrap();
        let upload = upload.finish().await.unwrap();
        let options = AnonymizeOptions::default();
        self.engine
            .submit(&caller(client), upload, options)
            .await
            .unwrap()
    }

    /// Begins the oldest job that waits.
    pub(crate) async fn begin(&self) -> (JobId, Lease) {
        let worker = WorkerId::new(&*self.clock, &SystemEntropy);
        let claimed = self
            .store
            .claim_jobs(worker, JobLimits::both(1), Duration::from_secs(30))
            .await;
        let job = claimed.unwrap().remove(0);
        match job.state {
            JobState::Running { lease, .. } => (job.id, lease),
            other => panic!("a claimed job is {}", other.name()),
        }
    }

    /// Ends it well.
    pub(crate) async fn succeed(&self, (job, lease): (JobId, Lease)) -> Job {
        let id = ResultId::new(&*self.clock, &SystemEntropy);
        let media = self
            .blobs
            .put_result(id, ResultPart::Media, RESULT)
            .await
            .unwrap();
        let document = self.blobs.put_result(id, ResultPart::Document, DOCUMENT).await;
        let document = document.unwrap();
        let result = JobResult {
            id,
            format: MediaFormat::Jpeg,
            bytes: media.bytes,
            sha256: media.sha256,
            document: Some((document.bytes, document.sha256)),
            faces: 2,
            plates: 1,
            warnings: vec!["the picture is very small".into()],
        };
        let outcome = JobOutcome::Succeeded(result);
        self.store.finish_job(job, &lease, outcome).await.unwrap()
    }

    /// Ends it badly.
    pub(crate) async fn fail(&self, (job, lease): (JobId, Lease), message: &str) -> Job {
        let outcome = JobOutcome::Failed {
            class: sfumato_core::FailureClass::Input,
            message: message.into(),
        };
        self.store.finish_job(job, &lease, outcome).await.unwrap()
    }

    /// Another job on the original of one.
    pub(crate) async fn revise(&self, job: &PublicJobId) -> Job {
        let revision = NewRevision {
            id: JobId::new(&*self.clock, &SystemEntropy),
            options: AnonymizeOptions::default(),
            priority: sfumato_core::Priority::Normal,
            once: None,
            source: DetectionSource::Detected,
        };
        self.store
            .submit_revision(job.client, job.job, revision)
            .await
            .unwrap()
    }

    /// What the audit log has of jobs, newest first, as `who action file`.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let filter = sfumato_core::store::AuditFilter::default();
        let page = self
            .engine
            .audit_entries(sfumato_core::Scope::All, &filter, None, 100)
            .await
            .unwrap();
        let of_jobs = |entry: &&AuditEntry| matches!(entry.subject, Some(Subject::Job(_)));
        let words = page.entries.iter().filter(of_jobs).map(|entry| {
            let file = entry.detail.get("file").map_or("", String::as_str);
            format!("{} {} {file}", entry.actor.name(), entry.action)
        });
        words.collect()
    }
}
