//! Clips to work on, made by the ffmpeg program, and what ffprobe says of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::{Mask, MaskStyle, Profile};
use sfumato_media::PictureError;
use sfumato_media::video::{
    Finder, Look, Seen, TrackPiece, VideoError, VideoLimits, VideoOptions, VideoReport, VideoTask, anonymize,
};
use tempfile::TempDir;

/// The colour that [`find_magenta`] takes for a face.
const MAGENTA: [u8; 3] = [255, 0, 255];

/// A folder for the clips of one test.
pub(crate) struct Clips {
    dir: TempDir,
}

impl Clips {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a clip: what stands between `ffmpeg` and the name of the file.
    pub(crate) fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        let mut words: Vec<String> = ["-v", "error", "-y"].map(str::to_owned).to_vec();
        words.extend(arguments.split_whitespace().map(str::to_owned));
        words.push(path.to_str().unwrap().to_owned());
        run("ffmpeg", &words, &[self.dir.path()]);
        path
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn run(program: &str, words: &[String], dir: &[&Path]) -> Output {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests make clips and look at results with programs of their own"
    )]
    let mut command = Command::new(program);
    if let [dir] = dir {
        command.current_dir(dir);
    }
    let output = command
        .args(words)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; run `cargo xtask setup`"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {error}");
    output
}

/// What ffprobe says, one line an entry.
pub(crate) fn probe(path: &Path, arguments: &str) -> Vec<String> {
    let mut words: Vec<String> = ["-v", "error"].map(str::to_owned).to_vec();
    words.extend(arguments.split_whitespace().map(str::to_owned));
    words.extend(["-of", "compact=p=0:nk=0"].map(str::to_owned));
    words.push(path.to_str().unwrap().to_owned());
    let output = run("ffprobe", &words, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.trim_matches('|').to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// When each frame of the first video track is displayed, in seconds.
pub(crate) fn times(path: &Path) -> Vec<String> {
    probe(
        path,
        "-select_streams v:0 -show_entries frame=best_effort_timestamp_time",
    )
    .into_iter()
    .map(|line| line.split('|').next().unwrap().to_owned())
    .collect()
}

/// Time stamps and hashes of all packets of the tracks of a kind (`a` or `s`).
pub(crate) fn packets(path: &Path, kind: &str) -> Vec<String> {
    let entries =
        "-show_packets -show_data_hash md5 -show_entries packet=stream_index,pts_time,size,data_hash";
    let mut packets = probe(path, &format!("-select_streams {kind} {entries}"));
    // Packets of different tracks may be interleaved in another way.
    packets.sort_by_key(|line| {
        line.split('|')
            .find(|field| field.starts_with("stream_index"))
            .map(str::to_owned)
    });
    packets
}

/// What does not change with the encoder, of the first video track.
pub(crate) fn nature(path: &Path) -> Vec<String> {
    probe(
        path,
        "-select_streams v:0 -show_entries stream=width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,\
         color_transfer,color_primaries,field_order,avg_frame_rate,start_time:stream_tags=language\
         :stream_side_data=rotation,red_x,green_y,white_point_x,max_luminance,min_luminance,max_content,max_average",
    )
}

/// All frames in RGB, and width and height as displayed.
pub(crate) fn pixels(path: &Path) -> (Vec<Vec<u8>>, usize, usize) {
    let output = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0:v:0",
            "-vsync",
            "passthrough",
        ]
        .into_iter()
        .chain(["-pix_fmt", "rgb24", "-f", "image2pipe", "-c:v", "ppm", "-"])
        .map(str::to_owned)
        .collect::<Vec<_>>(),
        &[],
    );
    let mut frames = vec![];
    let mut size = (0, 0);
    let mut rest = &output.stdout[..];
    while !rest.is_empty() {
        // `P6\n<width> <height>\n255\n` and the pixels.
        let mut ends = rest
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(i, _)| i);
        let (first, second, third) = (ends.next().unwrap(), ends.next().unwrap(), ends.next().unwrap());
        let text = std::str::from_utf8(&rest[first + 1..second]).unwrap();
        let (width, height) = text.split_once(' ').unwrap();
        size = (width.parse().unwrap(), height.parse().unwrap());
        let end = third + 1 + size.0 * size.1 * 3;
        frames.push(rest[third + 1..end].to_vec());
        rest = &rest[end..];
    }
    (frames, size.0, size.1)
}

