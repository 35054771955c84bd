//! The conversation between a worker and a `sfumato-media` child: length-prefixed frames over two pipes.
//!
//! The child's standard input carries [`Request`]s, its standard output [`Reply`]s, its standard error log lines. A frame
//! is a length (32 bits, big endian, at most [`FRAME_BYTES_MAX`]) and that many bytes of JSON. After it has loaded its
//! models the child says [`Reply::Ready`]; then every request is answered by any number of
//! [`Reply::Progress`] and one [`Reply::Done`] or [`Reply::Failed`]. End of file on standard input ends the child.
//!
//! The media themselves never pass through the pipes: the child inherits descriptor [`INPUT_FD`], which it only reads,
//! and descriptor [`OUTPUT_FD`], which it only writes. Before it is ready it locks itself up: it opens no file afterwards.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use sfumato_core::detection::given::GivenDetections;
use sfumato_core::detection::{Class, DetectionsDocument};
use sfumato_core::{AnonymizeOptions, FailureClass, MediaFormat};

use crate::sandbox::Layers;

/// The descriptor from which the child reads the original, from offset 0.
pub const INPUT_FD: i32 = 3;

/// The descriptor into which the child writes the result, from offset 0. Empty when a task begins.
pub const OUTPUT_FD: i32 = 4;

/// The descriptor into which a child for videos or archives writes the detections document, from offset 0. Those of long
/// videos are too large for a pipe. Empty when a task begins.
pub const DOCUMENT_FD: i32 = 5;

/// Descriptors of three more files that a child for videos or archives may read and write. Empty when a task begins.
pub const SPARE_FDS: [i32; 3] = [6, 7, 8];

/// The largest frame in bytes.
pub const FRAME_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What a worker asks of a child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Hide faces and plates in the media at [`INPUT_FD`], or find them only.
    Anonymize(Task),
    /// Say in which parts the video at [`INPUT_FD`] can be processed, each of about so many seconds.
    Plan {
        /// The whole.
        task: Task,
        /// Length of a part in seconds.
        part_length_s: NonZeroU32,
    },
    /// Process one part of the video at [`INPUT_FD`]; what comes of it goes to [`OUTPUT_FD`].
    Part {
        /// The whole.
        task: Task,
        /// As [`Reply::Planned`] said it.
        plan: String,
        /// Which part, from 0.
        number: u32,
    },
    /// Make a result of what came of all parts, which lies one after the other in the first of [`SPARE_FDS`].
    Join {
        /// The whole.
        task: Task,
        /// As [`Reply::Planned`] said it.
        plan: String,
        /// Size of what came of each part in bytes, in their order.
        parts: Vec<u64>,
    },
}

/// What a task is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The anonymized media at [`OUTPUT_FD`], and the detections document.
    #[default]
    Anonymize,
    /// The detections document alone; nothing is written to [`OUTPUT_FD`].
    Detect,
}

/// One piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What the first bytes were recognised as. The decoder is the judge.
    pub format: MediaFormat,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// What it is for.
    #[serde(default)]
    pub goal: Goal,
    /// What is to be done.
    pub options: AnonymizeOptions,
    /// What is to be hidden; `None`: what the models find. Areas of the options do not count then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenDetections>,
    /// Limits that are checked before anything is decoded.
    pub limits: MediaLimits,
    /// Seeds the noise of the irreversible blur, so that a child needs no source of randomness of its own. Must not be
    /// known to the outside: who knows it can subtract the noise.
    pub seed: [u8; 32],
}

/// What media may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaLimits {
    /// Size of a picture's file in bytes: a decoder holds all of it in memory.
    pub picture_bytes_max: u64,
    /// Width and height in pixels.
    pub side_pixels_max: u32,
    /// Width times height in pixels, of one frame.
    pub picture_pixels_max: u64,
    /// Frames of an animation, or pages.
    pub frames_max: u32,
    /// Pixels of all frames or pages together.
    pub frames_pixels_max: u64,
    /// What a video may be at most.
    #[serde(default)]
    pub video: VideoLimits,
    /// What an archive may be at most.
    #[serde(default)]
    pub archive: ArchiveLimits,
}

/// What a video may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoLimits {
    /// Width and height of a frame in pixels.
    pub side_pixels_max: u32,
    /// Width times height of a frame in pixels.
    pub frame_pixels_max: u32,
    /// Frames.
    pub frames_max: u32,
    /// Duration in seconds.
    pub duration_s_max: u32,
    /// Tracks of all kinds.
    pub tracks_max: u32,
    /// What happens to a damaged video of which some frames cannot be decoded.
    pub damaged: Damaged,
}

