//! From a backup to a data folder, or to PostgreSQL and a storage.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use sfumato_core::store::Installations;
use sfumato_core::{Clock, Entropy};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_store_sqlite::SqliteStore;

use super::manifest::{Entry, Manifest, private};
use super::{durable, ensure_empty};
use crate::blob_walk::Tally;
use crate::copy::{copy_blobs, rows};
use crate::data_dir::{DataDir, make_dir};
use crate::settings::Settings;
use crate::{database, output, storage};

/// The file that makes a folder a data folder: it is written last.
const DATABASE: &str = "sfumato.db";

/// Restores a backup into a data folder that is empty or does not exist. Everything is compared with the manifest before
/// anything is written.
///
/// # Errors
/// The backup is incomplete or damaged, or the folder is in use.
pub(crate) fn restore(from: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let manifest = Manifest::read(from)?;
    ensure_empty(data_dir)?;
    anyhow::ensure!(
        manifest.has(DATABASE),
        "use the backup: there is no database in it"
    );
    for entry in &manifest.files {
        entry.verify(from, io::sink())?;
    }
    let dir = DataDir::open_or_create(data_dir)?;
    for entry in manifest.files.iter().filter(|entry| !is_database(entry)) {
        copy(entry, from, dir.path())?;
    }
    durable::sync(dir.path())?;
    for entry in manifest.files.iter().filter(|entry| is_database(entry)) {
        copy(entry, from, dir.path())?;
    }
    sfumato_store_sqlite::check(&dir.database())?;
    output::line(format!(
        "restored {} files with {} bytes to {}",
        manifest.files.len(),
        manifest.bytes(),
        data_dir.display()
    ))?;
    if !manifest.with_keys {
        output::note(format!(
            "there are no keys in this backup: put `master.key` (and `secrets.key`, where there was one) into {} before you \
             start a server",
            data_dir.display()
        ));
    }
    if !manifest.with_files {
        output::note(
            "there are no originals and results in this backup: name their storage by `storage.location`",
        );
    }
    Ok(())
}

/// Restores a backup into the empty database on PostgreSQL and the storage that the settings name. Everything is compared with the
/// manifest before anything is written, and every row and file with what was written.
///
/// # Errors
/// The backup is incomplete or damaged, the database is in use, or one of them cannot answer.
pub(crate) async fn restore_to_postgres(from: &Path, settings: &Settings) -> anyhow::Result<()> {
    let manifest = Manifest::read(from)?;
    anyhow::ensure!(
        manifest.has(DATABASE),
        "use the backup: there is no database in it"
    );
    for entry in &manifest.files {
        entry.verify(from, io::sink())?;
    }
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock), Arc::new(SystemEntropy));
    // The backup stays as it is: opening a database may bring it up to date.
    let scratch = tempfile::tempdir().context("make a folder for the backup's database")?;
    let opened = DataDir::open_or_create(&scratch.path().join("restored"))?;
    for entry in manifest.files.iter().filter(|entry| is_database(entry)) {
        copy(entry, from, opened.path())?;
    }
    sfumato_store_sqlite::check(&opened.database())?;
    let source = SqliteStore::open_inline(&opened.database(), clock.clone(), entropy.clone())?;
    database::migrate(settings).await?;
    let target = database::open_postgres(settings, &clock, &entropy).await?;
    rows::check(&source, &target).await?;
    let installation = source
        .installation()
        .await?
        .context("use the backup: there is no installation in its database")?;
    let blobs = storage::open(settings, &DataDir::unopened(&settings.data_dir), &entropy)?;
    storage::claim(
        &blobs,
        settings,
        &DataDir::unopened(&settings.data_dir),
        installation.id,
    )
    .await?;
    rows::copy(&source, &target).await?;
    let tally = if manifest.with_files {
        let kept = storage::open_folder(settings, &DataDir::unopened(from), &entropy)?;
        copy_blobs(&source, &kept, &blobs).await?
    } else {
        output::note(
            "there are no originals and results in this backup: `sfumato verify` says whether the storage has them",
        );
        Tally::default()
    };
    output::line(format!(
        "restored every row to {}, and {}",
        database::name(settings),
        tally.copied()
    ))?;
    let key = from.join("master.key");
    output::note(if manifest.with_keys {
        format!(
            "every process with the role `api` or `courier` needs the key {}: copy it, or name it by `master_key_file`",
            key.display()
        )
    } else {
        "there are no keys in this backup: every process with the role `api` or `courier` needs the installation's `master.key`"
            .to_owned()
    });
    if tally.missing > 0 {
        output::note(format!(
            "{} files had their time when the backup was made, and are not in it",
            tally.missing
        ));
    }
    // The manifest has shown that nothing else is missing.
    Tally { missing: 0, ..tally }.judge()
}

fn is_database(entry: &Entry) -> bool {
    entry.inside().is_ok_and(|path| path == Path::new(DATABASE))
}

fn copy(entry: &Entry, from: &Path, to: &Path) -> anyhow::Result<()> {
    let path = to.join(entry.inside()?);
    if let Some(folder) = path.parent() {
        make_dir(folder)?;
    }
    let mut file = private(to, &path)?;
    // Once more: the file may have changed since it was looked at.
    entry.verify(from, &mut file)?;
    file.sync_all()
        .and_then(|()| match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        })
        .with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use sfumato_core::Timestamp;

    use super::*;

    /// A backup of an empty database and one blob.
    fn backup() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        std::fs::create_dir_all(folder.path().join("blobs/results")).unwrap();
        std::fs::write(folder.path().join("blobs/results/a"), b"content").unwrap();
        drop(sfumato_store_sqlite::SqliteStore::migrate(&dir.database()).unwrap());
        Manifest::of(folder.path(), Timestamp::from_seconds(7), true, true)
            .unwrap()
            .write(folder.path())
            .unwrap();
        folder
    }

    #[test]
    fn what_is_restored_is_what_was_backed_up() {
        let (backup, place) = (backup(), tempfile::tempdir().unwrap());
        let data = place.path().join("data");
        restore(backup.path(), &data).unwrap();
        assert_eq!(std::fs::read(data.join("blobs/results/a")).unwrap(), b"content");
        assert!(!data.join("manifest.json").exists());
        assert!(!DataDir::open(&data).unwrap().is_open_to_others());
        let refused = restore(backup.path(), &data).unwrap_err();
        assert!(refused.to_string().contains("not empty"), "{refused}");
    }

    #[test]
    fn nothing_is_written_of_a_damaged_backup() {
        let (backup, place) = (backup(), tempfile::tempdir().unwrap());
        let data = place.path().join("data");
        std::fs::write(backup.path().join("blobs/results/a"), b"contend").unwrap();
        let refused = restore(backup.path(), &data).unwrap_err();
        assert!(refused.to_string().contains("is damaged"), "{refused}");
        std::fs::remove_file(backup.path().join("blobs/results/a")).unwrap();
        assert!(restore(backup.path(), &data).is_err());
        assert!(!data.exists());
    }
}
