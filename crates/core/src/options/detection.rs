//! How hard is looked for faces and plates.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{InvalidOption, by_name};

/// How hard is looked, and from which confidence a detection counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectionOptions {
    /// Which models look, how often and how closely.
    pub profile: Profile,
    /// Confidence from which a face counts; `None` is what the profile says, model by model.
    pub faces: Option<ConfidenceThreshold>,
    /// Confidence from which a plate counts; `None` is what the profile says, model by model.
    pub plates: Option<ConfidenceThreshold>,
}

/// Which models look at a picture, how often and how closely: time against misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// One quick look for each class: finds what is large and clear.
    Fast,
    /// Several models and sizes.
    #[default]
    Balanced,
    /// Everything there is, at native resolution too: for footage in which nothing may be missed.
    Thorough,
}

impl Profile {
    /// Every profile, from the quickest on.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Balanced, Self::Thorough];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Thorough => "thorough",
        }
    }
}

impl FromStr for Profile {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("profile", Self::ALL, Self::as_str, text)
    }
}

/// A confidence from which a detection counts: 0 to 1. The lower it is the less is missed, and the more is hidden that is
/// no face or plate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct ConfidenceThreshold(f32);

impl ConfidenceThreshold {
    /// Checks the range.
    ///
    /// # Errors
    /// [`InvalidOption`] outside 0.05 to 1: below, detectors see faces everywhere.
    pub fn new(confidence: f32) -> Result<Self, InvalidOption> {
        if (0.05..=1.0).contains(&confidence) {
            Ok(Self(confidence))
        } else {
            Err(InvalidOption::new("threshold", "must be a number from 0.05 to 1"))
        }
    }

    /// The confidence.
    pub const fn get(self) -> f32 {
        self.0
    }
}

impl TryFrom<f32> for ConfidenceThreshold {
    type Error = InvalidOption;
    fn try_from(confidence: f32) -> Result<Self, InvalidOption> {
        Self::new(confidence)
    }
}

impl From<ConfidenceThreshold> for f32 {
    fn from(threshold: ConfidenceThreshold) -> Self {
        threshold.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_by_their_names() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse::<Profile>().unwrap(), profile);
        }
        let error = "quick".parse::<Profile>().unwrap_err().to_string();
        assert_eq!(error, "profile: `quick` is none of fast, balanced, thorough");
    }

    #[test]
    fn a_threshold_that_would_hide_everything_is_refused() {
        for confidence in [0.0, 0.04, 1.1, f32::NAN] {
            assert!(ConfidenceThreshold::new(confidence).is_err());
        }
        assert_eq!(ConfidenceThreshold::new(0.5).unwrap().get(), 0.5);
    }
}
