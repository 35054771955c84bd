//! Boxes as four numbers.

use sfumato_core::detection::BoundingBox;

/// Left, top, right, bottom.
pub(super) type Edges = [f32; 4];

pub(super) const fn edges(bbox: &BoundingBox) -> Edges {
    [bbox.left, bbox.top, bbox.right, bbox.bottom]
}

pub(super) const fn bounding_box([left, top, right, bottom]: Edges) -> BoundingBox {
    BoundingBox {
        left,
        top,
        right,
        bottom,
    }
}

pub(super) fn union(a: &BoundingBox, b: &BoundingBox) -> BoundingBox {
    BoundingBox {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    }
}

pub(super) fn mean_side(bbox: &BoundingBox) -> f32 {
    (bbox.width() + bbox.height()) / 2.0
}
