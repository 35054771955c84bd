//! Where given boxes may lie, and that what we document ourselves may be given back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{check, picture, video};
use super::*;
use crate::MediaFormat;
use crate::detection::{
    BoundingBox, Class, DetectionsDocument, DocumentSource, DocumentedBox, DocumentedDetection,
    DocumentedTrack, Origin, PictureInfo, PixelBox, SCHEMA, VideoDetectionsDocument, VideoInfo,
};

fn at([x, y, width, height]: [f32; 4]) -> Value {
    json!({ "x": x, "y": y, "width": width, "height": height })
}

fn face(model: &str, numbers: [f32; 4]) -> Result<GivenDetections, String> {
    check(picture(
        json!([{ "class": "face", "model": model, "box": at(numbers) }]),
    ))
}

fn followed(boxes: &[[f32; 4]]) -> Result<GivenDetections, String> {
    let boxes: Vec<Value> = (3..)
        .zip(boxes)
        .map(|(frame, numbers)| json!({ "frame": frame, "box": at(*numbers) }))
        .collect();
    check(video(
        json!([{ "id": 7, "class": "face", "model": "yunet", "boxes": boxes }]),
    ))
}

#[test]
fn a_box_that_hides_nothing_in_a_picture_is_refused_whoever_has_found_it() {
    for model in ["centerface", MANUAL] {
        for (numbers, said) in [
            (
                [9000.0, 9000.0, 10.0, 10.0],
                "lies outside of the picture of 200 x 100 pixels",
            ),
            ([-500.0, -500.0, 100.0, 100.0], "lies outside of"),
            ([200.0, 10.0, 5.0, 5.0], "lies outside of"),
            ([10.0, 10.0, 0.4, 20.0], "has 0.40 x 20.00 pixels within"),
            ([-10.0, 10.0, 10.5, 20.0], "has 0.50 x 20.00 pixels within"),
            ([0.35, 0.12, 0.2, 0.2], "as if they were fractions"),
            ([0.0, 0.0, 1.0, 1.0], "as if they were fractions"),
        ] {
            let refused = face(model, numbers).unwrap_err();
            assert!(
                refused.starts_with("detections[0].box: ") && refused.contains(said),
                "{refused}"
            );
            assert!(refused.contains("200 x 100 pixels"), "{refused}");
            assert!(
                refused.contains("boxes are in pixels of the picture as displayed"),
                "{refused}"
            );
        }
        for numbers in [
            [-10.0, -10.0, 11.0, 11.0],
            [199.0, 99.0, 50.0, 50.0],
            [0.5, 0.5, 1.5, 1.0],
            [-1.0, -1.0, 500.0, 500.0],
        ] {
            face(model, numbers).unwrap();
        }
    }
    let fractions = json!({ "left": 20, "right": 60, "top": 10, "bottom": 50 });
    let refused = check(picture(json!([{ "class": "face", "fractions": fractions }]))).unwrap_err();
    assert!(
        refused.starts_with("detections[0].fractions: lies outside of") && refused.contains("from 0 to 1"),
        "{refused}"
    );
}

#[test]
fn a_box_of_a_later_page_may_lie_where_the_first_one_has_no_pixels() {
    let pages = |numbers: [f32; 4]| {
        let mut document =
            picture(json!([{ "class": "face", "model": "yunet", "frame": 1, "box": at(numbers) }]));
        document["picture"]["frames"] = json!(2);
        check(document)
    };
    pages([500.0, 500.0, 20.0, 20.0]).unwrap();
    for numbers in [
        [-30.0, 5.0, 20.0, 20.0],
        [0.2, 0.2, 0.5, 0.5],
        [40.0, 40.0, 0.5, 9.0],
    ] {
        pages(numbers).unwrap_err();
    }
}

