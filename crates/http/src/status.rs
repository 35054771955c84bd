//! The outside's words for the states of a job. The domain does not know them.

use serde::Serialize;
use sfumato_core::{Job, JobState};
use utoipa::ToSchema;

/// Where a job stands, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) enum Status {
    /// Accepted, waiting.
    Sent,
    /// A worker is at it.
    Started,
    /// Done; the result can be fetched until its retention time has passed.
    Succeeded,
    /// Given up; `error` says why.
    Failed,
    /// A worker was lost or something passing went wrong: the job is queued again.
    Retried,
    /// Cancelled by the client.
    Revoked,
    /// No such job of this client.
    #[serde(rename = "Unknown job")]
    UnknownJob,
}

impl Status {
    /// The one place where states become words.
    pub(crate) const fn of(job: &Job) -> Self {
        match &job.state {
            JobState::Queued { .. } => match job.started_at {
                None => Self::Sent,
                Some(_) => Self::Retried,
            },
            JobState::Running { .. } => Self::Started,
            // The job did succeed; that its result is gone is said where it is fetched.
            JobState::Succeeded { .. } | JobState::Expired { .. } => Self::Succeeded,
            JobState::Failed { .. } => Self::Failed,
            JobState::Cancelled { .. } => Self::Revoked,
        }
    }
}
