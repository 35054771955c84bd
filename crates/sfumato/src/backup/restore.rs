//! From a backup to a data folder.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::Context;

use super::ensure_empty;
use super::manifest::{Entry, Manifest, private};
use crate::data_dir::{DataDir, make_dir};
use crate::output;

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
    let is_database = |entry: &&Entry| entry.inside().is_ok_and(|path| path == Path::new(DATABASE));
    for entry in manifest.files.iter().filter(|entry| !is_database(entry)) {
        copy(entry, from, dir.path())?;
    }
    for entry in manifest.files.iter().filter(is_database) {
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

fn copy(entry: &Entry, from: &Path, to: &Path) -> anyhow::Result<()> {
    let path = to.join(entry.inside()?);
    if let Some(folder) = path.parent() {
        make_dir(folder)?;
    }
    let mut file = private(&path)?;
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
