//! Copies of an installation that can be restored: its database at one commit, and the files that its rows refer to.

mod durable;
mod manifest;
mod restore;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sfumato_core::store::Store;
use sfumato_core::{Clock, Entropy};
use sfumato_engine::blobs::{BlobName, Blobs, Recorded, Standing};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_store_postgres::PostgresStore;
use sfumato_store_sqlite::SqliteStore;

use crate::blob_walk::{self, Tally};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{copy, database, output, storage};
use manifest::Manifest;

pub(crate) use restore::{restore, restore_to_postgres};

/// How often, and how long apart, it is asked whether a file that is not there is on its way to be deleted.
const LOOKS: (u32, Duration) = (50, Duration::from_millis(200));

/// What is to be in a backup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The installation's keys.
    pub(crate) keys: bool,
    /// Originals and results.
    pub(crate) files: bool,
}

/// Writes a backup into a folder that is empty or does not exist, while a server runs or not.
///
/// # Errors
/// There is no installation, the folder is in use, or a file is missing or damaged that should be there.
pub(crate) async fn back_up(settings: &Settings, to: &Path, wanted: Wanted) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let dir = match &settings.database_url {
        Some(_) => DataDir::unopened(&settings.data_dir),
        None => DataDir::open(&settings.data_dir)?,
    };
    ensure_empty(to)?;
    let target = DataDir::open_or_create(to)?;
    target.make_database_file()?;
    let made_at = clock.now();
    let live: Arc<dyn Store> = if settings.database_url.is_some() {
        let store = database::open_postgres(settings, &clock, &entropy).await?;
        copy_rows(&store, &target, &clock, &entropy).await?;
        Arc::new(store)
    } else {
        sfumato_store_sqlite::backup(&dir.database(), &target.database())?;
        dir.open_store(&clock, &entropy)?
    };
    let mut copied = Copied::default();
    if wanted.files {
        // Closed when it is dropped: no log file of it is left beside the copy.
        let snapshot = SqliteStore::open_inline(&target.database(), clock.clone(), entropy.clone())?;
        let blobs = (
            storage::open(settings, &dir, &entropy)?,
            storage::open_folder(settings, &target, &entropy)?,
        );
        copied = copy_files(&snapshot, &*live, (&blobs.0, &blobs.1)).await?;
        copied.tally.judge()?;
    }
    if wanted.keys {
        copy_keys(settings, &dir, &target)?;
    }
    let manifest = Manifest::of(target.path(), made_at, wanted.keys, wanted.files)?;
    // The manifest says that all of it is there, after a power failure, too.
    durable::sync(target.path())?;
    manifest.write(target.path())?;
    output::line(format!(
        "backed up {} jobs with {} files, {} bytes in all, to {}",
        copied.tally.jobs,
        copied.tally.right - copied.gone,
        manifest.bytes(),
        to.display()
    ))?;
    if copied.gone > 0 {
        output::note(format!(
            "{} files had their time meanwhile and are not in it",
            copied.gone
        ));
    }
    tell_of_keys(settings, wanted);
    Ok(())
}

/// Copies every row of a database on PostgreSQL, as it stands at one commit, into one of SQLite.
///
/// # Errors
/// One of them cannot answer, or what was written is not what was read.
async fn copy_rows(
    store: &PostgresStore,
    target: &DataDir,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<()> {
    // Closed when it is dropped: no log file of it is left beside the copy.
    let copy = SqliteStore::open_inline(&target.database(), clock.clone(), entropy.clone())?;
    let snapshot = store
        .snapshot()
        .await
        .context("read the database at one commit")?;
    copy::rows::copy(&snapshot, &copy).await
}

/// Refuses a folder in which there is something.
///
/// # Errors
/// There is, or it cannot be looked into.
fn ensure_empty(folder: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            ensure!(
                entries.next().is_none(),
                "write to {}: it is not empty; name a folder that is empty or does not exist",
                folder.display()
            );
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("look into {}", folder.display())),
    }
}

#[derive(Default)]
struct Copied {
    tally: Tally,
    /// Files that were deleted between the copy of the database and that of the files.
    gone: u64,
}

/// Copies every file that the snapshot refers to. What is deleted meanwhile is no failure: its row in the live database says
/// so.
async fn copy_files(
    snapshot: &dyn Store,
    live: &dyn Store,
    (from, to): (&Blobs, &Blobs),
) -> anyhow::Result<Copied> {
    let gone = Cell::new(0);
    let walk = blob_walk::walk(snapshot, async |recorded| {
        let standing = to.copy_from(from, recorded).await?;
        if standing == Standing::Missing && is_let_go(live, recorded).await? {
            gone.set(gone.get() + 1);
            return Ok((Standing::Right, 0));
        }
        Ok((standing, recorded.written.bytes))
    });
    let tally = walk.await.context("copy the files")?;
    Ok(Copied {
        tally,
        gone: gone.get(),
    })
}

/// Whether the installation has let a file go since. An original is deleted before that is written down, in that order: so it
/// is asked for some seconds.
async fn is_let_go(live: &dyn Store, recorded: &Recorded) -> anyhow::Result<bool> {
    let (looks, apart) = LOOKS;
    for _ in 0..looks {
        let gone = match recorded.name {
            BlobName::Upload(upload) | BlobName::Given(upload, _) => {
                !live.orphan_uploads(&[upload]).await?.is_empty()
            }
            BlobName::Result(result, _) => !live.orphan_results(&[result]).await?.is_empty(),
        };
        if gone {
            return Ok(true);
        }
        tokio::time::sleep(apart).await;
    }
    Ok(false)
}

fn copy_keys(settings: &Settings, from: &DataDir, to: &DataDir) -> anyhow::Result<()> {
    let master = match &settings.master_key_file {
        Some(path) => path.clone(),
        None => from.master_key_path(),
    };
    for (source, target, required) in [
        (master, to.master_key_path(), true),
        (from.secrets_key_path(), to.secrets_key_path(), false),
    ] {
        copy_key(&source, to.path(), &target, required)?;
    }
    Ok(())
}

fn copy_key(source: &PathBuf, folder: &Path, target: &Path, required: bool) -> anyhow::Result<()> {
    match std::fs::read(source) {
        Ok(bytes) => {
            use std::io::Write;
            manifest::private(folder, target)?
                .write_all(&bytes)
                .with_context(|| format!("write {}", target.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(()),
        Err(error) => bail!("copy the key {}: {error}", source.display()),
    }
}

fn tell_of_keys(settings: &Settings, wanted: Wanted) {
    if wanted.keys {
        output::note(
            "THE KEYS ARE IN THIS BACKUP: whoever can read it can sign tokens and open the secrets of webhook endpoints.",
        );
    } else {
        output::note(format!(
            "the keys are not in it; keep {} (and `secrets.key`, where there is one) apart from it: without them no \
             server starts on what is restored",
            settings.data_dir.join("master.key").display()
        ));
    }
    for (setting, path) in [
        ("storage.encryption_key_file", &settings.storage_key_file),
        ("secrets.key_file", &settings.secrets_key_file),
    ] {
        if let Some(path) = path {
            output::note(format!("never in a backup: {} of `{setting}`", path.display()));
        }
    }
}
