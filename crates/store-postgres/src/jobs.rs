//! Jobs: the domain decides each transition, and what the outside hears of it is written in the same transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use sfumato_core::event::EventStatus;
use sfumato_core::job::{Job, JobOutcome, JobState, Lease, NewRevision, Progress, TransitionError};
use sfumato_core::store::{CancelOutcome, JobLimits, Reaped};
use sfumato_core::{ClientId, JobId, MediaKind, ResultId, StoreError, Timestamp, WorkerId};
use sfumato_failpoints::{Point, hit};
use sfumato_store_rows::JobColumns;

use crate::events;
use crate::locks;
use crate::policies;
use crate::queries;
use crate::queue;
use crate::rows::{self, Reader};
use crate::sql::{Tx, execute, execute_one, query, query_one, text, unavailable};

fn bytes(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(unavailable)
}

/// Writes a job, its first event and the deliveries.
pub(crate) async fn submit(tx: &Tx<'_>, job: &Job) -> Result<(), StoreError> {
    policies::admit(tx, job, tx.now()).await?;
    locks::clients_shared(tx, [job.client].into()).await?;
    insert(tx, job).await?;
    events::tell(tx, job, EventStatus::Sent).await
}

async fn insert(tx: &Tx<'_>, job: &Job) -> Result<(), StoreError> {
    let options = serde_json::to_string(&job.options).map_err(unavailable)?;
    let columns = JobColumns::of(&job.state)?;
    let result = &columns.result;
    let given = job.source.given();
    execute_one(
        tx,
        "jobs",
        queries::INSERT_JOB,
        &[
            &job.id.as_uuid(),
            &job.client.as_uuid(),
            &job.created_at.as_micros(),
            &job.upload.id.as_uuid(),
            &job.upload.format.as_str(),
            &bytes(job.upload.bytes)?,
            &job.upload.sha256.as_slice(),
            &text(&job.upload.file_name),
            &options,
            &i64::from(job.attempts),
            &i64::from(job.claims.0),
            &job.started_at.map(Timestamp::as_micros),
            &job.state.name(),
            &columns.available_at,
            &columns.worker,
            &columns.lease_expires_at,
            &columns.progress,
            &columns.finished_at,
            &columns.error.map(text),
            &columns.expired_at,
            &result.id,
            &result.format,
            &result.bytes,
            &result.sha256,
            &result.document_bytes,
            &result.document_sha256,
            &result.faces,
            &result.plates,
            &result.warnings,
            &columns.expected_end_at,
            &job.revises.map(|revision| revision.root.as_uuid()),
            &job.revises.map(|revision| i64::from(revision.number)),
            &given.map(|given| bytes(given.bytes)).transpose()?,
            &given.map(|given| given.sha256.as_slice()),
            &job.priority.rank(),
        ],
    )
    .await
}

pub(crate) async fn submit_revision(
    tx: &Tx<'_>,
    client: ClientId,
    job: JobId,
    revision: &NewRevision,
) -> Result<Job, StoreError> {
    const NOT_FOUND: StoreError = StoreError::NotFound { what: "job" };
    let named = get(tx, client, job).await?.ok_or(NOT_FOUND)?;
    // Its original may be retired, or have another revision, until nobody else holds its jobs.
    locks::jobs_of_uploads(tx, [named.upload.id].into()).await?;
    let earlier = get(tx, client, job).await?.ok_or(NOT_FOUND)?;
    if !earlier.is_finished() {
        return Err(StoreError::UnderWay { what: "the job" });
    }
    if !earlier.original_kept {
        return Err(StoreError::NotRetained);
    }
    let upload = earlier.upload.id.as_uuid();
    let last = query_one(tx, queries::LAST_REVISION, &[&upload], |row| {
        Reader::new(row, "jobs").number::<u32>("revision")
    })
    .await?;
    let number = last.unwrap_or_default().saturating_add(1);
    let revised = earlier.revised(revision.clone(), number, tx.now());
    submit(tx, &revised).await?;
    Ok(revised)
}

pub(crate) async fn revisions(tx: &Tx<'_>, client: ClientId, job: JobId) -> Result<Vec<Job>, StoreError> {
    let (job, client) = (job.as_uuid(), client.as_uuid());
    query(tx, queries::JOBS_OF_UPLOAD, &[&job, &client], rows::job).await
}

