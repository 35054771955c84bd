//! The parts of `cargo xtask bench console`: `seed FOLDER JOBS` fills a data folder with a month of jobs, deliveries and
//! entries of the audit log, through the store as the product does; `ask FOLDER` measures how long the questions of the
//! Manager's pages take.
#![expect(
    clippy::print_stdout,
    reason = "the parts speak to the driver of the measurement"
)]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::delivery::Outcome as Answer;
use sfumato_core::job::{FailureClass, Job, JobOutcome, JobState, JobStateKind};
use sfumato_core::store::{
    AuditFilter, AuditLog, Discarding as _, Finished, JobFilter, JobLimits, JobLists, Statistics, Store,
    StoreError, Stretches, Want,
};
use sfumato_core::{Client, ClientId, Clock, Entropy, MediaFormat, MediaKind, Scope, Timestamp, WorkerId};
use sfumato_engine::audit::{Deed, write_down};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use sfumato_testkit::{SimClock, SimEntropy, build, lease_of};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Jobs that are submitted, worked on and finished together.
const CHUNK: usize = 500;

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LEASE: Duration = Duration::from_secs(300);

/// How often each question is asked.
const ROUNDS: usize = 40;

const FORMATS: [MediaFormat; 8] = [
    MediaFormat::Jpeg,
    MediaFormat::Jpeg,
    MediaFormat::Jpeg,
    MediaFormat::Png,
    MediaFormat::Jpeg,
    MediaFormat::Webp,
    MediaFormat::Jpeg,
    MediaFormat::Tiff,
];

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        match words[..] {
            ["seed", folder, jobs] => seed(Path::new(folder), jobs.parse()?).await,
            ["ask", folder] => ask(Path::new(folder)).await,
            _ => Err("see the module's documentation".into()),
        }
    })
}

/// A store whose clock the seed moves through the month.
struct Seed {
    store: SqliteStore,
    clock: Arc<SimClock>,
    entropy: Arc<SimEntropy>,
    worker: WorkerId,
    made: usize,
}

async fn seed(folder: &Path, jobs: usize) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let end = SystemClock.now();
    let clock = Arc::new(SimClock::at(end.before(MONTH)));
    let entropy = Arc::new(SimEntropy::new(
        sfumato_core::time::random::<8>(&SystemEntropy)[0].into(),
    ));
    let options = SqliteOptions {
        batch_max: CHUNK,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(
        &folder.join("sfumato.db"),
        clock.clone(),
        entropy.clone(),
        options,
    )?;
    let worker = WorkerId::new(&*clock, &*entropy);
    let mut seed = Seed {
        store,
        clock,
        entropy,
        worker,
        made: 0,
    };
    let clients = seed.clients().await?;
    let chunks = jobs.div_ceil(CHUNK).max(1);
    let step = MONTH / u32::try_from(chunks)?;
    for chunk in 0..chunks {
        seed.chunk(&clients, CHUNK.min(jobs - chunk * CHUNK)).await?;
        seed.clock.advance(step.saturating_sub(Duration::from_secs(10)));
    }
    seed.clock.set(end);
    seed.expire().await?;
    seed.present(&clients).await?;
    println!("{} jobs", seed.made);
    Ok(())
}

impl Seed {
    async fn clients(&self) -> Outcome<Vec<Client>> {
        let mut clients = Vec::new();
        for name in ["city council", "newsroom", "mapping", "insurance", "archive"] {
            let client = Client {
                name: name.into(),
                ..build::client(&*self.clock, &*self.entropy)
            };
            self.store.create_client(&client).await?;
            clients.push(client);
        }
        for client in &clients[..2] {
            let endpoint = build::endpoint(client.id, &*self.clock, &*self.entropy);
            self.store.create_endpoint(&endpoint).await?;
        }
        Ok(clients)
    }

    /// A job of one of the clients: the first has half of all.
    fn job(&mut self, clients: &[Client]) -> Job {
        let n = self.made;
        self.made += 1;
        let client = if n.is_multiple_of(2) {
            0
        } else {
            n / 2 % clients.len()
        };
        let mut job = build::job(clients[client].id, &*self.clock, &*self.entropy);
        job.upload.format = match n % 50 {
            17 => MediaFormat::Mp4,
            43 => MediaFormat::Zip,
            other => FORMATS[other % FORMATS.len()],
        };
        job.upload.bytes = 400_000 + (n as u64 * 7_919) % 9_000_000;
        job.upload.file_name = format!("IMG_{n:06}.{}", job.upload.format.extension());
        job
    }

