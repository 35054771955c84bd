//! An engine on a real database, with a clock and randomness that the test commands.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::job::{JobOutcome, JobState, Lease};
use sfumato_core::store::DeliveryRecord;
use sfumato_core::store::JobLimits;
use sfumato_core::{
    Client, ClientId, Credentials, Endpoint, EndpointId, Entropy, Job, JobId, LoginId, Store, Timestamp,
    WorkerId,
};
use sfumato_engine::access::{Caller, Keys, Via};
use sfumato_engine::blobs::Blobs;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use sfumato_testkit::storage::FaultyStorage;
use sfumato_testkit::{SimClock, SimEntropy, build};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::receiver::until;

type Ambush = Box<dyn Fn() + Send + Sync>;

/// Simulated randomness. A test may have something happen whenever it is asked for.
pub(crate) struct TestEntropy {
    sim: SimEntropy,
    ambush: Mutex<Option<Ambush>>,
}

impl TestEntropy {
    fn new() -> Self {
        Self {
            sim: SimEntropy::new(1),
            ambush: Mutex::new(None),
        }
    }

    pub(crate) fn ambush(&self, what: impl Fn() + Send + Sync + 'static) {
        *self.ambush.lock().unwrap() = Some(Box::new(what));
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Some(ambush) = &*self.ambush.lock().unwrap_or_else(PoisonError::into_inner) {
            ambush();
        }
        self.sim.fill(bytes);
    }
}

/// Settings that let tests call receivers on loopback.
pub(crate) fn settings() -> EngineSettings {
    EngineSettings {
        addresses: AddressPolicy::allowing_private(),
        ..EngineSettings::default()
    }
}

/// One installation: its data outlives the engines that run on it.
pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) entropy: Arc<TestEntropy>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) engine: Engine,
    pub(crate) caller: Caller,
    /// What lies between the engine and its folder; not of those that are restarted.
    pub(crate) storage: FaultyStorage,
    folder: TempDir,
}

impl World {
    pub(crate) async fn new(settings: EngineSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SimClock::at(Timestamp::from_seconds(1_700_000_000)));
        let entropy = Arc::new(TestEntropy::new());
        let path = folder.path().join("sfumato.db");
        let store =
            SqliteStore::open(&path, clock.clone(), entropy.clone(), SqliteOptions::default()).unwrap();
        let store = Arc::new(store);
        let mut storage = None;
        let blobs = Blobs::open_folder(&folder.path().join("blobs"))
            .unwrap()
            .through(|inner| Arc::new(storage.insert(FaultyStorage::new(inner)).clone()));
        let engine = engine(blobs, &clock, &entropy, &store, settings);
        let (client, _) = engine.create_client("a customer").await.unwrap();
        let caller = caller(&client, &clock, &entropy);
        Self {
            clock,
            entropy,
            store,
            engine,
            caller,
            storage: storage.unwrap(),
            folder,
        }
    }

    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("sfumato.db")
    }

    /// Another engine on the same data, as after a restart.
    pub(crate) fn restarted(&self, settings: EngineSettings) -> Engine {
        engine(
            Blobs::open_folder(&self.folder.path().join("blobs")).unwrap(),
            &self.clock,
            &self.entropy,
            &self.store,
            settings,
        )
    }

    pub(crate) async fn endpoint(&self, url: &str) -> Endpoint {
        self.engine.create_endpoint(&self.caller, url).await.unwrap()
    }

    pub(crate) async fn endpoint_now(&self, id: EndpointId) -> Endpoint {
        let mut all = self.engine.endpoints(&self.caller).await.unwrap();
        all.retain(|endpoint| endpoint.id == id);
        all.remove(0)
    }

    /// A job that has been accepted: its `Sent` event is on its way.
    pub(crate) async fn submit(&self) -> Job {
        let job = build::job(self.caller.client, &*self.clock, &*self.entropy);
        self.store.submit(&job).await.unwrap();
        job
    }

    /// Begins the oldest waiting job: `Started`.
    pub(crate) async fn begin(&self) -> (JobId, Lease) {
        let worker = WorkerId::new(&*self.clock, &*self.entropy);
        let claimed = self
            .store
            .claim_jobs(worker, JobLimits::both(1), Duration::from_secs(30))
            .await;
        let job = claimed.unwrap().remove(0);
        match job.state {
            JobState::Running { lease, .. } => (job.id, lease),
            other => panic!("a claimed job is {}", other.name()),
        }
    }

    /// Ends a begun job: `Succeeded`.
    pub(crate) async fn succeed(&self, (job, lease): (JobId, Lease)) {
        let result = build::job_result(&*self.clock, &*self.entropy);
        self.store
            .finish_job(job, &lease, JobOutcome::Succeeded(result))
            .await
            .unwrap();
    }

    pub(crate) fn credentials(&self, endpoint: &Endpoint) -> Credentials {
        self.engine.credentials(endpoint).unwrap()
    }

    pub(crate) async fn deliveries(&self, job: JobId) -> Vec<DeliveryRecord> {
        self.store
            .deliveries_of_job(self.caller.client, job)
            .await
            .unwrap()
    }

    pub(crate) async fn deliveries_to(&self, endpoint: EndpointId, job: JobId) -> Vec<DeliveryRecord> {
        let mut records = self.deliveries(job).await;
        records.retain(|record| record.delivery.endpoint == endpoint);
        records
    }

    /// The states of a job's deliveries, in the order of its events.
    pub(crate) async fn states(&self, job: JobId) -> Vec<&'static str> {
        names(&self.deliveries(job).await)
    }

    pub(crate) async fn wait_for_states(&self, job: JobId, wanted: &[&str]) {
        until(&format!("deliveries that are {wanted:?}"), || async move {
            (self.states(job).await == wanted).then_some(())
        })
        .await;
    }

    pub(crate) async fn wait_for_states_to(&self, endpoint: EndpointId, job: JobId, wanted: &[&str]) {
        until(&format!("deliveries that are {wanted:?}"), || async move {
            let records = self.deliveries_to(endpoint, job).await;
            (names(&records) == wanted).then_some(())
        })
        .await;
    }
}

fn names(records: &[DeliveryRecord]) -> Vec<&'static str> {
    records
        .iter()
        .map(|record| record.delivery.state.name())
        .collect()
}

fn engine(
    blobs: Blobs,
    clock: &Arc<SimClock>,
    entropy: &Arc<TestEntropy>,
    store: &Arc<SqliteStore>,
    settings: EngineSettings,
) -> Engine {
    Engine::new(Parts {
        store: store.clone(),
        blobs,
        media: None,
        clock: clock.clone(),
        entropy: entropy.clone(),
        keys: Keys::derive(&[1; 32]),
        settings,
    })
}

fn caller(client: &Client, clock: &Arc<SimClock>, entropy: &Arc<TestEntropy>) -> Caller {
    let client: ClientId = client.id;
    Caller {
        client,
        via: Via::Login(LoginId::new(&**clock, &**entropy)),
    }
}

/// A running courier.
pub(crate) struct Courier {
    pub(crate) task: JoinHandle<()>,
    pub(crate) shutdown: CancellationToken,
}

impl Courier {
    pub(crate) fn start(engine: &Engine) -> Self {
        let (engine, shutdown) = (engine.clone(), CancellationToken::new());
        let token = shutdown.clone();
        Self {
            task: tokio::spawn(async move { engine.run_courier(token).await }),
            shutdown,
        }
    }

    /// Ends it as a signal to the process would.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// Ends it as a crash would: nothing more is written.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
