//! What can be given, and what is refused where.

use serde_json::{Value, json};

use super::*;
use crate::detection::{BoundingBox, DetectionsDocument, Origin, SCHEMA, VideoDetectionsDocument};

pub(super) fn check(document: Value) -> Result<GivenDetections, String> {
    let document: GivenDocument = serde_json::from_value(document).map_err(|error| error.to_string())?;
    document.check().map_err(|error| error.to_string())
}

pub(super) fn picture(detections: Value) -> Value {
    json!({
        "schema": "sfumato.detections/1",
        "picture": { "width": 200, "height": 100, "format": "png", "orientation": 1 },
        "detections": detections,
    })
}

pub(super) fn video(tracks: Value) -> Value {
    json!({
        "schema": "sfumato.detections/1",
        "video": { "width": 200, "height": 100, "frames": 50 },
        "tracks": tracks,
    })
}

#[test]
fn a_document_of_ours_is_taken_as_it_is() {
    let text = r#"{
        "schema": "sfumato.detections/1",
        "picture": { "width": 512, "height": 512, "format": "png", "orientation": 1 },
        "detections": [{
            "class": "face", "confidence": 0.94, "model": "centerface",
            "box": { "x": 176.5, "y": 63.0, "width": 93.5, "height": 129.5 },
            "fractions": { "left": 0.3445, "right": 0.5277, "top": 0.1232, "bottom": 0.3762 },
            "hidden": false
        }]
    }"#;
    serde_json::from_str::<DetectionsDocument>(text).unwrap();
    let given = check(serde_json::from_str(text).unwrap()).unwrap();
    let picture = given.picture().unwrap();
    assert_eq!((picture.width, picture.frames), (512, 1));
    let GivenDetection {
        frame,
        detection,
        hidden,
    } = &picture.detections[0];
    assert_eq!((*frame, *hidden, &*detection.model), (0, false, "centerface"));
    assert_eq!((detection.bbox.left, detection.bbox.right), (176.5, 270.0));
}

#[test]
fn what_only_describes_may_be_left_out_and_what_was_drawn_is_manual() {
    let given = check(picture(json!([
        { "class": "plate", "box": { "x": 1, "y": 2, "width": 3, "height": 4 } },
        { "class": "face", "fractions": { "left": 0.5, "right": 1, "top": 0, "bottom": 0.5 }, "manual": true, "model": "x" },
    ])))
    .unwrap();
    let detections = &given.picture().unwrap().detections;
    for found in detections {
        assert_eq!(
            (&*found.detection.model, found.detection.confidence),
            (MANUAL, 1.0)
        );
        assert!(found.hidden);
    }
    let half = BoundingBox {
        left: 100.0,
        top: 0.0,
        right: 200.0,
        bottom: 50.0,
    };
    assert_eq!(detections[1].detection.bbox, half);
}

#[test]
fn corners_that_were_left_behind_do_not_count() {
    let plate = |x: f32| {
        json!([{ "class": "plate", "model": "plate", "box": { "x": x, "y": 10, "width": 40, "height": 10 },
                 "corners": [[10, 11], [48, 9], [50, 19], [12, 21]] }])
    };
    let corners = |x| {
        let given = check(picture(plate(x))).unwrap();
        given.picture().unwrap().detections[0].detection.corners
    };
    assert!(corners(10.0).is_some());
    assert!(corners(14.0).is_some());
    assert!(corners(100.0).is_none());
}

#[test]
fn a_drawn_track_goes_straight_from_box_to_box_and_a_detected_one_is_where_its_boxes_are() {
    let boxes = json!([
        { "frame": 10, "box": { "x": 0, "y": 0, "width": 10, "height": 10 } },
        { "frame": 20, "box": { "x": 50, "y": 20, "width": 30, "height": 10 }, "hidden": false },
    ]);
    let given = check(video(json!([
        { "class": "face", "manual": true, "first_frame": 8, "last_frame": 30, "boxes": boxes },
        { "id": 0, "class": "face", "model": "yunet", "confidence": 0.5, "boxes": boxes },
    ])))
    .unwrap();
    let tracks = &given.video().unwrap().tracks;
    assert_eq!((tracks[0].id, tracks[1].id), (1, 0));
    let at = |frame| {
        let found = tracks[0].at(frame)?;
        Some((found.bbox.left, found.bbox.width(), found.origin, found.hidden))
    };
    assert_eq!(at(7), None);
    assert_eq!(at(8), Some((0.0, 10.0, Origin::Held, true)));
    assert_eq!(at(10), Some((0.0, 10.0, Origin::Given, true)));
    assert_eq!(at(15), Some((25.0, 20.0, Origin::Interpolated, true)));
    assert_eq!(at(20), Some((50.0, 30.0, Origin::Given, false)));
    assert_eq!(at(30), Some((50.0, 30.0, Origin::Held, false)));
    assert_eq!(at(31), None);
    let frames: Vec<u32> = (0..50).filter(|frame| tracks[1].at(*frame).is_some()).collect();
    assert_eq!(frames, [10, 20]);
}

