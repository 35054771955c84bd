//! What a server that has been stopped has left in its database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::files;

/// A copy of the database of a data folder: whoever looks at the original brings its log into it, and the next start would
/// find another file than the one that was left behind.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    _copy: TempDir,
}

impl Database {
    /// Copies database and log of a data folder whose server has ended.
    ///
    /// # Errors
    /// When there is none.
    pub fn left_in(data: &Path) -> Result<Self> {
        let copy = TempDir::new()?;
        let database = copy.path().join("sfumato.db");
        std::fs::copy(data.join("sfumato.db"), &database).context("copy the database")?;
        let log = data.join("sfumato.db-wal");
        if log.is_file() {
            std::fs::copy(log, copy.path().join("sfumato.db-wal")).context("copy its log")?;
        }
        let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Ok(Self {
            connection,
            _copy: copy,
        })
    }

    /// For questions of one test.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The deliveries, by their `webhook-id`, that were leased: they were on their way, or about to be, or their answers were
    /// not recorded.
    ///
    /// # Errors
    /// When SQLite cannot read the file.
    pub fn deliveries_on_their_way(&self) -> Result<BTreeSet<String>> {
        let mut statement = self
            .connection
            .prepare("SELECT id FROM deliveries WHERE state = 'sending'")?;
        let ids = statement.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        let ids = ids.map(|id| Ok(uuid::Uuid::from_bytes(id?).to_string()));
        ids.collect()
    }

    /// The tables, indexes and triggers, as they were made.
    ///
    /// # Errors
    /// When SQLite cannot read the file.
    pub fn schema(&self) -> Result<Vec<String>> {
        self.texts("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>().context(sql.to_owned())
    }

    /// What does not hold, in words, of the database of an installation that had come to rest: nothing waits, nothing runs,
    /// originals are not kept after their jobs.
    ///
    /// # Errors
    /// When SQLite cannot read the file.
    pub fn broken(&self, data: &Path) -> Result<Vec<String>> {
        let mut broken = Vec::new();
        let damages = self.texts("PRAGMA integrity_check")?;
        if damages != ["ok"] {
            broken.extend(damages);
        }
        for (what, sql) in DANGLING.iter().chain(WRONG) {
            let rows = self.texts(sql)?;
            broken.extend(rows.into_iter().map(|row| format!("{row}: {what}")));
        }
        broken.extend(self.wrong_blobs(&data.join("blobs"))?);
        Ok(broken)
    }

    /// Blobs that are not what their rows say, or have no row, or are to have been deleted.
    fn wrong_blobs(&self, blobs: &Path) -> Result<Vec<String>> {
        let mut wanted = BTreeMap::new();
        let mut statement = self.connection.prepare(RESULTS)?;
        let results = statement.query_map([], |row| {
            Ok((
                row.get::<_, [u8; 16]>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, [u8; 32]>(2)?,
            ))
        })?;
        for result in results {
            let (id, part, sha256) = result?;
            let id = uuid::Uuid::from_bytes(id).to_string();
            wanted.insert(blobs.join("results").join(id).join(part), sha256);
        }
        let mut wrong = Vec::new();
        // Whose the storage is, beside what it holds.
        let owner = blobs.join("installation");
        for file in files::below(blobs).into_iter().filter(|file| *file != owner) {
            match wanted.remove(&file) {
                None => wrong.push(format!("{} is a blob that nobody needs", file.display())),
                Some(sha256) if sha256 != <[u8; 32]>::from(Sha256::digest(std::fs::read(&file)?)) => {
                    wrong.push(format!("{} is not what its row says", file.display()));
                }
                Some(_) => {}
            }
        }
        wrong.extend(wanted.keys().map(|file| format!("{} is missing", file.display())));
        Ok(wrong)
    }
}

/// The results that can be downloaded: identifier, part, hash.
const RESULTS: &str = "
    SELECT result, 'media', result_sha256 FROM jobs WHERE state = 'succeeded'
    UNION ALL
    SELECT result, 'document', document_sha256 FROM jobs WHERE state = 'succeeded' AND document_sha256 IS NOT NULL";

/// One query for all of [`WRONG`], in words: on PostgreSQL identifiers are no bytes.
pub(crate) fn wrong_on_postgres() -> String {
    let wrong = WRONG.iter().map(|(what, sql)| {
        let rows = sql.replace("hex(", "text(");
        format!("SELECT found || ': {what}' FROM ({rows}) AS wrong (found)")
    });
    wrong.collect::<Vec<_>>().join(" UNION ALL ")
}

/// What SQLite alone can have: PostgreSQL checks each reference as it is written.
const DANGLING: &[(&str, &str)] = &[(
    "refers to what is not there",
    "SELECT \"table\" || ' ' || coalesce(rowid, '') FROM pragma_foreign_key_check",
)];

/// Rows that there must not be, and what is wrong with them.
const WRONG: &[(&str, &str)] = &[
    (
        "a job that has not ended",
        "SELECT hex(id) || ' ' || state FROM jobs WHERE state IN ('queued', 'running')",
    ),
    (
        "a job whose original was not deleted",
        "SELECT hex(id) FROM jobs WHERE NOT upload_deleted",
    ),
    (
        "a job that did not end with one event",
        "SELECT hex(id) || ' ' || state FROM jobs
         WHERE (SELECT count(*) FROM events WHERE job = jobs.id AND events.status IN ('Succeeded', 'Failed'))
               <> CASE state WHEN 'cancelled' THEN 0 ELSE 1 END",
    ),
    (
        "a job whose events are not numbered",
        "SELECT hex(job) FROM events GROUP BY job HAVING max(sequence) <> count(*)",
    ),
    (
        "an event that an older endpoint was not told",
        "SELECT hex(events.job) || ' ' || events.status FROM events JOIN endpoints ON endpoints.client = events.client
         WHERE endpoints.deleted_at IS NULL AND endpoints.created_at < events.at AND NOT EXISTS
               (SELECT 1 FROM deliveries WHERE deliveries.event = events.id AND deliveries.endpoint = endpoints.id)",
    ),
    (
        "a delivery that is not closed",
        "SELECT hex(id) || ' ' || state FROM deliveries WHERE state IN ('pending', 'sending')",
    ),
    (
        "a delivery that is said to be delivered and was not acknowledged",
        "SELECT hex(id) FROM deliveries WHERE state = 'delivered' AND NOT EXISTS
               (SELECT 1 FROM attempts WHERE attempts.delivery = deliveries.id AND attempts.outcome = 'ok')",
    ),
    (
        "a replay that still runs",
        "SELECT hex(id) FROM replays WHERE state = 'running'",
    ),
];
