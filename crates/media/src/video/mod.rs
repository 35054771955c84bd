//! Videos: the tracks of a container, the frames of one of them.
//!
//! libav runs in this process and gets two descriptors and nothing else. Three threads work at the same time, with short
//! queues between them: the first reads and decodes, the second looks and follows, the third masks, encodes and writes.
//! Between the second and the third a window of frames waits, because a box depends on what comes after it.
//!
//! What is kept: frames and their time stamps, rotation, colours, depth, field order, aspect, brightness of the display;
//! sound, packet by packet. What is left out: places, devices, names, chapters, cover art, attachments and data.

mod box_bytes;
mod boxes;
mod colors;
mod container;
mod convert;
mod decode;
mod encode;
mod error;
mod finder;
mod given;
mod io;
mod join;
mod look;
mod mask_yuv;
mod options;
mod packet_marks;
mod pipeline;
mod plan;
mod planes;
mod preview;
mod previews;
mod random_access;
mod recording;
mod report;
mod scene;
mod seam;
mod segment;
mod segment_file;
mod side_data;
mod silence;
mod sink;
mod source;
mod track_log;
mod tracks;
mod write;

use std::fs::File;
use std::num::NonZeroU32;
use std::sync::Arc;

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::given::GivenVideo;
use sfumato_core::options::Profile;

use crate::error::PictureError;
pub use crate::track::Seen;
pub use container::Container;
pub use error::VideoError;
pub use finder::Models;
pub use options::{Audio, Damaged, Quality, Subtitles, VideoCodec, VideoLimits, VideoOptions};
pub use plan::{SegmentPlan, Span};
pub use recording::Recording;
pub use report::{Origin, SegmentReport, TrackPiece, TrackedBox, VideoReport, VideoTimings};
pub use segment_file::SegmentData;
pub use sfumato_media_client::protocol::Goal;
pub use track_log::TrackLog;
pub use tracks::OnTrack;

/// A frame as the finder sees it: upright, in RGB with 8 bits, with square pixels, and as a rule smaller than displayed.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Three bytes a pixel, row by row.
    pub rgb: &'a [u8],
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Width and height in pixels of the frame as displayed.
    pub shown: (u32, u32),
    /// How hard is looked: which models look at this frame, how often and how closely. This is not the profile that was
    /// asked for, which says what is made of all frames together.
    pub profile: Profile,
}

/// Finds faces and plates in frames.
pub trait Finder {
    /// The length in pixels that the long side of the copy of a frame has to have for a look, so that nothing is missed for
    /// want of pixels. `shown` is the size of the frame as displayed; no copy is larger than the frame.
    fn long_side_px(&self, profile: Profile, shown: (u32, u32)) -> u32;

    /// Looks at a frame. Boxes are in pixels of what it is given.
    ///
    /// # Errors
    /// Whatever keeps it from looking; it ends the work on the video.
    fn find(&mut self, look: Look<'_>) -> Result<Seen, PictureError>;
}

/// Finds faces and plates.
pub type FindInFrame<'a> = dyn Finder + 'a;

/// What is to be done with one video.
#[derive(Debug)]
pub struct VideoTask<'a> {
    /// The original, which is read at explicit positions from 0 on.
    pub input: Arc<File>,
    /// The result, which is written at explicit positions from 0 on, and has to be empty; `None` to find only. Where it can
    /// be read too, the index of MP4 and MOV is moved to the front.
    pub output: Option<Arc<File>>,
    /// What is hidden, and how.
    pub options: &'a AnonymizeOptions,
    /// What is to be hidden, instead of what is found; nobody looks then, and areas of the options do not count.
    pub given: Option<&'a GivenVideo>,
    /// What else is asked for.
    pub video: VideoOptions,
    /// What a video may be at most.
    pub limits: VideoLimits,
    /// Seeds the noise of the masks. Must not be known to the outside.
    pub seed: [u8; 32],
}

/// What is to be done with one part of a video.
#[derive(Debug)]
pub struct SegmentTask<'a> {
    /// The original, which is read at explicit positions from 0 on.
    pub input: Arc<File>,
    /// What came of the part, in a form of our own, which is written at explicit positions from 0 on, and has to be empty.
    pub output: Arc<File>,
    /// Whether there is to be a video in the end.
    pub goal: Goal,
    /// What is hidden, and how.
    pub options: &'a AnonymizeOptions,
    /// What is to be hidden, instead of what is found; nobody looks then, and areas of the options do not count.
    pub given: Option<&'a GivenVideo>,
    /// What else is asked for.
    pub video: VideoOptions,
    /// What a video may be at most.
    pub limits: VideoLimits,
    /// Seeds the noise of the masks: the same for all parts. Must not be known to the outside.
    pub seed: [u8; 32],
}

/// Hides what `find` finds in a video, in all frames that it is in. `on_track` gets what was followed, piece by piece (see
/// [`TrackLog`]), and `on_progress` hears rising fractions from 0 to 1. All are called on the calling thread.
///
/// # Errors
/// A [`VideoError`] whose message is for the customer. The output may hold a part of a result then.
pub fn anonymize(
    task: VideoTask<'_>,
    find: &mut FindInFrame<'_>,
    on_track: &mut OnTrack<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<VideoReport, VideoError> {
    pipeline::run(task, find, on_track, on_progress)
}

/// Plans in which parts a video is processed, each of about `segment_length_s` seconds and independent of the others. Reads
/// all of it, and decodes nothing. A video that is short, or cannot safely be cut, is one part.
///
/// # Errors
/// All that can be wrong with a file before its frames are decoded.
pub fn plan(
    input: Arc<File>,
    options: &VideoOptions,
    limits: &VideoLimits,
    segment_length_s: NonZeroU32,
) -> Result<SegmentPlan, VideoError> {
    plan::plan(input, options, limits, segment_length_s)
}

/// Processes one part of a video, numbered from 0. It is looked at from some frames before it to some frames after it, so
/// that nothing is missed at the seams. `on_progress` hears rising fractions from 0 to 1.
///
/// # Errors
/// As [`anonymize`]; and [`VideoError::PlanDoesNotHold`], after which the video is best processed in one part.
pub fn segment(
    task: SegmentTask<'_>,
    plan: &SegmentPlan,
    number: usize,
    find: &mut FindInFrame<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<SegmentReport, VideoError> {
    segment::run(task, plan, number, find, on_progress)
}

/// Makes a result of all parts of a video, in their order: what [`anonymize`] would have made, without decoding or encoding
/// again. `on_track` gets what was followed, across the seams, and `on_progress` hears rising fractions from 0 to 1.
///
/// # Errors
/// As [`anonymize`]; and [`VideoError::PlanDoesNotHold`] if the parts are not all there, or do not belong together.
pub fn join(
    task: VideoTask<'_>,
    plan: &SegmentPlan,
    parts: &[SegmentData<'_>],
    on_track: &mut OnTrack<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<VideoReport, VideoError> {
    join::run(task, plan, parts, on_track, on_progress)
}
