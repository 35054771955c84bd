//! The processes, and what befalls them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use sfumato_e2e::cluster::{Shared, free_address};
use sfumato_e2e::dice::Dice;
use sfumato_e2e::node::{Node, Start};
use sfumato_e2e::server::Launch;
use sfumato_testkit::postgres;
use sfumato_testkit::s3::S3Server;
use tokio::time::Instant;

/// The shortest lease that the settings allow: what is frozen longer has lost what it held.
const LEASE: Duration = Duration::from_secs(5);

/// How long deliveries are leased: the deadline of a request, and half a minute to record it.
const DELIVERY_LEASE: Duration = Duration::from_secs(33);

/// The storage is away for less than this: for longer than a request to it may take, and for an instant.
const STORAGE_AWAY_MS: u64 = 8_000;

/// The processes by their roles.
const ROLES: [&str; 8] = [
    "api", "api", "worker", "worker", "worker", "courier", "courier", "janitor",
];

/// One place for a process. It is empty while the process is down.
struct Place {
    start: Start,
    node: Option<Node>,
    /// When it is to be started again, or to go on.
    wakes_at: Option<Instant>,
}

/// Eight processes, their database and their storage.
pub(super) struct Fleet {
    pub(super) shared: Arc<Shared>,
    database: Arc<postgres::Server>,
    storage: S3Server,
    /// When it is to be started again, where it is away.
    storage_wakes_at: Option<Instant>,
    places: Vec<Place>,
    happened: BTreeMap<&'static str, usize>,
}

impl Fleet {
    /// Starts servers and processes, and waits until all of them answer.
    pub(super) async fn start() -> Result<Self> {
        let database = Arc::new(tokio::task::spawn_blocking(postgres::Server::start).await?);
        database.create_database("sfumato");
        let storage = S3Server::start().await;
        let shared = Arc::new(Shared::on(database.url("sfumato"), &storage).await?);
        let lease = format!("{}s", LEASE.as_secs());
        let launch = Launch::product(&["--allow-private-webhooks", "--jobs-at-once", "1"])
            .env("SFUMATO_WORKER__LEASE", &lease)
            .env("SFUMATO_WEBHOOKS__DEADLINE", "3s");
        let mut places = Vec::new();
        for roles in ROLES {
            let start = shared.start(roles, &free_address(), launch.clone())?;
            places.push(Place {
                node: Some(Node::start(start.clone()).await?),
                start,
                wakes_at: None,
            });
        }
        Ok(Self {
            shared,
            database,
            storage,
            storage_wakes_at: None,
            places,
            happened: BTreeMap::new(),
        })
    }

    /// Base URLs of the API.
    pub(super) fn apis(&self) -> Vec<String> {
        let apis = self.places.iter().zip(ROLES).filter(|(_, role)| *role == "api");
        apis.map(|(place, _)| format!("http://{}", place.start.listen))
            .collect()
    }

    /// What has happened so far.
    pub(super) fn summary(&self) -> String {
        format!("{:?}", self.happened)
    }

