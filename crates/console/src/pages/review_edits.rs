//! What a person changes in a detections document, out of the fields of a form.
//!
//! A field is called `member.row`. A row that is a number is the detection or track of that number in the document, and
//! what is not said of it stays as it is; any other row is something new. What a person has touched counts as drawn by hand.

use std::collections::BTreeMap;

use sfumato_core::detection::given::{GivenDetections, GivenDocument, MANUAL};
use sfumato_core::detection::{
    BoundingBox, Class, Detection, DetectionsDocument, DocumentedDetection, PixelBox, VideoDetectionsDocument,
};

use super::review_video::{edit_video, track};
use crate::error::{ConsoleError, sentence};

/// A document with its edits, or before them.
pub(super) enum Document {
    Picture(DetectionsDocument),
    Video(VideoDetectionsDocument),
}

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
    fn keeps(&self, bbox: &PixelBox) -> bool {
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
fn rows(fields: &[(String, String)]) -> (BTreeMap<usize, Row<'_>>, Vec<Row<'_>>) {
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

impl Document {
    /// Makes the edits and checks all of it.
    ///
    /// # Errors
    /// [`ConsoleError::Refused`] for a number that is none and for a box that cannot be used.
    pub(super) fn edited(mut self, fields: &[(String, String)]) -> Result<GivenDetections, ConsoleError> {
        let (known, new) = rows(fields);
        let written = match &mut self {
            Self::Picture(document) => {
                edit_picture(document, &known)?;
                for row in &new {
                    document.detections.extend(drawn(document, row)?);
                }
                serde_json::to_vec(document)
            }
            Self::Video(document) => {
                edit_video(document, &known)?;
                for row in &new {
                    document.tracks.push(track(document, row)?);
                }
                serde_json::to_vec(document)
            }
        };
        // The same reader that judges what programs send.
        let written = written.map_err(ConsoleError::internal)?;
        let document: GivenDocument = serde_json::from_slice(&written).map_err(ConsoleError::internal)?;
        let refused = |error| ConsoleError::refused(sentence(&format!("{error}")));
        document.check().map_err(refused)
    }
}

fn edit_picture(
    document: &mut DetectionsDocument,
    rows: &BTreeMap<usize, Row<'_>>,
) -> Result<(), ConsoleError> {
    let (width, height) = (document.picture.width, document.picture.height);
    let mut kept = Vec::with_capacity(document.detections.len());
    for (number, mut found) in std::mem::take(&mut document.detections).into_iter().enumerate() {
        let Some(row) = rows.get(&number) else {
            kept.push(found);
            continue;
        };
        let fate = row.fate();
        if fate == Fate::Removed {
            continue;
        }
        let class = row.class().unwrap_or(found.class);
        let hidden = found.hidden || fate == Fate::Hidden;
        if class != found.class || !row.keeps(&found.bbox) {
            let bbox = if row.keeps(&found.bbox) {
                bounds(&found.bbox)
            } else {
                row.bbox()?
            };
            let frame = found.frame;
            found = DocumentedDetection::new(&by_hand(class, bbox), width, height, hidden);
            found.frame = frame;
        }
        found.hidden = hidden;
        kept.push(found);
    }
    document.detections = kept;
    Ok(())
}

/// A new box, in every frame of the picture.
fn drawn(document: &DetectionsDocument, row: &Row<'_>) -> Result<Vec<DocumentedDetection>, ConsoleError> {
    let picture = &document.picture;
    let detection = by_hand(row.class().unwrap_or(Class::Face), row.bbox()?);
    let found = DocumentedDetection::new(&detection, picture.width, picture.height, true);
    Ok(match picture.frames {
        None => vec![found],
        Some(frames) => (0..frames)
            .map(|frame| DocumentedDetection {
                frame: Some(frame),
                ..found.clone()
            })
            .collect(),
    })
}

fn by_hand(class: Class, bbox: BoundingBox) -> Detection {
    Detection {
        class,
        bbox,
        confidence: 1.0,
        model: MANUAL.to_owned(),
        corners: None,
    }
}

pub(super) fn bounds(bbox: &PixelBox) -> BoundingBox {
    BoundingBox {
        left: bbox.x,
        top: bbox.y,
        right: bbox.x + bbox.width,
        bottom: bbox.y + bbox.height,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const PICTURE: &str = r#"{"schema":"sfumato.detections/1",
        "picture":{"width":100,"height":80,"format":"jpeg","orientation":1},
        "detections":[
            {"class":"face","confidence":0.9,"model":"yunet","box":{"x":10.04,"y":10,"width":20,"height":20},
             "fractions":{"left":0.1,"right":0.3,"top":0.125,"bottom":0.375},"hidden":true},
            {"class":"plate","confidence":0.8,"model":"plates","box":{"x":50,"y":50,"width":20,"height":10},
             "fractions":{"left":0.5,"right":0.7,"top":0.625,"bottom":0.75},"hidden":false}]}"#;

    pub(in crate::pages) fn edit(
        document: Document,
        fields: &[(&str, &str)],
    ) -> Result<GivenDetections, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fields: Vec<_> = fields.iter().map(own).collect();
        document
            .edited(&fields)
            .map_err(|error| error.message().text.into_owned())
    }

    fn picture(fields: &[(&str, &str)]) -> Result<Vec<(Class, String, f32, bool)>, String> {
        let document = Document::Picture(serde_json::from_str(PICTURE).unwrap());
        let given = edit(document, fields)?;
        let found = given.picture().unwrap().detections.iter();
        Ok(found
            .map(|one| {
                let detection = &one.detection;
                (
                    detection.class,
                    detection.model.clone(),
                    detection.bbox.left,
                    one.hidden,
                )
            })
            .collect())
    }

    #[test]
    fn what_is_not_touched_stays_exactly_as_it_was_found() {
        let untouched = picture(&[]).unwrap();
        assert_eq!(untouched.len(), 2);
        assert_eq!(untouched[0], (Class::Face, "yunet".into(), 10.04, true));
        assert_eq!(untouched[1], (Class::Plate, "plates".into(), 50.0, false));
        let sent_back = [
            ("class.0", "face"),
            ("x.0", "10"),
            ("y.0", "10"),
            ("width.0", "20"),
            ("height.0", "20"),
        ];
        assert_eq!(picture(&sent_back).unwrap(), untouched);
    }

    #[test]
    fn a_box_can_be_moved_and_called_something_else_and_is_drawn_by_hand_then() {
        let moved = picture(&[
            ("x.0", "12.5"),
            ("y.0", "10"),
            ("width.0", "20"),
            ("height.0", "20"),
        ])
        .unwrap();
        assert_eq!(moved[0], (Class::Face, "manual".into(), 12.5, true));
        let renamed = picture(&[("class.0", "plate")]).unwrap();
        assert_eq!(renamed[0], (Class::Plate, "manual".into(), 10.04, true));
    }

    #[test]
    fn a_box_can_be_removed_hidden_and_added() {
        let edited = picture(&[
            ("do.0", "remove"),
            ("do.1", "hide"),
            ("class.new1", "plate"),
            ("x.new1", "1"),
            ("y.new1", "2"),
            ("width.new1", "3"),
            ("height.new1", "4"),
            ("class.new2", "face"),
            ("x.new2", ""),
        ]);
        let edited = edited.unwrap();
        assert_eq!(edited.len(), 2);
        assert_eq!(edited[0], (Class::Plate, "plates".into(), 50.0, true));
        assert_eq!(edited[1], (Class::Plate, "manual".into(), 1.0, true));
    }

    #[test]
    fn a_box_that_cannot_be_used_is_refused_in_words() {
        let half = picture(&[("x.new1", "1"), ("y.new1", "1"), ("width.new1", "wide")]);
        assert_eq!(half.unwrap_err(), "“Width” of a box must be a number.");
        let outside = [
            ("x.new1", "500"),
            ("y.new1", "1"),
            ("width.new1", "9"),
            ("height.new1", "9"),
        ];
        assert!(
            picture(&outside)
                .unwrap_err()
                .contains("lies outside of the picture of 100 x 80 pixels")
        );
    }
}
