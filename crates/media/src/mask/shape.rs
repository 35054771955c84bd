//! The region that a detection covers.

use sfumato_core::detection::{BoundingBox, Class, Detection};

use crate::orientation::Orientation;

/// By how much of its size a detection is grown on each side before it is hidden. Detectors put boxes tightly and not always
/// exactly: of 638 labelled faces 94 % lie to at least 70 % inside boxes grown like this, and 92 % where they are grown by
/// half as much.
const GROWTH: f32 = 0.15;

/// The smallest half side of a region in pixels.
const HALF_SIDE_MIN: f32 = 2.0;

/// A region in the stored grid, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A superellipse |x/a|³ + |y/b|³ ≤ 1.
    ///
    /// The ellipse that fits into a face's box misses a fifth of it, and what it misses of a box that is a little off can
    /// be an eye. This curve, which looks like an ellipse with fuller cheeks, is drawn through the corners of the box.
    Superellipse { center: [f32; 2], half: [f32; 2] },
    /// A convex polygon, its corners in order.
    Polygon(Vec<[f32; 2]>),
}

impl Shape {
    /// The region for a detection in a picture as displayed; `size` is the stored one.
    pub(super) fn around(detection: &Detection, orientation: Orientation, size: (u32, u32)) -> Self {
        // Pictures are far smaller than 2^24 pixels a side, so that f32 holds their sizes exactly.
        let (width, height) = (size.0 as f32, size.1 as f32);
        let to_stored = |point| orientation.to_stored(point, width, height);
        match detection.class {
            Class::Face => Self::face(&detection.bbox, to_stored),
            Class::Plate => Self::plate(detection, to_stored),
        }
    }

    fn face(bbox: &BoundingBox, to_stored: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        let a = to_stored([bbox.left, bbox.top]);
        let b = to_stored([bbox.right, bbox.bottom]);
        let half = |i: usize| ((a[i] - b[i]).abs() / 2.0 * FACE_SCALE).max(HALF_SIDE_MIN);
        Self::Superellipse {
            center: [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0],
            half: [half(0), half(1)],
        }
    }

    /// The hull of the grown box and, where there are corners, of the grown quadrilateral: a plate that is seen at an angle
    /// can stick out of its box, and a quadrilateral can be wrong.
    fn plate(detection: &Detection, to_stored: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        let bbox = detection.bbox;
        let [width, height] = [bbox.width(), bbox.height()];
        let extra = |side: f32| (2.0 * HALF_SIDE_MIN - side * (1.0 + 2.0 * GROWTH)).max(0.0) / 2.0;
        let grown = bbox.grown(GROWTH);
        let (dx, dy) = (extra(width), extra(height));
        let (left, right) = (grown.left - dx, grown.right + dx);
        let (top, bottom) = (grown.top - dy, grown.bottom + dy);
        let mut points = vec![[left, top], [right, top], [right, bottom], [left, bottom]];
        if let Some(corners) = detection.corners {
            let center = |i: usize| corners.iter().map(|corner| corner[i]).sum::<f32>() / 4.0;
            let center = [center(0), center(1)];
            let reach = (width + height) / 2.0;
            points.extend(corners.map(|corner| {
                [0, 1].map(|i| {
                    let far = center[i] + (corner[i] - center[i]) * (1.0 + 2.0 * GROWTH);
                    // A corner far from its box is an error of the model.
                    let (low, high) = if i == 0 { (left, right) } else { (top, bottom) };
                    far.clamp(low - reach, high + reach)
                })
            }));
            points.retain(|point| point.iter().all(|value| value.is_finite()));
        }
        Self::Polygon(convex_hull(points.into_iter().map(to_stored).collect()))
    }

