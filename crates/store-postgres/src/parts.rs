//! The parts of long videos that are not done.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::job::{FencingToken, Job, Lease};
use sfumato_core::store::{HELPERS_MAX, OwnTurn, PartLease, VideoParts};
use sfumato_core::{JobId, StoreError, Timestamp, WorkerId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::PostgresStore;
use crate::jobs;
use crate::locks;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Params, Tx, execute, execute_one, query, query_one};

/// Whether the job is under this lease.
async fn check_owner(tx: &Tx<'_>, job: JobId, lease: &Lease) -> Result<(), StoreError> {
    let job = jobs::of_anyone(tx, job).await?.ok_or(StoreError::LeaseLost)?;
    job.require_lease(lease).map_err(|_| StoreError::LeaseLost)
}

async fn numbers(tx: &Tx<'_>, job: JobId) -> Result<BTreeSet<u32>, StoreError> {
    let numbers = query(tx, queries::PARTS_OF_JOB, &[&job.as_uuid()], |row| {
        Reader::new(row, "parts").number("number")
    })
    .await?;
    Ok(numbers.into_iter().collect())
}

async fn offer(tx: &Tx<'_>, job: JobId, lease: &Lease, missing: &BTreeSet<u32>) -> Result<(), StoreError> {
    locks::jobs(tx, [job].into()).await?;
    check_owner(tx, job, lease).await?;
    let id = job.as_uuid();
    for done in numbers(tx, job).await?.difference(missing) {
        execute(tx, queries::DROP_PART, &[&id, &i64::from(*done)]).await?;
    }
    for number in missing {
        execute(tx, queries::INSERT_PART, &[&id, &i64::from(*number)]).await?;
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

impl Terms {
    fn of(worker: WorkerId, now: Timestamp, lease_for: Duration) -> Self {
        Self {
            worker,
            now,
            expires_at: now.after(lease_for),
        }
    }
}

async fn take(
    tx: &Tx<'_>,
    (job, number, claims): (JobId, u32, FencingToken),
    terms: Terms,
) -> Result<PartLease, StoreError> {
    let token = claims.next();
    execute_one(
        tx,
        "parts",
        queries::LEASE_PART,
        &[
            &job.as_uuid(),
            &i64::from(number),
            &i64::from(token.0),
            &terms.worker.as_uuid(),
            &terms.expires_at.as_micros(),
        ],
    )
    .await?;
    Ok(PartLease {
        job,
        number,
        lease: Lease {
            worker: terms.worker,
            token,
        },
    })
}

async fn claim_own(tx: &Tx<'_>, job: JobId, lease: &Lease, terms: Terms) -> Result<OwnTurn, StoreError> {
    check_owner(tx, job, lease).await?;
    let params = (job.as_uuid(), terms.now.as_micros());
    let free = query_one(tx, queries::CLAIMABLE_OWN_PART, &[&params.0, &params.1], |row| {
        let row = Reader::new(row, "parts");
        Ok((job, row.number("number")?, FencingToken(row.number("claims")?)))
    })
    .await?;
    let left = u32::try_from(numbers(tx, job).await?.len()).unwrap_or(u32::MAX);
    let part = match free {
        Some(free) => Some(take(tx, free, terms).await?),
        None => None,
    };
    Ok(OwnTurn { part, left })
}

fn claimable(row: &Row) -> Result<(JobId, u32, FencingToken), StoreError> {
    let row = Reader::new(row, "parts");
    Ok((
        row.job_id("job")?,
        row.number("number")?,
        FencingToken(row.number("claims")?),
    ))
}

async fn claim(tx: &Tx<'_>, of: Option<JobId>, terms: Terms) -> Result<Option<(Job, PartLease)>, StoreError> {
    let (now, begun_max) = (terms.now.as_micros(), i64::from(HELPERS_MAX));
    let free = match of {
        None => query_one(tx, queries::CLAIMABLE_PART, &[&now, &begun_max], claimable).await?,
        Some(job) => {
            let params: Params<'_> = &[&now, &begun_max, &job.as_uuid()];
            query_one(tx, queries::CLAIMABLE_PART_OF_JOB, params, claimable).await?
        }
    };
    let Some(free) = free else {
        return Ok(None);
    };
    let Some(job) = jobs::of_anyone(tx, free.0).await? else {
        return Ok(None);
    };
    Ok(Some((job, take(tx, free, terms).await?)))
}

/// A statement about a part under a lease.
async fn with_lease(
    tx: &Tx<'_>,
    sql: &str,
    part: &PartLease,
    last: Option<&(dyn ToSql + Sync)>,
) -> Result<(), StoreError> {
    let (job, number) = (part.job.as_uuid(), i64::from(part.number));
    let (worker, token) = (part.lease.worker.as_uuid(), i64::from(part.lease.token.0));
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&job, &number, &worker, &token];
    params.extend(last);
    if execute(tx, sql, &params).await? == 1 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}

async fn extend(tx: &Tx<'_>, part: &PartLease, lease_for: Duration) -> Result<(), StoreError> {
    let expires_at = tx.now().after(lease_for).as_micros();
    with_lease(tx, queries::EXTEND_PART, part, Some(&expires_at)).await
}

async fn hand_back(tx: &Tx<'_>, part: &PartLease, failed: bool) -> Result<(), StoreError> {
    with_lease(tx, queries::HAND_BACK_PART, part, Some(&failed)).await
}

#[async_trait]
impl VideoParts for PostgresStore {
    async fn offer_parts(&self, job: JobId, lease: &Lease, missing: &[u32]) -> Result<(), StoreError> {
        let missing = &missing.iter().copied().collect();
        self.write(|tx| Box::pin(offer(tx, job, lease, missing))).await
    }

    async fn claim_own_part(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
    ) -> Result<OwnTurn, StoreError> {
        self.write(|tx| {
            let terms = Terms::of(lease.worker, tx.now(), lease_for);
            Box::pin(claim_own(tx, job, lease, terms))
        })
        .await
    }

    async fn claim_part(
        &self,
        worker: WorkerId,
        of: Option<JobId>,
        lease_for: Duration,
    ) -> Result<Option<(Job, PartLease)>, StoreError> {
        self.write(|tx| Box::pin(claim(tx, of, Terms::of(worker, tx.now(), lease_for))))
            .await
    }

    async fn extend_part(&self, part: &PartLease, lease_for: Duration) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(extend(tx, part, lease_for))).await
    }

    async fn finish_part(&self, part: &PartLease) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(with_lease(tx, queries::FINISH_PART, part, None)))
            .await
    }

    async fn hand_back_part(&self, part: &PartLease, failed: bool) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(hand_back(tx, part, failed))).await
    }
}
