//! Tasks on videos: a process has one video, as a whole or part by part, and its detections go to a file of their own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sfumato_core::detection::given::{GivenDetections, GivenVideo};
use sfumato_detect::DetectorSet;
use sfumato_media_client::protocol::{Document, Failure, Goal, Reply, Report, Task, Timings};

use crate::log;
use crate::positioned::Positioned;
use crate::video::{
    self, Models, SegmentData, SegmentPlan, SegmentTask, TrackLog, VideoError, VideoOptions, VideoReport,
    VideoTask, VideoTimings,
};

/// The files of a process for a video. They are read and written at explicit positions from 0 on.
#[derive(Clone, Debug)]
pub struct Files {
    /// The original.
    pub input: Arc<File>,
    /// The result; empty.
    pub output: Arc<File>,
    /// The detections document; empty.
    pub document: Arc<File>,
    /// What came of the parts of a video, one after the other.
    pub parts: Arc<File>,
    /// What was followed in a video, while it is processed; empty.
    pub tracks: Arc<File>,
}

/// One video while it is worked on.
pub struct Long<'a> {
    /// The models.
    pub detectors: &'a mut DetectorSet,
    /// The files.
    pub files: Files,
    /// Threads of the decoder and of the encoder.
    pub threads: NonZeroU32,
}

/// How a task on a video failed.
enum Trouble {
    Video(VideoError),
    /// The plan cannot be read: it was made by another version.
    Plan,
}

impl From<VideoError> for Trouble {
    fn from(error: VideoError) -> Self {
        Self::Video(error)
    }
}

impl Long<'_> {
    /// Hides faces and plates in the video, or finds them only. `on_progress` hears rising fractions from 0 to 1.
    ///
    /// # Errors
    /// A [`Failure`] whose message is for the customer. The files may hold a part of a result then.
    pub fn whole(&mut self, task: &Task, on_progress: &mut dyn FnMut(f32)) -> Result<Report, Failure> {
        self.run_whole(task, on_progress).map_err(failure)
    }

    /// Says in which parts the video can be processed.
    pub fn plan(&mut self, task: &Task, part_length_s: NonZeroU32) -> Reply {
        let options = self.options(task);
        let input = Arc::clone(&self.files.input);
        let planned = video::plan(input, &options, &task.limits.video, part_length_s);
        if let Some(reason) = planned.as_ref().ok().and_then(SegmentPlan::whole_because) {
            log::line(format_args!("the video is processed as a whole: {reason}"));
        }
        reply(planned.map_err(Trouble::from).and_then(|plan| {
            Ok(Reply::Planned {
                parts: u32::try_from(plan.spans().len()).unwrap_or(u32::MAX),
                plan: serde_json::to_string(&plan).map_err(|_| Trouble::Plan)?,
            })
        }))
    }

    /// Processes one part of the video.
    pub fn part(&mut self, task: &Task, plan: &str, number: u32, on_progress: &mut dyn FnMut(f32)) -> Reply {
        reply(self.run_part(task, plan, number, on_progress))
    }

    /// Makes a result of all parts, whose sizes in bytes are given.
    pub fn join(
        &mut self,
        task: &Task,
        plan: &str,
        parts: &[u64],
        on_progress: &mut dyn FnMut(f32),
    ) -> Reply {
        reply(self.run_join(task, plan, parts, on_progress))
    }

    fn run_whole(&mut self, task: &Task, on_progress: &mut dyn FnMut(f32)) -> Result<Report, VideoError> {
        let video = self.video_task(task);
        let mut tracks = TrackLog::new(Arc::clone(&self.files.tracks));
        let mut find = Models::new(self.detectors, &task.options);
        let report = video::anonymize(video, &mut find, &mut |piece| tracks.add(piece), on_progress)?;
        finish(report, &tracks, &self.files.document)
    }

    fn run_part(
        &mut self,
        task: &Task,
        plan: &str,
        number: u32,
        on_progress: &mut dyn FnMut(f32),
    ) -> Result<Reply, Trouble> {
        let plan = read(plan)?;
        let part = SegmentTask {
            input: Arc::clone(&self.files.input),
            output: Arc::clone(&self.files.output),
            goal: task.goal,
            options: &task.options,
            given: given(task),
            video: self.options(task),
            limits: task.limits.video,
            seed: task.seed,
        };
        let mut find = Models::new(self.detectors, &task.options);
        let number = usize::try_from(number).map_err(|_| Trouble::Plan)?;
        let report = video::segment(part, &plan, number, &mut find, on_progress)?;
        Ok(Reply::Part { bytes: report.bytes })
    }

    fn run_join(
        &mut self,
        task: &Task,
        plan: &str,
        parts: &[u64],
        on_progress: &mut dyn FnMut(f32),
    ) -> Result<Reply, Trouble> {
        let plan = read(plan)?;
        let mut start = 0;
        let parts: Vec<_> = parts
            .iter()
            .map(|&bytes| {
                let part = SegmentData {
                    file: &self.files.parts,
                    start,
                    bytes,
                };
                start = start.saturating_add(bytes);
                part
            })
            .collect();
        let mut tracks = TrackLog::new(Arc::clone(&self.files.tracks));
        let video = self.video_task(task);
        let report = video::join(video, &plan, &parts, &mut |piece| tracks.add(piece), on_progress)?;
        Ok(Reply::Done(finish(report, &tracks, &self.files.document)?))
    }

    fn video_task<'t>(&self, task: &'t Task) -> VideoTask<'t> {
        VideoTask {
            input: Arc::clone(&self.files.input),
            output: matches!(task.goal, Goal::Anonymize).then(|| Arc::clone(&self.files.output)),
            options: &task.options,
            given: given(task),
            video: self.options(task),
            limits: task.limits.video,
            seed: task.seed,
        }
    }

    fn options(&self, task: &Task) -> VideoOptions {
        let asked = task.options.video;
        VideoOptions {
            audio: asked.audio,
            subtitles: asked.subtitles,
            codec: asked.codec,
            quality: asked.quality,
            threads: self.threads,
        }
    }
}

