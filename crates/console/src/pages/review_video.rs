//! What a person changes in the tracks of a video, out of the rows of the form.

use std::collections::BTreeMap;

use sfumato_core::detection::given::MANUAL;
use sfumato_core::detection::{
    BoundingBox, Class, DocumentedBox, DocumentedTrack, Origin, PixelBox, VideoDetectionsDocument, VideoInfo,
};

use super::review_rows::{Fate, Row, bounds};
use crate::error::ConsoleError;

/// Makes the edits of tracks that are there.
///
/// # Errors
/// [`ConsoleError::Refused`] for a number that is none.
pub(super) fn edit_video(
    document: &mut VideoDetectionsDocument,
    rows: &BTreeMap<usize, Row<'_>>,
) -> Result<(), ConsoleError> {
    let size = (document.video.width, document.video.height);
    let mut kept = Vec::with_capacity(document.tracks.len());
    for (number, mut track) in std::mem::take(&mut document.tracks).into_iter().enumerate() {
        let Some(row) = rows.get(&number) else {
            kept.push(track);
            continue;
        };
        match row.fate() {
            Fate::Removed => continue,
            Fate::Stays => {}
            Fate::Hidden => {
                track.hidden = true;
                for found in &mut track.boxes {
                    found.hidden = true;
                }
            }
        }
        let offset = row.offset()?;
        if offset != (0.0, 0.0) {
            shift(&mut track, offset, size);
        }
        kept.push(track);
    }
    document.tracks = kept;
    Ok(())
}

/// Moves a track as it is to the right and down. Where that moves it out of the picture, it is in sight for a shorter time.
fn shift(track: &mut DocumentedTrack, (dx, dy): (f32, f32), size: (u32, u32)) {
    track.model = MANUAL.to_owned();
    track.manual = true;
    track.confidence = 1.0;
    for found in &mut track.boxes {
        let bounds = bounds(&found.bbox);
        let moved = BoundingBox {
            left: bounds.left + dx,
            top: bounds.top + dy,
            right: bounds.right + dx,
            bottom: bounds.bottom + dy,
        };
        found.bbox = PixelBox::new(&moved, size);
        found.origin = Origin::Given;
    }
    let is_in_sight = |found: &DocumentedBox| bounds(&found.bbox).is_in_sight(size.0, size.1);
    // Without any box in sight it is refused, with those that it has.
    if track.boxes.iter().any(is_in_sight) {
        track.boxes.retain(is_in_sight);
    }
    if let (Some(first), Some(last)) = (track.boxes.first(), track.boxes.last()) {
        track.first_frame = first.frame;
        track.last_frame = last.frame;
    }
}

/// Frames a second; what a video does not say is counted.
pub(super) fn frame_rate(video: &VideoInfo) -> f64 {
    let counted = f64::from(video.frames) / video.duration_s;
    let rate = video.frame_rate.unwrap_or(counted);
    if rate.is_finite() && rate > 0.0 {
        rate
    } else {
        25.0
    }
}

/// When frames are shown, as far as the document knows: those of its boxes, the beginning and the end. Frames between two of
/// them are taken to follow each other evenly, so that a video whose rate changes is read rightly where something was found.
struct FrameTimes(Vec<(f64, f64)>);

impl FrameTimes {
    fn of(document: &VideoDetectionsDocument) -> Self {
        let video = &document.video;
        let found = document.tracks.iter().flat_map(|track| &track.boxes);
        let given = |found: &&DocumentedBox| found.origin != Origin::Given;
        let mut known: BTreeMap<u32, f64> = found
            .filter(given)
            .map(|found| (found.frame, found.time_s))
            .collect();
        known.entry(0).or_insert(0.0);
        let end = f64::from(video.frames) / frame_rate(video);
        known.entry(video.frames).or_insert(end);
        Self(
            known
                .into_iter()
                .map(|(frame, time_s)| (f64::from(frame), time_s))
                .collect(),
        )
    }

