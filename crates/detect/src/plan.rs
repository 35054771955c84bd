//! Which models look at a picture, and how closely.

use crate::model::Model;

/// One look of one model at the whole picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// The model.
    pub model: Model,
    /// The length in pixels to which the long side of the picture is scaled; 0 counts as 1.
    pub long_side_px: u32,
    /// Confidence from which a detection counts, 0 to 1, on the model's own scale.
    pub threshold: f32,
}

/// The looks that are taken at a picture; their detections are merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectionPlan {
    /// The looks, in any order.
    pub passes: Vec<Pass>,
}

/// By how much a picture is scaled up at most: beyond that faces get larger than the models know them.
const SCALE_UP_MAX: u32 = 2;

/// The long side in pixels to which every picture is scaled for the first looks.
const LONG_SIDE_PX: u32 = 640;

/// Long side in pixels from which a picture may show faces that are too small to be found at 640.
const LARGE_PICTURE_PX: u32 = 1000;

/// The range in pixels of the long side for a closer look at the faces of a large picture.
const CLOSER_FACES_PX: (u32, u32) = (960, 1280);

/// The long side in pixels for a closer look for plates.
const CLOSER_PLATES_PX: u32 = 1280;

/// The ratio of the sides from which a picture is a strip: its long side says little about how small its faces are.
const STRIP_ASPECT: f32 = 2.5;

/// The pixels to which a strip is scaled for a closer look, as many as other large pictures have then, and the largest
/// long side in pixels.
const STRIP_AREA_PX: f32 = 1280.0 * 960.0;
const STRIP_LONG_SIDE_MAX_PX: u32 = 8192;

impl DetectionPlan {
    /// The plan for a picture of the given size in pixels: faces and plates, in favour of finding all of them.
    pub fn for_picture(width: u32, height: u32) -> Self {
        let long_side = width.max(height);
        let strip = strip_long_side_px(long_side, width.min(height));
        let mut plan = Self::default();
        let pass = |model, long_side_px: u32, threshold| Pass {
            model,
            long_side_px: long_side_px.min(long_side.saturating_mul(SCALE_UP_MAX)),
            threshold,
        };
        plan.add(pass(Model::YuNet, LONG_SIDE_PX, 0.5));
        plan.add(pass(Model::CenterFace, LONG_SIDE_PX, 0.3));
        if long_side > LARGE_PICTURE_PX {
            let (min, max) = CLOSER_FACES_PX;
            let closer = strip.unwrap_or(long_side.clamp(min, max));
            plan.add(pass(Model::CenterFace, closer, 0.3));
        }
        plan.add(pass(Model::PlateRetinaNet, LONG_SIDE_PX, 0.2));
        let closer = strip.unwrap_or(CLOSER_PLATES_PX);
        plan.add(pass(Model::PlateRetinaNet, closer, 0.25));
        plan
    }

    /// Adds a look, unless the model looks at that size already.
    fn add(&mut self, pass: Pass) {
        let is_same = |other: &Pass| (other.model, other.long_side_px) == (pass.model, pass.long_side_px);
        if !self.passes.iter().any(is_same) {
            self.passes.push(pass);
        }
    }
}

/// The long side in pixels for a closer look at a strip; none where the picture is no strip.
fn strip_long_side_px(long_side: u32, short_side: u32) -> Option<u32> {
    // The closest that f32 comes to a side is close enough for a ratio.
    let aspect = long_side as f32 / short_side.max(1) as f32;
    // `as` saturates.
    let scaled = (STRIP_AREA_PX * aspect).sqrt() as u32;
    (aspect > STRIP_ASPECT).then(|| scaled.clamp(CLOSER_PLATES_PX, STRIP_LONG_SIDE_MAX_PX))
}

#[cfg(test)]
mod tests {
    use super::*;

    use Model::{CenterFace, PlateRetinaNet, YuNet};

    fn looks(width: u32, height: u32) -> Vec<(Model, u32)> {
        let plan = DetectionPlan::for_picture(width, height);
        plan.passes
            .iter()
            .map(|pass| (pass.model, pass.long_side_px))
            .collect()
    }

    #[test]
    fn a_large_picture_gets_a_closer_look_at_its_faces() {
        let plates = [(PlateRetinaNet, 640), (PlateRetinaNet, 1280)];
        let with_faces = |faces: &[(Model, u32)]| [faces, &plates].concat();
        let (quick, close) = ((YuNet, 640), |size| (CenterFace, size));
        assert_eq!(looks(1000, 400), with_faces(&[quick, close(640)]));
        assert_eq!(looks(500, 1001), with_faces(&[quick, close(640), close(1001)]));
        assert_eq!(looks(5000, 4000), with_faces(&[quick, close(640), close(1280)]));
    }

    fn closest(width: u32, height: u32) -> [u32; 2] {
        let looks = looks(width, height);
        [CenterFace, PlateRetinaNet].map(|model| {
            let sizes = looks.iter().filter(|look| look.0 == model).map(|look| look.1);
            sizes.max().unwrap()
        })
    }

    #[test]
    fn a_long_strip_is_looked_at_with_as_many_pixels_as_other_large_pictures() {
        // sqrt(1280 * 960 * 20000 / 1080)
        assert_eq!(closest(1080, 20_000), [4770; 2]);
        assert_eq!(closest(20_000, 1080), [4770; 2]);
        assert_eq!(closest(5000, 2000), [1280; 2], "2.5 to 1 is no strip");
        assert_eq!(closest(5000, 1999), [1753; 2]);
    }

    #[test]
    fn the_look_at_a_strip_has_limits() {
        assert_eq!(closest(65_000, 2), [8192; 2]);
        assert_eq!(closest(1100, 20), [2200; 2], "at most doubled");
        assert_eq!(closest(300, 20), [600; 2], "at most doubled");
        assert_eq!(closest(1000, 0), [640, 2000], "no picture, no fault");
    }

    #[test]
    fn a_small_picture_is_at_most_doubled_and_looked_at_once_a_model() {
        let expected = [(YuNet, 400), (CenterFace, 400), (PlateRetinaNet, 400)];
        assert_eq!(looks(150, 200), expected);
    }
}
