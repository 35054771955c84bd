//! The whole product under signals: pictures and videos come in, jobs are cancelled, events are replayed, endpoints come and
//! go, and meanwhile the server and its media processes are killed, stopped and continued, when and which a seed says. Then
//! it comes to rest, and the invariants hold.
//!
//! `SFUMATO_SEED=n` runs one seed; `SFUMATO_SOAK_SECONDS=n` runs fresh seeds for so long, `SFUMATO_SOAK_ROUNDS=n` so many rounds.
//! `SFUMATO_SOAK_SIGNALS=kill` kills a process in every round, mostly the server.

mod faults;

use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use sfumato_e2e::client::Client;
use sfumato_e2e::dice::Dice;
use sfumato_e2e::invariants;
use sfumato_e2e::picture::{Picture, astronaut_png};
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::video;
use faults::{Faults, Signals};

/// Rounds on one installation; then it comes to rest and is looked at.
const ROUNDS: u64 = 25;

/// Rounds where nobody says.
const ROUNDS_ORDINARY: u64 = 4;

/// Seed where nobody says.
const SEED_ORDINARY: u64 = 1;

/// How long a job belongs to a server that is stopped: less than the longest stop.
const LEASE: &str = "5s";

/// What a run came to.
#[derive(Debug, Default)]
struct Totals {
    rounds: u64,
    accepted: usize,
    cancelled: usize,
    events: usize,
    failed: usize,
    arrivals: usize,
    faults: Faults,
}

impl AddAssign<&Totals> for Totals {
    fn add_assign(&mut self, more: &Totals) {
        self.rounds += more.rounds;
        self.accepted += more.accepted;
        self.cancelled += more.cancelled;
        self.events += more.events;
        self.failed += more.failed;
        self.arrivals += more.arrivals;
        self.faults += &more.faults;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rounds, {} jobs accepted", self.rounds, self.accepted)?;
        write!(f, " ({} cancelled, {} failed)", self.cancelled, self.failed)?;
        write!(f, ", {} events in {} arrivals", self.events, self.arrivals)?;
        self.faults.fmt(f)
    }
}

/// What an action has taught.
enum Learned {
    Nothing,
    Accepted(String),
    Cancelled(String),
}

