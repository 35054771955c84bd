//! What a small box is grown by, because a detector knows where a thing is to a pixel or two of what it looks at.

use sfumato_core::detection::BoundingBox;

use super::edges::mean_side;

/// By how many pixels of the copy that is looked at a small box is grown on each side: of a face of ten pixels a detector
/// leaves out as much at the chin, and motion does the rest.
const MARGIN_PX: f32 = 1.5;

/// The sizes in pixels of the copy between which the margin falls from all to nothing. What masks are enlarged by is enough
/// for larger boxes.
const SMALL_PX: [f32; 2] = [12.0, 24.0];

/// A box with its margin, in pixels of the copy.
pub(crate) fn with_margin(bbox: &BoundingBox) -> BoundingBox {
    let [small, large] = SMALL_PX;
    let margin = MARGIN_PX * ((large - mean_side(bbox)) / (large - small)).clamp(0.0, 1.0);
    BoundingBox {
        left: bbox.left - margin,
        top: bbox.top - margin,
        right: bbox.right + margin,
        bottom: bbox.bottom + margin,
    }
}

#[cfg(test)]
mod tests {
    use super::super::edges::{bounding_box, edges};
    use super::*;

    #[test]
    fn a_small_box_gets_a_margin_and_a_large_one_does_not() {
        let grown = |side: f32| {
            edges(&with_margin(&bounding_box([
                20.0,
                40.0,
                20.0 + side,
                40.0 + side,
            ])))
        };
        assert_eq!(grown(24.0), [20.0, 40.0, 44.0, 64.0]);
        assert_eq!(grown(100.0), [20.0, 40.0, 120.0, 140.0]);
        assert_eq!(grown(18.0), [19.25, 39.25, 38.75, 58.75]);
        assert_eq!(grown(10.0), [18.5, 38.5, 31.5, 51.5]);
    }
}
