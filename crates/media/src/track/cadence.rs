//! Which frames are looked at, and how hard.

use sfumato_core::options::Profile;

/// How far things may move between two looks, as a fraction of their size, before it is looked more often: what moves
/// further is not found again.
const WAY_MAX: f32 = 0.5;

/// How many frames in a row are looked at because something is missing in the last one.
pub(super) const RETRIES: u32 = 3;

/// The same for deep looks, which cost as much as ten others.
const DEEP_RETRIES: u32 = 2;

/// How often a video is looked at, and how hard, in frames. `usual` looks are many and find most of what there is; `deep`
/// ones are few and find what the others are not sure of, which then goes on with what the others see weakly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// Every how many frames is looked.
    pub(crate) every: u32,
    /// The profile of most looks.
    pub(crate) usual: Profile,
    /// After how many frames a look is a deep one; the first one of a scene is one too.
    pub(crate) deep_every: u32,
    /// After how many frames the second deep look of a scene comes; each further one takes twice as long as the one before it.
    /// What only they see is there from the beginning as a rule, and one of them can miss it.
    pub(crate) deep_at_first: u32,
    /// The profile of deep looks.
    pub(crate) deep: Profile,
}

impl Rhythm {
    /// What is made of a profile that is asked for.
    pub(crate) const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Fast => Self {
                every: 4,
                usual: Profile::Fast,
                deep_every: u32::MAX,
                deep_at_first: u32::MAX,
                deep: Profile::Fast,
            },
            Profile::Balanced => Self {
                every: 2,
                usual: Profile::Fast,
                deep_every: 16,
                deep_at_first: 4,
                deep: Profile::Balanced,
            },
            Profile::Thorough => Self {
                every: 1,
                usual: Profile::Balanced,
                deep_every: 16,
                deep_at_first: 8,
                deep: Profile::Thorough,
            },
        }
    }

    /// The rhythm where a box is held for so many frames before and after a look: deep looks are close enough to one another that what only
    /// they see does not show between them. Few frames of a large picture can be held back.
    pub(crate) fn held(self, hold: u32) -> Self {
        Self {
            deep_every: self.deep_every.min(hold.saturating_mul(2)),
            ..self
        }
    }

    /// How the last frame of a scene is looked at beside the look that it has had, if any: what has just come into it is seen
    /// there or nowhere.
    pub(crate) fn at_end(&self, looked: Option<Profile>) -> impl Iterator<Item = Profile> + use<> {
        let Self { usual, deep, .. } = *self;
        let deep = (deep != usual).then_some(deep);
        [Some(usual), deep]
            .into_iter()
            .flatten()
            .filter(move |profile| looked != Some(*profile))
    }

    /// How many frames lie between looks that are as hard as this one.
    pub(crate) fn interval(&self, profile: Profile) -> u32 {
        if profile == self.usual {
            self.every
        } else {
            self.deep_every
        }
    }
}

/// Decides frame by frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    rhythm: Rhythm,
    /// Whether the next frame is the first one.
    is_new: bool,
    /// Until the next look.
    left: u32,
    /// Until the next look that is a deep one.
    left_deep: u32,
    /// How many frames lie between the next two deep looks.
    deep_gap: u32,
    /// Looks in a row because of something missing: usual ones, and deep ones.
    retries: [u32; 2],
}

impl Cadence {
    /// Begins as a scene does.
    pub(crate) const fn new(rhythm: Rhythm) -> Self {
        Self {
            rhythm,
            is_new: true,
            left: 0,
            left_deep: 0,
            deep_gap: rhythm.deep_at_first,
            retries: [0; 2],
        }
    }

    /// How the next frame is to be looked at, if at all. `is_cut`: a scene begins with it.
    pub(crate) const fn next(&mut self, is_cut: bool) -> Option<Profile> {
        let is_start = is_cut || self.is_new;
        self.is_new = false;
        let is_look = is_start || self.left == 0;
        let is_deep = is_start || is_look && self.left_deep == 0;
        // What the first look at a scene misses is not known from before, and may be gone soon.
        self.left = match (is_start, is_look) {
            (true, _) => 0,
            (false, true) => self.rhythm.every.saturating_sub(1),
            (false, false) => self.left - 1,
        };
        if is_start {
            self.deep_gap = self.rhythm.deep_at_first;
        }
        self.left_deep = self.left_deep.saturating_sub(1);
        if is_deep {
            self.left_deep = self.deep_gap.saturating_sub(1);
            let twice = self.deep_gap.saturating_mul(2);
            self.deep_gap = if twice < self.rhythm.deep_every {
                twice
            } else {
                self.rhythm.deep_every
            };
        }
        match (is_look, is_deep) {
            (_, true) => Some(self.rhythm.deep),
            (true, false) => Some(self.rhythm.usual),
            (false, false) => None,
        }
    }

