//! The domain of Sfumato on one page.
//!
//! A [`client`] uploads a picture; the upload becomes a [`job`] with [`options`]. A worker claims the job under a
//! lease with a fencing token, and finishes it with a result or a failure. Each status that the outside may learn is an
//! [`event`]; each event makes one [`delivery`] for every active [`endpoint`] of the client; a [`replay`] sends many of
//! them again. What a detector found is a
//! [`detection`]; what must stay secret and be read again is [`sealed`]. A person who looks at all this is a [`user`]. Everything durable goes through the one port [`store::Store`], one method a transaction.
//!
//! Deliberately absent: I/O of any kind, async runtimes, SQL, HTTP and status codes. Time and randomness enter through
//! [`time::Clock`] and [`time::Entropy`] only.
#![forbid(unsafe_code)]

pub mod audit;
mod chain;
pub mod client;
pub mod delivery;
pub mod detection;
pub mod endpoint;
pub mod event;
pub mod fair;
pub mod id;
pub mod idempotency;
pub mod job;
pub mod media;
pub mod options;
pub mod policy;
pub mod replay;
pub mod rotation;
pub mod schedule;
pub mod sealed;
pub mod store;
pub mod time;
pub mod user;

pub use chain::{chain, find_cause};
pub use client::{Client, ClientKey, ClientState, Login, Secret, SecretHash};
pub use delivery::{Attempt, Delivery, DeliveryState, Outcome};
pub use endpoint::{
    AckPolicy, Credentials, Endpoint, EndpointState, SigningSecret, WebhookToken, WebhookUrl,
};
pub use event::{Event, EventPosition, EventStatus};
pub use fair::Weight;
pub use id::{
    AttemptId, AuditId, ClientId, DeliveryId, EndpointId, EventId, InstallationId, JobId, LoginId,
    PublicJobId, ReplayId, ResultId, SessionId, UploadId, UserId, WorkerId,
};
pub use idempotency::{IdempotencyKey, Once};
pub use job::{
    FailureClass, FencingToken, Job, JobOutcome, JobResult, JobState, JobStateKind, Lease, Priority,
    TransitionError,
};
pub use media::{MediaFormat, MediaKind};
pub use options::AnonymizeOptions;
pub use policy::{ClientPolicy, Quota, Quotas, Retention, Scheduling, Usage};
pub use replay::{Replay, ReplaySelection, Standing};
pub use rotation::Rotating;
pub use sealed::{KeyId, Sealed};
pub use store::{Store, StoreError, UserStore};
pub use time::{Clock, Entropy, Timestamp};
pub use user::{Role, Scope, User, UserName, UserSession, UserState};
