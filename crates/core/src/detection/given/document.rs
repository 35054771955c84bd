//! A detections document as it comes from outside. What only describes may be left out; a member that does not exist is an
//! error, since it is a slip.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::grid::{Grid, Member};
use super::{
    GIVEN_BOXES_MAX, GIVEN_DETECTIONS_MAX, GIVEN_TRACKS_MAX, GivenBox, GivenDetection, GivenDetections,
    GivenPicture, GivenTrack, GivenVideo, InvalidGiven, MANUAL, MODEL_BYTES_MAX, corners_of,
};
use crate::detection::{BoundingBox, Class, Corners, Detection, FractionBox, Origin, PixelBox, SCHEMA};

/// How far from the origin a box may lie, in pixels: far outside of any picture, and far inside of what f32 counts exactly.
const PLACE_MAX: f32 = 1_000_000.0;

/// A detections document that was given, not checked yet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenDocument {
    schema: String,
    #[serde(rename = "source")]
    _source: Option<IgnoredAny>,
    picture: Option<GivenSize>,
    detections: Option<Vec<Found>>,
    video: Option<GivenSize>,
    tracks: Option<Vec<Track>>,
    #[serde(rename = "warnings")]
    _warnings: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenSize {
    width: u32,
    height: u32,
    frames: Option<u32>,
    #[serde(rename = "format")]
    _format: Option<IgnoredAny>,
    #[serde(rename = "orientation")]
    _orientation: Option<IgnoredAny>,
    #[serde(rename = "duration_s")]
    _duration_s: Option<IgnoredAny>,
    #[serde(rename = "frame_rate")]
    _frame_rate: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    frame: Option<u32>,
    class: Class,
    confidence: Option<f32>,
    model: Option<String>,
    manual: Option<bool>,
    #[serde(rename = "box")]
    bbox: Option<PixelBox>,
    fractions: Option<FractionBox>,
    corners: Option<Corners>,
    hidden: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Track {
    id: Option<u32>,
    class: Class,
    model: Option<String>,
    manual: Option<bool>,
    confidence: Option<f32>,
    hidden: Option<bool>,
    first_frame: Option<u32>,
    last_frame: Option<u32>,
    boxes: Vec<TrackBox>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrackBox {
    frame: u32,
    #[serde(rename = "time_s")]
    _time_s: Option<IgnoredAny>,
    #[serde(rename = "box")]
    bbox: Option<PixelBox>,
    fractions: Option<FractionBox>,
    origin: Option<Origin>,
    hidden: Option<bool>,
}

impl GivenDocument {
    /// Checks all of it.
    ///
    /// # Errors
    /// [`InvalidGiven`]: the first place that cannot be used.
    pub fn check(self) -> Result<GivenDetections, InvalidGiven> {
        if self.schema != SCHEMA {
            return Err(InvalidGiven::new("schema", format!("must be {SCHEMA}")));
        }
        match (self.picture, self.detections, self.video, self.tracks) {
            (Some(size), Some(found), None, None) => picture(&size, found).map(GivenDetections::Picture),
            (None, None, Some(size), Some(tracks)) => video(&size, tracks).map(GivenDetections::Video),
            (Some(_), None, None, None) => Err(InvalidGiven::new("detections", "is missing")),
            (None, None, Some(_), None) => Err(InvalidGiven::new("tracks", "is missing")),
            _ => Err(InvalidGiven::new(
                "picture",
                "a document has either `picture` and `detections`, or `video` and `tracks`",
            )),
        }
    }
}

fn check_size(size: &GivenSize, what: &str) -> Result<(), InvalidGiven> {
    if size.width == 0 || size.height == 0 {
        return Err(InvalidGiven::new(
            what,
            "`width` and `height` must be more than 0",
        ));
    }
    Ok(())
}

fn at_most(count: usize, max: usize, place: &str) -> Result<(), InvalidGiven> {
    if count > max {
        let message = format!("has {count} items, and may have {max} at most");
        return Err(InvalidGiven::new(place, message));
    }
    Ok(())
}

fn picture(size: &GivenSize, found: Vec<Found>) -> Result<GivenPicture, InvalidGiven> {
    check_size(size, "picture")?;
    at_most(found.len(), GIVEN_DETECTIONS_MAX, "detections")?;
    let frames = size.frames.unwrap_or(1).max(1);
    let detections = found.into_iter().enumerate().map(|(number, found)| {
        let place = format!("detections[{number}]");
        let frame = found.frame.unwrap_or(0);
        if frame >= frames {
            let message = format!("the picture has frames 0 to {}", frames - 1);
            return Err(InvalidGiven::new(format!("{place}.frame"), message));
        }
        let model = model(found.model, found.manual, &place)?;
        let (member, bbox) = bbox(found.bbox, found.fractions, size, &place)?;
        // The size is that of the first frame; pages may have others, which the media process knows.
        let grid = match frame {
            0 => Grid::of((size.width, size.height)),
            _ => Grid::unknown(),
        };
        grid.check(member, &bbox)
            .map_err(|wrong| InvalidGiven::new(format!("{place}.{member}"), wrong))?;
        if let Some(corners) = found.corners
            && !corners.iter().flatten().all(|value| value.is_finite())
        {
            return Err(InvalidGiven::new(
                format!("{place}.corners"),
                "must be finite numbers",
            ));
        }
        let mut detection = Detection {
            class: found.class,
            bbox,
            confidence: confidence(found.confidence, &place)?,
            model,
            corners: found.corners,
        };
        detection.corners = corners_of(&detection);
        Ok(GivenDetection {
            frame,
            detection,
            hidden: found.hidden.unwrap_or(true),
        })
    });
    Ok(GivenPicture {
        width: size.width,
        height: size.height,
        frames,
        detections: detections.collect::<Result<_, _>>()?,
    })
}

fn video(size: &GivenSize, tracks: Vec<Track>) -> Result<GivenVideo, InvalidGiven> {
    check_size(size, "video")?;
    let frames = size
        .frames
        .ok_or_else(|| InvalidGiven::new("video.frames", "is missing"))?;
    at_most(tracks.len(), GIVEN_TRACKS_MAX, "tracks")?;
    let boxes = tracks.iter().map(|track| track.boxes.len()).sum();
    at_most(boxes, GIVEN_BOXES_MAX, "tracks")?;
    let mut ids = BTreeSet::new();
    for (number, id) in tracks.iter().enumerate().filter_map(|(i, t)| Some((i, t.id?))) {
        if !ids.insert(id) {
            return Err(InvalidGiven::new(
                format!("tracks[{number}].id"),
                "another track has it",
            ));
        }
    }
    // What comes without a number gets one that nothing else has.
    let mut free = (0..=u32::MAX).filter(|id| !ids.contains(id));
    let tracks = tracks.into_iter().enumerate().map(|(number, given)| {
        let id = given.id.or_else(|| free.next()).unwrap_or(u32::MAX);
        track(given, id, size, frames, &format!("tracks[{number}]"))
    });
    Ok(GivenVideo {
        width: size.width,
        height: size.height,
        frames,
        tracks: tracks.collect::<Result<_, _>>()?,
    })
}

fn track(
    track: Track,
    id: u32,
    size: &GivenSize,
    frames: u32,
    place: &str,
) -> Result<GivenTrack, InvalidGiven> {
    let model = model(track.model, track.manual, place)?;
    let is_manual = model == MANUAL;
    let grid = Grid::of((size.width, size.height));
    let of = |wrong: String| match track.id {
        Some(id) => format!("{wrong} (track {id})"),
        None => wrong,
    };
    let is_hidden = track.hidden.unwrap_or(true);
    let mut boxes: Vec<GivenBox> = Vec::with_capacity(track.boxes.len());
    for (number, found) in track.boxes.into_iter().enumerate() {
        let place = format!("{place}.boxes[{number}]");
        if boxes.last().is_some_and(|before| before.frame >= found.frame) {
            let message = "must be more than in the box before";
            return Err(InvalidGiven::new(format!("{place}.frame"), message));
        }
        let (member, bbox) = bbox(found.bbox, found.fractions, size, &place)?;
        let checked = match is_manual {
            true => grid.check(member, &bbox),
            false => grid.check_followed(member, &bbox),
        };
        checked.map_err(|wrong| InvalidGiven::new(format!("{place}.{member}"), of(wrong)))?;
        boxes.push(GivenBox {
            frame: found.frame,
            bbox,
            origin: found.origin.unwrap_or(Origin::Given),
            hidden: is_hidden && found.hidden.unwrap_or(true),
        });
    }
    let (Some(first), Some(last)) = (boxes.first(), boxes.last()) else {
        return Err(InvalidGiven::new(
            format!("{place}.boxes"),
            "must have one box at least",
        ));
    };
    if !boxes.iter().any(|found| grid.shows(&found.bbox)) {
        return Err(InvalidGiven::new(format!("{place}.boxes"), of(grid.never())));
    }
    let (first_frame, last_frame) = (
        track.first_frame.unwrap_or(first.frame),
        track.last_frame.unwrap_or(last.frame),
    );
    let span = |member: &str, message: String| Err(InvalidGiven::new(format!("{place}.{member}"), message));
    if last_frame >= frames {
        return span("last_frame", format!("the video has {frames} frames, from 0"));
    }
    if first_frame > first.frame || (!is_manual && first_frame != first.frame) {
        return span(
            "first_frame",
            format!("the first box is in frame {}", first.frame),
        );
    }
    if last_frame < last.frame || (!is_manual && last_frame != last.frame) {
        return span("last_frame", format!("the last box is in frame {}", last.frame));
    }
    Ok(GivenTrack {
        id,
        class: track.class,
        model,
        confidence: confidence(track.confidence, place)?,
        first_frame,
        last_frame,
        boxes,
    })
}

fn model(name: Option<String>, manual: Option<bool>, place: &str) -> Result<String, InvalidGiven> {
    let name = name.filter(|_| manual != Some(true));
    let name = name.unwrap_or_else(|| MANUAL.to_owned());
    if name.len() > MODEL_BYTES_MAX {
        let message = format!("is longer than {MODEL_BYTES_MAX} bytes, which is the most");
        return Err(InvalidGiven::new(format!("{place}.model"), message));
    }
    Ok(name)
}

fn confidence(given: Option<f32>, place: &str) -> Result<f32, InvalidGiven> {
    let confidence = given.unwrap_or(1.0);
    if (0.0..=1.0).contains(&confidence) {
        return Ok(confidence);
    }
    Err(InvalidGiven::new(
        format!("{place}.confidence"),
        "must be a number from 0 to 1",
    ))
}

/// The box, in pixels, and the member that says it; where only fractions are given, they do.
fn bbox(
    pixels: Option<PixelBox>,
    fractions: Option<FractionBox>,
    size: &GivenSize,
    place: &str,
) -> Result<(Member, BoundingBox), InvalidGiven> {
    // Sides of a picture are small numbers, and any other is refused by the media process.
    let (width, height) = (size.width as f32, size.height as f32);
    let (member, bbox) = match (pixels, fractions) {
        (Some(pixels), _) => {
            let bbox = BoundingBox {
                left: pixels.x,
                top: pixels.y,
                right: pixels.x + pixels.width,
                bottom: pixels.y + pixels.height,
            };
            (Member::Box, bbox)
        }
        (None, Some(fractions)) => {
            let bbox = BoundingBox {
                left: fractions.left * width,
                top: fractions.top * height,
                right: fractions.right * width,
                bottom: fractions.bottom * height,
            };
            (Member::Fractions, bbox)
        }
        (None, None) => return Err(InvalidGiven::new(format!("{place}.box"), "is missing")),
    };
    let edges = [bbox.left, bbox.top, bbox.right, bbox.bottom];
    let is_near = edges.iter().all(|edge| edge.abs() <= PLACE_MAX);
    if is_near && bbox.left <= bbox.right && bbox.top <= bbox.bottom {
        return Ok((member, bbox));
    }
    Err(InvalidGiven::new(
        format!("{place}.{member}"),
        "must be a box of finite numbers whose sides are not negative",
    ))
}
