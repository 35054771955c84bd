//! A copy of the database while it is written to.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::open;

/// Writes a copy of the database at `path` to `to`, which must not exist, and which only its owner can read. The copy shows
/// one commit, whatever is written meanwhile, and has no empty pages. Writers do not wait for it.
///
/// # Errors
/// [`OpenError`]: the database cannot be read, or the copy cannot be written.
pub fn backup(path: &Path, to: &Path) -> Result<(), OpenError> {
    open::make_private(to).map_err(|source| OpenError::Io {
        path: to.to_owned(),
        source,
    })?;
    let failed = |source| OpenError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(open::BUSY_TIMEOUT).map_err(failed)?;
    // An empty file is taken as none: it is there for its permissions.
    connection
        .execute("VACUUM INTO ?1", [to.to_string_lossy()])
        .map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_copy_that_is_made_while_somebody_writes_shows_one_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let writer = open::writer(&path).unwrap();
        writer
            .execute_batch("CREATE TABLE numbers (n INTEGER); CREATE TABLE sums (sum INTEGER); INSERT INTO sums VALUES (0);")
            .unwrap();
        let stop = AtomicBool::new(false);
        let add = |n: i64| {
            writer
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; INSERT INTO numbers VALUES ({n}); UPDATE sums SET sum = sum + {n}; COMMIT;"
                ))
                .unwrap();
        };
        for n in 0..2_000 {
            add(n);
        }
        std::thread::scope(|scope| {
            let copy = scope.spawn(|| {
                let copied = backup(&path, &to);
                stop.store(true, Ordering::Release);
                copied
            });
            let mut n = 2_000;
            while !stop.load(Ordering::Acquire) {
                add(n);
                n += 1;
            }
            copy.join().unwrap().unwrap();
        });
        assert_eq!(
            std::fs::metadata(&to).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let copy = open::reader(&to).unwrap();
        let (told, counted): (i64, i64) = copy
            .query_row(
                "SELECT (SELECT sum FROM sums), (SELECT sum(n) FROM numbers)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(told, counted);
        assert!(told >= (0..2_000).sum());
        open::check(&to).unwrap();
    }

    #[test]
    fn no_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, to) = (folder.path().join("a.db"), folder.path().join("b.db"));
        drop(open::writer(&path).unwrap());
        drop(open::writer(&to).unwrap());
        assert!(backup(&path, &to).is_err());
        open::check(&to).unwrap();
    }
}
