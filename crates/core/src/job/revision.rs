//! Jobs that share an original: the first one, and its revisions.

use crate::id::JobId;
use crate::idempotency::Once;
use crate::job::Priority;
use crate::options::AnonymizeOptions;

/// Which of the jobs on one original a job is, after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The first job on the original: never a revision itself.
    pub root: JobId,
    /// Counts from 1 in the order in which revisions were asked for.
    pub number: u32,
}

/// Where the detections of a job come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetectionSource {
    /// The models look at the original.
    #[default]
    Detected,
    /// A person or a program has given them; no model looks.
    Given(GivenBlob),
}

impl DetectionSource {
    /// What names the given detections, where there are some.
    pub const fn given(&self) -> Option<&GivenBlob> {
        match self {
            Self::Given(blob) => Some(blob),
            Self::Detected => None,
        }
    }
}

/// Names given detections as they are stored beside the original: by their content, so that several revisions may share
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenBlob {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

/// What is to be done once more with an original that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRevision {
    /// Identifier of the new job.
    pub id: JobId,
    /// What is to be done.
    pub options: AnonymizeOptions,
    /// Which of its client's waiting jobs it goes before.
    pub priority: Priority,
    /// Where its detections come from.
    pub source: DetectionSource,
    /// Where the client has named the request, so that it is carried out once.
    pub once: Option<Once>,
}
