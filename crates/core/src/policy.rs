//! What is agreed with one client: how long its files are kept, how much it may have, and its share of the work.

use std::fmt;
use std::time::Duration;

use crate::fair::Weight;
use crate::job::Priority;

/// What is agreed with a client. What is not said is as for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientPolicy {
    /// How long files are kept.
    pub retention: Retention,
    /// How much there may be.
    pub quotas: Quotas,
    /// Its share of the work.
    pub scheduling: Scheduling,
}

/// How long the files of a client are kept; `None`: as long as everybody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// An original, after its job has finished.
    pub originals_kept: Option<Duration>,
    /// A result, after its job has finished.
    pub results_kept: Option<Duration>,
}

/// A client's share of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// Its share where others have jobs waiting, too.
    pub weight: Weight,
    /// Jobs that are worked on at the same time; further ones wait. `None`: as many as there are workers.
    pub jobs_at_once_max: Option<u64>,
    /// The highest priority that it may give a job.
    pub priority_max: Priority,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            jobs_at_once_max: None,
            priority_max: Priority::High,
        }
    }
}

/// How much a client may have; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Jobs that wait at the same time.
    pub jobs_waiting_max: Option<u64>,
    /// Bytes of originals and results that are kept at the same time.
    pub bytes_stored_max: Option<u64>,
    /// Jobs in a day, which begins at 00:00 UTC.
    pub jobs_per_day_max: Option<u64>,
}

/// How much a client has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Jobs that wait.
    pub jobs_waiting: u64,
    /// Jobs that are worked on.
    pub jobs_running: u64,
    /// Bytes of originals and results that are kept.
    pub bytes_stored: u64,
    /// Jobs since 00:00 UTC.
    pub jobs_today: u64,
}

impl Quotas {
    /// The first quota that another job with an original of `bytes` would exceed.
    pub fn exceeded_by(&self, usage: &Usage, bytes: u64) -> Option<Quota> {
        let full =
            |max: Option<u64>, used: u64, more: u64| max.filter(|max| used.saturating_add(more) > *max);
        let waiting =
            full(self.jobs_waiting_max, usage.jobs_waiting, 1).map(|max| Quota::JobsWaiting { max });
        let today = || full(self.jobs_per_day_max, usage.jobs_today, 1).map(|max| Quota::JobsPerDay { max });
        let stored =
            || full(self.bytes_stored_max, usage.bytes_stored, bytes).map(|max| Quota::BytesStored { max });
        waiting.or_else(today).or_else(stored)
    }
}

/// A quota that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Of jobs that wait.
    JobsWaiting {
        /// The most.
        max: u64,
    },
    /// Of jobs in a day.
    JobsPerDay {
        /// The most.
        max: u64,
    },
    /// Of bytes that are kept.
    BytesStored {
        /// The most.
        max: u64,
    },
}

impl Quota {
    /// Its name: that of the setting, and of the member in the API's answer.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::JobsWaiting { .. } => "jobs_waiting_max",
            Self::JobsPerDay { .. } => "jobs_per_day_max",
            Self::BytesStored { .. } => "bytes_stored_max",
        }
    }
}

impl fmt::Display for Quota {
    /// What is reached, for the customer: `100 waiting jobs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JobsWaiting { max } => write!(f, "{max} waiting jobs"),
            Self::JobsPerDay { max } => write!(f, "{max} jobs a day"),
            Self::BytesStored { max } => write!(f, "{max} bytes of originals and results"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_exceeded_by_what_goes_beyond_it_and_not_by_what_fills_it() {
        let quotas = Quotas {
            jobs_waiting_max: Some(2),
            bytes_stored_max: Some(100),
            jobs_per_day_max: Some(5),
        };
        let usage = |jobs_waiting, bytes_stored, jobs_today| Usage {
            jobs_waiting,
            jobs_running: 0,
            bytes_stored,
            jobs_today,
        };
        assert_eq!(quotas.exceeded_by(&usage(1, 60, 4), 40), None);
        let [waiting, today, stored] = [
            Quota::JobsWaiting { max: 2 },
            Quota::JobsPerDay { max: 5 },
            Quota::BytesStored { max: 100 },
        ];
        assert_eq!(quotas.exceeded_by(&usage(2, 60, 4), 40), Some(waiting));
        assert_eq!(quotas.exceeded_by(&usage(1, 60, 5), 40), Some(today));
        assert_eq!(quotas.exceeded_by(&usage(1, 60, 4), 41), Some(stored));
        assert_eq!(
            Quotas::default().exceeded_by(&usage(u64::MAX, u64::MAX, u64::MAX), 1),
            None
        );
    }
}