    /// The frame that is shown then, with how much of its time has passed.
    fn at(&self, seconds: f64) -> f64 {
        let after = self.0.partition_point(|(_, time_s)| *time_s <= seconds);
        let before = after.saturating_sub(1);
        let (Some((frame, time_s)), Some((next, next_s))) = (self.0.get(before), self.0.get(after)) else {
            return self.0.last().map_or(0.0, |(frame, _)| *frame);
        };
        if after == before || next_s <= time_s {
            return *frame;
        }
        frame + (next - frame) * (seconds - time_s) / (next_s - time_s)
    }
}

/// Parts of a frame that are no touch: seconds come as decimal fractions, which a float holds nearly.
const TOUCH: f64 = 1e-3;

/// A new box that stands still for a time, or moves evenly from one place to another. Of the frames at its ends those count
/// that it touches at all.
pub(super) fn track(
    document: &VideoDetectionsDocument,
    row: &Row<'_>,
) -> Result<DocumentedTrack, ConsoleError> {
    let video = &document.video;
    let (from, to) = (f64::from(row.number("from")?), f64::from(row.number("to")?));
    if from > to {
        return Err(ConsoleError::refused("A box must begin before it ends."));
    }
    let last = video.frames.saturating_sub(1);
    let times = FrameTimes::of(document);
    let frame = |frame: f64| frame.clamp(0.0, f64::from(last)) as u32;
    let first_frame = frame((times.at(from) + TOUCH).floor());
    let last_frame = frame((times.at(to) - TOUCH).ceil()).max(first_frame);
    let key = |frame, time_s, bbox: &BoundingBox| DocumentedBox {
        frame,
        time_s,
        bbox: PixelBox::new(bbox, (video.width, video.height)),
        origin: Origin::Given,
        hidden: true,
    };
    let mut boxes = vec![key(first_frame, from, &row.bbox()?)];
    if let Some(end) = row.end_bbox()?
        && last_frame > first_frame
    {
        boxes.push(key(last_frame, to, &end));
    }
    let id = document.tracks.iter().map(|track| track.id).max();
    Ok(DocumentedTrack {
        id: id.map_or(0, |id| id.saturating_add(1)),
        class: row.class().unwrap_or(Class::Face),
        model: MANUAL.to_owned(),
        manual: true,
        confidence: 1.0,
        hidden: true,
        first_frame,
        last_frame,
        boxes,
    })
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::given::GivenDetections;

    use super::super::review_edits::Document;
    use super::super::review_edits::tests::edit;
    use super::*;

    const VIDEO: &str = r#"{"schema":"sfumato.detections/1",
        "video":{"width":100,"height":80,"format":"mp4","orientation":1,"frames":50,"duration_s":2.0,"frame_rate":25.0},
        "tracks":[{"id":7,"class":"face","model":"yunet","confidence":0.9,"hidden":false,"first_frame":1,"last_frame":1,
            "boxes":[{"frame":1,"time_s":0.04,"box":{"x":1,"y":1,"width":9,"height":9},"origin":"detected","hidden":false}]}],
        "warnings":[]}"#;

    fn video(fields: &[(&str, &str)]) -> Result<GivenDetections, String> {
        edit(Document::Video(serde_json::from_str(VIDEO).unwrap()), fields)
    }

    #[test]
    fn a_track_can_be_removed_or_hidden() {
        let removed = video(&[("do.0", "remove")]).unwrap();
        assert!(removed.video().unwrap().tracks.is_empty());
        let hidden = video(&[("do.0", "hide")]).unwrap();
        assert!(hidden.video().unwrap().tracks[0].boxes[0].hidden);
    }

    #[test]
    fn a_box_over_a_time_is_a_track_of_all_frames_that_it_touches() {
        let mut fields = vec![
            ("x.new1", "5"),
            ("y.new1", "5"),
            ("width.new1", "9"),
            ("height.new1", "9"),
        ];
        fields.extend([("from.new1", "0.5"), ("to.new1", "99")]);
        let given = video(&fields).unwrap();
        let track = &given.video().unwrap().tracks[1];
        assert_eq!((track.id, track.first_frame, track.last_frame), (8, 12, 49));
        assert!(track.is_manual() && track.at(30).is_some_and(|found| found.hidden));
        fields.extend([("to.new1", "0.1")]);
        assert_eq!(video(&fields).unwrap_err(), "A box must begin before it ends.");
    }

    #[test]
    fn a_box_that_has_an_end_moves_evenly_from_its_beginning_to_it() {
        let fields = [
            ("x.new1", "10"),
            ("y.new1", "10"),
            ("width.new1", "20"),
            ("height.new1", "20"),
            ("from.new1", "0.4"),
            ("to.new1", "1.2"),
            ("end_x.new1", "50"),
            ("end_y.new1", "30"),
            ("end_width.new1", "40"),
            ("end_height.new1", "20"),
        ];
        let given = video(&fields).unwrap();
        let track = &given.video().unwrap().tracks[1];
        assert_eq!((track.first_frame, track.last_frame), (10, 30));
        let left = |frame| track.at(frame).unwrap().bbox.left;
        assert_eq!([left(10), left(20), left(30)], [10.0, 30.0, 50.0]);
        let half = [&fields[..6], &[("end_x.new1", "50")]].concat();
        assert_eq!(
            video(&half).unwrap_err(),
            "“Top at the end” of a box must be a number."
        );
    }

    #[test]
    fn a_track_that_was_found_can_be_moved_as_it_is() {
        let given = video(&[("dx.0", "5.5"), ("dy.0", "-0.5")]).unwrap();
        let track = &given.video().unwrap().tracks[0];
        assert!(track.is_manual());
        let bbox = track.boxes[0].bbox;
        assert_eq!((bbox.left, bbox.top), (6.5, 0.5));
        let still = video(&[("dx.0", ""), ("dy.0", "0")]).unwrap();
        assert!(!still.video().unwrap().tracks[0].is_manual());
        assert_eq!(
            video(&[("dx.0", "far")]).unwrap_err(),
            "“Moved right” of a box must be a number."
        );
    }

    #[test]
    fn a_track_that_is_moved_is_in_sight_only_while_it_is_in_the_picture() {
        let mut document: VideoDetectionsDocument = serde_json::from_str(VIDEO).unwrap();
        let found = document.tracks[0].boxes[0];
        document.tracks[0].boxes = (1..4)
            .map(|frame| DocumentedBox {
                frame,
                bbox: PixelBox {
                    x: 30.0 * (3 - frame) as f32,
                    ..found.bbox
                },
                ..found
            })
            .collect();
        document.tracks[0].last_frame = 3;
        let moved = |dx: &str| {
            let document = Document::Video(document.clone());
            let given = edit(document, &[("dx.0", dx)])?;
            let track = given.video().unwrap().tracks[0].clone();
            Ok::<_, String>((track.first_frame, track.last_frame))
        };
        assert_eq!(moved("-20").unwrap(), (1, 2));
        assert_eq!(moved("50").unwrap(), (2, 3));
        let refused = moved("-500").unwrap_err();
        assert!(
            refused.contains("outside of the picture of 100 x 80"),
            "{refused}"
        );
    }

    #[test]
    fn frames_are_found_by_the_times_that_are_known() {
        let mut document: VideoDetectionsDocument = serde_json::from_str(VIDEO).unwrap();
        // The rate halves after frame 10.
        let found = document.tracks[0].boxes[0];
        document.tracks[0].boxes = [(10, 0.4), (11, 0.48), (30, 2.0)]
            .map(|(frame, time_s)| DocumentedBox {
                frame,
                time_s,
                ..found
            })
            .into();
        let times = FrameTimes::of(&document);
        let close = |seconds: f64, frame: f64| {
            let at = times.at(seconds);
            assert!((at - frame).abs() < 1e-9, "{seconds} s: {at}");
        };
        close(0.2, 5.0);
        close(0.4, 10.0);
        close(0.44, 10.5);
        close(1.24, 20.5);
    }
}
