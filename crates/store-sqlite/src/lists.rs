//! Lists of jobs: which index leads to the fewest jobs, and how far one call walks along it.

use async_trait::async_trait;
use rusqlite::{Connection, params_from_iter};
use sfumato_core::job::Job;
use sfumato_core::store::{JobFilter, JobLists, JobPage, JobRange, Needle, Walked, WantedJobs, Way};
use sfumato_core::{JobId, Scope, StoreError};
use uuid::Uuid;

use crate::jobs;
use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{query_one, unavailable};
use crate::sqlite::SqliteStore;

/// What one call may spend on looking, in entries of an index: a few milliseconds.
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

fn parameters(way: Way, range: JobRange) -> Vec<rusqlite::types::Value> {
    let bytes = |id: Uuid| id.as_bytes().to_vec().into();
    let mut parameters = vec![bytes(range.before.as_uuid()), bytes(range.from.as_uuid())];
    match way {
        Way::InState(state) => parameters.push(state.as_str().to_owned().into()),
        Way::OfClientInState(client, state) => {
            parameters.push(state.as_str().to_owned().into());
            parameters.push(bytes(client.as_uuid()));
        }
        Way::Newest | Way::Long | Way::Names => {}
    }
    parameters
}

/// Whether a job is wanted, by what was read of it.
fn is_wanted(wanted: &WantedJobs, row: &Reader<'_, '_>) -> Result<bool, StoreError> {
    Ok(wanted.fits(
        row.client_id("client")?,
        row.parse("state")?,
        row.parse("upload_format")?,
        row.time("created_at")?,
    ))
}

fn walk(
    conn: &Connection,
    way: Way,
    range: JobRange,
    (scope, filter): (Scope, &JobFilter),
    (limit, looks_max): (usize, usize),
) -> Result<Walked, StoreError> {
    let wanted = way.remaining(scope, filter);
    let needle = Needle::of(filter);
    let mut statement = conn.prepare_cached(statement(way)).map_err(unavailable)?;
    let mut rows = statement
        .query(params_from_iter(parameters(way, range)))
        .map_err(unavailable)?;
    let mut found = Walked::default();
    let mut looks = 0;
    while let Some(row) = rows.next().map_err(unavailable)? {
        let reader = Reader::new(row, "jobs");
        let job = reader.job_id("id")?;
        looks += 1;
        let mut fits = match &needle {
            Some(needle) => {
                scope.contains(reader.client_id("client")?)
                    && needle.is_in(&reader.get::<String>("file_name")?)
            }
            None => true,
        };
        if fits && !wanted.is_everything() {
            looks += LOOKS_PER_JOB;
            let traits = [key(job.as_uuid())];
            fits = query_one(conn, queries::JOB_TRAITS, traits, |row| {
                is_wanted(&wanted, &Reader::new(row, "jobs"))
            })? == Some(true);
        }
        if fits {
            found.jobs.push(job);
        }
        if found.jobs.len() >= limit || looks >= looks_max {
            found.reached = Some(job);
            break;
        }
    }
    Ok(found)
}

fn page(
    conn: &Connection,
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
        .map(|way| walk(conn, way, range, (scope, filter), bounds));
    let (found, next) = Walked::page(walks.collect::<Result<Vec<_>, _>>()?, limit);
    let found = found.into_iter().map(|job| jobs::of_anyone(conn, job));
    Ok(JobPage {
        jobs: found.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        next,
    })
}

#[async_trait]
impl JobLists for SqliteStore {
    async fn job_in(&self, scope: Scope, job: JobId) -> Result<Option<Job>, StoreError> {
        let found = self.read(move |conn| jobs::of_anyone(conn, job)).await?;
        Ok(found.filter(|found| scope.contains(found.client)))
    }

    async fn jobs(
        &self,
        scope: Scope,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<JobPage, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| page(conn, scope, &filter, before, limit))
            .await
    }
}
