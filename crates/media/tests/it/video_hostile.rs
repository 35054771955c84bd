//! Videos that are broken or mean harm end with a reason, or with what can be saved of them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sfumato_core::FailureClass;
use sfumato_media::video::{Damaged, Look, VideoError, VideoLimits, VideoOptions, VideoTask, anonymize};

use crate::video_support::{Clips, Sure, anonymized, black, output, times};

fn refused(clips: &Clips, path: &Path) -> String {
    let error = anonymized(path, &clips.path("out"), VideoOptions::default(), |_| vec![]).unwrap_err();
    assert_eq!(error.class(), FailureClass::Input, "{error:?}");
    error.to_string()
}

fn refused_with(clips: &Clips, path: &Path, limits: VideoLimits) -> VideoError {
    let options = black();
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(&clips.path("out"))),
        options: &options,
        video: VideoOptions::default(),
        limits,
        given: None,
        seed: [0; 32],
    };
    anonymize(
        task,
        &mut Sure(|_: Look<'_>| vec![]),
        &mut |_| Ok(()),
        &mut |_| {},
    )
    .unwrap_err()
}

const PICTURE: &str =
    "-f lavfi -i testsrc2=s=192x108:r=30:d=1 -c:v libx264 -preset veryfast -pix_fmt yuv420p";

#[test]
fn what_is_no_video_is_named() {
    let clips = Clips::new();
    let playlists: [(&str, &[u8]); 5] = [
        (
            "a.m3u8",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        ),
        ("a.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        (
            "a.mpd",
            b"<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"></MPD>",
        ),
        ("a.sdp", b"v=0\nm=video 9 RTP/AVP 96\nc=IN IP4 127.0.0.1\n"),
        ("a.txt", b"hello"),
    ];
    for (name, bytes) in playlists {
        let reason = refused(&clips, &clips.write(name, bytes));
        assert_eq!(
            reason, "the content is no video in MP4, MOV, AVI, MKV or WEBM",
            "{name}"
        );
    }
    assert_eq!(
        refused(&clips, &clips.write("empty.mp4", b"")),
        "the file is empty"
    );
}

#[test]
fn sound_alone_is_named() {
    let clips = Clips::new();
    for name in ["a.mp4", "a.mkv"] {
        let path = clips.make(name, "-f lavfi -i sine=d=1 -c:a aac");
        assert_eq!(
            refused(&clips, &path),
            "the file holds no video track, only sound"
        );
    }
}

#[test]
fn a_video_in_another_codec_is_named() {
    let clips = Clips::new();
    let path = clips.make("a.avi", "-f lavfi -i testsrc2=s=192x108:d=0.5 -c:v huffyuv");
    assert!(refused(&clips, &path).starts_with("videos in huffyuv are not supported"));
}

#[test]
fn a_track_that_lies_elsewhere_is_named() {
    let clips = Clips::new();
    let path = clips.make("a.mov", PICTURE);
    let mut bytes = std::fs::read(&path).unwrap();
    // The entry that says that the media are in this very file: clear the flag.
    let position = bytes.windows(4).position(|word| word == b"dref").unwrap();
    let entry = position + 4 + 8;
    assert_eq!(bytes[entry + 8..entry + 12], [0, 0, 0, 1]);
    bytes[entry + 11] = 0;
    let reason = refused(&clips, &clips.write("elsewhere.mov", &bytes));
    assert!(
        reason.starts_with("the file refers to media outside of itself"),
        "{reason}"
    );
}

#[test]
fn limits_hold_before_anything_is_decoded() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", PICTURE);
    let limits = VideoLimits::default();
    let cases = [
        (
            VideoLimits {
                side_pixels_max: 150,
                ..limits
            },
            "the video is 192x108 pixels; the limits are 150 pixels a side",
        ),
        (
            VideoLimits {
                frame_pixels_max: 10_000,
                ..limits
            },
            "the video is 192x108 pixels",
        ),
        (
            VideoLimits {
                frames_max: 29,
                ..limits
            },
            "the video has more than 29 frames",
        ),
        (
            VideoLimits {
                duration_s_max: 0,
                ..limits
            },
            "the video lasts longer than 0 seconds",
        ),
        (
            VideoLimits {
                tracks_max: 0,
                ..limits
            },
            "the file has more than 0 tracks",
        ),
    ];
    for (limits, reason) in cases {
        let error = refused_with(&clips, &path, limits);
        assert!(error.to_string().starts_with(reason), "{error}");
    }
}

#[test]
fn huge_black_frames_are_refused_whatever_the_container_says() {
    let clips = Clips::new();
    let path = clips.make(
        "bomb.mp4",
        "-f lavfi -i color=black:s=12000x6000:r=1:d=1 -c:v libx264 -preset ultrafast -x264-params threads=1 -pix_fmt yuv420p",
    );
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(refused(&clips, &path).starts_with("the video is 12000x6000 pixels"));
    // The sample entry and the track header claim a small size; the stream itself knows better.
    let entry = bytes.windows(4).position(|word| word == b"avc1").unwrap();
    let entry = bytes[entry + 4..]
        .windows(4)
        .position(|word| word == b"avc1")
        .map_or(entry, |next| entry + 4 + next);
    bytes[entry + 28..entry + 32].copy_from_slice(&[0, 192, 0, 108]);
    let liar = clips.write("liar.mp4", &bytes);
    let reason = refused(&clips, &liar);
    assert!(
        reason.starts_with("the video is 12000x6000") || reason.starts_with("no frame of the video"),
        "{reason}"
    );
}

