//! Boxes as bytes, for the files of ours in which they wait.

use sfumato_core::detection::{BoundingBox, Origin};

use super::report::TrackedBox;

/// Frame (32 bits), time (64 bits), left, top, right and bottom (32 bits each), and a byte for the rest; little endian.
pub(super) const BOX_BYTES: usize = 29;

/// In the last byte: the origin, and whether it is hidden.
const ORIGIN: u8 = 0b11;
const HIDDEN: u8 = 0b100;

/// Appends a box.
pub(super) fn put(bytes: &mut Vec<u8>, found: &TrackedBox) {
    let BoundingBox {
        left,
        top,
        right,
        bottom,
    } = found.bbox;
    bytes.extend(found.frame.to_le_bytes());
    bytes.extend(found.time_s.to_le_bytes());
    for edge in [left, top, right, bottom] {
        bytes.extend(edge.to_le_bytes());
    }
    let origin = match found.origin {
        Origin::Detected => 0,
        Origin::Interpolated => 1,
        Origin::Held => 2,
        Origin::Given => 3,
    };
    bytes.push(origin | if found.hidden { HIDDEN } else { 0 });
}

/// Reads a box; `None` where the bytes are none.
pub(super) fn take(bytes: &[u8]) -> Option<TrackedBox> {
    let (frame, rest) = bytes.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let mut edges = [0.0; 4];
    let (numbers, rest) = rest.split_at_checked(16)?;
    for (edge, number) in edges.iter_mut().zip(numbers.chunks_exact(4)) {
        *edge = f32::from_le_bytes(number.try_into().ok()?);
    }
    let [left, top, right, bottom] = edges;
    let &[flags] = rest else { return None };
    Some(TrackedBox {
        frame: u32::from_le_bytes(*frame),
        time_s: f64::from_le_bytes(*time),
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        origin: match flags & ORIGIN {
            0 => Origin::Detected,
            1 => Origin::Interpolated,
            2 => Origin::Held,
            _ => Origin::Given,
        },
        hidden: flags & HIDDEN != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken() {
        for (origin, hidden) in [
            (Origin::Detected, true),
            (Origin::Interpolated, false),
            (Origin::Held, true),
        ] {
            let found = TrackedBox {
                frame: 863_999,
                time_s: 14_399.983_333,
                bbox: BoundingBox {
                    left: -0.5,
                    top: 1.25,
                    right: 8192.0,
                    bottom: 1e-9,
                },
                origin,
                hidden,
            };
            let mut bytes = vec![];
            put(&mut bytes, &found);
            assert_eq!(bytes.len(), BOX_BYTES);
            assert_eq!(take(&bytes), Some(found));
            assert_eq!(take(&bytes[1..]), None);
        }
    }
}
