//! Bringing a database up to date: numbered files, applied once, in order, in one transaction, with their hashes
//! remembered. An unknown (newer) or changed migration stops the start instead of guessing.
//!
//! Own lines instead of a crate: the one that suits two databases holds the SQLite driver several versions back, and reads
//! the wall clock.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use sfumato_failpoints::{Point, hit};
use sha2::{Digest, Sha256};

use crate::error::OpenError;

/// All migrations by number. A released one is never edited.
const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/0001_init.sql")),
    (2, include_str!("../migrations/0002_installation.sql")),
    (3, include_str!("../migrations/0003_deletions.sql")),
];

const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT;";

/// Applies what is missing and returns the numbers. Two processes that start at once take turns: the transaction writes from
/// its beginning.
pub(crate) fn apply(connection: &mut Connection, path: &Path) -> Result<Vec<i64>, OpenError> {
    let failed = failed(path);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(&failed)?;
    transaction.execute_batch(BOOKKEEPING).map_err(&failed)?;
    let missing = missing(&transaction, path)?;
    for (number, sql) in &missing {
        transaction.execute_batch(sql).map_err(&failed)?;
        hit(Point::MigrationHalf);
        transaction
            .execute(
                "INSERT INTO migrations (number, sha256) VALUES (?1, ?2)",
                params![number, hash(sql)],
            )
            .map_err(&failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(missing.into_iter().map(|(number, _)| number).collect())
}

/// What [`apply`] would apply to a database that has been migrated before.
pub(crate) fn pending(connection: &Connection, path: &Path) -> Result<Vec<i64>, OpenError> {
    let missing = missing(connection, path)?;
    Ok(missing.into_iter().map(|(number, _)| number).collect())
}

fn missing(connection: &Connection, path: &Path) -> Result<Vec<(i64, &'static str)>, OpenError> {
    let failed = failed(path);
    let found: i64 = connection
        .query_row("SELECT coalesce(max(number), 0) FROM migrations", [], |row| {
            row.get(0)
        })
        .map_err(&failed)?;
    let known = MIGRATIONS.last().map_or(0, |(number, _)| *number);
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let mut missing = Vec::new();
    for (number, sql) in MIGRATIONS {
        if *number > found {
            missing.push((*number, *sql));
            continue;
        }
        let applied: [u8; 32] = connection
            .query_row(
                "SELECT sha256 FROM migrations WHERE number = ?1",
                [number],
                |row| row.get(0),
            )
            .map_err(&failed)?;
        if applied != hash(sql) {
            return Err(OpenError::Changed {
                path: path.to_owned(),
                number: *number,
            });
        }
    }
    Ok(missing)
}

fn hash(sql: &str) -> [u8; 32] {
    Sha256::digest(sql.as_bytes()).into()
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
    move |source| OpenError::of(path, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        (folder, path)
    }

    #[test]
    fn every_statement_prepares_against_the_migrated_schema() {
        let (_folder, path) = file();
        let connection = crate::open::writer(&path).unwrap();
        for (name, sql) in crate::queries::ALL {
            if let Err(error) = connection.prepare(sql) {
                panic!("{name}: {error}");
            }
        }
    }

    #[test]
    fn a_second_start_applies_nothing_and_a_newer_or_changed_database_is_refused() {
        let (_folder, path) = file();
        let connection = crate::open::writer(&path).unwrap();
        drop(crate::open::writer(&path).unwrap());
        connection
            .execute("UPDATE migrations SET sha256 = zeroblob(32)", [])
            .unwrap();
        assert!(matches!(
            crate::open::writer(&path),
            Err(OpenError::Changed { number: 1, .. })
        ));
        connection
            .execute("INSERT INTO migrations VALUES (999, zeroblob(32))", [])
            .unwrap();
        assert!(matches!(
            crate::open::writer(&path),
            Err(OpenError::Newer { found: 999, .. })
        ));
    }

    #[test]
    fn no_statement_on_the_way_of_a_job_or_delivery_reads_a_whole_table() {
        let (_folder, path) = file();
        let connection = crate::open::writer(&path).unwrap();
        for (name, sql) in crate::queries::ALL {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let count = statement.parameter_count();
            let nothing = rusqlite::params_from_iter(vec![None::<i64>; count]);
            let steps: Vec<String> = statement
                .query_map(nothing, |row| row.get("detail"))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            for table in [
                "jobs",
                "events",
                "deliveries",
                "attempts",
                "due",
                "flying",
                "heads",
                "audit",
                "job_hours",
                "attempt_hours",
            ] {
                // A partial index holds only what is running, sending or queued, in the order that is asked for.
                let partial = |step: &str| {
                    ["jobs_queued", "jobs_running", "deliveries_sending"]
                        .iter()
                        .any(|index| step.ends_with(index))
                };
                let scans = steps
                    .iter()
                    .find(|step| step.starts_with(&format!("SCAN {table}")) && !partial(step));
                assert_eq!(scans, None, "{name}");
            }
        }
    }

    #[test]
    fn a_file_that_others_could_read_is_made_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = file();
        drop(crate::open::writer(&path).unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let _connection = crate::open::writer(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// The locks that this process holds on a file, as the kernel lists them.
    fn locks(path: &Path) -> usize {
        use std::os::unix::fs::MetadataExt;
        let inode = format!(":{} ", path.metadata().unwrap().ino());
        let all = std::fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(&inode)).count()
    }

    #[test]
    fn opening_a_second_time_keeps_the_locks_of_the_first() {
        let (_folder, path) = file();
        let _first = crate::open::writer(&path).unwrap();
        let held = locks(&path);
        assert!(held > 0, "a connection holds a lock as long as it is open");
        let _second = crate::open::writer(&path).unwrap();
        assert_eq!(locks(&path), held);
    }

    #[test]
    fn the_file_and_its_logs_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, path) = file();
        let connection = crate::open::writer(&path).unwrap();
        connection.execute("CREATE TABLE t (a)", []).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{:?}",
                entry.path()
            );
        }
    }
}
