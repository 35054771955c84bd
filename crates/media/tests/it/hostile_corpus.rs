//! Replays the corpus of hostile files (`fuzz/README.md`): each is processed or refused with a reason, as its name says.

use std::path::PathBuf;

use sfumato_core::FailureClass;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::{AnonymizeOptions, MetadataPolicy};
use sfumato_media::{PictureError, fuzzing};
use sfumato_media_client::limits::{ArchiveLimits, MediaLimits};

use crate::support::*;

/// Small, so that what gets past them costs neither time nor memory.
const LIMITS: MediaLimits = MediaLimits {
    picture_bytes_max: 1 << 20,
    side_pixels_max: 4096,
    picture_pixels_max: 1 << 20,
    frames_max: 16,
    frames_pixels_max: 4 << 20,
    ..MediaLimits::DEFAULT
};

/// Name and content of every file for a target.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() > 5, "{target}: {} files", files.len());
    files
}

/// What the first word of a name says.
fn is_expected(name: &str, target: &str) -> bool {
    match name.split('-').next() {
        Some("ok" | "some") => true,
        Some("bad" | "none") => false,
        _ => panic!("{target}/{name}: the name says nothing of the outcome"),
    }
}

fn known() -> [Detection; 1] {
    [Detection {
        class: Class::Face,
        bbox: BoundingBox {
            left: 2.0,
            top: 2.0,
            right: 9.0,
            bottom: 12.0,
        },
        confidence: 0.9,
        model: "known".into(),
        corners: None,
    }]
}

fn process(bytes: &[u8], metadata: MetadataPolicy) -> Result<Vec<u8>, PictureError> {
    let options = AnonymizeOptions {
        metadata,
        ..AnonymizeOptions::default()
    };
    let mut task = task(bytes, options);
    task.limits = LIMITS;
    fuzzing::process(bytes, &task, &known()).map(|(_, result)| result)
}

fn replay(target: &str) {
    for (name, bytes) in corpus(target) {
        for policy in MetadataPolicy::ALL {
            match process(&bytes, policy) {
                Ok(result) => {
                    assert!(is_expected(&name, target), "{target}/{name} was accepted");
                    sfumato_media::probe(&result, &LIMITS).unwrap();
                }
                Err(error) => {
                    assert!(!is_expected(&name, target), "{target}/{name}: {error}");
                    assert_eq!(error.class(), FailureClass::Input, "{target}/{name}: {error:?}");
                    assert!(error.to_string().len() > 10, "{target}/{name}: {error}");
                }
            }
        }
    }
}

/// Each file gives something under `keep` or nothing under any policy, and what it gives comes out the same again.
fn replay_metadata(target: &str, rebuild: impl Fn(MetadataPolicy, &[u8]) -> Option<Vec<u8>>) {
    for (name, bytes) in corpus(target) {
        for policy in MetadataPolicy::ALL {
            let once = rebuild(policy, &bytes);
            let is_some = once.is_some();
            if policy == MetadataPolicy::Keep {
                assert_eq!(is_some, is_expected(&name, target), "{target}/{name}");
            }
            assert!(
                is_expected(&name, target) || !is_some,
                "{target}/{name}: {policy:?}"
            );
            if let Some(once) = once {
                assert!(
                    once.len() <= bytes.len() + 4096,
                    "{target}/{name} grows to {} bytes",
                    once.len()
                );
                assert_eq!(rebuild(policy, &once), Some(once), "{target}/{name}: {policy:?}");
            }
        }
    }
}

