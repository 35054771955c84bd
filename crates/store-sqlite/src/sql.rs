//! Small words for talking to SQLite.

use rusqlite::{Connection, OptionalExtension, Params, Row, ffi};
use sfumato_core::StoreError;
use sfumato_core::time::{Clock, Entropy, LastLook};
use std::sync::Arc;

use crate::hook::Hook;

/// What a transaction needs beside the connection: the time, randomness for identifiers, and the courier.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hook: Arc<Hook>,
    pub(crate) last_look: Arc<LastLook>,
}

impl Sources {
    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, hook: Arc<Hook>) -> Self {
        Self {
            clock,
            entropy,
            hook,
            last_look: Arc::default(),
        }
    }
}

/// What a failure of the database means to whoever asked.
pub(crate) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    let source = error.into();
    if is_full(&*source) {
        StoreError::Full { source }
    } else {
        StoreError::Unavailable { source }
    }
}

/// Whether a write found no room: on the disk, within a quota of the file system, or below a limit on the size of files, which
/// SQLite tells as a write that failed.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    const NO_ROOM: [i32; 3] = [
        ffi::SQLITE_FULL,
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_SHMSIZE,
    ];
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .filter_map(|error| error.downcast_ref::<rusqlite::Error>()?.sqlite_error())
        .any(|error| NO_ROOM.contains(&error.extended_code))
}

/// Runs a statement and returns the number of rows that it changed.
pub(crate) fn execute(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    conn.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(unavailable)
}

/// Runs a statement that must change exactly one row: a pair assertion against what was read before.
pub(crate) fn execute_one(
    conn: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
) -> Result<(), StoreError> {
    match execute(conn, sql, params)? {
        1 => Ok(()),
        count => Err(StoreError::Corrupt {
            table,
            column: "id",
            row: "?".into(),
            why: format!("an update changed {count} rows where it must change one"),
        }),
    }
}

/// A number of rows, as SQLite wants it.
pub(crate) fn as_limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// All rows of a query.
pub(crate) fn query<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(params).map_err(unavailable)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The one row of a query, if there is one.
pub(crate) fn query_one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(unavailable)?;
    statement
        .query_row(params, |row| Ok(read(row)))
        .optional()
        .map_err(unavailable)?
        .transpose()
}
