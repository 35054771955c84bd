//! What the segments of a JPEG say about how its picture is coded, beside what libjpeg tells.

use crate::image::segments;

const DHT: u8 = 0xC4;
const DRI: u8 = 0xDD;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP14: u8 = 0xEE;

/// Payload bytes that a JFIF header has at least.
const JFIF_BYTES: usize = 14;

/// How a file is coded. What may be said anew between scans is what was said before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coding {
    /// Whether the frame is progressive.
    pub(super) progressive: bool,
    /// Whether the data are arithmetically coded, instead of with Huffman codes.
    pub(super) arithmetic: bool,
    /// Scans in the whole file.
    pub(super) scans: usize,
    /// The tables of Huffman codes in the whole file, see [`CodeTable`].
    pub(super) code_tables: Vec<CodeTable>,
    /// Units between restart markers; 0 where there are none.
    pub(super) restart_interval: u16,
    /// Whether there is a JFIF header.
    pub(super) jfif: bool,
    /// The colour transform of the Adobe segment: 0 for none, 1 for YCbCr, 2 for YCCK.
    pub(super) adobe_transform: Option<u8>,
}

impl Coding {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut coding = Self::default();
        for (marker, payload) in segments::each(bytes) {
            if marker == SOS {
                coding.scans += 1;
            }
            if marker == DHT {
                coding.code_tables.extend(code_tables(payload));
            }
            if coding.scans > 0 {
                continue;
            }
            match (marker, payload) {
                (0xC2, _) => coding.progressive = true,
                (0xC9, _) => coding.arithmetic = true,
                (0xCA, _) => (coding.progressive, coding.arithmetic) = (true, true),
                (DRI, [high, low, ..]) => coding.restart_interval = u16::from_be_bytes([*high, *low]),
                (APP0, _) if payload.starts_with(b"JFIF\0") => coding.jfif |= payload.len() >= JFIF_BYTES,
                // Identifier, version and two flags come before the transform (Adobe technical note 5116, section 18).
                (APP14, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                    coding.adobe_transform = Some(*transform);
                }
                _ => {}
            }
        }
        coding
    }

    /// The payload of an Adobe segment like the original's.
    pub(super) fn adobe_segment(&self) -> Option<Vec<u8>> {
        let transform = self.adobe_transform?;
        // Version 100, no flags.
        Some([&b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat())
    }
}

/// A table of Huffman codes as a file defines it (ITU-T T.81, B.2.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeTable {
    /// Whether it is for alternating coefficients, and not for direct ones.
    pub(super) alternating: bool,
    /// 0 to 3.
    pub(super) number: usize,
    /// How many codes there are of each length, from 1 to 16 bits.
    pub(super) counts: [u8; 16],
    /// What the codes stand for.
    pub(super) symbols: Vec<u8>,
}

/// The tables in a segment, up to where it makes no sense.
fn code_tables(mut payload: &[u8]) -> impl Iterator<Item = CodeTable> {
    std::iter::from_fn(move || {
        let (head, rest) = payload.split_first()?;
        let (counts, rest) = rest.split_first_chunk()?;
        let symbols = rest.get(..counts.iter().copied().map(usize::from).sum())?;
        payload = &rest[symbols.len()..];
        Some(CodeTable {
            alternating: head >> 4 == 1,
            number: usize::from(head & 15),
            counts: *counts,
            symbols: symbols.to_vec(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_first_scan_counts() {
        let bytes = [
            &b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x02\x01\0\x48\0\x48\0\0"[..],
            b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x01\xFF\xDD\0\x04\x01\x02",
            b"\xFF\xC4\0\x14\x11\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x42",
            b"\xFF\xCA\0\x02\xFF\xDA\0\x02abc\xFF\xDD\0\x04\x07\x07\xFF\xDA\0\x02abc\xFF\xD9",
        ]
        .concat();
        let coding = Coding::of(&bytes);
        assert_eq!(
            coding,
            Coding {
                progressive: true,
                arithmetic: true,
                scans: 2,
                code_tables: vec![CodeTable {
                    alternating: true,
                    number: 1,
                    counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                    symbols: vec![0x42],
                }],
                restart_interval: 0x0102,
                jfif: true,
                adobe_transform: Some(1),
            }
        );
        assert_eq!(
            coding.adobe_segment().as_deref(),
            Some(&b"Adobe\0\x64\0\0\0\0\x01"[..])
        );
    }
}
