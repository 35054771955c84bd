//! The database that the settings name: opened, or brought up to date.

use std::sync::Arc;

use anyhow::Context;
use sfumato_core::{Clock, Entropy, Store};
use sfumato_store_postgres::{PostgresOptions, PostgresStore};
use sfumato_store_sqlite::SqliteStore;

use crate::data_dir::DataDir;
use crate::output;
use crate::settings::Settings;

/// Opens the database: SQLite in the data folder, made and brought up to date where that is needed, or PostgreSQL, which must
/// be up to date.
///
/// # Errors
/// It cannot be opened; says what to do.
pub(crate) async fn open(
    settings: &Settings,
    dir: &DataDir,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Arc<dyn Store>> {
    match &settings.database_url {
        None => Ok(dir.open_store(clock, entropy)?),
        Some(_) => Ok(Arc::new(open_postgres(settings, clock, entropy).await?)),
    }
}

/// Opens the database for a command that works beside servers: the data folder is needed for SQLite alone, and is made where
/// `may_create` says so.
///
/// # Errors
/// There is none, or it cannot be opened.
pub(crate) async fn open_existing(
    settings: &Settings,
    may_create: bool,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Arc<dyn Store>> {
    if settings.database_url.is_some() {
        return Ok(Arc::new(open_postgres(settings, clock, entropy).await?));
    }
    let path = &settings.data_dir;
    let dir = match DataDir::open(path) {
        Ok(dir) => dir,
        Err(_) if may_create => {
            let dir = DataDir::open_or_create(path)?;
            output::note(format!("made a new database in {}", path.display()));
            dir
        }
        Err(error) => return Err(error.into()),
    };
    Ok(dir.open_store(clock, entropy)?)
}

/// Opens the database on PostgreSQL that the settings name.
///
/// # Errors
/// None is named, or it cannot be opened.
pub(crate) async fn open_postgres(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<PostgresStore> {
    let url = settings.database_url.as_ref().map_or("", |url| url.expose());
    let options = PostgresOptions::default();
    let store = PostgresStore::open(url, clock.clone(), entropy.clone(), options);
    store.await.context("use the database")
}

/// What the database is called in messages.
pub(crate) fn name(settings: &Settings) -> String {
    match &settings.database_url {
        Some(url) => format!("the database {url}"),
        None => format!("the database in {}", settings.data_dir.display()),
    }
}

/// Brings the schema up to date and returns the numbers of what it lacked.
///
/// # Errors
/// It cannot be; nothing was changed.
pub(crate) async fn migrate(settings: &Settings) -> anyhow::Result<Vec<i64>> {
    match &settings.database_url {
        Some(url) => PostgresStore::migrate(url.expose())
            .await
            .context("migrate the database"),
        None => {
            let dir = DataDir::open(&settings.data_dir)?;
            Ok(SqliteStore::migrate(&dir.database())?)
        }
    }
}

/// The numbers of what the schema lacks.
///
/// # Errors
/// The database cannot be read, or is newer than this version.
pub(crate) async fn pending(settings: &Settings) -> anyhow::Result<Vec<i64>> {
    match &settings.database_url {
        Some(url) => PostgresStore::pending(url.expose())
            .await
            .context("look at the database"),
        None => {
            let dir = DataDir::open(&settings.data_dir)?;
            Ok(SqliteStore::pending(&dir.database())?)
        }
    }
}
