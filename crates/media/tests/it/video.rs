//! Awkward videos come out with every frame, every time stamp and every packet of sound that they had.

use std::path::Path;

use sfumato_media::video::{Audio, Container, Subtitles, VideoCodec, VideoOptions};

use crate::video_support::{Clips, anonymized, face, nature, packets, probe, samples, times};

/// A second of a test picture, 30 frames, and two tracks of sound to choose from.
const PICTURE: &str = "-f lavfi -i testsrc2=s=192x108:r=30:d=1";
const SOUND: &str = "-f lavfi -i sine=f=440:r=48000:d=1";

/// Anonymizes a clip with a mask in the middle, and compares what has to be the same.
fn check(clips: &Clips, path: &Path) -> std::path::PathBuf {
    let result = clips.path(&format!("out-{}", path.file_name().unwrap().to_str().unwrap()));
    let report = anonymized(path, &result, VideoOptions::default(), |_| {
        vec![face([40, 30, 80, 70])]
    })
    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (expected, actual) = (times(path), times(&result));
    assert!(expected.len() >= 5, "{expected:?}");
    assert_eq!(actual.len(), expected.len(), "{}", path.display());
    for (expected, actual) in expected.iter().zip(&actual) {
        // Where AVI has B-frames, ffprobe does not know when the last one is displayed.
        assert!(
            expected == actual || expected.ends_with("N/A"),
            "{} {expected} {actual}",
            path.display()
        );
    }
    assert_eq!(report.frames as usize, expected.len());
    assert_eq!(packets(&result, "a"), packets(path, "a"), "{}", path.display());
    assert_eq!(report.warnings, Vec::<String>::new(), "{}", path.display());
    result
}

fn check_nature(clips: &Clips, path: &Path) -> std::path::PathBuf {
    let result = check(clips, path);
    assert_eq!(nature(&result), nature(path), "{}", path.display());
    result
}

fn codec(path: &Path) -> String {
    probe(path, "-select_streams v:0 -show_entries stream=codec_name").remove(0)
}

#[test]
fn h264_with_sound_in_mp4_mov_and_mkv() {
    let clips = Clips::new();
    for name in ["a.mp4", "a.mov", "a.mkv"] {
        let path = clips.make(
            name,
            &format!("{PICTURE} {SOUND} -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac"),
        );
        let result = check_nature(&clips, &path);
        assert_eq!(codec(&result), "codec_name=h264");
    }
}

#[test]
fn a_variable_frame_rate() {
    let clips = Clips::new();
    for name in ["vfr.mp4", "vfr.mkv"] {
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} {SOUND} -vf setpts='(N+0.4*mod(N\\,3))/30/TB' -vsync passthrough -enc_time_base 1:90000 -c:v libx264 -preset veryfast -c:a aac"
            ),
        );
        check(&clips, &path);
    }
}

#[test]
fn a_rotated_video() {
    let clips = Clips::new();
    let plain = clips.make(
        "plain.mp4",
        &format!("{PICTURE} {SOUND} -c:v libx264 -preset veryfast -c:a aac"),
    );
    let path = clips.make(
        "rotated.mov",
        &format!("-i {} -c copy -metadata:s:v:0 rotate=90", plain.display()),
    );
    let mut shown = None;
    let result = clips.path("out.mov");
    let report = anonymized(&path, &result, VideoOptions::default(), |look| {
        shown = Some((look.size, look.shown));
        vec![]
    })
    .unwrap();
    assert_eq!(shown, Some(((108, 192), (108, 192))));
    assert_eq!(report.shown, (108, 192));
    assert!(nature(&path)[0].contains("rotation="), "{:?}", nature(&path));
    check_nature(&clips, &path);
}

#[test]
fn an_edit_list_that_cuts_into_a_group_of_pictures() {
    let clips = Clips::new();
    let plain = clips.make(
        "plain.mp4",
        &format!("{PICTURE} {SOUND} -c:v libx264 -preset veryfast -bf 2 -c:a aac"),
    );
    let path = clips.make("cut.mp4", &format!("-ss 0.4 -i {} -c copy", plain.display()));
    check_nature(&clips, &path);
}

