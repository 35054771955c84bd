//! Why the database file could not be opened, brought up to date or copied.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the database could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// SQLite refuses the file.
    #[error("open the database `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by a newer version.
    #[error(
        "the database `{path}` has migration {found}, which this version of Sfumato does not know (it knows {known}): start a newer version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The newest migration in the file.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// A migration that was applied is not the one that this version knows by that number.
    #[error(
        "migration {number} of the database `{path}` differs from the one that this version of Sfumato knows"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Which one.
        number: i64,
    },
    /// Pages of the file are not what they were.
    #[error(
        "the database `{path}` is damaged ({what}): keep a copy of the data folder and restore a backup; `sqlite3 {path} .recover` shows what can still be read"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first damage.
        what: String,
    },
    /// The operating system gives no thread or file.
    #[error("set up the database `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
}

impl OpenError {
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                what: source.to_string(),
            },
            _ => Self::Sqlite { path, source },
        }
    }
}
