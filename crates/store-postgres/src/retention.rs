//! What may be deleted: originals, results, and blobs that nothing refers to.

use async_trait::async_trait;
use futures::future::try_join_all;
use sfumato_core::job::JobState;
use sfumato_core::store::{Discarded, Discarding};
use sfumato_core::{ClientId, JobId, ResultId, StoreError, Timestamp, UploadId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::jobs;
use crate::locks;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Params, Tx, as_limit, execute, query, value};

pub(crate) async fn retire_uploads(
    tx: &Tx<'_>,
    finished_before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(JobId, UploadId)>, StoreError> {
    let mut retired = query(tx, queries::RETIRED_UPLOADS, &[&as_limit(limit)], original).await?;
    let left = as_limit(limit - retired.len());
    let (before, now) = (finished_before.as_micros(), now.as_micros());
    let params: Params<'_> = &[&before, &left, &now];
    let due = query(tx, queries::UPLOADS_TO_RETIRE, params, original).await?;
    // A revision may be made of one of them right now: whoever comes first has it.
    locks::jobs_of_uploads(tx, due.iter().map(|(_, upload)| *upload).collect()).await?;
    for (job, upload) in due {
        if !is_needed(tx, upload).await? {
            execute(tx, queries::RETIRE_UPLOAD, &[&upload.as_uuid()]).await?;
            retired.push((job, upload));
        }
    }
    Ok(retired)
}

fn original(row: &Row) -> Result<(JobId, UploadId), StoreError> {
    let row = Reader::new(row, "jobs");
    Ok((row.job_id("id")?, row.upload_id("upload")?))
}

/// Whether a job on an original has not finished.
async fn is_needed(tx: &Tx<'_>, upload: UploadId) -> Result<bool, StoreError> {
    value(tx, queries::UPLOAD_IS_NEEDED, &[&upload.as_uuid()]).await
}

pub(crate) async fn upload_deleted(tx: &Tx<'_>, job: JobId) -> Result<(), StoreError> {
    match execute(tx, queries::UPLOAD_DELETED, &[&job.as_uuid()]).await? {
        0 => Err(StoreError::NotFound {
            what: "retired original",
        }),
        _ => Ok(()),
    }
}

pub(crate) async fn expire_results(
    tx: &Tx<'_>,
    finished_before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(JobId, ResultId)>, StoreError> {
    let (finished_before, limit) = (finished_before.as_micros(), as_limit(limit));
    let params: Params<'_> = &[&finished_before, &limit, &now.as_micros()];
    let due = query(tx, queries::EXPIRABLE_JOBS, params, rows::job).await?;
    let mut expired = Vec::new();
    for before in due {
        let after = before
            .clone()
            .expire(now)
            .map_err(|error| jobs::broken(&before, error))?;
        jobs::update(tx, &before, &after).await?;
        if let JobState::Expired { result, .. } = &after.state {
            expired.push((after.id, result.id));
        }
    }
    Ok(expired)
}

async fn expired_results(tx: &Tx<'_>, limit: usize) -> Result<Vec<(JobId, ResultId)>, StoreError> {
    query(tx, queries::EXPIRED_RESULTS, &[&as_limit(limit)], |row| {
        let row = Reader::new(row, "jobs");
        Ok((row.job_id("id")?, row.result_id("result")?))
    })
    .await
}

async fn result_deleted(tx: &Tx<'_>, job: JobId) -> Result<(), StoreError> {
    match execute(tx, queries::RESULT_DELETED, &[&job.as_uuid()]).await? {
        0 => Err(StoreError::NotFound {
            what: "expired result",
        }),
        _ => Ok(()),
    }
}

async fn discard(tx: &Tx<'_>, client: ClientId, job: JobId, now: Timestamp) -> Result<Discarded, StoreError> {
    const NOT_FOUND: StoreError = StoreError::NotFound { what: "job" };
    let named = jobs::get(tx, client, job).await?.ok_or(NOT_FOUND)?;
    locks::jobs_of_uploads(tx, [named.upload.id].into()).await?;
    let before = jobs::get(tx, client, job).await?.ok_or(NOT_FOUND)?;
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
            jobs::update(tx, &before, &after).await?;
        }
        JobState::Expired { result, .. } => discarded.result = Some(result.id),
        _ => {}
    }
    let upload = before.upload.id;
    if !is_needed(tx, upload).await? {
        execute(tx, queries::RETIRE_UPLOAD, &[&upload.as_uuid()]).await?;
        discarded.upload = Some(upload);
    }
    Ok(discarded)
}

pub(crate) async fn orphan_uploads(tx: &Tx<'_>, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError> {
    unwanted(tx, queries::UPLOAD_IS_WANTED, uploads, UploadId::as_uuid).await
}

pub(crate) async fn orphan_results(tx: &Tx<'_>, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError> {
    unwanted(tx, queries::RESULT_IS_WANTED, results, ResultId::as_uuid).await
}

/// Those of the blobs that nothing refers to.
async fn unwanted<T: Copy>(
    tx: &Tx<'_>,
    sql: &str,
    blobs: &[T],
    key: impl Fn(T) -> Uuid,
) -> Result<Vec<T>, StoreError> {
    let wanted = blobs.iter().map(|blob| {
        let key = key(*blob);
        async move { value::<bool>(tx, sql, &[&key]).await }
    });
    let wanted = try_join_all(wanted).await?;
    let pairs = blobs.iter().zip(wanted);
    Ok(pairs
        .filter(|(_, wanted)| !wanted)
        .map(|(blob, _)| *blob)
        .collect())
}

#[async_trait]
impl Discarding for PostgresStore {
    async fn discard(&self, client: ClientId, job: JobId) -> Result<Discarded, StoreError> {
        self.write(|tx| Box::pin(discard(tx, client, job, tx.now())))
            .await
    }

    async fn expired_results(&self, limit: usize) -> Result<Vec<(JobId, ResultId)>, StoreError> {
        self.read(|tx| Box::pin(expired_results(tx, limit))).await
    }

    async fn result_deleted(&self, job: JobId) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(result_deleted(tx, job))).await
    }
}
