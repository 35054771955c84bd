//! The rows of the form in which a person changes detections.
//!
//! A field is called `member.row`. A row that is a number is the detection or track of that number in the document, and
//! what is not said of it stays as it is; any other row is something new.

use std::collections::BTreeMap;

use sfumato_core::detection::{BoundingBox, Class, PixelBox};

use crate::error::ConsoleError;

/// The fields of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row<'a>(BTreeMap<&'a str, &'a str>);

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as the document has it.
    Stays,
    /// It is hidden from now on.
    Hidden,
    /// It leaves the document.
    Removed,
}

impl Row<'_> {
    pub(super) fn number(&self, member: &str) -> Result<f32, ConsoleError> {
        let text = self.0.get(member).copied().unwrap_or_default();
        let number = text.trim().parse().ok().filter(|number: &f32| number.is_finite());
        number.ok_or_else(|| ConsoleError::refused(format!("“{}” of a box must be a number.", word(member))))
    }

    pub(super) fn class(&self) -> Option<Class> {
        match self.0.get("class").copied() {
            Some("face") => Some(Class::Face),
            Some("plate") => Some(Class::Plate),
            _ => None,
        }
    }

    pub(super) fn fate(&self) -> Fate {
        match self.0.get("do").copied() {
            Some("remove") => Fate::Removed,
            Some("hide") => Fate::Hidden,
            _ => Fate::Stays,
        }
    }

    /// Whether it has a box at all: the form has empty rows for browsers without scripts.
    fn has_box(&self) -> bool {
        let is_given = |member| self.0.get(member).is_some_and(|text| !text.trim().is_empty());
        ["x", "y", "width", "height"].into_iter().any(is_given)
    }

    pub(super) fn bbox(&self) -> Result<BoundingBox, ConsoleError> {
        self.bbox_of(["x", "y", "width", "height"])
    }

    /// Where a box of a video has moved to when its time is over; `None`: it stands still.
    pub(super) fn end_bbox(&self) -> Result<Option<BoundingBox>, ConsoleError> {
        let members = ["end_x", "end_y", "end_width", "end_height"];
        let is_empty = |member| self.0.get(member).is_none_or(|text| text.trim().is_empty());
        if members.into_iter().all(is_empty) {
            return Ok(None);
        }
        self.bbox_of(members).map(Some)
    }

    fn bbox_of(&self, [x, y, width, height]: [&str; 4]) -> Result<BoundingBox, ConsoleError> {
        let (left, top) = (self.number(x)?, self.number(y)?);
        Ok(BoundingBox {
            left,
            top,
            right: left + self.number(width)?,
            bottom: top + self.number(height)?,
        })
    }

    /// By how much a track is moved to the right and down.
    pub(super) fn offset(&self) -> Result<(f32, f32), ConsoleError> {
        let part = |member| match self.0.get(member).map_or("", |text| text.trim()) {
            "" => Ok(0.0),
            _ => self.number(member),
        };
        Ok((part("dx")?, part("dy")?))
    }

    /// Whether the box is the one that the form began with.
    pub(super) fn keeps(&self, bbox: &PixelBox) -> bool {
        [
            ("x", bbox.x),
            ("y", bbox.y),
            ("width", bbox.width),
            ("height", bbox.height),
        ]
        .into_iter()
        .all(|(member, value)| {
            let given = self.0.get(member).map(|text| text.trim());
            given.is_none_or(|given| given.parse::<f32>().is_ok_and(|it| shown(it) == shown(value)))
        })
    }
}

/// What a member is called on the page.
fn word(member: &str) -> &str {
    match member {
        "x" => "Left",
        "y" => "Top",
        "width" => "Width",
        "height" => "Height",
        "from" => "From",
        "to" => "To",
        "end_x" => "Left at the end",
        "end_y" => "Top at the end",
        "end_width" => "Width at the end",
        "end_height" => "Height at the end",
        "dx" => "Moved right",
        "dy" => "Moved down",
        other => other,
    }
}

/// A length in pixels as the form has it: to a tenth, without a needless zero.
pub(super) fn shown(pixels: f32) -> String {
    let text = format!("{pixels:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// The rows of a form: those of the document by their number, and new ones.
pub(super) fn rows(fields: &[(String, String)]) -> (BTreeMap<usize, Row<'_>>, Vec<Row<'_>>) {
    let mut all: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for (name, value) in fields {
        if let Some((member, row)) = name.split_once('.') {
            all.entry(row).or_default().0.insert(member, value);
        }
    }
    let (mut known, mut new) = (BTreeMap::new(), Vec::new());
    for (name, row) in all {
        match name.parse() {
            Ok(number) => {
                known.insert(number, row);
            }
            Err(_) if row.has_box() && row.fate() != Fate::Removed => new.push(row),
            Err(_) => {}
        }
    }
    (known, new)
}

pub(super) fn bounds(bbox: &PixelBox) -> BoundingBox {
    BoundingBox {
        left: bbox.x,
        top: bbox.y,
        right: bbox.x + bbox.width,
        bottom: bbox.y + bbox.height,
    }
}
