//! A running installation: one process on SQLite, or, where `SFUMATO_TEST_INSTALLATION=cluster` says so, several on PostgreSQL
//! and a bucket that they share.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Pid;
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::Client;
use crate::cluster::{Shared, is_wanted};
use crate::files::{self, Stored};
use crate::node::{Node, Start};
use crate::stopped::Stopped;
use crate::{assets, sfumato, sfumato_with_failpoints};
use sfumato_testkit::secrets;

/// A free one each time.
pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

/// The processes of a cluster in tests of the whole product: what each does.
const ROLES: [&str; 3] = ["api", "worker", "courier,janitor"];

/// What one process does alone.
pub(crate) const ALL_ROLES: &str = "api,worker,courier,janitor";

/// What an installation keeps rows and files in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    /// SQLite and a folder.
    Embedded,
    /// PostgreSQL and a bucket, which other processes may share.
    Shared,
}

/// What is started, and how: executable, arguments beside address and data folder, variables.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// The product, as it may call webhooks on loopback.
    pub fn ordinary() -> Self {
        Self::product(&["--allow-private-webhooks"])
    }

    /// The product with these arguments beside address and data folder.
    pub fn product(arguments: &[&str]) -> Self {
        Self {
            program: sfumato(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment: vec![],
        }
    }

    /// As [`Launch::ordinary`], with failpoints in it, which do nothing until [`Launch::env`] says what.
    pub fn with_failpoints() -> Self {
        Self {
            program: sfumato_with_failpoints(),
            ..Self::ordinary()
        }
    }

    /// With a variable.
    #[must_use]
    pub fn env(self, name: &str, value: &str) -> Self {
        self.envs([(name.to_owned(), value.to_owned())])
    }

    /// With more variables.
    #[must_use]
    pub fn envs(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let first = self.environment.len();
        self.environment.extend(variables);
        for (name, value) in self.environment[first..]
            .iter()
            .filter(|(name, _)| is_secret(name))
        {
            secrets::remember(name, value);
        }
        self
    }

    /// What runs a process on this data folder.
    pub(crate) fn command(&self, data: &Path, listen: &str) -> Command {
        let mut command = self.program("serve");
        command
            .args(["--listen", listen, "--data-dir"])
            .arg(data)
            .args(&self.arguments)
            .env("SFUMATO_ASSETS_DIR", assets());
        command
    }

    pub(crate) fn program(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(subcommand)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts one process on a fresh data folder, whatever installation is wanted.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<Server> {
        self.start_in(TempDir::new()?).await
    }

    /// Starts one process with all roles on empty stores, whatever installation is wanted.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_on(self, stores: Stores) -> Result<Server> {
        match stores {
            Stores::Embedded => self.start().await,
            Stores::Shared => Server::start_shared(&[ALL_ROLES], &self).await,
        }
    }

    /// Starts one process on this data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(self, data: TempDir) -> Result<Server> {
        Server::from_starts(None, vec![self.on(Arc::new(data), ANY_PORT)]).await
    }

    /// This on a data folder, listening there.
    pub(crate) fn on(self, data: Arc<TempDir>, listen: &str) -> Start {
        Start {
            data,
            listen: listen.to_owned(),
            launch: self,
        }
    }
}

/// An installation on free ports with data folders of its own.
#[derive(Debug)]
pub struct Server {
    /// The one with the API comes first.
    nodes: Vec<Node>,
    shared: Option<Arc<Shared>>,
    /// Base URL of its API.
    pub url: String,
}

