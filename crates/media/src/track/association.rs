//! Which detection is of which track.

use sfumato_core::detection::BoundingBox;

use super::edges::mean_side;
use super::path::{Key, Track};

/// How well a detection has to fit a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It may have moved: what a look is sure of.
    Near,
    /// It lies where the track is expected: what a look is not sure of.
    Overlap,
}

/// Intersection over union from which a weak detection is of a track.
const OVERLAP_MIN: f32 = 0.3;

/// Intersection over union from which a detection can be where a track is expected.
const IOU_MIN: f32 = 0.15;

/// How far, in sizes, a detection may lie from where a track is expected, at once and for every frame that has passed: a
/// track whose motion is not known yet may be anywhere around.
const DISTANCE_MAX: f32 = 0.65;
/// The same at once for one that has the same size.
const DISTANCE_ALIKE_MAX: f32 = 0.9;
const DISTANCE_PER_FRAME: f32 = 0.15;
const DISTANCE_LIMIT: f32 = 2.0;

/// How much larger or smaller a thing can have become.
const AREA_RATIO_MAX: f32 = 3.0;

/// The ratio of their areas up to which two boxes have the same size.
const ALIKE_RATIO_MAX: f32 = 1.25;

/// For each detection the track it belongs to, if any, by its place in `tracks`. A track has one detection at most, the
/// best fitting pair comes first.
pub(super) fn associate(tracks: &[&Track], found: &[Key], fit: Fit) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = vec![];
    for (t, track) in tracks.iter().enumerate() {
        for (d, key) in found.iter().enumerate() {
            let score = score(track, key).filter(|score| fit == Fit::Near || *score >= 1.0 + OVERLAP_MIN);
            if let Some(score) = score {
                pairs.push((score, t, d));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut partners = vec![None; found.len()];
    let mut is_taken = vec![false; tracks.len()];
    for (_, t, d) in pairs {
        if partners[d].is_none() && !is_taken[t] {
            partners[d] = Some(t);
            is_taken[t] = true;
        }
    }
    partners
}

/// How well a detection fits a track: above 1 where the boxes overlap, 0 to 1 where they are near; `None` where it does not
/// fit.
pub(super) fn score(track: &Track, key: &Key) -> Option<f32> {
    let last = track.last()?;
    if last.detection.class != key.detection.class {
        return None;
    }
    let passed = key.frame.saturating_sub(last.frame) as f32;
    let moved = track.predicted(key.frame)?;
    let closeness = |bbox: &BoundingBox| closeness(bbox, &key.detection.bbox, passed);
    match (closeness(&moved), closeness(&last.detection.bbox)) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// How well a box fits where one is expected that was seen some frames before or after.
pub(super) fn closeness(expected: &BoundingBox, found: &BoundingBox, passed: f32) -> Option<f32> {
    let iou = expected.iou(found);
    if iou >= IOU_MIN {
        return Some(1.0 + iou);
    }
    let (old, new) = (expected.area().max(1.0), found.area().max(1.0));
    let ratio = old.max(new) / old.min(new);
    if ratio > AREA_RATIO_MAX {
        return None;
    }
    let at_once = if ratio <= ALIKE_RATIO_MAX {
        DISTANCE_ALIKE_MAX
    } else {
        DISTANCE_MAX
    };
    let limit = (at_once + DISTANCE_PER_FRAME * passed).min(DISTANCE_LIMIT);
    let distance = distance(expected, found);
    (distance < limit).then(|| 1.0 - distance / limit)
}

/// The way between the centres, in sizes.
fn distance(a: &BoundingBox, b: &BoundingBox) -> f32 {
    let ((ax, ay), (bx, by)) = (a.center(), b.center());
    let size = (mean_side(a) + mean_side(b)) / 2.0;
    (ax - bx).hypot(ay - by) / size.max(1.0)
}
