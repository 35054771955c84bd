//! Greedy non-maximum suppression.

use sfumato_core::detection::BoundingBox;

/// Boxes that take part at most, the most confident ones. The comparison is quadratic, and a picture made for it can light
/// up every cell of a grid; a crowd of a thousand faces lights up about ten cells each.
const BOXES_MAX: usize = 20_000;

/// Keeps the most confident box of every group whose intersection over union is greater than `iou_max`.
///
/// The result is sorted by confidence, the highest first; boxes of equal confidence stay in their order. `key` gives the
/// box and the confidence of an item.
pub(crate) fn suppress<T>(mut items: Vec<T>, iou_max: f32, key: impl Fn(&T) -> (BoundingBox, f32)) -> Vec<T> {
    items.sort_by(|a, b| key(b).1.total_cmp(&key(a).1));
    items.truncate(BOXES_MAX);
    let mut kept: Vec<BoundingBox> = Vec::new();
    items.retain(|item| {
        let (bbox, _) = key(item);
        let is_new = kept.iter().all(|other| bbox.iou(other) <= iou_max);
        if is_new {
            kept.push(bbox);
        }
        is_new
    });
    items
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn boxes() -> impl Strategy<Value = Vec<(BoundingBox, f32)>> {
        let one = (
            0.0_f32..50.0,
            0.0_f32..50.0,
            0.0_f32..40.0,
            0.0_f32..40.0,
            0.0_f32..1.0,
        );
        let one = one.prop_map(|(left, top, width, height, confidence)| {
            let bbox = BoundingBox {
                left,
                top,
                right: left + width,
                bottom: top + height,
            };
            (bbox, confidence)
        });
        vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn no_two_of_the_kept_overlap_more_than_allowed(boxes in boxes(), iou_max in 0.0_f32..1.0) {
            let kept = suppress(boxes, iou_max, |item| *item);
            for (index, (bbox, confidence)) in kept.iter().enumerate() {
                for (other, lower) in &kept[index + 1..] {
                    prop_assert!(bbox.iou(other) <= iou_max);
                    prop_assert!(lower <= confidence);
                }
            }
        }

        #[test]
        fn what_is_dropped_overlaps_something_more_confident(boxes in boxes(), iou_max in 0.0_f32..1.0) {
            let kept = suppress(boxes.clone(), iou_max, |item| *item);
            for (bbox, confidence) in boxes.iter().filter(|item| !kept.contains(item)) {
                let covers = |(other, higher): &(BoundingBox, f32)| higher >= confidence && bbox.iou(other) > iou_max;
                prop_assert!(kept.iter().any(covers));
            }
        }

        #[test]
        fn a_second_time_changes_nothing(boxes in boxes(), iou_max in 0.0_f32..1.0) {
            let once = suppress(boxes, iou_max, |item| *item);
            prop_assert_eq!(suppress(once.clone(), iou_max, |item| *item), once);
        }
    }
}
