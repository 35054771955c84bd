//! One life: an installation, what happens to it, and its end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sfumato_core::job::{JobOutcome, JobState, Lease};
use sfumato_core::replay::ReplaySelection;
use sfumato_core::store::{EndpointChange, JobLimits};
use sfumato_core::{ClientId, Clock, Endpoint, JobId, ReplayId, Store, StoreError, Timestamp, WorkerId};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_store_sqlite::SqliteStore;
use sfumato_testkit::{SimEntropy, build};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::judge::{self, Facts, Replayed};
use super::receivers::{DEADLINE, Mood, Receivers};

/// The installation's master key.
const KEY: [u8; 32] = [7; 32];

/// The most that may be in flight in all, and to one endpoint.
pub(super) const LIMITS: (usize, usize) = (24, 8);

/// Time that follows the runtime's, which a test moves only by waiting.
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000).after(self.0.elapsed())
    }
}

/// An installation.
struct Life {
    folder: TempDir,
    clock: Arc<VirtualClock>,
    entropy: Arc<SimEntropy>,
    dice: Dice,
    store: Arc<SqliteStore>,
    receivers: Arc<Receivers>,
    courier: Option<(JoinHandle<()>, CancellationToken)>,
    runs: u32,
    client: ClientId,
    endpoints: Vec<Endpoint>,
    jobs: Vec<JobId>,
    running: Vec<(JobId, Lease)>,
    deleted: Vec<(String, Timestamp)>,
    /// From when on the network was away, or there.
    network: Vec<(Timestamp, bool)>,
    /// Crashes and stops.
    disturbances: Vec<Timestamp>,
    replays: Vec<Replayed>,
    trace: Vec<String>,
}

/// What a life came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) events: u64,
    /// One for each event and endpoint.
    pub(super) deliveries: u64,
    pub(super) posts: u64,
    /// Crashes and stops.
    pub(super) disturbances: u64,
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.deliveries += other.deliveries;
        self.posts += other.posts;
        self.disturbances += other.disturbances;
    }

    fn of(facts: &Facts) -> Self {
        let events: BTreeSet<_> = facts.records.iter().map(|record| record.event.id).collect();
        Self {
            events: events.len() as u64,
            deliveries: facts.records.len() as u64,
            posts: facts.posted.len() as u64,
            disturbances: facts.disturbances.len() as u64,
        }
    }
}

/// A life that kept all promises.
pub(super) struct Lived {
    /// What happened in it.
    pub(super) trace: Vec<String>,
    pub(super) totals: Totals,
}

/// Lives one life to its end.
pub(super) fn run(seed: u64) -> Lived {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut life = Life::new(seed).await;
        life.start();
        for _ in 0..60 {
            life.happen().await;
        }
        life.end_well().await;
        life.judged().await
    })
}