#[test]
fn what_cannot_be_used_is_named_by_its_place() {
    let face = |member: &str, value: Value| {
        let mut face = json!({ "class": "face", "box": { "x": 1, "y": 2, "width": 3, "height": 4 } });
        face[member] = value;
        picture(json!([face]))
    };
    let track = |member: &str, value: Value| {
        let mut track = json!({ "class": "face", "model": "yunet",
            "boxes": [{ "frame": 4, "box": { "x": 1, "y": 2, "width": 3, "height": 4 } }] });
        track[member] = value;
        video(json!([track]))
    };
    let far = json!({ "x": 500, "y": 2, "width": 3, "height": 4 });
    for (document, expected) in [
        (
            json!({ "schema": "other/1" }),
            "schema: must be sfumato.detections/1",
        ),
        (json!({ "schema": SCHEMA }), "picture: a document has either"),
        (
            json!({ "schema": SCHEMA, "video": { "width": 1, "height": 1 }, "tracks": [] }),
            "video.frames: is missing",
        ),
        (
            face("frame", json!(1)),
            "detections[0].frame: the picture has frames 0 to 0",
        ),
        (
            face("confidence", json!(1.5)),
            "detections[0].confidence: must be",
        ),
        (
            face("model", json!("m".repeat(101))),
            "detections[0].model: is longer",
        ),
        (face("box", far), "detections[0].box: lies outside"),
        (
            face("box", json!({ "x": 1e30, "y": 0, "width": 1, "height": 1 })),
            "detections[0].box: must be a box",
        ),
        (
            face("box", json!({ "x": 1, "y": 0, "width": -1, "height": 1 })),
            "detections[0].box: must be a box",
        ),
        (face("box", Value::Null), "detections[0].box: is missing"),
        (track("boxes", json!([])), "tracks[0].boxes: must have one"),
        (
            track("last_frame", json!(5)),
            "tracks[0].last_frame: the last box is in frame 4",
        ),
        (
            track("first_frame", json!(3)),
            "tracks[0].first_frame: the first box",
        ),
        (
            track(
                "boxes",
                json!([{ "frame": 50, "box": { "x": 1, "y": 2, "width": 3, "height": 4 } }]),
            ),
            "tracks[0].last_frame: the video has 50 frames",
        ),
    ] {
        let refused = check(document).unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }
    let slip = check(face("hiden", json!(false))).unwrap_err();
    assert!(slip.starts_with("unknown field `hiden`"), "{slip}");
    let near = json!({ "x": 1, "y": 2, "width": 3, "height": 4 });
    let twice = json!([{ "frame": 4, "box": near }, { "frame": 4, "box": near }]);
    let refused = check(track("boxes", twice)).unwrap_err();
    assert!(
        refused.starts_with("tracks[0].boxes[1].frame: must be more"),
        "{refused}"
    );
    let same = json!({ "id": 3, "class": "face", "model": "yunet", "boxes": [{ "frame": 4, "box": near }] });
    let refused = check(video(json!([same, same]))).unwrap_err();
    assert_eq!(refused, "tracks[1].id: another track has it");
}

#[test]
fn what_was_checked_survives_the_way_to_the_media_process() {
    let given = check(video(json!([{ "class": "plate", "manual": true,
        "boxes": [{ "frame": 4, "box": { "x": 1.25, "y": 2, "width": 3, "height": 4 } }] }])))
    .unwrap();
    let text = serde_json::to_string(&given).unwrap();
    assert!(text.contains(r#"[4,[1.25,2.0,4.25,6.0],"given",true]"#), "{text}");
    assert_eq!(serde_json::from_str::<GivenDetections>(&text).unwrap(), given);
}

#[test]
fn a_documented_video_is_taken_back() {
    let text = r#"{
        "schema": "sfumato.detections/1", "source": "given",
        "video": { "width": 200, "height": 100, "format": "mp4", "orientation": 1, "frames": 50, "duration_s": 2.0, "frame_rate": 25.0 },
        "tracks": [{ "id": 7, "class": "face", "model": "manual", "manual": true, "confidence": 1.0, "hidden": true, "first_frame": 1, "last_frame": 1,
            "boxes": [{ "frame": 1, "time_s": 0.04, "box": { "x": 1.0, "y": 1.0, "width": 9.0, "height": 9.0 }, "origin": "given" }] }],
        "warnings": []
    }"#;
    let read: VideoDetectionsDocument = serde_json::from_str(text).unwrap();
    let given = check(serde_json::to_value(&read).unwrap()).unwrap();
    let track = &given.video().unwrap().tracks[0];
    assert_eq!((track.id, track.is_manual()), (7, true));
}
