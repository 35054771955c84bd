//! That both stores keep the same: rows can be copied from one to the other.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use sfumato_store_postgres::PostgresStore;
use sfumato_testkit::postgres::Database;
use tokio_postgres::NoTls;

/// What a column holds, and whether it may hold nothing.
type Column = (&'static str, bool);

/// The columns of each table, by name.
type Tables = BTreeMap<String, BTreeMap<String, Column>>;

/// What the names of types stand for; identifiers are bytes in SQLite, and flags are numbers.
fn kind(name: &str) -> &'static str {
    match name {
        "BLOB" | "bytea" | "uuid" => "bytes",
        "INTEGER" | "bigint" | "boolean" => "number",
        "TEXT" | "text" => "text",
        "REAL" | "double precision" => "real",
        other => panic!("a column of the type {other}"),
    }
}

fn sqlite() -> Tables {
    let connection = Connection::open_in_memory().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store-sqlite/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        connection
            .execute_batch(&std::fs::read_to_string(file).unwrap())
            .unwrap();
    }
    let columns = "SELECT tables.name, columns.name, columns.type, columns.\"notnull\"
                   FROM sqlite_schema AS tables JOIN pragma_table_xinfo(tables.name) AS columns
                   WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(columns).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut found = Tables::new();
    while let Some(row) = rows.next().unwrap() {
        let (table, name, of): (String, String, String) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        let column = (kind(&of), !row.get::<_, bool>(3).unwrap());
        found.entry(table).or_default().insert(name, column);
    }
    found
}

async fn postgres() -> Tables {
    let database = Database::create();
    PostgresStore::migrate(&database.url()).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let columns = "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES'
                   FROM information_schema.columns
                   WHERE table_schema = 'public' AND table_name <> 'migrations'";
    let mut found = Tables::new();
    for row in client.query(columns, &[]).await.unwrap() {
        let column = (kind(row.get(2)), row.get(3));
        found.entry(row.get(0)).or_default().insert(row.get(1), column);
    }
    found
}

#[tokio::test]
async fn both_stores_have_the_same_tables_and_columns() {
    let (mut sqlite, postgres) = (sqlite(), postgres().await);
    // SQLite says of it only that it is a key, which is never nothing.
    sqlite
        .get_mut("events")
        .and_then(|events| events.insert("position".to_owned(), ("number", false)))
        .unwrap();
    assert_eq!(sqlite, postgres);
    assert!(sqlite.len() > 15, "the tables were found");
}
