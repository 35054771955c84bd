//! The detectors as they look at frames.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, Detection};
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
        let mut seen = Seen {
            sure: sighting.found.detections,
            weak: sighting.weak,
        };
        if self.options.plates.is_none() {
            doubt_large_plates(&mut seen, plan.threshold(Class::Plate), width.max(height));
        }
        Ok(seen)
    }
}

/// The confidence from which a plate counts whose size is a fifth of the long side of the picture or more. Of 229 plates
/// in photographs, 156 of them larger than the smaller of [`PLATE_SIZES`], one had less in its better look of a quick and a
/// balanced one than is asked for here. What is taken for a large plate by mistake, a strip of gravel or lawn, has less as a
/// rule.
const LARGE_PLATE: f32 = 0.62;

/// The sizes between which the confidence that is asked for rises to that, as fractions of the long side: a plate that is
/// large can be read, and a model is not in doubt about it.
const PLATE_SIZES: [f32; 2] = [0.05, 0.21];

/// Makes suspicions of plates that are large and not clear: they would hide much for as long as the camera sees them.
fn doubt_large_plates(seen: &mut Seen, threshold: f32, long_side_px: u32) {
    let is_clear = |found: &mut Detection| {
        // The side of a square of its area; frames are small enough for f32.
        let size = found.bbox.area().sqrt() / long_side_px.max(1) as f32;
        let [small, large] = PLATE_SIZES;
        let share = ((size - small) / (large - small)).clamp(0.0, 1.0);
        found.class != Class::Plate || found.confidence >= threshold + (LARGE_PLATE - threshold) * share
    };
    let doubtful: Vec<Detection> = seen.sure.extract_if(.., |found| !is_clear(found)).collect();
    // The most confident stand first.
    seen.weak.splice(..0, doubtful);
}

/// The options for one of many looks at a video. A detection is sure from the threshold of the balanced profile at least: the
/// lower one of the fast profile is for a single look at a single picture, whereas here others follow, and what it would
/// add is followed as a weak detection until one of them is sure. A threshold that was asked for moves the others in
/// proportion.
fn for_look(asked: &DetectionOptions, profile: Profile) -> DetectionOptions {
    let usual = |profile, class| {
        let options = DetectionOptions {
            profile,
            ..DetectionOptions::default()
        };
        DetectionPlan::for_picture(&options, 1, 1).threshold(class)
    };
    let threshold = |given: Option<ConfidenceThreshold>, class| {
        let sure = usual(profile, class).max(usual(Profile::Balanced, class));
        let ratio = given.map_or(1.0, |given| given.get() / usual(asked.profile, class));
        // What would leave the range of thresholds stays as it was given.
        ConfidenceThreshold::new(sure * ratio).ok().or(given)
    };
    DetectionOptions {
        profile,
        faces: threshold(asked.faces, Class::Face),
        plates: threshold(asked.plates, Class::Plate),
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::BoundingBox;

    use super::*;

    #[test]
    fn a_quick_look_is_as_strict_as_a_balanced_one_and_moves_with_what_was_asked_for() {
        let face = |given: Option<f32>, asked, profile| {
            let asked = DetectionOptions {
                profile: asked,
                faces: given.map(|given| ConfidenceThreshold::new(given).unwrap()),
                plates: None,
            };
            for_look(&asked, profile).faces.unwrap().get()
        };
        assert!((face(None, Profile::Balanced, Profile::Fast) - 0.31).abs() < 1e-4);
        assert!((face(Some(0.62), Profile::Balanced, Profile::Fast) - 0.62).abs() < 1e-4);
        assert!((face(Some(0.09), Profile::Fast, Profile::Fast) - 0.155).abs() < 1e-4);
        assert!((face(None, Profile::Thorough, Profile::Thorough) - 0.45).abs() < 1e-4);
    }

    #[test]
    fn a_large_plate_has_to_be_clear_and_a_small_one_or_a_face_need_not() {
        let found = |class, width: f32, confidence| Detection {
            class,
            bbox: BoundingBox {
                left: 0.0,
                top: 0.0,
                right: width,
                bottom: width / 4.0,
            },
            confidence,
            model: "test".into(),
            corners: None,
        };
        let mut seen = Seen {
            sure: vec![
                found(Class::Plate, 600.0, 0.7),
                found(Class::Face, 600.0, 0.4),
                found(Class::Plate, 600.0, 0.5),
                found(Class::Plate, 100.0, 0.17),
            ],
            weak: vec![found(Class::Plate, 100.0, 0.1)],
        };
        doubt_large_plates(&mut seen, 0.16, 1280);
        let confidences =
            |found: &[Detection]| found.iter().map(|found| found.confidence).collect::<Vec<_>>();
        assert_eq!(confidences(&seen.sure), [0.7, 0.4, 0.17]);
        assert_eq!(confidences(&seen.weak), [0.5, 0.1]);
    }
}
