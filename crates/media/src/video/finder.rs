//! The detectors as they look at frames.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::Class;
use sfumato_core::options::{ConfidenceThreshold, DetectionOptions, Profile};
use sfumato_detect::{DetectionPlan, DetectorSet, ImageView, Wanted};

use super::{Finder, Look, Seen};
use crate::anonymize::failed;
use crate::error::PictureError;
use crate::log;

/// The detectors that are loaded, with what was asked for.
#[derive(Debug)]
pub struct Models<'a> {
    detectors: &'a mut DetectorSet,
    wanted: Wanted,
    options: DetectionOptions,
}

impl<'a> Models<'a> {
    /// Looks for what the options name, from the confidences that they name.
    pub const fn new(detectors: &'a mut DetectorSet, options: &AnonymizeOptions) -> Self {
        Self {
            detectors,
            wanted: Wanted {
                faces: options.faces,
                plates: options.plates,
            },
            options: options.detection,
        }
    }

    fn plan(&self, profile: Profile, (width, height): (u32, u32)) -> DetectionPlan {
        let options = for_look(&self.options, profile);
        self.detectors.plan(&options, width, height)
    }
}

impl Finder for Models<'_> {
    fn long_side_px(&self, profile: Profile, shown: (u32, u32)) -> u32 {
        self.plan(profile, shown).long_side_px()
    }

    fn find(&mut self, look: Look<'_>) -> Result<Seen, PictureError> {
        let plan = self.plan(look.profile, look.shown);
        let (width, height) = look.size;
        let sighting = ImageView::new(width, height, look.rgb)
            .and_then(|image| self.detectors.sight(image, self.wanted, &plan))
            .map_err(|error| failed(&log::chain(&error)))?;
        Ok(Seen {
            sure: sighting.found.detections,
            weak: sighting.weak,
        })
    }
}

/// The options for a look with another profile than the one that was asked for. Confidences rise with the number of looks, so
/// that a threshold that was asked for moves as those of the profiles do.
fn for_look(asked: &DetectionOptions, profile: Profile) -> DetectionOptions {
    let usual = |profile, class| {
        let options = DetectionOptions {
            profile,
            ..DetectionOptions::default()
        };
        DetectionPlan::for_picture(&options, 1, 1).threshold(class)
    };
    let moved = |given: Option<ConfidenceThreshold>, class| {
        let ratio = usual(profile, class) / usual(asked.profile, class);
        // What would leave the range of thresholds stays as it was given.
        given.map(|given| ConfidenceThreshold::new(given.get() * ratio).unwrap_or(given))
    };
    DetectionOptions {
        profile,
        faces: moved(asked.faces, Class::Face),
        plates: moved(asked.plates, Class::Plate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_that_was_asked_for_is_as_strict_in_quick_looks() {
        let asked = DetectionOptions {
            profile: Profile::Balanced,
            faces: Some(ConfidenceThreshold::new(0.62).unwrap()),
            plates: None,
        };
        let quick = for_look(&asked, Profile::Fast);
        assert!(
            (quick.faces.unwrap().get() - 0.36).abs() < 1e-4,
            "twice 0.31, and twice 0.18"
        );
        assert_eq!((quick.profile, quick.plates), (Profile::Fast, None));
        assert_eq!(for_look(&asked, Profile::Balanced), asked);
    }
}
