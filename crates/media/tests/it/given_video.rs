//! Videos in which it is given what is hidden.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sfumato_core::detection::given::GivenVideo;
use sfumato_core::detection::{DocumentSource, Origin};
use sfumato_media::video::{
    Goal, Look, SegmentData, SegmentPlan, SegmentTask, VideoError, VideoLimits, VideoOptions, VideoTask,
    anonymize, join, segment,
};

use crate::given::given;
use crate::video_segments_support::planned;
use crate::video_support::{Anonymized, Clips, Sure, black, is_magenta, output, pixels, times, whole};

/// Two seconds with a key frame every 12 frames: a magenta square on gray.
const CLIP: &str = "-f lavfi -i color=gray:s=160x96:r=30:d=2 -vf drawbox=x=40:y=30:w=20:h=20:c=magenta:t=fill \
    -c:v libx264 -g 12 -bf 2 -preset veryfast -pix_fmt yuv420p";
const FRAMES: u32 = 60;

fn video(tracks: Value) -> GivenVideo {
    let document = json!({
        "schema": "sfumato.detections/1",
        "video": { "width": 160, "height": 96, "frames": FRAMES },
        "tracks": tracks,
    });
    given(document).video().unwrap().clone()
}

fn nobody() -> Sure<impl FnMut(Look<'_>) -> Vec<sfumato_core::detection::Detection>> {
    Sure(|_: Look<'_>| panic!("somebody looks"))
}

fn render(path: &Path, result: &Path, given: &GivenVideo) -> Result<Anonymized, VideoError> {
    let options = black();
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(result)),
        options: &options,
        given: Some(given),
        video: VideoOptions::default(),
        limits: VideoLimits::default(),
        seed: [7; 32],
    };
    let mut pieces = vec![];
    let mut keep = |piece| {
        pieces.push(piece);
        Ok(())
    };
    let report = anonymize(task, &mut nobody(), &mut keep, &mut |_| {})?;
    let tracks = whole(pieces);
    Ok(Anonymized { report, tracks })
}

fn render_in_parts(path: &Path, result: &Path, plan: &SegmentPlan, given: &GivenVideo) -> Anonymized {
    let options = black();
    let mut files = vec![];
    for number in 0..plan.spans().len() {
        let file = tempfile::tempfile().unwrap();
        let task = SegmentTask {
            input: Arc::new(File::open(path).unwrap()),
            output: Arc::new(file.try_clone().unwrap()),
            goal: Goal::Anonymize,
            options: &options,
            given: Some(given),
            video: VideoOptions::default(),
            limits: VideoLimits::default(),
            seed: [7; 32],
        };
        let report = segment(task, plan, number, &mut nobody(), &mut |_| {}).unwrap();
        files.push((file, report.bytes));
    }
    let parts: Vec<_> = files
        .iter()
        .map(|(file, bytes)| SegmentData {
            file,
            start: 0,
            bytes: *bytes,
        })
        .collect();
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(result)),
        options: &options,
        given: Some(given),
        video: VideoOptions::default(),
        limits: VideoLimits::default(),
        seed: [7; 32],
    };
    let mut pieces = vec![];
    let mut keep = |piece| {
        pieces.push(piece);
        Ok(())
    };
    let report = join(task, plan, &parts, &mut keep, &mut |_| {}).unwrap();
    let tracks = whole(pieces);
    Anonymized { report, tracks }
}

/// The frames in which a pixel is black.
fn black_frames(path: &Path, (x, y): (usize, usize)) -> Vec<u32> {
    let (frames, width, _) = pixels(path);
    let at = (y * width + x) * 3;
    let is_black = |frame: &Vec<u8>| frame[at..at + 3].iter().all(|sample| *sample < 40);
    (0..)
        .zip(&frames)
        .filter(|(_, frame)| is_black(frame))
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn a_video_without_tracks_comes_out_as_it_was() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", CLIP);
    let result = clips.path("result.mp4");
    let done = render(&path, &result, &video(json!([]))).unwrap();
    assert_eq!((done.source, done.report.tracks), (DocumentSource::Given, 0));
    assert_eq!(times(&result), times(&path));
    let (frames, width, _) = pixels(&result);
    let at = (40 * width + 50) * 3;
    assert!(frames.iter().all(|frame| is_magenta(&frame[at..at + 3])));
}

