//! Compares what was found with what is there, picture by picture.

use crate::boxes::BoundingBox;

use super::looked::Detection;

/// Share of an object that has to lie inside the union of the masks so that the object counts as hidden.
pub(crate) const COVERED_MIN: f64 = 0.7;

/// The stricter intersection over union, which is measured beside the chosen one.
pub(crate) const IOU_STRICT: f64 = 0.5;

/// What counts as found, and how large masks are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Intersection over union of a detection and the object that it has found, at least.
    pub(crate) iou: f64,
    /// What a mask is larger than its detection: fraction of width and height on each side.
    pub(crate) growth: f64,
}

/// An object of the ground truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Object {
    pub(crate) bounding_box: BoundingBox,
    /// The share that lies under masks, 0 to 1.
    pub(crate) covered: f64,
    /// Whether a detection fits it.
    pub(crate) found: bool,
    /// The same at [`IOU_STRICT`].
    pub(crate) found_strict: bool,
}

impl Object {
    pub(crate) fn is_hidden(&self) -> bool {
        self.covered >= COVERED_MIN
    }
}

/// A detection and whether it is of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Claim {
    pub(crate) bounding_box: BoundingBox,
    pub(crate) confidence: f64,
    /// Whether it fits an object that no more confident one has.
    pub(crate) right: bool,
    /// The same at [`IOU_STRICT`].
    pub(crate) right_strict: bool,
}

/// One picture after the comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) objects: Vec<Object>,
    pub(crate) claims: Vec<Claim>,
}

impl Judged {
    /// Compares one picture. `found` are the detections of the class that `truth` is of, the most confident first.
    pub(crate) fn new(truth: &[BoundingBox], found: &[&Detection], rules: Rules) -> Self {
        let boxes: Vec<_> = found.iter().map(|detection| detection.bounding_box).collect();
        let masks: Vec<_> = boxes
            .iter()
            .map(|bounding_box| bounding_box.grown(rules.growth))
            .collect();
        let loose = pair(truth, &boxes, rules.iou);
        let strict = pair(truth, &boxes, IOU_STRICT);
        let objects = truth.iter().enumerate().map(|(index, bounding_box)| Object {
            bounding_box: *bounding_box,
            covered: bounding_box.covered_by(&masks),
            found: loose.contains(&Some(index)),
            found_strict: strict.contains(&Some(index)),
        });
        let claims = found.iter().enumerate().map(|(index, detection)| Claim {
            bounding_box: detection.bounding_box,
            confidence: detection.confidence,
            right: loose[index].is_some(),
            right_strict: strict[index].is_some(),
        });
        Self {
            objects: objects.collect(),
            claims: claims.collect(),
        }
    }
}

/// For each box, in the given order, the object that fits it best among those that are left.
fn pair(truth: &[BoundingBox], boxes: &[BoundingBox], iou_min: f64) -> Vec<Option<usize>> {
    let mut left: Vec<_> = (0..truth.len()).collect();
    boxes
        .iter()
        .map(|bounding_box| {
            let (place, iou) = left
                .iter()
                .map(|index| bounding_box.iou(&truth[*index]))
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1))?;
            (iou >= iou_min).then(|| left.remove(place))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        iou: 0.3,
        growth: 0.15,
    };

    fn found(confidence: f64, left: f64, top: f64, side: f64) -> Detection {
        Detection {
            class: "face".to_owned(),
            confidence,
            bounding_box: BoundingBox::from_size(left, top, side, side),
        }
    }

    fn judge(truth: &[BoundingBox], found: &[Detection]) -> Judged {
        Judged::new(truth, &found.iter().collect::<Vec<_>>(), RULES)
    }

    #[test]
    fn the_more_confident_detection_takes_the_object_even_if_another_fits_better() {
        let truth = [BoundingBox::from_size(0.0, 0.0, 10.0, 10.0)];
        let judged = judge(&truth, &[found(0.9, 2.0, 2.0, 10.0), found(0.8, 0.0, 0.0, 10.0)]);
        let right: Vec<_> = judged.claims.iter().map(|claim| claim.right).collect();
        assert_eq!(right, [true, false]);
        // At the stricter measure the first does not fit, so that the object is left for the second.
        let strict: Vec<_> = judged.claims.iter().map(|claim| claim.right_strict).collect();
        assert_eq!(strict, [false, true]);
        assert!(judged.objects[0].found && judged.objects[0].found_strict);
    }

    #[test]
    fn a_detection_takes_the_object_that_fits_best() {
        let truth = [
            BoundingBox::from_size(4.0, 0.0, 10.0, 10.0),
            BoundingBox::from_size(0.0, 0.0, 10.0, 10.0),
        ];
        let judged = judge(&truth, &[found(0.9, 0.0, 0.0, 10.0)]);
        let taken: Vec<_> = judged.objects.iter().map(|object| object.found).collect();
        assert_eq!(taken, [false, true]);
        let judged = judge(&truth, &[found(0.9, 1.0, 0.0, 10.0), found(0.8, 1.0, 0.0, 10.0)]);
        assert!(judged.objects.iter().all(|object| object.found));
        assert!(judged.claims.iter().all(|claim| claim.right));
    }

    #[test]
    fn an_object_can_be_hidden_without_being_found_and_found_without_being_hidden() {
        let truth = [BoundingBox::from_size(100.0, 100.0, 10.0, 10.0)];
        let wide = judge(&truth, &[found(0.9, 50.0, 50.0, 100.0)]);
        assert!(wide.objects[0].is_hidden() && !wide.objects[0].found && !wide.claims[0].right);
        let aside = judge(&truth, &[found(0.9, 105.0, 100.0, 10.0)]);
        assert!(aside.objects[0].found && !aside.objects[0].is_hidden());
        // Half of it lies under the detection, and 1.5 of its 10 columns more under the mask.
        assert!((aside.objects[0].covered - 0.65).abs() < 1e-9);
    }

    #[test]
    fn two_masks_hide_an_object_together() {
        let truth = [BoundingBox::from_size(0.0, 0.0, 20.0, 10.0)];
        let half = [found(0.9, 0.0, 0.0, 10.0)];
        assert!(!judge(&truth, &half).objects[0].is_hidden());
        let both = [found(0.9, 0.0, 0.0, 10.0), found(0.2, 10.0, 0.0, 10.0)];
        let judged = judge(&truth, &both);
        assert_eq!(judged.objects[0].covered, 1.0);
        assert_eq!(judged.claims.iter().filter(|claim| claim.right).count(), 1);
    }

    #[test]
    fn a_picture_without_objects_makes_every_detection_wrong() {
        let judged = judge(&[], &[found(0.9, 0.0, 0.0, 10.0)]);
        assert!(judged.objects.is_empty());
        assert!(!judged.claims[0].right && !judged.claims[0].right_strict);
    }
}
