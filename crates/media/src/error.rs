//! Why a picture cannot be processed. Unlike other errors these speak to the customer: a whole clause that says what is
//! wrong with the picture and, where it helps, what is allowed.

use std::{fmt, io};

use sfumato_core::{FailureClass, MediaFormat, MediaKind};
use sfumato_media_client::protocol::Failure;
use thiserror::Error;

/// The names of all formats of pictures, for a message.
fn formats() -> String {
    MediaFormat::of_kind(MediaKind::Picture)
        .map(|format| format.as_str().to_uppercase())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Size and length of a picture or a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Width and height in pixels as displayed.
    pub shown: (u32, u32),
    /// Frames or pages.
    pub frames: u32,
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.shown;
        let plural = if self.frames == 1 { "" } else { "s" };
        write!(f, "{width}x{height} pixels with {} frame{plural}", self.frames)
    }
}

/// A picture cannot be processed.
#[derive(Debug, Error)]
pub enum PictureError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are those of no format that is supported.
    #[error("the content is in none of the supported formats ({})", formats())]
    UnknownFormat,
    /// The file is larger than allowed.
    #[error("the file has {bytes} bytes; the limit for a picture is {picture_bytes_max} bytes")]
    FileTooLarge {
        /// Size of the file.
        bytes: u64,
        /// The limit that is broken.
        picture_bytes_max: u64,
    },
    /// A side is longer than allowed.
    #[error("the picture is {width}x{height} pixels; the limit is {side_pixels_max} pixels a side")]
    SideTooLong {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit that is broken.
        side_pixels_max: u32,
    },
    /// There are more pixels than allowed.
    #[error("the picture is {width}x{height} pixels; the limit is {picture_pixels_max} pixels in total")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit that is broken.
        picture_pixels_max: u64,
    },
    /// There are more frames or pages than allowed.
    #[error("the picture has {frames} frames or pages; the limit is {frames_max}")]
    TooManyFrames {
        /// Frames or pages.
        frames: u64,
        /// The limit that is broken.
        frames_max: u32,
    },
    /// The frames or pages have more pixels together than allowed.
    #[error(
        "the frames or pages of the picture have {pixels} pixels; the limit is {frames_pixels_max} in all of them"
    )]
    TooManyFramePixels {
        /// Pixels of all frames or pages.
        pixels: u64,
        /// The limit that is broken.
        frames_pixels_max: u64,
    },
    /// The file ends before the picture does.
    #[error("the picture is truncated: the file ends before the picture does")]
    Truncated,
    /// The file breaks the rules of its format.
    #[error("the picture is damaged: {detail}")]
    Damaged {
        /// What the decoder says.
        detail: String,
    },
    /// The format has this, and this version does not process it.
    #[error("{what} are not supported; convert the picture to an ordinary JPEG or PNG")]
    Unsupported {
        /// A plural, e.g. `CMYK pictures`.
        what: &'static str,
    },
    /// The given detections are of another picture.
    #[error(
        "the detections are of a picture of {given}, and this one is of {actual}; boxes would lie elsewhere"
    )]
    OtherPicture {
        /// What the detections say.
        given: Extent,
        /// What the picture has.
        actual: Extent,
    },
    /// A given box would hide nothing.
    #[error("detections[{number}].box {wrong}")]
    Misplaced {
        /// The place of the detection in the document, from 0.
        number: usize,
        /// A clause about the box.
        wrong: String,
    },
    /// There is no memory for the pixels.
    #[error("there is not enough memory for a picture of this size at the moment")]
    Memory,
    /// The original could not be read.
    #[error("the picture could not be read")]
    Read(#[source] io::Error),
    /// The result could not be written: the disk is full, for example.
    #[error("the result could not be written")]
    Write(#[source] io::Error),
    /// A fault of ours.
    #[error("the picture could not be processed because of an internal error")]
    Internal {
        /// For the log, not for the customer.
        detail: String,
    },
}

impl PictureError {
    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged {
            detail: detail.into(),
        }
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::Internal {
            detail: detail.into(),
        }
    }

    /// Whether another attempt can help.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Memory | Self::Read(_) | Self::Write(_) => FailureClass::Transient,
            Self::Internal { .. } => FailureClass::Internal,
            _ => FailureClass::Input,
        }
    }
}

impl From<PictureError> for Failure {
    fn from(error: PictureError) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
        }
    }
}
