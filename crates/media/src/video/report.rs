//! What came of a video.

use std::time::Duration;

use sfumato_core::detection::{BoundingBox, Class};

use super::container::Container;
pub use crate::track::Origin;

/// What came of a video.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoReport {
    /// The container of original and result.
    pub container: Container,
    /// Width and height in pixels as displayed; boxes are in this grid.
    pub shown: (u32, u32),
    /// The orientation that stored frames need to be displayed, as in EXIF.
    pub orientation: u8,
    /// Frames of the result.
    pub frames: u32,
    /// From the first frame to the end of the last one, in seconds.
    pub duration_s: f64,
    /// Size of the result in bytes; 0 where none was wanted.
    pub bytes: u64,
    /// All that was found and followed.
    pub tracks: Vec<TrackReport>,
    /// What the customer should know about the result.
    pub warnings: Vec<String>,
    /// Where the CPU time went.
    pub timings: VideoTimings,
}

/// Something that was followed.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackReport {
    /// Its number, from 0.
    pub number: u32,
    /// What it is.
    pub class: Class,
    /// The model that found it first.
    pub model: String,
    /// The highest of its detections.
    pub confidence: f32,
    /// One a frame.
    pub boxes: Vec<TrackedBox>,
}

/// A box of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedBox {
    /// The number of the frame, from 0.
    pub frame: u32,
    /// In pixels as displayed, before it grows to be hidden.
    pub bbox: BoundingBox,
    /// Why it is there.
    pub origin: Origin,
    /// Whether it is hidden: false where its centre lies outside the included or inside the excluded area.
    pub hidden: bool,
}

/// CPU time by stage. Stages run at the same time on threads of their own; threads that libav starts count for encoding,
/// which is where they work most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
