//! What looks were sure of, where others only suspect something, and where a track jumps.
//!
//! A suspicion lies beside the thing often enough: on a shoulder, or on two faces at once. It carries a track on, so that a face that
//! turns away stays hidden. But it does not move the box away from where the thing is known to be, and what comes out from behind
//! another thing is often taken for that one: then the track jumps, and both ends of the jump are held, as if one track ended there and
//! another one began.

use std::collections::VecDeque;

use sfumato_core::detection::BoundingBox;

use super::Settings;
use super::keys::{Anchor, Key, anchors, between, held, run_on, velocity};

/// Intersection over union with where a track was, or would be, below which it has jumped.
const JUMP_IOU: f32 = 0.1;

/// How many frames what is known is held beside suspicions: the next look is sure again as a rule, and what the suspicions say is
/// hidden, too.
const HOLD_FRAMES: u32 = 6;

/// What is known of a track.
pub(super) struct Known<'a> {
    /// What looks were sure of.
    sure: Vec<Anchor<'a>>,
    /// Whether there is anything else.
    has_weak: bool,
    /// Those of them to which the track has jumped.
    jumps: Vec<usize>,
}

impl<'a> Known<'a> {
    pub(super) fn new(keys: &'a VecDeque<Key>) -> Self {
        let sure = anchors(keys, |key| key.is_sure);
        Self {
            has_weak: sure.len() < keys.len(),
            jumps: (1..sure.len()).filter(|place| is_jump(&sure, *place)).collect(),
            sure,
        }
    }

    /// Where the thing is, or may be, in a frame.
    pub(super) fn boxes(&self, frame: u32, settings: &Settings) -> Vec<BoundingBox> {
        let mut boxes = vec![];
        let mut hold = |place: usize, frames_max: u32| {
            let Some(anchor) = self.sure.get(place) else {
                return;
            };
            if anchor.key.frame.abs_diff(frame) <= frames_max {
                boxes.push(held(&self.sure, place, frame));
            }
        };
        for place in &self.jumps {
            if frame > self.sure[place - 1].key.frame {
                hold(place - 1, settings.hold);
            }
            if frame < self.sure[*place].key.frame {
                hold(*place, settings.hold);
            }
        }
        if !self.has_weak {
            return boxes;
        }
        let next = self.sure.partition_point(|anchor| anchor.key.frame < frame);
        match (next.checked_sub(1), self.sure.get(next)) {
            (_, Some(at)) if at.key.frame == frame => {}
            (Some(before), Some(b)) if b.key.frame - self.sure[before].key.frame <= settings.hold => {
                boxes.push(between(&self.sure[before], b, frame).bbox);
            }
            (before, _) => {
                for place in before.into_iter().chain([next]) {
                    hold(place, HOLD_FRAMES);
                }
            }
        }
        boxes
    }
}

/// Whether a detection lies neither where the one before it lies nor on its way.
fn is_jump(sure: &[Anchor<'_>], place: usize) -> bool {
    let (before, after) = (&sure[place - 1], &sure[place]);
    let passed = (after.key.frame - before.key.frame) as f32;
    let (from, to) = (before.bbox(), after.bbox());
    let ahead = run_on(&from, velocity(sure[..place].iter().rev()), passed);
    let back = run_on(&to, velocity(sure[place..].iter()), -passed);
    from.iou(&to).max(ahead.iou(&to)).max(back.iou(&from)) < JUMP_IOU
}

#[cfg(test)]
mod tests {
    use super::super::tests::{COVERED_MIN, GROWTH, covered, detection};
    use super::super::{Region, Rhythm, Seen, Tracker};
    use super::*;
    use sfumato_core::detection::Detection;
    use sfumato_core::options::Profile;

    /// What is hidden in each of 40 frames, all of which are looked at: `sees` says what looks are sure of, and what they suspect.
    fn followed(sees: impl Fn(u32) -> [Vec<Detection>; 2]) -> Vec<Vec<BoundingBox>> {
        let rhythm = Rhythm {
            every: 1,
            ..Rhythm::of(Profile::Fast)
        };
        let mut tracker = Tracker::new(Settings::new(rhythm, 20, 1920));
        let mut regions: Vec<Vec<Region>> = vec![];
        for frame in 0..40 {
            let [sure, weak] = sees(frame);
            regions.extend(tracker.push(Some((Profile::Fast, Seen { sure, weak })), false));
        }
        regions.extend(std::iter::from_fn(|| tracker.finish()));
        let grown = |regions: &Vec<Region>| {
            regions
                .iter()
                .map(|region| region.detection.bbox.grown(GROWTH))
                .collect()
        };
        regions.iter().map(grown).collect()
    }

    #[test]
    fn a_suspicion_beside_a_face_does_not_move_its_box_away() {
        let face = detection([300.0, 300.0, 342.0, 354.0]);
        let shoulder = detection([286.0, 278.0, 328.0, 338.0]);
        let hidden = followed(|frame| match frame {
            18..22 => [vec![], vec![shoulder.clone()]],
            _ => [vec![face.clone()], vec![]],
        });
        for (frame, boxes) in (0..).zip(&hidden) {
            assert!(covered(&face.bbox, boxes) >= 1.0, "{frame}");
        }
    }

    #[test]
    fn a_suspicion_beside_a_face_that_turns_away_does_not_move_its_box_away_at_once() {
        let face = detection([300.0, 300.0, 342.0, 354.0]);
        let beside = |frame: u32| {
            let left = 312.0 + 4.0 * frame.saturating_sub(20) as f32;
            detection([left, 300.0, left + 42.0, 354.0])
        };
        let hidden = followed(|frame| match frame {
            0..20 => [vec![face.clone()], vec![]],
            _ => [vec![], vec![beside(frame)]],
        });
        for boxes in &hidden[20..20 + HOLD_FRAMES as usize] {
            assert!(covered(&face.bbox, boxes) >= COVERED_MIN);
        }
    }

    #[test]
    fn what_comes_out_from_behind_a_face_is_hidden_before_it_is_seen() {
        let near = detection([300.0, 300.0, 340.0, 350.0]);
        // It is in sight from frame 14 on, and seen from frame 20 on, when the near one is missed once.
        let far = detection([345.0, 300.0, 385.0, 350.0]);
        let hidden = followed(|frame| match frame {
            0..20 => [vec![near.clone()], vec![]],
            20 => [vec![far.clone()], vec![]],
            _ => [vec![near.clone(), far.clone()], vec![]],
        });
        for boxes in &hidden[14..] {
            assert!(covered(&far.bbox, boxes) >= COVERED_MIN);
        }
        assert!(
            hidden
                .iter()
                .all(|boxes| covered(&near.bbox, boxes) >= COVERED_MIN)
        );
    }
}
