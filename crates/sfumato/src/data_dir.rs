//! The data folder: what lies where, who may read it, and that one server uses it at a time.

mod error;
mod lock;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use sfumato_core::time::random;
use sfumato_core::{Clock, Entropy, Store, WorkerId};
use sfumato_engine::ownership::hand_over;
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};

pub(crate) use error::{DataDirError, process};
pub(crate) use lock::Lock;

/// Names the run of the process that used the folder last.
const WORKER_FILE: &str = "worker";

/// The database on SQLite.
const DATABASE: &str = "sfumato.db";

/// A data folder that exists.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Opens the folder, or makes it so that only its owner can look into it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn open_or_create(root: &Path) -> Result<Self, DataDirError> {
        make_dir(root)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Opens a folder that has a database in it.
    ///
    /// # Errors
    /// [`DataDirError::Missing`].
    pub(crate) fn open(root: &Path) -> Result<Self, DataDirError> {
        let dir = Self {
            root: root.to_owned(),
        };
        if dir.database().is_file() {
            Ok(dir)
        } else {
            Err(DataDirError::Missing {
                path: root.to_owned(),
            })
        }
    }

    /// A folder that need not exist, to say what would lie where.
    pub(crate) fn unopened(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    /// Opens the database, made and brought up to date where that is needed.
    ///
    /// # Errors
    /// [`DataDirError::Database`], [`DataDirError::Foreign`], [`DataDirError::Io`].
    pub(crate) fn open_store(
        &self,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Arc<dyn Store>, DataDirError> {
        Ok(Arc::new(self.open_sqlite(clock, entropy)?))
    }

    /// [`DataDir::open_store`], for whoever needs more of it than a store.
    ///
    /// # Errors
    /// As [`DataDir::open_store`].
    pub(crate) fn open_sqlite(
        &self,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<SqliteStore, DataDirError> {
        let path = self.make_database_file()?;
        let options = SqliteOptions::default();
        let store = SqliteStore::open(&path, clock.clone(), entropy.clone(), options)?;
        Ok(store)
    }

    /// Makes the file of the database where it is missing, empty, for the owner of the folder. SQLite gives its log files the
    /// same owner and mode.
    ///
    /// # Errors
    /// [`DataDirError::Foreign`], also of a log file; [`DataDirError::Io`].
    pub(crate) fn make_database_file(&self) -> Result<PathBuf, DataDirError> {
        let path = self.database();
        let wrong = |source| DataDirError::of("make the database", &path, source);
        match OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&path)
        {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(wrong(error)),
            _ => hand_over(&self.root, Path::new(DATABASE)).map_err(wrong)?,
        }
        // SQLite says of a file that it may not read that it cannot be opened, and not why. Asked, not opened: whoever closes it
        // drops the locks that this process has on it.
        for name in [DATABASE, "sfumato.db-wal", "sfumato.db-shm"] {
            let file = self.root.join(name);
            let wanted = Access::READ_OK | Access::WRITE_OK;
            match accessat(CWD, &file, wanted, AtFlags::EACCESS).map_err(io::Error::from) {
                Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(DataDirError::of("open the database", &file, source));
                }
                _ => {}
            }
        }
        Ok(path)
    }

    /// Originals and results. Made where it is missing.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn blobs(&self) -> Result<PathBuf, DataDirError> {
        self.folder("blobs")
    }

    /// A folder inside, made for the owner of this one where it is missing.
    fn folder(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.root.join(name);
        make_dir(&path)?;
        self.leave_to_owner(Path::new(name))?;
        Ok(path)
    }

    /// Gives what was made inside to the owner of the folder, with the folders on the way to it: root's commands are given beside
    /// the server of another user.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn leave_to_owner(&self, inside: &Path) -> Result<(), DataDirError> {
        let wrong = |source| DataDirError::of("give away", &self.root.join(inside), source);
        hand_over(&self.root, inside).map_err(wrong)
    }

    /// Nameless files of media work. Made where it is missing.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn scratch(&self) -> Result<PathBuf, DataDirError> {
        self.folder("scratch")
    }

    /// Whether anybody but its owner can look into the folder.
    pub(crate) fn is_open_to_others(&self) -> bool {
        std::fs::metadata(&self.root).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    /// The key from which all others are derived. Made at the first start, whole or not at all: a server that dies in
    /// between finds no half key at its next start.
    ///
    /// # Errors
    /// [`DataDirError::DamagedKey`], [`DataDirError::Io`].
    pub(crate) fn master_key(&self, entropy: &dyn Entropy) -> Result<[u8; 32], DataDirError> {
        if let Some(key) = self.own_master_key()? {
            return Ok(key);
        }
        let key: [u8; 32] = random(entropy);
        self.write_durably(&self.master_key_path(), &key)?;
        Ok(key)
    }

    /// The same key, where there is one.
    ///
    /// # Errors
    /// [`DataDirError::DamagedKey`], [`DataDirError::Foreign`], [`DataDirError::Io`].
    pub(crate) fn own_master_key(&self) -> Result<Option<[u8; 32]>, DataDirError> {
        self.key_if_any(&self.master_key_path())
    }

    fn key_if_any(&self, path: &Path) -> Result<Option<[u8; 32]>, DataDirError> {
        match self.read_master_key(path) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where the master key lies that this folder has.
    pub(crate) fn master_key_path(&self) -> PathBuf {
        self.root.join("master.key")
    }

    /// Where the key lies that takes the place of the master key, while it is being rotated.
    pub(crate) fn next_master_key_path(&self) -> PathBuf {
        self.root.join("master.key.next")
    }

    /// The key that takes the place of the master key, where a rotation has begun and not ended.
    ///
    /// # Errors
    /// [`DataDirError::DamagedKey`], [`DataDirError::Io`].
    pub(crate) fn next_master_key(&self) -> Result<Option<[u8; 32]>, DataDirError> {
        self.key_if_any(&self.next_master_key_path())
    }

    /// Puts the next master key beside the present one, before the database knows it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn write_next_master_key(&self, key: &[u8; 32]) -> Result<(), DataDirError> {
        self.write_durably(&self.next_master_key_path(), key)
    }

    /// Puts the next master key in the place of the present one, which is gone then. To be called when the database knows it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn put_next_master_key_in_place(&self) -> Result<(), DataDirError> {
        let path = self.master_key_path();
        std::fs::rename(self.next_master_key_path(), &path)
            .and_then(|()| self.sync())
            .map_err(|source| DataDirError::of("replace", &path, source))
    }

    /// Where the keys of secrets lie, where the folder has its own.
    pub(crate) fn secrets_key_path(&self) -> PathBuf {
        self.root.join("secrets.key")
    }

    /// The keys of secrets, one a line; `None` where the folder has none of its own.
    ///
    /// # Errors
    /// [`DataDirError::Foreign`], [`DataDirError::Io`].
    pub(crate) fn secrets_keys(&self) -> Result<Option<String>, DataDirError> {
        let path = self.secrets_key_path();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::of("read the keys of secrets in", &path, source)),
        }
    }

    /// Writes the keys of secrets, and replaces those that are there.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn write_secrets_keys(&self, text: &str) -> Result<(), DataDirError> {
        self.write_durably(&self.secrets_key_path(), text.as_bytes())
    }

    /// Reads a master key.
    ///
    /// # Errors
    /// [`DataDirError::DamagedKey`], [`DataDirError::Io`].
    pub(crate) fn read_master_key(&self, path: &Path) -> Result<[u8; 32], DataDirError> {
        let bytes =
            std::fs::read(path).map_err(|source| DataDirError::of("read the master key", path, source))?;
        <[u8; 32]>::try_from(&bytes[..]).map_err(|_| DataDirError::DamagedKey {
            path: path.to_owned(),
            bytes: bytes.len(),
        })
    }

    /// Who held leases when this folder was used last; `None` where it was not, or where the file is damaged: then the leases
    /// have to expire.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn earlier_worker(&self) -> Result<Option<WorkerId>, DataDirError> {
        let path = self.root.join(WORKER_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::of("read", &path, source)),
        }
    }

    /// Writes down who holds leases from now on. To be called when those of the earlier one are free, and before the first
    /// claim.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn remember_worker(&self, worker: WorkerId) -> Result<(), DataDirError> {
        let path = self.root.join(WORKER_FILE);
        self.write_durably(&path, format!("{worker}\n").as_bytes())
    }

    /// Where the link lies that makes the first administrator.
    pub(crate) fn setup_link_path(&self) -> PathBuf {
        self.root.join("setup-link")
    }

    /// Keeps the link that makes the first administrator where only the owner of the folder can read it.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn write_setup_link(&self, link: &str) -> Result<(), DataDirError> {
        self.write_durably(&self.setup_link_path(), format!("{link}\n").as_bytes())
    }

    /// Removes the link of an earlier start, which has become void.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn remove_setup_link(&self) -> Result<(), DataDirError> {
        let path = self.setup_link_path();
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(DataDirError::of("remove", &path, source))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file of the folder, whole or not at all, and replaces what is there.
    fn write_durably(&self, path: &Path, content: &[u8]) -> Result<(), DataDirError> {
        let wrong = |source| DataDirError::of("write", path, source);
        let mut file = tempfile::NamedTempFile::new_in(&self.root).map_err(wrong)?;
        // Before it takes the place of one that the owner could read.
        let name = file.path().file_name().unwrap_or_default();
        hand_over(&self.root, Path::new(name)).map_err(wrong)?;
        file.write_all(content)
            .and_then(|()| file.as_file().sync_all())
            .map_err(wrong)?;
        file.persist(path).map_err(|error| wrong(error.error))?;
        self.sync().map_err(wrong)
    }

    /// Names are durable when the folder is.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.root).and_then(|dir| dir.sync_all())
    }
}

