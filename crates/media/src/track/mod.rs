//! Follows what was found from frame to frame, so that a face that the detector misses in some frames is hidden in all of
//! them.
//!
//! Frames go in one by one, with what was found in those that were looked at, and come out some frames later, when nothing
//! that is still to come can change them. Between two detections of a track its box is interpolated, which needs the
//! second one: a track that was followed forwards only lags behind, and leaks. Before the first detection and after the
//! last one the box is held for some frames, because faces are missed most while they come into view and leave it.
//!
//! A box that comes out is never smaller than what was detected in its frame.

mod association;
mod cadence;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use sfumato_core::detection::{BoundingBox, Corners, Detection};

pub(crate) use cadence::Cadence;

/// By how much of its size a box grows on each side for every frame that it is away from the nearest detection: between
/// detections things do not move in straight lines.
const SLACK_PER_FRAME: f32 = 0.015;

/// The most that it grows by.
const SLACK_MAX: f32 = 0.15;

/// The same where there is but one of them: a box that is held covers where it was too.
const SLACK_HELD_PER_FRAME: f32 = 0.008;
const SLACK_HELD_MAX: f32 = 0.08;

/// How many detections, and from how many frames, say how a track moves at its ends.
const VELOCITY_KEYS: usize = 4;
const VELOCITY_FRAMES_MAX: u32 = 8;

/// How far a box that is held may run on, as a fraction of its size.
const RUN_ON_MAX: f32 = 1.0;

/// How tracks are followed. All numbers are frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How long a box is held before the first and after the last detection of a track.
    pub(crate) hold: u32,
    /// How long a track may go without a detection and still be the same.
    pub(crate) gap_max: u32,
    /// How far on both sides boxes are averaged.
    pub(crate) smooth: u32,
}

impl Settings {
    /// For frames of which every `look_every`-th is looked at, where `window` frames can be held back at most.
    ///
    /// A box is held for 5 frames, or until the next look and the looks that follow it at once where something is missing
    /// (see [`Cadence`]); before a track the same holds with [`Tracker::look_back`].
    pub(crate) fn new(look_every: u32, window: u32) -> Self {
        let smooth = 2;
        let hold = (look_every + cadence::RETRIES).max(5);
        Self {
            hold,
            gap_max: window.saturating_sub(smooth).max(hold),
            smooth,
        }
    }

    /// How many frames come in before the first one comes out.
    pub(crate) fn delay(&self) -> u32 {
        self.gap_max + self.smooth
    }
}

/// Why a box is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It was detected there.
    Detected,
    /// It was detected before and after.
    Interpolated,
    /// It was detected a little later or earlier.
    Held,
}

/// A box in a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Region {
    /// The number of its track.
    pub(crate) track: u32,
    /// Why it is there.
    pub(crate) origin: Origin,
    /// What it is. Between detections the confidence is that of the nearest one.
    pub(crate) detection: Detection,
}

/// A detection of a track.
#[derive(Clone, Debug)]
struct Key {
    frame: u32,
    detection: Detection,
}

/// One thing that is followed.
#[derive(Clone, Debug)]
struct Track {
    number: u32,
    keys: VecDeque<Key>,
    /// The scene that it is in: first frame, and first frame of the next one.
    scene_start: u32,
    scene_end: Option<u32>,
    /// By how much the edges move in a frame.
    velocity: Edges,
}

/// Left, top, right, bottom.
type Edges = [f32; 4];

const fn edges(bbox: &BoundingBox) -> Edges {
    [bbox.left, bbox.top, bbox.right, bbox.bottom]
}

const fn bounding_box([left, top, right, bottom]: Edges) -> BoundingBox {
    BoundingBox {
        left,
        top,
        right,
        bottom,
    }
}

fn union(a: &BoundingBox, b: &BoundingBox) -> BoundingBox {
    BoundingBox {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    }
}

/// Follows all that is found in a video.
#[derive(Debug)]
pub(crate) struct Tracker {
    settings: Settings,
    tracks: Vec<Track>,
    next_track: u32,
    /// Frames that came in.
    taken: u32,
    /// Frames that came out.
    given: u32,
    scene_start: u32,
}

