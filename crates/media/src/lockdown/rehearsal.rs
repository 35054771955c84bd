//! One picture before the lock-down: what libraries read, start or look up at their first use happens here.

use std::io::{self, Cursor};

use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_detect::DetectorSet;
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Failure, Goal, Task};

use crate::anonymize::anonymize;
use crate::error::PictureError;

/// Width and height of the picture in pixels.
const SIDE_PX: u32 = 64;

/// Decodes, detects, masks and encodes a small picture, and throws the result away.
///
/// # Errors
/// What a real picture would fail with: a model that does not run, for example.
pub fn rehearse(detectors: &mut DetectorSet) -> Result<(), Failure> {
    let original = picture().map_err(|error| Failure::from(PictureError::internal(error.to_string())))?;
    let task = Task {
        format: MediaFormat::Png,
        bytes: original.len() as u64,
        goal: Goal::Anonymize,
        options: AnonymizeOptions::default(),
        limits: MediaLimits::default(),
        given: None,
        seed: [0; 32],
    };
    anonymize(detectors, &task, Cursor::new(&original), io::sink(), |_| ())?;
    find_time_zone();
    Ok(())
}

/// Lets the C library look up the time zone, which it would do at the first line of a log.
fn find_time_zone() {
    let time: libc::time_t = 0;
    #[expect(unsafe_code, reason = "the C library offers nothing else")]
    // SAFETY: the time outlives the call, which does not keep it, and the result is not looked at. The variant with a buffer
    // of the caller's own may skip the look-up.
    let _local_time = unsafe { libc::localtime(&raw const time) };
}

/// A gradient, as PNG.
fn picture() -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, SIDE_PX, SIDE_PX);
    encoder.set_color(png::ColorType::Rgb);
    let samples: Vec<u8> = (0..SIDE_PX * SIDE_PX * 3)
        .map(|index| (index / SIDE_PX).to_le_bytes()[0])
        .collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&samples)?;
    writer.finish()?;
    Ok(bytes)
}
