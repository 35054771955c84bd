//! What a detector found, and the document in which the outside reads it.
//!
//! The detections document is versioned by its `schema` member: members may be added to version 1, none is renamed,
//! removed or changed in meaning. `docs/detections.md` explains it to customers.

pub mod given;
mod video;

use serde::{Deserialize, Serialize};

use crate::media::MediaFormat;
pub use video::{DocumentedBox, DocumentedTrack, Origin, Streamed, VideoDetectionsDocument, VideoInfo};

/// What kind of thing is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A human face.
    Face,
    /// A licence plate.
    Plate,
}

/// An axis-aligned bounding box in pixels: `left` and `top` inclusive, `right` and `bottom` exclusive, the origin at
/// the top left corner of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// Distance of the left edge from the left border.
    pub left: f32,
    /// Distance of the top edge from the top border.
    pub top: f32,
    /// Distance of the right edge from the left border.
    pub right: f32,
    /// Distance of the bottom edge from the top border.
    pub bottom: f32,
}

/// The least side in pixels of what can be seen: a pixel, less what is lost where edges are written as a place and a length.
const PIXEL: f32 = 0.99;

/// The least side in pixels of what models find. A box of one pixel in the corner of a picture could be one in fractions.
const FOUND_SIDE_MIN: f32 = 2.0;

impl BoundingBox {
    /// Width in pixels; 0 for an empty box.
    pub fn width(&self) -> f32 {
        (self.right - self.left).max(0.0)
    }

    /// Height in pixels; 0 for an empty box.
    pub fn height(&self) -> f32 {
        (self.bottom - self.top).max(0.0)
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The centre, x and y.
    pub fn center(&self) -> (f32, f32) {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// Intersection over union with another box: 0 (apart) to 1 (equal).
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.right.min(other.right) - self.left.max(other.left)).max(0.0);
        let height = (self.bottom.min(other.bottom) - self.top.max(other.top)).max(0.0);
        let intersection = width * height;
        let union = self.area() + other.area() - intersection;
        if union > 0.0 { intersection / union } else { 0.0 }
    }

    /// The box grown by `fraction` of its width and height on each side.
    #[must_use]
    pub fn grown(&self, fraction: f32) -> Self {
        let (dx, dy) = (self.width() * fraction, self.height() * fraction);
        Self {
            left: self.left - dx,
            top: self.top - dy,
            right: self.right + dx,
            bottom: self.bottom + dy,
        }
    }

    /// The part that lies inside a picture of the given size in pixels.
    #[must_use]
    pub fn clipped(&self, width: u32, height: u32) -> Self {
        // Pictures are far smaller than 2^24 pixels a side, so that f32 holds their sizes exactly.
        let (width, height) = (width as f32, height as f32);
        Self {
            left: self.left.clamp(0.0, width),
            top: self.top.clamp(0.0, height),
            right: self.right.clamp(0.0, width),
            bottom: self.bottom.clamp(0.0, height),
        }
    }

    /// Whether a pixel at least, on each side, lies inside a picture of the given size in pixels.
    pub fn is_in_sight(&self, width: u32, height: u32) -> bool {
        let inside = self.clipped(width, height);
        inside.width() >= PIXEL && inside.height() >= PIXEL
    }

    /// The part that lies inside a picture of the given size in pixels, of two pixels at least on each side, as far as the
    /// picture has them. What a model sees at the border may be less.
    #[must_use]
    pub fn found_in(&self, width: u32, height: u32) -> Self {
        let inside = self.clipped(width, height);
        let [left, right] = widened([inside.left, inside.right], width);
        let [top, bottom] = widened([inside.top, inside.bottom], height);
        Self {
            left,
            top,
            right,
            bottom,
        }
    }
}

/// Two edges, apart by [`FOUND_SIDE_MIN`] at least where the side of the picture allows it.
fn widened([near, far]: [f32; 2], side: u32) -> [f32; 2] {
    // As in `clipped`.
    let side = side as f32;
    if far - near >= FOUND_SIDE_MIN {
        return [near, far];
    }
    let middle = f32::midpoint(near, far);
    let near = (middle - FOUND_SIDE_MIN / 2.0)
        .min(side - FOUND_SIDE_MIN)
        .max(0.0);
    [near, (near + FOUND_SIDE_MIN).min(side)]
}

/// The four corners of a licence plate in pixels, x and y, clockwise from the top left one as the plate is read.
pub type Corners = [[f32; 2]; 4];

/// One thing that a detector found in a picture as it is displayed (after EXIF orientation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// What it is.
    pub class: Class,
    /// Where it is.
    pub bbox: BoundingBox,
    /// 0 to 1, on one scale for all models of a class: their scores are calibrated, and looks that agree raise it. No
    /// probability.
    pub confidence: f32,
    /// The model whose box it is, e.g. `centerface`.
    pub model: String,
    /// The corners, where the model gives them.
    pub corners: Option<Corners>,
}

impl Detection {
    /// The detection in another grid of pixels: x and y are multiplied by the given factors.
    #[must_use]
    pub fn scaled(mut self, [x, y]: [f32; 2]) -> Self {
        self.bbox = BoundingBox {
            left: self.bbox.left * x,
            top: self.bbox.top * y,
            right: self.bbox.right * x,
            bottom: self.bbox.bottom * y,
        };
        self.corners = self
            .corners
            .map(|corners| corners.map(|corner| [corner[0] * x, corner[1] * y]));
        self
    }
}

