//! Boxes in pixels, and how much of one lies under others.
//!
//! The product has a type for this too; what measures the product must not share its mistakes.

/// An axis-aligned bounding box in pixels, the origin at the top left corner of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BoundingBox {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl BoundingBox {
    /// From the top left corner and the size.
    pub(crate) fn from_size(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    pub(crate) fn width(&self) -> f64 {
        (self.right - self.left).max(0.0)
    }

    pub(crate) fn height(&self) -> f64 {
        (self.bottom - self.top).max(0.0)
    }

    /// In square pixels; 0 for an empty box.
    pub(crate) fn area(&self) -> f64 {
        self.width() * self.height()
    }

    /// The longer of width and height, in pixels.
    pub(crate) fn long_side(&self) -> f64 {
        self.width().max(self.height())
    }

    /// What both have in common; empty where they are apart.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// Intersection over union: 0 (apart) to 1 (equal).
    pub(crate) fn iou(&self, other: &Self) -> f64 {
        let common = self.intersection(other).area();
        let union = self.area() + other.area() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }

    /// The box grown by `fraction` of its width and height on each side.
    pub(crate) fn grown(&self, fraction: f64) -> Self {
        let (dx, dy) = (self.width() * fraction, self.height() * fraction);
        Self {
            left: self.left - dx,
            top: self.top - dy,
            right: self.right + dx,
            bottom: self.bottom + dy,
        }
    }

    /// The share of this box that lies inside the union of the others, 0 to 1; exact, however they overlap.
    pub(crate) fn covered_by(&self, others: &[Self]) -> f64 {
        let parts: Vec<_> = others
            .iter()
            .map(|other| self.intersection(other))
            .filter(|part| part.area() > 0.0)
            .collect();
        let area = self.area();
        if area > 0.0 {
            union_area(&parts) / area
        } else {
            0.0
        }
    }
}

/// The area of the union of boxes that are not empty. Between two neighbouring edges the union is as wide as the strip and
/// as high as the union of the intervals of the boxes that span it.
fn union_area(boxes: &[BoundingBox]) -> f64 {
    let mut edges: Vec<f64> = boxes.iter().flat_map(|part| [part.left, part.right]).collect();
    edges.sort_by(f64::total_cmp);
    edges
        .windows(2)
        .map(|strip| {
            let (left, right) = (strip[0], strip[1]);
            let spans = boxes
                .iter()
                .filter(|part| part.left <= left && part.right >= right)
                .map(|part| (part.top, part.bottom));
            (right - left) * union_length(spans.collect())
        })
        .sum()
}

fn union_length(mut intervals: Vec<(f64, f64)>) -> f64 {
    intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut end = f64::NEG_INFINITY;
    let mut length = 0.0;
    for (from, to) in intervals {
        length += (to - from.max(end)).max(0.0);
        end = end.max(to);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(left: f64, top: f64, side: f64) -> BoundingBox {
        BoundingBox::from_size(left, top, side, side)
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn overlapping_masks_count_once() {
        let face = square(0.0, 0.0, 10.0);
        assert_close(face.covered_by(&[]), 0.0);
        assert_close(face.covered_by(&[square(-5.0, -5.0, 10.0)]), 0.25);
        let left = BoundingBox::from_size(0.0, 0.0, 6.0, 10.0);
        let top = BoundingBox::from_size(0.0, 0.0, 10.0, 6.0);
        assert_close(face.covered_by(&[left, top]), 0.84);
        assert_close(face.covered_by(&[left, top, left, square(1.0, 1.0, 2.0)]), 0.84);
        assert_close(face.covered_by(&[square(-1.0, -1.0, 30.0), top]), 1.0);
    }

    #[test]
    fn masks_that_touch_or_lie_apart_add_up() {
        let face = square(100.0, 100.0, 10.0);
        let corners = [
            square(100.0, 100.0, 2.0),
            square(108.0, 100.0, 2.0),
            square(100.0, 108.0, 2.0),
            square(108.0, 108.0, 2.0),
        ];
        assert_close(face.covered_by(&corners), 0.16);
        assert_close(
            face.covered_by(&[square(90.0, 90.0, 10.0), square(110.0, 100.0, 10.0)]),
            0.0,
        );
        let halves = [
            BoundingBox::from_size(100.0, 100.0, 5.0, 10.0),
            BoundingBox::from_size(105.0, 100.0, 5.0, 10.0),
        ];
        assert_close(face.covered_by(&halves), 1.0);
    }

    /// Counted pixel by pixel, which is exact for whole numbers.
    #[test]
    fn the_union_of_many_boxes_is_what_counting_gives() {
        let mut state = 7_u32;
        let mut next = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from((state >> 16) % limit)
        };
        for _ in 0..50 {
            let masks: Vec<_> = (0..12)
                .map(|_| BoundingBox::from_size(next(40), next(40), next(15), next(15)))
                .collect();
            let face = BoundingBox::from_size(5.0, 5.0, 30.0, 25.0);
            let mut counted = 0.0;
            for x in 5..35 {
                for y in 5..30 {
                    let pixel = square(f64::from(x), f64::from(y), 1.0);
                    if masks.iter().any(|mask| mask.intersection(&pixel).area() > 0.5) {
                        counted += 1.0;
                    }
                }
            }
            assert_close(face.covered_by(&masks), counted / face.area());
        }
    }

    #[test]
    fn the_intersection_over_union_of_half_overlapping_boxes_is_a_third() {
        assert_close(
            square(0.0, 0.0, 10.0).iou(&BoundingBox::from_size(5.0, 0.0, 10.0, 10.0)),
            1.0 / 3.0,
        );
        assert_close(square(0.0, 0.0, 10.0).iou(&square(20.0, 20.0, 10.0)), 0.0);
        assert_close(square(3.0, 3.0, 0.0).iou(&square(3.0, 3.0, 0.0)), 0.0);
    }

    #[test]
    fn growth_is_on_each_side() {
        assert_eq!(
            BoundingBox::from_size(10.0, 10.0, 20.0, 10.0).grown(0.15),
            BoundingBox::from_size(7.0, 8.5, 26.0, 13.0)
        );
    }
}
