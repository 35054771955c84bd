//! Lists of jobs: which index leads to the fewest jobs, and how far one call walks along it.

use std::collections::HashSet;

use async_trait::async_trait;
use futures::future::try_join_all;
use sfumato_core::job::Job;
use sfumato_core::store::{JobFilter, JobLists, JobPage, JobRange, Needle, Walked, WantedJobs, Way};
use sfumato_core::{JobId, Scope, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::jobs;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Tx, as_limit, query};

/// Entries of an index that are read at once.
const PIECE: usize = 500;

/// What one call may spend on looking, in entries of an index: a few dozen milliseconds.
const LOOKS_MAX: usize = 20_000;

/// What it costs to read a job, in entries of an index.
const LOOKS_PER_JOB: usize = 10;

const fn statement(way: Way) -> &'static str {
    match way {
        Way::Newest => queries::JOBS_NEWEST_FIRST,
        Way::InState(_) => queries::JOBS_IN_STATE,
        Way::OfClientInState(..) => queries::JOBS_OF_CLIENT_IN_STATE,
        Way::Long => queries::LONG_JOBS,
        Way::Names => queries::NAMES_OF_JOBS,
    }
}

async fn piece<T>(
    tx: &Tx<'_>,
    way: Way,
    range: JobRange,
    rows_max: usize,
    read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let (before, from, rows_max) = (range.before.as_uuid(), range.from.as_uuid(), as_limit(rows_max));
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&before, &from];
    let (state, client);
    match way {
        Way::InState(only) => {
            state = only.as_str();
            params.push(&state);
        }
        Way::OfClientInState(of, only) => {
            (state, client) = (only.as_str(), of.as_uuid());
            params.push(&state);
            params.push(&client);
        }
        Way::Newest | Way::Long | Way::Names => {}
    }
    params.push(&rows_max);
    query(tx, statement(way), &params, read).await
}

/// Whether a job is wanted, by what was read of it.
fn is_wanted(wanted: &WantedJobs, row: &Reader<'_>) -> Result<bool, StoreError> {
    Ok(wanted.fits(
        row.client_id("client")?,
        row.parse("state")?,
        row.parse("upload_format")?,
        row.time("created_at")?,
    ))
}

/// Those of the jobs that are wanted.
async fn among(tx: &Tx<'_>, wanted: &WantedJobs, jobs: &[Uuid]) -> Result<HashSet<JobId>, StoreError> {
    let read = |row: &Row| {
        let row = Reader::new(row, "jobs");
        Ok((row.job_id("id")?, is_wanted(wanted, &row)?))
    };
    let traits = query(tx, queries::JOB_TRAITS, &[&jobs], read).await?;
    let wanted = traits.into_iter().filter_map(|(job, fits)| fits.then_some(job));
    Ok(wanted.collect())
}

/// A job on the way, and whether it may be wanted by what the index says of it.
fn step(row: &Row, scope: Scope, needle: Option<&Needle>) -> Result<(JobId, bool), StoreError> {
    let row = Reader::new(row, "jobs");
    let job = row.job_id("id")?;
    let may_fit = match needle {
        Some(needle) => scope.contains(row.client_id("client")?) && needle.is_in(row.get("file_name")?),
        None => true,
    };
    Ok((job, may_fit))
}

async fn walk(
    tx: &Tx<'_>,
    way: Way,
    mut range: JobRange,
    (scope, filter): (Scope, &JobFilter),
    (limit, looks_max): (usize, usize),
) -> Result<Walked, StoreError> {
    let wanted = way.remaining(scope, filter);
    let needle = Needle::of(filter);
    let everything_fits = wanted.is_everything() && needle.is_none();
    let mut found = Walked::default();
    let mut looks = 0;
    loop {
        let rows_max = if everything_fits {
            limit - found.jobs.len()
        } else {
            PIECE
        };
        let read = |row: &Row| step(row, scope, needle.as_ref());
        let piece = piece(tx, way, range, rows_max, read).await?;
        let candidates = piece.iter().filter(|(_, may_fit)| *may_fit);
        let candidates: Vec<_> = candidates.map(|(job, _)| job.as_uuid()).collect();
        let among = if wanted.is_everything() {
            None
        } else {
            Some(among(tx, &wanted, &candidates).await?)
        };
        let is_last = piece.len() < rows_max;
        for (job, may_fit) in piece {
            looks += 1;
            if may_fit && among.is_some() {
                looks += LOOKS_PER_JOB;
            }
            if may_fit && among.as_ref().is_none_or(|among| among.contains(&job)) {
                found.jobs.push(job);
            }
            if found.jobs.len() >= limit || looks >= looks_max {
                found.reached = Some(job);
                return Ok(found);
            }
            range.before = job;
        }
        if is_last {
            return Ok(found);
        }
    }
}

async fn page(
    tx: &Tx<'_>,
    scope: Scope,
    filter: &JobFilter,
    before: Option<JobId>,
    limit: usize,
) -> Result<JobPage, StoreError> {
    let limit = limit.max(1);
    let range = JobRange::of(filter, before);
    let ways = Way::choose(scope, filter);
    // One more than is wanted says whether there is another page.
    let bounds = (limit + 1, LOOKS_MAX / ways.len().max(1));
    let walks = ways
        .into_iter()
        .map(|way| walk(tx, way, range, (scope, filter), bounds));
    let (found, next) = Walked::page(try_join_all(walks).await?, limit);
    let found = found.into_iter().map(|job| jobs::of_anyone(tx, job));
    Ok(JobPage {
        jobs: try_join_all(found).await?.into_iter().flatten().collect(),
        next,
    })
}

#[async_trait]
impl JobLists for PostgresStore {
    async fn job_in(&self, scope: Scope, job: JobId) -> Result<Option<Job>, StoreError> {
        let found = self.read(|tx| Box::pin(jobs::of_anyone(tx, job))).await?;
        Ok(found.filter(|found| scope.contains(found.client)))
    }

    async fn jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<JobPage, StoreError> {
        self.read(|tx| Box::pin(page(tx, scope, filter, before, limit)))
            .await
    }
}
