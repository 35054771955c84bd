//! Which installation the database belongs to.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::StoreError;
use sfumato_core::store::{Installation, Installations, KeyCheck};

use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{execute, query_one};
use crate::sqlite::SqliteStore;

fn installation(conn: &Connection) -> Result<Option<Installation>, StoreError> {
    query_one(conn, queries::INSTALLATION, [], |row| {
        let row = Reader::new(row, "installation");
        Ok(Installation {
            id: row.installation_id("id")?,
            key: KeyCheck::from_bytes(row.get("key_check")?),
        })
    })
}

#[async_trait]
impl Installations for SqliteStore {
    async fn claim_for(&self, proposed: Installation) -> Result<Installation, StoreError> {
        self.write(move |conn, _| {
            let params = params![key(proposed.id.as_uuid()), proposed.key.as_bytes()];
            execute(conn, queries::INSERT_INSTALLATION, params)?;
            Ok(installation(conn)?.unwrap_or(proposed))
        })
        .await
    }

    async fn installation(&self) -> Result<Option<Installation>, StoreError> {
        self.read(installation).await
    }
}