/// Writes what a transition has made of a job, guarded by what was read.
pub(crate) async fn update(tx: &Tx<'_>, before: &Job, after: &Job) -> Result<(), StoreError> {
    let columns = JobColumns::of(&after.state)?;
    let result = &columns.result;
    execute_one(
        tx,
        "jobs",
        queries::UPDATE_JOB,
        &[
            &before.id.as_uuid(),
            &i64::from(before.claims.0),
            &before.state.name(),
            &i64::from(after.attempts),
            &i64::from(after.claims.0),
            &after.started_at.map(Timestamp::as_micros),
            &after.state.name(),
            &columns.available_at,
            &columns.worker,
            &columns.lease_expires_at,
            &columns.progress,
            &columns.finished_at,
            &columns.error.map(text),
            &columns.expired_at,
            &result.id,
            &result.format,
            &result.bytes,
            &result.sha256,
            &result.document_bytes,
            &result.document_sha256,
            &result.faces,
            &result.plates,
            &result.warnings,
            &columns.expected_end_at,
        ],
    )
    .await?;
    end_parts(tx, before, after).await
}

/// Parts end with their job. Where somebody else is to go on with it, what its owner was at is free at once.
async fn end_parts(tx: &Tx<'_>, before: &Job, after: &Job) -> Result<(), StoreError> {
    let JobState::Running { lease, .. } = &before.state else {
        return Ok(());
    };
    if after.upload.format.kind() != MediaKind::Video || matches!(after.state, JobState::Running { .. }) {
        return Ok(());
    }
    let job = after.id.as_uuid();
    if after.is_finished() {
        execute(tx, queries::DROP_PARTS_OF_JOB, &[&job]).await?;
    } else {
        let worker = lease.worker.as_uuid();
        execute(tx, queries::FREE_PARTS_OF_WORKER, &[&job, &worker]).await?;
    }
    Ok(())
}

pub(crate) async fn get(tx: &Tx<'_>, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(tx, queries::JOB, &[&job.as_uuid(), &client.as_uuid()], rows::job).await
}

/// One job, whoever it belongs to: for workers, and for whoever compares the client.
pub(crate) async fn of_anyone(tx: &Tx<'_>, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(tx, queries::JOB_OF_ANYONE, &[&job.as_uuid()], rows::job).await
}

pub(crate) async fn by_result(
    tx: &Tx<'_>,
    client: ClientId,
    result: ResultId,
) -> Result<Option<Job>, StoreError> {
    let (result, client) = (result.as_uuid(), client.as_uuid());
    query_one(tx, queries::JOB_BY_RESULT, &[&result, &client], rows::job).await
}

/// Passes over what another worker is claiming right now.
pub(crate) async fn claim(
    tx: &Tx<'_>,
    worker: WorkerId,
    limits: JobLimits,
    lease_for: Duration,
) -> Result<Vec<Job>, StoreError> {
    let now = tx.now();
    // Most who ask find nothing, and need not stand in line for it.
    if !queue::is_claimable(tx, limits).await? {
        return Ok(vec![]);
    }
    locks::queue(tx).await?;
    let mut waiting = queue::next(tx, limits.pictures, false, &[], now).await?;
    let long = queue::next(tx, limits.long, true, &waiting, now).await?;
    waiting.extend(long);
    locks::clients_shared(tx, clients_of(&waiting, |job| job.started_at.is_none())).await?;
    let mut claimed = Vec::new();
    for before in waiting {
        let (after, first) = before
            .clone()
            .claim(worker, now, now.after(lease_for))
            .map_err(|error| broken(&before, error))?;
        update(tx, &before, &after).await?;
        if first {
            events::tell(tx, &after, EventStatus::Started).await?;
        }
        claimed.push(after);
    }
    Ok(claimed)
}

/// Whose jobs are told about.
fn clients_of(jobs: &[Job], are_told: fn(&Job) -> bool) -> BTreeSet<ClientId> {
    let told = jobs.iter().filter(|job| are_told(job));
    told.map(|job| job.client).collect()
}

