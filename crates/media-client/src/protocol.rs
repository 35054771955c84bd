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

use crate::limits::MediaLimits;
use crate::sandbox::{Layers, Purpose};

/// The descriptor from which the child reads the original, from offset 0.
pub const INPUT_FD: i32 = 3;

/// The descriptor into which the child writes the result, from offset 0. Empty when a task begins.
pub const OUTPUT_FD: i32 = 4;

/// The descriptor into which a child for videos or archives writes the detections document, from offset 0. Those of long
/// videos are too large for a pipe. Empty when a task begins.
pub const DOCUMENT_FD: i32 = 5;

/// Descriptors of three more files that a child for videos or archives may read and write. Empty when a task begins.
pub const SPARE_FDS: [i32; 3] = [6, 7, 8];

/// The last descriptor that a child inherits.
pub const fn last_descriptor(purpose: Purpose) -> i32 {
    match purpose {
        Purpose::Pictures => OUTPUT_FD,
        Purpose::Video | Purpose::Archive => SPARE_FDS[2],
    }
}

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
