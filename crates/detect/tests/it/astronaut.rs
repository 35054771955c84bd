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
