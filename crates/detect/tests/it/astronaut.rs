//! What is found in the portrait.

use sfumato_core::detection::{BoundingBox, Class};
use sfumato_core::options::{ConfidenceThreshold, DetectionOptions, Profile};
use sfumato_detect::{DetectError, DetectionPlan, DetectorSet, ImageView, ModelPack, Wanted};

use crate::support::{Rgb, assets, astronaut};

const BOTH: Wanted = Wanted {
    faces: true,
    plates: true,
};

/// Where the face of the portrait is.
const FACE: BoundingBox = BoundingBox {
    left: 176.0,
    top: 66.0,
    right: 273.0,
    bottom: 192.0,
};

fn options(profile: Profile) -> DetectionOptions {
    DetectionOptions {
        profile,
        ..DetectionOptions::default()
    }
}

fn view(picture: &Rgb) -> ImageView<'_> {
    ImageView::new(picture.width, picture.height, &picture.samples).expect("samples of a whole picture")
}

#[test]
fn the_face_of_the_portrait_is_found_once_in_every_profile_and_no_plate() {
    let picture = astronaut();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    for profile in Profile::ALL {
        let plan = DetectionPlan::for_picture(&options(profile), 512, 512);
        assert_eq!(plan, detectors.plan(&options(profile), 512, 512));
        let found = detectors.detect(view(&picture), BOTH, &plan).unwrap();
        let detections = found.detections;
        assert_eq!(detections.len(), 1, "{profile:?}: {detections:?}");
        assert_eq!(detections[0].class, Class::Face);
        assert!(detections[0].bbox.iou(&FACE) > 0.7, "{profile:?}: {detections:?}");
        assert!(!found.resize.is_zero() && !found.inference.is_zero());
    }
}

#[test]
fn a_small_face_in_a_large_picture_is_found() {
    // A third of the size: a face of 42 pixels in 12 megapixels of grey.
    let portrait = astronaut();
    let (width, height, side, left, top) = (4000_usize, 3000_usize, 170_usize, 1700_usize, 1400_usize);
    let mut samples = vec![128; width * height * 3];
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
        for channel in 0..3 {
            let nine =
                (0..9).map(|i| portrait.samples[((y * 3 + i / 3) * 512 + x * 3 + i % 3) * 3 + channel]);
            let mean = nine.map(u32::from).sum::<u32>() / 9;
            // A mean of bytes is one.
            samples[((top + y) * width + left + x) * 3 + channel] = mean as u8;
        }
    }
    let face = BoundingBox {
        left: left as f32 + FACE.left / 3.0,
        top: top as f32 + FACE.top / 3.0,
        right: left as f32 + FACE.right / 3.0,
        bottom: top as f32 + FACE.bottom / 3.0,
    };
    let image = ImageView::new(width as u32, height as u32, &samples).unwrap();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    for profile in [Profile::Balanced, Profile::Thorough] {
        let plan = detectors.plan(&options(profile), width as u32, height as u32);
        let found = detectors.detect(image, BOTH, &plan).unwrap().detections;
        // The square itself, with a white suit below something round, may be taken for a face as well.
        let [hit] = found
            .iter()
            .filter(|detection| detection.bbox.iou(&face) > 0.5)
            .collect::<Vec<_>>()[..]
        else {
            panic!("{profile:?}: {found:?}");
        };
        assert!(hit.confidence > 0.8, "{profile:?}: {found:?}");
    }
}

#[test]
fn a_face_at_the_border_of_a_tile_is_found_once() {
    // Four portraits wide and three high: thorough looks cut this picture through faces.
    let portrait = astronaut();
    let (columns, rows) = (4, 3);
    let mut samples = Vec::new();
    for row in 0..rows * 512 {
        let start = row % 512 * 512 * 3;
        samples.extend(portrait.samples[start..start + 512 * 3].repeat(columns));
    }
    let image = ImageView::new(2048, 1536, &samples).unwrap();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    let plan = detectors.plan(&options(Profile::Thorough), 2048, 1536);
    let found = detectors.detect(image, BOTH, &plan).unwrap().detections;
    for (column, row) in (0..columns).flat_map(|column| (0..rows).map(move |row| (column, row))) {
        let (dx, dy) = ((column * 512) as f32, (row * 512) as f32);
        let face = BoundingBox {
            left: FACE.left + dx,
            top: FACE.top + dy,
            right: FACE.right + dx,
            bottom: FACE.bottom + dy,
        };
        let hits = found
            .iter()
            .filter(|detection| detection.bbox.iou(&face) > 0.3)
            .count();
        assert_eq!(hits, 1, "column {column}, row {row}: {found:?}");
    }
    assert_eq!(found.len(), columns * rows, "{found:?}");
}

#[test]
fn a_smaller_raster_of_the_picture_gives_boxes_in_its_own_pixels() {
    let picture = astronaut();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    // As if the portrait had been photographed with three times as many pixels a side.
    let plan = detectors.plan(&options(Profile::Balanced), 1536, 1536);
    assert!(plan.long_side_px() < 1000);
    let found = detectors.detect(view(&picture), BOTH, &plan).unwrap().detections;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].bbox.iou(&FACE) > 0.7, "{found:?}");
}

#[test]
fn a_threshold_of_the_options_replaces_that_of_the_profile() {
    let picture = astronaut();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    let certain = DetectionOptions {
        faces: Some(ConfidenceThreshold::new(1.0).unwrap()),
        ..options(Profile::Fast)
    };
    let plan = detectors.plan(&certain, 512, 512);
    assert_eq!(
        (plan.threshold(Class::Face), plan.threshold(Class::Plate)),
        (1.0, 0.06)
    );
    assert_eq!(
        detectors.detect(view(&picture), BOTH, &plan).unwrap().detections,
        []
    );
}

#[test]
fn nothing_is_found_of_a_class_that_is_not_wanted() {
    let picture = astronaut();
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    let wanted = Wanted {
        faces: false,
        plates: true,
    };
    let plan = detectors.plan(&DetectionOptions::default(), picture.width, picture.height);
    assert_eq!(
        detectors
            .detect(view(&picture), wanted, &plan)
            .unwrap()
            .detections,
        []
    );
}

#[test]
fn pictures_of_one_pixel_a_side_and_long_ones_are_looked_at() {
    let mut detectors = DetectorSet::load(&assets(), &[], 1).unwrap();
    for (width, height) in [(1, 1), (5000, 1), (1, 5000), (3, 2)] {
        let samples = vec![128; 3 * width as usize * height as usize];
        let image = ImageView::new(width, height, &samples).unwrap();
        let plan = detectors.plan(&DetectionOptions::default(), width, height);
        let found = detectors.detect(image, BOTH, &plan).unwrap().detections;
        assert_eq!(found, [], "{width}x{height}");
    }
}

#[test]
fn a_folder_without_assets_is_an_error_that_tells_how_to_get_them() {
    let error = DetectorSet::load(std::path::Path::new("/nowhere"), &[], 1).unwrap_err();
    assert!(error.to_string().contains("cargo xtask setup"), "{error}");
}

#[test]
fn a_plan_for_other_models_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    crate::packs::write_pack(dir.path(), &crate::packs::manifest());
    let pack = ModelPack::read(dir.path()).unwrap();
    let mut detectors = DetectorSet::load(&assets(), &[pack], 1).unwrap();
    let plan = DetectionPlan::for_picture(&options(Profile::Fast), 512, 512);
    let picture = astronaut();
    let refused = detectors.detect(view(&picture), BOTH, &plan);
    assert!(matches!(refused, Err(DetectError::UnknownModel { model }) if model == "yunet"));
}
