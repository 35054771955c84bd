//! Which tracks of one part go on in the next one.
//!
//! Both parts were looked at around the seam, and have boxes for the same frames there: those of the same thing lie over each
//! other.

use std::collections::BTreeMap;

use sfumato_core::detection::{BoundingBox, Class};

use super::report::{TrackPiece, TrackedBox};

/// Mean intersection over union from which two tracks are of the same thing. Both have seen it, in other frames at most.
const IOU_MIN: f32 = 0.3;

/// The boxes of a track around a seam, by when their frames are displayed.
#[derive(Clone, Debug)]
pub(super) struct Around {
    class: Class,
    boxes: BTreeMap<u64, BoundingBox>,
}

/// The tracks around a seam, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracks(BTreeMap<u32, Around>);

impl Tracks {
    /// Adds those boxes of a piece that are wanted.
    pub(super) fn add(&mut self, number: u32, piece: &TrackPiece, is_wanted: impl Fn(&TrackedBox) -> bool) {
        for found in piece.boxes.iter().filter(|found| is_wanted(found)) {
            let around = self.0.entry(number).or_insert_with(|| Around {
                class: piece.class,
                boxes: BTreeMap::new(),
            });
            // Both parts compute this from the same time stamp.
            around.boxes.insert(found.time_s.to_bits(), found.bbox);
        }
    }

    /// For the tracks of the next part, by their numbers there, which of these they are. The pairs that lie closest over each
    /// other, in most frames, come first; a track goes on in one at most.
    pub(super) fn go_on_in(&self, next: &Self) -> BTreeMap<u32, u32> {
        let mut pairs: Vec<(f32, u32, u32)> = vec![];
        for (after, b) in &next.0 {
            for (before, a) in &self.0 {
                if let Some(score) = a.score(b) {
                    pairs.push((score, *before, *after));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut same = BTreeMap::new();
        let mut is_taken = std::collections::BTreeSet::new();
        for (_, before, after) in pairs {
            if !same.contains_key(&after) && is_taken.insert(before) {
                same.insert(after, before);
            }
        }
        same
    }
}

impl Around {
    /// Sum of the intersections over unions in the frames that both are in; `None` where they are not of the same thing.
    fn score(&self, other: &Self) -> Option<f32> {
        if self.class != other.class {
            return None;
        }
        let (mut sum, mut count) = (0.0, 0.0);
        for (time, bbox) in &self.boxes {
            if let Some(there) = other.boxes.get(time) {
                sum += bbox.iou(there);
                count += 1.0;
            }
        }
        (count > 0.0 && sum >= IOU_MIN * count).then_some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfumato_core::detection::Origin;

    /// A thing at a height that moves to the right.
    fn piece(class: Class, top: f32, frames: std::ops::Range<u32>) -> TrackPiece {
        let boxes = frames
            .map(|frame| TrackedBox {
                frame: 0,
                time_s: f64::from(frame) / 30.0,
                bbox: BoundingBox {
                    left: frame as f32,
                    top,
                    right: frame as f32 + 20.0,
                    bottom: top + 20.0,
                },
                origin: Origin::Detected,
                hidden: true,
            })
            .collect();
        TrackPiece {
            number: 0,
            class,
            model: String::new(),
            confidence: 1.0,
            boxes,
        }
    }

    #[test]
    fn tracks_go_on_where_their_boxes_lie_over_each_other() {
        let (mut before, mut after) = (Tracks::default(), Tracks::default());
        before.add(10, &piece(Class::Face, 0.0, 0..30), |_| true);
        before.add(11, &piece(Class::Face, 8.0, 0..30), |_| true);
        before.add(12, &piece(Class::Face, 100.0, 0..10), |_| true);
        before.add(13, &piece(Class::Plate, 200.0, 0..30), |_| true);
        // In another order, a little off; one too late to be compared, one of another class.
        after.add(0, &piece(Class::Face, 9.0, 20..30), |_| true);
        after.add(1, &piece(Class::Face, 1.0, 20..30), |_| true);
        after.add(2, &piece(Class::Face, 100.0, 20..30), |_| true);
        after.add(3, &piece(Class::Face, 200.0, 20..30), |_| true);
        let same = before.go_on_in(&after);
        assert_eq!(same.into_iter().collect::<Vec<_>>(), [(0, 11), (1, 10)]);
    }

    #[test]
    fn boxes_that_are_not_wanted_do_not_count() {
        let mut tracks = Tracks::default();
        tracks.add(0, &piece(Class::Face, 0.0, 0..5), |found| found.time_s > 1.0);
        assert!(tracks.0.is_empty());
    }
}
