//! How near a detection lies to where one is expected.

use sfumato_core::detection::BoundingBox;

use super::edges::mean_side;

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