impl Tracker {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self {
            settings,
            tracks: vec![],
            next_track: 0,
            taken: 0,
            given: 0,
            scene_start: 0,
        }
    }

    /// How tracks are followed.
    pub(crate) const fn settings(&self) -> Settings {
        self.settings
    }

    /// Takes the next frame: what was found in it, or `None` if it was not looked at, and whether a scene begins with it.
    /// Gives the regions of the frame that came in [`Settings::delay`] frames earlier.
    pub(crate) fn push(&mut self, found: Option<Vec<Detection>>, is_cut: bool) -> Option<Vec<Region>> {
        let frame = self.taken;
        self.taken += 1;
        if is_cut {
            self.cut(frame);
        }
        if let Some(found) = found {
            self.look(frame, found);
        }
        (self.taken > self.settings.delay()).then(|| self.give())
    }

    /// Takes what a later look at a frame found that has not come out yet.
    pub(crate) fn amend(&mut self, frame: u32, found: Vec<Detection>) {
        for detection in found {
            let best = (0..self.tracks.len())
                .filter_map(|i| Some((self.tracks[i].fits(frame, &detection, &self.settings)?, i)))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            match best {
                Some((_, i)) => self.tracks[i].insert(frame, detection),
                None => self.begin(frame, detection),
            }
        }
    }

    /// Earlier frames that are worth a look, because something was found in the frame that came in last and not before: the
    /// look before may have missed it. Two of them, lest one in ten that is missed is one in a hundred here.
    pub(crate) fn look_back(&self, look_every: u32) -> Vec<u32> {
        let Some(last) = self.taken.checked_sub(1) else {
            return vec![];
        };
        let is_new = self
            .tracks
            .iter()
            .any(|track| track.keys.len() == 1 && track.keys[0].frame == last);
        let ways = if is_new {
            [look_every.saturating_sub(1), look_every / 2]
        } else {
            [0, 0]
        };
        let mut frames: Vec<u32> = ways.into_iter().filter_map(|way| last.checked_sub(way)).collect();
        frames.dedup();
        frames.retain(|frame| *frame >= self.scene_start.max(self.given) && *frame < last);
        frames
    }

    /// Gives the regions of the frames that are left, when no more come in; `None` after the last one.
    pub(crate) fn finish(&mut self) -> Option<Vec<Region>> {
        (self.given < self.taken).then(|| self.give())
    }

    /// Whether something that was found lately is missing in the frame that came in last, which was looked at.
    pub(crate) fn misses_something(&self) -> bool {
        let last = self.taken.saturating_sub(1);
        self.tracks.iter().any(|track| {
            track.is_alive(last, self.settings.hold) && track.last().is_some_and(|key| key.frame < last)
        })
    }

    /// How far the quickest thing moves in a frame, as a fraction of its size.
    pub(crate) fn speed(&self) -> f32 {
        let last = self.taken.saturating_sub(1);
        self.tracks
            .iter()
            .filter(|track| track.is_alive(last, self.settings.gap_max))
            .map(Track::speed)
            .fold(0.0, f32::max)
    }

    fn cut(&mut self, frame: u32) {
        self.scene_start = frame;
        for track in &mut self.tracks {
            track.scene_end.get_or_insert(frame);
        }
    }

    fn look(&mut self, frame: u32, found: Vec<Detection>) {
        let alive: Vec<usize> = (0..self.tracks.len())
            .filter(|i| self.tracks[*i].is_alive(frame, self.settings.gap_max))
            .collect();
        let partners = {
            let tracks: Vec<&Track> = alive.iter().map(|i| &self.tracks[*i]).collect();
            association::associate(&tracks, &found, frame)
        };
        for (detection, partner) in found.into_iter().zip(partners) {
            match partner {
                Some(partner) => self.tracks[alive[partner]].extend(frame, detection),
                None => self.begin(frame, detection),
            }
        }
    }

    fn begin(&mut self, frame: u32, detection: Detection) {
        let track = Track::new(self.next_track, frame, detection, self.scene_start);
        self.next_track += 1;
        self.tracks.push(track);
    }

    fn give(&mut self) -> Vec<Region> {
        let frame = self.given;
        self.given += 1;
        let regions = self
            .tracks
            .iter()
            .filter_map(|track| track.region(frame, &self.settings))
            .collect();
        let kept = self.settings.delay();
        for track in &mut self.tracks {
            track.forget(frame.saturating_sub(self.settings.smooth));
        }
        let taken = self.taken;
        self.tracks.retain(|track| {
            track
                .last()
                .is_some_and(|key| key.frame + kept >= frame || key.frame + kept >= taken)
        });
        regions
    }
}

