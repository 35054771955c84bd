//! The detections of a track, and where the thing is between, before and after them.

use std::collections::VecDeque;

use sfumato_core::detection::{BoundingBox, Corners, Detection};
use sfumato_core::options::Profile;

use super::edges::{Edges, bounding_box, edges, mean_side, union};
use super::whole::whole;

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
pub(super) const VELOCITY_KEYS: usize = 4;
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

/// A detection, and the edges of the whole thing in its frame.
pub(super) struct Anchor<'a> {
    pub(super) key: &'a Key,
    pub(super) edges: Edges,
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
    pub(super) fn detection(&self, bbox: BoundingBox) -> Detection {
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
