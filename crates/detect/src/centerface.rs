//! Reads CenterFace's outputs (Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019,
//! arXiv:1911.03599).

use crate::candidate::{Candidate, box_around};

/// Pixels of the input between neighbouring cells.
pub(crate) const STRIDE: usize = 4;

/// Overlap from which two boxes are one face.
pub(crate) const IOU_MAX: f32 = 0.3;

/// The outputs; each is one plane or two, row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maps<'a> {
    /// Cells in a row.
    pub(crate) columns: usize,
    /// How likely the cell is the centre of a face.
    pub(crate) heatmap: &'a [f32],
    /// Logarithm of the height in strides, then of the width.
    pub(crate) scale: &'a [f32],
    /// Offset of the centre in strides: down, then to the right.
    pub(crate) offset: &'a [f32],
}

impl Maps<'_> {
    /// The boxes of cells with a confidence of at least `threshold`. The other maps have to hold twice as many numbers as
    /// the heatmap.
    pub(crate) fn candidates(self, threshold: f32) -> impl Iterator<Item = Candidate> {
        let cells = self.heatmap.len();
        let ((heights, widths), (downs, rights)) = (self.scale.split_at(cells), self.offset.split_at(cells));
        let stride = STRIDE as f32;
        let over = self.heatmap.iter().enumerate();
        over.filter(move |&(_, &confidence)| confidence >= threshold)
            .map(move |(index, &confidence)| {
                let (column, row) = (index % self.columns, index / self.columns);
                Candidate {
                    bbox: box_around(
                        (column as f32 + rights[index] + 0.5) * stride,
                        (row as f32 + downs[index] + 0.5) * stride,
                        widths[index].exp() * stride,
                        heights[index].exp() * stride,
                    ),
                    confidence,
                    corners: None,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn height_and_offset_down_come_before_width_and_offset_right() {
        let ln2 = 2.0_f32.ln();
        // Three columns, one row; the last cell is a centre.
        let maps = Maps {
            columns: 3,
            heatmap: &[0.29, f32::NAN, 0.8],
            scale: &[0.0, 0.0, ln2, 0.0, 0.0, 0.0],
            offset: &[0.0, 0.0, 0.25, 0.0, 0.0, -0.5],
        };
        let found: Vec<_> = maps.candidates(0.3).collect();
        assert_eq!(found.len(), 1);
        let bbox = found[0].bbox;
        // Centre ((2 - 0.5 + 0.5) * 4, (0 + 0.25 + 0.5) * 4) = (8, 3); size (4, 8).
        let edges = [bbox.left, bbox.top, bbox.right, bbox.bottom];
        for (edge, expected) in edges.iter().zip([6.0, -1.0, 10.0, 7.0]) {
            assert!((edge - expected).abs() < 1e-4, "{edges:?}");
        }
        assert_eq!(found[0].confidence, 0.8);
    }
}