#[test]
fn a_video_that_begins_after_its_sound() {
    let clips = Clips::new();
    for name in ["late.mp4", "late.mkv"] {
        let path = clips.make(
            name,
            &format!("-itsoffset 0.517 {PICTURE} {SOUND} -c:v libx264 -preset veryfast -c:a aac"),
        );
        check_nature(&clips, &path);
    }
}

#[test]
fn ten_bits_and_full_chroma() {
    let clips = Clips::new();
    for format in ["yuv420p10le", "yuv422p10le", "yuv444p", "yuv422p"] {
        let path = clips.make(
            "deep.mp4",
            &format!("{PICTURE} -c:v libx264 -preset veryfast -pix_fmt {format}"),
        );
        let result = check_nature(&clips, &path);
        assert!(nature(&result)[0].contains(&format!("pix_fmt={format}")));
    }
}

#[test]
fn hevc_with_ten_bits_and_a_bright_display() {
    let clips = Clips::new();
    let colors = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let display = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400";
    for name in ["hdr.mp4", "hdr.mkv"] {
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 {colors} -x265-params log-level=none:{display}"
            ),
        );
        let result = check(&clips, &path);
        assert_eq!(codec(&result), "codec_name=hevc");
        let display = |path: &Path| {
            let lines = probe(
                path,
                "-select_streams v:0 -read_intervals %+#1 -show_frames -show_entries frame=pix_fmt,color_transfer,color_primaries\
                 :frame_side_data=red_x,green_y,white_point_x,max_luminance,min_luminance,max_content,max_average",
            );
            lines.concat()
        };
        assert!(display(&path).contains("max_content=1000"), "{}", display(&path));
        assert_eq!(display(&result), display(&path));
    }
}

#[test]
fn hybrid_log_gamma() {
    let clips = Clips::new();
    let path = clips.make(
        "hlg.mov",
        &format!(
            "{PICTURE} {SOUND} -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -color_range tv -x265-params log-level=none -c:a aac"
        ),
    );
    let result = check_nature(&clips, &path);
    assert!(nature(&result)[0].contains("arib-std-b67"));
}

#[test]
fn interlaced_video() {
    let clips = Clips::new();
    for (name, first) in [("tff.mp4", "1"), ("bff.mkv", "0")] {
        let order = if first == "1" { "tff" } else { "bff" };
        let path = clips.make(
            name,
            &format!(
                "{PICTURE} -vf tinterlace=interleave_{} -c:v libx264 -preset veryfast -flags +ildct+ilme -x264-params {order}=1",
                if first == "1" { "top" } else { "bottom" }
            ),
        );
        let result = check(&clips, &path);
        let fields = |path: &Path| {
            probe(
                path,
                "-select_streams v:0 -show_entries frame=interlaced_frame,top_field_first",
            )
            .into_iter()
            .map(|line| line.split("|side").next().unwrap().to_owned())
            .collect::<Vec<_>>()
        };
        assert!(fields(&path)[0].contains("interlaced_frame=1"));
        assert_eq!(fields(&result), fields(&path));
    }
}

#[test]
fn two_languages_and_subtitles() {
    let clips = Clips::new();
    clips.write("names.srt", b"1\n00:00:00,100 --> 00:00:00,900\nAnna speaks\n");
    let path = clips.make(
        "tracks.mkv",
        &format!(
            "{PICTURE} {SOUND} -f lavfi -i anoisesrc=r=44100:d=1 -i names.srt -map 0 -map 1 -map 2 -map 3 -c:v libx264 -preset veryfast -c:a:0 aac -c:a:1 flac -c:s srt -metadata:s:a:0 language=deu -metadata:s:a:1 language=fra -metadata:s:a:0 title=Anna -metadata title=Anna -metadata location=+48.1+11.5/"
        ),
    );
    let result = check(&clips, &path);
    assert_eq!(packets(&result, "s"), Vec::<String>::new());
    let languages = probe(&result, "-select_streams a -show_entries stream_tags=language");
    assert_eq!(languages, ["tag:language=deu", "tag:language=fra"]);
    let bytes = std::fs::read(&result).unwrap();
    assert!(!crate::support::holds(&bytes, "Anna") && !crate::support::holds(&bytes, "+48.1"));

    let kept = VideoOptions {
        subtitles: Subtitles::Keep,
        ..VideoOptions::default()
    };
    anonymized(&path, &result, kept, |_| vec![]).unwrap();
    let texts = packets(&result, "s");
    assert_eq!(texts, packets(&path, "s"));
    assert_eq!(texts.len(), 1);
}

