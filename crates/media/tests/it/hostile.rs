//! Files that are broken, cut off, lying, or none at all: each fails with a reason, and nothing crashes.

use proptest::prelude::*;
use sfumato_core::{AnonymizeOptions, FailureClass};
use sfumato_media_client::protocol::Failure;

use crate::support::*;

fn refused(bytes: &[u8]) -> Failure {
    match try_anonymize(bytes, AnonymizeOptions::default()) {
        Err(failure) => failure,
        Ok((report, _)) => panic!("it was accepted: {report:?}"),
    }
}

fn assert_refused(bytes: &[u8], words: &str) {
    let failure = refused(bytes);
    assert_eq!(failure.class, FailureClass::Input, "{}", failure.message);
    assert!(
        failure.message.contains(words),
        "`{}` does not say `{words}`",
        failure.message
    );
}

#[test]
fn what_is_no_picture_is_refused() {
    assert_refused(b"", "empty");
    assert_refused(
        b"GIF89a and so on, and so on",
        "in none of the supported formats (JPEG, PNG, WEBP, BMP, TIFF)",
    );
    assert_refused(b"\xFF\xD8\xFF\xE0 garbage", "truncated");
    assert_refused(
        b"\x89PNG\r\n\x1a\n garbage that is long enough to be a header",
        "IHDR",
    );
}

#[test]
fn a_truncated_picture_is_refused_wherever_it_was_cut() {
    let pixels = astronaut();
    let progressive = JpegSettings {
        progressive: true,
        ..JpegSettings::default()
    };
    for bytes in [
        jpeg(&pixels, &JpegSettings::default()),
        jpeg(&pixels, &progressive),
        rgb_png(&pixels),
    ] {
        for percent in [1, 5, 20, 50, 80, 99] {
            assert_refused(&bytes[..bytes.len() * percent / 100], "truncated");
        }
    }
}

#[test]
fn a_jpeg_whose_end_was_patched_on_is_still_incomplete() {
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let patched = [&bytes[..bytes.len() / 2], &[0xFF, 0xD9]].concat();
    assert_refused(&patched, "a part of its data is missing");
}

#[test]
fn a_complete_jpeg_without_its_end_marker_is_accepted_with_a_warning() {
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let (report, output) = anonymized(&bytes[..bytes.len() - 2], AnonymizeOptions::default());
    assert!(report.warnings[0].contains("end marker"), "{:?}", report.warnings);
    assert!(output.ends_with(&[0xFF, 0xD9]));
}

#[test]
fn a_header_that_claims_a_larger_picture_is_refused() {
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let frame = bytes
        .windows(2)
        .position(|window| window == [0xFF, 0xC0])
        .unwrap();
    let mut taller = bytes.clone();
    taller[frame + 5..frame + 7].copy_from_slice(&5000u16.to_be_bytes());
    assert_refused(&taller, "a part of its data is missing");

    let mut huge = bytes;
    huge[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert_refused(&huge, "the limit is 65500 pixels a side");
}

#[test]
fn a_png_whose_header_claims_a_huge_picture_is_refused_by_the_limit() {
    let mut bytes = rgb_png(&astronaut());
    bytes[16..24].copy_from_slice(&[0, 0, 0x80, 0, 0, 0, 0x80, 0]);
    assert_refused(&bytes, "the limit is 268435456 pixels in total");
}

#[test]
fn an_original_that_is_shorter_than_announced_can_be_tried_again() {
    let bytes = rgb_png(&astronaut());
    let mut task = task(&bytes, AnonymizeOptions::default());
    task.bytes += 1;
    let failure = sfumato_media::anonymize(
        &mut detectors().lock().unwrap(),
        &task,
        std::io::Cursor::new(&bytes),
        &mut vec![],
        |_| (),
    )
    .unwrap_err();
    assert_eq!(failure.class, FailureClass::Transient);
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read() {
    let bytes = rgb_png(&astronaut());
    let mut task = task(&bytes, AnonymizeOptions::default());
    task.limits.picture_bytes_max = 1000;
    let failure = sfumato_media::anonymize(
        &mut detectors().lock().unwrap(),
        &task,
        std::io::empty(),
        &mut vec![],
        |_| (),
    )
    .unwrap_err();
    assert_eq!(failure.class, FailureClass::Input);
    assert!(failure.message.contains("the limit for a picture is 1000 bytes"));
}

#[test]
fn a_result_that_cannot_be_written_can_be_tried_again() {
    for bytes in [
        rgb_png(&astronaut()),
        jpeg(&astronaut(), &JpegSettings::default()),
    ] {
        let failure = sfumato_media::anonymize(
            &mut detectors().lock().unwrap(),
            &task(&bytes, AnonymizeOptions::default()),
            std::io::Cursor::new(&bytes),
            &mut &mut [0u8; 100][..],
            |_| (),
        )
        .unwrap_err();
        assert_eq!(failure.class, FailureClass::Transient, "{}", failure.message);
    }
}

/// A small picture, so that many broken copies of it can be tried.
fn small(progressive: bool) -> Vec<u8> {
    let pixels = Pixels {
        width: 40,
        height: 30,
        rgb: (0..40 * 30 * 3u32).map(|i| (i * 7 % 256) as u8).collect(),
    };
    let settings = JpegSettings {
        progressive,
        ..JpegSettings::default()
    };
    jpeg(&pixels, &settings)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_file_with_damage_anywhere_is_processed_or_refused_but_never_crashes(
        png_file in any::<bool>(), progressive in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if png_file {
            png((8, 8), png::ColorType::Rgb, png::BitDepth::Eight, &[77; 8 * 8 * 3])
        } else {
            small(progressive)
        };
        for (place, value) in damage {
            // A size over the limit costs nothing, but one under it can cost a second.
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Err(failure) = try_anonymize(&bytes, AnonymizeOptions::default()) {
            prop_assert!(failure.class == FailureClass::Input, "{failure:?}");
        }
    }
}