/// Where the detections of a document come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentSource {
    /// Models have found them.
    #[default]
    Detected,
    /// They were given, to be hidden instead of what models would find.
    Given,
}

impl DocumentSource {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes what it asks about by reference"
    )]
    const fn is_detected(&self) -> bool {
        matches!(self, Self::Detected)
    }
}

/// The name of version 1 of the detections document.
pub const SCHEMA: &str = "sfumato.detections/1";

/// The detections document of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionsDocument {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Where the detections come from; left out where models have found them.
    #[serde(default, skip_serializing_if = "DocumentSource::is_detected")]
    pub source: DocumentSource,
    /// The picture.
    pub picture: PictureInfo,
    /// What was found: frame by frame, the most confident first.
    pub detections: Vec<DocumentedDetection>,
}

/// The picture that a detections document speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureInfo {
    /// Width in pixels as displayed (after EXIF orientation); boxes are in this grid.
    pub width: u32,
    /// Height in pixels as displayed.
    pub height: u32,
    /// Format of input and output.
    pub format: MediaFormat,
    /// EXIF orientation, 1 to 8, that the stored pixels need to be displayed; 1 where there is none.
    pub orientation: u8,
    /// Frames of an animation, or pages; absent for a picture that has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frames: Option<u32>,
}

/// One detection in the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentedDetection {
    /// The frame or page that it is in, from 0; absent in a picture that has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frame: Option<u32>,
    /// What it is.
    pub class: Class,
    /// 0 to 1, on one scale for all models of a class.
    pub confidence: f32,
    /// The model whose box it is.
    pub model: String,
    /// No model has found it: somebody has drawn it. Left out where one has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub manual: bool,
    /// The bounding box in pixels as displayed.
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    /// The bounding box in fractions of width and height.
    pub fractions: FractionBox,
    /// The four corners in pixels, where the model gives them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub corners: Option<Corners>,
    /// Whether it was hidden: false where its centre lies outside the included or inside the excluded area.
    pub hidden: bool,
}

/// A box by its top left corner and size, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// A box by its edges, in fractions of the picture's width and height, as `included_area` is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FractionBox {
    /// Left edge, fraction of the width.
    pub left: f32,
    /// Right edge, fraction of the width.
    pub right: f32,
    /// Top edge, fraction of the height.
    pub top: f32,
    /// Bottom edge, fraction of the height.
    pub bottom: f32,
}

impl DocumentedDetection {
    /// Writes a detection for a picture of the given displayed size in pixels.
    pub fn new(detection: &Detection, width: u32, height: u32, hidden: bool) -> Self {
        let bbox = detection.bbox.clipped(width, height);
        let pixels = PixelBox::new(&detection.bbox, (width, height));
        let (w, h) = (width.max(1) as f32, height.max(1) as f32);
        Self {
            frame: None,
            class: detection.class,
            confidence: detection.confidence,
            model: detection.model.clone(),
            manual: detection.model == given::MANUAL,
            bbox: pixels,
            fractions: FractionBox {
                left: bbox.left / w,
                right: bbox.right / w,
                top: bbox.top / h,
                bottom: bbox.bottom / h,
            },
            corners: detection.corners,
            hidden,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it asks about by reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intersection_over_union_of_half_overlapping_boxes_is_a_third() {
        let a = BoundingBox {
            left: 0.0,
            top: 0.0,
            right: 10.0,
            bottom: 10.0,
        };
        let b = BoundingBox {
            left: 5.0,
            top: 0.0,
            right: 15.0,
            bottom: 10.0,
        };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert!((a.iou(&a) - 1.0).abs() < 1e-6);
        let empty = BoundingBox {
            left: 3.0,
            top: 3.0,
            right: 3.0,
            bottom: 3.0,
        };
        assert_eq!(empty.iou(&empty), 0.0);
    }

    #[test]
    fn a_box_is_in_sight_where_a_pixel_of_it_lies_in_the_picture() {
        let is_in_sight = |[left, top, right, bottom]: [f32; 4]| {
            let bbox = BoundingBox {
                left,
                top,
                right,
                bottom,
            };
            let found = bbox.found_in(100, 50);
            assert!(found.is_in_sight(100, 50), "{found:?}");
            assert_eq!(found, found.clipped(100, 50));
            bbox.is_in_sight(100, 50)
        };
        assert!(is_in_sight([-10.0, -10.0, 1.0, 1.0]));
        assert!(is_in_sight([99.0, 49.0, 300.0, 300.0]));
        assert!(!is_in_sight([-10.0, 10.0, 0.5, 20.0]));
        assert!(!is_in_sight([99.5, 10.0, 120.0, 20.0]));
        assert!(!is_in_sight([10.0, 10.0, 20.0, 10.5]));
        assert!(!is_in_sight([100.0, 10.0, 120.0, 20.0]));
    }

    #[test]
    fn a_box_grows_on_each_side() {
        let a = BoundingBox {
            left: 10.0,
            top: 10.0,
            right: 30.0,
            bottom: 20.0,
        };
        assert_eq!(
            a.grown(0.1),
            BoundingBox {
                left: 8.0,
                top: 9.0,
                right: 32.0,
                bottom: 21.0
            }
        );
    }
}
