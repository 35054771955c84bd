//! For the tests of formats: scenes with a white square, something that finds it, and what may change around it.

use std::io::Write;
use std::time::Duration;

use proptest::prelude::*;
use sfumato_core::FailureClass;
use sfumato_core::MediaFormat;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::{AnonymizeOptions, Color, Mask, MaskStyle, MetadataPolicy};
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Goal, Report, Task};

use crate::error::PictureError;
use crate::work::{Find, Found, Processed, Work};

/// A detection with edges left, top, right, bottom, in pixels.
pub(crate) fn detection(class: Class, [left, top, right, bottom]: [f32; 4]) -> Detection {
    Detection {
        class,
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        confidence: 0.9,
        model: "test".into(),
        corners: None,
    }
}

/// The size of scenes.
pub(super) const SIZE: (u32, u32) = (64, 48);

/// Width and height of the white square.
const SQUARE: u32 = 12;

/// What all formats have.
pub(super) type Process = fn(&[u8], &mut Work<'_>, &mut dyn Write) -> Result<Processed, PictureError>;

/// Finds what is white.
struct FindsWhite;

impl Find for FindsWhite {
    fn long_side_px(&self, shown: (u32, u32)) -> u32 {
        shown.0.max(shown.1)
    }

    fn find(&mut self, rgb: &[u8], size: (u32, u32), _: (u32, u32)) -> Result<Found, PictureError> {
        let white = |pixel: &[u8]| pixel.iter().all(|sample| *sample > 245);
        let places: Vec<(f32, f32)> = rgb
            .chunks_exact(3)
            .enumerate()
            .filter(|(_, pixel)| white(pixel))
            .map(|(i, _)| ((i % size.0 as usize) as f32, (i / size.0 as usize) as f32))
            .collect();
        let edge = |values: &mut dyn Iterator<Item = f32>| {
            values.fold((f32::MAX, f32::MIN), |(a, b), value| {
                (a.min(value), b.max(value + 1.0))
            })
        };
        let (left, right) = edge(&mut places.iter().map(|place| place.0));
        let (top, bottom) = edge(&mut places.iter().map(|place| place.1));
        let detection = Detection {
            class: Class::Face,
            bbox: BoundingBox {
                left,
                top,
                right,
                bottom,
            },
            confidence: 0.9,
            model: "white".into(),
            corners: None,
        };
        // A few bright pixels are no square.
        let detections = Some(detection)
            .filter(|_| places.len() >= 40)
            .into_iter()
            .collect();
        Ok(Found {
            detections,
            resize: Duration::ZERO,
            inference: Duration::ZERO,
        })
    }
}

/// RGB pixels of a dark scene with a white square.
pub(super) fn scene((left, top): (u32, u32)) -> Vec<u8> {
    let (width, height) = SIZE;
    let pixel = |x: u32, y: u32| {
        let inside = (left..left + SQUARE).contains(&x) && (top..top + SQUARE).contains(&y);
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        if inside {
            [255; 3]
        } else {
            [byte(x * 2), byte(y * 3), byte(x * y % 90)]
        }
    };
    (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)))
        .collect()
}

/// One sample a pixel: the dark one, or the bright one in the square.
pub(super) fn square(place: (u32, u32), dark: u8, bright: u8) -> Vec<u8> {
    let pixels = scene(place);
    let sample = |pixel: &[u8]| if pixel == [255; 3] { bright } else { dark };
    pixels.chunks_exact(3).map(sample).collect()
}

/// Masks are black.
pub(super) fn options(metadata: MetadataPolicy) -> AnonymizeOptions {
    AnonymizeOptions {
        mask: Mask {
            style: MaskStyle::Opaque(Color { rgb: [0; 3] }),
            ..Mask::default()
        },
        metadata,
        ..AnonymizeOptions::default()
    }
}

