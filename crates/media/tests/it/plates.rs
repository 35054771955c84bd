//! Licence plates, in a scene that is drawn.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{BoundingBox, Class, DocumentedDetection};

use crate::scene::{self, PLATE};
use crate::support::*;

#[test]
fn a_plate_is_hidden_and_not_found_again_with_every_mask_in_both_formats() {
    let scene = scene::car();
    for bytes in [rgb_png(&scene), jpeg(&scene, &JpegSettings::default())] {
        let found = find(&bytes, Class::Plate);
        assert_eq!(found.len(), 1, "{found:?}");
        for style in styles() {
            let (report, output) = anonymized(&bytes, masked_with(style));
            // A coarse mosaic can make a plate of the whole rear to the model; the hidden plate is what must not be found.
            let again = find(&output, Class::Plate);
            assert!(
                again.iter().all(|detection| overlap(&found[0], detection) < 0.3),
                "{:?} {style:?}: {again:?}",
                report.format
            );
        }
    }
}

/// Intersection over union of two documented boxes.
fn overlap(a: &DocumentedDetection, b: &DocumentedDetection) -> f32 {
    let corners = |d: &DocumentedDetection| BoundingBox {
        left: d.bbox.x,
        top: d.bbox.y,
        right: d.bbox.x + d.bbox.width,
        bottom: d.bbox.y + d.bbox.height,
    };
    corners(a).iou(&corners(b))
}

#[test]
fn the_whole_plate_is_covered() {
    let scene = scene::car();
    let color = "#00ff00".parse().unwrap();
    let options = masked_with(sfumato_core::options::MaskStyle::Opaque(color));
    let (_, output) = anonymized(&rgb_png(&scene), options);
    let after = decode_png(&output);
    let [left, top, right, bottom] = PLATE;
    let hidden = (top..bottom)
        .flat_map(|y| (left..right).map(move |x| (x, y)))
        .filter(|(x, y)| after.pixel(*x, *y) == [0, 255, 0])
        .count();
    let all = ((right - left) * (bottom - top)) as usize;
    assert!(hidden * 100 >= all * 95, "{hidden} of {all} pixels");
}

#[test]
fn plates_are_left_alone_where_only_faces_are_asked_for() {
    let scene = scene::car();
    let options = AnonymizeOptions {
        plates: false,
        ..AnonymizeOptions::default()
    };
    let (_, output) = anonymized(&rgb_png(&scene), options);
    let [left, top, right, bottom] = PLATE;
    let after = decode_png(&output);
    for y in top..bottom {
        for x in left..right {
            assert_eq!(scene.pixel(x, y), after.pixel(x, y));
        }
    }
}
