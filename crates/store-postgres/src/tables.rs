//! All rows as they lie there, for a copy from one store into another. The one place where statements are made from names:
//! there is a table of which each is for.

use std::collections::BTreeMap;
use std::fmt::Write;

use async_trait::async_trait;
use sfumato_core::StoreError;
use sfumato_core::store::{Row, RowSource, RowTarget, TABLES, Table, Value};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::postgres::PostgresStore;
use crate::queries;
use crate::sql::{Tx, execute, query, text, unavailable, value as value_of};

/// Of this database alone: the other one numbers events by what is there.
const CONTINUE_POSITIONS: &str = include_str!("copying/continue_positions.sql");

/// Names as SQL writes them.
fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

fn all(columns: &[String]) -> impl Iterator<Item = &str> {
    columns.iter().map(String::as_str)
}

/// The types of a table's columns by name, as PostgreSQL calls them, without those that are generated.
async fn types(tx: &Tx<'_>, table: Table) -> Result<BTreeMap<String, String>, StoreError> {
    let pairs = query(tx, queries::COLUMNS_OF_TABLE, &[&table.name], |row| {
        let pair = row.try_get(0).and_then(|name| Ok((name, row.try_get(1)?)));
        pair.map_err(unavailable)
    })
    .await?;
    Ok(pairs.into_iter().collect())
}

fn value(row: &tokio_postgres::Row, index: usize) -> Result<Value, StoreError> {
    let read = match *row.columns()[index].type_() {
        Type::UUID => row
            .try_get::<_, Option<Uuid>>(index)
            .map(|id| id.map(|id| Value::Bytes(id.into_bytes().to_vec()))),
        Type::BYTEA => row
            .try_get::<_, Option<Vec<u8>>>(index)
            .map(|bytes| bytes.map(Value::Bytes)),
        Type::BOOL => row
            .try_get::<_, Option<bool>>(index)
            .map(|truth| truth.map(|truth| Value::Integer(truth.into()))),
        Type::FLOAT8 => row
            .try_get::<_, Option<f64>>(index)
            .map(|number| number.map(Value::Real)),
        Type::INT8 => row
            .try_get::<_, Option<i64>>(index)
            .map(|number| number.map(Value::Integer)),
        _ => row
            .try_get::<_, Option<String>>(index)
            .map(|text| text.map(Value::Text)),
    };
    Ok(read.map_err(unavailable)?.unwrap_or(Value::Null))
}

/// A value of a key as a parameter. Keys are identifiers, hashes, numbers, flags and text that is compared byte by
/// byte.
fn bound(value: &Value, kind: &str) -> Result<Box<dyn ToSql + Sync + Send>, StoreError> {
    match (value, kind) {
        (Value::Bytes(bytes), "uuid") => Ok(Box::new(Uuid::from_slice(bytes).map_err(unavailable)?)),
        (Value::Bytes(bytes), _) => Ok(Box::new(bytes.clone())),
        (Value::Integer(truth), "bool") => Ok(Box::new(*truth != 0)),
        (Value::Integer(number), _) => Ok(Box::new(*number)),
        (Value::Text(content), _) => Ok(Box::new(text(content))),
        (other, _) => Err(unavailable(format!("{other:?} is no value of a key"))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// A value as JSON from which PostgreSQL reads one of the column's type.
fn json(value: &Value, kind: &str) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(content) => text(content).into(),
        Value::Bytes(bytes) if kind == "uuid" => hex(bytes).into(),
        Value::Bytes(bytes) => format!("\\x{}", hex(bytes)).into(),
    }
}

/// Adds rows, all by one statement, which reads each value as one of its column's type.
async fn add(tx: &Tx<'_>, table: Table, columns: &[String], rows: &[Row]) -> Result<u64, StoreError> {
    let types = types(tx, table).await?;
    let objects: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let values = columns.iter().zip(row).map(|(column, value)| {
                let kind = types.get(column).map_or("", String::as_str);
                (column.clone(), json(value, kind))
            });
            serde_json::Value::Object(values.collect())
        })
        .collect();
    let (name, columns) = (quoted([table.name]), quoted(all(columns)));
    let statement = format!(
        "INSERT INTO {name} ({columns})
         SELECT {columns} FROM json_populate_recordset(NULL::{name}, $1::text::json)
         ON CONFLICT DO NOTHING"
    );
    let objects = serde_json::Value::Array(objects).to_string();
    execute(tx, &statement, &[&objects]).await
}

