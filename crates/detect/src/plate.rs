//! Reads the outputs of the plate RetinaNet, which are those of a RetinaFace (Deng et al. 2019, arXiv:1905.00641) with four
//! landmarks.

use sfumato_core::detection::Corners;

use crate::candidate::{Candidate, box_around};

/// Overlap from which two boxes are one plate.
pub(crate) const IOU_MAX: f32 = 0.4;

/// Pixels of the input between neighbouring cells, and the sides of the squares (priors) that stand on each cell.
const LEVELS: [(usize, [f32; 2]); 3] = [(8, [24.0, 48.0]), (16, [96.0, 192.0]), (32, [384.0, 768.0])];

/// By how much of a prior's size one unit of an output moves a point.
const CENTER_VARIANCE: f32 = 0.1;
/// By how much one unit of an output changes the logarithm of a prior's size.
const SIZE_VARIANCE: f32 = 0.2;

/// How many priors an input of the given size in pixels has.
pub(crate) fn prior_count(width: usize, height: usize) -> usize {
    let count =
        |(stride, sides): (usize, [f32; 2])| width.div_ceil(stride) * height.div_ceil(stride) * sides.len();
    LEVELS.into_iter().map(count).sum()
}

/// Centre and side of each prior in pixels, in the order of the outputs.
fn priors(width: usize, height: usize) -> impl Iterator<Item = (f32, f32, f32)> {
    LEVELS.into_iter().flat_map(move |(stride, sides)| {
        let (columns, rows) = (width.div_ceil(stride), height.div_ceil(stride));
        (0..rows * columns).flat_map(move |cell| {
            let center = |index: usize| (index as f32 + 0.5) * stride as f32;
            let (x, y) = (center(cell % columns), center(cell / columns));
            sides.into_iter().map(move |side| (x, y, side))
        })
    })
}

/// The outputs; priors go by stride, row, column, size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outputs<'a> {
    /// Width of the input in pixels.
    pub(crate) width: usize,
    /// Height of the input in pixels.
    pub(crate) height: usize,
    /// Where the box is, four numbers a prior.
    pub(crate) location: &'a [f32],
    /// How likely the prior shows none and shows one, two numbers that sum to 1.
    pub(crate) confidence: &'a [f32],
    /// Where the corners are, eight numbers a prior: x and y, clockwise from the bottom right one.
    pub(crate) landmarks: &'a [f32],
}

impl<'a> Outputs<'a> {
    /// The boxes of priors with a confidence of at least `threshold`.
    pub(crate) fn candidates(self, threshold: f32) -> impl Iterator<Item = Candidate> + use<'a> {
        let (locations, _) = self.location.as_chunks::<4>();
        let (confidences, _) = self.confidence.as_chunks::<2>();
        let (landmarks, _) = self.landmarks.as_chunks::<8>();
        let outputs = confidences.iter().zip(locations).zip(landmarks);
        priors(self.width, self.height)
            .zip(outputs)
            .filter(move |(_, ((confidence, _), _))| confidence[1] >= threshold)
            .map(|((x, y, side), ((confidence, location), landmarks))| {
                let moved = |point: f32, by: f32| point + by * CENTER_VARIANCE * side;
                let sized = |by: f32| side * (by * SIZE_VARIANCE).exp();
                let [dx, dy, width, height] = *location;
                let corner =
                    |index: usize| [moved(x, landmarks[2 * index]), moved(y, landmarks[2 * index + 1])];
                // The model starts at the bottom right one.
                let corners: Corners = [corner(2), corner(3), corner(0), corner(1)];
                Candidate {
                    bbox: box_around(moved(x, dx), moved(y, dy), sized(width), sized(height)),
                    confidence: confidence[1],
                    corners: Some(corners),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prior_is_moved_by_tenths_and_sized_by_fifths_of_itself() {
        let (width, height) = (64, 32);
        // 8 by 4, 4 by 2 and 2 by 1 cells of two priors each.
        let count = prior_count(width, height);
        assert_eq!(count, 2 * (32 + 8 + 2));
        // The second prior of the cell in row 1, column 2 of stride 16: its centre is (40, 24), its side 192.
        let index = 2 * (32 + 4 + 2) + 1;
        let mut location = vec![0.0; 4 * count];
        location[4 * index..4 * index + 4].copy_from_slice(&[1.0, -0.5, 5.0 * 2.0_f32.ln(), 0.0]);
        let mut confidence = vec![0.0; 2 * count];
        confidence[2 * index + 1] = 0.9;
        let mut landmarks = vec![0.0; 8 * count];
        landmarks[8 * index..8 * index + 8].copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let outputs = Outputs {
            width,
            height,
            location: &location,
            confidence: &confidence,
            landmarks: &landmarks,
        };
        let found: Vec<_> = outputs.candidates(0.2).collect();
        assert_eq!(found.len(), 1);
        // Centre (40 + 19.2, 24 - 9.6) = (59.2, 14.4); size (384, 192).
        let bbox = found[0].bbox;
        let edges = [bbox.left, bbox.top, bbox.right, bbox.bottom];
        for (edge, expected) in edges.iter().zip([-132.8, -81.6, 251.2, 110.4]) {
            assert!((edge - expected).abs() < 1e-3, "{edges:?}");
        }
        let corners = found[0].corners.unwrap();
        for (corner, by) in corners.iter().zip([5.0, 7.0, 1.0, 3.0]) {
            assert!((corner[0] - (40.0 + 19.2 * by)).abs() < 1e-3, "{corners:?}");
            assert!(
                (corner[1] - (24.0 + 19.2 * (by + 1.0))).abs() < 1e-3,
                "{corners:?}"
            );
        }
    }
}