#[test]
fn a_size_that_changes_midway_is_named() {
    let clips = Clips::new();
    let mut stream = vec![];
    for (name, size) in [("a.h264", "192x108"), ("b.h264", "160x120")] {
        let path = clips.make(
            name,
            &format!(
                "-f lavfi -i testsrc2=s={size}:r=30:d=1 -c:v libx264 -preset veryfast -bf 0 -pix_fmt yuv420p"
            ),
        );
        stream.extend(std::fs::read(path).unwrap());
    }
    clips.write("both.h264", &stream);
    let path = clips.make("both.mkv", "-fflags +genpts -f h264 -r 30 -i both.h264 -c copy");
    let reason = refused(&clips, &path);
    assert!(
        reason.starts_with("the size or the format of the frames changes after 1.0"),
        "{reason}"
    );
}

#[test]
fn a_truncated_file_is_never_a_silent_success() {
    let clips = Clips::new();
    let encoders = [
        ("a.mp4", "-movflags faststart"),
        ("a.mkv", ""),
        ("a.avi", "-bf 0"),
    ];
    for (name, more) in encoders {
        let path = clips.make(name, &format!("-f lavfi -i testsrc2=s=192x108:r=30:d=3 -c:v libx264 -preset veryfast -g 15 -pix_fmt yuv420p {more}"));
        let bytes = std::fs::read(&path).unwrap();
        let half = clips.write(&format!("half-{name}"), &bytes[..bytes.len() / 2]);
        let result = clips.path("out");
        let report = anonymized(&half, &result, VideoOptions::default(), |_| vec![]).unwrap();
        assert!((20..80).contains(&report.frames), "{name} {}", report.frames);
        assert_eq!(times(&result).len(), report.frames as usize);
        assert!(
            report.warnings[0].starts_with("the video is damaged"),
            "{name} {:?}",
            report.warnings
        );
        let strict = VideoLimits {
            damaged: Damaged::Fail,
            ..VideoLimits::default()
        };
        let error = refused_with(&clips, &half, strict);
        assert!(
            matches!(error, VideoError::FramesMissing { .. }),
            "{name} {error}"
        );
    }
    let plain = clips.make("end.mp4", PICTURE);
    let bytes = std::fs::read(&plain).unwrap();
    let headless = clips.write("headless.mp4", &bytes[..bytes.len() / 2]);
    let reason = refused(&clips, &headless);
    assert!(reason.starts_with("the MP4 file is damaged"), "{reason}");
}

#[test]
fn frames_that_are_spoilt_are_counted() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mkv",
        "-f lavfi -i testsrc2=s=192x108:r=30:d=2 -c:v libx264 -preset veryfast -g 30 -bf 0 -pix_fmt yuv420p",
    );
    let mut bytes = std::fs::read(&path).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() / 2);
    for byte in bytes[from..to].iter_mut().step_by(37) {
        *byte ^= 0x55;
    }
    let spoilt = clips.write("spoilt.mkv", &bytes);
    let report = anonymized(
        &spoilt,
        &clips.path("out.mkv"),
        VideoOptions::default(),
        |_| vec![],
    )
    .unwrap();
    assert!(
        report
            .warnings
            .iter()
            .any(|text| text.starts_with("the video is damaged")),
        "{:?}",
        report.warnings
    );
}

#[test]
fn a_video_without_key_frames_or_frames_is_named() {
    let clips = Clips::new();
    let path = clips.make(
        "a.h264",
        "-f lavfi -i testsrc2=s=192x108:r=30:d=1 -c:v libx264 -preset veryfast -bf 0 -pix_fmt yuv420p",
    );
    clips.make(
        "keyless.h264",
        &format!("-i {} -c copy -bsf:v noise=drop='key'", path.display()),
    );
    let path = clips.make("empty.mkv", &format!("{PICTURE} -frames:v 1 -bsf:v noise=drop=1"));
    let reason = refused(&clips, &path);
    assert!(
        reason.starts_with("no frame of the video can be decoded") || reason.contains("damaged"),
        "{reason}"
    );
}

#[test]
fn an_absurd_duration_is_named() {
    let clips = Clips::new();
    let path = clips.make("long.mkv", &format!("{PICTURE} -vf setpts=PTS*100000"));
    assert_eq!(
        refused(&clips, &path),
        "the video lasts longer than 14400 seconds, which is the limit"
    );
}

/// No byte that is changed may bring the process down or keep it for ever.
#[test]
fn any_damage_ends_in_a_report_or_a_reason() {
    let clips = Clips::new();
    for (name, encoder) in [
        ("a.mp4", "-c:v libx264 -preset veryfast -c:a aac"),
        ("a.avi", "-c:v mpeg4 -c:a mp3"),
        ("a.mkv", "-c:v mjpeg -pix_fmt yuvj420p -c:a flac"),
        (
            "a.webm",
            "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus",
        ),
    ] {
        let path = clips.make(
            name,
            &format!("-f lavfi -i testsrc2=s=64x64:r=10:d=1 -f lavfi -i sine=d=1 -pix_fmt yuv420p {encoder}"),
        );
        let original = std::fs::read(&path).unwrap();
        let mut state = 12_345u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for round in 0..30 {
            let mut bytes = original.clone();
            // Half of the rounds spoil the header alone.
            let reach = if round % 2 == 0 {
                bytes.len()
            } else {
                bytes.len().min(1500)
            };
            for _ in 0..1 + round / 3 {
                let place = next() % reach;
                bytes[place] = next().to_le_bytes()[0];
            }
            let spoilt = clips.write("spoilt", &bytes);
            if let Err(error) = anonymized(&spoilt, &clips.path("out"), VideoOptions::default(), |_| vec![]) {
                assert_ne!(error.class(), FailureClass::Internal, "{name} {round} {error:?}");
            }
        }
    }
}
