//! Sealed secrets, whoever's they are.

use async_trait::async_trait;
use sfumato_core::store::{MasterKeyChange, SealedCredentials, SealedSecrets};
use sfumato_core::{EndpointId, KeyId, Sealed, StoreError};
use uuid::Uuid;

use crate::audit;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Tx, as_limit, execute, query};

async fn sealing_keys(tx: &Tx<'_>) -> Result<Vec<(KeyId, u64)>, StoreError> {
    query(tx, queries::SEALING_KEYS, &[], |row| {
        let row = Reader::new(row, "endpoints");
        let name: &[u8] = row.get("key")?;
        let name = name.try_into().map_err(|error| row.corrupt("key", error))?;
        Ok((KeyId::from_bytes(name), row.number("secrets")?))
    })
    .await
}

async fn credentials(
    tx: &Tx<'_>,
    after: Option<EndpointId>,
    limit: usize,
) -> Result<Vec<SealedCredentials>, StoreError> {
    // No identifier is nil, which comes before all others.
    let after = after.map_or(Uuid::nil(), EndpointId::as_uuid);
    query(
        tx,
        queries::SEALED_CREDENTIALS,
        &[&after, &as_limit(limit)],
        |row| {
            let row = Reader::new(row, "endpoints");
            Ok(SealedCredentials {
                endpoint: row.endpoint_id("id")?,
                token: row.sealed("token")?,
                old_token: row.optional_sealed("old_token")?,
                signing_secret: row.sealed("signing_secret")?,
                old_secret: row.optional_sealed("old_secret")?,
            })
        },
    )
    .await
}

async fn reseal(
    tx: &Tx<'_>,
    before: &SealedCredentials,
    after: &SealedCredentials,
) -> Result<bool, StoreError> {
    let written = execute(
        tx,
        queries::RESEAL_CREDENTIALS,
        &[
            &before.endpoint.as_uuid(),
            &before.token.as_bytes(),
            &before.old_token.as_ref().map(Sealed::as_bytes),
            &before.signing_secret.as_bytes(),
            &before.old_secret.as_ref().map(Sealed::as_bytes),
            &after.token.as_bytes(),
            &after.old_token.as_ref().map(Sealed::as_bytes),
            &after.signing_secret.as_bytes(),
            &after.old_secret.as_ref().map(Sealed::as_bytes),
        ],
    )
    .await?;
    Ok(written > 0)
}

async fn change_master_key(tx: &Tx<'_>, change: &MasterKeyChange) -> Result<bool, StoreError> {
    let (from, to) = (change.from.as_bytes().as_slice(), change.to.as_bytes().as_slice());
    // The row is locked by it: of two that change the key the second one finds another.
    if execute(tx, queries::UPDATE_INSTALLATION_KEY, &[&from, &to]).await? == 0 {
        return Ok(false);
    }
    let moved = StoreError::UnderWay {
        what: "another change of secrets",
    };
    for (before, after) in &change.resealed {
        if !reseal(tx, before, after).await? {
            return Err(moved);
        }
    }
    let keys = sealing_keys(tx).await?;
    if keys.iter().any(|(key, _)| *key == change.retired) {
        return Err(moved);
    }
    audit::add(tx, &change.entry).await?;
    Ok(true)
}

#[async_trait]
impl SealedSecrets for PostgresStore {
    async fn sealing_keys(&self) -> Result<Vec<(KeyId, u64)>, StoreError> {
        self.read(|tx| Box::pin(sealing_keys(tx))).await
    }

    async fn sealed_credentials(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<SealedCredentials>, StoreError> {
        self.read(|tx| Box::pin(credentials(tx, after, limit))).await
    }

    async fn reseal(
        &self,
        before: &SealedCredentials,
        after: &SealedCredentials,
    ) -> Result<bool, StoreError> {
        self.write(|tx| Box::pin(reseal(tx, before, after))).await
    }

    async fn change_master_key(&self, change: &MasterKeyChange) -> Result<bool, StoreError> {
        self.write(|tx| Box::pin(change_master_key(tx, change))).await
    }
}
