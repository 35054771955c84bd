//! The region that a detection covers.

use std::ops::Range;

use sfumato_core::detection::{Class, Detection};
use sfumato_core::options::{Mask, MaskGrowth, MaskShape};

use crate::orientation::Orientation;

/// The smallest half side of a region in pixels.
const HALF_SIDE_MIN: f32 = 2.0;

/// A region in the stored grid, in pixels. Both kinds are convex.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// A superellipse |x/a|³ + |y/b|³ ≤ 1.
    ///
    /// The ellipse that fits into a face's box misses a fifth of it, and what it misses of a box that is a little off can
    /// be an eye. This curve, which looks like an ellipse with fuller cheeks, is drawn around the corners of the box.
    Superellipse { center: [f32; 2], half: [f32; 2] },
    /// A convex polygon, its corners in order.
    Polygon(Vec<[f32; 2]>),
}

impl Shape {
    /// The region for a detection in a picture as displayed; `size` is the stored one.
    ///
    /// Detectors put boxes tightly and not always exactly, which is what `mask.growth` is for: of 638 labelled faces 94 %
    /// lie to at least 70 % inside boxes grown by 0.15, the default, and 92 % where they are grown by half as much. Every
    /// shape covers the box itself wholly, whatever the growth.
    pub(super) fn around(
        detection: &Detection,
        mask: &Mask,
        orientation: Orientation,
        size: (u32, u32),
    ) -> Self {
        // Pictures are far smaller than 2^24 pixels a side, so that f32 holds their sizes exactly.
        let (width, height) = (size.0 as f32, size.1 as f32);
        let outline = |growth| -> Vec<[f32; 2]> {
            outline(detection, growth)
                .into_iter()
                .map(|point| orientation.to_stored(point, width, height))
                .collect()
        };
        // A fraction from 0 to 1 loses nothing that matters as f32.
        let growth = mask.growth.get() as f32;
        let usual = match detection.class {
            Class::Face => MaskShape::Ellipse,
            Class::Plate => MaskShape::Quad,
        };
        match mask.shape.unwrap_or(usual) {
            MaskShape::Ellipse => {
                let [left, top, right, bottom] = bounds(&outline(0.0));
                let scale = ellipse_scale(mask.growth);
                Self::Superellipse {
                    center: [(left + right) / 2.0, (top + bottom) / 2.0],
                    half: [(right - left) / 2.0 * scale, (bottom - top) / 2.0 * scale],
                }
            }
            MaskShape::Box => {
                let [left, top, right, bottom] = bounds(&outline(growth));
                Self::Polygon(convex_hull(vec![
                    [left, top],
                    [right, top],
                    [right, bottom],
                    [left, bottom],
                ]))
            }
            MaskShape::Quad => Self::Polygon(convex_hull(outline(growth))),
        }
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
            Self::Polygon(points) => bounds(points),
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (f32, f32) {
        let [left, top, right, bottom] = self.bounds();
        (right - left, bottom - top)
    }

    /// The part of a horizontal line that lies inside; empty where the line passes by.
    pub(super) fn span(&self, y: f32) -> Range<f32> {
        match self {
            Self::Superellipse { center, half } => superellipse_span(*center, *half, y),
            Self::Polygon(points) => polygon_span(points, y),
        }
    }

    /// A part of a horizontal line outside of which every point is at least `distance` pixels away from the region.
    pub(super) fn span_within(&self, distance: f32, y: f32) -> Range<f32> {
        match self {
            Self::Superellipse { center, half } => {
                // The curve comes nowhere nearer to its centre than at the end of its shorter axis, and distances are
                // measured towards the centre.
                let scale = 1.0 + distance / half[0].min(half[1]);
                superellipse_span(*center, half.map(|half| half * scale), y)
            }
            Self::Polygon(points) => {
                let [left, top, right, bottom] = bounds(points);
                if (top - distance..=bottom + distance).contains(&y) {
                    left - distance..right + distance
                } else {
                    left..left
                }
            }
        }
    }

    /// Distance of a point from the region in pixels; 0 inside. From a superellipse it is measured towards the centre, which
    /// is a little more than the way to the nearest point.
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

/// Scales a box to the axes of the superellipse for a growth.
///
/// - It is never less than 2^(1/3) = 1.26, with which the curve goes through the corners of the box.
/// - It is 1.4 for a growth of 0.15: the curve's area is then 1.73 of the box's, a little more than the 1.69 of
///   the grown box.
/// - It rises so that the curve hides what the grown box promises to hide: the face, which is round, wherever its true box
///   lies within the grown one. The hardest place is the diagonal, where the point of a face that is off by the growth g in
///   both directions lies at 2g + 0.71 half sides in both, that is 2^(1/3) (2g + 0.71) from the centre as the curve measures.
fn ellipse_scale(growth: MaskGrowth) -> f32 {
    const AROUND_THE_CORNERS: f32 = 1.26;
    // A fraction from 0 to 1 loses nothing that matters as f32.
    let beyond = growth.get() as f32 - 0.15;
    (1.4 + 2.0 * AROUND_THE_CORNERS * beyond).max(AROUND_THE_CORNERS)
}

/// The corners of the grown box and, where the model gives corners, of the grown quadrilateral: a plate that is seen at an
/// angle can stick out of its box, and a quadrilateral can be wrong.
fn outline(detection: &Detection, growth: f32) -> Vec<[f32; 2]> {
    let bbox = detection.bbox;
    let grown = bbox.grown(growth);
    let extra = |side: f32| (HALF_SIDE_MIN - side / 2.0).max(0.0);
    let (dx, dy) = (extra(grown.width()), extra(grown.height()));
    let (left, right) = (grown.left - dx, grown.right + dx);
    let (top, bottom) = (grown.top - dy, grown.bottom + dy);
    let mut points = vec![[left, top], [right, top], [right, bottom], [left, bottom]];
    if let Some(corners) = detection.corners {
        let center = |i: usize| corners.iter().map(|corner| corner[i]).sum::<f32>() / 4.0;
        let center = [center(0), center(1)];
        let reach = (bbox.width() + bbox.height()) / 2.0;
        points.extend(corners.map(|corner| {
            [0, 1].map(|i| {
                let far = center[i] + (corner[i] - center[i]) * (1.0 + 2.0 * growth);
                // A corner far from its box is an error of the model.
                let (low, high) = if i == 0 { (left, right) } else { (top, bottom) };
                far.clamp(low - reach, high + reach)
            })
        }));
        points.retain(|point| point.iter().all(|value| value.is_finite()));
    }
    points
}

/// Left, top, right, bottom of some points.
fn bounds(points: &[[f32; 2]]) -> [f32; 4] {
    points.iter().fold(
        [f32::MAX, f32::MAX, f32::MIN, f32::MIN],
        |[left, top, right, bottom], [x, y]| [left.min(*x), top.min(*y), right.max(*x), bottom.max(*y)],
    )
}

fn superellipse_span(center: [f32; 2], half: [f32; 2], y: f32) -> Range<f32> {
    let v = (y - center[1]).abs() / half[1];
    let reach = half[0] * (1.0 - v * v * v).max(0.0).cbrt();
    center[0] - reach..center[0] + reach
}

/// A line crosses the border of a convex polygon at two points.
fn polygon_span(points: &[[f32; 2]], y: f32) -> Range<f32> {
    let mut span = f32::MAX..f32::MIN;
    for (i, [x0, y0]) in points.iter().enumerate() {
        let [x1, y1] = points[(i + 1) % points.len()];
        if y0.min(y1) <= y && y <= y0.max(y1) {
            let t = if y1 == *y0 { 0.0 } else { (y - y0) / (y1 - y0) };
            let x = x0 + (x1 - x0) * t;
            span = span.start.min(x)..span.end.max(x);
        }
    }
    span
}

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
    use sfumato_core::detection::BoundingBox;

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

    fn mask(growth: f64, shape: Option<MaskShape>) -> Mask {
        Mask {
            growth: MaskGrowth::new(growth).unwrap(),
            shape,
            ..Mask::default()
        }
    }

    fn around(detection: &Detection) -> Shape {
        around_with(detection, 0.15, None)
    }

    fn around_with(detection: &Detection, growth: f64, shape: Option<MaskShape>) -> Shape {
        Shape::around(
            detection,
            &mask(growth, shape),
            Orientation::UPRIGHT,
            (1000, 1000),
        )
    }

    fn shapes() -> [Option<MaskShape>; 4] {
        [
            None,
            Some(MaskShape::Ellipse),
            Some(MaskShape::Box),
            Some(MaskShape::Quad),
        ]
    }

    #[test]
    fn every_shape_covers_the_whole_box_whatever_the_growth() {
        let corners = [[110.0, 104.0], [176.0, 101.0], [170.0, 190.0], [103.0, 198.0]];
        for (class, corners) in [
            (Class::Face, None),
            (Class::Plate, None),
            (Class::Plate, Some(corners)),
        ] {
            let found = detection(class, [100.0, 100.0, 180.0, 200.0], corners);
            for shape in shapes() {
                for growth in [0.0, 0.05, 0.15, 0.4, 1.0] {
                    let region = around_with(&found, growth, shape);
                    for (x, y) in (100..=180).flat_map(|x| (100..=200).map(move |y| (x, y))) {
                        let distance = region.distance(x as f32, y as f32);
                        assert!(distance <= 0.0, "{class:?} {shape:?} {growth}: {x} {y}");
                    }
                    assert!(region.distance(10.0, 40.0) > 0.0, "but not all around it");
                }
            }
        }
    }

    #[test]
    fn an_ellipse_hides_a_face_wherever_its_box_lies_within_the_grown_one() {
        let found = detection(Class::Face, [400.0, 400.0, 500.0, 520.0], None);
        for percent in 0..=100u8 {
            let growth = f64::from(percent) / 100.0;
            let region = around_with(&found, growth, None);
            for degrees in 0..360u16 {
                let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
                for (right, down) in [(1.0, 1.0), (1.0, -1.0), (1.0, 0.0), (-1.0, 1.0)] {
                    let x = 450.0 + right * growth * 100.0 + cos * 50.0;
                    let y = 460.0 + down * growth * 120.0 + sin * 60.0;
                    let distance = region.distance(x as f32, y as f32);
                    assert!(distance <= 0.0, "{growth}: {x} {y}");
                }
            }
        }
    }

    #[test]
    fn regions_grow_with_the_growth_and_a_box_is_the_grown_box() {
        let found = detection(Class::Face, [400.0, 400.0, 500.0, 520.0], None);
        for shape in shapes() {
            let area = |growth| {
                let (width, height) = around_with(&found, growth, shape).size();
                width * height
            };
            let areas = [0.0, 0.1, 0.2, 0.5, 1.0].map(area);
            assert!(areas.is_sorted() && areas[1] < areas[2], "{shape:?} {areas:?}");
        }
        for shape in [MaskShape::Box, MaskShape::Quad] {
            let bounds = around_with(&found, 0.2, Some(shape)).bounds();
            for (edge, expected) in bounds.iter().zip([380.0, 376.0, 520.0, 544.0]) {
                assert!((edge - expected).abs() < 0.01, "{bounds:?}");
            }
        }
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
        assert!(shape.distance(335.0, 203.0) > 0.0, "the quadrilateral is no box");
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
            u in 0.0f32..1000.0, v in 0.0f32..600.0, plate in any::<bool>(), shape in 0usize..4,
        ) {
            let class = if plate { Class::Plate } else { Class::Face };
            let corners = plate.then_some([[left, top + 3.0], [left + width, top], [left + width, top + height], [left, top + height]]);
            let found = detection(class, [left, top, left + width, top + height], corners);
            let mask = mask(0.15, shapes()[shape]);
            let upright = Shape::around(&found, &mask, Orientation::UPRIGHT, (1000, 600));
            for orientation in Orientation::all() {
                let size = orientation.upright_size(1000, 600);
                let stored = Shape::around(&found, &mask, orientation, size);
                let [x, y] = orientation.to_stored([u, v], size.0 as f32, size.1 as f32);
                let difference = upright.distance(u, v) - stored.distance(x, y);
                prop_assert!(difference.abs() < 0.01, "{orientation:?} {difference}");
            }
        }

        #[test]
        fn spans_hold_what_is_inside_and_what_is_near(
            left in 0.0f32..200.0, top in 0.0f32..200.0, width in 0.0f32..300.0, height in 0.0f32..300.0,
            tilt in -40.0f32..40.0, shape in 0usize..4, near in 1.0f32..80.0,
            x in -200.0f32..700.0, y in -200.0f32..700.0,
        ) {
            let (right, bottom) = (left + width, top + height);
            let corners = [[left, top + tilt], [right, top], [right, bottom - tilt], [left, bottom]];
            let found = detection(Class::Plate, [left, top, right, bottom], Some(corners));
            let region = around_with(&found, 0.15, shapes()[shape]);
            let distance = region.distance(x, y);
            let span = region.span(y);
            // Rounding decides on the border itself.
            if (span.start + 0.01..span.end - 0.01).contains(&x) {
                prop_assert!(distance < 0.01, "{span:?} {distance}");
            }
            if distance <= 0.0 {
                prop_assert!((span.start - 0.1..=span.end + 0.1).contains(&x), "{span:?}");
            }
            if distance < near * 0.99 {
                let span = region.span_within(near, y);
                prop_assert!((span.start - 0.1..=span.end + 0.1).contains(&x), "{span:?} {distance}");
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