impl VideoLimits {
    /// 8,192 pixels a side, 35,651,584 pixels a frame (8,192 x 4,352), 4 hours, 864,000 frames (4 hours at 60 a second),
    /// 64 tracks; damaged videos are processed with a warning.
    pub const DEFAULT: Self = Self {
        side_pixels_max: 8192,
        frame_pixels_max: 8192 * 4352,
        frames_max: 864_000,
        duration_s_max: 4 * 3600,
        tracks_max: 64,
        damaged: Damaged::Warn,
    };
}

impl Default for VideoLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens to a damaged video of which some frames cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damaged {
    /// The result lacks these frames, and a warning says so.
    #[default]
    Warn,
    /// The task fails.
    Fail,
}

/// What an archive may be at most. Sizes are counted while entries are inflated: what an archive says of itself is not
/// believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveLimits {
    /// Entries, folders too.
    pub entries_max: u32,
    /// Size of one entry in bytes when it is inflated.
    pub entry_bytes_max: u64,
    /// Size of all entries in bytes when they are inflated.
    pub bytes_max: u64,
    /// How many times larger an entry may become when it is inflated.
    pub ratio_max: u32,
}

impl ArchiveLimits {
    /// 100,000 entries of 8 GiB each, 32 GiB together, 200 times as large as they are packed.
    pub const DEFAULT: Self = Self {
        entries_max: 100_000,
        entry_bytes_max: 8 << 30,
        bytes_max: 32 << 30,
        ratio_max: 200,
    };
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl MediaLimits {
    /// 1 GiB a file, 65,500 pixels a side (what JPEG can hold), 268 million pixels (16,384 x 16,384), 1,000 frames and
    /// 1,074 million pixels in all of them.
    pub const DEFAULT: Self = Self {
        picture_bytes_max: 1 << 30,
        side_pixels_max: 65_500,
        picture_pixels_max: 16_384 * 16_384,
        frames_max: 1000,
        frames_pixels_max: 4 * 16_384 * 16_384,
        video: VideoLimits::DEFAULT,
        archive: ArchiveLimits::DEFAULT,
    };
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a child answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// Models are loaded; tasks may come.
    Ready {
        /// Names of the models.
        models: Vec<String>,
        /// The layers of its jail that hold.
        #[serde(default)]
        layers: Layers,
    },
    /// Part of the task that is done, 0 to 1.
    Progress(f32),
    /// The parts of a video.
    Planned {
        /// The plan, which only a media process can read.
        plan: String,
        /// How many parts there are; one where the video is short or cannot be cut.
        parts: u32,
    },
    /// What came of a part is at [`OUTPUT_FD`].
    Part {
        /// Its size in bytes.
        bytes: u64,
    },
    /// The plan, or what came of the parts, does not belong to this video any more: it has to be processed as a whole.
    PlanDoesNotHold,
    /// The result is at [`OUTPUT_FD`].
    Done(Report),
    /// The task failed. The child is well and takes the next one, unless the class is [`FailureClass::Internal`]: then it
    /// has met a fault of its own, does not trust itself any more, and ends.
    Failed(Failure),
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Format of the result.
    pub format: MediaFormat,
    /// Size of the result in bytes.
    pub bytes: u64,
    /// What is hidden, or would be.
    pub hidden: Hidden,
    /// What was found.
    pub document: Document,
    /// What the customer should know about the result.
    pub warnings: Vec<String>,
    /// Where the time went.
    pub timings: Timings,
}

/// How much is hidden: detections of a picture, tracks of a video, the sum of an archive's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// Faces.
    pub faces: u32,
    /// Licence plates.
    pub plates: u32,
}

impl Hidden {
    /// Counts one more of a class.
    pub const fn add(&mut self, class: Class) {
        let count = match class {
            Class::Face => &mut self.faces,
            Class::Plate => &mut self.plates,
        };
        *count = count.saturating_add(1);
    }
}

/// Where the detections document is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Document {
    /// Here: that of a picture.
    Picture(DetectionsDocument),
    /// At [`DOCUMENT_FD`], as JSON: that of a video or an archive.
    Written {
        /// Its size.
        bytes: u64,
    },
}

impl Document {
    /// The document of a picture.
    pub const fn picture(&self) -> Option<&DetectionsDocument> {
        match self {
            Self::Picture(document) => Some(document),
            Self::Written { .. } => None,
        }
    }
}

/// Milliseconds of CPU time that the child spent in a stage, on all of its threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Reading and decoding.
    pub decode_ms: f32,
    /// Turning upright and scaling for the models.
    pub resize_ms: f32,
    /// Running the models.
    pub inference_ms: f32,
    /// Drawing masks.
    pub mask_ms: f32,
    /// Encoding and writing.
    pub encode_ms: f32,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Whether trying again could help.
    pub class: FailureClass,
    /// For the customer: what is wrong and what to do. Holds no path and nothing of another customer.
    pub message: String,
}
