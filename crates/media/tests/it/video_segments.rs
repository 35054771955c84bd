//! A video that is processed in parts comes out as one that was not.

use std::path::Path;
use std::sync::Arc;

use sfumato_core::detection::VideoDetectionsDocument;
use sfumato_media::video::{Audio, Goal, SegmentPlan, Subtitles, TrackLog, VideoError, VideoOptions};

use crate::video_segments_support::{Part, check_order, in_parts, joined, part, planned};
use crate::video_support::{
    Clips, anonymized, face, find_magenta, is_magenta, nature, packets, pixels, times,
};

/// Three seconds of a test picture with a key frame every 12 frames, and sound.
const PICTURE: &str = "-f lavfi -i testsrc2=s=128x72:r=30:d=3";
const SOUND: &str = "-f lavfi -i sine=f=440:r=48000:d=3";
const GROUPS: &str = "-g 12 -preset veryfast";

fn keep() -> VideoOptions {
    VideoOptions {
        subtitles: Subtitles::Keep,
        ..VideoOptions::default()
    }
}

/// Compares what came out in parts with what came out in one run.
fn compare(clips: &Clips, path: &Path, plan: &SegmentPlan, video: VideoOptions) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (one, parts) = (
        clips.path(&format!("one-{name}")),
        clips.path(&format!("parts-{name}")),
    );
    let find = |_: sfumato_media::video::Look<'_>| vec![face([40, 30, 60, 50])];
    let expected = anonymized(path, &one, video, find).unwrap_or_else(|error| panic!("{name}: {error}"));
    let actual =
        in_parts(path, &parts, plan, video, find).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(times(&parts), times(&one), "{name}");
    for kind in ["a", "s"] {
        assert_eq!(packets(&parts, kind), packets(&one, kind), "{name}");
    }
    assert_eq!(nature(&parts), nature(&one), "{name}");
    check_order(&parts);
    let said = |anonymized: &crate::video_support::Anonymized| {
        let report = anonymized.report.clone();
        (
            (report.frames, report.shown, report.orientation, report.container),
            (report.tracks, report.hidden, report.frame_rate),
            (report.warnings, report.duration_s),
        )
    };
    assert_eq!(said(&actual), said(&expected), "{name}");
    assert_eq!(actual.tracks.len(), 1, "{name}");
    let frames = |track: &sfumato_media::video::TrackPiece| -> Vec<(u32, f64)> {
        track
            .boxes
            .iter()
            .map(|found| (found.frame, found.time_s))
            .collect()
    };
    assert_eq!(frames(&actual.tracks[0]), frames(&expected.tracks[0]), "{name}");
    assert_eq!(
        plan.spans().iter().map(|span| span.frames).sum::<u32>(),
        expected.frames,
        "{name}"
    );
}

/// A clip that is cut into parts.
fn check(clips: &Clips, path: &Path) {
    let plan = planned(path, keep()).unwrap();
    let name = path.display();
    assert!(plan.spans().len() >= 2, "{name}: {:?}", plan.whole_because());
    assert_eq!(plan.whole_because(), None);
    compare(clips, path, &plan, keep());
}

/// A clip that is not, for a reason.
fn check_whole(clips: &Clips, path: &Path, reason: &str) {
    let plan = planned(path, keep()).unwrap();
    assert_eq!(plan.spans().len(), 1, "{}", path.display());
    let because = plan.whole_because().unwrap();
    assert!(because.contains(reason), "{}: {because}", path.display());
    compare(clips, path, &plan, keep());
}

#[test]
fn h264_in_mp4_mov_and_mkv() {
    let clips = Clips::new();
    for name in ["a.mp4", "a.mov", "a.mkv"] {
        let path = clips.make(
            name,
            &format!("{PICTURE} {SOUND} -c:v libx264 {GROUPS} -bf 3 -pix_fmt yuv420p -c:a aac"),
        );
        check(&clips, &path);
    }
}

#[test]
fn open_groups_of_pictures_and_ten_bits() {
    let clips = Clips::new();
    for name in ["open.mp4", "open.mkv"] {
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} {SOUND} -c:v libx264 {GROUPS} -bf 3 -pix_fmt yuv420p10le -x264-params open-gop=1:scenecut=0 -c:a aac"
            ),
        );
        check(&clips, &path);
    }
}

