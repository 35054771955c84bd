//! The frames of a video one after the other: when each is looked at, and what becomes of what is found.

use sfumato_core::options::Profile;

use super::{Cadence, Region, Rhythm, Seen, Settings, Tracker};

/// Looks at frames in a rhythm, and follows what is found.
///
/// Whoever has the frames looks: a function gets the number of a frame and how hard it is looked at, and says what was found, or
/// `None` if the frame is not there any more.
#[derive(Debug)]
pub(crate) struct Follower {
    rhythm: Rhythm,
    cadence: Cadence,
    tracker: Tracker,
    /// How the frame that came in last was looked at, if it was, and the one before it.
    looked: [Option<Profile>; 2],
    /// Frames that came in.
    frames: u32,
    /// The first one of the scene.
    scene_start: u32,
}

impl Follower {
    pub(crate) fn new(rhythm: Rhythm, settings: Settings) -> Self {
        let rhythm = rhythm.held(settings.hold);
        Self {
            rhythm,
            cadence: Cadence::new(rhythm),
            tracker: Tracker::new(settings),
            looked: [None; 2],
            frames: 0,
            scene_start: 0,
        }
    }

    /// How tracks are followed.
    pub(crate) const fn settings(&self) -> Settings {
        self.tracker.settings()
    }

    /// Begins to look anew with the next frame, as with the first one of a video.
    pub(crate) const fn restart(&mut self) {
        self.cadence = Cadence::new(self.rhythm);
    }

    /// Takes the next frame, with which a scene begins or not. Gives the regions of the frame that came in
    /// [`Settings::delay`] frames earlier.
    ///
    /// # Errors
    /// Those of whoever looks.
    pub(crate) fn take<E>(
        &mut self,
        is_cut: bool,
        look: &mut impl FnMut(u32, Profile) -> Result<Option<Seen>, E>,
    ) -> Result<Option<Vec<Region>>, E> {
        if is_cut {
            self.look_at_last(look)?;
            self.scene_start = self.frames;
        }
        let frame = self.frames;
        self.frames += 1;
        let looked = self.cadence.next(is_cut);
        self.looked = [looked, self.looked[0]];
        let seen = match looked {
            Some(profile) => look(frame, profile)?.map(|seen| (profile, seen)),
            None => None,
        };
        let given = self.tracker.push(seen, is_cut);
        if let Some(profile) = looked {
            let interval = self.rhythm.interval(profile);
            let misses = self.tracker.misses_something(profile, interval);
            self.cadence.adapt(profile, self.tracker.speed(), misses);
            for earlier in self.tracker.look_back(interval) {
                self.look_again(earlier, profile, look)?;
            }
        }
        Ok(given)
    }

    /// Looks at the last frame of a scene, the one that came in last, in all ways that it has not been looked at, and deeply at the
    /// one before it: what comes into sight with the last frame begins to show there. The last frame of a video ends a scene, too.
    ///
    /// # Errors
    /// Those of whoever looks.
    pub(crate) fn look_at_last<E>(
        &mut self,
        look: &mut impl FnMut(u32, Profile) -> Result<Option<Seen>, E>,
    ) -> Result<(), E> {
        let Some(last) = self.frames.checked_sub(1) else {
            return Ok(());
        };
        for profile in self.rhythm.at_end(self.looked[0]) {
            self.look_again(last, profile, look)?;
        }
        let deep = self.rhythm.deep;
        if last > self.scene_start && self.looked[1] != Some(deep) {
            self.look_again(last - 1, deep, look)?;
        }
        Ok(())
    }

    /// Gives the regions of the frames that are left, when no more come in; `None` after the last one.
    pub(crate) fn finish(&mut self) -> Option<Vec<Region>> {
        self.tracker.finish()
    }

