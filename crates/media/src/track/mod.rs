//! Follows what was found from frame to frame, so that a face that the detector misses in some frames is hidden in all of
//! them.
//!
//! Frames go in one by one, with what was found in those that were looked at, and come out some frames later, when nothing
//! that is still to come can change them. Between two detections of a track its box is interpolated, which needs the
//! second one: a track that was followed forwards only lags behind, and leaks. Before the first detection and after the
//! last one the box is held for some frames, because faces are missed most while they come into view and leave it.
//!
//! A box that comes out is never smaller than what was detected in its frame. It is larger where that was a part of the thing
//! only (see [`whole`]).

mod association;
mod cadence;
mod closeness;
mod edges;
mod follower;
mod keys;
mod known;
#[cfg(test)]
mod leaks;
mod margin;
mod path;
#[cfg(test)]
mod pillars;
#[cfg(test)]
mod tests;
mod whole;

use serde::{Deserialize, Serialize};
use sfumato_core::detection::{Detection, Origin};
use sfumato_core::options::Profile;

use association::Fit;
use keys::Key;
use path::Track;

use cadence::Cadence;
pub(crate) use cadence::Rhythm;
pub(crate) use follower::Follower;
pub(crate) use margin::with_margin;

/// How tracks are followed. Where nothing else is said numbers are frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// How long a box is held before the first and after the last detection of a track.
    pub(crate) hold: u32,
    /// How long a track may go without a detection and still be the same.
    pub(crate) gap_max: u32,
    /// How long weak detections carry the track of a plate on after one that was sure.
    pub(crate) weak_max: u32,
    /// How far on both sides boxes are averaged.
    pub(crate) smooth: u32,
    /// The side in pixels of a square of the area from which a plate is large.
    pub(crate) large_plate_px: f32,
}

impl Settings {
    /// For frames that are looked at in a rhythm, where `window` frames can be held back at most.
    ///
    /// `long_side_px`: of the frames as displayed.
    ///
    /// A box is held for [`HOLD_FRAMES`], or until the next look and the looks that follow it at once where something is
    /// missing (see [`Cadence`]); before a track the same holds with [`Tracker::look_back`].
    pub(crate) fn new(rhythm: Rhythm, window: u32, long_side_px: u32) -> Self {
        let smooth = 2;
        let [least, most] = HOLD_FRAMES;
        let hold = (rhythm.every + cadence::RETRIES).max(window.clamp(least, most));
        let gap_max = window.saturating_sub(smooth).max(hold);
        Self {
            hold,
            gap_max,
            weak_max: WEAK_FRAMES_MAX,
            smooth,
            large_plate_px: LARGE_PLATE_SIZE * long_side_px as f32,
        }
    }

    /// How many frames come in before the first one comes out.
    pub(crate) fn delay(&self) -> u32 {
        self.gap_max + self.smooth
    }
}

/// How many frames a box is held, where few can be held back and where many can. With 5 of them a thing that leaves while
/// one in ten is missed shows three times as often as with 8.
const HOLD_FRAMES: [u32; 2] = [5, 8];

/// What a look has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// What counts by itself.
    pub sure: Vec<Detection>,
    /// What counts only where it goes on with what other looks are sure of. The most confident stand first.
    pub weak: Vec<Detection>,
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

/// How many frames weak detections carry the track of a plate on: two deep looks of the balanced profile lie in them, and what neither of
/// them is sure of is none.
const WEAK_FRAMES_MAX: u32 = 34;

/// The size of a large plate, as a fraction of the long side of a frame. A strip of gravel was taken for one in a tenth of the looks at
/// it, and hidden for 44 frames on the strength of one of them.
const LARGE_PLATE_SIZE: f32 = 0.15;

/// Weak detections of a look that are followed at most.
const WEAK_MAX: usize = 100;