#[test]
fn hevc_with_leading_pictures_and_a_bright_display() {
    let clips = Clips::new();
    let display = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400";
    for name in ["hdr.mp4", "hdr.mkv"] {
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params log-level=none:keyint=12:open-gop=1:bframes=3:b-adapt=0:{display}"
            ),
        );
        check(&clips, &path);
    }
}

#[test]
fn vp9_and_vp8_in_webm() {
    let clips = Clips::new();
    for encoder in ["libvpx-vp9", "libvpx"] {
        let path = clips.make(
            &format!("{encoder}.webm"),
            &format!(
                "{PICTURE} {SOUND} -c:v {encoder} -g 12 -b:v 300k -deadline good -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 10 -pix_fmt yuv420p -c:a libopus"
            ),
        );
        check(&clips, &path);
    }
}

#[test]
fn mpeg4_motion_jpeg_and_prores() {
    let clips = Clips::new();
    for (name, encoder) in [
        ("mpeg4.avi", "-c:v mpeg4 -g 12 -c:a mp3"),
        ("mpeg4.mp4", "-c:v mpeg4 -g 12 -bf 2 -c:a aac"),
        ("mjpeg.avi", "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le"),
        ("prores.mov", "-c:v prores_ks -pix_fmt yuv422p10le -c:a pcm_s16le"),
    ] {
        let path = clips.make(name, &format!("{PICTURE} {SOUND} {encoder}"));
        check(&clips, &path);
    }
}

#[test]
fn variable_frame_rates() {
    let clips = Clips::new();
    for name in ["vfr.mp4", "vfr.mkv"] {
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} {SOUND} -vf settb=1/90000,setpts='(N+N*N/200+0.4*mod(N\\,3))/30/TB' -vsync passthrough -enc_time_base 1:90000 -c:v libx264 {GROUPS} -bf 3 -c:a aac"
            ),
        );
        check(&clips, &path);
    }
}

#[test]
fn edit_lists_and_videos_that_begin_late() {
    let clips = Clips::new();
    let plain = clips.make(
        "plain.mp4",
        &format!("{PICTURE} {SOUND} -c:v libx264 {GROUPS} -bf 2 -c:a aac"),
    );
    check(
        &clips,
        &clips.make("cut.mp4", &format!("-ss 0.3 -i {} -c copy", plain.display())),
    );
    for name in ["late.mp4", "late.mkv"] {
        let path = clips.make(
            name,
            &format!("-itsoffset 0.517 {PICTURE} {SOUND} -c:v libx264 {GROUPS} -c:a aac"),
        );
        check(&clips, &path);
    }
}

#[test]
fn subtitles_and_several_tracks_of_sound() {
    let clips = Clips::new();
    clips.write(
        "words.srt",
        b"1\n00:00:00,200 --> 00:00:00,800\nHello\n\n2\n00:00:01,900 --> 00:00:02,400\nthere\n",
    );
    let path = clips.make(
        "tracks.mkv",
        &format!(
            "{PICTURE} {SOUND} -f lavfi -i sine=f=880:d=3 -i words.srt -map 0 -map 1 -map 2 -map 3 -c:v libx264 {GROUPS} -c:a aac -c:s srt"
        ),
    );
    assert_eq!(packets(&path, "s").len(), 2);
    check(&clips, &path);
}

#[test]
fn sound_that_is_muted_or_left_out() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mp4",
        &format!("{PICTURE} {SOUND} -c:v libx264 {GROUPS} -c:a aac"),
    );
    for audio in [Audio::Mute, Audio::Strip] {
        let video = VideoOptions { audio, ..keep() };
        compare(&clips, &path, &planned(&path, video).unwrap(), video);
    }
}

#[test]
fn what_cannot_safely_be_cut_is_one_part() {
    let clips = Clips::new();
    let encoder = "-c:v libx264 -preset veryfast -pix_fmt yuv420p";
    let one_key = clips.make("key.mp4", &format!("{PICTURE} {encoder} -g 1000"));
    check_whole(&clips, &one_key, "no key frames");
    let refresh = clips.make(
        "refresh.mp4",
        &format!("{PICTURE} {encoder} -g 12 -x264-params intra-refresh=1"),
    );
    check_whole(&clips, &refresh, "no key frames");
    let avi = clips.make("b.avi", &format!("{PICTURE} {encoder} -bf 0 -g 12"));
    check_whole(&clips, &avi, "without time stamps");
    let packed = clips.make(
        "short.mkv",
        "-f lavfi -i testsrc2=s=128x72:r=30:d=1 -c:v libx264 -g 12",
    );
    assert_eq!(planned(&packed, keep()).unwrap().spans().len(), 1);
}

