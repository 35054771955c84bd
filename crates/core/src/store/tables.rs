//! All rows of a store, as they lie there: for whoever moves an installation from one database to another.
//!
//! The only part of the port that knows tables. Both databases have the same ones with the same columns; what differs is how
//! each writes a value down.

use async_trait::async_trait;

use super::StoreError;

/// A value of a column, in whichever way a database keeps it: identifiers are bytes, truth is 0 or 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the columns that were asked for.
pub type Row = Vec<Value>;

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns by which each of its rows is found, and in whose order they are read.
    pub key: &'static [&'static str],
    /// Whether it is kept by the changes of other tables: a copy replaces what those have made of it. What is not its key are
    /// sums, of which a store may keep several rows: it reads one of each key.
    pub counts: bool,
}

const fn table(name: &'static str, key: &'static [&'static str]) -> Table {
    Table {
        name,
        key,
        counts: false,
    }
}

const fn counters(name: &'static str, key: &'static [&'static str]) -> Table {
    Table {
        name,
        key,
        counts: true,
    }
}

/// Every table, in an order in which each row comes after those that it refers to.
pub const TABLES: [Table; 21] = [
    table("installation", &["one"]),
    table("clients", &["id"]),
    table("logins", &["id"]),
    table("refresh_tokens", &["hash"]),
    table("users", &["id"]),
    table("user_identities", &["issuer", "subject"]),
    table("user_sessions", &["id"]),
    table("setup_links", &["token"]),
    table("jobs", &["id"]),
    table("turns", &["client", "long"]),
    table("idempotency_keys", &["client", "key"]),
    table("parts", &["job", "number"]),
    table("events", &["position"]),
    table("endpoints", &["id"]),
    table("deliveries", &["id"]),
    table("attempts", &["delivery", "started_at", "id"]),
    table("replays", &["id"]),
    table("attempt_hours", &["endpoint", "hour"]),
    table("audit", &["id"]),
    counters("client_totals", &["client"]),
    counters("job_hours", &["hour", "client"]),
];

/// A store whose rows can be read.
#[async_trait]
pub trait RowSource: Send + Sync {
    /// The columns of a table that hold what no other column does, by name.
    async fn columns(&self, table: Table) -> Result<Vec<String>, StoreError>;

    /// How many rows a table has.
    async fn count_rows(&self, table: Table) -> Result<u64, StoreError>;

    /// Up to `limit` rows of a table in the order of its key, after the row with the key `after` or from the first one on.
    async fn rows_after(
        &self,
        table: Table,
        columns: &[String],
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// A store into which rows can be copied, while nobody else uses it.
#[async_trait]
pub trait RowTarget: RowSource {
    /// Adds rows in one transaction, and leaves those as they are that are there already. Returns how many were added.
    async fn add_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<u64, StoreError>;

    /// Replaces every row of a table in one transaction.
    async fn replace_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<(), StoreError>;

    /// Makes what is written from now on follow what was copied.
    async fn end_copy(&self) -> Result<(), StoreError>;
}
