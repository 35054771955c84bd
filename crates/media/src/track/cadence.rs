//! Which frames are looked at.

/// How far things may move between two looks, as a fraction of their size, before it is looked more often: what moves
/// further is not found again.
const WAY_MAX: f32 = 0.5;

/// How many frames in a row are looked at because something is missing in the last one.
pub(super) const RETRIES: u32 = 3;

/// Decides frame by frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cadence {
    every: u32,
    /// Until the next look.
    left: u32,
    /// Looks in a row because of something missing.
    retries: u32,
}

impl Cadence {
    /// Looks at every `every`-th frame, beginning with the first one.
    pub(crate) const fn new(every: u32) -> Self {
        Self {
            every,
            left: 0,
            retries: 0,
        }
    }

    /// Whether the next frame is to be looked at. `is_cut`: a scene begins with it.
    pub(crate) const fn next(&mut self, is_cut: bool) -> bool {
        if is_cut || self.left == 0 {
            self.left = self.every.saturating_sub(1);
            return true;
        }
        self.left -= 1;
        false
    }

    /// After a look: how far the quickest thing moves in a frame, as a fraction of its size, and whether something is
    /// missing. A detector that misses a face in one frame often finds it in the next one.
    pub(crate) fn adapt(&mut self, speed: f32, misses_something: bool) {
        if speed * self.every as f32 > WAY_MAX {
            // `as` saturates: a speed of 0 does not come here, and a large one gives 0.
            let every = (WAY_MAX / speed) as u32;
            self.left = self.left.min(every.saturating_sub(1));
        }
        if misses_something && self.retries < RETRIES {
            self.retries += 1;
            self.left = 0;
        } else {
            self.retries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_frame_is_looked_at_and_every_first_one_of_a_scene() {
        let mut cadence = Cadence::new(3);
        let looks: Vec<bool> = (0..8).map(|frame| cadence.next(frame == 4)).collect();
        assert_eq!(looks, [true, false, false, true, true, false, false, true]);
    }

    #[test]
    fn quick_things_are_looked_at_more_often() {
        let mut cadence = Cadence::new(5);
        assert!(cadence.next(false));
        cadence.adapt(0.25, false);
        assert!(!cadence.next(false));
        assert!(
            cadence.next(false),
            "two frames of a quarter of its size are a half"
        );
        cadence.adapt(3.0, false);
        assert!(cadence.next(false));
        cadence.adapt(0.0, false);
        assert!((0..4).all(|_| !cadence.next(false)));
    }

    #[test]
    fn what_is_missing_is_looked_for_at_once_but_not_for_ever() {
        let mut cadence = Cadence::new(5);
        let looks = (0..20).filter(|_| {
            let look = cadence.next(false);
            if look {
                cadence.adapt(0.0, true);
            }
            look
        });
        assert_eq!(
            looks.collect::<Vec<_>>(),
            [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19]
        );
    }
}
