//! What the detectors are shown.

use super::encoder::{Kind, encode};
use super::*;

/// A picture without detail, which every size shows alike.
fn slopes(x: usize, y: usize) -> [f32; 3] {
    [
        20.0 + x as f32 * 0.4,
        230.0 - y as f32 * 0.5,
        60.0 + (x + y) as f32 * 0.2,
    ]
}

fn views(bytes: &[u8], long_side_px: u32) -> Vec<((u32, u32), Vec<u8>)> {
    let mut finder = Told {
        long_side_px,
        ..Told::default()
    };
    run(bytes, &mut finder, &task(bytes, MaskStyle::Blur)).unwrap();
    finder.views
}

/// The largest difference to the picture, away from its border.
fn difference(size: (u32, u32), rgb: &[u8], picture: (usize, usize)) -> f32 {
    let scale = [picture.0 as f32 / size.0 as f32, picture.1 as f32 / size.1 as f32];
    let mut most = 0.0f32;
    for (i, pixel) in rgb.chunks_exact(3).enumerate() {
        let (x, y) = (i % size.0 as usize, i / size.0 as usize);
        let expected = slopes(
            ((x as f32 + 0.5) * scale[0]) as usize,
            ((y as f32 + 0.5) * scale[1]) as usize,
        );
        for (value, expected) in pixel.iter().zip(expected) {
            most = most.max((f32::from(*value) - expected).abs());
        }
    }
    most
}

#[test]
fn the_view_is_as_small_as_the_detectors_allow() {
    assert_eq!(eighths(4000, 1280), 4);
    assert_eq!(eighths(4000, 1000), 2);
    assert_eq!(eighths(4000, 1001), 4);
    assert_eq!(eighths(640, 1280), 8);
    // Not one: libjpeg forgets all coefficients but one of a block then.
    assert_eq!(eighths(65_500, 1), 2);
    assert_eq!(eighths(u32::MAX, u32::MAX), 8);
}

#[test]
fn every_kind_and_size_shows_the_picture() {
    use ColorSpace::{Cmyk, Rgb, YCbCr, Ycck};
    let picture = (203, 157);
    for (space, sampling) in [
        (YCbCr, &[(1, 1), (1, 1), (1, 1)][..]),
        (YCbCr, &[(2, 2), (1, 1), (1, 1)]),
        (YCbCr, &[(4, 1), (1, 1), (1, 1)]),
        // Not rendered by libjpeg, and in full size.
        (YCbCr, &[(3, 1), (2, 1), (1, 1)]),
        (Rgb, &[(1, 1); 3]),
        (Cmyk, &[(1, 1); 4]),
        (Ycck, &[(2, 2), (1, 1), (1, 1), (2, 2)]),
    ] {
        let kind = Kind {
            quality: 98,
            ..Kind::new(picture, space, sampling)
        };
        let bytes = encode(&kind, &slopes);
        for (wanted, expected) in [(203, (203, 157)), (100, (102, 79)), (50, (51, 40)), (1, (51, 40))] {
            let views = views(&bytes, wanted);
            assert_eq!(views.len(), 1);
            let (size, rgb) = &views[0];
            if sampling[0].0 != 3 {
                assert_eq!(*size, expected, "{space:?} {sampling:?}");
            }
            let difference = difference(*size, rgb, picture);
            assert!(difference < 7.0, "{space:?} {sampling:?} {size:?} {difference}");
        }
    }
}

#[test]
fn a_scan_behind_the_one_that_was_shown_is_refused() {
    let kind = Kind::new((203, 157), ColorSpace::YCbCr, &[(1, 1); 3]);
    let (harmless, secret) = (encode(&kind, &|_, _| [90.0; 3]), encode(&kind, &slopes));
    let scan = secret.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let both = [&harmless[..harmless.len() - 2], &secret[scan..]].concat();
    let outcome = run(&both, &mut Told::default(), &task(&both, MaskStyle::Blur));
    assert!(
        matches!(outcome, Err(PictureError::Damaged { .. })),
        "{outcome:?}"
    );
}

#[test]
fn the_view_is_upright() {
    let kind = Kind {
        quality: 98,
        ..Kind::new((203, 157), ColorSpace::YCbCr, &[(2, 2), (1, 1), (1, 1)])
    };
    for orientation in Orientation::all() {
        let (width, height) = (203, 157);
        let shown = orientation.upright_size(width, height);
        // The stored picture whose display are the slopes.
        let indices: Vec<usize> = orientation.stored_indices(width, height).collect();
        let mut stored = vec![[0.0; 3]; indices.len()];
        for (i, index) in indices.iter().enumerate() {
            stored[*index] = slopes(i % shown.0 as usize, i / shown.0 as usize);
        }
        let exif = crate::metadata::minimal_exif(orientation).unwrap_or_default();
        let payload = [b"Exif\0\0", &exif[..]].concat();
        let bytes =
            super::encoder::with_segments(&encode(&kind, &|x, y| stored[y * 203 + x]), &[(0xE1, &payload)]);
        let views = views(&bytes, 100);
        let difference = difference(views[0].0, &views[0].1, (shown.0 as usize, shown.1 as usize));
        assert!(difference < 7.0, "{orientation:?} {difference}");
    }
}

#[test]
fn inks_without_adobes_segment_are_looked_at_both_ways() {
    let kind = Kind {
        adobe: false,
        quality: 98,
        ..Kind::new((203, 157), ColorSpace::Cmyk, &[(1, 1); 4])
    };
    let views = views(&encode(&kind, &slopes), 203);
    assert_eq!(views.len(), 2);
    assert!(difference(views[0].0, &views[0].1, (203, 157)) < 7.0);
    assert!(views[0].1.iter().zip(&views[1].1).all(|(a, b)| a ^ b == 255));
}