#[test]
fn a_file_without_its_end_is_one_part_and_says_so() {
    let clips = Clips::new();
    for (name, more) in [("a.mp4", "-movflags faststart"), ("a.mkv", "")] {
        let path = clips.make(
            name,
            &format!("{PICTURE} -c:v libx264 {GROUPS} -pix_fmt yuv420p {more}"),
        );
        let bytes = std::fs::read(&path).unwrap();
        let cut = clips.write(&format!("cut-{name}"), &bytes[..bytes.len() / 2]);
        let plan = planned(&cut, keep()).unwrap();
        assert_eq!(plan.spans().len(), 1);
        let (one, parts) = (clips.path("one"), clips.path("parts"));
        let expected = anonymized(&cut, &one, keep(), |_| vec![]).unwrap();
        let actual = in_parts_damaged(&cut, &parts, &plan);
        assert!(expected.warnings[0].starts_with("the video is damaged"));
        assert_eq!(actual.warnings, expected.warnings);
        assert_eq!(times(&parts), times(&one));
    }
}

/// Frames may be missing in its parts.
fn in_parts_damaged(path: &Path, result: &Path, plan: &SegmentPlan) -> crate::video_support::Anonymized {
    let parts: Vec<Part> = (0..plan.spans().len())
        .map(|number| part(path, plan, number, (keep(), Goal::Anonymize), &mut |_| vec![]).unwrap())
        .collect();
    let data: Vec<_> = parts.iter().map(Part::data).collect();
    joined(path, Some(result), plan, keep(), &data).unwrap()
}

#[test]
fn frames_that_are_spoilt_are_counted_in_their_part() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mp4",
        &format!("{PICTURE} -c:v libx264 {GROUPS} -bf 0 -pix_fmt yuv420p -movflags faststart"),
    );
    let mut bytes = std::fs::read(&path).unwrap();
    // Within the pictures, not where their lengths are; some of the second third.
    let (from, to) = (bytes.len() * 5 / 10, bytes.len() * 6 / 10);
    for byte in bytes[from..to].iter_mut().step_by(307) {
        *byte ^= 0x55;
    }
    let spoilt = clips.write("spoilt.mp4", &bytes);
    let plan = planned(&spoilt, keep()).unwrap();
    let (one, parts) = (clips.path("one.mp4"), clips.path("parts.mp4"));
    let expected = anonymized(&spoilt, &one, keep(), |_| vec![]).unwrap();
    let actual = in_parts_damaged(&spoilt, &parts, &plan);
    assert!(expected.warnings[0].starts_with("the video is damaged"));
    assert!(plan.spans().len() > 1);
    assert_eq!(actual.warnings, expected.warnings, "{}", plan.spans().len());
    assert_eq!(times(&parts), times(&one));
}

/// A magenta square that moves over gray.
fn moving(clips: &Clips) -> std::path::PathBuf {
    clips.make(
        "moving.mp4",
        "-f lavfi -i color=gray:s=320x180:r=30:d=4 -f lavfi -i color=magenta:s=32x32:r=30:d=4 -filter_complex [0][1]overlay=x='20+50*t+30*sin(4*t)':y='40+20*t' -c:v libx264 -preset veryfast -g 15 -pix_fmt yuv420p",
    )
}

