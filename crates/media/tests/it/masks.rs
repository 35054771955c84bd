//! What is hidden is not found again: every style and shape, faces large and small.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, Detection};
use sfumato_core::options::{Mask, MaskGrowth, MaskShape, MaskStyle};

use crate::plant::detected;
use crate::support::*;

/// Overlap from which a face that is found is the one that was hidden.
const SAME_IOU_MIN: f32 = 0.3;

/// With less confidence a detector takes a black disc between hair and collar for a face.
const CONFIDENCE_MIN: f32 = 0.5;

/// The astronaut, made smaller or larger by whole steps.
fn scaled(numerator: u32, denominator: u32) -> Pixels {
    let whole = astronaut();
    let side = 512 * numerator / denominator;
    let mean = |x: u32, y: u32| {
        // The pixels that a pixel of the result stands for, at least one.
        let range = |at: u32| {
            let start = at * denominator / numerator;
            start..((at + 1) * denominator / numerator).clamp(start + 1, 512)
        };
        let mut sum = [0u32; 3];
        for (x, y) in range(y).flat_map(|y| range(x).map(move |x| (x, y))) {
            let pixel = whole.pixel(x, y);
            (0..3).for_each(|i| sum[i] += u32::from(pixel[i]));
        }
        let count = (range(x).len() * range(y).len()) as u32;
        sum.map(|sum| (sum / count) as u8)
    };
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    let rgb = places.flat_map(|(x, y)| mean(x, y)).collect();
    Pixels {
        width: side,
        height: side,
        rgb,
    }
}

fn faces(bytes: &[u8]) -> Vec<Detection> {
    find(bytes, Class::Face).iter().map(detected).collect()
}

fn assert_hidden(original: &[u8], mask: Mask) {
    let hidden = faces(original);
    assert_eq!(hidden.len(), 1);
    let options = AnonymizeOptions {
        mask,
        ..AnonymizeOptions::default()
    };
    let output = sfumato_media::fuzzing::process(original, &task(original, options), &hidden)
        .unwrap()
        .1;
    let again = faces(&output);
    let is_same = |found: &Detection| {
        found.confidence >= CONFIDENCE_MIN && found.bbox.iou(&hidden[0].bbox) >= SAME_IOU_MIN
    };
    assert!(!again.iter().any(is_same), "{mask:?}: {again:?}");
}

#[test]
fn a_hidden_face_is_not_found_again_whatever_its_size() {
    // The face is 22, 45, 90 and 360 pixels high.
    for (numerator, denominator) in [(1, 4), (1, 2), (1, 1), (4, 1)] {
        let original = rgb_png(&scaled(numerator, denominator));
        // A small mosaic is a face to detectors, whatever it shows.
        let is_tested = |style: &MaskStyle| denominator == 1 || !matches!(style, MaskStyle::Pixelate(_));
        let styles = styles().into_iter().filter(is_tested);
        for style in styles {
            assert_hidden(
                &original,
                Mask {
                    style,
                    ..Mask::default()
                },
            );
        }
    }
}

#[test]
fn a_hidden_face_is_not_found_again_with_any_shape_and_growth() {
    let original = rgb_png(&astronaut());
    for shape in MaskShape::ALL {
        for growth in [0.15, 0.5] {
            for style in [MaskStyle::Blur, styles()[1]] {
                let growth = MaskGrowth::new(growth).unwrap();
                assert_hidden(
                    &original,
                    Mask {
                        style,
                        growth,
                        shape: Some(shape),
                        ..Mask::default()
                    },
                );
            }
        }
    }
}

#[test]
fn every_pixel_of_the_box_is_covered_with_every_shape_and_growth() {
    let before = astronaut();
    let original = rgb_png(&before);
    let face = faces(&original);
    let bbox = face[0].bbox;
    let style = MaskStyle::Opaque("#00ff00".parse().unwrap());
    for shape in MaskShape::ALL {
        for growth in [0.0, 0.15, 1.0] {
            let options = AnonymizeOptions {
                mask: Mask {
                    style,
                    growth: MaskGrowth::new(growth).unwrap(),
                    shape: Some(shape),
                    ..Mask::default()
                },
                ..AnonymizeOptions::default()
            };
            let output = sfumato_media::fuzzing::process(&original, &task(&original, options), &face)
                .unwrap()
                .1;
            let after = decode_png(&output);
            // The pixels whose centres lie in the box.
            for y in (bbox.top + 0.5) as u32..(bbox.bottom - 0.5) as u32 {
                for x in (bbox.left + 0.5) as u32..(bbox.right - 0.5) as u32 {
                    assert_eq!(after.pixel(x, y), [0, 255, 0], "{shape:?} {growth}: {x} {y}");
                }
            }
        }
    }
}
