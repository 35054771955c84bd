//! One picture before the lock-down: what libraries read, start or look up at their first use happens here.

use std::io::{self, Cursor};

use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_detect::DetectorSet;
use sfumato_media_client::protocol::{Failure, Goal, MediaLimits, Task};

use crate::anonymize::anonymize;
use crate::error::PictureError;

/// What a thread allocates and gives back: more than the largest heap of a thread, which is 64 MiB, because the C library
/// may keep as much of it.
const HEAP_BLOCKS: usize = 1100;
const HEAP_BLOCK_BYTES: usize = 64 << 10;

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
        seed: [0; 32],
    };
    anonymize(detectors, &task, Cursor::new(&original), io::sink(), |_| ())?;
    find_time_zone();
    shrink_heap();
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

/// Lets the C library give memory of a thread back to the system. The first time it reads a setting of the kernel, from a
/// file.
fn shrink_heap() {
    let on_a_thread = std::thread::spawn(|| {
        // Small enough to lie in the heap of the thread. Nothing is written into them, so that they take next to no memory.
        let blocks: Vec<Vec<u8>> = (0..HEAP_BLOCKS)
            .map(|_| Vec::with_capacity(HEAP_BLOCK_BYTES))
            .collect();
        std::hint::black_box(&blocks);
    });
    // It cannot panic: it allocates some megabytes.
    let _ended = on_a_thread.join();
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
