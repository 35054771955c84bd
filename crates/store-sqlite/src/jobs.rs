//! Jobs: the domain decides each transition, and what the outside hears of it is written in the same transaction.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::event::EventStatus;
use sfumato_core::job::{Job, JobOutcome, JobState, Lease, NewRevision, Progress, TransitionError};
use sfumato_core::store::{CancelOutcome, JobLimits, Reaped};
use sfumato_core::{ClientId, JobId, MediaKind, ResultId, StoreError, Timestamp, WorkerId};
use sfumato_failpoints::{Point, hit};
use sfumato_store_rows::JobColumns;

use crate::events;
use crate::policies;
use crate::queries;
use crate::queue;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

fn bytes(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(unavailable)
}

/// Writes a job, its first event and the deliveries. Reads everything before it writes anything: it is run without a
/// savepoint, and a row that cannot be read must not take the jobs of other clients with it.
pub(crate) fn submit(conn: &Connection, sources: &Sources, job: &Job) -> Result<(), StoreError> {
    policies::admit(conn, job, sources.clock.now())?;
    let options = serde_json::to_string(&job.options).map_err(unavailable)?;
    let hearers = sources
        .hook
        .hearers(job.client, || events::hearers(conn, job.client))?;
    let columns = JobColumns::of(&job.state)?;
    let result = &columns.result;
    execute_one(
        conn,
        "jobs",
        queries::INSERT_JOB,
        params![
            key(job.id.as_uuid()),
            key(job.client.as_uuid()),
            job.created_at.as_micros(),
            key(job.upload.id.as_uuid()),
            job.upload.format.as_str(),
            bytes(job.upload.bytes)?,
            job.upload.sha256,
            job.upload.file_name,
            options,
            job.attempts,
            job.claims.0,
            job.started_at.map(Timestamp::as_micros),
            job.state.name(),
            columns.available_at,
            columns.worker.map(key),
            columns.lease_expires_at,
            columns.progress,
            columns.finished_at,
            columns.error,
            columns.expired_at,
            result.id.map(key),
            result.format,
            result.bytes,
            result.sha256,
            result.document_bytes,
            result.document_sha256,
            result.faces,
            result.plates,
            result.warnings,
            columns.expected_end_at,
            job.revises.map(|revision| key(revision.root.as_uuid())),
            job.revises.map(|revision| revision.number),
            job.source.given().map(|given| bytes(given.bytes)).transpose()?,
            job.source.given().map(|given| given.sha256),
            job.priority.rank(),
        ],
    )?;
    events::tell_these(conn, sources, job, EventStatus::Sent, &hearers)
}

pub(crate) fn submit_revision(
    conn: &Connection,
    sources: &Sources,
    client: ClientId,
    job: JobId,
    revision: NewRevision,
) -> Result<Job, StoreError> {
    let earlier = get(conn, client, job)?.ok_or(StoreError::NotFound { what: "job" })?;
    if !earlier.is_finished() {
        return Err(StoreError::UnderWay { what: "the job" });
    }
    if !earlier.original_kept {
        return Err(StoreError::NotRetained);
    }
    let upload = key(earlier.upload.id.as_uuid());
    let last = query_one(conn, queries::LAST_REVISION, [upload], |row| {
        Reader::new(row, "jobs").number::<u32>("revision")
    })?;
    let number = last.unwrap_or_default().saturating_add(1);
    let revised = earlier.revised(revision, number, sources.clock.now());
    submit(conn, sources, &revised)?;
    Ok(revised)
}

pub(crate) fn revisions(conn: &Connection, client: ClientId, job: JobId) -> Result<Vec<Job>, StoreError> {
    query(
        conn,
        queries::JOBS_OF_UPLOAD,
        [key(job.as_uuid()), key(client.as_uuid())],
        rows::job,
    )
}

/// Writes what a transition has made of a job, guarded by what was read.
pub(crate) fn update(conn: &Connection, before: &Job, after: &Job) -> Result<(), StoreError> {
    let columns = JobColumns::of(&after.state)?;
    let result = &columns.result;
    execute_one(
        conn,
        "jobs",
        queries::UPDATE_JOB,
        params![
            key(before.id.as_uuid()),
            before.claims.0,
            before.state.name(),
            after.attempts,
            after.claims.0,
            after.started_at.map(Timestamp::as_micros),
            after.state.name(),
            columns.available_at,
            columns.worker.map(key),
            columns.lease_expires_at,
            columns.progress,
            columns.finished_at,
            columns.error,
            columns.expired_at,
            result.id.map(key),
            result.format,
            result.bytes,
            result.sha256,
            result.document_bytes,
            result.document_sha256,
            result.faces,
            result.plates,
            result.warnings,
            columns.expected_end_at,
        ],
    )?;
    end_parts(conn, before, after)
}

/// Parts end with their job. Where somebody else is to go on with it, what its owner was at is free at once.
fn end_parts(conn: &Connection, before: &Job, after: &Job) -> Result<(), StoreError> {
    let JobState::Running { lease, .. } = &before.state else {
        return Ok(());
    };
    if after.upload.format.kind() != MediaKind::Video || matches!(after.state, JobState::Running { .. }) {
        return Ok(());
    }
    let job = key(after.id.as_uuid());
    if after.is_finished() {
        execute(conn, queries::DROP_PARTS_OF_JOB, [job])?;
    } else {
        let worker = key(lease.worker.as_uuid());
        execute(conn, queries::FREE_PARTS_OF_WORKER, [job, worker])?;
    }
    Ok(())
}

