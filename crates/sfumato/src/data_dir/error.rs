//! Why a data folder cannot be used, and what lets it be used.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::process::{getegid, geteuid};
use sfumato_store_sqlite::OpenError;
use thiserror::Error;

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
    /// The user that this process runs as may not, for it belongs to another one.
    #[error("{action} {}: it belongs to the user {owner}, and this is the user {user}; {}", path.display(), self.cure().unwrap_or_default())]
    Foreign {
        /// What was tried: a verb that stands before the path.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose this process is.
        user: u32,
        /// The group of this process.
        group: u32,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot use the database.
    #[error(transparent)]
    Database(#[from] OpenError),
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

impl DataDirError {
    /// The system refuses; where it is for the owner of what was tried, says so.
    pub(super) fn of(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let user = geteuid().as_raw();
        let owner = std::fs::metadata(&path).ok().map(|found| found.uid());
        match owner {
            Some(owner) if source.kind() == io::ErrorKind::PermissionDenied && owner != user => {
                Self::Foreign {
                    action,
                    path,
                    owner,
                    user,
                    group: getegid().as_raw(),
                    source,
                }
            }
            _ => Self::Io { action, path, source },
        }
    }

    /// Whether it is that there is no such file.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What lets this user at what belongs to another one.
    pub(crate) fn cure(&self) -> Option<String> {
        match self {
            Self::Foreign {
                path, user, group, ..
            } => Some(format!(
                "as root, `chown {user}:{group} {}` gives it to this one",
                path.display()
            )),
            _ => None,
        }
    }
}

/// The process of a number, in brackets; nothing where the number is not known.
pub(crate) fn process(pid: &str) -> String {
    if pid.is_empty() {
        String::new()
    } else {
        format!(" (process {pid})")
    }
}