impl Track {
    fn new(number: u32, frame: u32, detection: Detection, scene_start: u32) -> Self {
        Self {
            number,
            keys: VecDeque::from([Key { frame, detection }]),
            scene_start,
            scene_end: None,
            velocity: [0.0; 4],
        }
    }

    fn last(&self) -> Option<&Key> {
        self.keys.back()
    }

    /// Whether a detection in a frame can still be of this track.
    fn is_alive(&self, frame: u32, gap_max: u32) -> bool {
        self.scene_end.is_none_or(|end| frame < end)
            && self.last().is_some_and(|key| frame <= key.frame + gap_max)
    }

    fn extend(&mut self, frame: u32, detection: Detection) {
        let Some(last) = self.last() else { return };
        let passed = (frame - last.frame) as f32;
        let (from, to) = (edges(&last.detection.bbox), edges(&detection.bbox));
        let is_first = self.keys.len() == 1 && self.velocity == [0.0; 4];
        for i in 0..4 {
            let now = (to[i] - from[i]) / passed;
            self.velocity[i] = if is_first {
                now
            } else {
                (self.velocity[i] + now) / 2.0
            };
        }
        self.keys.push_back(Key { frame, detection });
    }

    /// How well a detection in any frame fits this track.
    fn fits(&self, frame: u32, detection: &Detection, settings: &Settings) -> Option<f32> {
        let (expected, _) = self.raw(frame, settings)?;
        let passed = self.keys.iter().map(|key| key.frame.abs_diff(frame)).min()?;
        if expected.class != detection.class {
            return None;
        }
        association::closeness(&expected.bbox, &detection.bbox, passed as f32)
    }

    fn insert(&mut self, frame: u32, detection: Detection) {
        let place = self.keys.partition_point(|key| key.frame < frame);
        match self.keys.get_mut(place).filter(|key| key.frame == frame) {
            // Both looks have seen something.
            Some(key) => key.detection.bbox = union(&key.detection.bbox, &detection.bbox),
            None => self.keys.insert(place, Key { frame, detection }),
        }
    }

    /// Centre's way in a frame, as a fraction of the size.
    fn speed(&self) -> f32 {
        let Some(key) = self.last() else { return 0.0 };
        let [left, top, right, bottom] = self.velocity;
        let way = ((left + right) / 2.0).hypot((top + bottom) / 2.0);
        way / mean_side(&key.detection.bbox).max(1.0)
    }

    /// Where it should be in a frame after the last detection, if it moves on as it did.
    fn predicted(&self, frame: u32) -> Option<BoundingBox> {
        let key = self.last()?;
        Some(run_on(
            &key.detection.bbox,
            self.velocity,
            frame.saturating_sub(key.frame) as f32,
        ))
    }

    /// Drops detections that no frame from this one on needs.
    fn forget(&mut self, frame: u32) {
        while self.keys.len() > VELOCITY_KEYS + 1 && self.keys[VELOCITY_KEYS].frame < frame {
            self.keys.pop_front();
        }
    }

    fn region(&self, frame: u32, settings: &Settings) -> Option<Region> {
        let (mut detection, origin) = self.raw(frame, settings)?;
        let around: Vec<Edges> = (frame.saturating_sub(settings.smooth)..=frame + settings.smooth)
            .filter_map(|frame| Some(edges(&self.raw(frame, settings)?.0.bbox)))
            .collect();
        let mean =
            [0, 1, 2, 3].map(|i| around.iter().map(|edges| edges[i]).sum::<f32>() / around.len() as f32);
        detection.bbox = union(&detection.bbox, &bounding_box(mean));
        Some(Region {
            track: self.number,
            origin,
            detection,
        })
    }

