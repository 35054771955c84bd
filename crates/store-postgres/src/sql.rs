//! Small words for talking to PostgreSQL.

use std::sync::Arc;

use deadpool_postgres::Object;
use futures::{TryStreamExt, pin_mut};
use sfumato_core::store::{Admission, News};
use sfumato_core::time::{Clock, Entropy, LastLook};
use sfumato_core::{EndpointId, StoreError, Timestamp};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Row, Statement};

use crate::hook::{Gathered, Hook};

/// What a transaction needs beside the connection: the time, randomness for identifiers, and the courier.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hook: Arc<Hook>,
    pub(crate) last_look: Arc<LastLook>,
}

/// Parameters of a statement.
pub(crate) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// A connection that is in the middle of something. Unless it is given back, it is closed, and the server rolls back.
struct Busy(Option<Object>);

impl Busy {
    fn connection(&self) -> &Object {
        self.0
            .as_ref()
            .expect("it is there until it is given back, which consumes")
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

/// An open transaction. Statements of which none needs another's answer may be joined: they are sent without a wait in
/// between.
///
/// Where it is dropped before its end, because nobody waits for it any more, it is rolled back, and what it promised to the
/// courier is taken back.
pub(crate) struct Tx<'s> {
    busy: Busy,
    sources: &'s Sources,
    gathered: Gathered,
}

impl<'s> Tx<'s> {
    /// Opens a transaction by a `BEGIN` of some kind.
    pub(crate) async fn begin(
        connection: Object,
        begin: &str,
        sources: &'s Sources,
    ) -> Result<Self, tokio_postgres::Error> {
        let busy = Busy(Some(connection));
        busy.connection().batch_execute(begin).await?;
        Ok(Self {
            busy,
            sources,
            gathered: Gathered::new(sources.hook.clone()),
        })
    }

    /// Commits, and tells the news before it returns.
    pub(crate) async fn commit(self) -> Result<(), tokio_postgres::Error> {
        self.busy.connection().batch_execute("COMMIT").await?;
        self.busy.give_back();
        self.gathered.tell();
        Ok(())
    }

    /// Rolls back and gives the connection back, where that can be done.
    pub(crate) async fn roll_back(self) {
        if self.busy.connection().batch_execute("ROLLBACK").await.is_ok() {
            self.busy.give_back();
        }
    }

    async fn prepared(&self, sql: &str) -> Result<Statement, StoreError> {
        let statement = self.busy.connection().prepare_cached(sql).await;
        statement.map_err(unavailable)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sources.clock.now()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.sources.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.sources.entropy
    }

    /// A place with the courier of this process for a delivery that is about to be written. Taken back unless it is told.
    pub(crate) fn admit(&self, endpoint: EndpointId) -> Option<Admission> {
        self.sources.hook.admit(endpoint)
    }

    /// Remembers what is to be told if the transaction is committed.
    pub(crate) fn gather(&self, news: News) {
        self.gathered.add(news);
    }
}

/// What a failure of the database means to whoever asked.
pub(crate) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    let source = error.into();
    let refusal = source.downcast_ref::<tokio_postgres::Error>();
    if refusal.and_then(tokio_postgres::Error::code) == Some(&SqlState::DISK_FULL) {
        StoreError::Full { source }
    } else {
        StoreError::Unavailable { source }
    }
}

/// A number as a limit of rows.
pub(crate) fn as_limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Free text as PostgreSQL can keep it: without the one character that it refuses.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Runs a statement and returns the number of rows that it changed.
pub(crate) async fn execute(tx: &Tx<'_>, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
    let statement = tx.prepared(sql).await?;
    let changed = tx.busy.connection().execute(&statement, params).await;
    changed.map_err(unavailable)
}

/// Runs a statement that must change exactly one row: a pair assertion against what was read before.
pub(crate) async fn execute_one(
    tx: &Tx<'_>,
    table: &'static str,
    sql: &str,
    params: Params<'_>,
) -> Result<(), StoreError> {
    match execute(tx, sql, params).await? {
        1 => Ok(()),
        count => Err(StoreError::Corrupt {
            table,
            column: "id",
            row: "?".into(),
            why: format!("an update changed {count} rows where it must change one"),
        }),
    }
}

/// All rows of a query.
pub(crate) async fn query<T>(
    tx: &Tx<'_>,
    sql: &str,
    params: Params<'_>,
    mut read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let statement = tx.prepared(sql).await?;
    let rows = tx.busy.connection().query_raw(&statement, params.iter().copied());
    let rows = rows.await.map_err(unavailable)?;
    pin_mut!(rows);
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        all.push(read(&row)?);
    }
    Ok(all)
}

/// The one row of a query, if there is one.
pub(crate) async fn query_one<T>(
    tx: &Tx<'_>,
    sql: &str,
    params: Params<'_>,
    read: impl FnOnce(&Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let statement = tx.prepared(sql).await?;
    let row = tx.busy.connection().query_opt(&statement, params).await;
    row.map_err(unavailable)?.map(|row| read(&row)).transpose()
}

/// The one value of a query that always has a row.
pub(crate) async fn value<T>(tx: &Tx<'_>, sql: &str, params: Params<'_>) -> Result<T, StoreError>
where
    T: for<'r> FromSql<'r>,
{
    let statement = tx.prepared(sql).await?;
    let row = tx.busy.connection().query_one(&statement, params).await;
    row.and_then(|row| row.try_get(0)).map_err(unavailable)
}
