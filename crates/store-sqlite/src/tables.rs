//! All rows as they lie there, for a copy from one store into another. The one place where statements are made from names: there is a
//! table of which each is for.

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use sfumato_core::StoreError;
use sfumato_core::store::{Row, RowSource, RowTarget, Table, Value};

use crate::queries;
use crate::sql::{execute, query, query_one, unavailable};
use crate::sqlite::SqliteStore;

fn columns(conn: &Connection, table: Table) -> Result<Vec<String>, StoreError> {
    query(conn, queries::COLUMNS_OF_TABLE, [table.name], |row| {
        row.get(0).map_err(unavailable)
    })
}

fn value(value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).map_err(unavailable)?),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

fn bound(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Bound;
    match value {
        Value::Null => Bound::Null,
        Value::Integer(number) => Bound::Integer(*number),
        Value::Real(number) => Bound::Real(*number),
        Value::Text(text) => Bound::Text(text.clone()),
        Value::Bytes(bytes) => Bound::Blob(bytes.clone()),
    }
}

/// A name as SQL writes it.
fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names = names.into_iter().map(|name| format!("\"{name}\""));
    names.collect::<Vec<_>>().join(", ")
}

fn rows_after(
    conn: &Connection,
    table: Table,
    columns: &[String],
    after: Option<&[Value]>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let key = quoted(table.key.iter().copied());
    let places = vec!["?"; table.key.len()].join(", ");
    let condition = after.map_or_else(String::new, |_| format!("WHERE ({key}) > ({places})"));
    let sql = format!(
        "SELECT {} FROM {} {condition} ORDER BY {key} LIMIT {limit}",
        quoted(columns.iter().map(String::as_str)),
        quoted([table.name]),
    );
    let params = params_from_iter(after.unwrap_or_default().iter().map(bound));
    query(conn, &sql, params, |row| {
        let values = (0..columns.len()).map(|index| value(row.get_ref(index).map_err(unavailable)?));
        values.collect()
    })
}

/// Adds rows, and leaves those as they are that are there.
fn add(conn: &Connection, table: Table, columns: &[String], rows: &[Row]) -> Result<u64, StoreError> {
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
        quoted([table.name]),
        quoted(columns.iter().map(String::as_str)),
        vec!["?"; columns.len()].join(", "),
    );
    let mut added = 0;
    for row in rows {
        added += execute(conn, &sql, params_from_iter(row.iter().map(bound)))? as u64;
    }
    Ok(added)
}

fn replace(conn: &Connection, table: Table, columns: &[String], rows: &[Row]) -> Result<(), StoreError> {
    execute(conn, &format!("DELETE FROM {}", quoted([table.name])), [])?;
    add(conn, table, columns, rows)?;
    Ok(())
}

#[async_trait]
impl RowTarget for SqliteStore {
    async fn add_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<u64, StoreError> {
        let columns = columns.to_vec();
        self.write(move |conn, _| add(conn, table, &columns, &rows)).await
    }

    async fn replace_rows(&self, table: Table, columns: &[String], rows: Vec<Row>) -> Result<(), StoreError> {
        let columns = columns.to_vec();
        self.write(move |conn, _| replace(conn, table, &columns, &rows))
            .await
    }

