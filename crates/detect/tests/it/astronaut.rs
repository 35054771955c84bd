//! What is found in the portrait.

use sfumato_core::detection::{BoundingBox, Class};
use sfumato_detect::{DetectionPlan, DetectorSet, ImageView, Wanted};

use crate::support::{assets, astronaut};

#[test]
fn the_face_of_the_portrait_is_found_once_and_no_plate() {
    let picture = astronaut();
    let image = ImageView::new(picture.width, picture.height, &picture.samples).unwrap();
    let mut detectors = DetectorSet::load(&assets(), 1).unwrap();
    let wanted = Wanted {
        faces: true,
        plates: true,
    };
    let found = detectors
        .detect(image, wanted, &DetectionPlan::for_picture(512, 512))
        .unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let face = BoundingBox {
        left: 176.0,
        top: 66.0,
        right: 273.0,
        bottom: 192.0,
    };
    assert_eq!(found[0].class, Class::Face);
    assert!(found[0].bbox.iou(&face) > 0.7, "{found:?}");
}

#[test]
fn nothing_is_found_of_a_class_that_is_not_wanted() {
    let picture = astronaut();
    let image = ImageView::new(picture.width, picture.height, &picture.samples).unwrap();
    let mut detectors = DetectorSet::load(&assets(), 1).unwrap();
    let wanted = Wanted {
        faces: false,
        plates: true,
    };
    let plan = DetectionPlan::for_picture(picture.width, picture.height);
    assert_eq!(detectors.detect(image, wanted, &plan).unwrap(), []);
}

#[test]
fn pictures_of_one_pixel_a_side_and_long_ones_are_looked_at() {
    let mut detectors = DetectorSet::load(&assets(), 1).unwrap();
    let wanted = Wanted {
        faces: true,
        plates: true,
    };
    for (width, height) in [(1, 1), (5000, 1), (1, 5000), (3, 2)] {
        let samples = vec![128; 3 * width as usize * height as usize];
        let image = ImageView::new(width, height, &samples).unwrap();
        let plan = DetectionPlan::for_picture(width, height);
        assert_eq!(
            detectors.detect(image, wanted, &plan).unwrap(),
            [],
            "{width}x{height}"
        );
    }
}

#[test]
fn a_folder_without_assets_is_an_error_that_tells_how_to_get_them() {
    let error = DetectorSet::load(std::path::Path::new("/nowhere"), 1).unwrap_err();
    assert!(error.to_string().contains("cargo xtask setup"), "{error}");
}
