//! Everything here is compared through a reader of its own, see `reader`.

mod damage;
mod encoder;
mod kinds;
#[path = "../../../tests/it/jpeg_reader.rs"]
mod reader;
mod secrets;
mod view;

use std::time::Duration;

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, Detection};
use sfumato_core::options::{Mask, MaskStyle};
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Goal, Report, Task};

use super::*;
use crate::image::testing::detection;
use crate::work::{Find, Found};

/// Finds what it is told to, and remembers what it was shown.
#[derive(Default)]
struct Told {
    detections: Vec<Detection>,
    long_side_px: u32,
    views: Vec<((u32, u32), Vec<u8>)>,
}

impl Find for Told {
    fn long_side_px(&self, _shown: (u32, u32)) -> u32 {
        self.long_side_px
    }

    fn find(&mut self, rgb: &[u8], size: (u32, u32), shown: (u32, u32)) -> Result<Found, PictureError> {
        assert_eq!(rgb.len(), size.0 as usize * size.1 as usize * 3);
        self.views.push((size, rgb.to_vec()));
        let scale = [size.0 as f32 / shown.0 as f32, size.1 as f32 / shown.1 as f32];
        Ok(Found {
            detections: self
                .detections
                .iter()
                .map(|found| found.clone().scaled(scale))
                .collect(),
            resize: Duration::ZERO,
            inference: Duration::ZERO,
        })
    }
}

/// A plate whose mask covers the pixels of a rectangle, and touches one more on each side. Masks are larger than boxes by
/// 0.15 of the box on each side.
fn plate([left, top, right, bottom]: [usize; 4]) -> Detection {
    let (dx, dy) = (
        (right - left) as f32 * 0.15 / 1.3,
        (bottom - top) as f32 * 0.15 / 1.3,
    );
    detection(
        Class::Plate,
        [
            left as f32 + dx,
            top as f32 + dy,
            right as f32 - dx,
            bottom as f32 - dy,
        ],
    )
}

fn options(style: MaskStyle) -> AnonymizeOptions {
    AnonymizeOptions {
        mask: Mask {
            style,
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    }
}

fn task(bytes: &[u8], style: MaskStyle) -> Task {
    Task {
        format: MediaFormat::Jpeg,
        bytes: bytes.len() as u64,
        goal: Goal::Anonymize,
        options: options(style),
        limits: MediaLimits::default(),
        given: None,
        seed: [42; 32],
    }
}

fn run(bytes: &[u8], finder: &mut Told, task: &Task) -> Result<(Report, Vec<u8>), PictureError> {
    let mut output = vec![];
    let mut on_progress = |_| ();
    let mut work = Work::new(task, finder, &mut on_progress);
    let processed = process(bytes, &mut work, &mut output)?;
    let report = work.report(processed, output.len() as u64);
    Ok((report, output))
}

fn masked(bytes: &[u8], detections: &[Detection], style: MaskStyle) -> Vec<u8> {
    let mut finder = Told {
        detections: detections.to_vec(),
        long_side_px: 16,
        ..Told::default()
    };
    run(bytes, &mut finder, &task(bytes, style)).unwrap().1
}

fn styles() -> [MaskStyle; 3] {
    let color = "#3060c0".parse().unwrap();
    [
        MaskStyle::Blur,
        MaskStyle::Pixelate(sfumato_core::options::PixelCount::default()),
        MaskStyle::Opaque(color),
    ]
}

/// A picture with something in every frequency.
fn texture(x: usize, y: usize) -> [f32; 3] {
    let noise = (x * 7919 + y * 104_729 + x * y * 31) % 61;
    [
        (x * 3 % 200) as f32 + noise as f32 * 0.9,
        (y * 2 % 180) as f32 + noise as f32,
        ((x + y) % 220) as f32 + noise as f32 * 0.5,
    ]
}
