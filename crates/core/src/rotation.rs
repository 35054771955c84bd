//! Credentials that are replaced while somebody still relies on the old one.

use std::time::Duration;

use thiserror::Error;

use crate::time::Timestamp;

/// The longest overlap of a rotation.
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The overlap where nobody says.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// A credential, and the one before it until its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotating<T> {
    /// The newest.
    pub current: T,
    /// The one before the last rotation, and when it stops counting. May be in the past: then it is only not forgotten yet.
    pub previous: Option<(T, Timestamp)>,
}

/// A rotation is under way: a third credential would leave a receiver that knows only the oldest outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a rotation is under way")]
pub struct RotationUnderWay;

impl<T> Rotating<T> {
    /// The one before, while it counts.
    pub fn previous_at(&self, now: Timestamp) -> Option<&T> {
        match &self.previous {
            Some((previous, until)) if now < *until => Some(previous),
            _ => None,
        }
    }

    /// When the overlap ends, while there is one.
    pub fn overlap_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.previous
            .as_ref()
            .map(|(_, until)| *until)
            .filter(|until| now < *until)
    }

    /// Puts `next` in the place of the present one, which goes on counting for `overlap` (at most [`OVERLAP_MAX`]). With an
    /// overlap of zero every older one ends at once, whatever was under way: what is done when one has leaked.
    ///
    /// # Errors
    /// [`RotationUnderWay`] where the overlap of an earlier rotation has not ended and this one asks for another.
    pub fn rotate(self, next: T, overlap: Duration, now: Timestamp) -> Result<Self, RotationUnderWay> {
        if overlap.is_zero() {
            return Ok(Self::from(next));
        }
        if self.previous_at(now).is_some() {
            return Err(RotationUnderWay);
        }
        Ok(Self {
            current: next,
            previous: Some((self.current, now.after(overlap.min(OVERLAP_MAX)))),
        })
    }

    /// The same of something else, where both can be had.
    ///
    /// # Errors
    /// The first one of `make`.
    pub fn try_map<U, E>(&self, mut make: impl FnMut(&T) -> Result<U, E>) -> Result<Rotating<U>, E> {
        Ok(Rotating {
            current: make(&self.current)?,
            previous: match &self.previous {
                Some((previous, until)) => Some((make(previous)?, *until)),
                None => None,
            },
        })
    }

    /// Ends the overlap.
    #[must_use]
    pub fn settled(self) -> Self {
        Self::from(self.current)
    }
}

impl<T> From<T> for Rotating<T> {
    fn from(current: T) -> Self {
        Self {
            current,
            previous: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_one_before_counts_until_the_overlap_ends() {
        let rotated = Rotating::from("a").rotate("b", HOUR, at(0)).unwrap();
        assert_eq!(rotated.current, "b");
        assert_eq!(rotated.previous_at(at(3599)), Some(&"a"));
        assert_eq!(rotated.overlap_until(at(3599)), Some(at(3600)));
        assert_eq!(rotated.previous_at(at(3600)), None);
        assert_eq!(rotated.overlap_until(at(3600)), None);
        assert_eq!(rotated.settled(), Rotating::from("b"));
    }

    #[test]
    fn a_second_rotation_waits_for_the_first_unless_it_ends_everything() {
        let rotated = Rotating::from("a").rotate("b", HOUR, at(0)).unwrap();
        assert_eq!(rotated.clone().rotate("c", HOUR, at(10)), Err(RotationUnderWay));
        assert_eq!(
            rotated.clone().rotate("c", Duration::ZERO, at(10)),
            Ok(Rotating::from("c"))
        );
        let later = rotated.rotate("c", HOUR, at(3600)).unwrap();
        assert_eq!(later.previous, Some(("b", at(7200))));
    }

    #[test]
    fn no_overlap_is_longer_than_the_longest() {
        let rotated = Rotating::from("a").rotate("b", Duration::MAX, at(0)).unwrap();
        assert_eq!(rotated.overlap_until(at(0)), Some(at(0).after(OVERLAP_MAX)));
    }
}
