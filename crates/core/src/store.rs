//! The one port to the database. One method is one transaction is one sentence; what belongs together (a status change,
//! its event, one delivery for every active endpoint) is written together or not at all.
//!
//! A store is given a clock and a source of entropy when it is opened: it makes the identifiers of events and
//! deliveries, and no SQL asks the database for the time.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;

use crate::client::{Client, ClientKey, ClientState, Login, SecretHash};
use crate::delivery::{Delivery, DeliveryLease};
use crate::endpoint::{
    AckPolicy, Description, Endpoint, EndpointHealth, EndpointState, SigningSecret, WebhookToken, WebhookUrl,
};
use crate::event::{Event, EventPosition};
use crate::id::{ClientId, DeliveryId, EndpointId, JobId, LoginId, ReplayId, ResultId, UploadId, WorkerId};
use crate::job::{Job, JobOutcome, Lease, NewRevision, Progress};
use crate::replay::{Replay, ReplayPreview, ReplaySelection, ReplayStep};
use crate::sealed::Sealed;
use crate::time::Timestamp;

mod audit;
mod calls;
mod deliveries;
mod discarding;
mod dispatch;
mod error;
mod installations;
mod keys;
mod lists;
mod logins;
mod meter;
mod parts;
mod policies;
mod secrets;
mod statistics;
mod tables;
mod users;

pub use audit::{AuditFilter, AuditLog, AuditPage};
pub use calls::{Call, Calls, Neighbour};
pub use deliveries::{DeliveryFilter, DeliveryPage, DeliveryRecord};
pub use discarding::{Discarded, Discarding};
pub use dispatch::{Admission, Claimed, Courier, Dispatch, Finished, News, Recorded, Waiting, Want};
pub use error::StoreError;
pub use installations::{Installation, Installations, KeyCheck};
pub use keys::RequestKeys;
pub use lists::{JobFilter, JobLists, JobPage, JobRange, Needle, Walked, WantedJobs, Way};
pub use logins::{RefreshOutcome, RefreshToken, Session};
pub use meter::{Connections, Meter, MeterSlot, Metered, Purpose};
pub use parts::{HELPERS_MAX, OwnTurn, PartLease, VideoParts};
pub use policies::ClientPolicies;
pub use secrets::{MasterKeyChange, SealedCredentials, SealedSecrets};
pub use statistics::{
    AttemptActivity, EndpointCounts, JobActivity, JobCounts, LATENCY_BOUNDS_MS, LATENCY_CLASSES,
    STATISTICS_KEPT, Statistics, Stretches, Totals,
};
pub use tables::{Row, RowSource, RowTarget, TABLES, Table, Value};
pub use users::{UserChange, UserStore};

/// How many jobs of each kind are claimed at most. Videos and archives have limits of their own, so that pictures never
/// wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLimits {
    /// Pictures.
    pub pictures: usize,
    /// Videos and archives.
    pub long: usize,
}

impl JobLimits {
    /// The same for both kinds.
    pub const fn both(limit: usize) -> Self {
        Self {
            pictures: limit,
            long: limit,
        }
    }
}

/// What came of a cancellation.
#[derive(Debug, PartialEq)]
pub enum CancelOutcome {
    /// The job is cancelled now.
    Cancelled {
        /// A worker held a lease, which is now void.
        was_running: bool,
    },
    /// The job had finished before.
    AlreadyFinished(Box<Job>),
}

/// What became of leases whose holders are gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reaped {
    /// How many leases of jobs and deliveries there were.
    pub freed: u64,
    /// The jobs that have failed by it: their attempts are spent.
    pub failed: Vec<Job>,
}

impl Reaped {
    /// With leases of deliveries, too.
    #[must_use]
    pub fn and(self, deliveries: u64) -> Self {
        Self {
            freed: self.freed + deliveries,
            ..self
        }
    }
}

/// A wish to change an endpoint; `None` leaves a member as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// A new URL.
    pub url: Option<WebhookUrl>,
    /// `true` releases a held endpoint and switches a disabled one on; `false` switches it off.
    pub active: Option<bool>,
    /// What acknowledges from now on.
    pub ack: Option<AckPolicy>,
    /// Another description, or none.
    pub description: Option<Option<Description>>,
    /// Whether answers are kept from now on.
    pub keep_responses: Option<bool>,
}