    /// Events are numbered by what is there.
    async fn end_copy(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl RowSource for SqliteStore {
    async fn columns(&self, table: Table) -> Result<Vec<String>, StoreError> {
        self.read(move |conn| columns(conn, table)).await
    }

    async fn count_rows(&self, table: Table) -> Result<u64, StoreError> {
        self.read(move |conn| {
            let sql = format!("SELECT count(*) FROM {}", quoted([table.name]));
            let count: Option<i64> = query_one(conn, &sql, [], |row| row.get(0).map_err(unavailable))?;
            Ok(count.unwrap_or(0).unsigned_abs())
        })
        .await
    }

    async fn rows_after(
        &self,
        table: Table,
        columns: &[String],
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (columns, after) = (columns.to_vec(), after.map(<[Value]>::to_vec));
        self.read(move |conn| rows_after(conn, table, &columns, after.as_deref(), limit))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sfumato_core::store::TABLES;

    use super::*;

    #[test]
    fn every_table_of_the_schema_is_known_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let conn = crate::open::writer(&folder.path().join("a.db")).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let names = query(&conn, sql, [], |row| row.get::<_, String>(0).map_err(unavailable)).unwrap();
        let mut names: BTreeSet<_> = names.into_iter().collect();
        assert!(names.remove("migrations"), "whoever opens a database writes it");
        let known: BTreeSet<_> = TABLES.iter().map(|table| table.name.to_owned()).collect();
        assert_eq!(known, names);
        for table in TABLES {
            let columns = columns(&conn, table).unwrap();
            assert!(columns.len() > 2, "{table:?}");
            for key in table.key {
                assert!(columns.iter().any(|column| column == key), "{table:?}");
            }
            assert_eq!(
                rows_after(&conn, table, &columns, None, 10).unwrap(),
                Vec::<Row>::new()
            );
        }
        let jobs = TABLES.into_iter().find(|table| table.name == "jobs").unwrap();
        assert!(
            !columns(&conn, jobs).unwrap().contains(&"long".to_owned()),
            "is generated"
        );
    }

    #[test]
    fn rows_come_in_the_order_of_their_key_and_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let conn = crate::open::writer(&folder.path().join("a.db")).unwrap();
        let clients = TABLES[1];
        for n in [3_u8, 1, 2] {
            let sql = "INSERT INTO clients (id, key, name, state, created_at, secret)
                       VALUES (?1, ?2, 'n', 'active', 5, zeroblob(32))";
            conn.execute(sql, rusqlite::params![[n; 16], format!("c{n}")])
                .unwrap();
        }
        let columns = ["id", "key", "created_at", "previous_secret"].map(str::to_owned);
        let read = |after: Option<&[Value]>| rows_after(&conn, clients, &columns, after, 2).unwrap();
        let row = |n: u8| {
            let id = Value::Bytes(vec![n; 16]);
            vec![id, Value::Text(format!("c{n}")), Value::Integer(5), Value::Null]
        };
        assert_eq!(read(None), [row(1), row(2)]);
        assert_eq!(read(Some(&row(2)[..1])), [row(3)]);
        assert_eq!(read(Some(&row(3)[..1])), Vec::<Row>::new());
    }

    #[test]
    fn what_is_there_is_left_as_it_is_and_counters_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let conn = crate::open::writer(&folder.path().join("a.db")).unwrap();
        let named = |name: &str| TABLES.into_iter().find(|table| table.name == name).unwrap();
        let columns = ["id", "key", "name", "state", "created_at", "secret"].map(str::to_owned);
        let client = |name: &str| {
            let text = |text: &str| Value::Text(text.to_owned());
            let secret = Value::Bytes(vec![0; 32]);
            vec![
                Value::Bytes(vec![1; 16]),
                text("c"),
                text(name),
                text("active"),
                Value::Integer(5),
                secret,
            ]
        };
        let clients = named("clients");
        assert_eq!(add(&conn, clients, &columns, &[client("first")]).unwrap(), 1);
        assert_eq!(add(&conn, clients, &columns, &[client("second")]).unwrap(), 0);
        assert_eq!(
            rows_after(&conn, clients, &columns, None, 9).unwrap(),
            [client("first")]
        );

        let (totals, columns) = (named("client_totals"), ["client", "queued"].map(str::to_owned));
        for queued in [3, 4] {
            let row = vec![Value::Bytes(vec![1; 16]), Value::Integer(queued)];
            replace(&conn, totals, &columns, std::slice::from_ref(&row)).unwrap();
            assert_eq!(rows_after(&conn, totals, &columns, None, 9).unwrap(), [row]);
        }
    }
}
