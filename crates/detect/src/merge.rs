//! Makes one detection of what several looks found.

use sfumato_core::detection::{BoundingBox, Class, Detection};

/// Overlap from which boxes of two looks are one thing.
const MERGE_IOU_MIN: f32 = 0.4;

/// The share of a box that is cut off by the border of a tile which has to lie in another box for it to be the same thing.
const CUT_INSIDE_MIN: f32 = 0.7;

/// Boxes that take part at most, the most confident ones: the comparison is quadratic, and a picture made for it can light
/// up every cell of a grid in every look.
const BOXES_MAX: usize = 20_000;

/// A detection of one look, before it is compared to those of others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) detection: Detection,
    /// The look: looks of one number do not confirm each other.
    pub(crate) look: usize,
    /// The place of the model among all; the box of the lowest counts.
    pub(crate) rank: usize,
    /// Whether the border of a tile cuts the box off.
    pub(crate) is_cut: bool,
}

/// Merges what all looks found; `threshold` is the confidence from which a detection of a class counts.
///
/// Boxes that overlap are one thing. Its box is that of the model that stands first, where two of its looks agree the more
/// confident one. Its confidence says how likely not every look was mistaken, as if looks were independent,
/// `1 - (1 - a)(1 - b)…`: what two looks see counts although neither alone is sure. The most confident come first.
///
/// Second come the boxes that do not count.
pub(crate) fn merge(found: Vec<Found>, threshold: impl Fn(Class) -> f32) -> (Vec<Detection>, Vec<Detection>) {
    let (faces, plates) = found
        .into_iter()
        .partition(|found| found.detection.class == Class::Face);
    let mut merged = merge_class(faces);
    merged.extend(merge_class(plates));
    merged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    merged
        .into_iter()
        .partition(|detection| detection.confidence >= threshold(detection.class))
}

/// A thing that was found.
struct Thing {
    detection: Detection,
    /// The most confident detection of each look.
    looks: Vec<(usize, f32)>,
}

fn merge_class(mut found: Vec<Found>) -> Vec<Detection> {
    found.sort_by(|a, b| b.detection.confidence.total_cmp(&a.detection.confidence));
    found.truncate(BOXES_MAX);
    // A stable sort: within one rank the most confident stay first. A box that is cut off is nobody's first choice.
    found.sort_by_key(|found| (found.is_cut, found.rank));
    let mut things: Vec<Thing> = Vec::new();
    for Found {
        detection,
        look,
        rank: _,
        is_cut,
    } in found
    {
        let is_same = |thing: &&mut Thing| {
            detection.bbox.iou(&thing.detection.bbox) > MERGE_IOU_MIN
                || is_cut && share_inside(&detection.bbox, &thing.detection.bbox) >= CUT_INSIDE_MIN
        };
        match things.iter_mut().find(is_same) {
            Some(thing) => thing.confirm(look, detection.confidence),
            None => things.push(Thing {
                looks: vec![(look, detection.confidence)],
                detection,
            }),
        }
    }
    let confident = things.into_iter().map(|thing| {
        let mistaken = thing
            .looks
            .iter()
            .fold(1.0, |product, (_, confidence)| product * (1.0 - confidence));
        Detection {
            confidence: 1.0 - mistaken,
            ..thing.detection
        }
    });
    confident.collect()
}

impl Thing {
    /// Adds what a look says of it.
    fn confirm(&mut self, look: usize, confidence: f32) {
        match self.looks.iter_mut().find(|(other, _)| *other == look) {
            Some((_, highest)) => *highest = highest.max(confidence),
            None => self.looks.push((look, confidence)),
        }
    }
}