#[test]
fn avi_with_mpeg_4_mjpeg_and_h264() {
    let clips = Clips::new();
    let codecs = [
        "mpeg4 -bf 0 -qscale:v 4",
        "mpeg4 -bf 2 -qscale:v 4",
        "mjpeg -pix_fmt yuvj420p -qscale:v 4",
        "mjpeg -pix_fmt yuvj422p -qscale:v 4",
        "libx264 -preset veryfast -bf 0",
    ];
    for codec in codecs {
        let path = clips.make("old.avi", &format!("{PICTURE} {SOUND} -c:v {codec} -c:a mp3"));
        let result = check(&clips, &path);
        assert_eq!(self::codec(&result), "codec_name=h264", "{codec}");
    }
}

#[test]
fn sides_that_are_odd_and_pixels_that_are_not_square() {
    let clips = Clips::new();
    let path = clips.make(
        "odd.mp4",
        "-f lavfi -i testsrc2=s=194x108:r=25:d=1 -vf format=yuv444p,crop=193:107,setsar=4/3 -c:v libx264 -preset veryfast",
    );
    check_nature(&clips, &path);
    let mut seen = None;
    let result = clips.path("odd-out.mp4");
    anonymized(&path, &result, VideoOptions::default(), |look| {
        seen = Some(look.size);
        vec![]
    })
    .unwrap();
    assert_eq!(seen, Some((257, 107)), "as wide as it is displayed");
    // WEBM keeps such sides with chroma of half the size too; H.264 has none, and gets a pixel more.
    let odd = "-f lavfi -i testsrc2=s=194x108:r=25:d=1 -vf format=yuv444p,crop=193:107,format=yuv420p";
    let path = clips.make(
        "odd.webm",
        &format!("{odd} -c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
    );
    let result = check(&clips, &path);
    assert!(nature(&result)[0].contains("width=193|height=107"));
    let path = clips.make("odd.avi", &format!("{odd} -c:v mpeg4 -qscale:v 3"));
    let result = clips.path("odd-out.avi");
    let report = anonymized(&path, &result, VideoOptions::default(), |_| vec![]).unwrap();
    assert!(
        report.warnings[0].starts_with("the result is 194x108 pixels"),
        "{:?}",
        report.warnings
    );
    assert!(nature(&result)[0].contains("width=194|height=108"));
}

#[test]
fn webm_stays_webm() {
    let clips = Clips::new();
    for (encoder, name) in [
        ("libvpx -auto-alt-ref 1 -lag-in-frames 16", "vp8"),
        ("libvpx-vp9", "vp9"),
    ] {
        let path = clips.make(
            &format!("{name}.webm"),
            &format!("{PICTURE} {SOUND} -c:v {encoder} -b:v 500k -deadline good -cpu-used 8 -pix_fmt yuv420p -c:a libopus"),
        );
        let result = check(&clips, &path);
        assert_eq!(codec(&result), format!("codec_name={name}"));
        assert!(
            std::fs::read(&result).unwrap()[..64]
                .windows(4)
                .any(|word| word == b"webm")
        );
    }
}

#[test]
fn prores_and_av1() {
    let clips = Clips::new();
    let path = clips.make(
        "edit.mov",
        &format!("{PICTURE} {SOUND} -c:v prores_ks -profile:v 2 -pix_fmt yuv422p10le -c:a pcm_s16le"),
    );
    let result = check(&clips, &path);
    assert!(nature(&result)[0].contains("pix_fmt=yuv422p10le"));
    let path = clips.make(
        "new.mp4",
        &format!("{PICTURE} -c:v libsvtav1 -preset 12 -pix_fmt yuv420p"),
    );
    let result = check(&clips, &path);
    assert_eq!(codec(&result), "codec_name=h264");
}

#[test]
fn chapters_pictures_and_data_are_left_out() {
    let clips = Clips::new();
    clips.write(
        "chapters.txt",
        b";FFMETADATA1\ncreation_time=2021-01-01T00:00:00Z\nmake=Acme\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=Anna\n",
    );
    clips.make("cover.png", "-f lavfi -i testsrc2=s=64x64:d=1 -frames:v 1");
    let path = clips.make(
        "phone.mp4",
        &format!(
            "{PICTURE} {SOUND} -i chapters.txt -i cover.png -map 0 -map 1 -map 3 -map_metadata 2 -map_chapters 2 -c:v:0 libx264 -preset veryfast -c:a aac -c:v:1 copy -disposition:v:1 attached_pic -timecode 01:00:00:00 -metadata location=+48.1+11.5/"
        ),
    );
    let result = check(&clips, &path);
    assert_eq!(probe(&result, "-show_chapters"), Vec::<String>::new());
    let kinds = probe(&result, "-show_entries stream=codec_type");
    assert_eq!(kinds, ["codec_type=video", "codec_type=audio"]);
    let bytes = std::fs::read(&result).unwrap();
    for text in ["Anna", "Acme", "+48.1", "Lavf", "2021"] {
        assert!(!crate::support::holds(&bytes, text), "{text}");
    }
    assert!(
        bytes.windows(4).position(|word| word == b"moov") < bytes.windows(4).position(|word| word == b"mdat")
    );
}

#[test]
fn sound_is_left_out_on_request() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mp4",
        &format!("{PICTURE} {SOUND} -c:v libx264 -preset veryfast -c:a aac"),
    );
    let result = clips.path("out.mp4");
    let strip = VideoOptions {
        audio: Audio::Strip,
        ..VideoOptions::default()
    };
    let report = anonymized(&path, &result, strip, |_| vec![]).unwrap();
    assert_eq!(report.container, Container::Mp4);
    assert_eq!(
        probe(&result, "-show_entries stream=codec_type"),
        ["codec_type=video"]
    );
    assert_eq!(times(&result), times(&path));
}

