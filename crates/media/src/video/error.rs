//! Why a video cannot be processed. Like [`PictureError`] these speak to the customer.

use std::io;

use ffmpeg_next as libav;
use sfumato_core::FailureClass;
use sfumato_media_client::protocol::Failure;
use thiserror::Error;

use super::container::Container;
use crate::error::{Extent, PictureError};

/// A video cannot be processed.
#[derive(Debug, Error)]
pub enum VideoError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are those of no container that is supported.
    #[error("the content is no video in MP4, MOV, AVI, MKV or WEBM")]
    UnknownContainer,
    /// The container cannot be read.
    #[error("the {container} file is damaged: {detail}")]
    Damaged {
        /// What the first bytes say that it is.
        container: Container,
        /// What the demuxer says.
        detail: String,
    },
    /// There is nothing to look at.
    #[error("the file holds no video track{}", if *.has_audio { ", only sound" } else { "" })]
    NoVideo {
        /// Whether there is sound.
        has_audio: bool,
    },
    /// No frame came out of the decoder.
    #[error("no frame of the video can be decoded: {detail}")]
    NoFrames {
        /// How far it went.
        detail: String,
    },
    /// The codec is none of those that are decoded.
    #[error(
        "videos in {codec} are not supported; convert the video to H.264, HEVC, MPEG-4, MJPEG, VP8, VP9, AV1 or ProRes"
    )]
    UnsupportedCodec {
        /// Its name.
        codec: String,
    },
    /// The codec that is asked for does not go into the container.
    #[error("{container} files cannot hold {codec}; leave the codec as it is")]
    CodecInContainer {
        /// The container of the original.
        container: Container,
        /// The codec that is asked for.
        codec: &'static str,
    },
    /// The file points to media outside of it.
    #[error(
        "the file refers to media outside of itself, which are not read; export it as a self-contained file"
    )]
    References,
    /// A side is longer, or a frame has more pixels, than allowed.
    #[error(
        "the video is {width}x{height} pixels; the limits are {side_pixels_max} pixels a side and {frame_pixels_max} pixels a frame"
    )]
    FrameTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// One limit.
        side_pixels_max: u32,
        /// The other.
        frame_pixels_max: u32,
    },
    /// There are more frames than allowed.
    #[error("the video has more than {frames_max} frames, which is the limit")]
    TooManyFrames {
        /// The limit that is broken.
        frames_max: u32,
    },
    /// It lasts longer than allowed.
    #[error("the video lasts longer than {duration_s_max} seconds, which is the limit")]
    TooLong {
        /// The limit that is broken.
        duration_s_max: u32,
    },
    /// There are more tracks than allowed.
    #[error("the file has more than {tracks_max} tracks, which is the limit")]
    TooManyTracks {
        /// The limit that is broken.
        tracks_max: u32,
    },
    /// A table in the file claims more than the file can hold.
    #[error("the file claims to hold more than it can: {what}")]
    AbsurdTable {
        /// Which table.
        what: &'static str,
    },
    /// The geometry of frames is not the same throughout.
    #[error("the size or the format of the frames changes after {at_s:.2} seconds; this is not supported")]
    FrameChanges {
        /// When, in seconds.
        at_s: f64,
    },
    /// Frames are missing, and that is not accepted.
    #[error("the video is damaged: {detail}")]
    FramesMissing {
        /// Which, and how many.
        detail: String,
    },
    /// The given detections are of another video.
    #[error(
        "the detections are of a video of {given}, and this one is of {actual}; boxes would lie elsewhere"
    )]
    OtherVideo {
        /// What the detections say.
        given: Extent,
        /// What the video has.
        actual: Extent,
    },
    /// A plan of its parts was made, and the video turns out not to be as the plan says. In one part it can be processed.
    #[error("the video cannot be processed in parts: {detail}")]
    PlanDoesNotHold {
        /// What is different.
        detail: &'static str,
    },
    /// The original could not be read.
    #[error("the video could not be read")]
    Read(#[source] io::Error),
    /// The result could not be written: the disk is full, for example.
    #[error("the result could not be written")]
    Write(#[source] io::Error),
    /// There is no memory for the frames.
    #[error("there is not enough memory for a video of this size at the moment")]
    Memory,
    /// The finder failed.
    #[error(transparent)]
    Find(#[from] PictureError),
    /// A fault of ours.
    #[error("the video could not be processed because of an internal error")]
    Internal {
        /// For the log, not for the customer.
        detail: String,
    },
}

impl VideoError {
    /// A fault of ours: `action` could not be done, and libav says why.
    pub(super) fn internal(action: &str, error: libav::Error) -> Self {
        match error {
            libav::Error::Other { errno } if errno == libav::error::ENOMEM => Self::Memory,
            _ => Self::Internal {
                detail: format!("failed to {action}: {error}"),
            },
        }
    }

    /// Writing failed.
    pub(super) fn writing(error: libav::Error) -> Self {
        match error {
            libav::Error::Other { errno } if errno == libav::error::ENOMEM => Self::Memory,
            libav::Error::Other { errno } if errno != libav::error::EINVAL => {
                Self::Write(io::Error::from_raw_os_error(errno))
            }
            _ => Self::internal("write the result", error),
        }
    }

    /// Whether another attempt can help.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Memory | Self::Read(_) | Self::Write(_) => FailureClass::Transient,
            Self::Internal { .. } | Self::PlanDoesNotHold { .. } => FailureClass::Internal,
            Self::Find(error) => error.class(),
            _ => FailureClass::Input,
        }
    }
}

impl From<VideoError> for Failure {
    fn from(error: VideoError) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
        }
    }
}
