//! The detections document of a video: what was followed, with a box for every frame that it is in.
//!
//! A video of hours has millions of boxes. The types are generic over their lists, so that a writer can put [`Streamed`]
//! there and have the document written item by item; a reader has them in vectors.

use std::fmt::Display;

use serde::ser::{Error as _, SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize};

use super::{BoundingBox, Class, DocumentSource, PixelBox, is_false};
use crate::media::MediaFormat;

/// The detections document of one video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoDetectionsDocument<T = Vec<DocumentedTrack>> {
    /// Always [`super::SCHEMA`].
    pub schema: String,
    /// Where the tracks come from; left out where models have found them.
    #[serde(default, skip_serializing_if = "DocumentSource::is_detected")]
    pub source: DocumentSource,
    /// The video.
    pub video: VideoInfo,
    /// What was followed, by number.
    pub tracks: T,
    /// What should be known about the video or the result.
    pub warnings: Vec<String>,
}

/// The video that a detections document speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoInfo {
    /// Width in pixels as displayed; boxes are in this grid.
    pub width: u32,
    /// Height in pixels as displayed.
    pub height: u32,
    /// Format of input and output.
    pub format: MediaFormat,
    /// The orientation that stored frames need to be displayed, 1 to 8 as in EXIF.
    pub orientation: u8,
    /// Frames.
    pub frames: u32,
    /// From the first frame to the end of the last one, in seconds.
    pub duration_s: f64,
    /// Frames a second on average; absent where the video does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frame_rate: Option<f64>,
}

/// Something that was followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentedTrack<B = Vec<DocumentedBox>> {
    /// Its number in the document.
    pub id: u32,
    /// What it is.
    pub class: Class,
    /// The model that found it first.
    pub model: String,
    /// No model has found it: somebody has drawn it. Left out where one has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub manual: bool,
    /// The highest of its detections: 0 to 1, on one scale for all models of a class.
    pub confidence: f32,
    /// Whether it is hidden in at least one frame.
    pub hidden: bool,
    /// The first frame that it is in, from 0.
    pub first_frame: u32,
    /// The last one.
    pub last_frame: u32,
    /// One a frame, in their order.
    pub boxes: B,
}

/// A box of a track.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentedBox {
    /// The frame, from 0.
    pub frame: u32,
    /// When that is displayed, in seconds, as the time stamps of the video count.
    pub time_s: f64,
    /// The bounding box in pixels as displayed.
    #[serde(rename = "box")]
    pub bbox: PixelBox,
    /// Why it is there.
    pub origin: Origin,
    /// Whether it was hidden: false where its centre lies outside the included or inside the excluded area. Left out where
    /// it was.
    #[serde(skip_serializing_if = "is_true", default = "yes")]
    pub hidden: bool,
}

/// Why a box is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It was detected there.
    Detected,
    /// It was detected before and after.
    Interpolated,
    /// It was detected a little later or earlier.
    Held,
    /// It was given, and not detected.
    Given,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it asks about by reference"
)]
const fn is_true(value: &bool) -> bool {
    *value
}

const fn yes() -> bool {
    true
}

impl PixelBox {
    /// The part of a box that lies inside a picture of the given displayed size in pixels.
    pub fn new(bbox: &BoundingBox, (width, height): (u32, u32)) -> Self {
        let bbox = bbox.clipped(width, height);
        Self {
            x: bbox.left,
            y: bbox.top,
            width: bbox.width(),
            height: bbox.height(),
        }
    }
}

/// A list whose items are made while it is written. It holds a function that begins it from the front.
#[derive(Clone, Copy, Debug)]
pub struct Streamed<F>(pub F);

impl<F, I, T, E> Serialize for Streamed<F>
where
    F: Fn() -> I,
    I: Iterator<Item = Result<T, E>>,
    T: Serialize,
    E: Display,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in (self.0)() {
            list.serialize_element(&item.map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::SCHEMA;

    fn document<T>(tracks: T) -> VideoDetectionsDocument<T> {
        VideoDetectionsDocument {
            schema: SCHEMA.to_owned(),
            source: DocumentSource::Detected,
            video: VideoInfo {
                width: 640,
                height: 360,
                format: MediaFormat::Mp4,
                orientation: 1,
                frames: 2,
                duration_s: 0.08,
                frame_rate: Some(25.0),
            },
            tracks,
            warnings: vec![],
        }
    }

    fn boxes() -> Vec<DocumentedBox> {
        let bbox = BoundingBox {
            left: -4.0,
            top: 10.0,
            right: 20.0,
            bottom: 50.5,
        };
        [Origin::Detected, Origin::Held]
            .into_iter()
            .zip(0..)
            .map(|(origin, frame)| DocumentedBox {
                frame,
                time_s: f64::from(frame) / 25.0,
                bbox: PixelBox::new(&bbox, (640, 360)),
                origin,
                hidden: frame == 0,
            })
            .collect()
    }

    fn track<B>(boxes: B) -> DocumentedTrack<B> {
        DocumentedTrack {
            id: 0,
            class: Class::Face,
            model: "yunet".into(),
            manual: false,
            confidence: 0.5,
            hidden: true,
            first_frame: 0,
            last_frame: 1,
            boxes,
        }
    }

    #[test]
    fn a_document_that_is_streamed_reads_as_one_that_is_held() {
        let held = document(vec![track(boxes())]);
        let streamed = document(Streamed(|| {
            std::iter::once(Ok::<_, String>(track(Streamed(|| {
                boxes().into_iter().map(Ok::<_, String>)
            }))))
        }));
        let text = serde_json::to_string(&streamed).unwrap();
        assert_eq!(text, serde_json::to_string(&held).unwrap());
        assert_eq!(
            serde_json::from_str::<VideoDetectionsDocument>(&text).unwrap(),
            held
        );
        assert!(text.contains(r#"{"frame":0,"time_s":0.0,"box":{"x":0.0,"y":10.0,"width":20.0,"height":40.5},"origin":"detected"},{"frame":1,"time_s":0.04,"#), "{text}");
    }

    #[test]
    fn an_item_that_cannot_be_made_ends_the_document() {
        let broken = document(Streamed(|| {
            std::iter::once(Err::<DocumentedTrack, _>("the file is gone"))
        }));
        let error = serde_json::to_string(&broken).unwrap_err();
        assert!(error.to_string().contains("the file is gone"), "{error}");
    }
}
