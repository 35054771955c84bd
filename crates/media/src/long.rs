//! Tasks on videos: one a process, whose detections go to a file of their own.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sfumato_core::options::Profile;
use sfumato_detect::DetectorSet;
use sfumato_media_client::protocol::{Document, Failure, Goal, Hidden, Report, Task, Timings};

use crate::anonymize::Finder;
use crate::log;
use crate::video::{self, VideoError, VideoOptions, VideoReport, VideoTask};
use crate::work::Find;

/// The files of a task. They are read and written at explicit positions from 0 on.
#[derive(Debug)]
pub struct Files {
    /// The original.
    pub input: Arc<File>,
    /// The result; empty.
    pub output: Arc<File>,
    /// The detections document; empty.
    pub document: Arc<File>,
}

/// Hides faces and plates in one video, or finds them only, as the task says. `on_progress` hears rising fractions from 0
/// to 1.
///
/// # Errors
/// A [`Failure`] whose message is for the customer. The files may hold a part of a result then.
pub fn video(
    detectors: &mut DetectorSet,
    task: &Task,
    files: Files,
    threads: NonZeroU32,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, Failure> {
    run(detectors, task, files, threads, &mut on_progress).map_err(|error| {
        if let VideoError::Internal { detail } = &error {
            log::line(format_args!("error: {detail}"));
        }
        Failure::from(error)
    })
}

fn run(
    detectors: &mut DetectorSet,
    task: &Task,
    files: Files,
    threads: NonZeroU32,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Report, VideoError> {
    let (looked_as, look_every) = looks(task.options.detection.profile);
    let mut quick = task.clone();
    quick.options.detection.profile = looked_as;
    let mut finder = Finder {
        detectors,
        task: &quick,
    };
    // As large as a picture of a common screen is looked at: the finder scales what is larger.
    let look_side_px = finder.long_side_px((1920, 1080));
    let asked = task.options.video;
    let video = VideoTask {
        input: files.input,
        output: matches!(task.goal, Goal::Anonymize).then_some(files.output),
        options: &task.options,
        video: VideoOptions {
            audio: asked.audio,
            subtitles: asked.subtitles,
            codec: asked.codec,
            quality: asked.quality,
            look_every,
            look_side_px,
            threads,
        },
        limits: task.limits.video,
        seed: task.seed,
    };
    let mut find = |look: video::Look<'_>| {
        let found = finder.find(look.rgb, look.size, look.shown)?;
        Ok(found.detections)
    };
    let report = video::anonymize(video, &mut find, on_progress)?;
    let bytes = write_document(&report, &files.document).map_err(VideoError::Write)?;
    let mut hidden = Hidden::default();
    for track in &report.tracks {
        if track.boxes.iter().any(|tracked| tracked.hidden) {
            hidden.add(track.class);
        }
    }
    let ms = |time: std::time::Duration| time.as_secs_f32() * 1000.0;
    let timings = report.timings;
    Ok(Report {
        format: report.container.format(),
        bytes: report.bytes,
        hidden,
        document: Document::Written { bytes },
        warnings: report.warnings,
        timings: Timings {
            decode_ms: ms(timings.decode),
            resize_ms: ms(timings.preview),
            inference_ms: ms(timings.inference),
            mask_ms: ms(timings.mask),
            encode_ms: ms(timings.encode),
        },
    })
}

/// How a profile looks at videos: as at a picture of which profile, and at every how many frames. What one look misses is
/// found by the next ones, so that quicker looks do than at a picture.
fn looks(profile: Profile) -> (Profile, NonZeroU32) {
    let every = |frames: u32| NonZeroU32::MIN.saturating_add(frames - 1);
    match profile {
        Profile::Fast => (Profile::Fast, every(4)),
        Profile::Balanced => (Profile::Fast, every(2)),
        Profile::Thorough => (Profile::Balanced, every(1)),
    }
}

fn write_document(report: &VideoReport, file: &Arc<File>) -> io::Result<u64> {
    let (width, height) = report.shown;
    let tracks: Vec<_> = report
        .tracks
        .iter()
        .map(|track| {
            let boxes: Vec<_> = track
                .boxes
                .iter()
                .map(|tracked| {
                    let bbox = tracked.bbox.clipped(width, height);
                    serde_json::json!({
                        "frame": tracked.frame,
                        "box": {"x": bbox.left, "y": bbox.top, "width": bbox.width(), "height": bbox.height()},
                        "hidden": tracked.hidden,
                    })
                })
                .collect();
            serde_json::json!({
                "id": track.number,
                "class": track.class,
                "model": track.model,
                "confidence": track.confidence,
                "boxes": boxes,
            })
        })
        .collect();
    let document = serde_json::json!({
        "schema": sfumato_core::detection::SCHEMA,
        "video": {
            "width": width,
            "height": height,
            "format": report.container.format(),
            "orientation": report.orientation,
            "frames": report.frames,
            "duration_s": report.duration_s,
        },
        "tracks": tracks,
    });
    let mut writer = BufWriter::new(At { file, position: 0 });
    serde_json::to_writer(&mut writer, &document)?;
    writer.flush()?;
    Ok(writer.get_ref().position)
}

/// Writes into a file at a position of its own.
struct At<'a> {
    file: &'a File,
    position: u64,
}

impl Write for At<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