/// The sound in mono, 48,000 samples a second.
pub(crate) fn samples(path: &Path) -> Vec<i16> {
    let words = [
        "-v",
        "error",
        "-i",
        path.to_str().unwrap(),
        "-ac",
        "1",
        "-ar",
        "48000",
        "-f",
        "s16le",
        "-",
    ];
    let output = run("ffmpeg", &words.map(str::to_owned), &[]);
    output
        .stdout
        .chunks_exact(2)
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
        .collect()
}

/// Whether a pixel looks like [`MAGENTA`], however it was encoded.
pub(crate) fn is_magenta(pixel: &[u8]) -> bool {
    pixel
        .iter()
        .zip(MAGENTA)
        .all(|(value, wanted)| value.abs_diff(wanted) < 90)
}

/// The bounding box of all magenta, as a face.
pub(crate) fn find_magenta(look: Look<'_>) -> Vec<Detection> {
    let (width, height) = (look.size.0 as usize, look.size.1 as usize);
    assert_eq!(look.rgb.len(), width * height * 3);
    let mut edges: Option<[usize; 4]> = None;
    for (i, pixel) in look.rgb.chunks_exact(3).enumerate() {
        if is_magenta(pixel) {
            let (x, y) = (i % width, i / width);
            let [left, top, right, bottom] = edges.unwrap_or([x, y, x + 1, y + 1]);
            edges = Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]);
        }
    }
    edges.into_iter().map(face).collect()
}

pub(crate) fn face(edges: [usize; 4]) -> Detection {
    let [left, top, right, bottom] = edges.map(|edge| edge as f32);
    Detection {
        class: Class::Face,
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        confidence: 0.9,
        model: "test".into(),
        corners: None,
    }
}

/// Options by which what is hidden becomes black.
pub(crate) fn black() -> AnonymizeOptions {
    AnonymizeOptions {
        mask: Mask {
            style: MaskStyle::Opaque("#000000".parse().unwrap()),
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    }
}

/// A file to write and read, as children have it.
pub(crate) fn output(path: &Path) -> Arc<File> {
    let mut options = File::options();
    options.create(true).truncate(true).read(true).write(true);
    Arc::new(options.open(path).unwrap())
}

/// What came of a clip.
#[derive(Debug)]
pub(crate) struct Anonymized {
    pub(crate) report: VideoReport,
    /// Each of them whole, by number.
    pub(crate) tracks: Vec<TrackPiece>,
}

impl Deref for Anonymized {
    type Target = VideoReport;

    fn deref(&self) -> &VideoReport {
        &self.report
    }
}

/// Puts tracks together of their pieces.
pub(crate) fn whole(pieces: Vec<TrackPiece>) -> Vec<TrackPiece> {
    let mut tracks: BTreeMap<u32, TrackPiece> = BTreeMap::new();
    for piece in pieces {
        match tracks.get_mut(&piece.number) {
            Some(track) => {
                assert!(track.boxes.last().unwrap().frame < piece.boxes[0].frame);
                assert_eq!((track.class, &track.model), (piece.class, &piece.model));
                track.confidence = track.confidence.max(piece.confidence);
                track.boxes.extend(piece.boxes);
            }
            None => {
                tracks.insert(piece.number, piece);
            }
        }
    }
    tracks.into_values().collect()
}

/// A finder that is sure of all that a function finds.
pub(crate) struct Sure<F>(pub(crate) F);

impl<F: FnMut(Look<'_>) -> Vec<Detection>> Finder for Sure<F> {
    fn long_side_px(&self, _: Profile, _: (u32, u32)) -> u32 {
        1280
    }

    fn find(&mut self, look: Look<'_>) -> Result<Seen, PictureError> {
        Ok(Seen {
            sure: (self.0)(look),
            weak: vec![],
        })
    }
}

/// Anonymizes a clip, with black masks over what `find` finds.
pub(crate) fn anonymized(
    path: &Path,
    result: &Path,
    video: VideoOptions,
    find: impl FnMut(Look<'_>) -> Vec<Detection>,
) -> Result<Anonymized, VideoError> {
    let options = black();
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(result)),
        options: &options,
        video,
        limits: VideoLimits::default(),
        given: None,
        seed: [7; 32],
    };
    let (mut last, mut pieces) = (0.0, vec![]);
    let report = anonymize(
        task,
        &mut Sure(find),
        &mut |piece| {
            pieces.push(piece);
            Ok(())
        },
        &mut |fraction| {
            assert!((last..=1.0).contains(&fraction), "{fraction} after {last}");
            last = fraction;
        },
    )?;
    assert_eq!(last, 1.0);
    assert_eq!(report.bytes, std::fs::metadata(result).unwrap().len());
    let tracks = whole(pieces);
    assert_eq!(report.tracks as usize, tracks.len());
    Ok(Anonymized { report, tracks })
}
