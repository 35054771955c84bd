//! How long what is replaced goes on working, as forms ask for it.

use std::time::Duration;

use serde::Deserialize;
use sfumato_core::rotation::{OVERLAP_DEFAULT, OVERLAP_MAX};

use crate::error::ConsoleError;

const HOUR: u64 = 60 * 60;

/// A choice: its seconds and its words.
pub(super) struct Choice {
    pub(super) seconds: u64,
    pub(super) words: &'static str,
}

/// What forms offer.
pub(super) const CHOICES: [Choice; 5] = [
    choice(HOUR, "for an hour"),
    choice(24 * HOUR, "for a day"),
    choice(3 * 24 * HOUR, "for 3 days"),
    choice(7 * 24 * HOUR, "for 7 days"),
    choice(0, "not at all: others know it"),
];

const fn choice(seconds: u64, words: &'static str) -> Choice {
    Choice { seconds, words }
}

impl Choice {
    /// Whether it is chosen where nobody has chosen yet.
    pub(super) fn is_usual(&self) -> bool {
        self.seconds == OVERLAP_DEFAULT.as_secs()
    }
}

/// The form of a rotation.
#[derive(Deserialize)]
pub(super) struct Overlap {
    /// Seconds.
    overlap: u64,
}

impl Overlap {
    /// The overlap that is asked for.
    pub(super) fn duration(&self) -> Result<Duration, ConsoleError> {
        let overlap = Duration::from_secs(self.overlap);
        if overlap > OVERLAP_MAX {
            return Err(ConsoleError::refused(
                "The old one can go on working for 7 days at most.",
            ));
        }
        Ok(overlap)
    }

    /// For the audit log.
    pub(super) fn particulars(&self) -> String {
        self.overlap.to_string()
    }
}
