//! Which installation the database belongs to.

use async_trait::async_trait;
use sfumato_core::StoreError;
use sfumato_core::store::{Installation, Installations, KeyCheck};

use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Tx, execute, query_one};

async fn installation(tx: &Tx<'_>) -> Result<Option<Installation>, StoreError> {
    let found = query_one(tx, queries::INSTALLATION, &[], |row| {
        let row = Reader::new(row, "installation");
        Ok(Installation {
            id: row.installation_id("id")?,
            key: KeyCheck::from_bytes(row.get("key_check")?),
        })
    });
    found.await
}

async fn claim_for(tx: &Tx<'_>, proposed: Installation) -> Result<Installation, StoreError> {
    let key = proposed.key.as_bytes().as_slice();
    // Whoever inserts at the same time is waited for.
    execute(tx, queries::INSERT_INSTALLATION, &[&proposed.id.as_uuid(), &key]).await?;
    Ok(installation(tx).await?.unwrap_or(proposed))
}

#[async_trait]
impl Installations for PostgresStore {
    async fn claim_for(&self, proposed: Installation) -> Result<Installation, StoreError> {
        self.write(|tx| Box::pin(claim_for(tx, proposed))).await
    }

    async fn installation(&self) -> Result<Option<Installation>, StoreError> {
        self.read(|tx| Box::pin(installation(tx))).await
    }
}
