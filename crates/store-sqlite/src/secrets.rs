//! Sealed secrets, whoever's they are.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::store::{MasterKeyChange, SealedCredentials, SealedSecrets};
use sfumato_core::{EndpointId, KeyId, Sealed, StoreError};

use crate::audit;
use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{execute, query};
use crate::sqlite::SqliteStore;

fn sealing_keys(conn: &Connection) -> Result<Vec<(KeyId, u64)>, StoreError> {
    query(conn, queries::SEALING_KEYS, [], |row| {
        let row = Reader::new(row, "endpoints");
        Ok((KeyId::from_bytes(row.get("key")?), row.number("secrets")?))
    })
}

fn credentials(
    conn: &Connection,
    after: Option<EndpointId>,
    limit: usize,
) -> Result<Vec<SealedCredentials>, StoreError> {
    let after = after.map_or(vec![], |endpoint| key(endpoint.as_uuid()).to_vec());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query(conn, queries::SEALED_CREDENTIALS, params![after, limit], |row| {
        let row = Reader::new(row, "endpoints");
        Ok(SealedCredentials {
            endpoint: row.endpoint_id("id")?,
            token: row.sealed("token")?,
            old_token: row.optional_sealed("old_token")?,
            signing_secret: row.sealed("signing_secret")?,
            old_secret: row.optional_sealed("old_secret")?,
        })
    })
}

fn reseal(
    conn: &Connection,
    before: &SealedCredentials,
    after: &SealedCredentials,
) -> Result<bool, StoreError> {
    let written = execute(
        conn,
        queries::RESEAL_CREDENTIALS,
        params![
            key(before.endpoint.as_uuid()),
            before.token.as_bytes(),
            before.old_token.as_ref().map(Sealed::as_bytes),
            before.signing_secret.as_bytes(),
            before.old_secret.as_ref().map(Sealed::as_bytes),
            after.token.as_bytes(),
            after.old_token.as_ref().map(Sealed::as_bytes),
            after.signing_secret.as_bytes(),
            after.old_secret.as_ref().map(Sealed::as_bytes),
        ],
    )?;
    Ok(written > 0)
}

fn change_master_key(conn: &Connection, change: &MasterKeyChange) -> Result<bool, StoreError> {
    let keys = params![change.from.as_bytes(), change.to.as_bytes()];
    if execute(conn, queries::UPDATE_INSTALLATION_KEY, keys)? == 0 {
        return Ok(false);
    }
    let moved = StoreError::UnderWay {
        what: "another change of secrets",
    };
    for (before, after) in &change.resealed {
        if !reseal(conn, before, after)? {
            return Err(moved);
        }
    }
    if sealing_keys(conn)?.iter().any(|(key, _)| *key == change.retired) {
        return Err(moved);
    }
    audit::add(conn, &change.entry)?;
    Ok(true)
}

#[async_trait]
impl SealedSecrets for SqliteStore {
    async fn sealing_keys(&self) -> Result<Vec<(KeyId, u64)>, StoreError> {
        self.read(sealing_keys).await
    }

    async fn sealed_credentials(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<SealedCredentials>, StoreError> {
        self.read(move |conn| credentials(conn, after, limit)).await
    }

    async fn reseal(
        &self,
        before: &SealedCredentials,
        after: &SealedCredentials,
    ) -> Result<bool, StoreError> {
        let (before, after) = (before.clone(), after.clone());
        self.write(move |conn, _| reseal(conn, &before, &after)).await
    }

    async fn change_master_key(&self, change: &MasterKeyChange) -> Result<bool, StoreError> {
        let change = change.clone();
        self.write(move |conn, _| change_master_key(conn, &change)).await
    }
}
