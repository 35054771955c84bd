//! The part of `cargo xtask bench cluster` that asks PostgreSQL: jobs accepted, claimed and finished a second by several
//! processes' connections, and what looking for work costs when much is waiting.
//!
//! The server is started for the measurement and syncs every commit to the disk of the temporary folder.
#![expect(clippy::print_stdout, reason = "the figures are what the measurement is for")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Json, Router};
use sfumato_core::endpoint::WebhookUrl;
use sfumato_core::job::{FailureClass, JobOutcome, JobState};
use sfumato_core::store::{JobLimits, Store};
use sfumato_core::{ClientId, WorkerId};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_testkit::{build, postgres};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Clients whose jobs these are.
const CLIENTS: usize = 8;

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(5);

/// Jobs that wait while it is measured what looking for one costs.
const WAITING: [usize; 3] = [100, 10_000, 100_000];

/// Status changes of the measurement of webhooks.
const DELIVERIES: usize = 5_000;

/// Originals of the measurement of the janitor.
const ORIGINALS: usize = 2_000;

/// Bytes of each of them.
const ORIGINAL_BYTES: usize = 100_000;

/// Looks that are timed.
const LOOKS: usize = 200;

const LEASE: Duration = Duration::from_secs(60);

fn main() -> Outcome<()> {
    let server = postgres::Server::start_synced();
    server.create_database("bench");
    let url = server.url("bench");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(&url, || server.settle("bench")))
}

async fn open(url: &str) -> Outcome<Arc<dyn Store>> {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let store = PostgresStore::open(url, clock, entropy, PostgresOptions::default());
    Ok(Arc::new(store.await?))
}

async fn measure(url: &str, settle: impl Fn()) -> Outcome<()> {
    PostgresStore::migrate(url).await?;
    let stores = [open(url).await?, open(url).await?];
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = build::client(&SystemClock, &SystemEntropy);
        stores[0].create_client(&client).await?;
        clients.push(client.id);
    }
    let clients: Arc<[ClientId]> = clients.into();
    for submitters in [1, 8, 32] {
        let rate = submit_for(&stores, &clients, submitters, SPAN).await?;
        println!("| jobs accepted a second, {submitters} at a time | {rate:.0} |");
    }
    for workers in [1, 4, 16] {
        let rate = work_for(&stores, workers, SPAN).await?;
        println!("| jobs claimed and finished a second, {workers} workers | {rate:.0} |");
    }
    drain(&*stores[0]).await?;
    let rate = deliver(&stores).await?;
    println!("| status changes accepted and delivered a second by one courier, 16 at a time | {rate:.0} |");
    let rate = delete(&stores).await?;
    println!("| originals deleted a second by one janitor, from a folder | {rate:.0} |");
    let mut waiting = 0;
    for wanted in WAITING {
        fill(&stores, &clients, wanted - waiting).await?;
        waiting = wanted;
        settle();
        let nothing = JobLimits { pictures: 0, long: 1 };
        let (half, most) = look(&*stores[1], nothing).await?;
        println!(
            "| a look for a long job that is not there, {wanted} pictures waiting, p50 / p99 ms | {half:.2} / {most:.2} |"
        );
        let one = JobLimits { pictures: 1, long: 0 };
        let (half, most) = look(&*stores[1], one).await?;
        println!("| a claim and its way back, {wanted} waiting, p50 / p99 ms | {half:.2} / {most:.2} |");
    }
    Ok(())
}