#[test]
fn what_a_model_has_followed_out_of_the_picture_is_taken_and_what_was_never_in_it_is_not() {
    let given = followed(&[
        [180.0, 2.0, 20.0, 40.0],
        [199.7, 2.0, 0.3, 40.0],
        [200.0, 2.0, 0.0, 4.0],
    ])
    .unwrap();
    assert_eq!(given.video().unwrap().tracks[0].boxes.len(), 3);
    for (boxes, said) in [
        (
            &[[200.0, 2.0, 0.0, 4.0]][..],
            "tracks[0].boxes: never touch the picture of 200 x 100 pixels",
        ),
        (
            &[[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0]],
            "tracks[0].boxes: never touch",
        ),
        (
            &[[20.0, 2.0, 9.0, 9.0], [20.0, 2.0, 0.5, 9.0]],
            "tracks[0].boxes[1].box: has 0.50 x 9.00 pixels",
        ),
        (
            &[[20.0, 2.0, 9.0, 9.0], [9000.0, 2.0, 9.0, 9.0]],
            "tracks[0].boxes[1].box: lies outside",
        ),
        (
            &[[0.35, 0.12, 0.2, 0.2]],
            "tracks[0].boxes[0].box: is no box of the picture",
        ),
    ] {
        let refused = followed(boxes).unwrap_err();
        assert!(
            refused.starts_with(said) && refused.ends_with("(track 7)"),
            "{refused}"
        );
    }
}

/// A box of two pixels at least anywhere in and around a picture of 200 x 100 pixels.
fn anywhere() -> impl Strategy<Value = BoundingBox> {
    (-60.0f32..260.0, -60.0f32..160.0, 2.0f32..90.0, 2.0f32..90.0).prop_map(|(x, y, width, height)| {
        BoundingBox {
            left: x,
            top: y,
            right: x + width,
            bottom: y + height,
        }
    })
}

fn found(bbox: BoundingBox) -> Detection {
    Detection {
        class: Class::Face,
        bbox,
        confidence: 0.5,
        model: "yunet".to_owned(),
        corners: None,
    }
}

proptest! {
    #[test]
    fn the_document_of_any_picture_may_be_given_back(
        boxes in proptest::collection::vec((anywhere(), any::<bool>()), 0..8),
        scale in 1u32..40,
    ) {
        let (width, height) = (200 * scale, 100 * scale);
        let detections = boxes.iter().map(|(bbox, hidden)| {
            // As detectors leave it, in a raster that may be smaller than the picture.
            let detection = found(bbox.found_in(200, 100)).scaled([scale as f32; 2]);
            DocumentedDetection::new(&detection, width, height, *hidden)
        });
        let document = DetectionsDocument {
            schema: SCHEMA.to_owned(),
            source: DocumentSource::Detected,
            picture: PictureInfo { width, height, format: MediaFormat::Png, orientation: 1, frames: None },
            detections: detections.collect(),
        };
        let given = check(serde_json::to_value(&document).unwrap()).unwrap();
        prop_assert_eq!(given.picture().unwrap().detections.len(), boxes.len());
    }

    /// A tracker holds no box that is less than what was found.
    #[test]
    fn the_document_of_any_track_that_was_once_in_sight_may_be_given_back(
        seen in anywhere(),
        others in proptest::collection::vec(anywhere(), 0..8),
        place in 0usize..8,
    ) {
        let mut boxes = others;
        boxes.insert(place.min(boxes.len()), seen.found_in(200, 100));
        let boxes: Vec<_> = (0..).zip(&boxes).map(|(frame, bbox)| DocumentedBox {
            frame,
            time_s: 0.0,
            bbox: PixelBox::new(bbox, (200, 100)),
            origin: Origin::Held,
            hidden: true,
        }).collect();
        let track = DocumentedTrack {
            id: 0,
            class: Class::Face,
            model: "yunet".to_owned(),
            manual: false,
            confidence: 0.5,
            hidden: true,
            first_frame: 0,
            last_frame: boxes.len() as u32 - 1,
            boxes,
        };
        let document = VideoDetectionsDocument {
            schema: SCHEMA.to_owned(),
            source: DocumentSource::Detected,
            video: VideoInfo {
                width: 200,
                height: 100,
                format: MediaFormat::Mp4,
                orientation: 1,
                frames: 50,
                duration_s: 2.0,
                frame_rate: None,
            },
            tracks: vec![track],
            warnings: vec![],
        };
        check(serde_json::to_value(&document).unwrap()).unwrap();
    }
}
