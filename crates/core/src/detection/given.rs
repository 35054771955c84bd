//! Detections that come from outside, to be hidden instead of what models find: a detections document that a person or a
//! program has edited.
//!
//! [`GivenDocument`] reads what was sent, [`GivenDocument::check`] makes [`GivenDetections`] of it, which can be trusted.

mod document;
mod grid;
mod video;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Corners, Detection};
use crate::media::MediaKind;
pub use document::GivenDocument;
pub use grid::misplaced;
pub use video::{GivenBox, GivenTrack, GivenVideo};

/// The model's name of what no model has found.
pub const MANUAL: &str = "manual";

/// Size in bytes that a detections document may have when it is given.
pub const GIVEN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Detections that a given document of a picture may have.
pub const GIVEN_DETECTIONS_MAX: usize = 100_000;

/// Tracks that a given document of a video may have.
pub const GIVEN_TRACKS_MAX: usize = 100_000;

/// Boxes that all tracks of a given document may have together.
pub const GIVEN_BOXES_MAX: usize = 1_000_000;

/// The longest name of a model in bytes.
const MODEL_BYTES_MAX: usize = 100;

/// How far from its middle, in sides of its box, a corner may lie and still be of it.
const CORNER_REACH: f32 = 1.0;

/// A given document cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {message}")]
pub struct InvalidGiven {
    /// Where in the document, e.g. `tracks[2].boxes[0].frame`.
    pub place: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl InvalidGiven {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

/// What is to be hidden in one original, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum GivenDetections {
    /// In a picture.
    Picture(GivenPicture),
    /// In a video.
    Video(GivenVideo),
}

impl GivenDetections {
    /// What they are of.
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Picture(_) => MediaKind::Picture,
            Self::Video(_) => MediaKind::Video,
        }
    }

    /// Those of a picture.
    pub const fn picture(&self) -> Option<&GivenPicture> {
        match self {
            Self::Picture(picture) => Some(picture),
            Self::Video(_) => None,
        }
    }

    /// Those of a video.
    pub const fn video(&self) -> Option<&GivenVideo> {
        match self {
            Self::Video(video) => Some(video),
            Self::Picture(_) => None,
        }
    }
}

/// What is to be hidden in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenPicture {
    /// Width in pixels as displayed, of the first frame; boxes are in the grid of their frame.
    pub width: u32,
    /// Height in pixels as displayed.
    pub height: u32,
    /// Frames of an animation, or pages; 1 for a picture that is neither.
    pub frames: u32,
    /// The detections, in the order in which they were given.
    pub detections: Vec<GivenDetection>,
}

/// One detection in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenDetection {
    /// The frame or page that it is in, from 0.
    pub frame: u32,
    /// The detection.
    pub detection: Detection,
    /// Whether it is to be hidden.
    pub hidden: bool,
}

/// Corners count where they belong to the box: whoever moves a box may have left its corners where it was.
fn corners_of(detection: &Detection) -> Option<Corners> {
    let (x, y) = detection.bbox.center();
    let (width, height) = (detection.bbox.width(), detection.bbox.height());
    let fits = |corner: &[f32; 2]| {
        (corner[0] - x).abs() <= width * CORNER_REACH && (corner[1] - y).abs() <= height * CORNER_REACH
    };
    let corners = detection.corners?;
    let middle = [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f32>() / 4.0);
    let is_inside = (middle[0] - x).abs() <= width / 2.0 && (middle[1] - y).abs() <= height / 2.0;
    (is_inside && corners.iter().all(fits)).then_some(corners)
}

#[cfg(test)]
mod placed;
#[cfg(test)]
mod tests;