impl EndpointChange {
    /// Carries the wish out. Whether it is switched on says whether what waits for the endpoint is due from now on.
    pub fn apply(self, endpoint: &mut Endpoint) -> bool {
        if let Some(url) = self.url {
            endpoint.url = url;
        }
        if let Some(ack) = self.ack {
            endpoint.ack = ack;
        }
        if let Some(description) = self.description {
            endpoint.description = description;
        }
        if let Some(keep) = self.keep_responses {
            endpoint.keep_responses = keep;
        }
        match self.active {
            Some(true) => {
                endpoint.state = EndpointState::Active;
                endpoint.health = EndpointHealth {
                    last_success_at: endpoint.health.last_success_at,
                    overflowed: endpoint.health.overflowed,
                    ..EndpointHealth::default()
                };
            }
            Some(false) => endpoint.state = EndpointState::Disabled,
            None => {}
        }
        self.active == Some(true)
    }
}

/// The database: SQLite by default.
///
/// Every method may fail with [`StoreError::Unavailable`], [`StoreError::Full`] or [`StoreError::Corrupt`]; other errors are
/// named where they can happen. A method that names a client never touches what belongs to another.
#[async_trait]
pub trait Store:
    JobLists
    + VideoParts
    + Discarding
    + Statistics
    + AuditLog
    + Calls
    + ClientPolicies
    + Installations
    + Metered
    + RequestKeys
    + UserStore
    + SealedSecrets
    + Send
    + Sync
    + 'static
{
    /// Adds a client.
    async fn create_client(&self, client: &Client) -> Result<(), StoreError>;

    /// All clients, oldest first.
    async fn clients(&self) -> Result<Vec<Client>, StoreError>;

    /// The client with this login name.
    async fn client_by_key(&self, key: &ClientKey) -> Result<Option<Client>, StoreError>;

    /// Replaces a client's secret; the present one goes on working until `previous_until`. `NotFound`.
    async fn rotate_secret(
        &self,
        key: &ClientKey,
        secret: &SecretHash,
        previous_until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Calls a client something else. `NotFound`.
    async fn rename_client(&self, key: &ClientKey, name: &str) -> Result<(), StoreError>;

    /// Shuts a client out or lets it in again. Shutting out revokes its logins. `NotFound`.
    async fn set_client_state(&self, key: &ClientKey, state: ClientState) -> Result<(), StoreError>;

    /// Records a login with its first refresh token.
    async fn open_login(&self, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError>;

    /// What a login stands for now.
    async fn session(&self, login: LoginId) -> Result<Option<Session>, StoreError>;

    /// Exchanges a refresh token of `client` for `next`; a token that was exchanged before revokes its whole login.
    async fn rotate_refresh_token(
        &self,
        client: ClientId,
        presented: &SecretHash,
        next: &RefreshToken,
    ) -> Result<RefreshOutcome, StoreError>;

    /// Ends a login: its access and refresh tokens stop working.
    async fn revoke_login(&self, login: LoginId) -> Result<(), StoreError>;

    /// Writes a queued job, its `Sent` event and the deliveries. From here on the upload exists.
    /// `OverQuota`, `PriorityTooHigh`.
    async fn submit(&self, job: &Job) -> Result<(), StoreError>;

    /// Writes a queued job on the original of an earlier one of this client, with its `Sent` event and the deliveries, and
    /// returns it with its number among the revisions. `NotFound`; `UnderWay` until the earlier job has finished;
    /// `NotRetained`; `OverQuota`; `PriorityTooHigh`; `KeyReused`. From here on the original stays until this job has
    /// finished, too. Where the request has a name and was carried out before, the job that came of it.
    async fn submit_revision(
        &self,
        client: ClientId,
        job: JobId,
        revision: NewRevision,
    ) -> Result<Job, StoreError>;

    /// The jobs of this client on the original of one of them, the first one first, then its revisions by number. Empty
    /// where there is no such job.
    async fn revisions(&self, client: ClientId, job: JobId) -> Result<Vec<Job>, StoreError>;

    /// One job of one client.
    async fn job(&self, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError>;

    /// The job of this client whose result (present or expired) has this name.
    async fn job_by_result(&self, client: ClientId, result: ResultId) -> Result<Option<Job>, StoreError>;

    /// Leases waiting jobs, as many of each kind as the limits say, for `lease_for`. The clients take turns
    /// ([`crate::fair`]) as far as their policies let them have jobs at once; of each client's jobs, those of the highest
    /// priority go first, and among them the oldest. A job's first claim writes its `Started` event.
    async fn claim_jobs(
        &self,
        worker: WorkerId,
        limits: JobLimits,
        lease_for: Duration,
    ) -> Result<Vec<Job>, StoreError>;

    /// Extends a lease and records progress. `LeaseLost`: stop working on it.
    async fn heartbeat(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
        progress: Progress,
    ) -> Result<(), StoreError>;

    /// Ends an attempt: the new state, and on a final one its event and deliveries. `LeaseLost`: nothing was written,
    /// and what was produced must be thrown away. Returns the job as it stands now.
    async fn finish_job(&self, job: JobId, lease: &Lease, outcome: JobOutcome) -> Result<Job, StoreError>;

    /// Puts a leased job back without spending the attempt. `LeaseLost`.
    async fn hand_back_job(&self, job: JobId, lease: &Lease) -> Result<(), StoreError>;

    /// Cancels a waiting or running job. `NotFound`.
    async fn cancel_job(&self, client: ClientId, job: JobId) -> Result<CancelOutcome, StoreError>;

    /// Queues (or fails, when the attempts are spent) every job whose lease has expired, and frees every delivery whose
    /// lease has expired. Also closes, some at a time, what has waited at an endpoint that is held
    /// or switched off for longer than [`crate::schedule::DELIVERY_LIFETIME`], and what waits at a held one beyond
    /// [`crate::endpoint::WAITING_MAX`].
    async fn reap(&self) -> Result<Reaped, StoreError>;

    /// The same for every lease that any other worker than `alive` holds, whatever its end: for an installation of one
    /// process, where the others are known to be dead.
    async fn void_leases_of_others(&self, alive: WorkerId) -> Result<Reaped, StoreError>;

    /// The same for every lease that `dead` holds: for a process that knows who it was before it was started again.
    async fn void_leases_of(&self, dead: WorkerId) -> Result<Reaped, StoreError>;

    /// Retires up to `limit` originals all of whose jobs finished before `finished_before`, or longer ago than is agreed with
    /// their client ([`crate::policy::Retention`]), and returns them, each with the last of its jobs, each client's oldest
    /// first. From here on no revision can be made of them. They are returned again until they are
    /// marked as deleted, before all others, and so are those that were retired before their time ([`Discarding::discard`]).
    async fn retire_uploads(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, UploadId)>, StoreError>;

    /// Marks the retired original of a job as deleted, for all jobs that share it. `NotFound` where it is not retired.
    async fn upload_deleted(&self, job: JobId) -> Result<(), StoreError>;

    /// Expires up to `limit` succeeded jobs that finished before `finished_before`, or longer ago than is agreed with their
    /// client, and returns them with their results, whose blobs are now to be deleted ([`Discarding::expired_results`] returns
    /// them until they are marked as such). The row goes first: a result is never offered that is gone.
    async fn expire_results(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, ResultId)>, StoreError>;

    /// Those of the given uploads that no unfinished job needs and no job is waiting to have deleted: orphans.
    async fn orphan_uploads(&self, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError>;

    /// Those of the given results that no succeeded job refers to: orphans.
    async fn orphan_results(&self, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError>;

    /// Adds an endpoint. `LimitReached` at [`crate::endpoint::ENDPOINTS_PER_CLIENT_MAX`].
    async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError>;

    /// A client's endpoints, oldest first.
    async fn endpoints(&self, client: ClientId) -> Result<Vec<Endpoint>, StoreError>;

    /// Changes an endpoint and returns it as it stands now. Making it active clears its health and makes its waiting
    /// deliveries due. `NotFound`.
    async fn update_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        change: EndpointChange,
    ) -> Result<Endpoint, StoreError>;

    /// Gives an endpoint a new token; the present one goes on being sent for `overlap` ([`crate::rotation::Rotating`]).
    /// `NotFound`, `UnderWay`.
    async fn rotate_token(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        token: &Sealed<WebhookToken>,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError>;

    /// Gives an endpoint a new signing secret; the present one goes on signing beside it for `overlap`. `NotFound`,
    /// `UnderWay`.
    async fn rotate_signing_secret(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        secret: &Sealed<SigningSecret>,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError>;

    /// Ends the overlap of every rotation of an endpoint: its old token and secret are forgotten. `NotFound`.
    async fn settle_rotations(&self, client: ClientId, endpoint: EndpointId) -> Result<Endpoint, StoreError>;

    /// Forgets every token and secret whose overlap has ended. Returns at how many endpoints.
    async fn forget_rotated(&self) -> Result<u64, StoreError>;

    /// Deletes an endpoint; its open deliveries are dropped and its replays cancelled. `NotFound`.
    async fn delete_endpoint(&self, client: ClientId, endpoint: EndpointId) -> Result<(), StoreError>;

    /// From here on `courier` is asked and told, instead of whoever was before; until it is dropped.
    fn attach_courier(&self, courier: Weak<dyn Courier>);

    /// Leases due deliveries, of each endpoint up to what is wanted, oldest first. Only the first open delivery of each
    /// (job, endpoint) is eligible; an endpoint that is held gets one probe (its oldest) when its time has come and none
    /// is on its way; a paused or disabled one nothing. What a person asked for goes first, and out of a hold or pause.
    async fn claim_deliveries(
        &self,
        worker: WorkerId,
        wants: &[Want],
        lease_for: Duration,
    ) -> Result<Claimed, StoreError>;

    /// Records attempts in one transaction, each answered on its own: the attempt itself, the delivery's new state
    /// ([`Delivery::attempted`]), the endpoint's health and whether it is held
    /// ([`Endpoint::attempted`]). A success releases a held endpoint and, after an outage, pulls forward what waits
    /// ([`crate::endpoint::PULLED_PER_SUCCESS`]). `LeaseLost`: nothing was written of this one.
    async fn record_attempts(
        &self,
        finished: Vec<Finished>,
    ) -> Result<Vec<Result<Recorded, StoreError>>, StoreError>;

    /// Every endpoint at which something waits that may be sent sooner or later.
    async fn waiting_endpoints(&self) -> Result<Vec<Waiting>, StoreError>;

    /// Opens one delivery again and makes it due at once, whatever its state ([`Delivery::reopened`] with
    /// [`crate::delivery::Resend::AtOnce`]); returns it as it stands now. `NotFound`, also where its endpoint was deleted.
    async fn resend_delivery(&self, client: ClientId, delivery: DeliveryId) -> Result<Delivery, StoreError>;

    /// Frees every delivery that `worker` holds, without an attempt: for a graceful stop.
    async fn hand_back_deliveries(&self, worker: WorkerId) -> Result<u64, StoreError>;

    /// Frees deliveries that were leased and not sent, without an attempt, and makes them due at once. Leases that are lost
    /// are passed over. Returns how many were free.
    async fn hand_back_unsent(&self, leases: Vec<(DeliveryId, DeliveryLease)>) -> Result<u64, StoreError>;

    /// A job's deliveries with their attempts, in the order of events.
    async fn deliveries_of_job(
        &self,
        client: ClientId,
        job: JobId,
    ) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// One delivery to an endpoint, with its attempts.
    async fn delivery_of_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError>;

    /// Up to `limit` deliveries to an endpoint, newest event first, before a position or from the newest on. One call looks
    /// at a bounded number of events. `NotFound`.
    async fn deliveries_of_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        before: Option<EventPosition>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;

    /// Up to `limit` events of a client after a position, in the order in which they were committed. An event that is
    /// committed later never has a lower position than one that was returned.
    async fn events_after(
        &self,
        client: ClientId,
        after: EventPosition,
        limit: usize,
    ) -> Result<Vec<(EventPosition, Event)>, StoreError>;

    /// The position of the client's last event; [`EventPosition::START`] where there is none.
    async fn last_event_position(&self, client: ClientId) -> Result<EventPosition, StoreError>;

    /// Begins a replay of the events that have been committed until now. `NotFound`; `UnderWay` where one of the
    /// endpoint runs.
    async fn create_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
        selection: &ReplaySelection,
    ) -> Result<Replay, StoreError>;

    /// One replay of an endpoint.
    async fn replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Option<Replay>, StoreError>;

    /// The newest replays of an endpoint, up to `limit`, newest first. `NotFound`.
    async fn replays(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        limit: usize,
    ) -> Result<Vec<Replay>, StoreError>;

    /// Stops a replay, where it runs, and returns it as it stands now. `NotFound`.
    async fn cancel_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Replay, StoreError>;

    /// Every replay that runs, oldest first, of all clients.
    async fn running_replays(&self) -> Result<Vec<ReplayId>, StoreError>;

    /// Looks at the next events of a replay, up to `limit`, and writes what is to be sent again together with how far it
    /// is.
    async fn advance_replay(&self, replay: ReplayId, limit: usize) -> Result<ReplayStep, StoreError>;

    /// What a replay would do with the events after a position, up to `limit`. Changes nothing. `NotFound`.
    async fn preview_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        selection: &ReplaySelection,
        after: EventPosition,
        limit: usize,
    ) -> Result<ReplayPreview, StoreError>;

    /// Forgets what is older than `before` and only history: answers' bodies of attempts, replays, and tokens, logins,
    /// sessions and setup links that have ended. One call forgets a bounded number; returns how many, 0 when nothing is left.
    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// A question that only a working database answers.
    async fn ping(&self) -> Result<(), StoreError>;
}
