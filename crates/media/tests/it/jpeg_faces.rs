//! A face in JPEGs of every kind, through the real models: it is hidden, and every block without a mask stays what it is.

use mozjpeg::{ColorSpace, Compress};
use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, DocumentedDetection};

use crate::jpeg_reader::{self, File};
use crate::support::*;

/// The furthest that a mask can reach from its detection without a soft edge, in pixels: left, top, right, bottom.
fn reach(detection: &DocumentedDetection) -> [f32; 4] {
    let bbox = detection.bbox;
    let (dx, dy) = (bbox.width * 0.21 + 2.0, bbox.height * 0.21 + 2.0);
    [
        bbox.x - dx,
        bbox.y - dy,
        bbox.x + bbox.width + dx,
        bbox.y + bbox.height + dy,
    ]
}

/// How many blocks of all components differ, and how many are the same. Those that no mask reaches must be.
pub(crate) fn compare(before: &File, after: &File, detections: &[DocumentedDetection]) -> (usize, usize) {
    let (mut different, mut same) = (0, 0);
    assert_eq!(before.planes.len(), after.planes.len());
    for (old, new) in before.planes.iter().zip(&after.planes) {
        for (row, column) in (0..old.size.1).flat_map(|row| (0..old.size.0).map(move |column| (row, column)))
        {
            let [x, y] = before.pixels(old, column, row);
            let meets = |[left, top, right, bottom]: [f32; 4]| {
                (x.start as f32) < right
                    && (x.end as f32) > left
                    && (y.start as f32) < bottom
                    && (y.end as f32) > top
            };
            if old.block(column, row) == new.block(column, row) {
                same += 1;
            } else {
                assert!(detections.iter().map(reach).any(meets), "{column} {row}");
                different += 1;
            }
        }
    }
    (different, same)
}

/// Red, green, blue as inks: 255 is none, as Adobe stores them, or all.
fn cmyk(pixels: &Pixels, none_is_255: bool) -> Vec<u8> {
    let mut encoder = Compress::new(ColorSpace::JCS_CMYK);
    encoder.set_fastest_defaults();
    encoder.set_size(pixels.width as usize, pixels.height as usize);
    encoder.set_quality(88.0);
    let mut encoder = encoder.start_compress(vec![]).unwrap();
    let inks = |pixel: &[u8]| {
        let black = *pixel.iter().max().unwrap();
        let ink = |value: u8| u8::try_from(u16::from(value) * 255 / u16::from(black.max(1))).unwrap();
        let inks = [ink(pixel[0]), ink(pixel[1]), ink(pixel[2]), black];
        inks.map(|ink| if none_is_255 { ink } else { 255 - ink })
    };
    let samples: Vec<u8> = pixels.rgb.chunks_exact(3).flat_map(inks).collect();
    encoder.write_scanlines(&samples).unwrap();
    encoder.finish().unwrap()
}

/// The file without its Adobe segment.
fn without_adobe(bytes: &[u8]) -> Vec<u8> {
    let start = bytes
        .windows(9)
        .position(|w| w.starts_with(&[0xFF, 0xEE]) && w.ends_with(b"Adobe"));
    let start = start.unwrap();
    [&bytes[..start], &bytes[start + 16..]].concat()
}

fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let pixels = astronaut();
    let settings = JpegSettings::default;
    let of = |settings| jpeg(&pixels, &settings);
    vec![
        ("as cameras write it", of(settings())),
        (
            "4:2:0",
            of(JpegSettings {
                chroma_pixel_size: Some((2, 2)),
                ..settings()
            }),
        ),
        (
            "progressive",
            of(JpegSettings {
                progressive: true,
                chroma_pixel_size: Some((2, 1)),
                ..settings()
            }),
        ),
        (
            "gray",
            of(JpegSettings {
                gray: true,
                ..settings()
            }),
        ),
        (
            "stored as RGB",
            of(JpegSettings {
                rgb: true,
                ..settings()
            }),
        ),
        ("inks", cmyk(&pixels, true)),
        (
            "inks without Adobe's segment",
            without_adobe(&cmyk(&pixels, true)),
        ),
        (
            "inks without Adobe's segment, the other way round",
            without_adobe(&cmyk(&pixels, false)),
        ),
    ]
}

#[test]
fn every_block_without_a_mask_is_identical_and_the_face_is_gone() {
    for ((kind, bytes), style) in kinds().into_iter().zip(styles().into_iter().cycle()) {
        let before = jpeg_reader::read(&bytes);
        let (report, output) = anonymized(&bytes, masked_with(style));
        let detections = &report.document.picture().unwrap().detections;
        assert_eq!(detections.len(), 1, "{kind}");
        let (different, same) = compare(&before, &jpeg_reader::read(&output), detections);
        assert!(
            different > 100 && same > different * 4,
            "{kind}: {different} {same}"
        );
        let mut again = find(&output, Class::Face);
        // In a negative of the picture other things than the face look like one.
        again.retain(|found| overlap(found, &detections[0]) || !kind.contains("without"));
        assert!(again.is_empty(), "{kind} {style:?}: {again:?}");
    }
}

/// Whether a detection is of the middle of another one.
fn overlap(found: &DocumentedDetection, of: &DocumentedDetection) -> bool {
    let (bbox, of) = (found.bbox, of.bbox);
    let (x, y) = (of.x + of.width / 2.0, of.y + of.height / 2.0);
    (bbox.x..bbox.x + bbox.width).contains(&x) && (bbox.y..bbox.y + bbox.height).contains(&y)
}

#[test]
fn a_picture_without_a_face_keeps_every_block() {
    for (kind, bytes) in kinds() {
        let options = AnonymizeOptions {
            faces: false,
            plates: false,
            ..AnonymizeOptions::default()
        };
        let (_, output) = anonymized(&bytes, options);
        let (different, _) = compare(&jpeg_reader::read(&bytes), &jpeg_reader::read(&output), &[]);
        assert_eq!(different, 0, "{kind}");
    }
}

#[test]
fn a_face_in_a_large_picture_is_found_in_a_smaller_one_and_hidden_in_the_large() {
    let small = astronaut();
    let side = small.width * 6;
    let large = Pixels {
        width: side,
        height: side,
        rgb: (0..side * side)
            .flat_map(|i| small.pixel(i % side / 6, i / side / 6))
            .collect(),
    };
    let bytes = jpeg(&large, &JpegSettings::default());
    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    let faces: Vec<_> = report
        .document
        .picture()
        .unwrap()
        .detections
        .iter()
        .filter(|found| found.class == Class::Face)
        .collect();
    assert_eq!(faces.len(), 1);
    let expected = find(&rgb_png(&small), Class::Face)[0].bbox;
    for (found, small) in [
        (faces[0].bbox.x, expected.x),
        (faces[0].bbox.y, expected.y),
        (faces[0].bbox.width, expected.width),
    ] {
        assert!((found - small * 6.0).abs() < 72.0, "{found} {small}");
    }
    assert!(find(&output, Class::Face).is_empty());
}