    /// Looks at a frame that was not, or that may show more than was found.
    fn look_again<E>(
        &mut self,
        frame: u32,
        profile: Profile,
        look: &mut impl FnMut(u32, Profile) -> Result<Option<Seen>, E>,
    ) -> Result<(), E> {
        if let Some(seen) = look(frame, profile)? {
            self.tracker.amend(frame, profile, seen);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::super::tests::{COVERED_MIN, GROWTH, covered, detection};
    use super::*;
    use sfumato_core::detection::{BoundingBox, Detection};

    /// Follows in `balanced` what `sees` says, with a cut before the frame `cut`. All looks, and what is hidden.
    fn followed(
        cut: u32,
        sees: impl Fn(u32, Profile) -> Option<Detection>,
    ) -> (Vec<(u32, Profile)>, Vec<Vec<BoundingBox>>) {
        followed_within(20, 30, cut, sees)
    }

    /// The same, for so many frames of which `window` can be held back.
    fn followed_within(
        window: u32,
        frames: u32,
        cut: u32,
        sees: impl Fn(u32, Profile) -> Option<Detection>,
    ) -> (Vec<(u32, Profile)>, Vec<Vec<BoundingBox>>) {
        let rhythm = Rhythm::of(Profile::Balanced);
        let mut follower = Follower::new(rhythm, Settings::new(rhythm, window, 1920));
        let mut looks = vec![];
        let mut look = |frame, profile| {
            looks.push((frame, profile));
            let sure = sees(frame, profile).into_iter().collect();
            Ok::<_, Infallible>(Some(Seen { sure, weak: vec![] }))
        };
        let mut hidden: Vec<Vec<Region>> = vec![];
        for frame in 0..frames {
            let Ok(given) = follower.take(frame == cut, &mut look);
            hidden.extend(given);
        }
        hidden.extend(std::iter::from_fn(|| follower.finish()));
        let grown = |regions: Vec<Region>| {
            let boxes = regions.iter().map(|region| region.detection.bbox.grown(GROWTH));
            boxes.collect()
        };
        (looks, hidden.into_iter().map(grown).collect())
    }

    #[test]
    fn the_last_frame_of_a_scene_is_looked_at_in_every_way_and_the_one_before_it_deeply() {
        let (looks, _) = followed(9, |_, _| None);
        let cut = looks.iter().position(|(frame, _)| *frame == 9).unwrap();
        assert_eq!(
            looks[cut - 3..cut],
            [(8, Profile::Fast), (8, Profile::Balanced), (7, Profile::Balanced)]
        );
    }

    #[test]
    fn what_only_deep_looks_see_is_hidden_between_them_however_large_the_frames_are() {
        let thing = || detection([100.0, 100.0, 112.0, 116.0]);
        for window in 1..=20 {
            let sees = |_, profile| (profile == Profile::Balanced).then(thing);
            let (looks, hidden) = followed_within(window, 80, 99, sees);
            assert!(looks.iter().any(|(_, profile)| *profile == Profile::Fast));
            for (frame, boxes) in hidden.iter().enumerate() {
                let part = covered(&thing().bbox, boxes);
                assert!(part >= COVERED_MIN, "a window of {window}, frame {frame}: {part}");
            }
        }
    }

    #[test]
    fn what_was_found_once_and_is_missed_by_the_next_look_is_sought_at_once() {
        let seen_once = |frame, _| (frame == 0).then(|| detection([100.0, 100.0, 200.0, 220.0]));
        let (looks, _) = followed(99, seen_once);
        assert!((0..4).all(|frame| looks.iter().any(|look| look.0 == frame)));
    }

    #[test]
    fn what_runs_into_the_picture_and_is_missed_is_hidden_on_its_way() {
        let at = |frame: u32| {
            let left = 90.0 * frame as f32 - 990.0;
            detection([left.max(0.0), 390.0, left + 95.0, 512.0])
        };
        let (_, hidden) = followed(99, |frame, _| {
            let is_missed = matches!(frame, 12..15);
            (frame >= 11 && !is_missed).then(|| at(frame))
        });
        for frame in 11..20 {
            let part = covered(&at(frame).bbox, &hidden[frame as usize]);
            assert!(part >= COVERED_MIN, "{frame}: {part}");
        }
    }
}