struct Soak {
    dice: Dice,
    signals: Signals,
    server: Server,
    client: Client,
    receiver: Receiver,
    /// The endpoint that stays.
    endpoint: String,
    /// The one that comes and goes, and where it is.
    visitor: Option<String>,
    visited: Receiver,
    pictures: Vec<(&'static str, Vec<u8>)>,
    accepted: Vec<String>,
    cancelled: Vec<String>,
    totals: Totals,
}

impl Soak {
    async fn new(seed: u64, signals: Signals, video: &[u8]) -> Result<Self> {
        let launch = Launch::ordinary()
            .env("SFUMATO_WORKER__LEASE", LEASE)
            .env("SFUMATO_WORKER__PART_LENGTH", "1s")
            .env("SFUMATO_TOKENS__ACCESS_LIFETIME", "1d");
        let server = launch.start().await?;
        let client = server.client("restless").await?;
        let receiver = Receiver::start().await?;
        let endpoint = id_of(&client.add_endpoint(&receiver.url).await?)?;
        let fixture = |name: &str| std::fs::read(format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR")));
        let small = Picture::plain(48, 32, [90, 120, 60]).to_png();
        Ok(Self {
            dice: Dice::new(seed),
            signals,
            server,
            client,
            receiver,
            endpoint,
            visitor: None,
            visited: Receiver::start().await?,
            pictures: vec![
                ("small.png", small.clone()),
                ("tiny.png", small),
                ("astronaut.png", astronaut_png()),
                ("astronaut.jpg", fixture("astronaut.jpg")?),
                ("astronaut.webp", fixture("astronaut.webp")?),
                ("clip.mp4", video.to_vec()),
            ],
            accepted: vec![],
            cancelled: vec![],
            totals: Totals::default(),
        })
    }

    async fn round(mut self) -> Result<Self> {
        let mut actions = JoinSet::new();
        for _ in 0..=self.dice.below(4) {
            self.begin_one(&mut actions).await;
        }
        // When the signal comes is a choice too.
        tokio::time::sleep(Duration::from_millis(self.dice.below(700))).await;
        let faults = &mut self.totals.faults;
        self.server = faults.strike(self.signals, self.server, &mut self.dice).await?;
        self.client = self.client.at(&self.server.url);
        while let Some(learned) = actions.join_next().await {
            match learned? {
                Learned::Nothing => {}
                Learned::Accepted(job) => self.accepted.push(job),
                Learned::Cancelled(job) => self.cancelled.push(job),
            }
        }
        self.totals.rounds += 1;
        Ok(self)
    }

    async fn begin_one(&mut self, actions: &mut JoinSet<Learned>) {
        let client = self.client.clone();
        match self.dice.below(12) {
            0..7 => {
                // The video is the last of them, and comes less often.
                let last = self.pictures.len() as u64;
                let choice = self.dice.below(3 * last).min(self.dice.below(last));
                let (name, content) = self.pictures[usize::try_from(choice).unwrap_or(0)].clone();
                let document = ["false", "true"][usize::from(self.dice.below(2) == 1)];
                actions.spawn(async move {
                    let options = [("output_detections_url", document), ("profile", "fast")];
                    let submitted = client.submit(name, content, &options).await;
                    submitted.map_or(Learned::Nothing, Learned::Accepted)
                });
            }
            7..9 => {
                let Some(job) = self.dice.pick(&self.accepted).cloned() else {
                    return;
                };
                actions.spawn(async move {
                    let path = format!("/innovation-service/anonymization?anonymization_job_id={job}");
                    let answer = client.request(Method::DELETE, &path).send().await;
                    match answer {
                        Ok(answer) if answer.status() == 200 => Learned::Cancelled(job),
                        _ => Learned::Nothing,
                    }
                });
            }
            9 => {
                let path = format!("/webhook-url/{}/replay", self.endpoint);
                actions.spawn(async move {
                    let everything = json!({"since": "2020-01-01T00:00:00Z"});
                    let request = client.request(Method::POST, &path).json(&everything);
                    let _refused_or_cut_off = request.send().await;
                    Learned::Nothing
                });
            }
            10 => {
                let job = self.dice.pick(&self.accepted).cloned();
                actions.spawn(async move {
                    if let Some(job) = job
                        && let Ok(status) = client.status(&job).await
                        && let Some(url) = status["output_media"].as_str()
                    {
                        let _cut_off = client.download(url).await;
                    }
                    Learned::Nothing
                });
            }
            _ => self.visit().await,
        }
    }

    /// An endpoint comes, or goes with all that waits for it.
    async fn visit(&mut self) {
        match self.visitor.take() {
            None => {
                let endpoint = self.client.add_endpoint(&self.visited.url).await;
                self.visitor = endpoint.ok().and_then(|endpoint| id_of(&endpoint).ok());
            }
            Some(visitor) => {
                let path = format!("/webhook-url/{visitor}");
                let _gone = self.client.request(Method::DELETE, &path).send().await;
            }
        }
    }

    async fn comes_to_rest(mut self) -> Result<Totals> {
        if self.visitor.is_some() {
            self.visit().await;
        }
        let events = invariants::settled(&self.server, &self.client, &[&self.receiver]).await?;
        self.no_replay_runs().await?;
        for job in &self.cancelled {
            let status = self.client.status(job).await?;
            ensure!(
                status["status"] == "Revoked",
                "{job} was cancelled and is {status}"
            );
        }
        self.totals.accepted = self.accepted.len();
        self.totals.cancelled = self.cancelled.len();
        self.totals.events = events.len();
        self.totals.failed = events.iter().filter(|event| event.status == "Failed").count();
        self.totals.arrivals = self.receiver.count();
        invariants::hold(self.server, &self.client, &self.accepted).await?;
        self.totals
            .faults
            .are_those_of(self.signals, self.totals.rounds)?;
        Ok(self.totals)
    }

    /// Waits until nothing is sent again any more.
    async fn no_replay_runs(&self) -> Result<()> {
        let path = format!("/webhook-url/{}/replay", self.endpoint);
        sfumato_e2e::eventually("replays to end", async || {
            let answer = self.client.request(Method::GET, &path).send().await.ok()?;
            let replays: Value = answer.json().await.ok()?;
            (!replays.to_string().contains("\"running\"")).then_some(())
        })
        .await;
        sfumato_e2e::eventually("deliveries to be closed", async || {
            for state in ["pending", "sending"] {
                if self.any_delivery_is(state).await.ok()? {
                    return None;
                }
            }
            Some(())
        })
        .await;
        Ok(())
    }

    async fn any_delivery_is(&self, state: &str) -> Result<bool> {
        let path = format!("/webhook-url/{}/deliveries?state={state}", self.endpoint);
        let mut cursor = String::new();
        loop {
            let request = self.client.request(Method::GET, &format!("{path}{cursor}"));
            let page: Value = request.send().await?.json().await?;
            if !page["deliveries"].as_array().context("no list")?.is_empty() {
                return Ok(true);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(false),
            }
        }
    }
}

fn id_of(endpoint: &Value) -> Result<String> {
    let id = endpoint["uuid"].as_str();
    Ok(id
        .with_context(|| format!("no identifier in {endpoint}"))?
        .to_owned())
}

async fn live(seed: u64, signals: Signals, rounds: u64, video: &[u8]) -> Result<Totals> {
    let mut soak = Soak::new(seed, signals, video).await?;
    for _ in 0..rounds {
        soak = soak.round().await?;
    }
    soak.comes_to_rest().await
}

fn number_of_the_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "a seed that no run has had")]
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(SEED_ORDINARY, |since| {
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    })
}

