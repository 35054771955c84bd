//! A running `sfumato serve`.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::{assets, eventually, sfumato};

/// A server on a free port with a data folder of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data: Arc<TempDir>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// Base URL of its API.
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
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
        Self::start_in(arguments, &[]).await
    }

    /// The same with environment variables of its own.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_in(arguments: &[&str], variables: &[(String, String)]) -> Result<Self> {
        let data = Arc::new(TempDir::new()?);
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self::start_on(data, arguments, variables.to_vec()).await
    }

    async fn start_on(
        data: Arc<TempDir>,
        arguments: Vec<String>,
        variables: Vec<(String, String)>,
    ) -> Result<Self> {
        let mut child = Command::new(sfumato())
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .args(&arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("SFUMATO_ASSETS_DIR", assets())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start the server")?;
        let log = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().context("the server's log is piped")?;
        let sink = Arc::clone(&log);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                sink.lock()
                    .expect("no test panics while it holds the log")
                    .push(line);
            }
        });
        let mut server = Self {
            child,
            data,
            arguments,
            variables,
            url: String::new(),
            log,
        };
        server.url = eventually("the server to listen", async || server.bound()).await;
        if let Some(status) = server.child.try_wait()? {
            bail!("the server ended with {status}:\n{}", server.log().join("\n"));
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
        self.log
            .lock()
            .expect("no test panics while it holds the log")
            .clone()
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
        Ok(Stopped {
            data: self.data,
            arguments: self.arguments,
            variables: self.variables,
        })
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When the process has ended before.
    pub async fn terminate(mut self) -> Result<(ExitStatus, Stopped, Vec<String>)> {
        kill_process(self.pid(), Signal::TERM)?;
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait()).await??;
        let log = self.log();
        Ok((
            status,
            Stopped {
                data: self.data,
                arguments: self.arguments,
                variables: self.variables,
            },
            log,
        ))
    }
}

/// A server that was stopped; its data folder is still there.
#[derive(Debug)]
pub struct Stopped {
    data: Arc<TempDir>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Stopped {
    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Starts a server on the same data folder with the same arguments.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(self) -> Result<Server> {
        Server::start_on(self.data, self.arguments, self.variables).await
    }
}