/// Intersection over union from which a weak detection is of the thing that a sure one is of.
const SAME_IOU_MIN: f32 = 0.3;

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

    /// Takes the next frame: what was found in it and how hard was looked, or `None` if it was not looked at, and whether a
    /// scene begins with it. Gives the regions of the frame that came in [`Settings::delay`] frames earlier.
    pub(crate) fn push(&mut self, seen: Option<(Profile, Seen)>, is_cut: bool) -> Option<Vec<Region>> {
        let frame = self.taken;
        self.taken += 1;
        if is_cut {
            self.cut(frame);
        }
        if let Some((profile, seen)) = seen {
            self.look(frame, profile, seen);
        }
        (self.taken > self.settings.delay()).then(|| self.give())
    }

    /// Takes what a later look at a frame found that has not come out yet.
    pub(crate) fn amend(&mut self, frame: u32, profile: Profile, seen: Seen) {
        let keys = |found: Vec<Detection>, is_sure| {
            found.into_iter().map(move |detection| Key {
                frame,
                profile,
                is_sure,
                detection,
            })
        };
        for key in keys(seen.sure, true) {
            match self.best_fit(&key) {
                Some(track) => {
                    self.confirm(track);
                    self.tracks[track].is_sure_in(frame, profile);
                    self.tracks[track].insert(key);
                }
                None => self.begin(key, true),
            }
        }
        for key in keys(seen.weak, false).take(WEAK_MAX) {
            if let Some(track) = self.best_fit(&key)
                && self.tracks[track].may_be_carried(frame, &self.settings)
                && self.tracks[track].keys.iter().all(|other| other.frame != frame)
            {
                self.tracks[track].insert(key);
            }
        }
        self.unite();
    }

    /// Makes one track of two where the way of the first, which a look at an earlier frame has told, leads to the second. What
    /// runs into the picture is two tracks at first: one detection tells no way.
    fn unite(&mut self) {
        loop {
            let mut best: Option<(f32, usize, usize)> = None;
            for (earlier, a) in self.tracks.iter().enumerate() {
                for (later, b) in self.tracks.iter().enumerate() {
                    if a.number.is_some()
                        && b.number.is_some()
                        && let Some(score) = a.leads_to(b, &self.settings)
                        && best.is_none_or(|(most, ..)| score > most)
                    {
                        best = Some((score, earlier, later));
                    }
                }
            }
            let Some((_, earlier, later)) = best else { return };
            let found_again = self.tracks.remove(later);
            let earlier = earlier - usize::from(later < earlier);
            self.tracks[earlier].append(found_again);
        }
    }

    fn best_fit(&self, key: &Key) -> Option<usize> {
        (0..self.tracks.len())
            .filter_map(|i| Some((self.tracks[i].fits(key, &self.settings)?, i)))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, i)| i)
    }

    /// Earlier frames that are worth a look, because something was found in the frame that came in last and not before: the
    /// look before, `interval` frames ago, may have missed it. Two of them, lest one in ten that is missed is one in a
    /// hundred here.
    pub(crate) fn look_back(&self, interval: u32) -> Vec<u32> {
        let Some(last) = self.taken.checked_sub(1) else {
            return vec![];
        };
        let is_new = self
            .tracks
            .iter()
            .any(|track| track.number.is_some() && track.keys.len() == 1 && track.keys[0].frame == last);
        if !is_new {
            return vec![];
        }
        // A deep look costs ten quick ones, and what is held covers the rest.
        let ways = if interval <= self.settings.hold {
            vec![interval.saturating_sub(1), interval / 2]
        } else {
            vec![interval / 2]
        };
        let mut frames: Vec<u32> = ways.into_iter().filter_map(|way| last.checked_sub(way)).collect();
        if last - self.scene_start <= self.settings.hold {
            // Then it may have been there from the beginning, which one look has missed.
            frames.push(self.scene_start);
        }
        frames.sort_unstable();
        frames.dedup();
        frames.retain(|frame| *frame >= self.scene_start.max(self.given) && *frame < last);
        frames
    }

    /// Gives the regions of the frames that are left, when no more come in; `None` after the last one.
    pub(crate) fn finish(&mut self) -> Option<Vec<Region>> {
        (self.given < self.taken).then(|| self.give())
    }

    /// Whether something that was found lately, by looking as hard, is missing in the frame that came in last, which was
    /// looked at. `interval`: how many frames ago such a look was the last time.
    pub(crate) fn misses_something(&self, profile: Profile, interval: u32) -> bool {
        let last = self.taken.saturating_sub(1);
        let lately = self.settings.hold.max(interval + cadence::RETRIES);
        self.tracks.iter().any(|track| {
            // Which way something goes that was found once nobody knows, so that it soon is where no box is held.
            let is_lone = track.keys.len() == 1 && track.sure + cadence::RETRIES >= last;
            let is_missing = track
                .last()
                .is_some_and(|key| key.frame < last && (key.profile == profile || is_lone));
            // What other looks only suspect lives on them until the next look that can be sure of it.
            let is_only_suspected =
                track.sure < last && track.sure_look == profile && track.sure + lately >= last;
            track.number.is_some() && track.is_alive(last, lately) && (is_missing || is_only_suspected)
        })
    }

    /// How far the quickest thing moves in a frame, as a fraction of its size.
    pub(crate) fn speed(&self) -> f32 {
        let last = self.taken.saturating_sub(1);
        self.tracks
            .iter()
            .filter(|track| track.number.is_some() && track.is_alive(last, self.settings.gap_max))
            .map(Track::speed)
            .fold(0.0, f32::max)
    }

    fn cut(&mut self, frame: u32) {
        self.scene_start = frame;
        for track in &mut self.tracks {
            track.scene_end.get_or_insert(frame);
        }
    }

    /// Sure detections choose among sure tracks first; what is left, and weak ones after them, among the others too. So
    /// nothing that is only suspected takes a detection away from what is known.
    fn look(&mut self, frame: u32, profile: Profile, seen: Seen) {
        let keys = |found: Vec<Detection>, is_sure| {
            found.into_iter().map(move |detection| Key {
                frame,
                profile,
                is_sure,
                detection,
            })
        };
        let mut sure: Vec<Key> = keys(seen.sure, true).collect();
        let mut weak: Vec<Key> = keys(seen.weak, false).take(WEAK_MAX).collect();
        sure = self.extend(sure, Fit::Near, |track| track.number.is_some());
        weak = self.extend(weak, Fit::Overlap, |track| track.number.is_some());
        sure = self.extend(sure, Fit::Near, |track| track.number.is_none());
        for key in sure {
            self.begin(key, true);
        }
        weak.retain(|key| {
            let is_known = |track: &Track| {
                track.number.is_some()
                    && track.last().is_some_and(|last| {
                        last.frame == frame && last.detection.bbox.iou(&key.detection.bbox) > SAME_IOU_MIN
                    })
            };
            !self.tracks.iter().any(is_known)
        });
        weak = self.extend(weak, Fit::Overlap, |track| track.number.is_none());
        for key in weak {
            self.begin(key, false);
        }
        self.unite();
    }

    /// Extends those tracks that are `open` by the keys that fit them, and returns the keys that fit none. A track that a
    /// sure key extends is sure.
    fn extend(&mut self, keys: Vec<Key>, fit: Fit, open: impl Fn(&Track) -> bool) -> Vec<Key> {
        let Some(frame) = keys.first().map(|key| key.frame) else {
            return keys;
        };
        let alive: Vec<usize> = (0..self.tracks.len())
            .filter(|i| {
                let track = &self.tracks[*i];
                let gap_max = match track.number {
                    Some(_) => self.settings.gap_max,
                    None => self.settings.hold,
                };
                open(track)
                    && (fit == Fit::Near || track.may_be_carried(frame, &self.settings))
                    && track.is_alive(frame, gap_max)
                    && track.last().is_some_and(|key| key.frame < frame)
            })
            .collect();
        let partners = {
            let tracks: Vec<&Track> = alive.iter().map(|i| &self.tracks[*i]).collect();
            association::associate(&tracks, &keys, fit)
        };
        let mut left = vec![];
        for (key, partner) in keys.into_iter().zip(partners) {
            let Some(partner) = partner else {
                left.push(key);
                continue;
            };
            if fit == Fit::Near {
                self.confirm(alive[partner]);
                self.tracks[alive[partner]].is_sure_in(frame, key.profile);
            }
            self.tracks[alive[partner]].extend(key);
        }
        left
    }

    /// Makes a track one that is sure.
    fn confirm(&mut self, track: usize) {
        if self.tracks[track].number.is_none() {
            self.tracks[track].number = Some(self.next_track);
            self.next_track += 1;
        }
    }

    fn begin(&mut self, key: Key, is_sure: bool) {
        let (frame, profile) = (key.frame, key.profile);
        let mut track = Track::new(key, self.scene_start);
        if is_sure {
            track.is_sure_in(frame, profile);
        }
        self.tracks.push(track);
        if is_sure {
            self.confirm(self.tracks.len() - 1);
        }
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
        let (taken, hold) = (self.taken, self.settings.hold);
        self.tracks.retain(|track| {
            track.last().is_some_and(|key| match track.number {
                Some(_) => key.frame + kept >= frame || key.frame + kept >= taken,
                None => key.frame + hold >= taken,
            })
        });
        regions
    }
}
