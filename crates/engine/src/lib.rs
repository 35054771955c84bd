//! The application: everything that happens after HTTP and before SQL.
//!
//! The life of one upload passes through here from left to right: [`access`] says who calls, [`options`] reads what is wanted, [`intake`] streams the
//! original into [`blobs`] and writes the job last, [`worker`] claims it, has it anonymized by a media child and
//! finishes it, [`courier`] delivers its events through the hardened client in [`outbound`], [`results`] hands the
//! result out (both ways to it share [`representation`]) and [`originals`] what it was made of, [`render`] makes another one of given detections, and [`janitor`] deletes what has had its time. [`clients`] are made by administrators; [`endpoints`] are set up by their clients, who look back
//! in [`history`], have events sent again by [`replay`], or read them themselves: [`events`]; the [`vault`] seals their secrets. [`people`] sign in to the
//! Manager, by password or by [`openid`], look through [`lists`] and the [`audit`] log, act for clients, and have jobs done [`again`]. Workers and couriers share one loop shape: claim, act, record; what dies in between is
//! claimed again.
//!
//! Deliberately absent: HTTP status codes, SQL, decoders, and truth in memory: a process that is killed at any
//! instruction loses only time.
#![forbid(unsafe_code)]

pub mod access;
pub mod admission;
pub mod again;
pub mod audit;
pub mod blobs;
pub mod clients;
pub mod courier;
mod cursor;
mod disposal;
pub mod endpoints;
mod ends;
pub mod events;
pub mod failures;
pub mod guard;
pub mod history;
pub mod identity;
pub mod intake;
pub mod janitor;
pub mod key_ring;
pub mod least_rate;
mod listeners;
pub mod lists;
pub mod metrics;
pub mod openid;
pub mod options;
pub mod originals;
pub mod outbound;
pub mod ownership;
pub mod passwords;
pub mod people;
mod policies;
pub mod rates;
pub mod render;
pub mod replay;
pub mod representation;
pub mod requests;
pub mod results;
pub mod room;
mod seal;
pub mod signals;
pub mod system;
pub mod traces;
pub mod unparsed;
pub mod vault;
pub mod worker;

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sfumato_core::job::Job;
use sfumato_core::store::{Call, CancelOutcome, Neighbour};
use sfumato_core::{Clock, Entropy, JobId, PublicJobId, Store, StoreError, Timestamp, WorkerId};
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::{MediaError, MediaPool, Warm};

use crate::access::{Caller, Keys};
use crate::admission::{Admission, RateSettings};
use crate::blobs::Blobs;
use crate::courier::Post;
use crate::guard::AddressPolicy;
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::openid::{OpenIdSettings, Provider};
use crate::passwords::Passwords;
use crate::room::Reserve;
use crate::signals::Signals;
use crate::traces::{TraceId, TraceSettings, Tracer};

/// What the engine is made of.
pub struct Parts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Originals and results.
    pub blobs: Blobs,
    /// The media children; `None` where this process does no media work.
    pub media: Option<MediaPool>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Keys that sign tokens.
    pub keys: Keys,
    /// Settings.
    pub settings: EngineSettings,
}

