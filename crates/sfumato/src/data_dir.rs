//! The data folder: what lies where, who may read it, and that one server uses it at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sfumato_core::time::random;
use sfumato_core::{Clock, Entropy, Store, WorkerId};
use sfumato_store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use thiserror::Error;

/// Names the run of the process that used the folder last.
const WORKER_FILE: &str = "worker";

/// Why the data folder cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataDirError {
    /// The system refuses.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried: a verb that stands before the path.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another server uses it.
    #[error(
        "lock the data folder {}: another sfumato server{} uses it; stop that one or choose another --data-dir (several \
         processes with one database need PostgreSQL, and a data folder each)",
        path.display(),
        process(pid)
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// What the lock file says; empty where the other one has not written it yet.
        pid: String,
    },
    /// There is no installation in it.
    #[error("find a database in {}: is --data-dir right? (`sfumato serve` and `sfumato client create` make one)", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// The master key is damaged.
    #[error("read the master key {}: it has {bytes} bytes where 32 are right; restore it from a backup", path.display())]
    DamagedKey {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
    },
}

fn process(pid: &str) -> String {
    if pid.is_empty() {
        String::new()
    } else {
        format!(" (process {pid})")
    }
}

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
        self.root.join("sfumato.db")
    }

    /// Opens the database, made and brought up to date where that is needed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(crate) fn open_store(
        &self,
        clock: &Arc<dyn Clock>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Arc<dyn Store>, OpenError> {
        let options = SqliteOptions::default();
        let store = SqliteStore::open(&self.database(), clock.clone(), entropy.clone(), options)?;
        Ok(Arc::new(store))
    }

    /// Originals and results. Made where it is missing.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn blobs(&self) -> Result<PathBuf, DataDirError> {
        let path = self.root.join("blobs");
        make_dir(&path)?;
        Ok(path)
    }

    /// Nameless files of media work. Made where it is missing.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn scratch(&self) -> Result<PathBuf, DataDirError> {
        let path = self.root.join("scratch");
        make_dir(&path)?;
        Ok(path)
    }

    /// Whether anybody but its owner can look into the folder.
    pub(crate) fn is_open_to_others(&self) -> bool {
        std::fs::metadata(&self.root).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    /// Takes the folder for this process, until the lock is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// [`DataDirError::InUse`], [`DataDirError::Io`].
    pub(crate) fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.root.join("lock");
        let wrong = |source| DataDirError::Io {
            action: "lock",
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The number only helps to find the other process; without it the message is still right.
                let _unreadable = file.read_to_string(&mut pid);
                return Err(DataDirError::InUse {
                    path: self.root.clone(),
                    pid: pid.trim().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        file.set_len(0).map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        Ok(Lock { _file: file })
    }

    /// Whether a process has taken the folder. Neither the folder nor the file of the lock is made or changed.
    pub(crate) fn is_locked(&self) -> bool {
        let file = File::open(self.root.join("lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The key from which all others are derived. Made at the first start, whole or not at all: a server that dies in
    /// between finds no half key at its next start.
    ///
    /// # Errors
    /// [`DataDirError::DamagedKey`], [`DataDirError::Io`].
    pub(crate) fn master_key(&self, entropy: &dyn Entropy) -> Result<[u8; 32], DataDirError> {
        let path = self.master_key_path();
        match self.read_master_key(&path) {
            Err(DataDirError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let key: [u8; 32] = random(entropy);
        self.write_durably(&path, &key)?;
        Ok(key)
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
        match self.read_master_key(&self.next_master_key_path()) {
            Ok(key) => Ok(Some(key)),
            Err(DataDirError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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
            .map_err(|source| DataDirError::Io {
                action: "replace",
                path,
                source,
            })
    }

    /// Where the keys of secrets lie, where the folder has its own.
    pub(crate) fn secrets_key_path(&self) -> PathBuf {
        self.root.join("secrets.key")
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
        let bytes = std::fs::read(path).map_err(|source| DataDirError::Io {
            action: "read the master key",
            path: path.to_owned(),
            source,
        })?;
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
            Err(source) => Err(DataDirError::Io {
                action: "read",
                path,
                source,
            }),
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
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(DataDirError::Io {
                action: "remove",
                path,
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Writes a file of the folder, whole or not at all, and replaces what is there.
    fn write_durably(&self, path: &Path, content: &[u8]) -> Result<(), DataDirError> {
        let wrong = |source| DataDirError::Io {
            action: "write",
            path: path.to_owned(),
            source,
        };
        let mut file = tempfile::NamedTempFile::new_in(&self.root).map_err(wrong)?;
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

/// The right to use a data folder.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
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
        .map_err(|source| DataDirError::Io {
            action: "make the folder",
            path: path.to_owned(),
            source,
        })
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

    #[test]
    fn one_holder_at_a_time_and_the_second_is_told_who_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(parent.path()).unwrap();
        assert!(!dir.is_locked());
        let lock = dir.lock().unwrap();
        assert!(dir.is_locked());
        let refusal = dir.lock().unwrap_err();
        let pid = std::process::id();
        assert!(
            refusal.to_string().contains(&format!("(process {pid})")),
            "{refusal}"
        );
        drop(lock);
        assert!(!dir.is_locked());
        dir.lock().unwrap();
    }
}
