//! A store with a clock and entropy that the test commands, and the usual steps in one word each.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failing test")]

use std::sync::Arc;
use std::time::Duration;

use sfumato_core::delivery::{Attempt, DeliveryLease, DeliveryState, Outcome};
use sfumato_core::endpoint::Endpoint;
use sfumato_core::event::EventStatus;
use sfumato_core::job::{FailureClass, Job, JobOutcome, JobState, Lease};
use sfumato_core::store::{DeliveryRecord, Dispatch, Finished, JobLimits, Recorded, RefreshToken, Want};
use sfumato_core::{
    Client, ClientId, Clock, DeliveryId, JobId, Login, Store, StoreError, Timestamp, WorkerId,
};

use crate::build;
use crate::sim::{SimClock, SimEntropy};

/// The length of every lease that the steps below take.
pub const LEASE: Duration = Duration::from_secs(30);

const fn worker(number: u128) -> WorkerId {
    WorkerId::from_uuid(uuid::Uuid::from_u128(number))
}

/// The worker of the steps below.
pub const WORKER: WorkerId = worker(1);

/// The courier of the steps below.
pub const COURIER: WorkerId = worker(2);

/// A store with its sources.
pub struct World {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<SimClock>,
    /// Its entropy.
    pub entropy: Arc<SimEntropy>,
}

/// The lease that a running job is held by.
///
/// # Panics
/// If the job is not running.
pub fn lease_of(job: &Job) -> Lease {
    match &job.state {
        JobState::Running { lease, .. } => *lease,
        other => panic!("a job that is {} has no lease", other.name()),
    }
}