impl Server {
    /// Starts a server that may call webhooks on loopback.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_with(&["--allow-private-webhooks"]).await
    }

    /// Starts a server with these arguments beside address and data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_with(arguments: &[&str]) -> Result<Self> {
        if !is_wanted() {
            return Launch::product(arguments).start().await;
        }
        Self::start_cluster(&Launch::product(arguments)).await
    }

    /// Starts several processes of this on PostgreSQL and a bucket, whatever installation is wanted.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start_cluster(launch: &Launch) -> Result<Self> {
        Self::start_shared(&ROLES, launch).await
    }

    /// Starts a process for each of these roles, of which the first is to include the API, on PostgreSQL and a bucket.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start_shared(roles: &[&str], launch: &Launch) -> Result<Self> {
        let shared = Arc::new(Shared::make().await?);
        let mut starts = Vec::new();
        for roles in roles {
            starts.push(shared.start(roles, ANY_PORT, launch.clone())?);
        }
        Self::from_starts(Some(shared), starts).await
    }

    /// Starts one process with these arguments and variables, whatever installation is wanted.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(arguments: &[&str], variables: &[(String, String)]) -> Result<Self> {
        let launch = Launch::product(arguments).envs(variables.iter().cloned());
        launch.start().await
    }

    pub(crate) async fn from_starts(shared: Option<Arc<Shared>>, starts: Vec<Start>) -> Result<Self> {
        let mut nodes = Vec::new();
        for start in starts {
            nodes.push(Node::start(start).await?);
        }
        let url = nodes.first().context("there is a process")?.url.clone();
        Ok(Self { nodes, shared, url })
    }

    /// Starts another process beside those that share a database and a bucket.
    ///
    /// # Errors
    /// When it does not come up, or nothing is shared.
    pub async fn start_beside(&self, roles: &str, launch: Launch) -> Result<Node> {
        let shared = self.shared.as_ref().context("nothing is shared")?;
        Node::start(shared.start(roles, ANY_PORT, launch)?).await
    }

    /// With another process, which stops with the others.
    #[must_use]
    pub fn with(mut self, node: Node) -> Self {
        self.nodes.push(node);
        self
    }

    /// Waits until nothing lies in the storage that no job knows, in an installation that has come to rest. A process that is
    /// alone has seen to that when it was started. Where others may be writing only age tells: a janitor takes everything for
    /// old enough.
    ///
    /// # Errors
    /// When the janitor does not come up, or the storage cannot be read.
    pub(crate) async fn collect_orphans(&self) -> Result<()> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        if shared.has_no_orphans().await? {
            return Ok(());
        }
        let launch = Launch::ordinary().env("SFUMATO_RETENTION__ORPHANS", "0s");
        let _janitor = self.start_beside("janitor", launch).await?;
        let begin = Instant::now();
        while !shared.has_no_orphans().await? {
            ensure!(
                begin.elapsed() < crate::PATIENCE,
                "the storage holds what no job knows"
            );
        }
        Ok(())
    }

    fn api(&self) -> &Node {
        &self.nodes[0]
    }

    /// What its processes have logged so far.
    pub fn log(&self) -> Vec<String> {
        self.nodes.iter().flat_map(Node::log).collect()
    }

    /// The data folder of the process with the API.
    pub fn data(&self) -> &Path {
        self.api().data()
    }

    /// What its storage holds below one of its folders: `uploads`, `results`, `parts`.
    pub async fn stored(&self, folder: &str) -> Vec<Stored> {
        stored(self.shared.as_deref(), self.data(), folder).await
    }

    /// The id of the process with the API.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> Pid {
        self.api().pid().expect("the server runs")
    }

    /// The id of the process that works on jobs.
    ///
    /// # Panics
    /// When it has ended.
    pub fn worker_pid(&self) -> Pid {
        let worker = self.nodes.get(1).unwrap_or(self.api());
        worker.pid().expect("the server runs")
    }

    /// Has a command of the program do something with the installation while it runs.
    ///
    /// # Errors
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> Result<()> {
        succeed(self.api().origin().tool(arguments)).await
    }

    /// Makes a client by the command line, logged in.
    ///
    /// # Errors
    /// When the command or the login fails.
    pub async fn client(&self, name: &str) -> Result<Client> {
        let mut command = Command::new(sfumato());
        command.args(["client", "create", "--json", "--name", name]);
        match &self.shared {
            Some(shared) => command.args(["--database-url", &shared.database_url]),
            None => command.arg("--data-dir").arg(self.data()),
        };
        let output = command.output().await?;
        if !output.status.success() {
            bail!("client create: {}", String::from_utf8_lossy(&output.stderr));
        }
        let made: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let text = |member: &str| {
            made[member]
                .as_str()
                .map(str::to_owned)
                .context("a credential is missing")
        };
        Client::log_in(&self.url, &text("clientId")?, &text("secretId")?).await
    }

    /// `kill -9` to every process.
    ///
    /// # Errors
    /// When one has ended before.
    pub async fn kill(self) -> Result<Stopped> {
        let mut starts = Vec::new();
        for node in self.nodes {
            starts.push(node.kill().await?);
        }
        Ok(Stopped::new(self.shared, starts))
    }

    /// Waits until an installation of one process has ended by itself: how, what it left, and what it said.
    ///
    /// # Errors
    /// When it goes on, or is one of several processes.
    pub async fn ended(self) -> Result<(ExitStatus, Stopped, Vec<String>)> {
        let mut nodes = self.nodes;
        let (Some(node), true) = (nodes.pop(), nodes.is_empty()) else {
            bail!("an installation of several processes does not end by itself");
        };
        let (status, start, log) = node.ended().await?;
        let stopped = Stopped::new(self.shared, vec![start]);
        Ok((status, stopped, log))
    }

    /// SIGTERM to every process, one after the other, and waits for the end. The status is the first that is no success.
    ///
    /// # Errors
    /// When one does not end.
    pub async fn terminate(self) -> Result<(ExitStatus, Stopped, Vec<String>)> {
        let (mut starts, mut lines, mut worst) = (Vec::new(), Vec::new(), ExitStatus::default());
        for node in self.nodes {
            let (status, start, log) = node.terminate().await?;
            if worst.success() {
                worst = status;
            }
            starts.push(start);
            lines.extend(log);
        }
        let stopped = Stopped::new(self.shared, starts);
        Ok((worst, stopped, lines))
    }
}

/// Runs a command to its end.
///
/// # Errors
/// When it fails, or goes on.
pub(crate) async fn succeed(mut command: Command) -> Result<()> {
    let output = tokio::time::timeout(crate::PATIENCE, command.output()).await;
    let output = output.context("the command goes on")??;
    ensure!(
        output.status.success(),
        "the command failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// What a storage holds below one of its folders.
pub(crate) async fn stored(shared: Option<&Shared>, data: &Path, folder: &str) -> Vec<Stored> {
    match shared {
        Some(shared) => shared.stored(folder).await,
        None => files::stored_below(&data.join("blobs"), folder),
    }
}

/// Whether a variable holds what nobody else may know.
fn is_secret(name: &str) -> bool {
    ["SECRET", "PASSWORD", "KEY"]
        .iter()
        .any(|word| name.contains(word))
}
