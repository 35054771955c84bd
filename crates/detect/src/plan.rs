//! Which models look at a picture, how often and how closely.

use sfumato_core::detection::Class;
use sfumato_core::options::{DetectionOptions, Profile};

use crate::calibration::balanced_threshold;
use crate::catalogue::Catalogue;
use crate::pack::manifest::{LongSide, Look, ModelEntry};
use crate::tensor::scaled_size;
use crate::tile::{Tile, tiles};

/// One look of one model at a tile of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// The name of the model.
    pub model: String,
    /// What the model finds.
    pub class: Class,
    /// The look that the tile belongs to: looks of one picture are numbered, tiles of one look share its number.
    pub look: usize,
    /// The length in pixels to which the long side of the whole picture is scaled.
    pub long_side_px: u32,
    /// The part of the scaled picture that is looked at, in its pixels.
    pub tile: Tile,
    /// Whether the mirror image of the tile is looked at.
    pub flipped: bool,
    /// The length in pixels of the scaled picture that the longer side of a thing may have; larger ones are left to other looks.
    pub thing_px_max: Option<u32>,
}

/// The looks that are taken at a picture of one size; what they find is merged.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionPlan {
    size: (u32, u32),
    passes: Vec<Pass>,
    faces: f32,
    plates: f32,
}

/// By how much a picture is scaled up at most: beyond that faces get larger than the models know them.
const SCALE_UP_MAX: f64 = 2.0;

/// The ratio of the sides of the pictures that the long side of a look is meant for. Others are scaled so that they have as
/// many pixels, so that the time and the memory for a look do not depend on the shape of a picture.
const ASPECT: f64 = 16.0 / 9.0;

/// The ratio of the sides from which a picture is a strip: the closest look at it gets at least so many pixels, because
/// what it shows is small.
const STRIP_ASPECT: f64 = 2.5;
const STRIP_AREA_PX: f64 = 1280.0 * 960.0;

/// How long the longer side of a thing may be in a further look at a large picture, in pixels of the look. What is larger is seen better from
/// farther away, and from so near parts of it are taken for things of their own. A valid range for each scale is from Singh and Davis, An
/// Analysis of Scale Invariance in Object Detection – SNIP, CVPR 2018, arXiv:1711.08189.
const CLOSE_THING_PX_MAX: u32 = 256;

/// The long side of a scaled picture at most.
const LONG_SIDE_MAX_PX: f64 = 8192.0;

impl DetectionPlan {
    /// The plan for a picture of the given size in pixels with the built-in models. A set of detectors that was loaded with
    /// model packs has plans of its own, see [`DetectorSet::plan`](crate::DetectorSet::plan).
    pub fn for_picture(options: &DetectionOptions, width: u32, height: u32) -> Self {
        Self::with_models(&Catalogue::builtin(), options, width, height)
    }

    pub(crate) fn with_models(
        catalogue: &Catalogue,
        options: &DetectionOptions,
        width: u32,
        height: u32,
    ) -> Self {
        let size = (width.max(1), height.max(1));
        let of_profile = |class| threshold(options.profile, class);
        let mut plan = Self {
            size,
            passes: Vec::new(),
            faces: options.faces.map_or(of_profile(Class::Face), |given| given.get()),
            plates: options
                .plates
                .map_or(of_profile(Class::Plate), |given| given.get()),
        };
        for model in catalogue.models() {
            plan.add_looks(&model.entry, options.profile);
        }
        plan
    }

    /// Adds the looks of a model, each once: a small picture is scaled to the same size for several of them.
    fn add_looks(&mut self, model: &ModelEntry, profile: Profile) {
        let looks: Vec<&Look> = model
            .looks
            .iter()
            .filter(|look| look.profiles.contains(&profile) && is_for(look, self.size))
            .collect();
        let closest = looks.iter().map(|look| look.long_side_px).max();
        let first = self.passes.len();
        for look in looks {
            let long_side_px = long_side_px(self.size, look, Some(look.long_side_px) == closest);
            let is_same = |pass: &Pass| (pass.long_side_px, pass.flipped) == (long_side_px, look.flipped);
            if self.passes[first..].iter().any(is_same) {
                continue;
            }
            let number = self.passes.last().map_or(0, |pass| pass.look + 1);
            let scaled = scaled_size(self.size, long_side_px);
            let tiles = tiles(scaled, model.family.tile_area_max_px());
            self.passes.extend(tiles.into_iter().map(|tile| Pass {
                model: model.name.to_string(),
                class: model.class,
                look: number,
                long_side_px,
                tile,
                flipped: look.flipped,
                thing_px_max: look.pictures_from_px.map(|_| CLOSE_THING_PX_MAX),
            }));
        }
    }

    /// The size of the picture that the plan is for: width and height in pixels.
    pub const fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The looks, tile by tile.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// The confidence from which a detection of a class counts.
    pub const fn threshold(&self, class: Class) -> f32 {
        match class {
            Class::Face => self.faces,
            Class::Plate => self.plates,
        }
    }

