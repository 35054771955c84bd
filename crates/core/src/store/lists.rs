//! Lists of jobs, newest first, a page at a time.

mod walk;

use async_trait::async_trait;

use super::StoreError;
use crate::id::JobId;
use crate::job::{Job, JobStateKind};
use crate::media::MediaKind;
use crate::time::Timestamp;
use crate::user::Scope;

pub use walk::{JobRange, Needle, Walked, WantedJobs, Way};

/// Which jobs are wanted. What is empty or `None` wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those in one of these states.
    pub states: Vec<JobStateKind>,
    /// Those whose upload is of one of these kinds.
    pub kinds: Vec<MediaKind>,
    /// Those whose file name contains this, whatever the case.
    pub name: Option<String>,
    /// Those that were accepted at this time or later.
    pub since: Option<Timestamp>,
    /// Those that were accepted before this time.
    pub until: Option<Timestamp>,
}

/// Some jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// Where to go on: `before` of the next page; `None` at the end. A page may be short, or empty, and not be the last.
    pub next: Option<JobId>,
}

/// Looking through jobs. What lies outside the scope behaves exactly as what does not exist.
#[async_trait]
pub trait JobLists {
    /// One job.
    async fn job_in(&self, scope: Scope, job: JobId) -> Result<Option<Job>, StoreError>;

    /// Up to `limit` jobs, newest first, older than `before` or from the newest on. One call looks at a bounded number of
    /// jobs, so that a filter that fits few of them answers as fast as any.
    async fn jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<JobPage, StoreError>;
}