/// A query selected a job for a transition that the domain then refuses: the two disagree.
pub(crate) fn broken(job: &Job, error: TransitionError) -> StoreError {
    StoreError::Corrupt {
        table: "jobs",
        column: "state",
        row: job.id.to_string(),
        why: error.to_string(),
    }
}

/// Locks and reads a leased job, lets the domain decide, writes what it decided.
async fn with_lease(
    tx: &Tx<'_>,
    job: JobId,
    decide: impl FnOnce(Job) -> Result<Job, TransitionError>,
) -> Result<Job, StoreError> {
    locks::jobs(tx, [job].into()).await?;
    let before = of_anyone(tx, job).await?.ok_or(StoreError::LeaseLost)?;
    let after = decide(before.clone()).map_err(|_| StoreError::LeaseLost)?;
    update(tx, &before, &after).await?;
    Ok(after)
}

pub(crate) async fn heartbeat(
    tx: &Tx<'_>,
    job: JobId,
    lease: &Lease,
    expires_at: Timestamp,
    progress: Progress,
) -> Result<(), StoreError> {
    let extended = with_lease(tx, job, |job| job.heartbeat(lease, expires_at, progress)).await;
    extended.map(drop)
}

pub(crate) async fn finish(
    tx: &Tx<'_>,
    job: JobId,
    lease: &Lease,
    outcome: &JobOutcome,
) -> Result<Job, StoreError> {
    let after = with_lease(tx, job, |job| job.finish(lease, outcome.clone(), tx.now())).await?;
    hit(Point::InsideFinishTx);
    locks::clients_shared(tx, [after.client].into()).await?;
    events::tell_the_end(tx, &after).await?;
    Ok(after)
}

pub(crate) async fn hand_back(
    tx: &Tx<'_>,
    job: JobId,
    lease: &Lease,
    now: Timestamp,
) -> Result<(), StoreError> {
    with_lease(tx, job, |job| job.hand_back(lease, now))
        .await
        .map(drop)
}

pub(crate) async fn cancel(
    tx: &Tx<'_>,
    client: ClientId,
    job: JobId,
    now: Timestamp,
) -> Result<CancelOutcome, StoreError> {
    locks::jobs(tx, [job].into()).await?;
    let before = get(tx, client, job)
        .await?
        .ok_or(StoreError::NotFound { what: "job" })?;
    let was_running = matches!(before.state, JobState::Running { .. });
    match before.clone().cancel(now) {
        Ok(after) => {
            update(tx, &before, &after).await?;
            Ok(CancelOutcome::Cancelled { was_running })
        }
        Err(_) => Ok(CancelOutcome::AlreadyFinished(Box::new(before))),
    }
}

/// Passes over what is being reaped or ended right now.
pub(crate) async fn reap(tx: &Tx<'_>) -> Result<Reaped, StoreError> {
    let now = tx.now().as_micros();
    let lost = query(tx, queries::JOBS_WITH_EXPIRED_LEASE, &[&now], rows::job).await?;
    reap_all(tx, lost).await
}

pub(crate) async fn void_leases_of_others(tx: &Tx<'_>, alive: WorkerId) -> Result<Reaped, StoreError> {
    let lost = query(tx, queries::JOBS_OF_OTHER_WORKERS, &[&alive.as_uuid()], rows::job).await?;
    reap_all(tx, lost).await
}

pub(crate) async fn void_leases_of(tx: &Tx<'_>, dead: WorkerId) -> Result<Reaped, StoreError> {
    let lost = query(tx, queries::JOBS_OF_WORKER, &[&dead.as_uuid()], rows::job).await?;
    reap_all(tx, lost).await
}

async fn reap_all(tx: &Tx<'_>, lost: Vec<Job>) -> Result<Reaped, StoreError> {
    let mut ended = Vec::new();
    let freed = lost.len() as u64;
    for before in lost {
        let after = before
            .clone()
            .reap(tx.now())
            .map_err(|error| broken(&before, error))?;
        update(tx, &before, &after).await?;
        ended.push(after);
    }
    locks::clients_shared(tx, clients_of(&ended, Job::is_finished)).await?;
    for job in &ended {
        events::tell_the_end(tx, job).await?;
    }
    ended.retain(Job::is_finished);
    Ok(Reaped { freed, failed: ended })
}
