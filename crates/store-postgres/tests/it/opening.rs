//! Opening a database, and bringing it up to date.

use std::sync::Arc;

use sfumato_store_postgres::{OpenError, PostgresOptions, PostgresStore};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{SimClock, SimEntropy};
use tokio_postgres::NoTls;

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
    PostgresStore::open(url, clock, entropy, PostgresOptions::default()).await
}

async fn execute(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn a_database_is_migrated_once_and_refused_before_and_where_it_is_newer_or_changed() {
    let database = Database::create();
    let url = database.url();
    assert!(matches!(
        open(&url).await,
        Err(OpenError::Behind {
            found: 0,
            known: 3,
            ..
        })
    ));
    assert_eq!(PostgresStore::pending(&url).await.unwrap(), [1, 2, 3]);
    assert_eq!(PostgresStore::migrate(&url).await.unwrap(), [1, 2, 3]);
    assert_eq!(PostgresStore::migrate(&url).await.unwrap(), [0_i64; 0]);
    assert_eq!(PostgresStore::pending(&url).await.unwrap(), [0_i64; 0]);
    open(&url).await.unwrap();

    execute(
        &url,
        "INSERT INTO migrations VALUES (999, decode(repeat('00', 32), 'hex'))",
    )
    .await;
    for refused in [
        open(&url).await.map(drop),
        PostgresStore::migrate(&url).await.map(drop),
    ] {
        assert!(matches!(
            refused,
            Err(OpenError::Newer {
                found: 999,
                known: 3,
                ..
            })
        ));
    }
    execute(&url, "DELETE FROM migrations WHERE number = 999").await;
    execute(
        &url,
        "UPDATE migrations SET sha256 = decode(repeat('00', 32), 'hex')",
    )
    .await;
    for refused in [
        open(&url).await.map(drop),
        PostgresStore::migrate(&url).await.map(drop),
    ] {
        assert!(matches!(refused, Err(OpenError::Changed { number: 1, .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_processes_that_migrate_at_once_one_does_it() {
    let database = Database::create();
    let url = database.url();
    let (one, two, three) = tokio::join!(
        PostgresStore::migrate(&url),
        PostgresStore::migrate(&url),
        PostgresStore::migrate(&url)
    );
    let applied = [one.unwrap(), two.unwrap(), three.unwrap()].concat();
    assert_eq!(applied, [1, 2, 3]);
}

#[tokio::test]
async fn a_server_or_database_that_is_not_there_is_named() {
    let nobody = open("postgresql://sfumato:hush@127.0.0.1:1/videos")
        .await
        .unwrap_err();
    let nobody = sfumato_core::chain(&nobody);
    assert!(
        nobody.contains("127.0.0.1:1/videos") && !nobody.contains("hush"),
        "{nobody}"
    );
    let database = Database::create();
    let other = database.url().replace("///", "///no_");
    let missing = sfumato_core::chain(&open(&other).await.unwrap_err());
    assert!(missing.contains("does not exist"), "{missing}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let database = Database::create();
    let name = format!("latin_{}", std::process::id());
    let create = format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0");
    execute(&database.url(), &create).await;
    let own = database.url();
    let (_, rest) = own.split_once('?').unwrap();
    let refused = open(&format!("postgresql:///{name}?{rest}")).await;
    assert!(matches!(refused, Err(OpenError::Encoding { found, .. }) if found == "LATIN1"));
    execute(&own, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}