impl World {
    /// Takes an empty store and its sources.
    pub fn new(store: Arc<dyn Store>, clock: Arc<SimClock>, entropy: Arc<SimEntropy>) -> Self {
        Self {
            store,
            clock,
            entropy,
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock by whole seconds.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Adds a client.
    pub async fn client(&self) -> Client {
        let client = build::client(&*self.clock, &*self.entropy);
        self.store.create_client(&client).await.unwrap();
        client
    }

    /// Opens a login whose refresh token is valid for an hour.
    pub async fn login(&self, client: ClientId) -> (Login, RefreshToken) {
        let login = build::login(client, &*self.clock, &*self.entropy);
        let token = self.refresh_token();
        self.store.open_login(&login, &token).await.unwrap();
        (login, token)
    }

    /// A refresh token that is valid for an hour, not stored yet.
    pub fn refresh_token(&self) -> RefreshToken {
        build::refresh_token(self.now().after(Duration::from_secs(3600)), &*self.entropy)
    }

    /// A queued job, not submitted yet.
    pub fn unsubmitted(&self, client: ClientId) -> Job {
        build::job(client, &*self.clock, &*self.entropy)
    }

    /// Submits a job, one second after whatever was before, so that ages differ.
    pub async fn submitted(&self, client: ClientId) -> Job {
        self.pass(1);
        let job = self.unsubmitted(client);
        self.store.submit(&job).await.unwrap();
        job
    }

    /// Claims the next job.
    pub async fn claimed(&self) -> Job {
        let mut jobs = self
            .store
            .claim_jobs(WORKER, JobLimits::both(1), LEASE)
            .await
            .unwrap();
        jobs.pop().unwrap()
    }

    /// Claims up to 100 jobs.
    pub async fn claim_all(&self) -> Vec<JobId> {
        let jobs = self
            .store
            .claim_jobs(WORKER, JobLimits::both(100), LEASE)
            .await
            .unwrap();
        jobs.iter().map(|job| job.id).collect()
    }

    /// A job of `client` that is running.
    pub async fn running(&self, client: ClientId) -> Job {
        let submitted = self.submitted(client).await;
        let job = self.claimed().await;
        assert_eq!(job.id, submitted.id, "another job was waiting");
        job
    }

    /// An outcome with a result.
    pub fn success(&self) -> JobOutcome {
        JobOutcome::Succeeded(build::job_result(&*self.clock, &*self.entropy))
    }

    /// An outcome without a result.
    pub fn failure(&self, class: FailureClass) -> JobOutcome {
        JobOutcome::Failed {
            class,
            message: "the picture is truncated".into(),
        }
    }

    /// Ends a running job's attempt.
    pub async fn finish(&self, job: &Job, outcome: JobOutcome) -> Job {
        self.store
            .finish_job(job.id, &lease_of(job), outcome)
            .await
            .unwrap()
    }

    /// A job of `client` that has succeeded.
    pub async fn succeeded(&self, client: ClientId) -> Job {
        let job = self.running(client).await;
        self.finish(&job, self.success()).await
    }

    /// The job as it stands now.
    pub async fn job(&self, job: &Job) -> Job {
        self.store.job(job.client, job.id).await.unwrap().unwrap()
    }

    /// Adds an endpoint, one second after whatever was before.
    pub async fn endpoint(&self, client: ClientId) -> Endpoint {
        self.pass(1);
        let endpoint = build::endpoint(client, &*self.clock, &*self.entropy);
        self.store.create_endpoint(&endpoint).await.unwrap();
        endpoint
    }

    /// The endpoint as it stands now.
    pub async fn endpoint_now(&self, endpoint: &Endpoint) -> Endpoint {
        let endpoints = self.store.endpoints(endpoint.client).await.unwrap();
        endpoints.into_iter().find(|e| e.id == endpoint.id).unwrap()
    }

    /// Claims every delivery that is due.
    pub async fn dispatches(&self) -> Vec<Dispatch> {
        self.claim(1_000).await
    }

    /// Claims what is due, up to `count` of each endpoint.
    pub async fn claim(&self, count: usize) -> Vec<Dispatch> {
        let waiting = self.store.waiting_endpoints().await.unwrap();
        let wants: Vec<Want> = waiting
            .iter()
            .filter(|waiting| waiting.due <= self.now())
            .map(|waiting| Want {
                endpoint: waiting.endpoint,
                count,
            })
            .collect();
        let claimed = self.store.claim_deliveries(COURIER, &wants, LEASE).await;
        claimed.unwrap().dispatches
    }

    /// When the next delivery of any endpoint is due.
    pub async fn next_due(&self) -> Option<Timestamp> {
        let waiting = self.store.waiting_endpoints().await.unwrap();
        waiting.into_iter().map(|waiting| waiting.due).min()
    }

    /// Claims the one delivery that is due.
    pub async fn dispatch(&self) -> Dispatch {
        let mut due = self.dispatches().await;
        assert_eq!(due.len(), 1, "{due:#?}");
        due.remove(0)
    }

    /// The next attempt of a claimed delivery.
    pub fn attempt(&self, dispatch: &Dispatch, outcome: Outcome) -> Attempt {
        build::attempt(
            dispatch.delivery.attempts + 1,
            outcome,
            &*self.clock,
            &*self.entropy,
        )
    }

    /// Records an attempt, with half of the jitter: the schedule's exact values.
    pub async fn record(&self, dispatch: &Dispatch, attempt: &Attempt) -> DeliveryState {
        self.recorded(dispatch, attempt).await.unwrap().state
    }

    /// The same, with all that it changes, or the refusal.
    pub async fn recorded(&self, dispatch: &Dispatch, attempt: &Attempt) -> Result<Recorded, StoreError> {
        self.record_under(dispatch.delivery.id, dispatch.lease, attempt)
            .await
    }

    /// The same under any lease.
    pub async fn record_under(
        &self,
        delivery: DeliveryId,
        lease: DeliveryLease,
        attempt: &Attempt,
    ) -> Result<Recorded, StoreError> {
        let finished = Finished {
            delivery,
            lease,
            attempt: attempt.clone(),
            jitter: 0.5,
        };
        let mut answers = self.store.record_attempts(vec![finished]).await?;
        answers.remove(0)
    }

    /// Makes and records an attempt.
    pub async fn attempted(&self, dispatch: &Dispatch, outcome: Outcome) -> DeliveryState {
        self.record(dispatch, &self.attempt(dispatch, outcome)).await
    }

    /// Claims and acknowledges everything until nothing is due.
    pub async fn deliver_all(&self) -> Vec<Dispatch> {
        let mut delivered = Vec::new();
        loop {
            let due = self.dispatches().await;
            if due.is_empty() {
                return delivered;
            }
            for dispatch in due {
                self.attempted(&dispatch, Outcome::Ok).await;
                delivered.push(dispatch);
            }
        }
    }

    /// The deliveries of a job with their attempts.
    pub async fn records(&self, job: &Job) -> Vec<DeliveryRecord> {
        self.store.deliveries_of_job(job.client, job.id).await.unwrap()
    }

    /// What was told of a job, and where each delivery stands.
    pub async fn history(&self, job: &Job) -> Vec<(EventStatus, &'static str)> {
        let records = self.records(job).await;
        records
            .iter()
            .map(|record| (record.event.status, record.delivery.state.name()))
            .collect()
    }
}