#[test]
fn hostile_headers_are_judged() {
    for (name, bytes) in corpus("probe") {
        let outcome = sfumato_media::probe(&bytes, &LIMITS);
        assert_eq!(
            outcome.is_ok(),
            is_expected(&name, "probe"),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn hostile_archives_are_unpacked_or_refused() {
    let limits = ArchiveLimits {
        entries_max: 1000,
        entry_bytes_max: 1 << 20,
        bytes_max: 4 << 20,
        ratio_max: 200,
    };
    for (name, bytes) in corpus("archive") {
        let outcome = fuzzing::archive_entries(&bytes, &limits);
        let is_whole = outcome
            .as_ref()
            .is_ok_and(|entries| !entries.is_empty() && entries.iter().all(Result::is_ok));
        assert_eq!(is_whole, is_expected(&name, "archive"), "{name}: {outcome:?}");
    }
}

#[test]
fn hostile_videos_are_read_or_refused() {
    let limits = MediaLimits::DEFAULT.video;
    for (name, bytes) in corpus("video") {
        let outcome = fuzzing::video_parts(&bytes, &limits);
        assert_eq!(
            outcome.is_ok(),
            is_expected(&name, "video"),
            "{name}: {outcome:?}"
        );
        if let Err(error) = outcome {
            assert_eq!(error.class(), FailureClass::Input, "{name}: {error:?}");
            let reason = error.to_string();
            assert!(
                !reason.ends_with(": "),
                "{name}: the reason is missing in {reason:?}"
            );
        }
    }
}

#[test]
fn hostile_jpegs_are_processed_or_refused() {
    replay("jpeg");
}

#[test]
fn hostile_pngs_are_processed_or_refused() {
    replay("png");
}

#[test]
fn hostile_exif_data_are_built_again_or_left_out() {
    replay_metadata("exif", fuzzing::exif);
}

#[test]
fn hostile_xmp_packets_are_built_again_or_left_out() {
    replay_metadata("xmp", fuzzing::xmp);
}

#[test]
fn hostile_profiles_are_built_again_or_left_out() {
    replay_metadata("icc", |_, bytes| fuzzing::icc(bytes));
}

#[test]
fn hostile_segments_are_walked() {
    replay_metadata("segments", |policy, bytes| {
        fuzzing::segments(bytes);
        fuzzing::image_resources(policy, bytes)
    });
}

#[test]
fn hostile_files_of_other_formats_are_processed_or_refused() {
    for target in ["webp", "bmp", "tiff"] {
        let files = corpus(target);
        let (_, plain) = files.iter().find(|(name, _)| name == "ok-1x1").unwrap();
        match process(plain, MetadataPolicy::Safe) {
            Err(PictureError::Unsupported { .. }) => {
                let all_refused = files
                    .iter()
                    .all(|(_, bytes)| process(bytes, MetadataPolicy::Safe).is_err());
                assert!(all_refused, "{target}");
            }
            _ => replay(target),
        }
    }
}

#[test]
fn kinds_that_are_not_supported_are_named() {
    let kinds = [
        ("jpeg/bad-12-bits", "JPEG pictures with more than 8 bits a sample"),
        ("jpeg/bad-lossless", "lossless and hierarchical JPEG pictures"),
        (
            "tiff/bad-fax-group-3",
            "TIFF pictures with CCITT group 3 compression",
        ),
        (
            "tiff/bad-bits-in-reverse",
            "TIFF pictures whose bits are in reverse order",
        ),
        (
            "tiff/bad-alpha-beside-inks",
            "TIFF pictures with alpha beside CMYK, palettes or few bits",
        ),
        (
            "tiff/bad-jpeg-of-the-old-kind",
            "TIFF pictures with JPEG compression of the old kind",
        ),
        (
            "tiff/bad-float",
            "TIFF pictures with signed or floating-point samples",
        ),
        (
            "bmp/bad-compression",
            "BMP pictures with this depth and compression",
        ),
        ("bmp/bad-holds-jpeg", "BMP pictures that hold a JPEG or a PNG"),
        ("bmp/bad-holds-png", "BMP pictures that hold a JPEG or a PNG"),
    ];
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (file, kind) in kinds {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let error = process(&bytes, MetadataPolicy::Safe).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{kind} are not supported; convert the picture to an ordinary JPEG or PNG"),
            "{file}"
        );
    }
}

#[test]
fn comments_are_kept_where_they_are_asked_for_and_are_texts() {
    assert!(fuzzing::keeps_comment(MetadataPolicy::Keep, b"A holiday"));
    assert!(!fuzzing::keeps_comment(
        MetadataPolicy::Keep,
        b"\xFF\xD8\xFF\xE0\0\x10JFIF"
    ));
    assert!(!fuzzing::keeps_comment(MetadataPolicy::Safe, b"A holiday"));
}
