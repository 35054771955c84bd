//! Pictures in which it is given what is hidden: that and nothing else, wherever faces are.

use std::io::Cursor;

use serde_json::{Value, json};
use sfumato_core::detection::given::{GivenDetections, GivenDocument};
use sfumato_core::detection::{DetectionsDocument, DocumentSource};
use sfumato_media::{Orientation, anonymize};
use sfumato_media_client::protocol::{Failure, Task};

use crate::frames::{animated_png, moved};
use crate::jpeg_faces::compare;
use crate::jpeg_reader;
use crate::support::*;

/// What a document says.
pub(crate) fn given(document: Value) -> GivenDetections {
    let document: GivenDocument = serde_json::from_value(document).unwrap();
    document.check().unwrap()
}

fn of_picture(detections: Value, frames: u32) -> Value {
    json!({
        "schema": "sfumato.detections/1",
        "picture": { "width": 512, "height": 512, "frames": frames },
        "detections": detections,
    })
}

fn render(bytes: &[u8], document: Value) -> Result<(DetectionsDocument, Vec<u8>), Failure> {
    let task = Task {
        given: Some(given(document)),
        ..task(bytes, masked_with(styles()[2]))
    };
    let mut output = vec![];
    let mut detectors = detectors().lock().unwrap();
    let report = anonymize(&mut detectors, &task, Cursor::new(bytes), &mut output, |_| ())?;
    assert_eq!(report.timings.inference_ms, 0.0, "nobody looks");
    Ok((report.document.picture().unwrap().clone(), output))
}

/// A corner of the photograph where there is no face.
fn corner() -> Value {
    json!({ "class": "face", "box": { "x": 20, "y": 400, "width": 60, "height": 60 } })
}

#[test]
fn a_jpeg_is_hidden_where_it_was_given_and_every_other_block_stays_as_it_was() {
    let pixels = astronaut();
    for settings in [
        JpegSettings::default(),
        JpegSettings {
            progressive: true,
            chroma_pixel_size: Some((2, 2)),
            ..JpegSettings::default()
        },
    ] {
        let original = jpeg(&pixels, &settings);
        let (document, output) = render(&original, of_picture(json!([corner()]), 1)).unwrap();
        assert_eq!(document.source, DocumentSource::Given);
        let [found] = &document.detections[..] else {
            panic!("{document:?}")
        };
        assert!(found.manual && found.hidden && found.model == "manual");
        let (before, after) = (jpeg_reader::read(&original), jpeg_reader::read(&output));
        let (different, same) = compare(&before, &after, &document.detections);
        assert!(different > 0 && same > different, "{different} {same}");
        assert_eq!(decode_jpeg(&output).pixel(50, 430), [0, 0, 0]);
        // The photograph shows a face, which was not given.
        assert_eq!(
            decode_jpeg(&output).pixel(225, 120),
            decode_jpeg(&original).pixel(225, 120)
        );
    }
}

#[test]
fn what_is_given_as_not_hidden_is_documented_and_left_alone() {
    let original = rgb_png(&astronaut());
    let mut detection = corner();
    detection["hidden"] = json!(false);
    let (document, output) = render(&original, of_picture(json!([detection]), 1)).unwrap();
    assert!(!document.detections[0].hidden);
    assert!(decode_png(&output) == astronaut());
}

#[test]
fn a_rendered_document_renders_to_the_same_picture() {
    let original = rgb_png(&astronaut());
    let (document, first) = render(&original, of_picture(json!([corner()]), 1)).unwrap();
    let (again, second) = render(&original, serde_json::to_value(&document).unwrap()).unwrap();
    assert_eq!(again, document);
    assert!(first == second);
}

#[test]
fn boxes_are_in_the_picture_as_it_is_displayed() {
    let pixels = astronaut();
    for orientation in Orientation::all() {
        let exif = exif_with(orientation, &[], None);
        let settings = JpegSettings {
            segments: vec![(1, [b"Exif\0\0", &exif[..]].concat())],
            ..JpegSettings::default()
        };
        let original = jpeg(&pixels.stored(orientation), &settings);
        let (_, output) = render(&original, of_picture(json!([corner()]), 1)).unwrap();
        let [x, y] = orientation.to_stored([50.5, 430.5], 512.0, 512.0);
        assert_eq!(
            decode_jpeg(&output).pixel(x as u32, y as u32),
            [0, 0, 0],
            "{orientation:?}"
        );
    }
}

#[test]
fn in_an_animation_each_frame_is_hidden_where_it_was_given_for_it() {
    let pixels = astronaut();
    let original = animated_png(&pixels);
    let mut detection = corner();
    detection["frame"] = json!(1);
    let (document, output) = render(&original, of_picture(json!([detection]), 3)).unwrap();
    assert_eq!(document.detections[0].frame, Some(1));
    let mut reader = png::Decoder::new(Cursor::new(&output)).read_info().unwrap();
    for (number, columns) in [0, 12, 24].into_iter().enumerate() {
        let mut frame = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut frame).unwrap();
        let is_same = frame == moved(&pixels, columns);
        assert_eq!(is_same, number != 1, "frame {number}");
    }
}

#[test]
fn what_was_given_for_another_picture_is_refused() {
    let original = rgb_png(&astronaut());
    let mut other = of_picture(json!([]), 1);
    other["picture"]["width"] = json!(511);
    for (document, said) in [
        (
            other,
            "a picture of 511x512 pixels with 1 frame, and this one is of 512x512",
        ),
        (of_picture(json!([]), 2), "with 2 frames"),
    ] {
        let failure = render(&original, document).unwrap_err();
        assert!(failure.message.contains(said), "{failure:?}");
    }
}

#[test]
fn a_box_that_would_hide_nothing_is_refused_by_the_size_of_its_own_page() {
    let original = animated_png(&astronaut());
    let page = |numbers: [u32; 4]| {
        let [x, y, width, height] = numbers;
        let found = json!({ "class": "face", "model": "centerface", "frame": 1,
            "box": { "x": x, "y": y, "width": width, "height": height } });
        render(&original, of_picture(json!([corner(), found]), 3))
    };
    page([500, 500, 40, 40]).unwrap();
    let failure = page([600, 10, 40, 40]).unwrap_err();
    assert!(
        failure
            .message
            .contains("detections[1].box lies outside of the picture of 512 x 512 pixels"),
        "{failure:?}"
    );
    assert!(failure.message.contains("in pixels of the picture as displayed"));
}
