//! Bringing a database up to date: numbered files, applied once, in order, in one transaction, with their hashes
//! remembered. An unknown (newer) or changed migration stops the start instead of guessing.
//!
//! Own lines instead of a crate, as for SQLite: the rules are the same, and so are the messages.

use sfumato_failpoints::{Point, hit};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, GenericClient};

use crate::open::{OpenError, Place};

/// All migrations by number. A released one is never edited.
pub(crate) const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("../migrations/0001_init.sql")),
    (2, include_str!("../migrations/0002_installation.sql")),
    (3, include_str!("../migrations/0003_deletions.sql")),
];

const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT PRIMARY KEY,
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32)
)";

/// Two numbers, so that it is none of the locks of clients, which are one. Held to the end of the transaction: whoever
/// comes second finds everything applied.
const TURN: &str = "SELECT pg_advisory_xact_lock(1399223661, 1)";

/// Applies what is missing. Returns the numbers.
pub(crate) async fn apply(place: &Place) -> Result<Vec<i64>, OpenError> {
    let mut client = place.check().await?;
    let failed = |source| place.failed(source);
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(TURN).await.map_err(failed)?;
    transaction.batch_execute(BOOKKEEPING).await.map_err(failed)?;
    let missing = missing(place, &transaction).await?;
    for (number, sql) in &missing {
        transaction.batch_execute(sql).await.map_err(failed)?;
        hit(Point::MigrationHalf);
        transaction
            .execute(
                "INSERT INTO migrations (number, sha256) VALUES ($1, $2)",
                &[number, &hash(sql)],
            )
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(missing.into_iter().map(|(number, _)| number).collect())
}

/// What [`apply`] would apply.
pub(crate) async fn pending(place: &Place) -> Result<Vec<i64>, OpenError> {
    let client = place.check().await?;
    let missing = missing(place, &client).await?;
    Ok(missing.into_iter().map(|(number, _)| number).collect())
}

/// Refuses a database that is not up to date.
pub(crate) async fn check(place: &Place) -> Result<(), OpenError> {
    let client: Client = place.check().await?;
    let Some((first, _)) = missing(place, &client).await?.into_iter().next() else {
        return Ok(());
    };
    Err(OpenError::Behind {
        server: place.server().to_owned(),
        found: first - 1,
        known: newest(),
    })
}

fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(number, _)| *number)
}

fn hash(sql: &str) -> Vec<u8> {
    Sha256::digest(sql.as_bytes()).to_vec()
}

/// What is not applied yet, after a look at what is.
async fn missing(place: &Place, client: &impl GenericClient) -> Result<Vec<(i64, &'static str)>, OpenError> {
    let failed = |source| place.failed(source);
    let is_there = "SELECT to_regclass('migrations') IS NOT NULL";
    let is_there: bool = client.query_one(is_there, &[]).await.map_err(failed)?.get(0);
    if !is_there {
        return Ok(MIGRATIONS.to_vec());
    }
    let applied = "SELECT number, sha256 FROM migrations ORDER BY number";
    let mut missing = MIGRATIONS.to_vec();
    for row in client.query(applied, &[]).await.map_err(failed)? {
        let (number, applied): (i64, Vec<u8>) = (row.get(0), row.get(1));
        let Some(index) = missing.iter().position(|(known, _)| *known == number) else {
            return Err(OpenError::Newer {
                server: place.server().to_owned(),
                found: number,
                known: newest(),
            });
        };
        if applied != hash(missing[index].1) {
            return Err(OpenError::Changed {
                server: place.server().to_owned(),
                number,
            });
        }
        missing.remove(index);
    }
    Ok(missing)
}
