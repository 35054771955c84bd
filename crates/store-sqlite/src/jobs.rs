//! Jobs, their events, and the deliveries that an event makes: always in one transaction.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::event::EventStatus;
use sfumato_core::job::{Job, JobOutcome, JobResult, JobState, Lease, TransitionError};
use sfumato_core::store::CancelOutcome;
use sfumato_core::{
    ClientId, DeliveryId, EventId, JobId, ResultId, StoreError, Timestamp, UploadId, WorkerId,
};

use crate::deliveries;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

/// The state's columns, from `available_at` to `warnings`.
#[derive(Default)]
struct Columns<'a> {
    available_at: Option<i64>,
    worker: Option<[u8; 16]>,
    lease_expires_at: Option<i64>,
    progress: Option<f64>,
    finished_at: Option<i64>,
    error: Option<&'a str>,
    expired_at: Option<i64>,
    result: Option<&'a JobResult>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a JobState) -> Self {
        match state {
            JobState::Queued { available_at } => Self {
                available_at: Some(available_at.as_micros()),
                ..Self::default()
            },
            JobState::Running {
                lease,
                lease_expires_at,
                progress,
            } => Self {
                worker: Some(key(lease.worker.as_uuid())),
                lease_expires_at: Some(lease_expires_at.as_micros()),
                progress: Some(f64::from(*progress)),
                ..Self::default()
            },
            JobState::Succeeded { finished_at, result } => Self {
                finished_at: Some(finished_at.as_micros()),
                result: Some(result),
                ..Self::default()
            },
            JobState::Failed { finished_at, error } => Self {
                finished_at: Some(finished_at.as_micros()),
                error: Some(error),
                ..Self::default()
            },
            JobState::Cancelled { finished_at } => Self {
                finished_at: Some(finished_at.as_micros()),
                ..Self::default()
            },
            JobState::Expired {
                finished_at,
                result,
                expired_at,
            } => Self {
                finished_at: Some(finished_at.as_micros()),
                expired_at: Some(expired_at.as_micros()),
                result: Some(result),
                ..Self::default()
            },
        }
    }
}

fn warnings(result: &JobResult) -> Result<String, StoreError> {
    serde_json::to_string(&result.warnings).map_err(unavailable)
}

fn bytes(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(unavailable)
}

pub(crate) fn submit(conn: &Connection, sources: &Sources, job: &Job) -> Result<(), StoreError> {
    let options = serde_json::to_string(&job.options).map_err(unavailable)?;
    let columns = Columns::of(&job.state);
    let result = columns.result;
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
            columns.worker,
            columns.lease_expires_at,
            columns.progress,
            columns.finished_at,
            columns.error,
            columns.expired_at,
            result.map(|r| key(r.id.as_uuid())),
            result.map(|r| r.format.as_str()),
            result.map(|r| bytes(r.bytes)).transpose()?,
            result.map(|r| r.sha256),
            result
                .and_then(|r| r.document)
                .map(|(size, _)| bytes(size))
                .transpose()?,
            result.and_then(|r| r.document).map(|(_, sha256)| sha256),
            result.map(|r| r.faces),
            result.map(|r| r.plates),
            result.map(warnings).transpose()?,
        ],
    )?;
    tell(conn, sources, job, EventStatus::Sent)
}

/// Writes what a transition has made of a job, guarded by what was read.
fn update(conn: &Connection, before: &Job, after: &Job) -> Result<(), StoreError> {
    let columns = Columns::of(&after.state);
    let result = columns.result;
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
            columns.worker,
            columns.lease_expires_at,
            columns.progress,
            columns.finished_at,
            columns.error,
            columns.expired_at,
            result.map(|r| key(r.id.as_uuid())),
            result.map(|r| r.format.as_str()),
            result.map(|r| bytes(r.bytes)).transpose()?,
            result.map(|r| r.sha256),
            result
                .and_then(|r| r.document)
                .map(|(size, _)| bytes(size))
                .transpose()?,
            result.and_then(|r| r.document).map(|(_, sha256)| sha256),
            result.map(|r| r.faces),
            result.map(|r| r.plates),
            result.map(warnings).transpose()?,
        ],
    )
}

