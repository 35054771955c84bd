//! Installations as versions with earlier schemas left them: what upgrades are tried on.
//!
//! `0001.sql` has the rows. It is written for PostgreSQL, and read for SQLite with two differences: there bytes are `x'00'` and
//! not `'\x00'`, and so are identifiers.

use std::path::Path;

use rusqlite::Connection;
use sfumato_core::{ClientId, JobId, PublicJobId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What all secrets of the installation are sealed under, and its tokens signed with.
pub const MASTER_KEY: [u8; 32] = [42; 32];

/// The login of its client.
pub const CLIENT_ID: &str = "client_fixture";
/// The client's secret.
pub const SECRET: &str = "secret_fixture";
/// The one before, in the overlap of a rotation.
pub const SECRET_BEFORE: &str = "secret_fixture_before";
/// An access token of a login that stands; it has expired.
pub const ACCESS_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiAic2Z1bWF0byIsICJhdWQiOiAic2Z1bWF0by1hcGkiLCAic3ViIjogIjAxOTAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSIsICJzaWQiOiAiMDE5MDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAzIiwgImlhdCI6IDE3MDAwMDAwMDAsICJleHAiOiAxNzAwMDAzNjAwLCAianRpIjogImZpeHR1cmVmaXh0dXJlMDAifQ.XqTJn7oYAC8fwKLXTmbC0S9E84UngyEfTeEXOztyQ84";
/// The refresh token beside it.
pub const REFRESH_TOKEN: &str = "rt_fixture";
/// The refresh token of a login that was ended.
pub const ENDED_REFRESH_TOKEN: &str = "rt_revoked";
/// A client that is shut out, and its secret.
pub const CLOSED_CLIENT: (&str, &str) = ("client_closed", "secret_closed");
/// The password of the administrator `ada`, of the member `bob`, and of `eve`, who is disabled.
pub const PASSWORD: &str = "correct horse battery staple";
/// The session of `ada`.
pub const SESSION: &str = "session_fixture";
/// The setup link of `carol`, who was invited.
pub const SETUP: &str = "setup_fixture";

/// Its endpoints: one that is called, one that is held, one that was deleted, one that is switched off.
pub const ENDPOINTS: [&str; 4] = [
    "01900000-0000-7000-8000-000000000010",
    "01900000-0000-7000-8000-000000000011",
    "01900000-0000-7000-8000-000000000012",
    "01900000-0000-7000-8000-000000000013",
];
/// The token that the first endpoint finds in `X-Auth-Token` until the overlap of its rotation is over.
pub const TOKEN_BEFORE: &str = "wis-wht_OLDOLDOLDOLDOLDOLDOLDOLD";
/// The bytes of the first endpoint's signing secret.
pub const SIGNING_SECRET: [u8; 32] = [10; 32];

/// What every result of it is.
pub const RESULT: &[u8] = b"hidden";

/// Its files, by their names in the storage.
pub const FILES: [(&str, &[u8]); 9] = [
    ("uploads/01900000-0000-7000-8000-000000000120", PICTURE),
    ("uploads/01900000-0000-7000-8000-000000000123", PICTURE),
    ("uploads/01900000-0000-7000-8000-000000000125", PICTURE),
    ("uploads/01900000-0000-7000-8000-000000000127", PICTURE),
    (
        "uploads/01900000-0000-7000-8000-000000000128",
        include_bytes!("clip.mp4"),
    ),
    (
        "given/01900000-0000-7000-8000-000000000125/4665e66677bcade6ec19249b1766c96ccf9c4336d18c30c0b716f4a504369720",
        br#"{"picture":{"width":48,"height":32,"frames":1,"detections":[]}}"#,
    ),
    ("results/01900000-0000-7000-8000-000000000221/media", RESULT),
    ("results/01900000-0000-7000-8000-000000000221/document", b"{}"),
    ("results/01900000-0000-7000-8000-000000000225/media", RESULT),
];

const PICTURE: &[u8] = include_bytes!("waiting.png");

/// The public identifier of one of its jobs, by the last two digits: 20 waits, 21 has succeeded, 22 failed, 23 was cancelled,
/// the result of 24 has expired, 25 has succeeded and its original is kept, 26 waits to render that again; 27, a picture, and
/// 28, a video, were being worked on.
pub fn job(number: u8) -> String {
    let id = |end: String| Uuid::try_parse(&format!("01900000-0000-7000-8000-{end:0>12}"));
    let client = id("1".to_owned()).expect("twelve digits at the end of an identifier");
    let job = id(number.to_string()).expect("twelve digits at the end of an identifier");
    let public = PublicJobId {
        client: ClientId::from_uuid(client),
        job: JobId::from_uuid(job),
    };
    public.to_string()
}

/// An installation of schema 1.
#[derive(Clone, Debug)]
pub struct Schema1 {
    now_us: i64,
    receiver: String,
}

impl Schema1 {
    /// One that was left a moment before `now_us`, in microseconds since 1970, and calls `receiver`.
    pub fn new(now_us: i64, receiver: &str) -> Self {
        Self {
            now_us,
            receiver: receiver.to_owned(),
        }
    }

    /// Leaves it in a data folder.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn leave_in(&self, data: &Path) {
        let key = ("master.key".into(), &MASTER_KEY[..]);
        let blobs = FILES.map(|(name, content)| (Path::new("blobs").join(name), content));
        for (name, content) in blobs.into_iter().chain([key]) {
            let path = data.join(name);
            std::fs::create_dir_all(path.parent().expect("it lies in a folder"))
                .expect("a folder can be made");
            std::fs::write(path, content).expect("a file can be written");
        }
        let connection = Connection::open(data.join("sfumato.db")).expect("a database can be made");
        connection
            .execute_batch(&self.script_for_sqlite())
            .expect("what SQLite has taken once");
    }

    fn script_for_sqlite(&self) -> String {
        let schema = schema("store-sqlite");
        let rows = format!(
            "INSERT INTO migrations VALUES (1, {});\n{}",
            hash(&schema),
            self.rows()
        );
        format!(
            "BEGIN;\n{schema}\nCREATE TABLE migrations (\n    number INTEGER PRIMARY KEY,\n    sha256 BLOB NOT NULL CHECK (length(sha256) = 32)\n) STRICT;\n{}\nCOMMIT;\n",
            for_sqlite(&rows)
        )
    }

    /// What makes its database of an empty one on PostgreSQL.
    ///
    /// # Panics
    /// Where the files of the checkout are not there.
    pub fn script_for_postgres(&self) -> String {
        let schema = schema("store-postgres");
        // The next event comes after those that are there.
        format!(
            "BEGIN;\n{schema}\nCREATE TABLE migrations (number bigint PRIMARY KEY, sha256 bytea NOT NULL CHECK (length(sha256) = 32));\n\
             INSERT INTO migrations VALUES (1, {});\n{}\n\
             SELECT setval(pg_get_serial_sequence('events', 'position'), max(position)) FROM events;\nCOMMIT;\n",
            hash(&schema),
            self.rows()
        )
    }

    fn rows(&self) -> String {
        const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
        let now = self.now_us;
        [
            ("{now}", now),
            ("{yesterday}", now - DAY_US),
            ("{month_ago}", now - 30 * DAY_US),
            ("{tomorrow}", now + DAY_US),
        ]
        .iter()
        .fold(read("src/earlier/0001.sql"), |sql, (name, time)| {
            sql.replace(name, &time.to_string())
        })
        .replace("{receiver}", &self.receiver)
    }
}

