//! What moves through a video is hidden in every frame.

use sfumato_media::video::{Origin, VideoOptions};

use crate::support::{astronaut, detectors};
use crate::video_support::{Clips, anonymized, find_magenta, is_magenta, pixels};

/// A magenta square that moves over gray.
fn moving(clips: &Clips, name: &str, encoder: &str) -> std::path::PathBuf {
    clips.make(
        name,
        &format!(
            "-f lavfi -i color=gray:s=320x180:r=30:d=2 -f lavfi -i color=magenta:s=32x32:r=30:d=2 -filter_complex [0][1]overlay=x='20+90*t+30*sin(4*t)':y='40+25*t' {encoder}"
        ),
    )
}

#[test]
fn a_detector_that_misses_one_in_ten_lets_nothing_through() {
    let clips = Clips::new();
    let cases = [
        ("a.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p"),
        ("b.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv422p10le"),
        ("c.avi", "-c:v mjpeg -pix_fmt yuvj444p -qscale:v 3"),
    ];
    for (name, encoder) in cases {
        let path = moving(&clips, name, encoder);
        let (before, ..) = pixels(&path);
        assert!(before.iter().all(|frame| frame.chunks_exact(3).any(is_magenta)));
        let result = clips.path(&format!("out-{name}"));
        let mut looks = 0;
        let report = anonymized(&path, &result, VideoOptions::default(), |look| {
            looks += 1;
            if looks % 10 == 4 {
                vec![]
            } else {
                find_magenta(look)
            }
        })
        .unwrap();
        let (after, ..) = pixels(&result);
        assert_eq!(after.len(), 60);
        for (number, frame) in after.iter().enumerate() {
            let seen = frame.chunks_exact(3).filter(|pixel| is_magenta(pixel)).count();
            assert_eq!(seen, 0, "{name} frame {number}");
        }
        assert!(looks < 40, "{looks}");
        assert_eq!(report.tracks.len(), 1);
        assert_eq!(report.tracks[0].boxes.len(), 60);
        let interpolated = report.tracks[0]
            .boxes
            .iter()
            .filter(|found| found.origin == Origin::Interpolated);
        assert!(interpolated.count() > 20);
    }
}

#[test]
fn masks_lie_where_a_turned_video_shows_the_thing() {
    let clips = Clips::new();
    let plain = moving(
        &clips,
        "plain.mp4",
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p",
    );
    for degrees in ["90", "180", "270"] {
        let path = clips.make(
            "turned.mp4",
            &format!("-i {} -c copy -metadata:s:v:0 rotate={degrees}", plain.display()),
        );
        let result = clips.path("out.mp4");
        anonymized(&path, &result, VideoOptions::default(), find_magenta).unwrap();
        let (after, ..) = pixels(&result);
        assert!(
            after.iter().all(|frame| !frame.chunks_exact(3).any(is_magenta)),
            "{degrees}"
        );
    }
}

#[test]
fn what_is_not_under_a_mask_looks_as_before() {
    let clips = Clips::new();
    let path = moving(&clips, "a.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p");
    let result = clips.path("out.mp4");
    let report = anonymized(&path, &result, VideoOptions::default(), find_magenta).unwrap();
    let ((before, width, _), (after, ..)) = (pixels(&path), pixels(&result));
    for (number, (before, after)) in before.iter().zip(&after).enumerate() {
        let bbox = report.tracks[0].boxes[number].bbox.grown(0.6);
        for (i, (a, b)) in before.chunks_exact(3).zip(after.chunks_exact(3)).enumerate() {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            if !(bbox.left..bbox.right).contains(&x) || !(bbox.top..bbox.bottom).contains(&y) {
                let off = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(off < 30, "frame {number} at {x} {y}: {off}");
            }
        }
    }
}

#[test]
fn a_thing_that_jumps_at_a_cut_is_hidden_on_both_sides() {
    let clips = Clips::new();
    let path = clips.make(
        "cut.mp4",
        "-f lavfi -i color=white:s=320x180:r=30:d=0.7 -f lavfi -i color=0x303030:s=320x180:r=30:d=0.7 -f lavfi -i color=magenta:s=32x32:r=30:d=2 -filter_complex [0][1]concat=n=2[back];[back][2]overlay=shortest=1:x='if(lt(t\\,0.69)\\,20\\,250)':y=60 -c:v libx264 -preset veryfast -pix_fmt yuv420p",
    );
    let result = clips.path("out.mp4");
    let report = anonymized(&path, &result, VideoOptions::default(), find_magenta).unwrap();
    let (after, ..) = pixels(&result);
    assert!(after.iter().all(|frame| !frame.chunks_exact(3).any(is_magenta)));
    let spans: Vec<(u32, u32)> = report
        .tracks
        .iter()
        .map(|track| (track.boxes[0].frame, track.boxes[track.boxes.len() - 1].frame))
        .collect();
    assert_eq!(
        spans,
        [(0, 20), (21, 41)],
        "one track a scene, none of which runs on into the other"
    );
}

#[test]
fn nobody_finds_the_face_of_a_person_who_was_hidden() {
    let clips = Clips::new();
    let picture = astronaut();
    clips.write("astronaut.png", &crate::support::rgb_png(&picture));
    let path = clips.make(
        "person.mp4",
        "-loop 1 -framerate 15 -t 1 -i astronaut.png -vf crop=320:240:x='40+50*t':y='10*t' -c:v libx264 -preset veryfast -pix_fmt yuv420p",
    );
    let result = clips.path("out.mp4");
    let mut detectors = detectors().lock().unwrap();
    let mut faces = |rgb: &[u8], size: (u32, u32)| {
        let options = sfumato_core::options::DetectionOptions::default();
        let plan = sfumato_detect::DetectionPlan::for_picture(&options, size.0, size.1);
        let wanted = sfumato_detect::Wanted {
            faces: true,
            plates: false,
        };
        let image = sfumato_detect::ImageView::new(size.0, size.1, rgb).unwrap();
        detectors.detect(image, wanted, &plan).unwrap().detections
    };
    let report = anonymized(&path, &result, VideoOptions::default(), |look| {
        faces(look.rgb, look.size)
    })
    .unwrap();
    assert!(!report.tracks.is_empty());
    let (frames, width, height) = pixels(&result);
    for frame in frames.iter().step_by(4) {
        let found = faces(
            frame,
            (u32::try_from(width).unwrap(), u32::try_from(height).unwrap()),
        );
        assert!(found.iter().all(|found| found.bbox.height() < 60.0), "{found:?}");
    }
}
