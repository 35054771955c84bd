//! What a person sees of jobs: lists of them, numbers about them, and what stands out.

use sfumato_core::job::Job;
use sfumato_core::store::{AttemptActivity, JobActivity, JobFilter, JobPage, Stretches, Totals};
use sfumato_core::{ClientId, Endpoint, EndpointId, JobId, Scope, StoreError, Timestamp};

use crate::Engine;

/// Jobs of one page at most.
pub const JOBS_MAX: usize = 200;

/// Endpoints in trouble that are told at most.
const TROUBLED_MAX: usize = 100;

/// What an overview shows of now.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// When that was.
    pub now: Timestamp,
    /// What there is, and has been in all.
    pub totals: Totals,
    /// Endpoints that are held or have been failing, those that have for longest first.
    pub troubled: Vec<Endpoint>,
    /// How many jobs this process works on at the same time.
    pub slots: Slots,
}

/// How many jobs a process works on at the same time; none where it does no media work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    /// Pictures.
    pub pictures: usize,
    /// Videos and archives.
    pub long: usize,
}

impl Engine {
    /// Up to `limit` jobs (at most [`JOBS_MAX`]), newest first, older than `before` or from the newest on. A page may be
    /// short, or empty, and not be the last: a search looks at a bounded number of jobs at a time.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<JobPage, StoreError> {
        let limit = limit.clamp(1, JOBS_MAX);
        self.inner().store.jobs(scope, filter, before, limit).await
    }

    /// One job that lies inside the scope.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn job_in(&self, scope: Scope, job: JobId) -> Result<Option<Job>, StoreError> {
        self.inner().store.job_in(scope, job).await
    }

    /// What there is now.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn overview(&self, scope: Scope) -> Result<Overview, StoreError> {
        let inner = self.inner();
        let slots = match inner.media {
            Some(_) => Slots {
                pictures: inner.settings.jobs_at_once,
                long: inner.settings.long_jobs_at_once,
            },
            None => Slots::default(),
        };
        Ok(Overview {
            now: inner.clock.now(),
            totals: inner.store.totals(scope).await?,
            troubled: inner.store.troubled_endpoints(scope, TROUBLED_MAX).await?,
            slots,
        })
    }

    /// What happened to jobs, stretch by stretch; the begins are [`Stretches::begins`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn job_activity(
        &self,
        scope: Scope,
        stretches: Stretches,
    ) -> Result<Vec<JobActivity>, StoreError> {
        self.inner().store.job_activity(scope, stretches).await
    }

    /// How attempts at an endpoint went, stretch by stretch.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown endpoint or another client's.
    pub async fn attempt_activity(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        stretches: Stretches,
    ) -> Result<Vec<AttemptActivity>, StoreError> {
        let store = &self.inner().store;
        store.attempt_activity(client, endpoint, stretches).await
    }
}
