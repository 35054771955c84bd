//! What a person changes in a detections document, out of the rows of a form. What a person has touched counts as drawn by
//! hand.

use std::collections::BTreeMap;

use sfumato_core::detection::given::{GivenDetections, GivenDocument, MANUAL};
use sfumato_core::detection::{
    BoundingBox, Class, Detection, DetectionsDocument, DocumentedDetection, VideoDetectionsDocument,
};

use super::review_rows::{Fate, Row, bounds, rows};
use super::review_video::{edit_video, track};
use crate::error::{ConsoleError, sentence};

/// A document with its edits, or before them.
pub(super) enum Document {
    Picture(DetectionsDocument),
    Video(VideoDetectionsDocument),
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