#[test]
fn another_codec_on_request() {
    let clips = Clips::new();
    let path = clips.make("a.mp4", &format!("{PICTURE} -c:v libx264 -preset veryfast"));
    let result = clips.path("out.mp4");
    let hevc = VideoOptions {
        codec: VideoCodec::Hevc,
        ..VideoOptions::default()
    };
    anonymized(&path, &result, hevc, |_| vec![]).unwrap();
    assert_eq!(codec(&result), "codec_name=hevc");
    assert_eq!(times(&result), times(&path));
    let webm = clips.make(
        "a.webm",
        &format!("{PICTURE} -c:v libvpx -deadline realtime -cpu-used 8"),
    );
    let error = anonymized(&webm, &result, hevc, |_| vec![]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "WEBM files cannot hold HEVC; leave the codec as it is"
    );
}

#[test]
fn sound_is_silent_on_request_and_as_long_as_before() {
    let clips = Clips::new();
    let cases = [
        ("a.mp4", "-c:v libx264 -preset veryfast -c:a aac"),
        (
            "a.webm",
            "-c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus",
        ),
        ("a.mov", "-c:v libx264 -preset veryfast -c:a pcm_s16le"),
        ("a.avi", "-c:v mpeg4 -c:a mp3"),
    ];
    for (name, codecs) in cases {
        let path = clips.make(name, &format!("{PICTURE} {SOUND} -pix_fmt yuv420p {codecs}"));
        let result = clips.path(&format!("out-{name}"));
        let mute = VideoOptions {
            audio: Audio::Mute,
            ..VideoOptions::default()
        };
        anonymized(&path, &result, mute, |_| vec![]).unwrap();
        assert_eq!(times(&result), times(&path), "{name}");
        let (before, after) = (samples(&path), samples(&result));
        let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest(&before) > 1000, "{name}");
        assert!(loudest(&after) <= 2, "{name} {}", loudest(&after));
        let off = before.len().abs_diff(after.len());
        assert!(off <= 2 * 1152, "{name} {} {}", before.len(), after.len());
    }
}