    /// The length in pixels that the long side of a raster needs for the closest look: a smaller raster would be scaled up
    /// again. It is at most that of the picture, at least 1.
    pub fn long_side_px(&self) -> u32 {
        let closest = self.passes.iter().map(|pass| pass.long_side_px).max();
        closest.unwrap_or(1).min(self.size.0.max(self.size.1))
    }
}

/// The confidence from which a detection counts where the options say nothing. The more looks a profile takes the more they
/// confirm one another, mistakes too.
const fn threshold(profile: Profile, class: Class) -> f32 {
    match (profile, class) {
        (Profile::Fast, Class::Face) => 0.18,
        (Profile::Fast, Class::Plate) => 0.06,
        (Profile::Balanced, class) => balanced_threshold(class),
        (Profile::Thorough, Class::Face) => 0.45,
        (Profile::Thorough, Class::Plate) => 0.15,
    }
}

/// Whether a look is taken at pictures of a size in pixels.
fn is_for(look: &Look, (width, height): (u32, u32)) -> bool {
    let area = f64::from(width) * f64::from(height);
    look.pictures_from_px.is_none_or(|from| area >= area_px(from))
}

/// The pixels of a picture of 16 to 9 with a long side.
fn area_px(long_side: LongSide) -> f64 {
    let long_side_px = f64::from(long_side.px());
    long_side_px * long_side_px / ASPECT
}

