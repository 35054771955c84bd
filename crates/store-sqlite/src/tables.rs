//! All rows as they lie there, for a copy into another store. The one place where statements are made from names: there is a
//! table of which each is for.

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use sfumato_core::StoreError;
use sfumato_core::store::{Row, RowSource, Table, Value};

use crate::queries;
use crate::sql::{query, query_one, unavailable};
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
}
