//! One thing that is followed: from its detections to its box in every frame.

use std::collections::VecDeque;

use sfumato_core::detection::{BoundingBox, Class, Detection, Origin};
use sfumato_core::options::Profile;

use super::closeness::closeness;
use super::edges::{Edges, bounding_box, edges, mean_side, union};
use super::keys::{Anchor, Key, VELOCITY_KEYS, anchors, between, held, run_on, velocity};
use super::known::Known;
use super::{Region, Settings};

/// One thing that is followed.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// None until a look is sure of it. It has no boxes then.
    pub(super) number: Option<u32>,
    pub(super) keys: VecDeque<Key>,
    /// The last frame in which a look was sure of it, or the first of all where none was, and how hard that one looked.
    pub(super) sure: u32,
    pub(super) sure_look: Profile,
    /// How many looks were sure of it.
    sure_looks: u32,
    /// The scene that it is in: first frame, and first frame of the next one.
    scene_start: u32,
    pub(super) scene_end: Option<u32>,
    /// By how much the edges move in a frame.
    velocity: Edges,
}

impl Track {
    pub(super) fn new(key: Key, scene_start: u32) -> Self {
        Self {
            number: None,
            sure: key.frame,
            sure_look: key.profile,
            sure_looks: 0,
            keys: VecDeque::from([key]),
            scene_start,
            scene_end: None,
            velocity: [0.0; 4],
        }
    }

    pub(super) fn last(&self) -> Option<&Key> {
        self.keys.back()
    }

    /// Whether a detection in a frame can still be of this track.
    pub(super) fn is_alive(&self, frame: u32, gap_max: u32) -> bool {
        self.scene_end.is_none_or(|end| frame < end)
            && self.last().is_some_and(|key| frame <= key.frame + gap_max)
    }

    /// Whether a detection that is only suspected may carry it on. A face may turn away for as long as it likes; what is
    /// taken for a plate by mistake stays one, and is large; a large one is carried only if two looks were sure of it.
    pub(super) fn may_be_carried(&self, frame: u32, settings: &Settings) -> bool {
        let plate = self
            .last()
            .map(|key| &key.detection)
            .filter(|found| found.class == Class::Plate);
        let Some(plate) = plate.filter(|_| self.number.is_some()) else {
            return true;
        };
        // The side of a square of its area.
        let is_large = plate.bbox.area().sqrt() >= settings.large_plate_px;
        let is_confirmed = !is_large || self.sure_looks > 1;
        is_confirmed && frame <= self.sure + settings.weak_max
    }

    /// Notes that a look was sure of it in a frame.
    pub(super) fn is_sure_in(&mut self, frame: u32, look: Profile) {
        self.sure_looks += 1;
        if frame >= self.sure {
            (self.sure, self.sure_look) = (frame, look);
        }
    }

    pub(super) fn extend(&mut self, key: Key) {
        self.keys.push_back(key);
        self.velocity = recent_velocity(&self.keys);
    }