/// Every row of the tables of schema 1, in the columns that they had then, in one order: what an upgrade must not change.
///
/// # Panics
/// Where one of them is not there any more.
pub fn rows_on_sqlite(database: &Connection) -> Vec<String> {
    let rows = tables().into_iter().flat_map(|(table, columns)| {
        let columns: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
        let sql = format!(
            "SELECT '{table}|' || {} FROM {table}",
            columns.join(" || '|' || ")
        );
        texts(database, &sql)
    });
    sorted(rows.collect())
}

/// The same on PostgreSQL, which `ask` asks.
pub fn rows_on_postgres(ask: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let rows = tables().into_iter().flat_map(|(table, columns)| {
        let columns: Vec<_> = columns
            .iter()
            .map(|column| format!("quote_nullable({column}::text)"))
            .collect();
        ask(&format!(
            "SELECT concat_ws('|', '{table}', {}) FROM {table}",
            columns.join(", ")
        ))
    });
    sorted(rows.collect())
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

/// The tables of schema 1 with their columns, quoted, which are the same in both stores.
fn tables() -> Vec<(String, Vec<String>)> {
    let database = Connection::open_in_memory().expect("a database in memory");
    database
        .execute_batch(&schema("store-sqlite"))
        .expect("what SQLite has taken once");
    let tables = texts(
        &database,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    tables
        .into_iter()
        .map(|table| {
            let columns = format!("SELECT '\"' || name || '\"' FROM pragma_table_info('{table}')");
            let columns = texts(&database, &columns);
            (table, columns)
        })
        .collect()
}

fn texts(database: &Connection, sql: &str) -> Vec<String> {
    let rows = database.prepare(sql).and_then(|mut statement| {
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<Result<_, _>>()
    });
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The migration that makes schema 1, which is never edited.
fn schema(store: &str) -> String {
    read(&format!("../{store}/migrations/0001_init.sql"))
}

/// A file of the checkout, by its path from this crate on.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn hash(schema: &str) -> String {
    let digits = Sha256::digest(schema)
        .iter()
        .fold(String::new(), |mut digits, byte| {
            digits.push_str(&format!("{byte:02x}"));
            digits
        });
    format!("'\\x{digits}'")
}

/// No literal of the file has a quote in it, and no comment: every second piece between quotes is one.
fn for_sqlite(sql: &str) -> String {
    let mut is_literal = true;
    sql.split('\'').fold(String::new(), |mut read, piece| {
        is_literal = !is_literal;
        match (is_literal, piece.strip_prefix("\\x"), Uuid::try_parse(piece)) {
            (false, ..) => read.push_str(piece),
            (true, Some(digits), _) => read.push_str(&format!("x'{digits}'")),
            (true, None, Ok(id)) => read.push_str(&format!("x'{}'", id.simple())),
            (true, None, Err(_)) => read.push_str(&format!("'{piece}'")),
        }
        read
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Database;

    #[test]
    fn it_is_the_same_on_both_kinds_of_databases_and_every_table_has_rows() {
        let earlier = Schema1::new(1_900_000_000_000_000, "http://127.0.0.1:1/hook");
        let folder = tempfile::tempdir().unwrap();
        earlier.leave_in(folder.path());
        let connection = Connection::open(folder.path().join("sfumato.db")).unwrap();
        let rows = rows_on_sqlite(&connection);
        let dangling = texts(&connection, "SELECT \"table\" FROM pragma_foreign_key_check");
        assert_eq!(dangling, [""; 0]);
        let postgres = Database::create();
        postgres.rows(&earlier.script_for_postgres());
        let on_postgres = rows_on_postgres(|sql| postgres.rows(sql));
        let of = |rows: &[String], table: &str| {
            let begin = format!("{table}|");
            rows.iter().filter(|row| row.starts_with(&begin)).count()
        };
        for (table, _) in tables() {
            assert!(of(&rows, &table) > 0, "{table} is empty");
            // Numbers are rows of differences there.
            if !["client_totals", "job_hours"].contains(&table.as_str()) {
                assert_eq!(of(&on_postgres, &table), of(&rows, &table), "{table}");
            }
        }
    }

    #[test]
    fn bytes_and_identifiers_are_read_for_sqlite() {
        let id = "01900000-0000-7000-8000-0000000000ee";
        assert_eq!(
            for_sqlite(&format!("VALUES ('{id}', '\\x00ff', 'a b', '', NULL)")),
            "VALUES (x'019000000000700080000000000000ee', x'00ff', 'a b', '', NULL)"
        );
    }
}
