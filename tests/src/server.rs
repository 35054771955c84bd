//! A running installation: one process on SQLite, or, where `SFUMATO_TEST_INSTALLATION=cluster` says so, several on PostgreSQL
//! and a storage that they share.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
use tempfile::TempDir;
use tokio::process::Command;

use crate::client::Client;
use crate::cluster::{Shared, free_address, is_wanted};
use crate::node::{Node, Start};
use crate::sfumato;

/// The processes of a cluster in tests of the whole product: what each does.
const ROLES: [&str; 3] = ["api", "worker", "courier,janitor"];

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
            return Self::alone(arguments).await;
        }
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let shared = Arc::new(Shared::make().await?);
        let mut starts = Vec::new();
        for roles in ROLES {
            starts.push(shared.start(roles, free_address()?, &arguments)?);
        }
        Self::from_starts(Some(shared), starts).await
    }

    /// Starts one process on SQLite, whatever installation is wanted.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn alone(arguments: &[&str]) -> Result<Self> {
        Self::start_in(arguments, &[]).await
    }

    /// Starts one process with these variables.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(arguments: &[&str], variables: &[(String, String)]) -> Result<Self> {
        let start = Start {
            data: Arc::new(TempDir::new()?),
            listen: "127.0.0.1:0".to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            variables: variables.to_vec(),
        };
        Self::from_starts(None, vec![start]).await
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

    /// The folder with originals and results.
    pub fn storage(&self) -> PathBuf {
        match &self.shared {
            Some(shared) => PathBuf::from(&shared.storage),
            None => self.data().join("blobs"),
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

    /// Starts a server on the same data with the same arguments.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(self) -> Result<Server> {
        Server::from_starts(self.shared, self.starts).await
    }
}