/// Processes a picture under limits.
pub(super) fn limited(
    process: Process,
    bytes: &[u8],
    options: AnonymizeOptions,
    limits: MediaLimits,
) -> Result<(Report, Vec<u8>), PictureError> {
    let task = Task {
        format: MediaFormat::sniff(bytes).unwrap_or(MediaFormat::Png),
        bytes: bytes.len() as u64,
        goal: Goal::Anonymize,
        options,
        limits,
        given: None,
        seed: [1; 32],
    };
    let mut output = vec![];
    let mut on_progress = |fraction: f32| assert!((0.0..=1.0).contains(&fraction));
    let mut finder = FindsWhite;
    let mut work = Work::new(&task, &mut finder, &mut on_progress);
    let processed = process(bytes, &mut work, &mut output)?;
    let bytes = output.len() as u64;
    Ok((work.report(processed, bytes), output))
}

/// Processes a picture with the limits that hold when nothing is set.
pub(super) fn run(
    process: Process,
    bytes: &[u8],
    metadata: MetadataPolicy,
) -> Result<(Report, Vec<u8>), PictureError> {
    limited(process, bytes, options(metadata), MediaLimits::default())
}

/// Processes a picture in which the square is found, and asserts that it is not found again.
pub(super) fn hidden(process: Process, bytes: &[u8]) -> (Report, Vec<u8>) {
    let (report, output) = run(process, bytes, MetadataPolicy::Safe).unwrap();
    assert!(
        !report.document.picture().unwrap().detections.is_empty(),
        "the square is found"
    );
    let (again, _) = run(process, &output, MetadataPolicy::Safe).unwrap();
    assert!(
        again.document.picture().unwrap().detections.is_empty(),
        "{:?}",
        again.document.picture().unwrap().detections
    );
    assert_eq!(
        again.document.picture().unwrap().picture.frames,
        report.document.picture().unwrap().picture.frames
    );
    (report, output)
}

/// Asserts that pixels are the same where no mask of a frame reaches, and not everywhere.
pub(super) fn assert_same_outside<T: PartialEq>(
    report: &Report,
    frame: u32,
    width: u32,
    channels: usize,
    (before, after): (&[T], &[T]),
) {
    assert_eq!(before.len(), after.len());
    let boxes: Vec<_> = report
        .document
        .picture()
        .unwrap()
        .detections
        .iter()
        .filter(|detection| detection.frame.unwrap_or(0).abs_diff(frame) <= 2)
        .map(|detection| detection.bbox)
        .collect();
    let mut changes = 0;
    for (i, (a, b)) in before
        .chunks_exact(channels)
        .zip(after.chunks_exact(channels))
        .enumerate()
    {
        if a == b {
            continue;
        }
        changes += 1;
        let (x, y) = (
            (i % width as usize) as f32 + 0.5,
            (i / width as usize) as f32 + 0.5,
        );
        let near = boxes.iter().any(|bbox| {
            let (dx, dy) = (bbox.width * 0.21 + 2.0, bbox.height * 0.21 + 2.0);
            (bbox.x - dx..bbox.x + bbox.width + dx).contains(&x)
                && (bbox.y - dy..bbox.y + bbox.height + dy).contains(&y)
        });
        assert!(near, "frame {frame} differs at {x} {y}");
    }
    assert!(changes > 0, "frame {frame}: something is hidden");
}

/// Whether bytes hold a text anywhere.
pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Asserts that a file that ends too early is refused, wherever it ends.
pub(super) fn assert_truncated(process: Process, bytes: &[u8], whole_from: usize) {
    for end in (0..whole_from).step_by(7.max(whole_from / 200)) {
        let error = run(process, &bytes[..end], MetadataPolicy::Safe).unwrap_err();
        assert_eq!(error.class(), FailureClass::Input, "{end}: {error}");
    }
}

/// A few bytes of a file, set to other values.
pub(super) fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..6)
}

/// Asserts that a damaged file is processed or refused as such. What it says of itself is held to a size that is quick.
pub(super) fn assert_survives(process: Process, bytes: &[u8], damage: Vec<(prop::sample::Index, u8)>) {
    let mut bytes = bytes.to_vec();
    for (place, value) in damage {
        let place = place.index(bytes.len());
        bytes[place] = value;
    }
    let limits = MediaLimits {
        picture_pixels_max: 100_000,
        frames_pixels_max: 400_000,
        ..MediaLimits::default()
    };
    if let Err(error) = limited(process, &bytes, options(MetadataPolicy::Keep), limits) {
        assert_eq!(error.class(), FailureClass::Input, "{error:?}");
    }
}
