//! The parts of long videos that are not done.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::job::{FencingToken, Job, Lease};
use sfumato_core::store::{HELPERS_MAX, OwnTurn, PartLease, VideoParts};
use sfumato_core::{JobId, StoreError, Timestamp, WorkerId};

use crate::SqliteStore;
use crate::jobs;
use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{execute, execute_one, query, query_one};

/// Whether the job is under this lease.
fn check_owner(conn: &Connection, job: JobId, lease: &Lease) -> Result<(), StoreError> {
    let job = jobs::of_anyone(conn, job)?.ok_or(StoreError::LeaseLost)?;
    job.require_lease(lease).map_err(|_| StoreError::LeaseLost)
}

fn numbers(conn: &Connection, job: JobId) -> Result<BTreeSet<u32>, StoreError> {
    let numbers = query(conn, queries::PARTS_OF_JOB, [key(job.as_uuid())], |row| {
        Reader::new(row, "parts").number("number")
    })?;
    Ok(numbers.into_iter().collect())
}

fn offer(conn: &Connection, job: JobId, lease: &Lease, missing: &BTreeSet<u32>) -> Result<(), StoreError> {
    check_owner(conn, job, lease)?;
    let id = key(job.as_uuid());
    for done in numbers(conn, job)?.difference(missing) {
        execute(conn, queries::DROP_PART, params![id, done])?;
    }
    for number in missing {
        execute(conn, queries::INSERT_PART, params![id, number])?;
    }
    Ok(())
}

/// Whose the lease of a part is, and how long.
#[derive(Clone, Copy)]
struct Terms {
    worker: WorkerId,
    now: Timestamp,
    expires_at: Timestamp,
}

fn take(
    conn: &Connection,
    (job, number, claims): (JobId, u32, FencingToken),
    terms: Terms,
) -> Result<PartLease, StoreError> {
    let token = claims.next();
    execute_one(
        conn,
        "parts",
        queries::LEASE_PART,
        params![
            key(job.as_uuid()),
            number,
            token.0,
            key(terms.worker.as_uuid()),
            terms.expires_at.as_micros()
        ],
    )?;
    Ok(PartLease {
        job,
        number,
        lease: Lease {
            worker: terms.worker,
            token,
        },
    })
}

fn claim_own(conn: &Connection, job: JobId, lease: &Lease, terms: Terms) -> Result<OwnTurn, StoreError> {
    check_owner(conn, job, lease)?;
    let params = params![key(job.as_uuid()), terms.now.as_micros()];
    let free = query_one(conn, queries::CLAIMABLE_OWN_PART, params, |row| {
        let row = Reader::new(row, "parts");
        Ok((job, row.number("number")?, FencingToken(row.number("claims")?)))
    })?;
    let left = u32::try_from(numbers(conn, job)?.len()).unwrap_or(u32::MAX);
    let part = free.map(|free| take(conn, free, terms)).transpose()?;
    Ok(OwnTurn { part, left })
}

fn claim(conn: &Connection, of: Option<JobId>, terms: Terms) -> Result<Option<(Job, PartLease)>, StoreError> {
    let read = |row: &rusqlite::Row<'_>| {
        let row = Reader::new(row, "parts");
        Ok((
            row.job_id("job")?,
            row.number("number")?,
            FencingToken(row.number("claims")?),
        ))
    };
    let now = terms.now.as_micros();
    let free = match of {
        None => query_one(conn, queries::CLAIMABLE_PART, params![now, HELPERS_MAX], read)?,
        Some(job) => {
            let params = params![now, HELPERS_MAX, key(job.as_uuid())];
            query_one(conn, queries::CLAIMABLE_PART_OF_JOB, params, read)?
        }
    };
    let Some(free) = free else {
        return Ok(None);
    };
    let Some(job) = jobs::of_anyone(conn, free.0)? else {
        return Ok(None);
    };
    Ok(Some((job, take(conn, free, terms)?)))
}

/// A statement about a part under a lease.
fn with_lease(conn: &Connection, sql: &str, part: &PartLease, last: Option<i64>) -> Result<(), StoreError> {
    let job = key(part.job.as_uuid());
    let worker = key(part.lease.worker.as_uuid());
    let changed = match last {
        Some(last) => execute(
            conn,
            sql,
            params![job, part.number, worker, part.lease.token.0, last],
        ),
        None => execute(conn, sql, params![job, part.number, worker, part.lease.token.0]),
    }?;
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}

#[async_trait]
impl VideoParts for SqliteStore {
    async fn offer_parts(&self, job: JobId, lease: &Lease, missing: &[u32]) -> Result<(), StoreError> {
        let (lease, missing) = (*lease, missing.iter().copied().collect());
        self.write(move |conn, _| offer(conn, job, &lease, &missing))
            .await
    }

    async fn claim_own_part(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
    ) -> Result<OwnTurn, StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| {
            claim_own(
                conn,
                job,
                &lease,
                Terms::of(lease.worker, sources.clock.now(), lease_for),
            )
        })
        .await
    }

    async fn claim_part(
        &self,
        worker: WorkerId,
        of: Option<JobId>,
        lease_for: Duration,
    ) -> Result<Option<(Job, PartLease)>, StoreError> {
        self.write(move |conn, sources| claim(conn, of, Terms::of(worker, sources.clock.now(), lease_for)))
            .await
    }

    async fn extend_part(&self, part: &PartLease, lease_for: Duration) -> Result<(), StoreError> {
        let part = *part;
        self.write(move |conn, sources| {
            let expires_at = sources.clock.now().after(lease_for);
            with_lease(conn, queries::EXTEND_PART, &part, Some(expires_at.as_micros()))
        })
        .await
    }

    async fn finish_part(&self, part: &PartLease) -> Result<(), StoreError> {
        let part = *part;
        self.write(move |conn, _| with_lease(conn, queries::FINISH_PART, &part, None))
            .await
    }

    async fn hand_back_part(&self, part: &PartLease, failed: bool) -> Result<(), StoreError> {
        let part = *part;
        self.write(move |conn, _| with_lease(conn, queries::HAND_BACK_PART, &part, Some(failed.into())))
            .await
    }
}

impl Terms {
    fn of(worker: WorkerId, now: Timestamp, lease_for: Duration) -> Self {
        Self {
            worker,
            now,
            expires_at: now.after(lease_for),
        }
    }
}
