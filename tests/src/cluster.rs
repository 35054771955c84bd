//! What the processes of a cluster share: a database on PostgreSQL, a storage, and the key of the installation.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use sfumato_testkit::postgres;
use tempfile::TempDir;
use tokio::process::Command;

use crate::node::Start;
use crate::sfumato;

/// Which installation the tests of the whole product run against.
const VARIABLE: &str = "SFUMATO_TEST_INSTALLATION";

/// Whether they run against a cluster.
///
/// # Panics
/// Where the variable says something else.
pub fn is_wanted() -> bool {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("" | "single") => false,
        Ok("cluster") => true,
        Ok(other) => panic!("{VARIABLE} is `single` or `cluster`, not `{other}`"),
    }
}

/// An address of this machine on which nobody listens.
///
/// # Errors
/// When no port is free.
pub fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// What the processes share. Gone when it is dropped.
#[derive(Debug)]
pub struct Shared {
    /// The database.
    pub database_url: String,
    /// The storage, as `--storage` names it.
    pub storage: String,
    variables: Vec<(String, String)>,
    folder: TempDir,
    _database: Option<postgres::Database>,
}

impl Shared {
    /// Makes an empty database in the server that all tests share, and an empty folder as storage.
    ///
    /// # Errors
    /// When the schema cannot be made.
    pub async fn make() -> Result<Self> {
        let database = tokio::task::spawn_blocking(postgres::Database::create).await?;
        let url = database.url();
        let folder = TempDir::new()?;
        let storage = folder.path().join("blobs").display().to_string();
        let shared = Self::of(url, storage, Vec::new(), folder);
        shared.migrate().await?;
        Ok(Self {
            _database: Some(database),
            ..shared
        })
    }

    /// Takes an empty database and a storage that are there, with the variables that processes need to reach them.
    ///
    /// # Errors
    /// When the schema cannot be made.
    pub async fn on(database_url: String, storage: String, variables: Vec<(String, String)>) -> Result<Self> {
        let shared = Self::of(database_url, storage, variables, TempDir::new()?);
        shared.migrate().await?;
        Ok(shared)
    }

    fn of(database_url: String, storage: String, variables: Vec<(String, String)>, folder: TempDir) -> Self {
        Self {
            database_url,
            storage,
            variables,
            folder,
            _database: None,
        }
    }

    async fn migrate(&self) -> Result<()> {
        let output = self.command(&["migrate"]).output().await?;
        if !output.status.success() {
            bail!("migrate: {}", String::from_utf8_lossy(&output.stderr));
        }
        tokio::fs::write(self.key(), [7; 32]).await?;
        Ok(())
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    /// A command of the program that works with the shared database and storage.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(sfumato());
        command
            .args(arguments)
            .env("SFUMATO_DATABASE_URL", &self.database_url)
            .env("SFUMATO_STORAGE__LOCATION", &self.storage)
            .envs(self.variables.iter().cloned())
            .kill_on_drop(true);
        command
    }

    /// What starts a process with these roles.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn start(&self, roles: &str, listen: String, arguments: &[String]) -> Result<Start> {
        let own = [
            ("SFUMATO_DATABASE_URL", self.database_url.clone()),
            ("SFUMATO_STORAGE__LOCATION", self.storage.clone()),
            ("SFUMATO_MASTER_KEY_FILE", self.key().display().to_string()),
            ("SFUMATO_ROLES", roles.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        Ok(Start {
            data: Arc::new(TempDir::new()?),
            listen,
            arguments: arguments.to_vec(),
            variables: own.into_iter().chain(self.variables.iter().cloned()).collect(),
        })
    }
}
