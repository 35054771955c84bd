//! Which of a client's waiting jobs is begun first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which of a client's waiting jobs is begun first: all of a higher priority before any of a lower one, the oldest of the same
/// first. Jobs of other clients wait neither more nor less for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// After all others.
    Low,
    /// Where nothing is said.
    #[default]
    Normal,
    /// Before all others.
    High,
}

/// A text that names no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be one of low, normal, high")]
pub struct UnknownPriority;

impl Priority {
    /// All, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The number that a database orders by, -1 to 1.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Low => -1,
            Self::Normal => 0,
            Self::High => 1,
        }
    }

    /// The priority of a rank.
    ///
    /// # Errors
    /// [`UnknownPriority`] for a number that is no rank.
    pub fn from_rank(rank: i64) -> Result<Self, UnknownPriority> {
        let mut all = Self::ALL.into_iter();
        all.find(|priority| priority.rank() == rank)
            .ok_or(UnknownPriority)
    }
}

impl FromStr for Priority {
    type Err = UnknownPriority;

    fn from_str(text: &str) -> Result<Self, UnknownPriority> {
        let mut all = Self::ALL.into_iter();
        all.find(|priority| priority.as_str() == text)
            .ok_or(UnknownPriority)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ranks_read_back_and_are_in_order() {
        for priority in Priority::ALL {
            assert_eq!(priority.as_str().parse(), Ok(priority));
            assert_eq!(Priority::from_rank(priority.rank()), Ok(priority));
        }
        assert!(Priority::ALL.is_sorted_by_key(|priority| priority.rank()));
        assert_eq!("urgent".parse::<Priority>(), Err(UnknownPriority));
        assert_eq!(Priority::from_rank(2), Err(UnknownPriority));
    }
}
