//! What is under a mask is gone from the file.

use sfumato_core::options::{Mask, SmoothPadding};

use super::encoder::{Kind, encode};
use super::reader;
use super::*;
use crate::mask::Masks;
use crate::noise::Noise;

const SIZE: (usize, usize) = (160, 144);

/// Left, top, right, bottom of the pixels that the mask covers: two units of 16x16 pixels and more.
const COVERED: [usize; 4] = [30, 30, 100, 100];

fn differs(x: usize, y: usize, [left, top, right, bottom]: [usize; 4]) -> bool {
    (left..right).contains(&x) && (top..bottom).contains(&y)
}

fn other(x: usize, y: usize) -> [f32; 3] {
    texture(y * 3 + 11, x * 5 + 7).map(|value| 255.0 - value)
}

#[test]
fn two_pictures_that_differ_only_under_an_opaque_mask_become_the_same_file() {
    for (space, sampling) in [
        (ColorSpace::YCbCr, &[(1, 1), (1, 1), (1, 1)][..]),
        (ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)]),
        (ColorSpace::Gray, &[(1, 1)]),
        (ColorSpace::Cmyk, &[(1, 1); 4]),
        (ColorSpace::Ycck, &[(2, 1), (1, 1), (1, 1), (2, 1)]),
    ] {
        let kind = Kind::new(SIZE, space, sampling);
        // Whole units, since quantisation lets no pixel of a block alone.
        let inside = [32, 32, 96, 96];
        let a = encode(&kind, &texture);
        let b = encode(&kind, &|x, y| {
            if differs(x, y, inside) {
                other(x, y)
            } else {
                texture(x, y)
            }
        });
        assert_ne!(a, b);
        let opaque = styles()[2];
        let masked = |bytes| masked(bytes, &[plate(COVERED)], opaque);
        assert!(masked(&a) == masked(&b), "{space:?} {sampling:?}");
    }
}

#[test]
fn what_fills_the_last_units_up_is_covered_as_well() {
    // The last column and row, which encoders repeat up to the end of the last unit.
    let kind = Kind::new((150, 139), ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)]);
    let corner = [144, 128, 150, 139];
    let a = encode(&kind, &texture);
    let b = encode(&kind, &|x, y| {
        if differs(x, y, corner) {
            other(x, y)
        } else {
            texture(x, y)
        }
    });
    let masked = |bytes| masked(bytes, &[plate([100, 100, 180, 180])], styles()[2]);
    assert_ne!(a, b);
    assert!(masked(&a) == masked(&b));
}

#[test]
fn two_seeds_make_two_files() {
    let bytes = encode(
        &Kind::new(SIZE, ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)]),
        &texture,
    );
    let masked = |seed| {
        let mut finder = Told {
            detections: vec![plate(COVERED)],
            ..Told::default()
        };
        let task = Task {
            seed: [seed; 32],
            ..task(&bytes, MaskStyle::Blur)
        };
        run(&bytes, &mut finder, &task).unwrap().1
    };
    assert!(masked(1) == masked(1));
    assert!(masked(1) != masked(2));
}

#[test]
fn a_task_that_only_finds_writes_nothing() {
    let bytes = encode(&Kind::new(SIZE, ColorSpace::Gray, &[(1, 1)]), &texture);
    let mut finder = Told {
        detections: vec![plate(COVERED)],
        ..Told::default()
    };
    let task = Task {
        goal: Goal::Detect,
        ..task(&bytes, MaskStyle::Blur)
    };
    let (report, output) = run(&bytes, &mut finder, &task).unwrap();
    assert_eq!(
        (report.document.picture().unwrap().detections.len(), output.len()),
        (1, 0)
    );
}

/// A face and a plate whose masks overlap.
fn masks(style: MaskStyle, padding: f64) -> Masks {
    let mask = Mask {
        style,
        smooth_padding: SmoothPadding::new(padding).unwrap(),
        ..Mask::default()
    };
    let found = [
        detection(Class::Face, [40.0, 38.0, 71.5, 80.0]),
        plate([60, 60, 121, 90]),
    ];
    Masks::new(&found, Orientation::UPRIGHT, (160, 144), mask, [7; 32], 3)
}