/// Settings of the engine, checked by whoever reads the configuration.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// Lifetime of a refresh token.
    pub refresh_token_lifetime: Duration,
    /// How often requests may come.
    pub rates: RateSettings,
    /// Largest upload in bytes.
    pub upload_bytes_max: u64,
    /// Jobs of all clients that wait at most; `None`: as many as come.
    pub jobs_waiting_max: Option<u64>,
    /// The disk that uploads do not fill; `None`: whichever runs full runs full.
    pub reserve: Option<Reserve>,
    /// Limits of pictures, checked before decoding.
    pub media_limits: MediaLimits,
    /// Pictures that this process works on at the same time.
    pub jobs_at_once: usize,
    /// Videos and archives that it works on at the same time, beside the pictures.
    pub long_jobs_at_once: usize,
    /// Long videos are processed in parts of this length in seconds; what is done of them survives the worker.
    pub part_length_s: NonZeroU32,
    /// How long a job is leased; a heartbeat extends it after a third.
    pub lease: Duration,
    /// Webhook deliveries in flight at most, in all and to one endpoint.
    pub deliveries_at_once: usize,
    /// To one endpoint.
    pub deliveries_per_endpoint: usize,
    /// Webhook deliveries a second to one endpoint; `None`: as many as it takes.
    pub deliveries_per_endpoint_per_second: Option<NonZeroU32>,
    /// Deadline of one attempt over name resolution, connection, TLS, headers and body.
    pub delivery_deadline: Duration,
    /// Which addresses webhooks may reach.
    pub addresses: AddressPolicy,
    /// Whether the first bytes of endpoints' answers are kept, where the endpoint's client wants it too.
    pub keep_responses: bool,
    /// How long an original is kept after its job has finished.
    pub originals_kept: Duration,
    /// How long a result is kept.
    pub results_kept: Duration,
    /// How long answers of attempts and ended logins are kept.
    pub history_kept: Duration,
    /// A person's session ends when it was not used for so long.
    pub session_idle: Duration,
    /// It ends after so long, however much it is used.
    pub session_lifetime: Duration,
    /// How long entries of the audit log are kept.
    pub audit_kept: Duration,
    /// Whether people sign in by password.
    pub password_sign_in: bool,
    /// The OpenID Connect provider by which people sign in, too.
    pub openid: Option<OpenIdSettings>,
    /// After how long a blob that no row knows is an orphan: longer than any upload takes.
    pub orphans_kept: Duration,
    /// Whether other processes work on the same database and storage.
    pub shared: bool,
    /// Where spans go; `None`: nothing is traced.
    pub traces: Option<TraceSettings>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            access_token_lifetime: Duration::from_secs(3600),
            refresh_token_lifetime: 30 * DAY,
            rates: RateSettings::default(),
            upload_bytes_max: 8 * 1024 * 1024 * 1024,
            jobs_waiting_max: Some(1_000_000),
            reserve: None,
            media_limits: MediaLimits::default(),
            jobs_at_once: 2,
            long_jobs_at_once: 1,
            part_length_s: NonZeroU32::MIN.saturating_add(59),
            lease: Duration::from_secs(30),
            deliveries_at_once: 512,
            deliveries_per_endpoint: 16,
            deliveries_per_endpoint_per_second: None,
            delivery_deadline: Duration::from_secs(15),
            addresses: AddressPolicy::default(),
            keep_responses: true,
            originals_kept: Duration::ZERO,
            results_kept: 7 * DAY,
            history_kept: 7 * DAY,
            session_idle: DAY / 2,
            session_lifetime: 7 * DAY,
            audit_kept: 365 * DAY,
            password_sign_in: true,
            openid: None,
            orphans_kept: DAY,
            shared: false,
            traces: None,
        }
    }
}

/// The application. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("worker_id", &self.inner.worker_id)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Blobs,
    pub(crate) media: Option<MediaPool>,
    pub(crate) warm: OnceLock<Warm>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) keys: Keys,
    pub(crate) settings: EngineSettings,
    pub(crate) signals: Signals,
    pub(crate) listeners: Listeners,
    pub(crate) admission: Admission,
    pub(crate) passwords: Passwords,
    pub(crate) queue: room::Queue,
    pub(crate) openid: Option<Provider>,
    pub(crate) worker_id: WorkerId,
    pub(crate) outbound: Arc<outbound::Outbound>,
    pub(crate) post: Arc<dyn Post>,
    pub(crate) metrics: Metrics,
    pub(crate) tracer: Option<Tracer>,
}

impl Inner {
    /// Something is committed that others wait for, in this process or in another one.
    pub(crate) fn announce(&self, call: Call) {
        self.hear(call);
        self.store.call(call);
    }
}

impl Neighbour for Inner {
    fn hear(&self, call: Call) {
        match call {
            Call::Jobs => self.signals.jobs.notify_one(),
            Call::Replays => self.signals.replays.notify_one(),
            Call::Finished => self.signals.finished.notify_one(),
            Call::Cancelled(job) => self.signals.cancel(job),
            Call::Told(client) => self.listeners.tell(client),
        }
    }
}

impl Engine {
    /// Puts the parts together. Starts nothing: see [`Engine::run_worker`], [`Engine::run_courier`],
    /// [`Engine::run_replays`] and [`Engine::run_janitor`].
    pub fn new(parts: Parts) -> Self {
        let outbound = outbound_of(&parts);
        Self::assemble(parts, outbound.clone(), outbound)
    }

    /// The same with another way to the network for deliveries. Tests of an endpoint go the ordinary way.
    pub fn with_post(parts: Parts, post: Arc<dyn Post>) -> Self {
        let outbound = outbound_of(&parts);
        Self::assemble(parts, outbound, post)
    }

