//! An installation that was stopped, and what may be done with what it has left.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sfumato_testkit::earlier::{Schema1, rows_on_sqlite};
use tempfile::TempDir;
use tokio::process::Command;

use crate::cluster::{Shared, told};
use crate::database::Database;
use crate::files::Stored;
use crate::node::{Node, Start};
use crate::server::{ALL_ROLES, ANY_PORT, Launch, Server, Stores, stored, succeed};

/// A server that was stopped; its data folder is still there.
#[derive(Debug)]
pub struct Stopped {
    shared: Option<Arc<Shared>>,
    starts: Vec<Start>,
}

impl Stopped {
    /// An installation of one process that has never been started: its stores are empty, its database has no schema.
    ///
    /// # Errors
    /// When no folder can be made.
    pub async fn empty(stores: Stores) -> Result<Self> {
        let (shared, start) = match stores {
            Stores::Embedded => {
                let start = Launch::ordinary().on(Arc::new(TempDir::new()?), ANY_PORT);
                (None, start)
            }
            Stores::Shared => {
                let shared = Shared::empty().await?;
                let start = shared.start(ALL_ROLES, ANY_PORT, Launch::ordinary())?;
                (Some(Arc::new(shared)), start)
            }
        };
        Ok(Self::new(shared, vec![start]))
    }

    /// An installation of one process as a version with schema 1 left it, which calls `receiver`.
    ///
    /// # Errors
    /// When no folder can be made.
    pub async fn left_by_schema_1(stores: Stores, receiver: &str) -> Result<Self> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let earlier = Schema1::new(i64::try_from(since_1970.as_micros())?, receiver);
        let (shared, start) = match stores {
            Stores::Embedded => {
                let data = TempDir::new()?;
                earlier.leave_in(data.path());
                (None, Launch::ordinary().on(Arc::new(data), ANY_PORT))
            }
            Stores::Shared => {
                let shared = Shared::left_by(&earlier).await?;
                let start = shared.start(ALL_ROLES, ANY_PORT, Launch::ordinary())?;
                (Some(Arc::new(shared)), start)
            }
        };
        Ok(Self::new(shared, vec![start]))
    }

    /// An installation of one process that `sfumato restore` makes of a backup with keys, for `launch`.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn restored(stores: Stores, backup: &Path, launch: Launch) -> Result<Self> {
        let (shared, start) = match stores {
            Stores::Embedded => (None, launch.on(Arc::new(TempDir::new()?), ANY_PORT)),
            Stores::Shared => {
                let shared = Shared::with_key_of(backup).await?;
                let start = shared.start(ALL_ROLES, ANY_PORT, launch)?;
                (Some(Arc::new(shared)), start)
            }
        };
        let mut restore = start.launch.program("restore");
        restore.arg("--from").arg(backup);
        if shared.is_none() {
            restore.arg("--data-dir").arg(start.data.path());
        }
        succeed(restore).await?;
        Ok(Self::new(shared, vec![start]))
    }

    pub(crate) const fn new(shared: Option<Arc<Shared>>, starts: Vec<Start>) -> Self {
        Self { shared, starts }
    }

    /// The data folder of the process with the API.
    pub fn data(&self) -> &Path {
        self.starts[0].data.path()
    }

    /// What its processes share, where they do.
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

    /// What its storage holds below one of its folders.
    pub async fn stored(&self, folder: &str) -> Vec<Stored> {
        stored(self.shared(), self.data(), folder).await
    }

    /// The schema of its database, in statements: none of an empty one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn schema(&self) -> Result<Vec<String>> {
        match self.shared() {
            Some(shared) => shared.schema(),
            None => Database::left_in(self.data())?.schema(),
        }
    }

    /// Every row of the tables of schema 1, in the columns that they had then.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn rows_of_schema_1(&self) -> Result<Vec<String>> {
        match self.shared() {
            Some(shared) => shared.rows_of_schema_1(),
            None => Ok(rows_on_sqlite(Database::left_in(self.data())?.connection())),
        }
    }

    /// What `sfumato verify` says of every file.
    ///
    /// # Errors
    /// When it says nothing.
    pub async fn verify(&self) -> Result<Value> {
        told(self.starts[0].tool(&["verify", "--json"])).await
    }

    /// Has something else bring the schema of its database up to date, by a command, and waits for the end: how it ended, and
    /// what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn migrate_as(&self, launch: Launch) -> Result<(ExitStatus, String)> {
        let launch = self.equipped(ALL_ROLES, launch);
        let start = Start {
            launch,
            ..self.starts[0].clone()
        };
        ended(start.tool(&["migrate"])).await
    }

    /// Starts something else in the place of its one process that is expected not to come up, and waits for its end: how it
    /// ended, and what it said.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn fails_as(&self, launch: Launch) -> Result<(ExitStatus, String)> {
        let launch = self.equipped(ALL_ROLES, launch);
        ended(launch.command(self.data(), ANY_PORT)).await
    }

    /// Starts its one process as it was started before, and kills it so long after that, wherever its start has come to.
    ///
    /// # Errors
    /// When it ends by itself, or there were several processes.
    pub async fn is_killed_as_it_starts(&self, after: Duration) -> Result<()> {
        let [start] = &self.starts[..] else {
            bail!("there were several processes");
        };
        let mut node = Node::spawn(start.clone())?;
        tokio::time::sleep(after).await;
        ensure!(
            !node.has_ended()?,
            "the server ended by itself:\n{}",
            node.log().join("\n")
        );
        node.kill().await?;
        Ok(())
    }

    fn equipped(&self, roles: &str, launch: Launch) -> Launch {
        match self.shared() {
            Some(shared) => shared.equip(roles, launch),
            None => launch.env("SFUMATO_ROLES", roles),
        }
    }

    /// Starts something else in the place of its one process, on the same data folder.
    ///
    /// # Errors
    /// When it does not come up, or there were several processes.
    pub async fn restart_as(self, launch: Launch) -> Result<Server> {
        self.restart_in(ALL_ROLES, launch).await
    }

    /// The same with some of the roles.
    ///
    /// # Errors
    /// As [`Stopped::restart_as`].
    pub async fn restart_in(mut self, roles: &str, launch: Launch) -> Result<Server> {
        let launch = self.equipped(roles, launch);
        let [start] = &mut self.starts[..] else {
            bail!("there were several processes");
        };
        start.launch = launch;
        self.restart().await
    }
}

/// How a process ended, and what it said.
async fn ended(mut command: Command) -> Result<(ExitStatus, String)> {
    let output = tokio::time::timeout(crate::PATIENCE, command.output())
        .await
        .context("the process goes on")??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status, said))
}