    /// After a look: how far the quickest thing moves in a frame, as a fraction of its size, and whether something is
    /// missing that only such looks find. A detector that misses a face in one frame often finds it in the next one.
    pub(crate) fn adapt(&mut self, look: Profile, speed: f32, misses_something: bool) {
        if speed * self.rhythm.every as f32 > WAY_MAX {
            // `as` saturates: a speed of 0 does not come here, and a large one gives 0.
            let every = (WAY_MAX / speed) as u32;
            self.left = self.left.min(every.saturating_sub(1));
        }
        let is_deep = look != self.rhythm.usual;
        let retries_max = if is_deep { DEEP_RETRIES } else { RETRIES };
        let retries = &mut self.retries[usize::from(is_deep)];
        if misses_something && *retries < retries_max {
            *retries += 1;
            self.left = 0;
            if is_deep {
                self.left_deep = 0;
            }
        } else {
            *retries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(every: u32) -> Cadence {
        Cadence::new(Rhythm {
            every,
            ..Rhythm::of(Profile::Fast)
        })
    }

    #[test]
    fn each_profile_looks_in_its_rhythm_and_deeply_where_a_scene_begins() {
        let looks = |profile, cut: u32| {
            let mut cadence = Cadence::new(Rhythm::of(profile));
            let letter = |look| match look {
                None => '.',
                Some(Profile::Fast) => 'f',
                Some(Profile::Balanced) => 'b',
                Some(Profile::Thorough) => 't',
            };
            (0..20)
                .map(|frame| letter(cadence.next(frame == cut)))
                .collect::<String>()
        };
        assert_eq!(looks(Profile::Fast, 9), "ff...f...ff...f...f.");
        assert_eq!(looks(Profile::Balanced, 99), "bf.f.b.f.f.f.b.f.f.f");
        assert_eq!(looks(Profile::Balanced, 3), "bf.bf.f.b.f.f.f.b.f.");
        assert_eq!(looks(Profile::Thorough, 99), "tbbbbbbbtbbbbbbbbbbb");
    }

    #[test]
    fn quick_things_are_looked_at_more_often() {
        let mut cadence = every(5);
        assert!((0..2).all(|_| cadence.next(false).is_some()));
        cadence.adapt(Profile::Fast, 0.25, false);
        assert!(cadence.next(false).is_none());
        assert!(
            cadence.next(false).is_some(),
            "two frames of a quarter of its size are a half"
        );
        cadence.adapt(Profile::Fast, 3.0, false);
        assert!(cadence.next(false).is_some());
        cadence.adapt(Profile::Fast, 0.0, false);
        assert!((0..4).all(|_| cadence.next(false).is_none()));
    }

    #[test]
    fn what_is_missing_is_looked_for_at_once_but_not_for_ever() {
        let mut cadence = every(5);
        let looks = (0..20).filter(|_| {
            let look = cadence.next(false).is_some();
            if look {
                cadence.adapt(Profile::Fast, 0.0, true);
            }
            look
        });
        assert_eq!(
            looks.collect::<Vec<_>>(),
            [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19]
        );
    }

    #[test]
    fn a_deep_look_that_misses_something_is_repeated_whatever_quick_ones_missed() {
        let mut cadence = Cadence::new(Rhythm::of(Profile::Balanced));
        let mut deep = vec![];
        for frame in 0..20 {
            let look = cadence.next(false);
            if look == Some(Profile::Balanced) {
                deep.push(frame);
            }
            if let Some(look) = look {
                // A quick look has missed something right before the second deep one.
                cadence.adapt(look, 0.0, frame >= 3);
            }
        }
        assert_eq!(deep[..4], [0, 4, 5, 6], "{deep:?}");
    }
}
