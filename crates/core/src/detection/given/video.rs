//! Tracks that are given.

use serde::{Deserialize, Serialize};

use super::MANUAL;
use crate::detection::{BoundingBox, Class, Detection, Origin};

/// What is to be hidden in a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenVideo {
    /// Width in pixels as displayed; boxes are in this grid.
    pub width: u32,
    /// Height in pixels as displayed.
    pub height: u32,
    /// Frames.
    pub frames: u32,
    /// The tracks. No two have the same number.
    pub tracks: Vec<GivenTrack>,
}

/// Something that is to be hidden in some frames of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenTrack {
    /// Its number.
    pub id: u32,
    /// What it is.
    pub class: Class,
    /// The model that found it; [`MANUAL`] where none did.
    pub model: String,
    /// 0 to 1.
    pub confidence: f32,
    /// The first frame that it is in, from 0.
    pub first_frame: u32,
    /// The last one.
    pub last_frame: u32,
    /// At least one, in the order of their frames. What a person has drawn has boxes in some frames, and goes straight from
    /// one to the next.
    pub boxes: Vec<GivenBox>,
}

/// A box of a track.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub struct GivenBox {
    /// The frame, from 0.
    pub frame: u32,
    /// The bounding box in pixels as displayed.
    pub bbox: BoundingBox,
    /// Why it is there.
    pub origin: Origin,
    /// Whether it is to be hidden.
    pub hidden: bool,
}

/// A box without names: there may be a million of them.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Packed(u32, [f32; 4], Origin, bool);

impl From<Packed> for GivenBox {
    fn from(Packed(frame, [left, top, right, bottom], origin, hidden): Packed) -> Self {
        Self {
            frame,
            bbox: BoundingBox {
                left,
                top,
                right,
                bottom,
            },
            origin,
            hidden,
        }
    }
}

impl From<GivenBox> for Packed {
    fn from(found: GivenBox) -> Self {
        let BoundingBox {
            left,
            top,
            right,
            bottom,
        } = found.bbox;
        Self(
            found.frame,
            [left, top, right, bottom],
            found.origin,
            found.hidden,
        )
    }
}

impl GivenTrack {
    /// Whether no model has found it.
    pub fn is_manual(&self) -> bool {
        self.model == MANUAL
    }

    /// Its box in a frame.
    pub fn at(&self, frame: u32) -> Option<GivenBox> {
        if !(self.first_frame..=self.last_frame).contains(&frame) {
            return None;
        }
        let next = self.boxes.partition_point(|found| found.frame < frame);
        let (before, after) = (
            next.checked_sub(1).and_then(|i| self.boxes.get(i)),
            self.boxes.get(next),
        );
        let held = |found: &GivenBox| GivenBox {
            frame,
            origin: Origin::Held,
            ..*found
        };
        match (before, after) {
            (_, Some(found)) if found.frame == frame => Some(*found),
            _ if !self.is_manual() => None,
            (Some(a), Some(b)) => Some(between(a, b, frame)),
            (None, Some(found)) | (Some(found), None) => Some(held(found)),
            (None, None) => None,
        }
    }

    /// One of its boxes as a detection.
    pub fn detection(&self, bbox: BoundingBox) -> Detection {
        Detection {
            class: self.class,
            bbox,
            confidence: self.confidence,
            model: self.model.clone(),
            corners: None,
        }
    }
}

/// The box on the straight way from one to another. It is hidden where either is.
fn between(a: &GivenBox, b: &GivenBox, frame: u32) -> GivenBox {
    let t = f64::from(frame - a.frame) / f64::from(b.frame - a.frame);
    let mix = |from: f32, to: f32| {
        let (from, to) = (f64::from(from), f64::from(to));
        // The box was f32 before.
        (from + (to - from) * t) as f32
    };
    GivenBox {
        frame,
        bbox: BoundingBox {
            left: mix(a.bbox.left, b.bbox.left),
            top: mix(a.bbox.top, b.bbox.top),
            right: mix(a.bbox.right, b.bbox.right),
            bottom: mix(a.bbox.bottom, b.bbox.bottom),
        },
        origin: Origin::Interpolated,
        hidden: a.hidden || b.hidden,
    }
}