#[test]
fn a_mask_comes_out_in_a_window_as_on_the_whole_picture() {
    let mut noise = Noise::new([1; 32], 0);
    let samples: Vec<u8> = (0..160 * 144 * 3)
        .map(|_| (noise.symmetric().abs() * 255.0) as u8)
        .collect();
    for (style, padding) in styles()
        .into_iter()
        .flat_map(|style| [(style, 0.0), (style, 0.2)])
    {
        let masks = masks(style, padding);
        let mut whole = Raster {
            width: 160,
            height: 144,
            channels: Channels::Rgb,
            samples: Samples::Eight(samples.clone()),
        };
        masks.draw(&mut whole);
        let Samples::Eight(drawn) = whole.samples else {
            unreachable!()
        };
        let (left, top, width, height) = (8usize, 6usize, 144usize, 132usize);
        let place = |i: usize| (top + i / width) * 160 + left + i % width;
        let opaque = |i: usize| {
            let start = place(i) * 3;
            [samples[start], samples[start + 1], samples[start + 2], 255]
        };
        let mut window = Raster {
            width: 144,
            height: 132,
            channels: Channels::Rgba,
            samples: Samples::Eight((0..width * height).flat_map(opaque).collect()),
        };
        masks.overlay(&mut window, (8, 6));
        let Samples::Eight(overlay) = window.samples else {
            unreachable!()
        };
        for (i, over) in overlay.chunks_exact(4).enumerate() {
            for channel in 0..3 {
                let under = f32::from(samples[place(i) * 3 + channel]);
                let value = under * (1.0 - f32::from(over[3]) / 255.0) + f32::from(over[channel]);
                let expected = f32::from(drawn[place(i) * 3 + channel]);
                assert!(
                    (value - expected).abs() <= 2.0,
                    "{style:?} {padding} {i}: {value} {expected}"
                );
            }
        }
        let reach = masks
            .reaches()
            .fold([f32::MAX, f32::MAX, 0.0, 0.0], |all: [f32; 4], reach| {
                [
                    all[0].min(reach[0]),
                    all[1].min(reach[1]),
                    all[2].max(reach[2]),
                    all[3].max(reach[3]),
                ]
            });
        for (i, over) in overlay
            .chunks_exact(4)
            .enumerate()
            .filter(|(_, over)| over[3] > 0)
        {
            let (x, y) = ((left + i % width) as f32 + 0.5, (top + i / width) as f32 + 0.5);
            assert!(
                reach[0] <= x && x <= reach[2] && reach[1] <= y && y <= reach[3],
                "{x} {y} {over:?}"
            );
        }
    }
}

#[test]
fn a_mask_lies_where_the_picture_as_displayed_has_it() {
    // Upright 144 wide and 160 high, or the other way round.
    for orientation in Orientation::all() {
        let shown = orientation.upright_size(SIZE.0 as u32, SIZE.1 as u32);
        let exif = crate::metadata::minimal_exif(orientation);
        let payload = [b"Exif\0\0", &exif.unwrap_or_default()[..]].concat();
        let kind = Kind::new(SIZE, ColorSpace::Gray, &[(1, 1)]);
        let bytes = super::encoder::with_segments(&encode(&kind, &texture), &[(0xE1, &payload)]);
        let rect = [16, 8, 56, 88];
        let output = masked(&bytes, &[plate(rect)], styles()[2]);
        let after = reader::read(&output);
        let (a, b) = (
            orientation.to_stored([16.0, 8.0], SIZE.0 as f32, SIZE.1 as f32),
            orientation.to_stored([56.0, 88.0], SIZE.0 as f32, SIZE.1 as f32),
        );
        let [left, right] = [a[0].min(b[0]) as usize, a[0].max(b[0]) as usize];
        let [top, bottom] = [a[1].min(b[1]) as usize, a[1].max(b[1]) as usize];
        let before = reader::read(&bytes);
        for (column, row) in (0..18).flat_map(|row| (0..20).map(move |column| (column, row))) {
            let inside = (left..right).contains(&(column * 8)) && (top..bottom).contains(&(row * 8));
            let beside = (left.saturating_sub(8)..right + 8).contains(&(column * 8))
                && (top.saturating_sub(8)..bottom + 8).contains(&(row * 8));
            let plane = &after.planes[0];
            if inside {
                assert!(plane.is_even(column, row), "{orientation:?} {column} {row}");
            } else if !beside {
                assert_eq!(plane.block(column, row), before.planes[0].block(column, row));
            }
        }
        let kept = segments::contents(&output)
            .exif
            .map_or(Orientation::UPRIGHT, crate::metadata::orientation);
        assert_eq!(kept, orientation);
        assert_eq!(shown, orientation.upright_size(160, 144));
    }
}