    async fn chunk(&mut self, clients: &[Client], count: usize) -> Outcome<()> {
        let jobs: Vec<Job> = (0..count).map(|_| self.job(clients)).collect();
        try_join_all(jobs.iter().map(|job| self.store.submit(job))).await?;
        self.clock.advance(Duration::from_secs(2));
        let mut running = Vec::new();
        while running.len() < count {
            let limits = JobLimits::both(CHUNK);
            running.extend(self.store.claim_jobs(self.worker, limits, LEASE).await?);
        }
        self.clock.advance(Duration::from_secs(3));
        try_join_all(running.iter().enumerate().map(|(n, job)| self.finish(n, job))).await?;
        self.deliver().await?;
        let deed = Deed::new(Actor::Operator, Action::ResultRead).to(Subject::Job(jobs[0].id));
        write_down(&self.store, &*self.clock, &*self.entropy, deed.of(jobs[0].client)).await?;
        Ok(())
    }

    async fn finish(&self, n: usize, job: &Job) -> Result<(), StoreError> {
        let outcome = if n % 40 == 13 {
            JobOutcome::Failed {
                class: FailureClass::Input,
                message: "the picture is truncated".into(),
            }
        } else {
            JobOutcome::Succeeded(build::job_result(&*self.clock, &*self.entropy))
        };
        self.store
            .finish_job(job.id, &lease_of(job), outcome)
            .await
            .map(drop)
    }

    async fn deliver(&self) -> Outcome<()> {
        loop {
            let waiting = self.store.waiting_endpoints().await?;
            let wants: Vec<Want> = waiting
                .iter()
                .filter(|waiting| waiting.due <= self.clock.now())
                .map(|waiting| Want {
                    endpoint: waiting.endpoint,
                    count: CHUNK,
                })
                .collect();
            let claimed = self.store.claim_deliveries(self.worker, &wants, LEASE).await?;
            if claimed.dispatches.is_empty() {
                return Ok(());
            }
            let finished = claimed.dispatches.iter().map(|dispatch| {
                let number = dispatch.delivery.attempts + 1;
                let mut attempt = build::attempt(number, Answer::Ok, &*self.clock, &*self.entropy);
                attempt.duration_ms = 3 + u32::from(sfumato_core::time::random::<1>(&*self.entropy)[0]);
                Finished {
                    delivery: dispatch.delivery.id,
                    lease: dispatch.lease,
                    attempt,
                    jitter: 0.5,
                }
            });
            for answer in self.store.record_attempts(finished.collect()).await? {
                answer?;
            }
        }
    }

    /// Originals are gone, and results that are older than a week.
    async fn expire(&self) -> Outcome<()> {
        let now = self.clock.now();
        loop {
            let retired = self.store.retire_uploads(now, CHUNK).await?;
            try_join_all(retired.iter().map(|(job, _)| self.store.upload_deleted(*job))).await?;
            let expired = self.store.expire_results(now.before(WEEK), CHUNK).await?;
            try_join_all(expired.iter().map(|(job, _)| self.store.result_deleted(*job))).await?;
            if retired.is_empty() && expired.is_empty() {
                return Ok(());
            }
        }
    }

    /// What waits, runs and was cancelled right now.
    async fn present(&mut self, clients: &[Client]) -> Outcome<()> {
        let jobs: Vec<Job> = (0..60).map(|_| self.job(clients)).collect();
        for job in &jobs {
            self.store.submit(job).await?;
        }
        self.store
            .claim_jobs(self.worker, JobLimits::both(3), LEASE)
            .await?;
        for job in &jobs[40..50] {
            self.store.cancel_job(job.client, job.id).await?;
        }
        Ok(())
    }
}

/// What was measured of one question.
struct Answered {
    name: &'static str,
    median_ms: f64,
    longest_ms: f64,
    found: usize,
}

async fn asked<F: Future<Output = Result<usize, StoreError>>>(
    name: &'static str,
    question: impl Fn() -> F,
) -> Outcome<Answered> {
    let mut found = question().await?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        found = question().await?;
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(Answered {
        name,
        median_ms: times[ROUNDS / 2],
        longest_ms: times[ROUNDS - 1],
        found,
    })
}