/// What the rows of a table are read from. Where differences are kept (`counters/`), each key has one row with their sum.
fn relation(table: Table, columns: &[String]) -> String {
    let name = quoted([table.name]);
    if !table.counts {
        return name;
    }
    let is_key = |column: &&str| table.key.contains(column);
    let sums: Vec<_> = all(columns)
        .filter(|column| !is_key(column))
        .map(|column| format!(", sum(\"{column}\")::bigint AS \"{column}\""))
        .collect();
    let key = quoted(table.key.iter().copied());
    format!(
        "(SELECT {key}{} FROM {name} GROUP BY {key}) AS summed",
        sums.concat()
    )
}

async fn count(tx: &Tx<'_>, table: Table) -> Result<u64, StoreError> {
    let statement = format!("SELECT count(*) FROM {}", relation(table, &[]));
    let count: i64 = value_of(tx, &statement, &[]).await?;
    Ok(count.unsigned_abs())
}

async fn rows_after(
    tx: &Tx<'_>,
    table: Table,
    columns: &[String],
    after: Option<&[Value]>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let key = quoted(table.key.iter().copied());
    let places: Vec<_> = (1..=table.key.len()).map(|n| format!("${n}")).collect();
    let condition = after.map_or_else(String::new, |_| {
        format!("WHERE ({key}) > ({})", places.join(", "))
    });
    let statement = format!(
        "SELECT {} FROM {} {condition} ORDER BY {key} LIMIT {limit}",
        quoted(all(columns)),
        relation(table, columns),
    );
    let types = types(tx, table).await?;
    let kinds = table
        .key
        .iter()
        .map(|column| types.get(*column).map_or("", String::as_str));
    let bound: Vec<_> = after
        .unwrap_or_default()
        .iter()
        .zip(kinds)
        .map(|(value, kind)| bound(value, kind))
        .collect::<Result<_, _>>()?;
    let params: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| &**value as _).collect();
    let read = |row: &tokio_postgres::Row| (0..columns.len()).map(|index| value(row, index)).collect();
    query(tx, &statement, &params, read).await
}

async fn replace(tx: &Tx<'_>, table: Table, columns: &[String], rows: &[Row]) -> Result<(), StoreError> {
    execute(tx, &format!("DELETE FROM {}", quoted([table.name])), &[]).await?;
    add(tx, table, columns, rows).await?;
    Ok(())
}

async fn continue_positions(tx: &Tx<'_>) -> Result<(), StoreError> {
    query(tx, CONTINUE_POSITIONS, &[], |_| Ok(())).await?;
    Ok(())
}

#[async_trait]
impl RowSource for PostgresStore {
    async fn columns(&self, table: Table) -> Result<Vec<String>, StoreError> {
        let types = self.read(|tx| Box::pin(types(tx, table))).await?;
        Ok(types.into_keys().collect())
    }

    async fn count_rows(&self, table: Table) -> Result<u64, StoreError> {
        self.read(|tx| Box::pin(count(tx, table))).await
    }

    async fn rows_after(
        &self,
        table: Table,
        columns: &[String],
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.read(|tx| Box::pin(rows_after(tx, table, columns, after, limit)))
            .await
    }
}

/// All rows as they were at one commit, while others go on writing. Holds a connection, and keeps the server from removing
/// what was deleted since, until it is dropped.
pub struct Snapshot<'s>(Tx<'s>);

impl std::fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens a look at all rows as they are now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn snapshot(&self) -> Result<Snapshot<'_>, StoreError> {
        let snapshot = Snapshot(self.begin_snapshot().await?);
        // The commit that is seen is the one at the first statement.
        snapshot.count_rows(TABLES[0]).await?;
        Ok(snapshot)
    }
}

#[async_trait]
impl RowSource for Snapshot<'_> {
    async fn columns(&self, table: Table) -> Result<Vec<String>, StoreError> {
        Ok(types(&self.0, table).await?.into_keys().collect())
    }

    async fn count_rows(&self, table: Table) -> Result<u64, StoreError> {
        count(&self.0, table).await
    }

    async fn rows_after(
        &self,
        table: Table,
        columns: &[String],
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        rows_after(&self.0, table, columns, after, limit).await
    }
}

#[async_trait]
impl RowTarget for PostgresStore {
    async fn add_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<u64, StoreError> {
        self.write(|tx| Box::pin(add(tx, table, columns, &rows))).await
    }

    async fn replace_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(replace(tx, table, columns, &rows)))
            .await
    }

    async fn end_copy(&self) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(continue_positions(tx))).await
    }
}
