//! What clients call requests, so that each is carried out once.
//!
//! Of two who send the same at the same time, one takes the key and the other waits in the statement until it is known
//! whether the first one's transaction has come to something.

use async_trait::async_trait;
use sfumato_core::idempotency::{IdempotencyKey, Once, forgotten};
use sfumato_core::job::{Job, NewRevision};
use sfumato_core::store::RequestKeys;
use sfumato_core::{ClientId, JobId, StoreError, Timestamp};

use crate::jobs;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Params, Tx, execute, query_one};

/// Takes a key for a request that makes `job`, or says which job the same request has made before. `KeyReused`.
async fn take(tx: &Tx<'_>, client: ClientId, once: &Once, job: JobId) -> Result<Option<JobId>, StoreError> {
    let params: Params<'_> = &[
        &client.as_uuid(),
        &once.key.as_str(),
        &once.request.as_slice(),
        &job.as_uuid(),
        &tx.now().as_micros(),
        &forgotten(tx.now()).as_micros(),
    ];
    if execute(tx, queries::TAKE_KEY, params).await? > 0 {
        return Ok(None);
    }
    match request(tx, client, &once.key).await? {
        Some((made, request)) if request == once.request => Ok(Some(made)),
        _ => Err(StoreError::KeyReused),
    }
}

/// Writes a job as [`jobs::submit`] does, unless the same request has made one before.
pub(crate) async fn submit(tx: &Tx<'_>, job: &Job, once: &Once) -> Result<JobId, StoreError> {
    if let Some(made) = take(tx, job.client, once, job.id).await? {
        return Ok(made);
    }
    jobs::submit(tx, job).await?;
    Ok(job.id)
}

/// Writes a revision as [`jobs::submit_revision`] does, unless the same request has made one before.
pub(crate) async fn submit_revision(
    tx: &Tx<'_>,
    client: ClientId,
    job: JobId,
    revision: &NewRevision,
) -> Result<Job, StoreError> {
    if let Some(once) = &revision.once
        && let Some(made) = take(tx, client, once, revision.id).await?
    {
        let made = jobs::get(tx, client, made).await?;
        return made.ok_or(StoreError::NotFound { what: "job" });
    }
    jobs::submit_revision(tx, client, job, revision).await
}

pub(crate) async fn is_known(
    tx: &Tx<'_>,
    client: ClientId,
    key: &IdempotencyKey,
) -> Result<bool, StoreError> {
    Ok(request(tx, client, key).await?.is_some())
}

async fn request(
    tx: &Tx<'_>,
    client: ClientId,
    name: &IdempotencyKey,
) -> Result<Option<(JobId, [u8; 32])>, StoreError> {
    let params: Params<'_> = &[
        &client.as_uuid(),
        &name.as_str(),
        &forgotten(tx.now()).as_micros(),
    ];
    query_one(tx, queries::REQUEST_OF_KEY, params, |row| {
        let row = Reader::new(row, "idempotency_keys");
        Ok((row.job_id("id")?, row.get("request")?))
    })
    .await
}

pub(crate) async fn forget(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    execute(tx, queries::FORGET_KEYS, &[&forgotten(now).as_micros()]).await
}

#[async_trait]
impl RequestKeys for PostgresStore {
    async fn submit_once(&self, job: &Job, once: &Once) -> Result<JobId, StoreError> {
        self.write(|tx| Box::pin(submit(tx, job, once))).await
    }

    async fn knows_key(&self, client: ClientId, key: &IdempotencyKey) -> Result<bool, StoreError> {
        self.read(|tx| Box::pin(is_known(tx, client, key))).await
    }
}