    /// Left, top, right, bottom.
    pub(super) fn bounds(&self) -> [f32; 4] {
        match self {
            Self::Superellipse { center, half } => [
                center[0] - half[0],
                center[1] - half[1],
                center[0] + half[0],
                center[1] + half[1],
            ],
            Self::Polygon(points) => points.iter().fold(
                [f32::MAX, f32::MAX, f32::MIN, f32::MIN],
                |[left, top, right, bottom], [x, y]| {
                    [left.min(*x), top.min(*y), right.max(*x), bottom.max(*y)]
                },
            ),
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (f32, f32) {
        let [left, top, right, bottom] = self.bounds();
        (right - left, bottom - top)
    }

    /// Distance of a point from the region in pixels; 0 or less inside. Along a superellipse it is measured towards the
    /// centre, which is a little more than the way to the nearest point.
    pub(super) fn distance(&self, x: f32, y: f32) -> f32 {
        match self {
            Self::Superellipse { center, half } => {
                let (dx, dy) = ((x - center[0]).abs(), (y - center[1]).abs());
                let (u, v) = (dx / half[0], dy / half[1]);
                let cubed = u * u * u + v * v * v;
                if cubed <= 1.0 {
                    return 0.0;
                }
                dx.hypot(dy) * (1.0 - 1.0 / cubed.cbrt())
            }
            Self::Polygon(points) => polygon_distance(points, [x, y]),
        }
    }
}

/// Scales a box to the axes of the superellipse. The curve's area is then 1.73 of the box's, a little more than the 1.69 of
/// the box grown by [`GROWTH`], and it goes around the corners of the box itself, for which 2^(1/3) = 1.26 would be enough.
const FACE_SCALE: f32 = 1.4;

/// The convex hull (Andrew's monotone chain, 1979).
fn convex_hull(mut points: Vec<[f32; 2]>) -> Vec<[f32; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let half = |points: &mut dyn Iterator<Item = [f32; 2]>| {
        let mut hull: Vec<[f32; 2]> = vec![];
        for point in points {
            while let [.., a, b] = hull[..]
                && cross(a, b, point) <= 0.0
            {
                hull.pop();
            }
            hull.push(point);
        }
        hull.pop();
        hull
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// Positive where `c` lies to the left of the way from `a` to `b`.
fn cross(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn polygon_distance(points: &[[f32; 2]], point: [f32; 2]) -> f32 {
    let mut inside = true;
    let mut nearest = f32::MAX;
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        if cross(*a, b, point) < 0.0 {
            inside = false;
        }
        nearest = nearest.min(segment_distance(*a, b, point));
    }
    if inside { 0.0 } else { nearest }
}

fn segment_distance(a: [f32; 2], b: [f32; 2], p: [f32; 2]) -> f32 {
    let (along, to_point) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length_squared = along[0] * along[0] + along[1] * along[1];
    let t = if length_squared > 0.0 {
        ((to_point[0] * along[0] + to_point[1] * along[1]) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (to_point[0] - along[0] * t).hypot(to_point[1] - along[1] * t)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detection(class: Class, edges: [f32; 4], corners: Option<[[f32; 2]; 4]>) -> Detection {
        let [left, top, right, bottom] = edges;
        Detection {
            class,
            bbox: BoundingBox {
                left,
                top,
                right,
                bottom,
            },
            confidence: 1.0,
            model: "test".into(),
            corners,
        }
    }

    fn around(detection: &Detection) -> Shape {
        Shape::around(detection, Orientation::UPRIGHT, (1000, 1000))
    }

    #[test]
    fn a_face_is_covered_with_its_whole_box() {
        let shape = around(&detection(Class::Face, [100.0, 100.0, 180.0, 200.0], None));
        for x in 101..180 {
            for y in 101..200 {
                assert!(shape.distance(x as f32, y as f32) <= 0.0, "{x} {y}");
            }
        }
        assert!(shape.distance(80.0, 80.0) > 0.0, "but not all around it");
    }

    #[test]
    fn a_plate_is_covered_with_its_box_and_its_corners() {
        let corners = [[90.0, 130.0], [300.0, 90.0], [305.0, 150.0], [95.0, 190.0]];
        let shape = around(&detection(
            Class::Plate,
            [100.0, 100.0, 300.0, 180.0],
            Some(corners),
        ));
        for [x, y] in corners.into_iter().chain([[100.0, 100.0], [300.0, 180.0]]) {
            assert!(shape.distance(x, y) <= 0.0, "{x} {y}");
        }
    }

    #[test]
    fn corners_that_make_no_sense_do_not_hide_half_the_picture() {
        let corners = [[-5000.0, 0.0], [9000.0, 0.0], [f32::NAN, 500.0], [0.0, 7000.0]];
        let shape = around(&detection(
            Class::Plate,
            [100.0, 100.0, 200.0, 150.0],
            Some(corners),
        ));
        assert!(shape.distance(150.0, 125.0) <= 0.0);
        let (width, height) = shape.size();
        assert!(width < 400.0 && height < 400.0, "{width} {height}");
    }

    proptest! {
        #[test]
        fn a_region_is_the_same_part_of_the_scene_in_every_orientation(
            left in 0.0f32..900.0, top in 0.0f32..500.0, width in 5.0f32..200.0, height in 5.0f32..200.0,
            u in 0.0f32..1000.0, v in 0.0f32..600.0, plate in any::<bool>(),
        ) {
            let class = if plate { Class::Plate } else { Class::Face };
            let corners = plate.then_some([[left, top + 3.0], [left + width, top], [left + width, top + height], [left, top + height]]);
            let found = detection(class, [left, top, left + width, top + height], corners);
            let upright = Shape::around(&found, Orientation::UPRIGHT, (1000, 600));
            for orientation in Orientation::all() {
                let size = orientation.upright_size(1000, 600);
                let stored = Shape::around(&found, orientation, size);
                let [x, y] = orientation.to_stored([u, v], size.0 as f32, size.1 as f32);
                let difference = upright.distance(u, v) - stored.distance(x, y);
                prop_assert!(difference.abs() < 0.01, "{orientation:?} {difference}");
            }
        }

        #[test]
        fn the_distance_is_never_negative_and_never_nan(x in -2000.0f32..2000.0, y in -2000.0f32..2000.0) {
            for class in [Class::Face, Class::Plate] {
                let distance = around(&detection(class, [10.0, 10.0, 10.0, 12.0], None)).distance(x, y);
                prop_assert!(distance >= 0.0);
            }
        }
    }
}