#[tokio::test]
async fn the_product_comes_to_rest_whole_whatever_is_killed() -> Result<()> {
    let folder = TempDir::new()?;
    let video = std::fs::read(video::clip(folder.path(), 2)?)?;
    let wanted = number_of_the_environment("SFUMATO_SOAK_ROUNDS");
    let seconds = number_of_the_environment("SFUMATO_SOAK_SECONDS");
    let given = number_of_the_environment("SFUMATO_SEED");
    let signals = Signals::of_environment()?;
    let begun = Instant::now();
    let mut rounds = 0;
    let mut all = Totals::default();
    loop {
        let seed = given.unwrap_or_else(|| {
            if wanted.or(seconds).is_some() {
                fresh_seed()
            } else {
                SEED_ORDINARY
            }
        });
        let left = match (wanted, seconds, given) {
            (Some(wanted), _, _) => (wanted - rounds).min(ROUNDS),
            (None, None, None) => ROUNDS_ORDINARY,
            _ => ROUNDS,
        };
        let totals = live(seed, signals, left, &video).await.with_context(|| {
            format!("SFUMATO_SEED={seed} SFUMATO_SOAK_ROUNDS={left} SFUMATO_SOAK_SIGNALS={signals}")
        })?;
        rounds += left;
        all += &totals;
        println!("{:.0?}, seed {seed}: {totals}", begun.elapsed());
        let enough = match (wanted, seconds) {
            (Some(wanted), _) => rounds >= wanted,
            (None, Some(seconds)) => begun.elapsed().as_secs() >= seconds,
            (None, None) => true,
        };
        if enough || given.is_some() {
            println!("all invariants held: {all}");
            return Ok(());
        }
    }
}
