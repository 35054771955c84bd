//! The parts of `cargo xtask bench webhooks`, each a process of its own: the server (the real engine on the real store), the
//! sink that receives its deliveries, and the generator of status changes.
//!
//! The server takes status changes through a socket instead of uploads through HTTP: what is measured is what comes after
//! an upload has been received. Each of them is a job that is submitted to the store, which commits the job, its `Sent`
//! event and the delivery together.
#![expect(
    clippy::print_stdout,
    reason = "the parts speak to the driver of the measurement"
)]

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sfumato_core::Clock;
use sfumato_core::endpoint::WebhookUrl;
use sfumato_core::store::Store;
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use sfumato_testkit::build;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of an answer that is far too large.
const LARGE_BYTES: u64 = 300_000_000;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = match words.first() {
        Some(&"server") => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?,
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
    };
    runtime.block_on(async move {
        match words[..] {
            ["sink", report] => sink(Path::new(report)).await,
            ["server", folder, sink, report] => server(Path::new(folder), sink, Path::new(report)).await,
            ["generator", socket, endpoint, count, in_flight, per_second] => {
                let pace = per_second.parse()?;
                generate(
                    socket,
                    endpoint.parse()?,
                    count.parse()?,
                    in_flight.parse()?,
                    pace,
                )
                .await
            }
            _ => Err("see the module's documentation".into()),
        }
    })
}

fn now_us() -> i64 {
    SystemClock.now().as_micros()
}

fn hash(task: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    task.hash(&mut hasher);
    hasher.finish()
}

/// What is written down while it runs, and put into a file when the driver closes the standard input.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(u64, i64, i64)>>>);

impl Notes {
    fn add(&self, note: (u64, i64, i64)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    async fn write_at_the_end(&self, report: &Path) -> Outcome<()> {
        let mut input = tokio::io::stdin();
        while input.read(&mut [0; 64]).await? > 0 {}
        let mut text = String::new();
        for (task, first, second) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(text, "{task} {first} {second}")?;
        }
        std::fs::write(report, text)?;
        Ok(())
    }
}

/// Answers by the contract at `/`, never at `/hang`, and with far too much at `/large`.
async fn sink(report: &Path) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let notes = Notes::default();
    let kept = notes.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let notes = notes.clone();
            // A connection that breaks is the other side's to notice.
            tokio::spawn(async move { receive(stream, notes).await.ok() });
        }
    });
    kept.write_at_the_end(report).await
}

async fn receive(stream: TcpStream, notes: Notes) -> Outcome<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let body = String::from_utf8(body)?;
        let task = body.split('"').nth(3).unwrap_or_default();
        notes.add((hash(task), now_us(), 0));
        match path.as_str() {
            "/hang" => std::future::pending().await,
            "/large" => return answer_with_too_much(stream).await,
            _ => {}
        }
        let answer = format!("{{\"taskId\":\"{task}\"}}");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
        let answer = format!("{head}: {}\r\n\r\n{answer}", answer.len());
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
}

async fn answer_with_too_much(mut stream: BufReader<TcpStream>) -> Outcome<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE_BYTES}\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes()).await?;
    let block = vec![b'a'; 64 * 1024];
    let mut left = LARGE_BYTES;
    while left > 0 {
        stream.get_mut().write_all(&block).await?;
        left = left.saturating_sub(block.len() as u64);
    }
    Ok(())
}

/// One client with an endpoint for each way of the sink to answer; takes status changes for them at a socket.
async fn server(folder: &Path, sink: &str, report: &Path) -> Outcome<()> {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let database = folder.join("sfumato.db");
    let store = SqliteStore::open(
        &database,
        clock.clone(),
        entropy.clone(),
        SqliteOptions::default(),
    )?;
    let store: Arc<dyn Store> = Arc::new(store);
    let mut clients = Vec::new();
    for path in ["/", "/hang", "/large"] {
        let client = build::client(&*clock, &*entropy);
        store.create_client(&client).await?;
        let mut endpoint = build::endpoint(client.id, &*clock, &*entropy);
        let (token, secret) = Keys::derive(&[7; 32]).vault().generate(endpoint.id, &*entropy);
        (endpoint.token, endpoint.signing_secret) = (token.into(), secret.into());
        endpoint.url = WebhookUrl::from_judged(format!("http://{sink}{path}"));
        store.create_endpoint(&endpoint).await?;
        clients.push(client.id);
    }
    let engine = Engine::new(Parts {
        store: store.clone(),
        blobs: Blobs::open_folder(&folder.join("blobs"))?,
        media: None,
        clock: clock.clone(),
        entropy: entropy.clone(),
        keys: Keys::derive(&[7; 32]),
        settings: EngineSettings {
            addresses: AddressPolicy::allowing_private(),
            ..EngineSettings::default()
        },
    });
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let courier = tokio::spawn(async move { engine.run_courier(stop).await });
    let socket = folder.join("socket");
    let listener = UnixListener::bind(&socket)?;
    println!("{}", socket.display());
    let notes = Notes::default();
    let kept = notes.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (store, notes, clients) = (store.clone(), notes.clone(), clients.clone());
            tokio::spawn(async move { take(stream, &*store, &clients, &notes).await.ok() });
        }
    });
    kept.write_at_the_end(report).await?;
    shutdown.cancel();
    courier.await?;
    Ok(())
}

/// A change of status: which client, and when it was sent. The answer is one byte, after the commit.
async fn take(
    stream: UnixStream,
    store: &dyn Store,
    clients: &[sfumato_core::ClientId],
    notes: &Notes,
) -> Outcome<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let Ok(client) = stream.read_u8().await else {
            return Ok(());
        };
        let sent = stream.read_i64().await?;
        let client = clients.get(usize::from(client)).ok_or("no such client")?;
        let job = build::job(*client, &SystemClock, &SystemEntropy);
        store.submit(&job).await?;
        notes.add((hash(&job.public_id().to_string()), sent, now_us()));
        stream.get_mut().write_all(&[1]).await?;
    }
}

/// Makes `count` status changes, `in_flight` at a time, as fast as they are taken or `per_second` (0: no limit). Prints how
/// many seconds that took.
async fn generate(socket: &str, client: u8, count: usize, in_flight: usize, per_second: f64) -> Outcome<()> {
    let socket = PathBuf::from(socket);
    let began = tokio::time::Instant::now();
    let mut makers = tokio::task::JoinSet::new();
    for maker in 0..in_flight {
        let mut stream = UnixStream::connect(&socket).await?;
        makers.spawn(async move {
            for number in (maker..count).step_by(in_flight) {
                if per_second > 0.0 {
                    let at = began + Duration::from_secs_f64(number as f64 / per_second);
                    tokio::time::sleep_until(at).await;
                }
                let mut request = vec![client];
                request.extend(now_us().to_be_bytes());
                stream.write_all(&request).await?;
                stream.read_u8().await?;
            }
            Ok::<(), std::io::Error>(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made??;
    }
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
