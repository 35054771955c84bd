//! Whether the result is the picture that was sent, with its faces hidden.

use std::io::Cursor;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// Share of the pixels of a hidden box that have to be others than before. A blur leaves a few as they were.
const CHANGED_INSIDE_MIN: f64 = 0.5;

/// What of the detections document the demo looks at.
#[derive(Debug, Deserialize)]
pub(crate) struct Detections {
    detections: Vec<Detection>,
}

#[derive(Debug, Deserialize)]
struct Detection {
    class: String,
    confidence: f64,
    model: String,
    r#box: BoundingBox,
    hidden: bool,
}

/// In pixels, from the top left.
#[derive(Debug, Deserialize)]
struct BoundingBox {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Detections {
    /// # Errors
    /// It is not a detections document.
    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(bytes).context("read the detections document")
    }
}

/// Compares a result with its original and returns what there is to say about it.
///
/// # Errors
/// One of them is no PNG, they differ in size, no face was found, or a face is not hidden.
pub(crate) fn compare(before: &[u8], after: &[u8], detections: &Detections) -> anyhow::Result<Vec<String>> {
    let before = decode(before).context("read the original")?;
    let after = decode(after).context("read the result")?;
    ensure!(
        (before.width, before.height, before.channels) == (after.width, after.height, after.channels),
        "the result has {}x{} pixels of {} channels, the original {}x{} of {}",
        after.width,
        after.height,
        after.channels,
        before.width,
        before.height,
        before.channels
    );
    let changed = before.changed_in(&after, 0..before.width, 0..before.height);
    let mut lines = vec![format!(
        "{}x{} pixels as before, {:.1} % of them changed",
        before.width,
        before.height,
        100.0 * changed
    )];
    let mut faces = 0;
    for detection in &detections.detections {
        let area = &detection.r#box;
        let columns = pixels(area.x, area.width, before.width);
        let rows = pixels(area.y, area.height, before.height);
        let inside = before.changed_in(&after, columns, rows);
        lines.push(format!(
            "{} of {:.0}x{:.0} pixels at ({:.0}, {:.0}), found by {} with confidence {:.2}: {:.0} % of it changed",
            detection.class,
            area.width,
            area.height,
            area.x,
            area.y,
            detection.model,
            detection.confidence,
            100.0 * inside
        ));
        ensure!(
            detection.hidden && inside >= CHANGED_INSIDE_MIN,
            "a {} was found and not hidden",
            detection.class
        );
        faces += usize::from(detection.class == "face");
    }
    ensure!(faces > 0, "no face was found in the picture");
    Ok(lines)
}

fn pixels(start: f64, length: f64, limit: usize) -> std::ops::Range<usize> {
    let clamp = |value: f64| value.clamp(0.0, limit as f64) as usize;
    clamp(start.round())..clamp((start + length).round())
}

/// Rows of pixels of eight bits a channel.
#[derive(Debug)]
struct Pixels {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    /// The share of the pixels in a part of the picture that are others in `other`, which has the same shape.
    fn changed_in(&self, other: &Self, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> f64 {
        let count = columns.len() * rows.len();
        let changed = rows
            .flat_map(|row| columns.clone().map(move |column| row * self.width + column))
            .filter(|index| {
                let bytes = index * self.channels..(index + 1) * self.channels;
                self.bytes[bytes.clone()] != other.bytes[bytes]
            })
            .count();
        changed as f64 / count.max(1) as f64
    }
}

fn decode(png: &[u8]) -> anyhow::Result<Pixels> {
    let mut decoder = png::Decoder::new(Cursor::new(png));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let size = reader
        .output_buffer_size()
        .context("its pixels do not fit into memory")?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes)?;
    bytes.truncate(frame.buffer_size());
    Ok(Pixels {
        width: frame.width as usize,
        height: frame.height as usize,
        channels: frame.color_type.samples(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        let bytes: Vec<_> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        writer.write_image_data(&bytes).unwrap();
        writer.finish().unwrap();
        file
    }

    fn face(hidden: bool) -> Detections {
        let text = format!(
            r#"{{"schema": "x", "detections": [{{"class": "face", "confidence": 0.9, "model": "m", "hidden": {hidden},
                "box": {{"x": 2, "y": 2, "width": 4, "height": 4}}}}]}}"#
        );
        Detections::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_hidden_face_is_seen_as_such() {
        let before = picture(8, 8, |_, _| [9, 9, 9]);
        let after = picture(8, 8, |x, y| {
            if (2..6).contains(&x) && (2..6).contains(&y) {
                [0; 3]
            } else {
                [9; 3]
            }
        });
        let lines = compare(&before, &after, &face(true)).unwrap();
        assert_eq!(lines[0], "8x8 pixels as before, 25.0 % of them changed");
        assert!(lines[1].ends_with("100 % of it changed"), "{}", lines[1]);
    }

    #[test]
    fn what_is_not_hidden_is_refused() {
        let before = picture(8, 8, |_, _| [9, 9, 9]);
        let corner = picture(8, 8, |x, _| if x == 7 { [0; 3] } else { [9; 3] });
        for (after, detections) in [
            (&before, face(true)),
            (&corner, face(true)),
            (&picture(8, 8, |_, _| [0; 3]), face(false)),
            (
                &picture(8, 8, |_, _| [0; 3]),
                Detections {
                    detections: Vec::new(),
                },
            ),
            (&picture(8, 7, |_, _| [0; 3]), face(true)),
            (&b"no picture".to_vec(), face(true)),
        ] {
            assert!(compare(&before, after, &detections).is_err());
        }
    }
}
