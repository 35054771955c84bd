//! Where a given box may lie. What lies outside of the picture, or nearly so, would be counted and hide nothing: a face would
//! slip through without a word.

use std::fmt;

use crate::detection::BoundingBox;

/// The side of a picture whose size is not known, in pixels: more than any has, and little enough for f32 to count exactly.
const SIDE_UNKNOWN: u32 = 1_000_000;

/// The member that says where a box lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// In pixels.
    Box,
    /// In fractions of the picture.
    Fractions,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Box => "box",
            Self::Fractions => "fractions",
        })
    }
}

/// The pixels of a picture as displayed, in which boxes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Width and height; `None` for a page whose size is not known.
    shown: Option<(u32, u32)>,
}

impl Grid {
    pub(super) const fn of(shown: (u32, u32)) -> Self {
        Self { shown: Some(shown) }
    }

    pub(super) const fn unknown() -> Self {
        Self { shown: None }
    }

    fn size(self) -> (u32, u32) {
        self.shown.unwrap_or((SIDE_UNKNOWN, SIDE_UNKNOWN))
    }

    /// Whether a box hides something.
    pub(super) fn shows(self, bbox: &BoundingBox) -> bool {
        let (width, height) = self.size();
        bbox.is_in_sight(width, height) && !self.is_fractional(bbox)
    }

    /// Whether all numbers of a box are from 0 to 1, where the picture is larger than that: nobody means a single pixel.
    fn is_fractional(self, bbox: &BoundingBox) -> bool {
        let numbers = [bbox.left, bbox.top, bbox.width(), bbox.height()];
        self.size() != (1, 1) && numbers.iter().all(|number| (0.0..=1.0).contains(number))
    }

    /// Whether a box hides something, as one must that a model has found or somebody has drawn.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(self, member: Member, bbox: &BoundingBox) -> Result<(), String> {
        if self.shows(bbox) {
            return Ok(());
        }
        Err(self.wrong(member, bbox))
    }

    /// Whether a box is one of those of a track that a model has followed. Such a track may leave the picture: our own
    /// documents have there what is left of the box at the border, however little.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check_followed(self, member: Member, bbox: &BoundingBox) -> Result<(), String> {
        let (width, height) = self.size();
        let at_border = |near: f32, far: f32, side: u32| {
            // As in `BoundingBox::clipped`.
            let side = side as f32;
            (near <= 0.0 && far >= 0.0) || (near <= side && far >= side)
        };
        let inside = bbox.clipped(width, height);
        let is_left = |length: f32, near, far, side| length >= 1.0 || at_border(near, far, side);
        if self.shows(bbox)
            || is_left(inside.width(), bbox.left, bbox.right, width)
                && is_left(inside.height(), bbox.top, bbox.bottom, height)
        {
            return Ok(());
        }
        Err(self.wrong(member, bbox))
    }

    /// What is said of a track none of whose boxes hides anything.
    pub(super) fn never(self) -> String {
        format!("never touch {self} by a pixel; {}", Self::unit(Member::Box))
    }

    fn wrong(self, member: Member, bbox: &BoundingBox) -> String {
        let (width, height) = self.size();
        let inside = bbox.clipped(width, height);
        // As in `BoundingBox::clipped`.
        let (w, h) = (width as f32, height as f32);
        let is_outside = bbox.right <= 0.0 || bbox.bottom <= 0.0 || bbox.left >= w || bbox.top >= h;
        let unit = Self::unit(member);
        match member {
            Member::Box if self.is_fractional(bbox) => format!(
                "is no box of {self}: all of its numbers are 1 or less, as if they were fractions; {unit}, and fractions stand in `fractions`"
            ),
            _ if is_outside => format!("lies outside of {self}; {unit}"),
            _ => format!(
                "has {:.2} x {:.2} pixels within {self}, and must have one at least on each side; {unit}",
                inside.width(),
                inside.height()
            ),
        }
    }

    const fn unit(member: Member) -> &'static str {
        match member {
            Member::Box => "boxes are in pixels of the picture as displayed",
            Member::Fractions => "fractions are of its width and height, from 0 to 1",
        }
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown {
            Some((width, height)) => write!(f, "the picture of {width} x {height} pixels"),
            None => f.write_str("the page"),
        }
    }
}

/// What is wrong with a box in a picture of the given size in pixels as displayed, as a clause about the box; `None`: it
/// hides something.
pub fn misplaced(bbox: &BoundingBox, shown: (u32, u32)) -> Option<String> {
    Grid::of(shown).check(Member::Box, bbox).err()
}
