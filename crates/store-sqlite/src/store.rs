//! The port, method by method: which connection, which transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use sfumato_core::client::{Client, ClientKey, ClientState, Login, SecretHash};
use sfumato_core::delivery::{Delivery, Resend};
use sfumato_core::endpoint::Endpoint;
use sfumato_core::job::{Job, JobOutcome, Lease};
use sfumato_core::store::{
    CancelOutcome, Claimed, Courier, DeliveryRecord, EndpointChange, Finished, News, Recorded,
    RefreshOutcome, RefreshToken, Session, Store, Waiting, Want,
};
use sfumato_core::{
    ClientId, Clock, DeliveryId, EndpointId, Entropy, JobId, LoginId, ResultId, StoreError, Timestamp,
    UploadId, WorkerId,
};

use crate::hook::Hook;
use crate::open::{self, OpenError, SqliteOptions};
use crate::readers::{self, Readers};
use crate::sql::Sources;
use crate::writer::{self, Writer};
use crate::{attempts, claims, clients, deliveries, endpoints, jobs, queries, retention, sql};

/// A [`Store`] in one SQLite file.
pub struct SqliteStore {
    sources: Sources,
    mode: Mode,
}

enum Mode {
    Threads { writer: Writer, readers: Readers },
    Inline(Mutex<Connection>),
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: SqliteOptions,
    ) -> Result<Self, OpenError> {
        let hook = Arc::<Hook>::default();
        let connection = open::writer(path)?;
        let writer = Writer::start(connection, hook.clone(), options.queue_max, options.batch_max).map_err(
            |source| OpenError::Io {
                path: path.to_owned(),
                source,
            },
        )?;
        let readers = Readers::new(path.to_owned(), options.readers_max);
        Ok(Self {
            sources: Sources { clock, entropy, hook },
            mode: Mode::Threads { writer, readers },
        })
    }

    /// The same without threads: every call runs to its end in the caller. For a simulator with a clock of its own, in
    /// which a wait for another thread would count as idleness.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_inline(
        path: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let hook = Arc::<Hook>::default();
        let connection = Mutex::new(open::writer(path)?);
        Ok(Self {
            sources: Sources { clock, entropy, hook },
            mode: Mode::Inline(connection),
        })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Sources) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let sources = self.sources.clone();
        let work = move |connection: &Connection| work(connection, &sources);
        match &self.mode {
            Mode::Threads { writer, .. } => writer.run(work).await,
            Mode::Inline(connection) => writer::run_inline(
                &connection.lock().unwrap_or_else(PoisonError::into_inner),
                &self.sources.hook,
                work,
            ),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.mode {
            Mode::Threads { readers, .. } => readers.run(work).await,
            Mode::Inline(connection) => {
                readers::run_inline(&connection.lock().unwrap_or_else(PoisonError::into_inner), work)
            }
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_client(&self, client: &Client) -> Result<(), StoreError> {
        let client = client.clone();
        self.write(move |conn, _| clients::create(conn, &client)).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.read(clients::all).await
    }

    async fn client_by_key(&self, key: &ClientKey) -> Result<Option<Client>, StoreError> {
        let key = key.clone();
        self.read(move |conn| clients::by_key(conn, &key)).await
    }

    async fn rotate_secret(
        &self,
        key: &ClientKey,
        secret: &SecretHash,
        previous_until: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, secret) = (key.clone(), secret.clone());
        self.write(move |conn, _| clients::rotate_secret(conn, &key, &secret, previous_until))
            .await
    }

    async fn set_client_state(&self, key: &ClientKey, state: ClientState) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |conn, sources| clients::set_state(conn, &key, state, sources.clock.now()))
            .await
    }

    async fn open_login(&self, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError> {
        let (login, refresh) = (login.clone(), refresh.clone());
        self.write(move |conn, _| clients::open_login(conn, &login, &refresh))
            .await
    }

    async fn session(&self, login: LoginId) -> Result<Option<Session>, StoreError> {
        self.read(move |conn| clients::session(conn, login)).await
    }

    async fn rotate_refresh_token(
        &self,
        client: ClientId,
        presented: &SecretHash,
        next: &RefreshToken,
    ) -> Result<RefreshOutcome, StoreError> {
        let (presented, next) = (presented.clone(), next.clone());
        self.write(move |conn, sources| {
            clients::rotate_refresh_token(conn, client, &presented, &next, sources.clock.now())
        })
        .await
    }

    async fn revoke_login(&self, login: LoginId) -> Result<(), StoreError> {
        self.write(move |conn, sources| clients::revoke_login(conn, login, sources.clock.now()))
            .await
    }

    async fn submit(&self, job: &Job) -> Result<(), StoreError> {
        let job = job.clone();
        self.write(move |conn, sources| jobs::submit(conn, sources, &job))
            .await
    }

    async fn job(&self, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
        self.read(move |conn| jobs::get(conn, client, job)).await
    }

    async fn job_by_result(&self, client: ClientId, result: ResultId) -> Result<Option<Job>, StoreError> {
        self.read(move |conn| jobs::by_result(conn, client, result)).await
    }

    async fn claim_jobs(
        &self,
        worker: WorkerId,
        limit: usize,
        lease_for: Duration,
    ) -> Result<Vec<Job>, StoreError> {
        self.write(move |conn, sources| jobs::claim(conn, sources, worker, limit, lease_for))
            .await
    }

    async fn heartbeat(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
        progress: f32,
    ) -> Result<(), StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| {
            jobs::heartbeat(conn, job, &lease, sources.clock.now().after(lease_for), progress)
        })
        .await
    }

    async fn finish_job(&self, job: JobId, lease: &Lease, outcome: JobOutcome) -> Result<Job, StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| jobs::finish(conn, sources, job, &lease, outcome))
            .await
    }

    async fn hand_back_job(&self, job: JobId, lease: &Lease) -> Result<(), StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| jobs::hand_back(conn, job, &lease, sources.clock.now()))
            .await
    }

    async fn cancel_job(&self, client: ClientId, job: JobId) -> Result<CancelOutcome, StoreError> {
        self.write(move |conn, sources| jobs::cancel(conn, client, job, sources.clock.now()))
            .await
    }

    async fn reap(&self) -> Result<u64, StoreError> {
        self.write(claims::reap_everything).await
    }

    async fn void_leases_of_others(&self, alive: WorkerId) -> Result<u64, StoreError> {
        self.write(move |conn, sources| {
            let jobs = jobs::void_leases_of_others(conn, sources, alive)?;
            Ok(jobs + claims::void_leases_of_others(conn, alive, sources.clock.now())?)
        })
        .await
    }

    async fn uploads_to_delete(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, UploadId)>, StoreError> {
        self.read(move |conn| retention::uploads_to_delete(conn, finished_before, limit))
            .await
    }

    async fn upload_deleted(&self, job: JobId) -> Result<(), StoreError> {
        self.write(move |conn, _| retention::upload_deleted(conn, job))
            .await
    }

    async fn expire_results(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ResultId>, StoreError> {
        self.write(move |conn, sources| {
            retention::expire_results(conn, finished_before, limit, sources.clock.now())
        })
        .await
    }

    async fn orphan_uploads(&self, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError> {
        let uploads = uploads.to_vec();
        self.read(move |conn| retention::orphan_uploads(conn, &uploads))
            .await
    }

    async fn orphan_results(&self, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError> {
        let results = results.to_vec();
        self.read(move |conn| retention::orphan_results(conn, &results))
            .await
    }

    async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let endpoint = endpoint.clone();
        self.write(move |conn, _| endpoints::create(conn, &endpoint))
            .await
    }

    async fn endpoints(&self, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
        self.read(move |conn| endpoints::of_client(conn, client)).await
    }

    async fn update_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        change: EndpointChange,
    ) -> Result<Endpoint, StoreError> {
        self.write(move |conn, sources| {
            endpoints::update(conn, client, endpoint, change, sources.clock.now())
        })
        .await
    }

    async fn delete_endpoint(&self, client: ClientId, endpoint: EndpointId) -> Result<(), StoreError> {
        self.write(move |conn, sources| {
            endpoints::delete(conn, client, endpoint, sources.clock.now())?;
            sources.hook.gather(News::Gone(endpoint));
            Ok(())
        })
        .await
    }

    fn attach_courier(&self, courier: Weak<dyn Courier>) {
        self.sources.hook.attach(courier);
    }

    async fn claim_deliveries(
        &self,
        worker: WorkerId,
        wants: &[Want],
        lease_for: Duration,
    ) -> Result<Claimed, StoreError> {
        let wants = wants.to_vec();
        self.write(move |conn, sources| claims::claim(conn, worker, &wants, lease_for, sources.clock.now()))
            .await
    }

    async fn record_attempts(
        &self,
        finished: Vec<Finished>,
    ) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
        self.write(move |conn, sources| attempts::record(conn, sources, finished))
            .await
    }

    async fn waiting_endpoints(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(claims::waiting_endpoints).await
    }

    async fn resend_delivery(&self, client: ClientId, delivery: DeliveryId) -> Result<Delivery, StoreError> {
        self.write(move |conn, sources| {
            deliveries::resend(
                conn,
                &sources.hook,
                client,
                delivery,
                Resend::AtOnce,
                sources.clock.now(),
            )
        })
        .await
    }

    async fn hand_back_deliveries(&self, worker: WorkerId) -> Result<u64, StoreError> {
        self.write(move |conn, sources| claims::hand_back(conn, worker, sources.clock.now()))
            .await
    }

    async fn deliveries_of_job(
        &self,
        client: ClientId,
        job: JobId,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(move |conn| deliveries::of_job(conn, client, job)).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |conn, _| clients::prune(conn, before).map(|count| count as u64))
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|conn| sql::query_one(conn, queries::PING, [], |_| Ok(())).map(drop))
            .await
    }
}