/// The length in pixels to which the long side of a picture is scaled for a look that is meant for pictures of 16 to 9.
fn long_side_px((width, height): (u32, u32), look: &Look, is_closest: bool) -> u32 {
    let scale_up_max = match look.pictures_from_px {
        // There is enough to see in a large picture as it is.
        Some(_) => 1.0,
        None => SCALE_UP_MAX,
    };
    let (long, short) = (f64::from(width.max(height)), f64::from(width.min(height)));
    let aspect = long / short;
    let area = area_px(look.long_side_px);
    let area = if is_closest && aspect > STRIP_ASPECT {
        area.max(STRIP_AREA_PX)
    } else {
        area
    };
    let scaled = (area * aspect).sqrt().round();
    // At most 8192, so that the cast loses nothing.
    scaled.min(long * scale_up_max).clamp(1.0, LONG_SIDE_MAX_PX) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(profile: Profile, width: u32, height: u32) -> DetectionPlan {
        let options = DetectionOptions {
            profile,
            ..DetectionOptions::default()
        };
        DetectionPlan::for_picture(&options, width, height)
    }

    /// What `told` says of the looks of a plan, of each by its first tile.
    fn of_looks<T>(profile: Profile, (width, height): (u32, u32), told: impl Fn(&Pass) -> T) -> Vec<T> {
        let plan = plan(profile, width, height);
        let mut looks: Vec<_> = plan.passes().iter().collect();
        looks.dedup_by_key(|pass| pass.look);
        looks.into_iter().map(told).collect()
    }

    /// The looks of a plan: model, long side, and whether it is the mirror image.
    fn looks(profile: Profile, width: u32, height: u32) -> Vec<(String, u32, bool)> {
        of_looks(profile, (width, height), |pass| {
            (pass.model.clone(), pass.long_side_px, pass.flipped)
        })
    }

    fn expected(looks: &[(&str, u32, bool)]) -> Vec<(String, u32, bool)> {
        let look =
            |&(model, long_side_px, flipped): &(&str, u32, bool)| (model.to_owned(), long_side_px, flipped);
        looks.iter().map(look).collect()
    }

    #[test]
    fn each_profile_looks_at_a_frame_of_16_to_9_at_the_sides_of_the_manifest() {
        let (faces, quick, plates) = ("centerface", "yunet", "plate-retinanet");
        assert_eq!(
            looks(Profile::Fast, 1920, 1080),
            expected(&[(quick, 704, false), (plates, 640, false)])
        );
        let balanced = [
            (faces, 896, false),
            (quick, 640, false),
            (plates, 640, true),
            (plates, 1280, false),
        ];
        assert_eq!(looks(Profile::Balanced, 1920, 1080), expected(&balanced));
        let thorough = [
            (faces, 896, false),
            (faces, 640, true),
            (faces, 1280, true),
            (faces, 1920, false),
            (quick, 640, false),
            (plates, 640, true),
            (plates, 1280, false),
            (plates, 1280, true),
        ];
        assert_eq!(looks(Profile::Thorough, 1920, 1080), expected(&thorough));
    }

    #[test]
    fn large_pictures_are_looked_at_more_closely_and_never_scaled_up_for_it() {
        let (faces, quick, plates) = ("centerface", "yunet", "plate-retinanet");
        let balanced = [
            (faces, 896, false),
            (faces, 1920, false),
            (quick, 640, false),
            (quick, 3840, false),
            (plates, 640, true),
            (plates, 1280, false),
            (plates, 2560, false),
        ];
        assert_eq!(looks(Profile::Balanced, 3840, 2160), expected(&balanced));
        assert_eq!(looks(Profile::Balanced, 7680, 4320), expected(&balanced));
        let thorough = [
            (faces, 896, false),
            (faces, 640, true),
            (faces, 1280, true),
            (faces, 1920, false),
            (faces, 3840, false),
            (quick, 640, false),
            (quick, 3840, false),
            (plates, 640, true),
            (plates, 1280, false),
            (plates, 1280, true),
            (plates, 2560, false),
            (plates, 3840, true),
        ];
        assert_eq!(looks(Profile::Thorough, 3840, 2160), expected(&thorough));
        // 3840 * sqrt(9 / 16 * 4 / 3)
        assert_eq!(looks(Profile::Balanced, 4000, 3000)[3].1, 3326);
        assert_eq!(looks(Profile::Balanced, 2560, 1440)[3].1, 2560);
        assert_eq!(looks(Profile::Balanced, 2560, 1439).len(), 4, "not large");
        assert_eq!(looks(Profile::Fast, 7680, 4320).len(), 2);
    }

    #[test]
    fn further_looks_at_large_pictures_are_for_small_things() {
        let range = |pass: &Pass| (pass.long_side_px, pass.thing_px_max);
        let ranges = |width, height| of_looks(Profile::Balanced, (width, height), range);
        assert!(ranges(1920, 1080).iter().all(|(_, max)| max.is_none()));
        assert_eq!(
            ranges(3840, 2160),
            [
                (896, None),
                (1920, Some(256)),
                (640, None),
                (3840, Some(256)),
                (640, None),
                (1280, None),
                (2560, Some(256))
            ]
        );
    }

    #[test]
    fn pictures_of_another_shape_are_looked_at_with_as_many_pixels() {
        let balanced = looks(Profile::Balanced, 4000, 3000);
        // 896 * sqrt(3 / 4)
        assert_eq!(balanced[0].1, 776);
        assert_eq!(balanced, looks(Profile::Balanced, 3000, 4000));
    }

    #[test]
    fn a_small_picture_is_at_most_doubled_and_looked_at_once_for_each_size() {
        let sides: Vec<_> = looks(Profile::Balanced, 150, 200);
        let twice = [
            ("centerface", 400, false),
            ("yunet", 400, false),
            ("plate-retinanet", 400, true),
            ("plate-retinanet", 400, false),
        ];
        assert_eq!(sides, expected(&twice));
        assert_eq!(looks(Profile::Thorough, 150, 200).len(), 5);
    }

    /// The closest look of the slow models at faces and at plates.
    fn closest(width: u32, height: u32) -> [u32; 2] {
        let looks = looks(Profile::Balanced, width, height);
        ["centerface", "plate-retinanet"].map(|model| {
            let sides = looks.iter().filter(|look| look.0 == model).map(|look| look.1);
            sides.max().unwrap()
        })
    }

    #[test]
    fn a_long_strip_is_looked_at_with_more_pixels_than_other_pictures() {
        // sqrt(1280 * 960 * 6000 / 600)
        assert_eq!(closest(600, 6000), [3505; 2]);
        assert_eq!(closest(6000, 600), [3505; 2]);
        assert_eq!(closest(2500, 1000), [1063, 1518], "2.5 to 1 is no strip");
        assert_eq!(closest(2500, 999), [1754; 2]);
        // A large one gets as many pixels as other large pictures: 1920 * sqrt(9 / 16 * 20000 / 1080)
        assert_eq!(closest(1080, 20_000), [6197, 8192]);
    }

    #[test]
    fn the_look_at_a_strip_has_limits() {
        assert_eq!(closest(65_000, 2), [8192; 2]);
        assert_eq!(closest(1100, 20), [2200; 2], "at most doubled");
        assert_eq!(closest(300, 20), [600; 2], "at most doubled");
        assert_eq!(closest(1000, 0), [2000; 2], "no picture, no fault");
    }

    #[test]
    fn a_raster_needs_no_more_pixels_than_the_closest_look_or_the_picture() {
        assert_eq!(plan(Profile::Balanced, 1920, 1080).long_side_px(), 1280);
        assert_eq!(plan(Profile::Balanced, 7680, 4320).long_side_px(), 3840);
        assert_eq!(plan(Profile::Fast, 2160, 3840).long_side_px(), 704);
        assert_eq!(plan(Profile::Balanced, 400, 300).long_side_px(), 400);
    }

    proptest! {
        #[test]
        fn the_tiles_of_every_look_share_out_the_scaled_picture(width in 1_u32..9000, height in 1_u32..9000) {
            let plan = plan(Profile::Thorough, width, height);
            let looks = plan.passes().last().unwrap().look + 1;
            for look in 0..looks {
                let passes: Vec<_> = plan.passes().iter().filter(|pass| pass.look == look).collect();
                let (width, height) = scaled_size((width, height), passes[0].long_side_px);
                let area = |pass: &&Pass| u64::from(pass.tile.core.width) * u64::from(pass.tile.core.height);
                let sum: u64 = passes.iter().map(area).sum();
                prop_assert_eq!(sum, u64::from(width) * u64::from(height));
            }
        }
    }
}