    /// Something bad happens, and what is over ends.
    pub(super) async fn misfortune(&mut self, dice: &mut Dice) -> Result<()> {
        self.wake(Instant::now()).await?;
        let which = self.one_of_them(dice);
        match dice.below(20) {
            0..8 => self.kill(which, dice).await,
            8..13 => self.freeze(which, dice),
            13..17 => self.terminate(which, dice).await,
            17..19 => self.crash_database().await,
            _ => {
                self.crash_storage(dice).await;
                Ok(())
            }
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    async fn kill(&mut self, which: usize, dice: &mut Dice) -> Result<()> {
        if let Some(node) = self.places[which].node.take() {
            self.count("killed");
            node.kill().await?;
            self.places[which].wakes_at = Some(Instant::now() + Duration::from_millis(dice.below(2_000)));
        }
        Ok(())
    }

    fn freeze(&mut self, which: usize, dice: &mut Dice) -> Result<()> {
        let place = &mut self.places[which];
        if let Some(node) = &place.node
            && place.wakes_at.is_none()
        {
            node.signal(Signal::STOP)?;
            let more = Duration::from_millis(500 + dice.below(2_500));
            let lease = match (ROLES[which], dice.below(3)) {
                ("courier", 0) => DELIVERY_LEASE,
                _ => LEASE,
            };
            place.wakes_at = Some(Instant::now() + lease + more);
            self.count("frozen for longer than a lease");
        }
        Ok(())
    }

    async fn terminate(&mut self, which: usize, dice: &mut Dice) -> Result<()> {
        let place = &mut self.places[which];
        // One that is frozen does not hear of it, and one that is still starting has not said yet how it wants to end.
        let runs = match &mut place.node {
            Some(node) => place.wakes_at.is_none() && node.listens() && !node.has_ended()?,
            None => false,
        };
        if runs && let Some(node) = place.node.take() {
            let (status, ..) = node.terminate().await?;
            ensure!(status.success(), "a process ended with {status} after SIGTERM");
            place.wakes_at = Some(Instant::now() + Duration::from_millis(dice.below(1_000)));
            self.count("terminated");
        }
        Ok(())
    }

    async fn crash_database(&mut self) -> Result<()> {
        self.count("crashes of the database");
        let database = self.database.clone();
        Ok(tokio::task::spawn_blocking(move || database.crash_and_restart()).await?)
    }

    async fn crash_storage(&mut self, dice: &mut Dice) {
        if self.storage_wakes_at.is_none() {
            self.count("crashes of the storage");
            self.storage.kill().await;
            let away = Duration::from_millis(dice.below(STORAGE_AWAY_MS));
            self.storage_wakes_at = Some(Instant::now() + away);
        }
    }

    fn one_of_them(&self, dice: &mut Dice) -> usize {
        usize::try_from(dice.below(self.places.len() as u64)).expect("there are few")
    }

    /// Starts what has been down for long enough, and lets go on what has been frozen for long enough.
    async fn wake(&mut self, now: Instant) -> Result<()> {
        if self.storage_wakes_at.take_if(|at| *at <= now).is_some() {
            self.storage.restart().await;
        }
        for place in &mut self.places {
            let due = place.wakes_at.is_none_or(|at| at <= now);
            let ended = match &mut place.node {
                Some(node) => node.has_ended()?,
                None => true,
            };
            if ended && due {
                // A process that found no database has ended by itself, as its supervisor expects.
                place.node = Some(Node::spawn(place.start.clone())?);
                place.wakes_at = None;
            } else if let Some(node) = &place.node
                && place.wakes_at.is_some()
                && due
            {
                node.signal(Signal::CONT)?;
                place.wakes_at = None;
            }
        }
        Ok(())
    }

    /// Everything is well again: every process runs and answers.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let http = sfumato_e2e::client::http();
        let mut ready = 0;
        let begin = std::time::Instant::now();
        while ready < self.places.len() {
            ensure!(
                begin.elapsed() < sfumato_e2e::PATIENCE,
                "not all processes came back"
            );
            self.wake(Instant::now() + 2 * DELIVERY_LEASE).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            ready = 0;
            for place in &self.places {
                let url = format!("http://{}/readyz", place.start.listen);
                let answer = http.get(url).timeout(Duration::from_secs(2)).send().await;
                ready += usize::from(answer.is_ok_and(|answer| answer.status() == 200));
            }
        }
        Ok(())
    }

    /// Kills every process, and has one janitor delete what has had its time and what no job knows, until so many files are left
    /// and every one of them is what was recorded.
    pub(super) async fn clean(&mut self, files: usize) -> Result<()> {
        for place in &mut self.places {
            if let Some(node) = place.node.take() {
                node.kill().await?;
            }
        }
        let janitor = self.places.last().context("the last one is the janitor")?;
        let mut start = janitor.start.clone();
        start.launch = start.launch.env("SFUMATO_RETENTION__ORPHANS", "0s");
        let _janitor = Node::start(start).await?;
        let mut last = serde_json::Value::Null;
        let mut further = std::time::Instant::now();
        while further.elapsed() < sfumato_e2e::PATIENCE {
            let found = self.shared.verify().await?;
            ensure!(found["damaged"] == 0, "{found}");
            // The janitor may delete an original between the look at its job and the look at the file: it is missing that once.
            if found["missing"] == 0 && found["withoutJob"] == 0 && found["files"] == files {
                return Ok(());
            }
            if found != last {
                (last, further) = (found, std::time::Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        anyhow::bail!("{files} files should be left, nothing is deleted any more, and there are {last}")
    }
}
