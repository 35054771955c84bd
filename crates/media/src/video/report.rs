//! What came of a video.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sfumato_core::detection::{
    BoundingBox, Class, DocumentSource, SCHEMA, VideoDetectionsDocument, VideoInfo,
};
use sfumato_media_client::protocol::Hidden;

use super::container::Container;
pub use sfumato_core::detection::Origin;

/// What came of a video.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoReport {
    /// The container of original and result.
    pub container: Container,
    /// Where the tracks come from.
    pub source: DocumentSource,
    /// Width and height in pixels as displayed; boxes are in this grid.
    pub shown: (u32, u32),
    /// The orientation that stored frames need to be displayed, as in EXIF.
    pub orientation: u8,
    /// Frames of the result.
    pub frames: u32,
    /// From the first frame to the end of the last one, in seconds.
    pub duration_s: f64,
    /// Frames a second on average; `None` where the container does not say.
    pub frame_rate: Option<f64>,
    /// Size of the result in bytes; 0 where none was wanted.
    pub bytes: u64,
    /// How many things were found and followed.
    pub tracks: u32,
    /// How many of them are hidden in at least one frame.
    pub hidden: Hidden,
    /// What the customer should know about the result.
    pub warnings: Vec<String>,
    /// Where the CPU time went.
    pub timings: VideoTimings,
}

/// What came of one part of a video. The file that it speaks of holds it, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentReport {
    /// Frames of the part that came out of the decoder.
    pub frames: u32,
    /// Frames that its packets should have yielded.
    pub expected: u64,
    /// Frames that are damaged.
    pub damaged: u64,
    /// Size of the file in bytes; 0 in the file itself.
    pub bytes: u64,
    /// How many frames were looked at before the first one of the part: boxes count from there.
    pub(super) lead_frames: u32,
    /// Width and height in pixels as displayed; 0 where there are no frames.
    pub(super) shown: (u32, u32),
    /// When its first frame is displayed, and when its last one ends, in the time base of the plan.
    pub(super) first_pts: Option<i64>,
    pub(super) end_pts: Option<i64>,
    /// Where the CPU time went.
    pub timings: VideoTimings,
}

impl VideoReport {
    /// The detections document with these tracks.
    pub(super) fn document<T>(&self, tracks: T) -> VideoDetectionsDocument<T> {
        VideoDetectionsDocument {
            schema: SCHEMA.to_owned(),
            source: self.source,
            video: VideoInfo {
                width: self.shown.0,
                height: self.shown.1,
                format: self.container.format(),
                orientation: self.orientation,
                frames: self.frames,
                duration_s: self.duration_s,
                frame_rate: self.frame_rate,
            },
            tracks,
            warnings: self.warnings.clone(),
        }
    }
}

/// Something that is followed, and some of its boxes: a track that is long comes in several pieces, in their order, which
/// have the same number. Pieces of other tracks may come between them.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackPiece {
    /// The number of the track, from 0.
    pub number: u32,
    /// What it is.
    pub class: Class,
    /// The model that found it first.
    pub model: String,
    /// The highest of its detections up to here.
    pub confidence: f32,
    /// One a frame, at least one, in their order.
    pub boxes: Vec<TrackedBox>,
}

/// A box of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedBox {
    /// The number of the frame, from 0.
    pub frame: u32,
    /// When it is displayed, in seconds, as the time stamps of the video count.
    pub time_s: f64,
    /// In pixels as displayed, before it grows to be hidden.
    pub bbox: BoundingBox,
    /// Why it is there.
    pub origin: Origin,
    /// Whether it is hidden: false where its centre lies outside the included or inside the excluded area.
    pub hidden: bool,
}

impl TrackedBox {
    /// Whether it hides something in a frame of the given size as displayed: a box that is wanted hidden may have left it.
    pub(super) fn hides(&self, (width, height): (u32, u32)) -> bool {
        self.hidden && self.bbox.is_in_sight(width, height)
    }
}

/// CPU time by stage. Stages run at the same time on threads of their own; threads that libav starts count for encoding,
/// which is where they work most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoTimings {
    /// Reading and decoding.
    pub decode: Duration,
    /// Scaling for the models, and comparing frames.
    pub preview: Duration,
    /// The finder.
    pub inference: Duration,
    /// Drawing masks.
    pub mask: Duration,
    /// Encoding and writing, and all threads of libav.
    pub encode: Duration,
}

/// CPU time of this thread so far, which [`VideoTimings`] are made of.
pub(super) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
