//! One thing that is followed: from its detections to its box in every frame.

use std::collections::VecDeque;

use sfumato_core::detection::{BoundingBox, Class, Corners, Detection};
use sfumato_core::options::Profile;

use super::edges::{Edges, bounding_box, edges, mean_side, union};
use super::known::Known;
use super::whole::whole;
use sfumato_core::detection::Origin;

use super::{Region, Settings, association};

/// By how much of its size a box grows on each side for every frame that it is away from the nearest detection: between
/// detections things do not move in straight lines.
const SLACK_PER_FRAME: f32 = 0.015;

/// The most that it grows by.
const SLACK_MAX: f32 = 0.15;

/// The same where there is but one of them: a box that is held covers where it was too.
const SLACK_HELD_PER_FRAME: f32 = 0.007;
const SLACK_HELD_MAX: f32 = 0.08;

/// The same where it is the only one of its track, so that nobody knows which way the thing goes.
const SLACK_LONE_PER_FRAME: f32 = 0.03;
const SLACK_LONE_MAX: f32 = 0.15;

/// How many detections, and from how many frames, say how a track moves at its ends.
const VELOCITY_KEYS: usize = 4;
const VELOCITY_FRAMES_MAX: u32 = 8;

/// How far a box that is held may run on, in sizes: who runs past close by comes as far in four frames, and quick looks may see
/// nothing of it until then.
const RUN_ON_MAX: f32 = 4.0;

/// A detection of a track.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) frame: u32,
    /// How hard was looked.
    pub(super) profile: Profile,
    /// Whether the look was sure of it, or only suspected it.
    pub(super) is_sure: bool,
    pub(super) detection: Detection,
}

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

    /// Whether a track that began later is the same thing, seen again, and how well it fits: only if it lies where this one is
    /// expected when it begins, or comes from there.
    pub(super) fn leads_to(&self, later: &Self, settings: &Settings) -> Option<f32> {
        let first = later.keys.front()?;
        let is_later = self.last().is_some_and(|last| last.frame < first.frame);
        (is_later && self.is_alive(first.frame, settings.hold))
            .then(|| association::score(self, first).or_else(|| self.origin_of(later)))
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
        association::closeness(&bounding_box(before), &last.detection.bbox, 0.0)
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
        association::closeness(&expected.bbox, &new.detection.bbox, passed as f32)
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

/// A detection, and the edges of the whole thing in its frame.
pub(super) struct Anchor<'a> {
    pub(super) key: &'a Key,
    edges: Edges,
}

/// Those detections of a track that are wanted.
pub(super) fn anchors(keys: &VecDeque<Key>, is_wanted: impl Fn(&Key) -> bool) -> Vec<Anchor<'_>> {
    let keys: Vec<&Key> = keys.iter().filter(|key| is_wanted(key)).collect();
    let seen: Vec<(u32, Edges)> = keys
        .iter()
        .map(|key| (key.frame, edges(&key.detection.bbox)))
        .collect();
    let anchors = keys.into_iter().zip(whole(&seen));
    anchors.map(|(key, edges)| Anchor { key, edges }).collect()
}

impl Anchor<'_> {
    pub(super) const fn bbox(&self) -> BoundingBox {
        bounding_box(self.edges)
    }

    /// The detection with another box.
    fn detection(&self, bbox: BoundingBox) -> Detection {
        Detection {
            bbox,
            ..self.key.detection.clone()
        }
    }
}

/// By how much the edges move in a frame at one end of a track, whose detections come from that end on. Detections are a
/// little off, so that it takes some of them to know.
pub(super) fn velocity<'a>(mut anchors: impl Iterator<Item = &'a Anchor<'a>>) -> Edges {
    let Some(end) = anchors.next() else {
        return [0.0; 4];
    };
    let Some(other) = anchors
        .take(VELOCITY_KEYS)
        .take_while(|anchor| anchor.key.frame.abs_diff(end.key.frame) <= VELOCITY_FRAMES_MAX)
        .last()
    else {
        return [0.0; 4];
    };
    let passed = f64::from(other.key.frame) - f64::from(end.key.frame);
    [0, 1, 2, 3].map(|i| (other.edges[i] - end.edges[i]) / passed as f32)
}

/// What is held of one of these detections: where it was, and where it would be if it went on as on the side that is away from the
/// frame.
pub(super) fn held(anchors: &[Anchor<'_>], place: usize, frame: u32) -> BoundingBox {
    let anchor = &anchors[place];
    let passed = frame as f32 - anchor.key.frame as f32;
    let velocity = if passed > 0.0 {
        velocity(anchors[..=place].iter().rev())
    } else {
        velocity(anchors[place..].iter())
    };
    let bbox = anchor.bbox();
    let covered = union(&bbox, &run_on(&bbox, velocity, passed));
    let [per_frame, most] = match anchors.len() {
        1 => [SLACK_LONE_PER_FRAME, SLACK_LONE_MAX],
        _ => [SLACK_HELD_PER_FRAME, SLACK_HELD_MAX],
    };
    covered.grown((per_frame * passed.abs()).min(most))
}

/// The box after some frames. It keeps its size: a size that runs on becomes nonsense soon.
pub(super) fn run_on(bbox: &BoundingBox, velocity: Edges, frames: f32) -> BoundingBox {
    let way_max = mean_side(bbox) * RUN_ON_MAX;
    let way = |a: f32, b: f32| ((a + b) / 2.0 * frames).clamp(-way_max, way_max);
    let (dx, dy) = (way(velocity[0], velocity[2]), way(velocity[1], velocity[3]));
    bounding_box([bbox.left + dx, bbox.top + dy, bbox.right + dx, bbox.bottom + dy])
}

pub(super) fn between(a: &Anchor<'_>, b: &Anchor<'_>, frame: u32) -> Detection {
    let (passed, left) = (frame - a.key.frame, b.key.frame - frame);
    let t = passed as f32 / (passed + left) as f32;
    let mix = |from: f32, to: f32| from + (to - from) * t;
    let bbox = bounding_box([0, 1, 2, 3].map(|i| mix(a.edges[i], b.edges[i])));
    let corners: Option<Corners> = match (a.key.detection.corners, b.key.detection.corners) {
        (Some(from), Some(to)) => {
            Some([0, 1, 2, 3].map(|i| [0, 1].map(|axis| mix(from[i][axis], to[i][axis]))))
        }
        _ => None,
    };
    let nearest = if passed <= left { a } else { b };
    Detection {
        corners,
        ..nearest.detection(bbox.grown((SLACK_PER_FRAME * passed.min(left) as f32).min(SLACK_MAX)))
    }
}
