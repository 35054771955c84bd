//! What clients call requests, so that each is carried out once.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::idempotency::{IdempotencyKey, Once, forgotten};
use sfumato_core::job::{Job, NewRevision};
use sfumato_core::store::RequestKeys;
use sfumato_core::{ClientId, JobId, StoreError, Timestamp};

use crate::jobs;
use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{Sources, execute, query_one};
use crate::sqlite::SqliteStore;

/// Takes a key for a request that makes `job`, or says which job the same request has made before. `KeyReused`.
fn take(
    conn: &Connection,
    client: ClientId,
    once: &Once,
    job: JobId,
    now: Timestamp,
) -> Result<Option<JobId>, StoreError> {
    let params = params![
        key(client.as_uuid()),
        once.key.as_str(),
        once.request,
        key(job.as_uuid()),
        now.as_micros(),
        forgotten(now).as_micros(),
    ];
    if execute(conn, queries::TAKE_KEY, params)? > 0 {
        return Ok(None);
    }
    match request(conn, client, &once.key, now)? {
        Some((made, request)) if request == once.request => Ok(Some(made)),
        _ => Err(StoreError::KeyReused),
    }
}

/// Writes a job as [`jobs::submit`] does, unless the same request has made one before.
pub(crate) fn submit(
    conn: &Connection,
    sources: &Sources,
    job: &Job,
    once: &Once,
) -> Result<JobId, StoreError> {
    if let Some(made) = take(conn, job.client, once, job.id, sources.clock.now())? {
        return Ok(made);
    }
    jobs::submit(conn, sources, job)?;
    Ok(job.id)
}

/// Writes a revision as [`jobs::submit_revision`] does, unless the same request has made one before.
pub(crate) fn submit_revision(
    conn: &Connection,
    sources: &Sources,
    client: ClientId,
    job: JobId,
    revision: NewRevision,
) -> Result<Job, StoreError> {
    if let Some(once) = &revision.once
        && let Some(made) = take(conn, client, once, revision.id, sources.clock.now())?
    {
        let made = jobs::get(conn, client, made)?;
        return made.ok_or(StoreError::NotFound { what: "job" });
    }
    jobs::submit_revision(conn, sources, client, job, revision)
}

pub(crate) fn is_known(
    conn: &Connection,
    client: ClientId,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(request(conn, client, key, now)?.is_some())
}

fn request(
    conn: &Connection,
    client: ClientId,
    name: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<(JobId, [u8; 32])>, StoreError> {
    let params = params![key(client.as_uuid()), name.as_str(), forgotten(now).as_micros()];
    query_one(conn, queries::REQUEST_OF_KEY, params, |row| {
        let row = Reader::new(row, "idempotency_keys");
        Ok((row.job_id("id")?, row.get("request")?))
    })
}

pub(crate) fn forget(conn: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let forgotten = execute(conn, queries::FORGET_KEYS, [forgotten(now).as_micros()])?;
    Ok(forgotten as u64)
}

#[async_trait]
impl RequestKeys for SqliteStore {
    async fn submit_once(&self, job: &Job, once: &Once) -> Result<JobId, StoreError> {
        let (job, once) = (job.clone(), once.clone());
        self.write(move |conn, sources| submit(conn, sources, &job, &once))
            .await
    }

    async fn knows_key(&self, client: ClientId, key: &IdempotencyKey) -> Result<bool, StoreError> {
        let (key, now) = (key.clone(), self.sources().clock.now());
        self.read(move |conn| is_known(conn, client, &key, now)).await
    }
}
