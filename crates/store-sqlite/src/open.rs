//! Opening the database file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::migrations;

/// How long a connection waits for another process that writes.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// Pages that the writer keeps in memory, in KiB: enough for the indexes of 100,000 waiting deliveries, where SQLite's 2 MiB
/// would read pages again and again.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// Pages in the log after which they are brought into the database file: 16 MiB. The same pages are written by commit after
/// commit, and each of them goes into the file once; SQLite's 1,000 would do that four times as often.
const CHECKPOINT_PAGES: i64 = 4_000;

/// How the store works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Connections that read at the same time.
    pub readers_max: usize,
    /// Requests that wait for the writer at most; whoever comes then waits before the queue.
    pub queue_max: usize,
    /// Requests that share one commit at most.
    pub batch_max: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers_max: 4,
            queue_max: 1024,
            batch_max: 512,
        }
    }
}

/// A file up to this size is looked through at every start, in a few hundredths of a second. A larger one would keep the start
/// waiting; there a damage is found when it is met, or by [`check`].
const LOOKED_THROUGH_BYTES_MAX: u64 = 32 << 20;

/// Looks through all of the database at `path`, its indexes too: at least a second for each gigabyte.
///
/// # Errors
/// [`OpenError::Damaged`]; [`OpenError::Sqlite`] where it cannot be read.
pub fn check(path: &Path) -> Result<(), OpenError> {
    let connection = reader(path).map_err(|source| OpenError::of(path, source))?;
    look_through(&connection, path, "PRAGMA integrity_check(1)")
}

fn look_through(connection: &Connection, path: &Path, sql: &str) -> Result<(), OpenError> {
    let what: String = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(|source| OpenError::of(path, source))?;
    if what == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        what,
    })
}

/// Opens the writing connection: makes the file (readable by its owner alone) and brings it up to date.
pub(crate) fn writer(path: &Path) -> Result<Connection, OpenError> {
    migrated(path).map(|(connection, _)| connection)
}

/// The same, with the numbers of the migrations that were missing.
pub(crate) fn migrated(path: &Path) -> Result<(Connection, Vec<i64>), OpenError> {
    make_private(path).map_err(|source| OpenError::Io {
        path: path.to_owned(),
        source,
    })?;
    let failed = |source| OpenError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    // FULL: a commit that was answered is on the disk, whatever happens to the power afterwards.
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    // A negative number counts in KiB, a positive one in pages.
    connection
        .pragma_update(None, "cache_size", -WRITER_CACHE_KIB)
        .map_err(failed)?;
    connection
        .pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
        .map_err(failed)?;
    // What a savepoint would bring back lies in memory: a file would be opened and written in every transaction. The most is
    // some 40 MB, for a moment: when an endpoint is deleted at which 100,000 deliveries wait.
    connection
        .pragma_update(None, "temp_store", "MEMORY")
        .map_err(failed)?;
    if std::fs::metadata(path).is_ok_and(|file| file.len() <= LOOKED_THROUGH_BYTES_MAX) {
        look_through(&connection, path, "PRAGMA quick_check(1)")?;
    }
    let applied = migrations::apply(&mut connection, path)?;
    Ok((connection, applied))
}

/// The numbers of the migrations that are missing in a file that exists.
pub(crate) fn pending(path: &Path) -> Result<Vec<i64>, OpenError> {
    let connection = reader(path).map_err(|source| OpenError::of(path, source))?;
    migrations::pending(&connection, path)
}

/// Makes the file where it is missing, and readable by its owner alone. SQLite gives its log files the same mode.
///
/// A file that exists is not opened: closing it again would drop the locks that other connections of this process hold
/// on it (POSIX advisory locks belong to the process; see "How To Corrupt An SQLite Database File", 2.2).
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    use std::fs::{OpenOptions, Permissions, metadata, set_permissions};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    match OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            if metadata(path)?.permissions().mode() & 0o077 == 0 {
                return Ok(());
            }
            set_permissions(path, Permissions::from_mode(0o600))
        }
        other => other.map(drop),
    }
}

/// Opens a connection that can only read.
pub(crate) fn reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}
