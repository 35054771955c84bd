//! How a list of jobs is found: which index leads past the least that is not wanted, and what is left to be looked at of
//! each job. Stores only walk.

use uuid::Uuid;

use super::JobFilter;
use crate::id::{ClientId, JobId};
use crate::job::JobStateKind;
use crate::media::{MediaFormat, MediaKind};
use crate::time::Timestamp;
use crate::user::Scope;

/// A job's identifier is made a moment after its time; this much covers the moment, and a clock that was set meanwhile.
const SLACK: std::time::Duration = std::time::Duration::from_secs(60);

/// Identifiers from the first on, before the second.
#[derive(Clone, Copy, Debug)]
pub struct JobRange {
    /// The first.
    pub from: JobId,
    /// None from this one on.
    pub before: JobId,
}

impl JobRange {
    /// Those that a filter leaves, older than `before` or from the newest on.
    pub fn of(filter: &JobFilter, before: Option<JobId>) -> Self {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All jobs.
    Newest,
    /// Those in one state.
    InState(JobStateKind),
    /// Those of one client in one state.
    OfClientInState(ClientId, JobStateKind),
    /// Videos and archives.
    Long,
    /// All jobs, with their names.
    Names,
}

impl Way {
    /// The ways that lead to what is wanted past the least that is not.
    pub fn choose(scope: Scope, filter: &JobFilter) -> Vec<Self> {
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

    /// What the way itself does not see to.
    pub fn remaining(self, scope: Scope, filter: &JobFilter) -> WantedJobs {
        let mut wanted = WantedJobs {
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
#[derive(Clone, Debug)]
pub struct WantedJobs {
    scope: Scope,
    states: Vec<JobStateKind>,
    kinds: Vec<MediaKind>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl WantedJobs {
    /// Whether nothing has to be read.
    pub fn is_everything(&self) -> bool {
        self.scope == Scope::All
            && self.states.is_empty()
            && self.kinds.is_empty()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// Whether a job is wanted that belongs to `client` and is in this state, of this format and as old as that.
    pub fn fits(
        &self,
        client: ClientId,
        state: JobStateKind,
        format: MediaFormat,
        created_at: Timestamp,
    ) -> bool {
        self.scope.contains(client)
            && (self.states.is_empty() || self.states.contains(&state))
            && (self.kinds.is_empty() || self.kinds.contains(&format.kind()))
            && self.since.is_none_or(|since| created_at >= since)
            && self.until.is_none_or(|until| created_at < until)
    }
}

/// What was found on one way.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// Jobs that are wanted.
    pub jobs: Vec<JobId>,
    /// The oldest job that was looked at; `None`: the way was walked to its end.
    pub reached: Option<JobId>,
}

impl Walked {
    /// The jobs of a page of `limit`, newest first, and where the next one goes on, from what was found on all ways, each of
    /// which was walked for one job more than the page holds.
    pub fn page(all: impl IntoIterator<Item = Self>, limit: usize) -> (Vec<JobId>, Option<JobId>) {
        let mut found = Vec::new();
        let mut reached = None;
        for walked in all {
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
        (found, next)
    }
}

/// A name to be found in others, whatever the case.
#[derive(Clone, Debug)]
pub struct Needle(String);

impl Needle {
    /// What a filter looks for in names.
    pub fn of(filter: &JobFilter) -> Option<Self> {
        filter.name.as_ref().map(|name| Self(name.to_lowercase()))
    }

    /// Whether it is in a name.
    pub fn is_in(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.0)
    }
}
