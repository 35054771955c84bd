//! One process of `sfumato serve`.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{assets, eventually, sfumato};

/// What a process is started with, again and again.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its data folder.
    pub data: Arc<TempDir>,
    /// Where it listens; port 0 takes a free one each time.
    pub listen: String,
    /// Its other arguments.
    pub arguments: Vec<String>,
    /// Its variables.
    pub variables: Vec<(String, String)>,
}

/// A process that runs.
#[derive(Debug)]
pub struct Node {
    child: Child,
    start: Start,
    /// Base URL under which it answers.
    pub url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Node {
    /// Starts a process and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(start: Start) -> Result<Self> {
        let mut node = Self::spawn(start)?;
        node.url = eventually("the server to listen", async || node.bound()).await;
        if let Some(status) = node.child.try_wait()? {
            bail!("the server ended with {status}:\n{}", node.log().join("\n"));
        }
        Ok(node)
    }

    /// Starts a process and does not wait: a database that is away may keep it from coming up.
    ///
    /// # Errors
    /// When there is no such executable.
    pub fn spawn(start: Start) -> Result<Self> {
        let mut child = Command::new(sfumato())
            .args(["serve", "--listen", &start.listen, "--data-dir"])
            .arg(start.data.path())
            .args(&start.arguments)
            .env("SFUMATO_ASSETS_DIR", assets())
            .env("NO_COLOR", "1")
            .envs(start.variables.iter().cloned())
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
        Ok(Self {
            url: format!("http://{}", start.listen),
            child,
            start,
            log,
        })
    }

    /// Whether it has said that it listens.
    pub fn listens(&self) -> bool {
        self.bound().is_some()
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
        self.start.data.path()
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Its process id; `None` when it has ended.
    pub fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()?).ok()?)
    }

    /// Sends it a signal, where it has not ended.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(pid) = self.pid() {
            kill_process(pid, signal)?;
        }
        Ok(())
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> Result<Start> {
        self.child.kill().await?;
        Ok(self.start)
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(mut self) -> Result<(ExitStatus, Start, Vec<String>)> {
        self.signal(Signal::TERM)?;
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait()).await??;
        let log = self.log();
        Ok((status, self.start, log))
    }
}
