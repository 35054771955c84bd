//! Lists of jobs: which index leads to the fewest jobs, and how far one call walks along it.

use std::collections::HashSet;

use async_trait::async_trait;
use futures::future::try_join_all;
use sfumato_core::job::{Job, JobStateKind};
use sfumato_core::store::{JobFilter, JobLists, JobPage};
use sfumato_core::{ClientId, JobId, MediaFormat, MediaKind, Scope, StoreError, Timestamp};
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

    async fn piece<T>(
        self,
        tx: &Tx<'_>,
        range: Range,
        rows_max: usize,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (before, from, rows_max) = (range.before.as_uuid(), range.from.as_uuid(), as_limit(rows_max));
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&before, &from];
        let (state, client);
        match self {
            Self::InState(only) => {
                state = only.as_str();
                params.push(&state);
            }
            Self::OfClientInState(of, only) => {
                (state, client) = (only.as_str(), of.as_uuid());
                params.push(&state);
                params.push(&client);
            }
            Self::Newest | Self::Long | Self::Names => {}
        }
        params.push(&rows_max);
        query(tx, self.statement(), &params, read).await
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

    fn fits(&self, row: &Reader<'_>) -> Result<bool, StoreError> {
        let state: JobStateKind = row.parse("state")?;
        let format: MediaFormat = row.parse("upload_format")?;
        let created_at = row.time("created_at")?;
        Ok(self.scope.contains(row.client_id("client")?)
            && (self.states.is_empty() || self.states.contains(&state))
            && (self.kinds.is_empty() || self.kinds.contains(&format.kind()))
            && self.since.is_none_or(|since| created_at >= since)
            && self.until.is_none_or(|until| created_at < until))
    }

    /// Those of the jobs that are wanted.
    async fn among(&self, tx: &Tx<'_>, jobs: &[Uuid]) -> Result<HashSet<JobId>, StoreError> {
        let read = |row: &Row| {
            let row = Reader::new(row, "jobs");
            Ok((row.job_id("id")?, self.fits(&row)?))
        };
        let traits = query(tx, queries::JOB_TRAITS, &[&jobs], read).await?;
        let wanted = traits.into_iter().filter_map(|(job, fits)| fits.then_some(job));
        Ok(wanted.collect())
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
    mut range: Range,
    (scope, filter): (Scope, &JobFilter),
    (limit, looks_max): (usize, usize),
) -> Result<Found, StoreError> {
    let wanted = way.remaining(scope, filter);
    let needle = filter.name.as_ref().map(|name| Needle(name.to_lowercase()));
    let everything_fits = wanted.is_everything() && needle.is_none();
    let mut found = Found {
        jobs: Vec::new(),
        reached: None,
    };
    let mut looks = 0;
    loop {
        let rows_max = if everything_fits {
            limit - found.jobs.len()
        } else {
            PIECE
        };
        let piece = way
            .piece(tx, range, rows_max, |row| step(row, scope, needle.as_ref()))
            .await?;
        let candidates = piece.iter().filter(|(_, may_fit)| *may_fit);
        let candidates: Vec<_> = candidates.map(|(job, _)| job.as_uuid()).collect();
        let among = if wanted.is_everything() {
            None
        } else {
            Some(wanted.among(tx, &candidates).await?)
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
    let range = Range::of(filter, before);
    let ways = Way::choose(scope, filter);
    // One more than is wanted says whether there is another page.
    let bounds = (limit + 1, LOOKS_MAX / ways.len().max(1));
    let walks = ways
        .into_iter()
        .map(|way| walk(tx, way, range, (scope, filter), bounds));
    let mut found = Vec::new();
    let mut reached = None;
    for walked in try_join_all(walks).await? {
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
