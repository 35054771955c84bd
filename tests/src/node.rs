//! One process of `sfumato serve`.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::eventually;
use crate::server::Launch;
use sfumato_testkit::secrets::WatchedLog;

/// What a process is started with, again and again.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its data folder.
    pub data: Arc<TempDir>,
    /// Where it listens; port 0 takes a free one each time.
    pub listen: String,
    /// What it is.
    pub launch: Launch,
}

impl Start {
    /// A command of the program that works with the same settings, beside the process or in its place.
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let (subcommand, arguments) = arguments.split_first().expect("a command has a name");
        let mut command = self.launch.program(subcommand);
        command.args(arguments).arg("--data-dir").arg(self.data.path());
        command
    }
}

/// A process that runs.
#[derive(Debug)]
pub struct Node {
    child: Child,
    start: Start,
    /// Base URL under which it answers.
    pub url: String,
    log: WatchedLog,
    reader: JoinHandle<()>,
}

impl Node {
    /// Starts a process and waits until it listens.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(start: Start) -> Result<Self> {
        let mut node = Self::spawn(start)?;
        let url = eventually("the server to listen, or to end", async || {
            match node.child.try_wait() {
                Ok(None) => node.bound().map(Ok),
                ended => Some(Err(ended)),
            }
        });
        match url.await {
            Ok(url) => node.url = url,
            Err(ended) => bail!("the server ended with {:?}:\n{}", ended?, node.log().join("\n")),
        }
        Ok(node)
    }

    /// Starts a process and does not wait: a database that is away may keep it from coming up.
    ///
    /// # Errors
    /// When there is no such executable.
    pub fn spawn(start: Start) -> Result<Self> {
        let mut child = start
            .launch
            .command(start.data.path(), &start.listen)
            .spawn()
            .context("start the server")?;
        let log = WatchedLog::default();
        let stderr = child.stderr.take().context("the server's log is piped")?;
        let add = log.sink();
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                add(line);
            }
        });
        Ok(Self {
            url: format!("http://{}", start.listen),
            child,
            start,
            log,
            reader,
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
        self.log.lines()
    }

    /// What it was started with.
    pub fn origin(&self) -> &Start {
        &self.start
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
        self.read_to_the_end().await?;
        Ok(self.start)
    }

    /// Waits until it has ended by itself: how, what it was started with, and what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn ended(mut self) -> Result<(ExitStatus, Start, Vec<String>)> {
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("the server goes on:\n{}", self.log().join("\n")))??;
        self.read_to_the_end().await?;
        let log = self.log();
        Ok((status, self.start, log))
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(mut self) -> Result<(ExitStatus, Start, Vec<String>)> {
        self.signal(Signal::TERM)?;
        let status = tokio::time::timeout(crate::PATIENCE, self.child.wait()).await??;
        self.read_to_the_end().await?;
        let log = self.log();
        Ok((status, self.start, log))
    }

    /// The last lines come through the pipe a moment later than the end.
    async fn read_to_the_end(&mut self) -> Result<()> {
        let read = tokio::time::timeout(crate::PATIENCE, &mut self.reader).await;
        read.context("somebody holds the log open")?
            .context("the log was not read to its end")
    }
}