    /// The box in a frame before it is smoothed.
    fn raw(&self, frame: u32, settings: &Settings) -> Option<(Detection, Origin)> {
        if frame < self.scene_start || self.scene_end.is_some_and(|end| frame >= end) {
            return None;
        }
        let next = self.keys.partition_point(|key| key.frame < frame);
        let (before, after) = (next.checked_sub(1).map(|i| &self.keys[i]), self.keys.get(next));
        match (before, after) {
            (_, Some(key)) if key.frame == frame => Some((key.detection.clone(), Origin::Detected)),
            (Some(a), Some(b)) => Some((between(a, b, frame), Origin::Interpolated)),
            (None, Some(key)) if key.frame - frame <= settings.hold => {
                let passed = -((key.frame - frame) as f32);
                Some((
                    held(&key.detection, velocity(self.keys.iter()), passed),
                    Origin::Held,
                ))
            }
            (Some(key), None) if frame - key.frame <= settings.hold => {
                let passed = (frame - key.frame) as f32;
                Some((
                    held(&key.detection, velocity(self.keys.iter().rev()), passed),
                    Origin::Held,
                ))
            }
            _ => None,
        }
    }
}

/// By how much the edges move in a frame at one end of a track, whose detections come from that end on. Detections are a
/// little off, so that it takes some of them to know.
fn velocity<'a>(mut keys: impl Iterator<Item = &'a Key>) -> Edges {
    let Some(end) = keys.next() else { return [0.0; 4] };
    let Some(other) = keys
        .take(VELOCITY_KEYS)
        .take_while(|key| key.frame.abs_diff(end.frame) <= VELOCITY_FRAMES_MAX)
        .last()
    else {
        return [0.0; 4];
    };
    let (from, to) = (edges(&end.detection.bbox), edges(&other.detection.bbox));
    let passed = f64::from(other.frame) - f64::from(end.frame);
    [0, 1, 2, 3].map(|i| (to[i] - from[i]) / passed as f32)
}

fn mean_side(bbox: &BoundingBox) -> f32 {
    (bbox.width() + bbox.height()) / 2.0
}

/// The box after some frames. It keeps its size: a size that runs on becomes nonsense soon.
fn run_on(bbox: &BoundingBox, velocity: Edges, frames: f32) -> BoundingBox {
    let way_max = mean_side(bbox) * RUN_ON_MAX;
    let way = |a: f32, b: f32| ((a + b) / 2.0 * frames).clamp(-way_max, way_max);
    let (dx, dy) = (way(velocity[0], velocity[2]), way(velocity[1], velocity[3]));
    bounding_box([bbox.left + dx, bbox.top + dy, bbox.right + dx, bbox.bottom + dy])
}

/// What is held: where it was, and where it would be.
fn held(detection: &Detection, velocity: Edges, frames: f32) -> Detection {
    let moved = run_on(&detection.bbox, velocity, frames);
    Detection {
        bbox: union(&detection.bbox, &moved).grown((SLACK_HELD_PER_FRAME * frames.abs()).min(SLACK_HELD_MAX)),
        ..detection.clone()
    }
}

fn between(a: &Key, b: &Key, frame: u32) -> Detection {
    let (passed, left) = (frame - a.frame, b.frame - frame);
    let t = passed as f32 / (passed + left) as f32;
    let mix = |from: f32, to: f32| from + (to - from) * t;
    let (from, to) = (edges(&a.detection.bbox), edges(&b.detection.bbox));
    let bbox = bounding_box([0, 1, 2, 3].map(|i| mix(from[i], to[i])));
    let corners: Option<Corners> = match (a.detection.corners, b.detection.corners) {
        (Some(from), Some(to)) => {
            Some([0, 1, 2, 3].map(|i| [0, 1].map(|axis| mix(from[i][axis], to[i][axis]))))
        }
        _ => None,
    };
    let nearest = if passed <= left {
        &a.detection
    } else {
        &b.detection
    };
    Detection {
        bbox: bbox.grown((SLACK_PER_FRAME * passed.min(left) as f32).min(SLACK_MAX)),
        corners,
        ..nearest.clone()
    }
}