/// What is to be hidden in the video, where that was given.
fn given(task: &Task) -> Option<&GivenVideo> {
    task.given.as_ref().and_then(GivenDetections::video)
}

fn read(plan: &str) -> Result<SegmentPlan, Trouble> {
    serde_json::from_str(plan).map_err(|_| Trouble::Plan)
}

/// Writes the document, and says what came of the video.
fn finish(report: VideoReport, tracks: &TrackLog, document: &File) -> Result<Report, VideoError> {
    let mut writer = BufWriter::with_capacity(1 << 18, Positioned::new(document));
    tracks.write_document(&report, &mut writer)?;
    writer.flush().map_err(VideoError::Write)?;
    let bytes = writer.get_ref().position();
    Ok(Report {
        format: report.container.format(),
        bytes: report.bytes,
        hidden: report.hidden,
        document: Document::Written { bytes },
        warnings: report.warnings,
        timings: timings(report.timings),
    })
}

fn timings(timings: VideoTimings) -> Timings {
    let ms = |time: Duration| time.as_secs_f32() * 1000.0;
    Timings {
        decode_ms: ms(timings.decode),
        resize_ms: ms(timings.preview),
        inference_ms: ms(timings.inference),
        mask_ms: ms(timings.mask),
        encode_ms: ms(timings.encode),
    }
}

fn reply(outcome: Result<Reply, Trouble>) -> Reply {
    match outcome {
        Ok(reply) => reply,
        Err(Trouble::Plan) => Reply::PlanDoesNotHold,
        Err(Trouble::Video(VideoError::PlanDoesNotHold { detail })) => {
            log::line(format_args!("the plan does not hold: {detail}"));
            Reply::PlanDoesNotHold
        }
        Err(Trouble::Video(error)) => Reply::Failed(failure(error)),
    }
}

fn failure(error: VideoError) -> Failure {
    if let VideoError::Internal { detail } = &error {
        log::line(format_args!("error: {detail}"));
    }
    Failure::from(error)
}
