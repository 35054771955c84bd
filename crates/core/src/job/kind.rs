//! The states of a job without their data, to count and to choose by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::JobState;

/// Where a job stands, without what is known of it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobStateKind {
    /// [`JobState::Queued`].
    Queued,
    /// [`JobState::Running`].
    Running,
    /// [`JobState::Succeeded`].
    Succeeded,
    /// [`JobState::Failed`].
    Failed,
    /// [`JobState::Cancelled`].
    Cancelled,
    /// [`JobState::Expired`].
    Expired,
}

impl JobStateKind {
    /// Every state, in the order of a job's life.
    pub const ALL: [JobStateKind; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The word in the database, in logs and in addresses of pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// Whether a worker will never touch the job again.
    pub const fn is_finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl JobState {
    /// The state without its data.
    pub const fn kind(&self) -> JobStateKind {
        match self {
            Self::Queued { .. } => JobStateKind::Queued,
            Self::Running { .. } => JobStateKind::Running,
            Self::Succeeded { .. } => JobStateKind::Succeeded,
            Self::Failed { .. } => JobStateKind::Failed,
            Self::Cancelled { .. } => JobStateKind::Cancelled,
            Self::Expired { .. } => JobStateKind::Expired,
        }
    }
}

impl fmt::Display for JobStateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word is not the name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a state of a job")]
pub struct UnknownJobState;

impl FromStr for JobStateKind {
    type Err = UnknownJobState;

    fn from_str(word: &str) -> Result<Self, UnknownJobState> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or(UnknownJobState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_every_state_is_read_back() {
        for kind in JobStateKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("Queued".parse::<JobStateKind>(), Err(UnknownJobState));
    }
}