/// The share of a box that lies in another one, 0 to 1.
fn share_inside(bbox: &BoundingBox, other: &BoundingBox) -> f32 {
    let width = (bbox.right.min(other.right) - bbox.left.max(other.left)).max(0.0);
    let height = (bbox.bottom.min(other.bottom) - bbox.top.max(other.top)).max(0.0);
    if bbox.area() > 0.0 {
        width * height / bbox.area()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class: Class, edges: [f32; 4], confidence: f32, look: usize, rank: usize) -> Found {
        let [left, top, right, bottom] = edges;
        let bbox = BoundingBox {
            left,
            top,
            right,
            bottom,
        };
        Found {
            detection: Detection {
                class,
                bbox,
                confidence,
                model: format!("model {rank}"),
                corners: None,
            },
            look,
            rank,
            is_cut: false,
        }
    }

    const PLACE: [f32; 4] = [10.0, 10.0, 20.0, 20.0];
    const NEARLY: [f32; 4] = [10.0, 10.0, 20.0, 19.0];

    fn merged(all: Vec<Found>, threshold: f32) -> Vec<(f32, f32, String)> {
        let describe = |detection: Detection| {
            let percent = (detection.confidence * 100.0).round() / 100.0;
            (detection.bbox.bottom, percent, detection.model)
        };
        merge(all, |_| threshold).0.into_iter().map(describe).collect()
    }

    #[test]
    fn a_face_and_a_plate_in_one_place_both_stay_and_the_surer_one_comes_first() {
        let all = vec![
            found(Class::Face, PLACE, 0.5, 0, 0),
            found(Class::Plate, PLACE, 0.8, 1, 1),
        ];
        let classes: Vec<Class> = merge(all, |_| 0.1)
            .0
            .into_iter()
            .map(|detection| detection.class)
            .collect();
        assert_eq!(classes, [Class::Plate, Class::Face]);
    }

    #[test]
    fn looks_that_agree_are_surer_than_each_and_looks_that_repeat_are_not() {
        let two = |look| {
            vec![
                found(Class::Plate, PLACE, 0.4, 0, 0),
                found(Class::Plate, NEARLY, 0.5, look, 0),
            ]
        };
        assert_eq!(merged(two(1), 0.1), [(19.0, 0.7, "model 0".to_owned())]);
        assert_eq!(merged(two(0), 0.1), [(19.0, 0.5, "model 0".to_owned())]);
    }

    #[test]
    fn what_no_look_is_sure_of_counts_where_two_see_it() {
        let apart = [50.0, 10.0, 60.0, 20.0];
        let all = vec![
            found(Class::Plate, PLACE, 0.2, 0, 0),
            found(Class::Plate, NEARLY, 0.2, 1, 0),
            found(Class::Plate, apart, 0.3, 1, 0),
        ];
        assert_eq!(merged(all.clone(), 0.35), [(20.0, 0.36, "model 0".to_owned())]);
        let (_, weak) = merge(all, |_| 0.35);
        assert_eq!(weak.len(), 1);
        assert_eq!((weak[0].bbox.left, weak[0].confidence), (50.0, 0.3));
    }

    #[test]
    fn the_box_is_that_of_the_model_that_stands_first() {
        let all = vec![
            found(Class::Face, NEARLY, 0.9, 0, 1),
            found(Class::Face, PLACE, 0.5, 1, 0),
        ];
        assert_eq!(merged(all, 0.1), [(20.0, 0.95, "model 0".to_owned())]);
    }

    #[test]
    fn half_a_thing_at_the_border_of_a_tile_is_no_thing_of_its_own() {
        let half = [10.0, 10.0, 13.0, 20.0];
        let thing = found(Class::Face, PLACE, 0.5, 0, 1);
        let mut cut = found(Class::Face, half, 0.9, 1, 0);
        assert_eq!(merged(vec![thing.clone(), cut.clone()], 0.1).len(), 2);
        cut.is_cut = true;
        assert_eq!(
            merged(vec![cut.clone(), thing], 0.1),
            [(20.0, 0.95, "model 1".to_owned())]
        );
        assert_eq!(merged(vec![cut], 0.1).len(), 1);
    }
}
