//! Moving an installation from a data folder to PostgreSQL, and to the storage that the settings name.

mod rows;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use sfumato_core::store::{Installation, Installations, Store};
use sfumato_core::{Clock, Entropy, InstallationId};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::{Blobs, Standing};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};

use crate::blob_walk::{self, Tally};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{database, output, storage};

/// Copies what is in the data folder `from` to the database and storage of the settings. What is there already from an
/// earlier attempt is left as it is.
///
/// # Errors
/// The source is in use or damaged, the target is not empty, or one of them cannot answer.
pub(crate) async fn run(settings: &Settings, from: &Path, dry_run: bool) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let dir = DataDir::open(from)?;
    // Nothing changes what is copied.
    let _lock = dir.lock()?;
    let source = SqliteStore::open(
        &dir.database(),
        clock.clone(),
        entropy.clone(),
        SqliteOptions::default(),
    )?;
    let installation = installation_of(&source, &dir, &*clock, &*entropy).await?;
    let target = database::open_postgres(settings, &clock, &entropy).await?;
    rows::check(&source, &target).await?;
    let old_blobs = storage::open_folder(settings, &dir, &entropy)?;
    if dry_run {
        let rows = rows::count(&source).await?;
        let blobs = blob_walk::walk(&source, async |recorded| {
            Ok((old_blobs.examine(recorded).await?, recorded.written.bytes))
        });
        let tally = blobs.await?;
        output::line(format!("{rows} rows and {} would be copied", tally.copied()))?;
        return tally.judge();
    }
    let new_dir = DataDir::unopened(&settings.data_dir);
    let new_blobs = storage::open(settings, &new_dir, &entropy)?;
    storage::claim(&new_blobs, settings, &new_dir, installation.id).await?;
    rows::copy(&source, &target).await?;
    let tally = copy_blobs(&source, &old_blobs, &new_blobs).await?;
    output::line(format!("copied and compared every row, and {}", tally.copied()))?;
    output::note(format!(
        "every process with the role `api` needs {}: copy it, or name it by `master_key_file`",
        dir.master_key_path().display()
    ));
    tally.judge()
}

/// Which installation lies in a data folder. One whose server is older than the word gets its name now.
async fn installation_of(
    source: &SqliteStore,
    dir: &DataDir,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<Installation> {
    let keys = Keys::derive(&dir.master_key(entropy)?);
    let proposed = Installation {
        id: InstallationId::new(clock, entropy),
        key: keys.check(),
    };
    let found = source.claim_for(proposed).await?;
    ensure!(
        found.key == keys.check(),
        "copy the data folder: its master key is not the one that its server was started with"
    );
    Ok(found)
}

async fn copy_blobs(store: &dyn Store, from: &Blobs, to: &Blobs) -> anyhow::Result<Tally> {
    let walk = blob_walk::walk(store, async |recorded| {
        if to.examine(recorded).await? == Standing::Right {
            return Ok((Standing::Right, 0));
        }
        let standing = to.copy_from(from, recorded).await?;
        Ok((standing, recorded.written.bytes))
    });
    walk.await.context("copy the files")
}
