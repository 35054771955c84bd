//! What a failure means for the job, and for whom in which words.

use std::io;

use sfumato_core::job::{FailureClass, Job, JobOutcome};
use sfumato_media_client::MediaError;

use crate::Engine;
use crate::blobs::BlobError;

/// Lost children (crash, out of memory, deadline) that one job may cost before its file is held responsible.
const CHILDREN_LOST_MAX: u32 = 2;

impl Engine {
    pub(super) fn blob_failure(&self, job: &Job, error: &BlobError) -> JobOutcome {
        if let BlobError::Full = error {
            return no_room(job);
        }
        tracing::error!(job.id = %job.id, error = sfumato_core::chain(error), "the storage failed a job");
        match error {
            BlobError::NotFound => internal("the original is missing"),
            BlobError::Sealed(_) => internal("the original cannot be read"),
            BlobError::Full | BlobError::Remains { .. } | BlobError::Unavailable { .. } => JobOutcome::Failed {
                class: FailureClass::Transient,
                message: "the server could not store the result; try again later, and tell the operator if it happens again"
                    .into(),
            },
        }
    }

    pub(super) fn media_failure(&self, job: &Job, error: MediaError) -> JobOutcome {
        if let MediaError::Task(failure) = &error
            && failure.class == FailureClass::Input
        {
            tracing::info!(job.id = %job.id, reason = failure.message, "a file could not be processed");
            return JobOutcome::Failed {
                class: FailureClass::Input,
                message: failure.message.clone(),
            };
        }
        if let MediaError::Kept(error) = &error
            && error.kind() == io::ErrorKind::StorageFull
        {
            return no_room(job);
        }
        tracing::error!(job.id = %job.id, error = sfumato_core::chain(&error), "media work failed");
        match error {
            MediaError::ChildLost { end, .. } if job.attempts >= CHILDREN_LOST_MAX => JobOutcome::Failed {
                class: FailureClass::Input,
                message: format!("the file could not be processed: {end}; try a smaller or simpler one"),
            },
            MediaError::Deadline { .. } if job.attempts >= CHILDREN_LOST_MAX => JobOutcome::Failed {
                class: FailureClass::Input,
                message:
                    "the file could not be processed within the limit of time; try a smaller or simpler one"
                        .into(),
            },
            MediaError::Stuck { .. } if job.attempts >= CHILDREN_LOST_MAX => JobOutcome::Failed {
                class: FailureClass::Input,
                message: "the file could not be processed: nothing happened for too long; try a smaller or simpler one"
                    .into(),
            },
            MediaError::Spawn { .. } => transient(),
            other if other.class() == FailureClass::Transient => transient(),
            _ => internal("the media could not be processed"),
        }
    }
}

fn no_room(job: &Job) -> JobOutcome {
    tracing::error!(job.id = %job.id, "the storage is full; the job waits until there is room for what came of it");
    JobOutcome::NoRoom
}

fn transient() -> JobOutcome {
    JobOutcome::Failed {
        class: FailureClass::Transient,
        message: "processing was interrupted several times; upload the file again, and tell the operator if it happens again"
            .into(),
    }
}

pub(super) fn internal(what: &str) -> JobOutcome {
    JobOutcome::Failed {
        class: FailureClass::Internal,
        message: format!("{what}: a fault of the server; tell its operator the job's identifier"),
    }
}
