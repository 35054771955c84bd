//! A running installation: one process on SQLite, or, where `SFUMATO_TEST_INSTALLATION=cluster` says so, several on PostgreSQL
//! and a bucket that they share.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::Client;
use crate::cluster::{Shared, is_wanted};
use crate::files::{self, Stored};
use crate::node::{Node, Start};
use crate::{assets, sfumato, sfumato_with_failpoints};
use sfumato_testkit::secrets;

/// A free one each time.
const ANY_PORT: &str = "127.0.0.1:0";

/// The processes of a cluster in tests of the whole product: what each does.
const ROLES: [&str; 3] = ["api", "worker", "courier,janitor"];

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
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(data)
            .args(&self.arguments)
            .env("SFUMATO_ASSETS_DIR", assets())
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

    /// Starts a server that is expected not to come up, and waits for its end: how it ended, and what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn fails_on(&self, data: &Path) -> Result<(ExitStatus, String)> {
        let output = self.command(data, ANY_PORT).output();
        let output = tokio::time::timeout(crate::PATIENCE, output)
            .await
            .context("the server goes on")??;
        Ok((
            output.status,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
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
        let shared = Arc::new(Shared::make().await?);
        let mut starts = Vec::new();
        for roles in ROLES {
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

    async fn from_starts(shared: Option<Arc<Shared>>, starts: Vec<Start>) -> Result<Self> {
        let mut nodes = Vec::new();
        for start in starts {
            nodes.push(Node::start(start).await?);
        }
        let url = nodes.first().context("there is a process")?.url.clone();
        Ok(Self { nodes, shared, url })
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
        match &self.shared {
            Some(shared) => shared.stored(folder).await,
            None => files::stored_below(&self.data().join("blobs"), folder),
        }
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
        Ok(Stopped {
            shared: self.shared,
            starts,
        })
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
        let stopped = Stopped {
            shared: self.shared,
            starts: vec![start],
        };
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
        let stopped = Stopped {
            shared: self.shared,
            starts,
        };
        Ok((worst, stopped, lines))
    }
}

/// A server that was stopped; its data folder is still there.
#[derive(Debug)]
pub struct Stopped {
    shared: Option<Arc<Shared>>,
    starts: Vec<Start>,
}

impl Stopped {
    /// The data folder of the process with the API.
    pub fn data(&self) -> &Path {
        self.starts[0].data.path()
    }

    /// What its processes share, where there are several.
    pub fn shared(&self) -> Option<&Shared> {
        self.shared.as_deref()
    }

    /// Starts a server on the same data with the same arguments.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(self) -> Result<Server> {
        Server::from_starts(self.shared, self.starts).await
    }

    /// Starts something else in the place of its one process, on the same data folder.
    ///
    /// # Errors
    /// When it does not come up, or there were several processes.
    pub async fn restart_as(mut self, launch: Launch) -> Result<Server> {
        let [start] = &mut self.starts[..] else {
            bail!("there were several processes");
        };
        start.launch = launch;
        self.restart().await
    }
}

/// Whether a variable holds what nobody else may know.
fn is_secret(name: &str) -> bool {
    ["SECRET", "PASSWORD", "KEY"]
        .iter()
        .any(|word| name.contains(word))
}
