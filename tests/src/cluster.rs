//! What the processes of a cluster share: a database on PostgreSQL, a storage, and the key of the installation.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sfumato_testkit::earlier::{FILES, MASTER_KEY, Schema1, rows_on_postgres};
use sfumato_testkit::postgres;
use sfumato_testkit::s3::{BUCKET, S3Server, free_port};
use tempfile::TempDir;
use tokio::process::Command;

use crate::database;
use crate::files::Stored;
use crate::node::Start;
use crate::server::Launch;
use crate::sfumato;

/// Which installation the tests of the whole product run against.
const VARIABLE: &str = "SFUMATO_TEST_INSTALLATION";

/// Where in the bucket everything lies.
const PREFIX: &str = "sfumato";

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
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
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
    own: Option<(postgres::Database, S3Server)>,
}

impl Shared {
    /// Makes an empty database in the server that all tests share, and starts a server with an empty bucket.
    ///
    /// # Errors
    /// When the schema cannot be made.
    pub async fn make() -> Result<Self> {
        let shared = Self::empty().await?;
        shared.migrate().await?;
        Ok(shared)
    }

    /// The same, with a database that has no schema yet.
    ///
    /// # Errors
    /// When no folder can be made.
    pub async fn empty() -> Result<Self> {
        let database = tokio::task::spawn_blocking(postgres::Database::create).await?;
        let bucket = S3Server::start().await;
        let shared = Self::of(database.url(), &bucket)?;
        Ok(Self {
            own: Some((database, bucket)),
            ..shared
        })
    }

    /// The same with the key of a backup, which is to be restored to it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn with_key_of(backup: &Path) -> Result<Self> {
        let shared = Self::empty().await?;
        std::fs::copy(backup.join("master.key"), shared.key()).context("take the key of the backup")?;
        Ok(shared)
    }

    /// An installation of an earlier schema, in a database and a bucket of its own.
    ///
    /// # Errors
    /// When no folder can be made.
    pub async fn left_by(earlier: &Schema1) -> Result<Self> {
        let shared = Self::empty().await?;
        std::fs::write(shared.key(), MASTER_KEY)?;
        let (database, bucket) = shared.own.as_ref().context("they were made for it")?;
        database.rows(&earlier.script_for_postgres());
        for (name, content) in FILES {
            bucket.put(&format!("{PREFIX}/{name}"), content).await;
        }
        Ok(shared)
    }

    /// Takes an empty database and an empty bucket that are there.
    ///
    /// # Errors
    /// When the schema cannot be made.
    pub async fn on(database_url: String, bucket: &S3Server) -> Result<Self> {
        let shared = Self::of(database_url, bucket)?;
        shared.migrate().await?;
        Ok(shared)
    }

    fn of(database_url: String, bucket: &S3Server) -> Result<Self> {
        let settings = [
            ("SFUMATO_STORAGE__ENDPOINT", bucket.endpoint.as_str()),
            ("SFUMATO_STORAGE__ALLOW_HTTP", "true"),
            // Short, as there are tests in which the server is away.
            ("SFUMATO_STORAGE__TIMEOUT", "5s"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shared = Self {
            database_url,
            storage: format!("s3://{BUCKET}/{PREFIX}"),
            variables: S3Server::variables().into_iter().chain(settings).collect(),
            folder: TempDir::new()?,
            own: None,
        };
        std::fs::write(shared.key(), [7; 32])?;
        Ok(shared)
    }

    /// What a bucket of its own holds below one of the storage's folders, in the order of names.
    pub async fn stored(&self, folder: &str) -> Vec<Stored> {
        let Some((_, bucket)) = &self.own else {
            return vec![];
        };
        let objects = bucket.objects(&format!("{PREFIX}/{folder}")).await.into_iter();
        let stored = objects.filter_map(|object| {
            let name = object.location.as_ref().strip_prefix(PREFIX)?;
            Some(Stored {
                name: name.trim_start_matches('/').to_owned(),
                modified: object.last_modified.into(),
            })
        });
        stored.collect()
    }

    async fn migrate(&self) -> Result<()> {
        let output = self.command(&["migrate"]).output().await?;
        if !output.status.success() {
            bail!("migrate: {}", String::from_utf8_lossy(&output.stderr));
        }
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

    /// What `sfumato verify` says of every file.
    ///
    /// # Errors
    /// When it says nothing.
    pub async fn verify(&self) -> Result<Value> {
        told(self.command(&["verify", "--json"])).await
    }

    /// Whether the storage holds nothing that no job knows.
    ///
    /// # Errors
    /// As [`Shared::verify`].
    pub(crate) async fn has_no_orphans(&self) -> Result<bool> {
        Ok(self.verify().await?["withoutJob"] == 0)
    }

    /// The statements that would make the schema of a database of its own.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn schema(&self) -> Result<Vec<String>> {
        Ok(self.own_database()?.schema())
    }

    /// Every row of the tables of schema 1, in a database of its own.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn rows_of_schema_1(&self) -> Result<Vec<String>> {
        let database = self.own_database()?;
        Ok(rows_on_postgres(|sql| database.rows(sql)))
    }

    /// What does not hold, in words, of files and rows of an installation that had come to rest, in a database of its own.
    ///
    /// # Errors
    /// When it is somebody else's, or the files cannot be read.
    pub async fn broken(&self) -> Result<Vec<String>> {
        let mut broken = self.own_database()?.rows(&database::wrong_on_postgres());
        let files = self.verify().await?;
        let wrong = ["missing", "damaged", "withoutJob"].into_iter();
        broken.extend(
            wrong
                .filter(|what| files[what] != 0)
                .map(|what| format!("{} files are {what}", files[what])),
        );
        Ok(broken)
    }

    fn own_database(&self) -> Result<&postgres::Database> {
        let (database, _) = self.own.as_ref().context("the database is somebody else's")?;
        Ok(database)
    }

    /// What starts a process with these roles.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn start(&self, roles: &str, listen: &str, launch: Launch) -> Result<Start> {
        Ok(self.equip(roles, launch).on(Arc::new(TempDir::new()?), listen))
    }

    /// What is started, as a process with these roles.
    #[must_use]
    pub fn equip(&self, roles: &str, launch: Launch) -> Launch {
        let own = [
            ("SFUMATO_DATABASE_URL", self.database_url.clone()),
            ("SFUMATO_STORAGE__LOCATION", self.storage.clone()),
            ("SFUMATO_MASTER_KEY_FILE", self.key().display().to_string()),
            ("SFUMATO_ROLES", roles.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        launch.envs(own).envs(self.variables.iter().cloned())
    }
}

/// The object that a command has printed, whatever it ended with.
pub(crate) async fn told(mut command: Command) -> Result<Value> {
    let output = command.stdout(Stdio::piped()).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| format!("the command said: {said}"))
}