/// Has as many tasks as `at_once` do something again and again for a while; how often a second it was done.
async fn rate<W, R>(at_once: usize, span: Duration, work: W) -> Outcome<f64>
where
    W: Fn(usize) -> R + Clone + Send + 'static,
    R: Future<Output = Outcome<bool>> + Send,
{
    let done = Arc::<AtomicUsize>::default();
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..at_once {
        let (work, done) = (work.clone(), done.clone());
        tasks.spawn(async move {
            while begin.elapsed() < span && work(number).await? {
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
}

async fn submit_for(
    stores: &[Arc<dyn Store>; 2],
    clients: &Arc<[ClientId]>,
    at_once: usize,
    span: Duration,
) -> Outcome<f64> {
    let (stores, clients) = (stores.clone(), clients.clone());
    rate(at_once, span, move |number| {
        let store = stores[number % stores.len()].clone();
        let job = build::job(clients[number % clients.len()], &SystemClock, &SystemEntropy);
        async move {
            store.submit(&job).await?;
            Ok(true)
        }
    })
    .await
}

async fn fill(stores: &[Arc<dyn Store>; 2], clients: &Arc<[ClientId]>, count: usize) -> Outcome<()> {
    let left = Arc::new(AtomicUsize::new(count));
    let (stores, clients) = (stores.clone(), clients.clone());
    let forever = Duration::from_secs(3_600);
    rate(32, forever, move |number| {
        let store = stores[number % stores.len()].clone();
        let job = build::job(clients[number % clients.len()], &SystemClock, &SystemEntropy);
        let left = left.clone();
        async move {
            let take = |left: usize| left.checked_sub(1);
            if left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_err()
            {
                return Ok(false);
            }
            store.submit(&job).await?;
            Ok(true)
        }
    })
    .await?;
    Ok(())
}

/// Claims one job and ends it; whether there was one.
async fn work_once(store: &dyn Store) -> Outcome<bool> {
    let worker = WorkerId::new(&SystemClock, &SystemEntropy);
    let claimed = store
        .claim_jobs(worker, JobLimits { pictures: 1, long: 0 }, LEASE)
        .await?;
    let Some(job) = claimed.into_iter().next() else {
        return Ok(false);
    };
    let JobState::Running { lease, .. } = job.state else {
        return Err("a claimed job does not run".into());
    };
    let outcome = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "for the measurement".into(),
    };
    store.finish_job(job.id, &lease, outcome).await?;
    Ok(true)
}

async fn work_for(stores: &[Arc<dyn Store>; 2], workers: usize, span: Duration) -> Outcome<f64> {
    let stores = stores.clone();
    rate(workers, span, move |number| {
        let store = stores[number % stores.len()].clone();
        async move { work_once(&*store).await }
    })
    .await
}

/// Status changes that are made by one process and delivered by the courier of another: how many a second, from the first to the
/// last arrival.
async fn deliver(stores: &[Arc<dyn Store>; 2]) -> Outcome<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = build::client(&SystemClock, &SystemEntropy);
    stores[0].create_client(&client).await?;
    let mut endpoint = build::endpoint(client.id, &SystemClock, &SystemEntropy);
    endpoint.url = WebhookUrl::from_judged(format!("http://{}/", listener.local_addr()?));
    let (token, secret) = Keys::derive(&[7; 32])
        .vault()
        .generate(endpoint.id, &SystemEntropy);
    (endpoint.token, endpoint.signing_secret) = (token.into(), secret.into());
    stores[0].create_endpoint(&endpoint).await?;
    let arrived = Arc::<AtomicUsize>::default();
    let sink = Router::new().fallback(receive).with_state(arrived.clone());
    tokio::spawn(async move { axum::serve(listener, sink).await });
    let folder = tempfile::tempdir()?;
    let engine = engine(&stores[1], Blobs::open_folder(folder.path())?);
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let courier = tokio::spawn(async move { engine.run_courier(stop).await });
    let begin = Instant::now();
    fill(
        &[stores[0].clone(), stores[0].clone()],
        &[client.id].into(),
        DELIVERIES,
    )
    .await?;
    while arrived.load(Ordering::Relaxed) < DELIVERIES {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begin.elapsed();
    shutdown.cancel();
    courier.await?;
    drain(&*stores[0]).await?;
    Ok(DELIVERIES as f64 / took.as_secs_f64())
}

fn engine(store: &Arc<dyn Store>, blobs: Blobs) -> Engine {
    Engine::new(Parts {
        store: store.clone(),
        blobs,
        media: None,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        keys: Keys::derive(&[7; 32]),
        settings: EngineSettings {
            addresses: AddressPolicy::allowing_private(),
            shared: true,
            ..EngineSettings::default()
        },
    })
}

/// Originals of finished jobs that one janitor deletes: how many a second.
async fn delete(stores: &[Arc<dyn Store>; 2]) -> Outcome<f64> {
    let folder = tempfile::tempdir()?;
    let open = || Blobs::open_folder(folder.path());
    let janitor = engine(&stores[1], open()?);
    // What the measurements before have left behind.
    janitor.sweep().await?;
    let client = build::client(&SystemClock, &SystemEntropy);
    stores[0].create_client(&client).await?;
    let blobs = open()?;
    for _ in 0..ORIGINALS {
        let job = build::job(client.id, &SystemClock, &SystemEntropy);
        let mut original = blobs.write_upload(job.upload.id);
        original.write(vec![0; ORIGINAL_BYTES].into()).await?;
        original.finish().await?;
        stores[0].submit(&job).await?;
    }
    drain(&*stores[0]).await?;
    let begin = Instant::now();
    let swept = janitor.sweep().await?;
    if swept.originals != ORIGINALS {
        return Err(format!("{} originals were deleted of {ORIGINALS}", swept.originals).into());
    }
    Ok(ORIGINALS as f64 / begin.elapsed().as_secs_f64())
}

async fn receive(
    State(arrived): State<Arc<AtomicUsize>>,
    body: Json<serde_json::Value>,
) -> Json<serde_json::Value> {
    arrived.fetch_add(1, Ordering::Relaxed);
    Json(serde_json::json!({"taskId": body["taskId"]}))
}

async fn drain(store: &dyn Store) -> Outcome<()> {
    while work_once(store).await? {}
    Ok(())
}

/// Asks for a job and hands back what was claimed, again and again: the median and the 99th percentile in milliseconds.
async fn look(store: &dyn Store, limits: JobLimits) -> Outcome<(f64, f64)> {
    let worker = WorkerId::new(&SystemClock, &SystemEntropy);
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let begin = Instant::now();
        let claimed = store.claim_jobs(worker, limits, LEASE).await?;
        for job in &claimed {
            if let JobState::Running { lease, .. } = &job.state {
                store.hand_back_job(job.id, lease).await?;
            }
        }
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok((at(0.5), at(0.99)))
}