/// Clients that were made in one moment stand in any order, and not all have an endpoint.
async fn client_with_endpoint(store: &SqliteStore) -> Outcome<ClientId> {
    for client in store.clients().await? {
        if !store.endpoints(client.id).await?.is_empty() {
            return Ok(client.id);
        }
    }
    Err("no client of the folder has an endpoint".into())
}

async fn ask(folder: &Path) -> Outcome<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = SqliteStore::open(
        &folder.join("sfumato.db"),
        clock,
        entropy,
        SqliteOptions::default(),
    )?;
    let client = client_with_endpoint(&store).await?;
    println!("| question | median ms | longest ms | rows |\n| --- | ---: | ---: | ---: |");
    for answered in lists(&store, client)
        .await?
        .into_iter()
        .chain(numbers(&store, client).await?)
    {
        let Answered {
            name,
            median_ms,
            longest_ms,
            found,
        } = answered;
        println!("| {name} | {median_ms:.2} | {longest_ms:.2} | {found} |");
    }
    Ok(())
}

async fn lists(store: &SqliteStore, client: ClientId) -> Outcome<Vec<Answered>> {
    let every = JobFilter::default();
    let states = |states: &[JobStateKind]| JobFilter {
        states: states.to_vec(),
        ..JobFilter::default()
    };
    let named = |name: &str| JobFilter {
        name: Some(name.to_owned()),
        ..JobFilter::default()
    };
    let waiting = states(&[JobStateKind::Queued, JobStateKind::Running]);
    let failed = states(&[JobStateKind::Failed]);
    let expired = states(&[JobStateKind::Expired]);
    let videos = JobFilter {
        kinds: vec![MediaKind::Video],
        ..JobFilter::default()
    };
    let past: Timestamp = SystemClock.now().before(2 * WEEK);
    let weeks_ago = JobFilter {
        until: Some(past),
        ..JobFilter::default()
    };
    let (common, rare, none) = (named("img_0"), named("IMG_000017"), named("nowhere"));
    let member = Scope::Client(client);
    let page = async |scope, filter: &JobFilter| {
        let page = store.jobs(scope, filter, None, 50).await?;
        // What it costs to show one: a state is looked at.
        let shown = page
            .jobs
            .iter()
            .filter(|job| !matches!(job.state, JobState::Cancelled { .. }));
        Ok(shown.count())
    };
    Ok(vec![
        asked("newest jobs", || page(Scope::All, &every)).await?,
        asked("newest jobs of a client", || page(member, &every)).await?,
        asked("waiting and running jobs", || page(Scope::All, &waiting)).await?,
        asked("failed jobs", || page(Scope::All, &failed)).await?,
        asked("expired jobs of a client", || page(member, &expired)).await?,
        asked("videos of a client", || page(member, &videos)).await?,
        asked("jobs before a date", || page(Scope::All, &weeks_ago)).await?,
        asked("a part of many names", || page(Scope::All, &common)).await?,
        asked("an old name, first step", || page(member, &rare)).await?,
        asked("a name that is not there, first step", || page(Scope::All, &none)).await?,
    ])
}

async fn numbers(store: &SqliteStore, client: ClientId) -> Outcome<Vec<Answered>> {
    let now = SystemClock.now();
    let (hours, days) = (Stretches::until(now, 1, 48), Stretches::until(now, 24, 30));
    let endpoints = store.endpoints(client).await?;
    let endpoint = endpoints.first().ok_or("the client has no endpoint")?.id;
    let member = Scope::Client(client);
    let everything = AuditFilter::default();
    Ok(vec![
        asked("totals", || async { store.totals(Scope::All).await.map(|_| 1) }).await?,
        asked("totals of a client", || async {
            store.totals(member).await.map(|_| 1)
        })
        .await?,
        asked("jobs, 48 hours", || async {
            store.job_activity(Scope::All, hours).await.map(|all| all.len())
        })
        .await?,
        asked("jobs, 30 days", || async {
            store.job_activity(Scope::All, days).await.map(|all| all.len())
        })
        .await?,
        asked("attempts at an endpoint, 30 days", || async {
            let activity = store.attempt_activity(client, endpoint, days).await;
            activity.map(|all| all.len())
        })
        .await?,
        asked("endpoints in trouble", || async {
            store
                .troubled_endpoints(Scope::All, 100)
                .await
                .map(|all| all.len())
        })
        .await?,
        asked("audit log", || async {
            let page = store.audit_entries(member, &everything, None, 50).await;
            page.map(|page| page.entries.len())
        })
        .await?,
    ])
}