#[test]
fn nothing_leaks_and_nothing_jumps_at_a_seam() {
    let clips = Clips::new();
    let path = moving(&clips);
    let plan = planned(&path, keep()).unwrap();
    assert!(plan.spans().len() >= 3);
    let result = clips.path("out.mp4");
    let mut looks = 0;
    let found = in_parts(&path, &result, &plan, keep(), |look| {
        looks += 1;
        if looks % 10 == 4 {
            vec![]
        } else {
            find_magenta(look)
        }
    })
    .unwrap();
    let (before, ..) = pixels(&path);
    assert!(before.iter().all(|frame| frame.chunks_exact(3).any(is_magenta)));
    let (after, ..) = pixels(&result);
    assert_eq!(after.len(), before.len());
    for (number, frame) in after.iter().enumerate() {
        let seen = frame.chunks_exact(3).filter(|pixel| is_magenta(pixel)).count();
        assert_eq!(seen, 0, "frame {number}");
    }
    assert_eq!(found.tracks.len(), 1);
    let boxes = &found.tracks[0].boxes;
    assert_eq!(boxes.len(), before.len());
    let mut seams = vec![];
    let mut frame = 0;
    for span in plan.spans() {
        frame += span.frames;
        seams.push(frame);
    }
    let steps: Vec<(bool, f32)> = boxes
        .windows(2)
        .map(|pair| {
            let ((ax, ay), (bx, by)) = (pair[0].bbox.center(), pair[1].bbox.center());
            let sides = (pair[0].bbox.width() - pair[1].bbox.width()).abs();
            (
                seams.contains(&pair[1].frame),
                (ax - bx).hypot(ay - by).max(sides),
            )
        })
        .collect();
    let largest = |at_seam: bool| {
        steps
            .iter()
            .filter(|(is_seam, _)| *is_seam == at_seam)
            .fold(0.0f32, |max, (_, step)| max.max(*step))
    };
    assert!(steps.iter().any(|(is_seam, _)| *is_seam));
    assert!(
        largest(true) <= largest(false) + 0.5,
        "{} at a seam, {} elsewhere",
        largest(true),
        largest(false)
    );
}

#[test]
fn parts_without_a_video_have_the_same_tracks_and_a_document() {
    let clips = Clips::new();
    let path = moving(&clips);
    let plan = planned(&path, keep()).unwrap();
    let parts: Vec<Part> = (0..plan.spans().len())
        .map(|number| part(&path, &plan, number, (keep(), Goal::Detect), &mut find_magenta).unwrap())
        .collect();
    let data: Vec<_> = parts.iter().map(Part::data).collect();
    let found = joined(&path, None, &plan, keep(), &data).unwrap();
    let expected = in_parts(&path, &clips.path("out.mp4"), &plan, keep(), find_magenta).unwrap();
    assert_eq!(found.tracks, expected.tracks);
    assert_eq!(found.bytes, 0);
    let mut log = TrackLog::new(Arc::new(tempfile::tempfile().unwrap()));
    for track in &found.tracks {
        log.add(track.clone()).unwrap();
    }
    let mut text = vec![];
    log.write_document(&found.report, &mut text).unwrap();
    let document: VideoDetectionsDocument = serde_json::from_slice(&text).unwrap();
    assert_eq!(document.video.frames, 120);
    assert_eq!(document.video.frame_rate, Some(30.0));
    let [track] = &document.tracks[..] else {
        panic!("{} tracks", document.tracks.len())
    };
    assert_eq!(
        (track.first_frame, track.last_frame, track.hidden),
        (0, 119, true)
    );
    assert!(
        track
            .boxes
            .iter()
            .zip(0..)
            .all(|(found, frame)| found.frame == frame)
    );
}

#[test]
fn parts_that_do_not_belong_together_are_not_joined() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mp4",
        &format!("{PICTURE} -c:v libx264 {GROUPS} -pix_fmt yuv420p"),
    );
    let other = clips.make(
        "b.mp4",
        &format!("{PICTURE} -c:v libx264 {GROUPS} -pix_fmt yuv420p -crf 40"),
    );
    let plan = planned(&path, keep()).unwrap();
    let made = |video| -> Vec<Part> {
        (0..plan.spans().len())
            .map(|number| part(&path, &plan, number, (video, Goal::Anonymize), &mut |_| vec![]).unwrap())
            .collect()
    };
    let parts = made(keep());
    let data: Vec<_> = parts.iter().map(Part::data).collect();
    let result = clips.path("out.mp4");
    let refused = |path: &Path, video, data: &[_]| {
        let error = joined(path, Some(&result), &plan, video, data).unwrap_err();
        assert!(matches!(error, VideoError::PlanDoesNotHold { .. }), "{error}");
    };
    joined(&path, Some(&result), &plan, keep(), &data).unwrap();
    refused(&path, keep(), &data[1..]);
    refused(&path, keep(), &[&data[1..], &data[..1]].concat());
    refused(&other, keep(), &data);
    let coarse = VideoOptions {
        quality: "40".parse().unwrap(),
        ..keep()
    };
    refused(&path, coarse, &data);
    let mut short = data.clone();
    short[1].bytes -= 1;
    refused(&path, keep(), &short);
    let error = part(&other, &plan, 1, (keep(), Goal::Anonymize), &mut |_| vec![])
        .err()
        .unwrap();
    assert!(matches!(error, VideoError::PlanDoesNotHold { .. }), "{error}");
}