    fn assemble(parts: Parts, outbound: Arc<outbound::Outbound>, post: Arc<dyn Post>) -> Self {
        let Parts {
            store,
            blobs,
            media,
            clock,
            entropy,
            keys,
            settings,
        } = parts;
        let worker_id = WorkerId::new(&*clock, &*entropy);
        let metrics = Metrics::default();
        let tracer = settings
            .traces
            .as_ref()
            .and_then(|traces| Tracer::new(traces, metrics.clone()));
        let inner = Arc::new(Inner {
            store,
            blobs,
            media,
            warm: OnceLock::new(),
            clock,
            entropy,
            keys,
            openid: settings.openid.clone().map(Provider::new),
            admission: Admission::new(settings.rates),
            settings,
            signals: Signals::default(),
            listeners: Listeners::default(),
            passwords: Passwords::default(),
            queue: room::Queue::default(),
            worker_id,
            outbound,
            post,
            metrics,
            tracer,
        });
        let neighbour: Arc<dyn Neighbour> = inner.clone();
        inner.store.attach_meter(inner.metrics.meter());
        inner.store.attach_neighbour(Arc::downgrade(&neighbour));
        Self { inner }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The settings that it runs with.
    pub fn settings(&self) -> &EngineSettings {
        &self.inner.settings
    }

    /// Records spans; `None` where nothing is traced.
    pub fn tracer(&self) -> Option<&Tracer> {
        self.inner.tracer.as_ref()
    }

    /// The trace of a job; `None` where it is not recorded.
    pub fn trace_of(&self, job: JobId) -> Option<TraceId> {
        self.tracer()?.trace_of(job)
    }

    /// The wall clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The name under which this run of this process holds leases.
    pub fn worker_id(&self) -> WorkerId {
        self.inner.worker_id
    }

    /// Frees the leases that an earlier run has left behind: those of everybody else where this process is the only one, and
    /// else those of `earlier`, which is who this process was before it was started again. A process that is alone also
    /// deletes the blobs that are left without a row; where others may be writing, age tells the janitor. To be called before
    /// anything is received.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn recover(&self, earlier: Option<WorkerId>) -> Result<u64, StoreError> {
        let store = &self.inner.store;
        if self.inner.settings.shared {
            return match earlier {
                Some(earlier) => Ok(self.told(store.void_leases_of(earlier).await?)),
                None => Ok(0),
            };
        }
        let freed = self.told(store.void_leases_of_others(self.inner.worker_id).await?);
        if let Err(error) = self.collect_orphans(self.inner.clock.now()).await {
            tracing::warn!(
                error = sfumato_core::chain(&error),
                "orphan blobs were not collected yet"
            );
        }
        Ok(freed)
    }

    /// Starts the media processes ahead of the first job and returns what they say of themselves; nothing where
    /// this process does no media work.
    ///
    /// # Errors
    /// [`MediaError`]: the executable or the models are missing or damaged. No job can succeed then.
    pub async fn warm_up(&self) -> Result<Warm, MediaError> {
        let Some(media) = &self.inner.media else {
            return Ok(Warm::default());
        };
        let warm = media.warm_up().await?;
        let _ = self.inner.warm.set(warm.clone());
        Ok(warm)
    }

    /// What the media processes said of themselves when they were started ahead; `None` until they have.
    pub fn warm(&self) -> Option<&Warm> {
        self.inner.warm.get()
    }

    /// Whether database and storage answer.
    ///
    /// # Errors
    /// The first that does not, in words for the operator.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.inner
            .store
            .ping()
            .await
            .map_err(|source| NotReady::Store { source })?;
        self.inner
            .blobs
            .ping()
            .await
            .map_err(|source| NotReady::Blobs { source })
    }

    /// The time of this engine's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// One job of the caller.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn job(&self, caller: &Caller, id: &PublicJobId) -> Result<Option<Job>, StoreError> {
        if id.client != caller.client {
            return Ok(None);
        }
        self.inner.store.job(caller.client, id.job).await
    }

    /// Cancels a job of the caller; a worker that is at it stops at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown job or another client's.
    pub async fn cancel(&self, caller: &Caller, id: &PublicJobId) -> Result<CancelOutcome, StoreError> {
        if id.client != caller.client {
            return Err(StoreError::NotFound { what: "job" });
        }
        let outcome = self.inner.store.cancel_job(caller.client, id.job).await?;
        self.inner.announce(Call::Cancelled(id.job));
        self.inner.announce(Call::Finished);
        if let CancelOutcome::Cancelled { .. } = outcome {
            // For its line in the log alone: the job is cancelled either way.
            match self.inner.store.job(id.client, id.job).await {
                Ok(job) => job.iter().for_each(|job| self.tell_end(job)),
                Err(error) => {
                    tracing::info!(job.id = %id.job, error = sfumato_core::chain(&error), "a job was cancelled");
                }
            }
        }
        Ok(outcome)
    }
}

fn outbound_of(parts: &Parts) -> Arc<outbound::Outbound> {
    let settings = &parts.settings;
    Arc::new(outbound::Outbound::new(
        settings.addresses.clone(),
        settings.delivery_deadline,
        parts.clock.clone(),
    ))
}

/// Why the service is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The database.
    #[error("the database does not answer")]
    Store {
        /// Cause.
        #[source]
        source: StoreError,
    },
    /// The storage of originals and results.
    #[error("the storage does not answer")]
    Blobs {
        /// Cause.
        #[source]
        source: blobs::BlobError,
    },
}
