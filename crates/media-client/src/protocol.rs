//! The conversation between a worker and a `sfumato-media` child: length-prefixed frames over two pipes.
//!
//! The child's standard input carries [`Request`]s, its standard output [`Reply`]s, its standard error log lines. A frame
//! is a length (32 bits, big endian, at most [`FRAME_BYTES_MAX`]) and that many bytes of JSON. After it has loaded its
//! models the child says [`Reply::Ready`]; then every [`Request::Anonymize`] is answered by any number of
//! [`Reply::Progress`] and one [`Reply::Done`] or [`Reply::Failed`]. End of file on standard input ends the child.
//!
//! The media themselves never pass through the pipes: the child inherits descriptor [`INPUT_FD`], which it only reads,
//! and descriptor [`OUTPUT_FD`], which it only writes. Before it is ready it locks itself up: it opens no file afterwards.

use serde::{Deserialize, Serialize};
use sfumato_core::detection::DetectionsDocument;
use sfumato_core::{AnonymizeOptions, FailureClass, MediaFormat};

use crate::sandbox::Layers;

/// The descriptor from which the child reads the original, from offset 0.
pub const INPUT_FD: i32 = 3;

/// The descriptor into which the child writes the result, from offset 0. Empty when a task begins.
pub const OUTPUT_FD: i32 = 4;

/// The largest frame in bytes.
pub const FRAME_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What a worker asks of a child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Hide faces and plates in the media at [`INPUT_FD`], or find them only.
    Anonymize(Task),
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
    /// Limits that are checked before anything is decoded.
    pub limits: MediaLimits,
    /// Seeds the noise of the irreversible blur, so that a child needs no source of randomness of its own. Must not be
    /// known to the outside: who knows it can subtract the noise.
    pub seed: [u8; 32],
}

/// What a picture may be at most.
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
}

impl Default for MediaLimits {
    /// 1 GiB a file, 65,500 pixels a side (what JPEG can hold), 268 million pixels (16,384 x 16,384), 1,000 frames and
    /// 1,074 million pixels in all of them.
    fn default() -> Self {
        Self {
            picture_bytes_max: 1 << 30,
            side_pixels_max: 65_500,
            picture_pixels_max: 16_384 * 16_384,
            frames_max: 1000,
            frames_pixels_max: 4 * 16_384 * 16_384,
        }
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
    /// What was found.
    pub document: DetectionsDocument,
    /// What the customer should know about the result.
    pub warnings: Vec<String>,
    /// Where the time went.
    pub timings: Timings,
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
