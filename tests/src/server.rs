//! A running `sfumato serve`.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::secrets::{self, WatchedLog};
use crate::{assets, eventually, sfumato, sfumato_with_failpoints};

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
        Self {
            program: sfumato(),
            arguments: vec!["--allow-private-webhooks".to_owned()],
            environment: vec![],
        }
    }

    /// The same with failpoints in it, which do nothing until [`Launch::env`] says what.
    pub fn with_failpoints() -> Self {
        Self {
            program: sfumato_with_failpoints(),
            ..Self::ordinary()
        }
    }

    /// With a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
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

    /// Starts a server on a fresh data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(self) -> Result<Server> {
        self.start_in(TempDir::new()?).await
    }

    /// Starts a server on this data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(self, data: TempDir) -> Result<Server> {
        Server::start_on(Arc::new(data), self).await
    }

    /// Starts a server that is expected not to come up, and waits for its end: how it ended, and what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn fails_on(&self, data: &Path) -> Result<(ExitStatus, String)> {
        let output = self.command(data).output();
        let output = tokio::time::timeout(crate::PATIENCE, output)
            .await
            .context("the server goes on")??;
        Ok((
            output.status,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}

/// A server on a free port with a data folder of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data: Arc<TempDir>,
    launch: Launch,
    /// Base URL of its API.
    pub url: String,
    log: WatchedLog,
    reader: JoinHandle<()>,
}

impl Server {
    /// Starts a server that may call webhooks on loopback.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start() -> Result<Self> {
        Launch::ordinary().start().await
    }

    /// Starts a server with these arguments beside address and data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_with(arguments: &[&str]) -> Result<Self> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let launch = Launch {
            arguments,
            ..Launch::ordinary()
        };
        launch.start().await
    }

    /// The same with environment variables of its own.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(arguments: &[&str], variables: &[(String, String)]) -> Result<Self> {
        let launch = Launch {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment: variables.to_vec(),
            ..Launch::ordinary()
        };
        launch.start().await
    }

    async fn start_on(data: Arc<TempDir>, launch: Launch) -> Result<Self> {
        let mut child = launch.command(data.path()).spawn().context("start the server")?;
        for (name, value) in launch.environment.iter().filter(|(name, _)| is_secret(name)) {
            secrets::remember(name, value);
        }
        let log = WatchedLog::default();
        let stderr = child.stderr.take().context("the server's log is piped")?;
        let add = log.sink();
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                add(line);
            }
        });
        let mut server = Self {
            child,
            data,
            launch,
            url: String::new(),
            log,
            reader,
        };
        let url = eventually("the server to listen, or to end", async || {
            match server.child.try_wait() {
                Ok(None) => server.bound().map(Ok),
                ended => Some(Err(ended)),
            }
        });
        match url.await {
            Ok(url) => server.url = url,
            Err(ended) => bail!("the server ended with {:?}:\n{}", ended?, server.log().join("\n")),
        }
        Ok(server)
    }

    fn bound(&self) -> Option<String> {
        let log = self.log();
        let line = log.iter().find(|line| line.contains("listening on http://"))?;
        let at = line.find("http://")?;
        let end = line[at..]
            .find(|c: char| c.is_whitespace() || c == '"')
            .map_or(line.len(), |n| at + n);
        Some(line[at..end].to_owned())
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> Pid {
        let id = self.child.id().expect("the server runs");
        Pid::from_raw(i32::try_from(id).expect("process ids are small")).expect("a process id is not 0")
    }

    /// Makes a client by the command line, logged in.
    ///
    /// # Errors
    /// When the command or the login fails.
    pub async fn client(&self, name: &str) -> Result<Client> {
        let output = Command::new(sfumato())
            .args(["client", "create", "--json", "--name", name, "--data-dir"])
            .arg(self.data.path())
            .output()
            .await?;
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

    /// `kill -9`.
    ///
    /// # Errors
    /// When the process has ended before.
    pub async fn kill(mut self) -> Result<Stopped> {
        self.child.start_kill()?;
        self.child.wait().await?;
        Ok(self.stopped())
    }

    /// Waits until the process has ended by itself: how, what it left, and what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn ended(mut self) -> Result<(ExitStatus, Stopped, Vec<String>)> {
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("the server goes on:\n{}", self.log().join("\n")))??;
        // The last lines come through the pipe a moment later than the end.
        (&mut self.reader)
            .await
            .context("the log was not read to its end")?;
        let log = self.log();
        Ok((status, self.stopped(), log))
    }

    fn stopped(self) -> Stopped {
        Stopped {
            data: self.data,
            launch: self.launch,
        }
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When the process has ended before.
    pub async fn terminate(mut self) -> Result<(ExitStatus, Stopped, Vec<String>)> {
        kill_process(self.pid(), Signal::TERM)?;
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait()).await??;
        let log = self.log();
        Ok((status, self.stopped(), log))
    }
}

/// Whether a variable holds what nobody else may know.
fn is_secret(name: &str) -> bool {
    ["SECRET", "PASSWORD", "TOKEN"]
        .iter()
        .any(|word| name.contains(word))
        && !name.starts_with("SFUMATO_TOKENS__")
}

/// A server that was stopped; its data folder is still there.
#[derive(Debug)]
pub struct Stopped {
    data: Arc<TempDir>,
    launch: Launch,
}

impl Stopped {
    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Starts the same server on the same data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(self) -> Result<Server> {
        Server::start_on(self.data, self.launch).await
    }

    /// Starts another server on the same data folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart_as(self, launch: Launch) -> Result<Server> {
        Server::start_on(self.data, launch).await
    }
}
