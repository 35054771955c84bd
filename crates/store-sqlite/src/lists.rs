//! Lists of jobs: which index leads to the fewest jobs, and how far one call walks along it.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params_from_iter};
use sfumato_core::job::{Job, JobStateKind};
use sfumato_core::store::{JobFilter, JobLists, JobPage};
use sfumato_core::{ClientId, JobId, MediaFormat, MediaKind, Scope, StoreError, Timestamp};
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

/// A job's identifier is made a moment after its time; this much covers the moment, and a clock that was set meanwhile.
const SLACK: std::time::Duration = std::time::Duration::from_secs(60);

/// Identifiers from the first on, before the second.
#[derive(Clone, Copy)]
struct Range {
    from: JobId,
    before: JobId,
}

impl Range {
    fn of(filter: &JobFilter, before: Option<JobId>) -> Self {
        let lowest = JobId::from_uuid(Uuid::nil());
        let highest = JobId::from_uuid(Uuid::max());
        let until = filter.until.map(|until| JobId::first_at(until.after(SLACK)));
        Self {
            from: filter
                .since
                .map_or(lowest, |since| JobId::first_at(since.before(SLACK))),
            before: before.unwrap_or(highest).min(until.unwrap_or(highest)),
        }
    }
}

/// An index to walk along, newest first.
#[derive(Clone, Copy)]
enum Way {
    Newest,
    InState(JobStateKind),
    OfClientInState(ClientId, JobStateKind),
    Long,
    Names,
}

impl Way {
    /// The ways that lead to what is wanted past the least that is not.
    fn choose(scope: Scope, filter: &JobFilter) -> Vec<Self> {
        if filter.name.is_some() {
            return vec![Self::Names];
        }
        if !filter.kinds.is_empty() && !filter.kinds.contains(&MediaKind::Picture) {
            return vec![Self::Long];
        }
        let states =
            |all: &[JobStateKind], way: &dyn Fn(JobStateKind) -> Self| all.iter().copied().map(way).collect();
        match scope {
            Scope::All if filter.states.is_empty() => vec![Self::Newest],
            Scope::All => states(&filter.states, &Self::InState),
            Scope::Client(client) => {
                let wanted: &[JobStateKind] = match filter.states.as_slice() {
                    [] => &JobStateKind::ALL,
                    some => some,
                };
                states(wanted, &|state| Self::OfClientInState(client, state))
            }
        }
    }

    const fn statement(self) -> &'static str {
        match self {
            Self::Newest => queries::JOBS_NEWEST_FIRST,
            Self::InState(_) => queries::JOBS_IN_STATE,
            Self::OfClientInState(..) => queries::JOBS_OF_CLIENT_IN_STATE,
            Self::Long => queries::LONG_JOBS,
            Self::Names => queries::NAMES_OF_JOBS,
        }
    }

    fn parameters(self, range: Range) -> Vec<rusqlite::types::Value> {
        let bytes = |id: Uuid| id.as_bytes().to_vec().into();
        let mut parameters = vec![bytes(range.before.as_uuid()), bytes(range.from.as_uuid())];
        match self {
            Self::InState(state) => parameters.push(state.as_str().to_owned().into()),
            Self::OfClientInState(client, state) => {
                parameters.push(state.as_str().to_owned().into());
                parameters.push(bytes(client.as_uuid()));
            }
            Self::Newest | Self::Long | Self::Names => {}
        }
        parameters
    }

    /// What the way itself does not see to.
    fn remaining(self, scope: Scope, filter: &JobFilter) -> Wanted {
        let mut wanted = Wanted {
            scope,
            states: filter.states.clone(),
            kinds: filter.kinds.clone(),
            since: filter.since,
            until: filter.until,
        };
        match self {
            Self::Newest => {}
            Self::InState(_) => wanted.states.clear(),
            Self::OfClientInState(..) => {
                wanted.states.clear();
                wanted.scope = Scope::All;
            }
            Self::Long => {
                let all = [MediaKind::Video, MediaKind::Archive];
                if all.iter().all(|kind| wanted.kinds.contains(kind)) {
                    wanted.kinds.clear();
                }
            }
            Self::Names => wanted.scope = Scope::All,
        }
        wanted
    }
}

/// What has to be read of a job to know whether it is wanted.
struct Wanted {
    scope: Scope,
    states: Vec<JobStateKind>,
    kinds: Vec<MediaKind>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    fn is_everything(&self) -> bool {
        self.scope == Scope::All
            && self.states.is_empty()
            && self.kinds.is_empty()
            && self.since.is_none()
            && self.until.is_none()
    }

    fn fits(&self, row: &Row<'_>) -> Result<bool, StoreError> {
        let row = Reader::new(row, "jobs");
        let state: JobStateKind = row.parse("state")?;
        let format: MediaFormat = row.parse("upload_format")?;
        let created_at = row.time("created_at")?;
        Ok(self.scope.contains(row.client_id("client")?)
            && (self.states.is_empty() || self.states.contains(&state))
            && (self.kinds.is_empty() || self.kinds.contains(&format.kind()))
            && self.since.is_none_or(|since| created_at >= since)
            && self.until.is_none_or(|until| created_at < until))
    }
}

/// What was found on one way.
struct Found {
    jobs: Vec<JobId>,
    /// The oldest job that was looked at; `None`: the way was walked to its end.
    reached: Option<JobId>,
}

/// A name to be found in others, whatever the case.
struct Needle(String);

impl Needle {
    fn is_in(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.0)
    }
}

fn walk(
    conn: &Connection,
    way: Way,
    range: Range,
    (scope, filter): (Scope, &JobFilter),
    (limit, looks_max): (usize, usize),
) -> Result<Found, StoreError> {
    let wanted = way.remaining(scope, filter);
    let needle = filter.name.as_ref().map(|name| Needle(name.to_lowercase()));
    let mut statement = conn.prepare_cached(way.statement()).map_err(unavailable)?;
    let mut rows = statement
        .query(params_from_iter(way.parameters(range)))
        .map_err(unavailable)?;
    let mut found = Found {
        jobs: Vec::new(),
        reached: None,
    };
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
            fits = query_one(conn, queries::JOB_TRAITS, traits, |row| wanted.fits(row))? == Some(true);
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
    let range = Range::of(filter, before);
    let ways = Way::choose(scope, filter);
    // One more than is wanted says whether there is another page.
    let bounds = (limit + 1, LOOKS_MAX / ways.len().max(1));
    let mut found = Vec::new();
    let mut reached = None;
    for way in ways {
        let walked = walk(conn, way, range, (scope, filter), bounds)?;
        found.extend(walked.jobs);
        reached = reached.max(walked.reached);
    }
    // Further down than the shortest way reached, others may know of jobs between which it would have had some.
    found.retain(|job: &JobId| reached.is_none_or(|reached| *job >= reached));
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.dedup();
    let next = if found.len() > limit {
        found.truncate(limit);
        found.last().copied()
    } else {
        reached
    };
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
