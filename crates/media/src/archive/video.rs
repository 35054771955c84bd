//! A video in an archive: the one place where archives touch videos.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sfumato_core::detection::SCHEMA;
use sfumato_media_client::protocol::{Document, Failure, Goal, Hidden, Report, Task, Timings};

use super::At;
use crate::log;
use crate::video::{self, Look, TrackReport, VideoError, VideoOptions, VideoReport, VideoTask};
use crate::work::Find;

/// The size of the frames that the finder is asked about: it scales what is larger.
const COMMON_SIZE: (u32, u32) = (1920, 1080);

/// Hides what the finder finds in the video in the first spare. The result goes into the second one, the detections
/// document into the first one, over the original, which nobody needs then.
///
/// # Errors
/// A [`Failure`] whose message is for the customer.
pub(super) fn anonymize(
    finder: &mut dyn Find,
    task: &Task,
    spares: &[Arc<File>; 2],
    threads: NonZeroU32,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Report, Failure> {
    run(finder, task, spares, threads, on_progress).map_err(|error| {
        if let VideoError::Internal { detail } = &error {
            log::line(format_args!("error: {detail}"));
        }
        Failure::from(error)
    })
}

fn run(
    finder: &mut dyn Find,
    task: &Task,
    [original, result]: &[Arc<File>; 2],
    threads: NonZeroU32,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Report, VideoError> {
    let asked = task.options.video;
    let output = match task.goal {
        Goal::Anonymize => Some(result.try_clone().map_err(VideoError::Write)?),
        Goal::Detect => None,
    };
    let video = VideoTask {
        input: original.try_clone().map_err(VideoError::Read)?,
        output,
        options: &task.options,
        video: VideoOptions {
            audio: asked.audio,
            subtitles: asked.subtitles,
            codec: asked.codec,
            quality: asked.quality,
            look_side_px: finder.long_side_px(COMMON_SIZE),
            threads,
            ..VideoOptions::default()
        },
        limits: task.limits.video,
        seed: task.seed,
    };
    let mut find = |look: Look<'_>| {
        let found = finder.find(look.rgb, look.size, look.shown)?;
        Ok(found.detections)
    };
    let report = video::anonymize(video, &mut find, on_progress)?;
    let bytes = write_document(&report, original).map_err(VideoError::Write)?;
    let mut hidden = Hidden::default();
    for track in &report.tracks {
        if track.boxes.iter().any(|tracked| tracked.hidden) {
            hidden.add(track.class);
        }
    }
    let milliseconds = |time: Duration| time.as_secs_f32() * 1000.0;
    Ok(Report {
        format: report.container.format(),
        bytes: report.bytes,
        hidden,
        document: Document::Written { bytes },
        warnings: report.warnings,
        timings: Timings {
            decode_ms: milliseconds(report.timings.decode),
            resize_ms: milliseconds(report.timings.preview),
            inference_ms: milliseconds(report.timings.inference),
            mask_ms: milliseconds(report.timings.mask),
            encode_ms: milliseconds(report.timings.encode),
        },
    })
}

fn write_document(report: &VideoReport, file: &File) -> io::Result<u64> {
    let tracks: Vec<_> = report
        .tracks
        .iter()
        .map(|track| documented(track, report.shown))
        .collect();
    let document = json!({
        "schema": SCHEMA,
        "video": {
            "width": report.shown.0,
            "height": report.shown.1,
            "format": report.container.format(),
            "orientation": report.orientation,
            "frames": report.frames,
            "duration_s": report.duration_s,
        },
        "tracks": tracks,
    });
    let mut output = BufWriter::new(At::new(file));
    serde_json::to_writer(&mut output, &document)?;
    output.flush()?;
    Ok(output.get_ref().position())
}

fn documented(track: &TrackReport, (width, height): (u32, u32)) -> serde_json::Value {
    let boxes = track.boxes.iter().map(|tracked| {
        let bbox = tracked.bbox.clipped(width, height);
        json!({
            "frame": tracked.frame,
            "box": { "x": bbox.left, "y": bbox.top, "width": bbox.width(), "height": bbox.height() },
            "hidden": tracked.hidden,
        })
    });
    json!({
        "id": track.number,
        "class": track.class,
        "model": track.model,
        "confidence": track.confidence,
        "boxes": boxes.collect::<Vec<_>>(),
    })
}