#[test]
fn a_track_that_was_drawn_hides_from_its_first_frame_to_its_last_one_and_moves_between_its_boxes() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", CLIP);
    let result = clips.path("result.mp4");
    let tracks = json!([{ "class": "plate", "manual": true, "last_frame": 40, "boxes": [
        { "frame": 10, "box": { "x": 10, "y": 60, "width": 16, "height": 16 } },
        { "frame": 30, "box": { "x": 110, "y": 60, "width": 16, "height": 16 } },
    ] }]);
    let done = render(&path, &result, &video(tracks)).unwrap();
    let [track] = &done.tracks[..] else {
        panic!("{:?}", done.tracks)
    };
    let origins: Vec<(u32, Origin)> = track
        .boxes
        .iter()
        .map(|found| (found.frame, found.origin))
        .collect();
    let expected = (10..=40).map(|frame| match frame {
        10 | 30 => (frame, Origin::Given),
        11..30 => (frame, Origin::Interpolated),
        _ => (frame, Origin::Held),
    });
    assert_eq!(origins, expected.collect::<Vec<_>>());
    assert_eq!((done.report.hidden.plates, done.report.hidden.faces), (1, 0));
    assert_eq!(*black_frames(&result, (18, 68)).first().unwrap(), 10);
    assert!(
        black_frames(&result, (18, 68))
            .iter()
            .all(|frame| (10..=14).contains(frame))
    );
    assert!(black_frames(&result, (68, 68)).contains(&20));
    assert_eq!(*black_frames(&result, (118, 68)).last().unwrap(), 40);
    assert!(
        black_frames(&result, (50, 40)).is_empty(),
        "what was not given is left alone"
    );
}

#[test]
fn what_is_given_is_the_same_in_parts_as_in_one_run() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", CLIP);
    let plan = planned(&path, VideoOptions::default()).unwrap();
    assert!(plan.spans().len() >= 2, "{:?}", plan.whole_because());
    let boxes: Vec<Value> = (5..50)
        .map(|frame| json!({ "frame": frame, "box": { "x": frame, "y": 60, "width": 16, "height": 16 }, "hidden": frame != 33 }))
        .collect();
    let tracks = json!([
        { "id": 7, "class": "face", "model": "yunet", "confidence": 0.5, "boxes": boxes },
        { "id": 3, "class": "face", "manual": true, "first_frame": 25, "last_frame": 35,
          "boxes": [{ "frame": 30, "box": { "x": 120, "y": 10, "width": 20, "height": 20 } }] },
    ]);
    let given = video(tracks);
    let (one, parts) = (clips.path("one.mp4"), clips.path("parts.mp4"));
    let expected = render(&path, &one, &given).unwrap();
    let actual = render_in_parts(&path, &parts, &plan, &given);
    assert_eq!(actual.tracks, expected.tracks);
    assert_eq!(
        actual.tracks.iter().map(|track| track.number).collect::<Vec<_>>(),
        [3, 7]
    );
    assert_eq!(
        (actual.report.tracks, actual.report.hidden),
        (expected.report.tracks, expected.report.hidden)
    );
    assert_eq!(times(&parts), times(&one));
    for place in [(130, 20), (40, 68)] {
        assert_eq!(
            black_frames(&parts, place),
            black_frames(&one, place),
            "{place:?}"
        );
    }
    assert_eq!(black_frames(&parts, (130, 20)), (25..=35).collect::<Vec<_>>());
    assert!(!black_frames(&parts, (40, 68)).contains(&33));
}

#[test]
fn what_was_given_for_another_video_is_refused() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", CLIP);
    let mut given = video(json!([]));
    given.frames = 61;
    let refused = render(&path, &clips.path("a"), &given).unwrap_err();
    assert!(matches!(refused, VideoError::OtherVideo { .. }), "{refused}");
    given.width = 200;
    let refused = render(&path, &clips.path("b"), &given).unwrap_err().to_string();
    assert!(refused.contains("a video of 200x96"), "{refused}");
}
