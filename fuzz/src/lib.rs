//! What each target does with its bytes. A crash, a hang and a result that breaks a promise are finds; an error is not.

mod api;
mod config;

use std::collections::HashSet;

use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::{AnonymizeOptions, MetadataPolicy};
use sfumato_core::{FailureClass, MediaFormat};
use sfumato_media::fuzzing;
use sfumato_media_client::limits::{ArchiveLimits, MediaLimits};
use sfumato_media_client::protocol::{Goal, Task};

pub use api::{form, range, token};
pub use config::config;

/// Small enough that no input takes long.
const LIMITS: MediaLimits = MediaLimits {
    picture_bytes_max: 1 << 20,
    side_pixels_max: 4096,
    picture_pixels_max: 1 << 20,
    frames_max: 16,
    frames_pixels_max: 4 << 20,
    ..MediaLimits::DEFAULT
};

/// The header of a picture.
pub fn probe(bytes: &[u8]) {
    if let Ok(header) = sfumato_media::probe(bytes, &LIMITS) {
        assert!(header.width > 0 && header.height > 0);
        assert!(u64::from(header.width) * u64::from(header.height) <= LIMITS.picture_pixels_max);
    }
}

/// A JPEG, whole.
pub fn jpeg(bytes: &[u8]) {
    picture(MediaFormat::Jpeg, bytes);
}

/// A PNG, whole.
pub fn png(bytes: &[u8]) {
    picture(MediaFormat::Png, bytes);
}

/// A WebP, whole.
pub fn webp(bytes: &[u8]) {
    picture(MediaFormat::Webp, bytes);
}

/// A BMP, whole.
pub fn bmp(bytes: &[u8]) {
    picture(MediaFormat::Bmp, bytes);
}

/// A TIFF, whole.
pub fn tiff(bytes: &[u8]) {
    picture(MediaFormat::Tiff, bytes);
}

/// Decodes, masks and encodes under every policy for metadata.
fn picture(format: MediaFormat, bytes: &[u8]) {
    if MediaFormat::sniff(bytes) != Some(format) {
        return;
    }
    for metadata in MetadataPolicy::ALL {
        let task = Task {
            format,
            bytes: bytes.len() as u64,
            goal: Goal::Anonymize,
            options: AnonymizeOptions {
                metadata,
                ..AnonymizeOptions::default()
            },
            limits: LIMITS,
            given: None,
            seed: [1; 32],
        };
        match fuzzing::process(bytes, &task, &detections()) {
            Ok((report, result)) => {
                assert_eq!(report.bytes, result.len() as u64);
                let header = sfumato_media::probe(&result, &MediaLimits::default());
                assert!(header.is_ok(), "the result is no picture: {header:?}");
            }
            Err(error) => assert_ne!(error.class(), FailureClass::Internal, "{error:?}"),
        }
    }
}

/// A face inside of most pictures, and a plate that sticks out of all.
fn detections() -> [Detection; 2] {
    let detection = |class, [left, top, right, bottom]: [f32; 4]| Detection {
        class,
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        confidence: 0.9,
        model: "known".into(),
        corners: None,
    };
    [
        detection(Class::Face, [2.0, 2.0, 9.0, 12.0]),
        detection(Class::Plate, [-5.0, -5.0, 3.0, 2.0]),
    ]
}

/// EXIF data. What is built from them must come out the same a second time.
pub fn exif(bytes: &[u8]) {
    same_again(bytes, fuzzing::exif);
}

/// An XMP packet.
pub fn xmp(bytes: &[u8]) {
    same_again(bytes, fuzzing::xmp);
}

/// An ICC profile.
pub fn icc(bytes: &[u8]) {
    if let Some(once) = fuzzing::icc(bytes) {
        assert_eq!(fuzzing::icc(&once), Some(once));
    }
}

/// The segments of a JPEG, and Photoshop's image resources in one of them.
pub fn segments(bytes: &[u8]) {
    fuzzing::segments(bytes);
    same_again(bytes, fuzzing::image_resources);
}

fn same_again(bytes: &[u8], rebuild: fn(MetadataPolicy, &[u8]) -> Option<Vec<u8>>) {
    for policy in MetadataPolicy::ALL {
        if let Some(once) = rebuild(policy, bytes) {
            assert_eq!(rebuild(policy, &once), Some(once));
        }
    }
}

/// The directory of an archive, the names of its entries, and what they unpack to.
pub fn archive(bytes: &[u8]) {
    let limits = ArchiveLimits {
        entries_max: 1000,
        entry_bytes_max: 1 << 20,
        bytes_max: 4 << 20,
        ratio_max: 200,
    };
    let Ok(entries) = fuzzing::archive_entries(bytes, &limits) else {
        return;
    };
    assert!(entries.len() <= 1000);
    let mut names = HashSet::new();
    let mut total = 0;
    for (name, bytes) in entries.into_iter().flatten() {
        assert!(!name.starts_with('/') && !name.contains('\\'), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert!(name.split('/').all(|part| !["", ".", ".."].contains(&part)), "{name:?}");
        assert!(names.insert(name));
        total += bytes;
    }
    assert!(total <= limits.bytes_max);
}

/// A video up to where its frames would be decoded: its boxes, its tracks, its packets.
pub fn video(bytes: &[u8]) {
    let limits = MediaLimits::DEFAULT.video;
    match fuzzing::video_parts(bytes, &limits) {
        Ok(parts) => assert!(parts > 0),
        Err(error) => assert_ne!(error.class(), FailureClass::Internal, "{error:?}"),
    }
}