pub(crate) fn get(conn: &Connection, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(
        conn,
        queries::JOB,
        [key(job.as_uuid()), key(client.as_uuid())],
        rows::job,
    )
}

/// One job, whoever it belongs to: for workers, and for whoever compares the client.
pub(crate) fn of_anyone(conn: &Connection, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(conn, queries::JOB_OF_ANYONE, [key(job.as_uuid())], rows::job)
}

pub(crate) fn by_result(
    conn: &Connection,
    client: ClientId,
    result: ResultId,
) -> Result<Option<Job>, StoreError> {
    query_one(
        conn,
        queries::JOB_BY_RESULT,
        [key(result.as_uuid()), key(client.as_uuid())],
        rows::job,
    )
}

pub(crate) fn claim(
    conn: &Connection,
    sources: &Sources,
    worker: WorkerId,
    limits: JobLimits,
    lease_for: Duration,
) -> Result<Vec<Job>, StoreError> {
    let now = sources.clock.now();
    let mut waiting = queue::next(conn, limits.pictures, false, &[], now)?;
    let long = queue::next(conn, limits.long, true, &waiting, now)?;
    waiting.extend(long);
    let mut claimed = Vec::new();
    for before in waiting {
        let (after, first) = before
            .clone()
            .claim(worker, now, now.after(lease_for))
            .map_err(|error| broken(&before, error))?;
        update(conn, &before, &after)?;
        if first {
            events::tell(conn, sources, &after, EventStatus::Started)?;
        }
        claimed.push(after);
    }
    Ok(claimed)
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

/// Reads a leased job, lets the domain decide, writes what it decided.
fn with_lease(
    conn: &Connection,
    job: JobId,
    decide: impl FnOnce(Job) -> Result<Job, TransitionError>,
) -> Result<Job, StoreError> {
    let before = of_anyone(conn, job)?.ok_or(StoreError::LeaseLost)?;
    let after = decide(before.clone()).map_err(|_| StoreError::LeaseLost)?;
    update(conn, &before, &after)?;
    Ok(after)
}

pub(crate) fn heartbeat(
    conn: &Connection,
    job: JobId,
    lease: &Lease,
    expires_at: Timestamp,
    progress: Progress,
) -> Result<(), StoreError> {
    with_lease(conn, job, |job| job.heartbeat(lease, expires_at, progress)).map(drop)
}

pub(crate) fn finish(
    conn: &Connection,
    sources: &Sources,
    job: JobId,
    lease: &Lease,
    outcome: JobOutcome,
) -> Result<Job, StoreError> {
    let after = with_lease(conn, job, |job| job.finish(lease, outcome, sources.clock.now()))?;
    hit(Point::InsideFinishTx);
    events::tell_the_end(conn, sources, &after)?;
    Ok(after)
}

pub(crate) fn hand_back(
    conn: &Connection,
    job: JobId,
    lease: &Lease,
    now: Timestamp,
) -> Result<(), StoreError> {
    with_lease(conn, job, |job| job.hand_back(lease, now)).map(drop)
}

pub(crate) fn cancel(
    conn: &Connection,
    client: ClientId,
    job: JobId,
    now: Timestamp,
) -> Result<CancelOutcome, StoreError> {
    let before = get(conn, client, job)?.ok_or(StoreError::NotFound { what: "job" })?;
    let was_running = matches!(before.state, JobState::Running { .. });
    match before.clone().cancel(now) {
        Ok(after) => {
            update(conn, &before, &after)?;
            Ok(CancelOutcome::Cancelled { was_running })
        }
        Err(_) => Ok(CancelOutcome::AlreadyFinished(Box::new(before))),
    }
}

pub(crate) fn reap(conn: &Connection, sources: &Sources) -> Result<Reaped, StoreError> {
    let now = sources.clock.now();
    let lost = query(
        conn,
        queries::JOBS_WITH_EXPIRED_LEASE,
        [now.as_micros()],
        rows::job,
    )?;
    reap_all(conn, sources, lost)
}

pub(crate) fn void_leases_of_others(
    conn: &Connection,
    sources: &Sources,
    alive: WorkerId,
) -> Result<Reaped, StoreError> {
    let lost = query(
        conn,
        queries::JOBS_OF_OTHER_WORKERS,
        [key(alive.as_uuid())],
        rows::job,
    )?;
    reap_all(conn, sources, lost)
}

pub(crate) fn void_leases_of(
    conn: &Connection,
    sources: &Sources,
    dead: WorkerId,
) -> Result<Reaped, StoreError> {
    let lost = query(conn, queries::JOBS_OF_WORKER, [key(dead.as_uuid())], rows::job)?;
    reap_all(conn, sources, lost)
}

fn reap_all(conn: &Connection, sources: &Sources, lost: Vec<Job>) -> Result<Reaped, StoreError> {
    let mut reaped = Reaped::default();
    for before in lost {
        let after = before
            .clone()
            .reap(sources.clock.now())
            .map_err(|error| broken(&before, error))?;
        update(conn, &before, &after)?;
        events::tell_the_end(conn, sources, &after)?;
        reaped.freed += 1;
        if after.is_finished() {
            reaped.failed.push(after);
        }
    }
    Ok(reaped)
}