/// Writes an event and one delivery for every endpoint that is to hear of it.
fn tell(conn: &Connection, sources: &Sources, job: &Job, status: EventStatus) -> Result<(), StoreError> {
    let (clock, entropy) = (&*sources.clock, &*sources.entropy);
    let now = clock.now().as_micros();
    let (event, client, job_key) = (
        key(EventId::new(clock, entropy).as_uuid()),
        key(job.client.as_uuid()),
        key(job.id.as_uuid()),
    );
    let sequence: i64 = query_one(conn, queries::NEXT_EVENT_SEQUENCE, [job_key], |row| {
        row.get(0).map_err(unavailable)
    })?
    .unwrap_or(1);
    let params = params![event, client, job_key, sequence, status.as_str(), now];
    execute_one(conn, "events", queries::INSERT_EVENT, params)?;
    if status.is_terminal() {
        deliveries::supersede_failing(conn, job.id, sources.clock.now())?;
    }
    for endpoint in query(conn, queries::ENDPOINTS_FOR_EVENTS, [client], |row| {
        Reader::new(row, "endpoints").endpoint_id("id")
    })? {
        let delivery = key(DeliveryId::new(clock, entropy).as_uuid());
        let params = params![
            delivery,
            event,
            client,
            job_key,
            key(endpoint.as_uuid()),
            sequence,
            now
        ];
        execute_one(conn, "deliveries", queries::INSERT_DELIVERY, params)?;
    }
    Ok(())
}

fn tell_the_end(conn: &Connection, sources: &Sources, job: &Job) -> Result<(), StoreError> {
    match job.state {
        JobState::Succeeded { .. } => tell(conn, sources, job, EventStatus::Succeeded),
        JobState::Failed { .. } => tell(conn, sources, job, EventStatus::Failed),
        _ => Ok(()),
    }
}

pub(crate) fn get(conn: &Connection, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(
        conn,
        queries::JOB,
        [key(job.as_uuid()), key(client.as_uuid())],
        rows::job,
    )
}

fn for_worker(conn: &Connection, job: JobId) -> Result<Option<Job>, StoreError> {
    query_one(conn, queries::JOB_FOR_WORKER, [key(job.as_uuid())], rows::job)
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
    limit: usize,
    lease_for: Duration,
) -> Result<Vec<Job>, StoreError> {
    let now = sources.clock.now();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut claimed = Vec::new();
    for before in query(
        conn,
        queries::CLAIMABLE_JOBS,
        params![now.as_micros(), limit],
        rows::job,
    )? {
        let (after, first) = before
            .clone()
            .claim(worker, now, now.after(lease_for))
            .map_err(|error| broken(&before, error))?;
        update(conn, &before, &after)?;
        if first {
            tell(conn, sources, &after, EventStatus::Started)?;
        }
        claimed.push(after);
    }
    Ok(claimed)
}

/// A query selected a job for a transition that the domain then refuses: the two disagree.
fn broken(job: &Job, error: TransitionError) -> StoreError {
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
    let before = for_worker(conn, job)?.ok_or(StoreError::LeaseLost)?;
    let after = decide(before.clone()).map_err(|_| StoreError::LeaseLost)?;
    update(conn, &before, &after)?;
    Ok(after)
}

pub(crate) fn heartbeat(
    conn: &Connection,
    job: JobId,
    lease: &Lease,
    expires_at: Timestamp,
    progress: f32,
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
    tell_the_end(conn, sources, &after)?;
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

pub(crate) fn reap(conn: &Connection, sources: &Sources) -> Result<u64, StoreError> {
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
) -> Result<u64, StoreError> {
    let lost = query(
        conn,
        queries::JOBS_OF_OTHER_WORKERS,
        [key(alive.as_uuid())],
        rows::job,
    )?;
    reap_all(conn, sources, lost)
}

fn reap_all(conn: &Connection, sources: &Sources, lost: Vec<Job>) -> Result<u64, StoreError> {
    let mut count = 0;
    for before in lost {
        let after = before
            .clone()
            .reap(sources.clock.now())
            .map_err(|error| broken(&before, error))?;
        update(conn, &before, &after)?;
        tell_the_end(conn, sources, &after)?;
        count += 1;
    }
    Ok(count)
}

pub(crate) fn uploads_to_delete(
    conn: &Connection,
    finished_before: Timestamp,
    limit: usize,
) -> Result<Vec<(JobId, UploadId)>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query(
        conn,
        queries::UPLOADS_TO_DELETE,
        params![finished_before.as_micros(), limit],
        |row| {
            let row = Reader::new(row, "jobs");
            Ok((row.job_id("id")?, row.upload_id("upload")?))
        },
    )
}

pub(crate) fn upload_deleted(conn: &Connection, job: JobId) -> Result<(), StoreError> {
    match execute(conn, queries::UPLOAD_DELETED, [key(job.as_uuid())])? {
        0 => Err(StoreError::NotFound { what: "finished job" }),
        _ => Ok(()),
    }
}

pub(crate) fn expire_results(
    conn: &Connection,
    finished_before: Timestamp,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<ResultId>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut expired = Vec::new();
    let due = query(
        conn,
        queries::EXPIRABLE_JOBS,
        params![finished_before.as_micros(), limit],
        rows::job,
    )?;
    for before in due {
        let after = before
            .clone()
            .expire(now)
            .map_err(|error| broken(&before, error))?;
        update(conn, &before, &after)?;
        if let JobState::Expired { result, .. } = &after.state {
            expired.push(result.id);
        }
    }
    Ok(expired)
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
