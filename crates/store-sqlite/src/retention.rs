//! What may be deleted: originals, results, and blobs that nothing refers to.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use sfumato_core::job::JobState;
use sfumato_core::store::{Discarded, Discarding};
use sfumato_core::{ClientId, JobId, ResultId, StoreError, Timestamp, UploadId};

use crate::jobs;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{as_limit, execute, query, query_one, unavailable};
use crate::sqlite::SqliteStore;

pub(crate) fn retire_uploads(
    conn: &Connection,
    finished_before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(JobId, UploadId)>, StoreError> {
    let original = |row: &Row<'_>| {
        let row = Reader::new(row, "jobs");
        Ok((row.job_id("id")?, row.upload_id("upload")?))
    };
    let mut retired = query(conn, queries::RETIRED_UPLOADS, [as_limit(limit)], original)?;
    let left = as_limit(limit - retired.len());
    let due = query(
        conn,
        queries::UPLOADS_TO_RETIRE,
        params![finished_before.as_micros(), left, now.as_micros()],
        original,
    )?;
    for (_, upload) in &due {
        execute(conn, queries::RETIRE_UPLOAD, [key(upload.as_uuid())])?;
    }
    retired.extend(due);
    Ok(retired)
}

pub(crate) fn upload_deleted(conn: &Connection, job: JobId) -> Result<(), StoreError> {
    match execute(conn, queries::UPLOAD_DELETED, [key(job.as_uuid())])? {
        0 => Err(StoreError::NotFound {
            what: "retired original",
        }),
        _ => Ok(()),
    }
}

pub(crate) fn expire_results(
    conn: &Connection,
    finished_before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(JobId, ResultId)>, StoreError> {
    let mut expired = Vec::new();
    let due = query(
        conn,
        queries::EXPIRABLE_JOBS,
        params![finished_before.as_micros(), as_limit(limit), now.as_micros()],
        rows::job,
    )?;
    for before in due {
        let after = before
            .clone()
            .expire(now)
            .map_err(|error| jobs::broken(&before, error))?;
        jobs::update(conn, &before, &after)?;
        if let JobState::Expired { result, .. } = &after.state {
            expired.push((after.id, result.id));
        }
    }
    Ok(expired)
}

fn expired_results(conn: &Connection, limit: usize) -> Result<Vec<(JobId, ResultId)>, StoreError> {
    query(conn, queries::EXPIRED_RESULTS, [as_limit(limit)], |row| {
        let row = Reader::new(row, "jobs");
        Ok((row.job_id("id")?, row.result_id("result")?))
    })
}

fn result_deleted(conn: &Connection, job: JobId) -> Result<(), StoreError> {
    match execute(conn, queries::RESULT_DELETED, [key(job.as_uuid())])? {
        0 => Err(StoreError::NotFound {
            what: "expired result",
        }),
        _ => Ok(()),
    }
}

fn discard(conn: &Connection, client: ClientId, job: JobId, now: Timestamp) -> Result<Discarded, StoreError> {
    let before = jobs::get(conn, client, job)?.ok_or(StoreError::NotFound { what: "job" })?;
    if !before.is_finished() {
        return Err(StoreError::UnderWay { what: "the job" });
    }
    let mut discarded = Discarded::default();
    match &before.state {
        JobState::Succeeded { result, .. } => {
            discarded.result = Some(result.id);
            let after = before
                .clone()
                .expire(now)
                .map_err(|error| jobs::broken(&before, error))?;
            jobs::update(conn, &before, &after)?;
        }
        JobState::Expired { result, .. } => discarded.result = Some(result.id),
        _ => {}
    }
    let upload = [key(before.upload.id.as_uuid())];
    let needed = query_one(conn, queries::UPLOAD_IS_NEEDED, upload, |row| {
        row.get::<_, bool>(0).map_err(unavailable)
    })?;
    if needed == Some(false) {
        execute(conn, queries::RETIRE_UPLOAD, upload)?;
        discarded.upload = Some(before.upload.id);
    }
    Ok(discarded)
}

pub(crate) fn orphan_uploads(conn: &Connection, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError> {
    unwanted(conn, queries::UPLOAD_IS_WANTED, uploads, |upload| {
        key(upload.as_uuid())
    })
}

pub(crate) fn orphan_results(conn: &Connection, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError> {
    unwanted(conn, queries::RESULT_IS_WANTED, results, |result| {
        key(result.as_uuid())
    })
}

fn unwanted<T: Copy>(
    conn: &Connection,
    sql: &str,
    blobs: &[T],
    key: impl Fn(T) -> [u8; 16],
) -> Result<Vec<T>, StoreError> {
    let mut orphans = Vec::new();
    for blob in blobs {
        let wanted = query_one(conn, sql, [key(*blob)], |row| {
            row.get::<_, bool>(0).map_err(unavailable)
        })?;
        if wanted != Some(true) {
            orphans.push(*blob);
        }
    }
    Ok(orphans)
}

#[async_trait]
impl Discarding for SqliteStore {
    async fn discard(&self, client: ClientId, job: JobId) -> Result<Discarded, StoreError> {
        self.write(move |conn, sources| discard(conn, client, job, sources.clock.now()))
            .await
    }

    async fn expired_results(&self, limit: usize) -> Result<Vec<(JobId, ResultId)>, StoreError> {
        self.read(move |conn| expired_results(conn, limit)).await
    }

    async fn result_deleted(&self, job: JobId) -> Result<(), StoreError> {
        self.write(move |conn, _| result_deleted(conn, job)).await
    }
}
