//! The one port to the database. One method is one transaction is one sentence; what belongs together (a status change,
//! its event, one delivery for every active endpoint) is written together or not at all.
//!
//! A store is given a clock and a source of entropy when it is opened: it makes the identifiers of events and
//! deliveries, and no SQL asks the database for the time.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::client::{Client, ClientKey, ClientState, Login, SecretHash};
use crate::delivery::{Delivery, DeliveryLease};
use crate::endpoint::{AckPolicy, Description, Endpoint, SigningSecret, WebhookToken, WebhookUrl};
use crate::event::{Event, EventPosition};
use crate::id::{ClientId, DeliveryId, EndpointId, JobId, LoginId, ReplayId, ResultId, UploadId, WorkerId};
use crate::job::{Job, JobOutcome, Lease, NewRevision, Progress};
use crate::policy::Quota;
use crate::replay::{Replay, ReplayPreview, ReplaySelection, ReplayStep};
use crate::time::Timestamp;

mod audit;
mod calls;
mod deliveries;
mod discarding;
mod dispatch;
mod installations;
mod lists;
mod logins;
mod parts;
mod policies;
mod statistics;
mod tables;
mod users;

pub use audit::{AuditFilter, AuditLog, AuditPage};
pub use calls::{Call, Calls, Neighbour};
pub use deliveries::{DeliveryFilter, DeliveryPage, DeliveryRecord};
pub use discarding::{Discarded, Discarding};
pub use dispatch::{Admission, Claimed, Courier, Dispatch, Finished, News, Recorded, Waiting, Want};
pub use installations::{Installation, Installations, KeyCheck};
pub use lists::{JobFilter, JobLists, JobPage, JobRange, Needle, Walked, WantedJobs, Way};
pub use logins::{RefreshOutcome, RefreshToken, Session};
pub use parts::{HELPERS_MAX, OwnTurn, PartLease, VideoParts};
pub use policies::ClientPolicies;
pub use statistics::{
    AttemptActivity, JobActivity, JobCounts, LATENCY_BOUNDS_MS, LATENCY_CLASSES, STATISTICS_KEPT, Statistics,
    Stretches, Totals,
};
pub use tables::{Row, RowSource, RowTarget, TABLES, Table, Value};
pub use users::{UserChange, UserStore};

/// Why a store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// What was named does not exist, or belongs to another client.
    #[error("{what} does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
    },
    /// What must be unique is taken; nothing was written.
    #[error("{what} exists already")]
    AlreadyExists {
        /// The kind of thing, with its article.
        what: &'static str,
    },
    /// The lease has been lost; nothing was written.
    #[error("the lease is lost")]
    LeaseLost,
    /// A limit on the number of things is reached; nothing was written.
    #[error("there are {max} {what} already, which is the most")]
    LimitReached {
        /// The kind of thing, in the plural.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A quota of the client is used up; nothing was written.
    #[error("the quota of {quota} is used up ({name})", quota = .0, name = .0.name())]
    OverQuota(Quota),
    /// Something is under way that must end first; nothing was written.
    #[error("{what} is under way already")]
    UnderWay {
        /// The kind of thing, with its article.
        what: &'static str,
    },
    /// The original has had its retention, or is having it right now; nothing was written.
    #[error("the original is not kept any more")]
    NotRetained,
    /// A row breaks a rule that the schema and the domain agree on. A fault of ours or of the disk.
    #[error("column {column} of row {row} in table {table} is corrupt: {why}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Primary key.
        row: String,
        /// What was found.
        why: String,
    },
    /// The database cannot be reached, is busy for too long, is full, or refuses the statement.
    #[error("the database cannot answer")]
    Unavailable {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

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

/// The database: SQLite by default.
///
/// Every method may fail with [`StoreError::Unavailable`] or [`StoreError::Corrupt`]; other errors are named where they
/// can happen. A method that names a client never touches what belongs to another.
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
    + UserStore
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

    /// Writes a queued job, its `Sent` event and the deliveries. From here on the upload exists. `OverQuota`.
    async fn submit(&self, job: &Job) -> Result<(), StoreError>;

    /// Writes a queued job on the original of an earlier one of this client, with its `Sent` event and the deliveries, and
    /// returns it with its number among the revisions. `NotFound`; `UnderWay` until the earlier job has finished;
    /// `NotRetained`; `OverQuota`. From here on the original stays until this job has finished, too.
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

    /// Leases waiting jobs, oldest first and as many of each kind as the limits say, for `lease_for`. A job's first claim
    /// writes its `Started` event.
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
    /// lease has expired. Returns how many of both. Also closes, some at a time, what has waited at an endpoint that is held
    /// or switched off for longer than [`crate::schedule::DELIVERY_LIFETIME`], and what waits at a held one beyond
    /// [`crate::schedule::WAITING_MAX`].
    async fn reap(&self) -> Result<u64, StoreError>;

    /// The same for every lease that any other worker than `alive` holds, whatever its end: for an installation of one
    /// process, where the others are known to be dead.
    async fn void_leases_of_others(&self, alive: WorkerId) -> Result<u64, StoreError>;

    /// The same for every lease that `dead` holds: for a process that knows who it was before it was started again.
    async fn void_leases_of(&self, dead: WorkerId) -> Result<u64, StoreError>;

    /// Retires up to `limit` originals all of whose jobs finished before `finished_before`, or longer ago than is agreed with
    /// their client ([`crate::policy::Retention`]), and returns them, each with the last of its jobs, each client's oldest
    /// first. From here on no revision can be made of them. They are returned again until they are
    /// marked as deleted.
    async fn retire_uploads(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, UploadId)>, StoreError>;

    /// Marks the retired original of a job as deleted, for all jobs that share it. `NotFound` where it is not retired.
    async fn upload_deleted(&self, job: JobId) -> Result<(), StoreError>;

    /// Expires up to `limit` succeeded jobs that finished before `finished_before`, or longer ago than is agreed with their
    /// client, and returns their results, whose
    /// blobs are now to be deleted. The row goes first: a result is never offered that is gone.
    async fn expire_results(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ResultId>, StoreError>;

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
        token: &WebhookToken,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError>;

    /// Gives an endpoint a new signing secret; the present one goes on signing beside it for `overlap`. `NotFound`,
    /// `UnderWay`.
    async fn rotate_signing_secret(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        secret: &SigningSecret,
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
    /// ([`Delivery::attempted`]), the endpoint's health and, by [`crate::schedule::must_hold`], whether it is held. A
    /// success releases a held endpoint and, after an outage, pulls forward what waits
    /// ([`crate::schedule::PULLED_PER_SUCCESS`]). `LeaseLost`: nothing was written of this one.
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