    /// How well a detection fits this track: above 1 where the boxes overlap, 0 to 1 where they are near; `None` where it
    /// does not fit.
    pub(super) fn score(&self, key: &Key) -> Option<f32> {
        let last = self.last()?;
        if last.detection.class != key.detection.class {
            return None;
        }
        let passed = key.frame.saturating_sub(last.frame) as f32;
        let moved = self.predicted(key.frame)?;
        let closeness = |bbox: &BoundingBox| closeness(bbox, &key.detection.bbox, passed);
        match (closeness(&moved), closeness(&last.detection.bbox)) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether a track that began later is the same thing, seen again, and how well it fits: only if it lies where this one is
    /// expected when it begins, or comes from there.
    pub(super) fn leads_to(&self, later: &Self, settings: &Settings) -> Option<f32> {
        let first = later.keys.front()?;
        let is_later = self.last().is_some_and(|last| last.frame < first.frame);
        (is_later && self.is_alive(first.frame, settings.hold))
            .then(|| self.score(first).or_else(|| self.origin_of(later)))
            .flatten()
    }

    /// Whether something that runs was here before its way was known, and how well that fits.
    fn origin_of(&self, later: &Self) -> Option<f32> {
        let (last, first) = (self.last()?, later.keys.front()?);
        let is_of_class = last.detection.class == first.detection.class;
        if self.keys.len() > 1 || later.keys.len() < 2 || !is_of_class {
            return None;
        }
        let passed = first.frame.checked_sub(last.frame)? as f32;
        let anchors = anchors(&later.keys, |_| true);
        let step = velocity(anchors.iter());
        let before = std::array::from_fn(|edge| anchors[0].edges[edge] - step[edge] * passed);
        closeness(&bounding_box(before), &last.detection.bbox, 0.0)
    }

    /// Takes over what was seen of a track that began later.
    pub(super) fn append(&mut self, later: Self) {
        let sure_looks = self.sure_looks + later.sure_looks;
        self.is_sure_in(later.sure, later.sure_look);
        self.sure_looks = sure_looks;
        self.keys.extend(later.keys);
        self.velocity = recent_velocity(&self.keys);
    }

    /// How well a detection in any frame fits this track.
    pub(super) fn fits(&self, new: &Key, settings: &Settings) -> Option<f32> {
        let (expected, _) = self.along(&anchors(&self.keys, |_| true), new.frame, settings)?;
        let passed = self.keys.iter().map(|key| key.frame.abs_diff(new.frame)).min()?;
        if expected.class != new.detection.class {
            return None;
        }
        closeness(&expected.bbox, &new.detection.bbox, passed as f32)
    }

    pub(super) fn insert(&mut self, new: Key) {
        let place = self.keys.partition_point(|key| key.frame < new.frame);
        match self.keys.get_mut(place).filter(|key| key.frame == new.frame) {
            // Both looks have seen something.
            Some(key) => {
                key.detection.bbox = union(&key.detection.bbox, &new.detection.bbox);
                key.is_sure |= new.is_sure;
            }
            None => self.keys.insert(place, new),
        }
        self.velocity = recent_velocity(&self.keys);
    }

    /// Centre's way in a frame, as a fraction of the size.
    pub(super) fn speed(&self) -> f32 {
        let Some(key) = self.last() else { return 0.0 };
        let [left, top, right, bottom] = self.velocity;
        let way = ((left + right) / 2.0).hypot((top + bottom) / 2.0);
        way / mean_side(&key.detection.bbox).max(1.0)
    }

    /// Where it should be in a frame after the last detection, if it moves on as it did.
    pub(super) fn predicted(&self, frame: u32) -> Option<BoundingBox> {
        let key = self.last()?;
        Some(run_on(
            &key.detection.bbox,
            self.velocity,
            frame.saturating_sub(key.frame) as f32,
        ))
    }

    /// Drops detections that no frame from this one on needs.
    pub(super) fn forget(&mut self, frame: u32) {
        while self.keys.len() > VELOCITY_KEYS + 1 && self.keys[VELOCITY_KEYS].frame < frame {
            self.keys.pop_front();
        }
    }

    pub(super) fn region(&self, frame: u32, settings: &Settings) -> Option<Region> {
        let track = self.number?;
        let all = anchors(&self.keys, |_| true);
        let known = Known::new(&self.keys);
        let (mut detection, origin) = self.raw(&all, &known, frame, settings)?;
        let around: Vec<Edges> = (frame.saturating_sub(settings.smooth)..=frame + settings.smooth)
            .filter_map(|frame| Some(edges(&self.raw(&all, &known, frame, settings)?.0.bbox)))
            .collect();
        let mean =
            [0, 1, 2, 3].map(|i| around.iter().map(|edges| edges[i]).sum::<f32>() / around.len() as f32);
        detection.bbox = union(&detection.bbox, &bounding_box(mean));
        Some(Region {
            track,
            origin,
            detection,
        })
    }

    /// The box in a frame before it is smoothed: what all detections say, and what those say that looks were sure of.
    fn raw(
        &self,
        all: &[Anchor<'_>],
        known: &Known<'_>,
        frame: u32,
        settings: &Settings,
    ) -> Option<(Detection, Origin)> {
        let (mut detection, origin) = self.along(all, frame, settings)?;
        for bbox in known.boxes(frame, settings) {
            detection.bbox = union(&detection.bbox, &bbox);
        }
        Some((detection, origin))
    }

    /// The box in a frame, by these detections.
    fn along(&self, anchors: &[Anchor<'_>], frame: u32, settings: &Settings) -> Option<(Detection, Origin)> {
        if frame < self.scene_start || self.scene_end.is_some_and(|end| frame >= end) {
            return None;
        }
        let next = anchors.partition_point(|anchor| anchor.key.frame < frame);
        let (before, after) = (
            next.checked_sub(1).and_then(|i| anchors.get(i)),
            anchors.get(next),
        );
        match (before, after) {
            (_, Some(at)) if at.key.frame == frame => Some((at.detection(at.bbox()), Origin::Detected)),
            (Some(a), Some(b)) => {
                let mut detection = between(a, b, frame);
                if b.key.frame - a.key.frame > settings.hold {
                    let ways = [
                        (a, velocity(anchors[..next].iter().rev())),
                        (b, velocity(anchors[next..].iter())),
                    ];
                    for (end, velocity) in ways {
                        let passed = frame as f32 - end.key.frame as f32;
                        if passed.abs() <= settings.hold as f32 {
                            detection.bbox = union(&detection.bbox, &run_on(&end.bbox(), velocity, passed));
                        }
                    }
                }
                Some((detection, Origin::Interpolated))
            }
            (None, Some(first)) if first.key.frame - frame <= settings.hold => {
                Some((first.detection(held(anchors, 0, frame)), Origin::Held))
            }
            (Some(last), None) if frame - last.key.frame <= settings.hold => {
                Some((last.detection(held(anchors, next - 1, frame)), Origin::Held))
            }
            _ => None,
        }
    }
}

/// By how much the edges move in a frame, the last detections counting most.
fn recent_velocity(keys: &VecDeque<Key>) -> Edges {
    let anchors = anchors(keys, |_| true);
    let mut velocity: Option<Edges> = None;
    for pair in anchors.windows(2) {
        let passed = (pair[1].key.frame - pair[0].key.frame).max(1) as f32;
        let step: Edges = std::array::from_fn(|edge| (pair[1].edges[edge] - pair[0].edges[edge]) / passed);
        velocity = Some(match velocity {
            None => step,
            Some(before) => std::array::from_fn(|edge| f32::midpoint(step[edge], before[edge])),
        });
    }
    velocity.unwrap_or_default()
}