impl Life {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock(Instant::now()));
        let entropy = Arc::new(SimEntropy::new(seed));
        let store = open(&folder, &clock, &entropy);
        let client = build::client(&*clock, &*entropy);
        store.create_client(&client).await.unwrap();
        let receivers = Receivers::new(clock.clone(), Dice::new(seed ^ 2));
        let mut life = Self {
            folder,
            clock,
            entropy,
            dice: Dice::new(seed ^ 1),
            store,
            receivers,
            courier: None,
            runs: 0,
            client: client.id,
            endpoints: vec![],
            jobs: vec![],
            running: vec![],
            deleted: vec![],
            network: vec![],
            disturbances: vec![],
            replays: vec![],
            trace: vec![],
        };
        for _ in 0..3 {
            life.add_endpoint().await;
        }
        life
    }

    fn note(&mut self, what: impl std::fmt::Display) {
        let passed = self.clock.0.elapsed();
        self.trace.push(format!("{:.6} {what}", passed.as_secs_f64()));
    }

    async fn add_endpoint(&mut self) {
        let mut endpoint = build::endpoint(self.client, &*self.clock, &*self.entropy);
        let (token, secret) = Keys::derive(&KEY).vault().generate(endpoint.id, &*self.entropy);
        (endpoint.token, endpoint.signing_secret) = (token.into(), secret.into());
        let number = self.endpoints.len() + self.deleted.len();
        endpoint.url = sfumato_core::endpoint::WebhookUrl::from_judged(format!("http://r{number}.example/"));
        self.store.create_endpoint(&endpoint).await.unwrap();
        self.note(format_args!("endpoint {number}"));
        self.endpoints.push(endpoint);
    }

    fn start(&mut self) {
        let engine = Engine::with_post(
            Parts {
                store: self.store.clone(),
                blobs: Blobs::open_folder(&self.folder.path().join("blobs")).unwrap(),
                media: None,
                clock: self.clock.clone(),
                entropy: self.entropy.clone(),
                keys: Keys::derive(&KEY),
                settings: EngineSettings {
                    deliveries_at_once: LIMITS.0,
                    deliveries_per_endpoint: LIMITS.1,
                    delivery_deadline: DEADLINE,
                    ..EngineSettings::default()
                },
            },
            self.receivers.door(self.runs),
        );
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let courier = tokio::spawn(async move { engine.run_courier(stop).await });
        self.courier = Some((courier, shutdown));
    }

    /// The process is gone from one wait to the next, and another one starts a little later.
    async fn crash(&mut self, graceful: bool) {
        let Some((courier, shutdown)) = self.courier.take() else {
            return;
        };
        if graceful {
            shutdown.cancel();
            courier.await.unwrap();
        } else {
            courier.abort();
            // A panic of the courier is a failure of the life; the abort is not.
            assert!(
                courier.await.is_err_and(|error| error.is_cancelled()),
                "the courier ended"
            );
        }
        self.runs += 1;
        self.disturbances.push(self.clock.now());
        self.note(if graceful { "stop" } else { "crash" });
        self.store = open(&self.folder, &self.clock, &self.entropy);
        tokio::time::sleep(Duration::from_millis(self.dice.below(2_000))).await;
        let alive = WorkerId::new(&*self.clock, &*self.entropy);
        self.store.void_leases_of_others(alive).await.unwrap();
        self.running.clear();
        self.start();
    }

    /// One thing happens, and then some time passes.
    async fn happen(&mut self) {
        match self.dice.below(20) {
            0..7 => self.submit().await,
            7..10 => self.begin().await,
            10..13 => self.finish().await,
            13..16 => self.change_a_mood(),
            16 => {
                let away = self.dice.below(3) == 0;
                self.cut(away);
                self.note(if away {
                    "the network is away"
                } else {
                    "the network is there"
                });
            }
            17 => self.crash(self.dice.below(3) == 0).await,
            18 if self.dice.below(2) == 0 => self.delete_or_switch().await,
            18 => self.replay().await,
            _ => drop(self.store.reap().await.unwrap()),
        }
        // Mostly within the time of a request, now and then within that of the schedule.
        let millis = match self.dice.below(10) {
            0 => self.dice.below(120_000),
            1..4 => self.dice.below(5_000),
            _ => self.dice.below(60),
        };
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    async fn submit(&mut self) {
        for _ in 0..=self.dice.below(12) {
            let job = build::job(self.client, &*self.clock, &*self.entropy);
            self.store.submit(&job).await.unwrap();
            self.jobs.push(job.id);
        }
        self.note(format_args!("{} jobs", self.jobs.len()));
    }

    async fn begin(&mut self) {
        let worker = WorkerId::new(&*self.clock, &*self.entropy);
        let claimed = self
            .store
            .claim_jobs(worker, JobLimits::both(6), Duration::from_secs(86_400))
            .await;
        for job in claimed.unwrap() {
            if let JobState::Running { lease, .. } = job.state {
                self.running.push((job.id, lease));
            }
        }
        self.note(format_args!("{} run", self.running.len()));
    }

    async fn finish(&mut self) {
        for (job, lease) in std::mem::take(&mut self.running) {
            let outcome = JobOutcome::Succeeded(build::job_result(&*self.clock, &*self.entropy));
            match self.store.finish_job(job, &lease, outcome).await {
                Ok(_) | Err(StoreError::LeaseLost) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        self.note("all are finished");
    }

    fn change_a_mood(&mut self) {
        // The first one is innocent: it is well all the time.
        let index = 1 + self.dice.below(self.endpoints.len() as u64 - 1) as usize;
        let mood = self.dice.pick(&Mood::ALL).unwrap();
        let url = self.endpoints[index].url.as_str().to_owned();
        self.receivers.turn(&url, mood);
        self.note(format_args!("{url} is {mood:?}"));
    }

    async fn delete_or_switch(&mut self) {
        let index = 1 + self.dice.below(self.endpoints.len() as u64 - 1) as usize;
        if self.dice.below(2) == 0 {
            let endpoint = self.endpoints.remove(index);
            self.store
                .delete_endpoint(self.client, endpoint.id)
                .await
                .unwrap();
            let url = endpoint.url.as_str().to_owned();
            self.note(format_args!("{url} is deleted"));
            self.deleted.push((url, self.clock.now()));
            self.receivers.seal(&endpoint.url);
            self.add_endpoint().await;
        } else {
            let change = EndpointChange {
                active: Some(true),
                ..EndpointChange::default()
            };
            let id = self.endpoints[index].id;
            self.store.update_endpoint(self.client, id, change).await.unwrap();
            self.note(format_args!("{index} is switched on"));
        }
    }

    /// A client has everything sent again to one of its endpoints; some steps of it are done now, the others later.
    async fn replay(&mut self) {
        let index = self.dice.below(self.endpoints.len() as u64) as usize;
        let endpoint = &self.endpoints[index];
        let id = ReplayId::new(&*self.clock, &*self.entropy);
        let everything = ReplaySelection {
            since: Timestamp::from_seconds(0),
            until: self.clock.now(),
            statuses: vec![],
            standings: vec![],
            job: None,
        };
        let begun = self
            .store
            .create_replay(self.client, endpoint.id, id, &everything);
        match begun.await {
            Ok(_) => {
                self.replays.push(Replayed {
                    url: endpoint.url.as_str().to_owned(),
                    from: self.clock.now(),
                    until: None,
                });
                self.note(format_args!("a replay to {index} is begun"));
            }
            Err(StoreError::UnderWay { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
        let steps = self.dice.below(4);
        self.go_on_with_replays(steps).await;
    }

    /// So many steps of each that runs.
    async fn go_on_with_replays(&mut self, steps: u64) {
        for _ in 0..steps {
            for id in self.store.running_replays().await.unwrap() {
                let limit = 1 + self.dice.below(20) as usize;
                self.store.advance_replay(id, limit).await.unwrap();
            }
        }
        if self.store.running_replays().await.unwrap().is_empty() {
            let now = self.clock.now();
            for replay in &mut self.replays {
                replay.until.get_or_insert(now);
            }
        }
    }

    fn cut(&mut self, away: bool) {
        self.receivers.cut(away);
        self.network.push((self.clock.now(), away));
    }

    /// Faults stop, every job is finished, and so much time passes that everything must have arrived.
    async fn end_well(&mut self) {
        self.cut(false);
        for endpoint in &self.endpoints {
            self.receivers.turn(endpoint.url.as_str(), Mood::Well);
        }
        self.note("all is well");
        loop {
            self.begin().await;
            if self.running.is_empty() {
                break;
            }
            self.finish().await;
        }
        self.go_on_with_replays(1_000).await;
        // A held endpoint is released by its client, or by the probe that goes out within the hour.
        let by_probe = self.dice.below(4) == 0;
        if !by_probe {
            for endpoint in &self.endpoints {
                let change = EndpointChange {
                    active: Some(true),
                    ..EndpointChange::default()
                };
                self.store
                    .update_endpoint(self.client, endpoint.id, change)
                    .await
                    .unwrap();
            }
        }
        self.rest().await;
        self.crash(true).await;
        if let Some((courier, shutdown)) = self.courier.take() {
            shutdown.cancel();
            courier.await.unwrap();
        }
    }

    /// Waits until nothing waits any more, at most so long that everything must have arrived: a probe goes out within the
    /// hour, also of what an answer on its way has held just after its client had released it, and half an hour and a fifth
    /// lie between the attempts of what has failed most often in a life.
    async fn rest(&self) {
        const LONGEST: Duration = Duration::from_secs(4_200);
        const LOOK: Duration = Duration::from_secs(60);
        let until = Instant::now() + LONGEST;
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            if self.store.waiting_endpoints().await.unwrap().is_empty() {
                break;
            }
        }
        // What was on its way at the last look comes to its end.
        tokio::time::sleep(LOOK).await;
    }

    async fn judged(mut self) -> Lived {
        let mut records = Vec::new();
        for job in &self.jobs {
            records.extend(self.store.deliveries_of_job(self.client, *job).await.unwrap());
        }
        let facts = Facts {
            records,
            posted: self.receivers.posted(),
            most_in_flight: self.receivers.most_in_flight(),
            sealed: self.receivers.after_the_seal(),
            endpoints: self.endpoints.clone(),
            network: self.network.clone(),
            disturbances: self.disturbances.clone(),
            replays: self.replays.clone(),
        };
        let broken = judge::broken_promises(&facts);
        if !broken.is_empty() {
            for posted in &facts.posted {
                self.trace.push(format!("{posted:?}"));
            }
            panic!("{broken:#?}\n{}", self.trace.join("\n"));
        }
        for posted in &facts.posted {
            self.trace.push(format!("{posted:?}"));
        }
        Lived {
            trace: self.trace,
            totals: Totals::of(&facts),
        }
    }
}

fn open(folder: &TempDir, clock: &Arc<VirtualClock>, entropy: &Arc<SimEntropy>) -> Arc<SqliteStore> {
    let path: PathBuf = folder.path().join("sfumato.db");
    Arc::new(SqliteStore::open_inline(&path, clock.clone(), entropy.clone()).unwrap())
}
