//! What a detector has seen: JSON lines as `sfumato detect` prints them, one for each file.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::boxes::BoundingBox;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Detection {
    /// The class's word in the detections document.
    pub(crate) class: String,
    pub(crate) confidence: f64,
    /// In pixels of the picture as displayed.
    pub(crate) bounding_box: BoundingBox,
}

/// CPU time in milliseconds that a picture took, stage by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Timings {
    pub(crate) decode_ms: f64,
    pub(crate) resize_ms: f64,
    pub(crate) inference_ms: f64,
    pub(crate) mask_ms: f64,
    pub(crate) encode_ms: f64,
}

impl Timings {
    /// What it takes until everything has been found.
    pub(crate) fn detection_ms(&self) -> f64 {
        self.decode_ms + self.resize_ms + self.inference_ms
    }

    /// Everything but the models.
    pub(crate) fn image_side_ms(&self) -> f64 {
        self.decode_ms + self.resize_ms + self.mask_ms + self.encode_ms
    }

    pub(crate) fn total_ms(&self) -> f64 {
        self.image_side_ms() + self.inference_ms
    }
}

/// What was seen in one picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Looked {
    /// The most confident first.
    pub(crate) detections: Vec<Detection>,
    pub(crate) timings: Option<Timings>,
    /// EXIF orientation, 1 to 8.
    pub(crate) orientation: u8,
    /// The whole picture as displayed; empty where nothing is known of it.
    pub(crate) frame: BoundingBox,
    /// Why there is nothing.
    pub(crate) error: Option<String>,
}

impl Default for Looked {
    fn default() -> Self {
        Self {
            detections: vec![],
            timings: None,
            orientation: 1,
            frame: BoundingBox::from_size(0.0, 0.0, 0.0, 0.0),
            error: None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Line {
    file: String,
    document: Option<Document>,
    timings: Option<Timings>,
    #[serde(default)]
    error: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    picture: Picture,
    detections: Vec<Documented>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
struct Picture {
    width: f64,
    height: f64,
    orientation: u8,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            width: 0.0,
            height: 0.0,
            orientation: 1,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Documented {
    class: String,
    confidence: f64,
    #[serde(rename = "box")]
    bounding_box: Corner,
    #[serde(default)]
    frame: u32,
}

#[derive(Debug, Deserialize)]
struct Corner {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Reads the lines into a map by file. Only the first frame of a picture counts: annotations are of pictures with one.
///
/// # Errors
/// A line is none of those that are expected, or a file has two.
pub(crate) fn parse(lines: &str) -> anyhow::Result<HashMap<String, Looked>> {
    let mut all = HashMap::new();
    for (number, line) in lines.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = || format!("read line {} of what was detected", number + 1);
        let line: Line = serde_json::from_str(line).with_context(at)?;
        let file = line.file.clone();
        ensure!(
            all.insert(file, looked(line)).is_none(),
            "{}: its file has a line already",
            at()
        );
    }
    Ok(all)
}

fn looked(line: Line) -> Looked {
    let error = match line.error {
        serde_json::Value::Null => line.document.is_none().then(|| "there is no document".to_owned()),
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    let Picture {
        width,
        height,
        orientation,
    } = line
        .document
        .as_ref()
        .map(|document| document.picture)
        .unwrap_or_default();
    let mut detections: Vec<_> = line
        .document
        .into_iter()
        .flat_map(|document| document.detections)
        .filter(|documented| documented.frame == 0)
        .map(|documented| {
            let Corner { x, y, width, height } = documented.bounding_box;
            Detection {
                class: documented.class,
                confidence: documented.confidence,
                bounding_box: BoundingBox::from_size(x, y, width, height),
            }
        })
        .collect();
    detections.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    Looked {
        detections,
        timings: line.timings,
        orientation,
        frame: BoundingBox::from_size(0.0, 0.0, width, height),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_document_with_its_times() {
        let text = r#"{"file": "a.jpg", "document": {"schema": "sfumato.detections/1",
            "picture": {"width": 9, "height": 9, "format": "jpeg", "orientation": 6}, "detections": [
            {"class": "face", "confidence": 0.5, "model": "m", "box": {"x": 1, "y": 2, "width": 3, "height": 4}, "hidden": true},
            {"class": "plate", "confidence": 0.75, "model": "m", "box": {"x": 0, "y": 0, "width": 1, "height": 1}, "hidden": true},
            {"class": "face", "confidence": 1, "model": "m", "frame": 1, "box": {"x": 0, "y": 0, "width": 1, "height": 1}}]},
            "timings": {"decode_ms": 1.5, "resize_ms": 2, "inference_ms": 4, "mask_ms": 8, "encode_ms": 16}, "error": null}"#
            .replace('\n', " ");
        let all = parse(&format!("{text}\n\n")).unwrap();
        let looked = &all["a.jpg"];
        assert_eq!(looked.error, None);
        assert_eq!(looked.orientation, 6);
        assert_eq!(looked.frame, BoundingBox::from_size(0.0, 0.0, 9.0, 9.0));
        let found: Vec<_> = looked
            .detections
            .iter()
            .map(|detection| (detection.class.as_str(), detection.confidence))
            .collect();
        assert_eq!(found, [("plate", 0.75), ("face", 0.5)]);
        assert_eq!(
            looked.detections[1].bounding_box,
            BoundingBox::from_size(1.0, 2.0, 3.0, 4.0)
        );
        let timings = looked.timings.unwrap();
        assert_eq!(timings.detection_ms(), 7.5);
        assert_eq!(timings.image_side_ms(), 27.5);
        assert_eq!(timings.total_ms(), 31.5);
    }

    #[test]
    fn a_picture_that_failed_has_its_error() {
        let all = parse(
            "{\"file\": \"a\", \"error\": \"not a picture\"}\n{\"file\": \"b\", \"document\": null, \"error\": {\"class\": \"permanent\"}}\n{\"file\": \"c\"}\n",
        )
        .unwrap();
        assert_eq!(all["a"].error.as_deref(), Some("not a picture"));
        assert!(all["b"].error.as_ref().unwrap().contains("permanent"));
        assert!(all["c"].error.is_some());
        assert!(parse("{\"file\": \"a\"}\n{\"file\": \"a\"}").is_err());
        assert!(parse("not JSON").is_err());
    }
}