/// Makes a folder that only its owner can look into; one that is there stays as it is.
///
/// # Errors
/// [`DataDirError::Io`].
pub(crate) fn make_dir(path: &Path) -> Result<(), DataDirError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DataDirError::of("make the folder", path, source))
}

#[cfg(test)]
mod tests {
    use sfumato_engine::system::SystemEntropy;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_and_its_key_are_for_their_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(&parent.path().join("data")).unwrap();
        let key = dir.master_key(&SystemEntropy).unwrap();
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.blobs().unwrap()), 0o700);
        assert_eq!(mode(&dir.path().join("master.key")), 0o600);
        assert!(!dir.is_open_to_others());
        assert_eq!(dir.master_key(&SystemEntropy).unwrap(), key, "the key stays");
        assert_ne!(key, [0; 32]);
        let names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "nothing else is left: {names:?}");
    }

    #[test]
    fn who_used_the_folder_last_is_remembered() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(parent.path()).unwrap();
        assert_eq!(dir.earlier_worker().unwrap(), None);
        for _ in 0..2 {
            let worker = WorkerId::new(&sfumato_engine::system::SystemClock, &SystemEntropy);
            dir.remember_worker(worker).unwrap();
            assert_eq!(dir.earlier_worker().unwrap(), Some(worker));
        }
        std::fs::write(parent.path().join("worker"), "half").unwrap();
        assert_eq!(dir.earlier_worker().unwrap(), None);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(parent.path()).unwrap();
        std::fs::write(parent.path().join("master.key"), b"short").unwrap();
        assert!(matches!(
            dir.master_key(&SystemEntropy),
            Err(DataDirError::DamagedKey { bytes: 5, .. })
        ));
        assert_eq!(std::fs::read(parent.path().join("master.key")).unwrap(), b"short");
    }
}
