//! Reads YuNet's outputs (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 2023).

use crate::candidate::{Candidate, box_around};

/// Pixels of the input between neighbouring cells, one grid each.
pub(crate) const STRIDES: [usize; 3] = [8, 16, 32];

/// Overlap from which two boxes are one face.
pub(crate) const IOU_MAX: f32 = 0.45;

/// The outputs of one stride; cells go row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid<'a> {
    /// Pixels of the input between neighbouring cells.
    pub(crate) stride: usize,
    /// Cells in a row.
    pub(crate) columns: usize,
    /// How likely the cell shows a face, one number a cell.
    pub(crate) class: &'a [f32],
    /// How well the box fits, one number a cell.
    pub(crate) objectness: &'a [f32],
    /// Offset of the centre and logarithm of the size in strides, four numbers a cell.
    pub(crate) boxes: &'a [f32],
}

impl Grid<'_> {
    /// The boxes of cells with a confidence of at least `threshold`.
    pub(crate) fn candidates(self, threshold: f32) -> impl Iterator<Item = Candidate> {
        let (boxes, _) = self.boxes.as_chunks::<4>();
        let cells = self.class.iter().zip(self.objectness).zip(boxes).enumerate();
        cells.filter_map(
            move |(index, ((class, objectness), [dx, dy, log_width, log_height]))| {
                let confidence = (class.clamp(0.0, 1.0) * objectness.clamp(0.0, 1.0)).sqrt();
                (confidence >= threshold).then(|| {
                    let stride = self.stride as f32;
                    let (column, row) = (index % self.columns, index / self.columns);
                    Candidate {
                        bbox: box_around(
                            (column as f32 + dx) * stride,
                            (row as f32 + dy) * stride,
                            log_width.exp() * stride,
                            log_height.exp() * stride,
                        ),
                        confidence,
                        corners: None,
                    }
                })
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_an_offset_and_a_logarithmic_size() {
        let ln2 = 2.0_f32.ln();
        // Two columns, two rows; the third cell is column 0, row 1.
        let boxes = [[0.0; 4], [0.0; 4], [0.5, 0.25, ln2, 0.0], [0.0; 4]];
        let grid = Grid {
            stride: 16,
            columns: 2,
            class: &[0.1, 0.1, 0.81, f32::NAN],
            objectness: &[0.1, 1.0, 1.2, 1.0],
            boxes: boxes.as_flattened(),
        };
        let found: Vec<_> = grid.candidates(0.5).collect();
        assert_eq!(found.len(), 1);
        let Candidate { bbox, confidence, .. } = &found[0];
        // sqrt(0.81 * 1); centre (0 + 0.5, 1 + 0.25) * 16 = (8, 20); size (2, 1) * 16 = (32, 16).
        assert!((confidence - 0.9).abs() < 1e-6);
        let edges = [bbox.left, bbox.top, bbox.right, bbox.bottom];
        for (edge, expected) in edges.iter().zip([-8.0, 12.0, 24.0, 28.0]) {
            assert!((edge - expected).abs() < 1e-4, "{edges:?}");
        }
    }
}
