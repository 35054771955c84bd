//! What a decoder reads from a model's outputs, before overlapping ones are merged.

use sfumato_core::detection::{BoundingBox, Corners};

/// A box that a model proposes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Where, in pixels of the model's input.
    pub(crate) bbox: BoundingBox,
    /// 0 to 1.
    pub(crate) confidence: f32,
    /// The corners of a plate, in pixels of the model's input.
    pub(crate) corners: Option<Corners>,
}

/// A box by its centre and size.
pub(crate) fn box_around(x: f32, y: f32, width: f32, height: f32) -> BoundingBox {
    BoundingBox {
        left: x - width / 2.0,
        top: y - height / 2.0,
        right: x + width / 2.0,
        bottom: y + height / 2.0,
    }
}
