//! The segments of a JPEG file (ITU-T T.81, annex B), read without decoding anything.

use crate::error::PictureError;
use crate::metadata::EXIF_PREFIX;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const TEM: u8 = 0x01;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;

const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";

/// One segment. The entropy-coded data that follow a start of scan are not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
}

/// Walks the segments up to the end of image, or to where the file ends or makes no sense any more.
struct Segments<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Segments<'a> {
    const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next byte behind 0xFF that is a marker. Fill bytes, stuffed zeros and restart markers belong to entropy-coded
    /// data and are skipped, and so is garbage between segments, as decoders do.
    fn next_marker(&mut self) -> Option<u8> {
        loop {
            let rest = self.bytes.get(self.position..)?;
            self.position += find_marker_byte(rest)? + 1;
            match *self.bytes.get(self.position)? {
                0x00 | 0xD0..=0xD7 | TEM => self.position += 1,
                0xFF => {}
                marker => {
                    self.position += 1;
                    return Some(marker);
                }
            }
        }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let marker = self.next_marker()?;
        if matches!(marker, SOI | EOI) {
            if marker == EOI {
                self.position = self.bytes.len();
            }
            return Some(Segment { marker, payload: &[] });
        }
        let length = self.bytes.get(self.position..self.position + 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let payload = self.bytes.get(self.position + 2..self.position + length.max(2))?;
        self.position += length.max(2);
        Some(Segment { marker, payload })
    }
}

/// Where the first 0xFF is. Entropy-coded data are nearly all of a file and have one in some hundred bytes, so that pieces
/// without any are passed over as a whole.
fn find_marker_byte(bytes: &[u8]) -> Option<usize> {
    const PIECE_BYTES: usize = 32;
    let is_marker = |byte: &u8| *byte == 0xFF;
    let (pieces, _) = bytes.as_chunks::<PIECE_BYTES>();
    // Without an early end the compiler compares many bytes at once.
    let has_any = |piece: &[u8; PIECE_BYTES]| piece.iter().fold(false, |any, byte| any | is_marker(byte));
    let start = pieces.iter().take_while(|piece| !has_any(piece)).count() * PIECE_BYTES;
    Some(start + bytes[start..].iter().position(is_marker)?)
}

/// Marker and payload of each segment up to the end of image.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    Segments::of(bytes).map(|Segment { marker, payload }| (marker, payload))
}

/// What the frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) progressive: bool,
    /// Bits a sample.
    pub(crate) precision: u8,
    pub(crate) components: u8,
}

/// Reads the first frame header.
///
/// # Errors
/// [`PictureError::Truncated`] where the file ends before it, [`PictureError::Unsupported`] for lossless and hierarchical
/// frames.
pub(crate) fn frame_header(bytes: &[u8]) -> Result<FrameHeader, PictureError> {
    for Segment { marker, payload } in Segments::of(bytes) {
        match marker {
            // Baseline, extended and progressive frames, with Huffman (0 to 2) or arithmetic coding (9 and 10).
            0xC0 | 0xC1 | 0xC2 | 0xC9 | 0xCA => {
                let [precision, h1, h0, w1, w0, components, ..] = *payload else {
                    return Err(PictureError::damaged("its frame header is too short"));
                };
                return Ok(FrameHeader {
                    width: u16::from_be_bytes([w1, w0]),
                    height: u16::from_be_bytes([h1, h0]),
                    progressive: matches!(marker, 0xC2 | 0xCA),
                    precision,
                    components,
                });
            }
            0xC3 | 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF => {
                return Err(PictureError::Unsupported {
                    what: "lossless and hierarchical JPEG pictures",
                });
            }
            SOS | EOI => return Err(PictureError::damaged("it has no frame header")),
            _ => {}
        }
    }
    Err(PictureError::Truncated)
}

/// What the rest of the segments say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents<'a> {
    /// EXIF data without their prefix.
    pub(crate) exif: Option<&'a [u8]>,
    /// The ICC profile, put together again.
    pub(crate) icc_profile: Option<Vec<u8>>,
    /// Whether there is a JFIF header, and with it a density.
    pub(crate) jfif: bool,
    /// Scans in the file.
    pub(crate) scans: usize,
}

/// Reads the metadata that are kept and counts the scans.
pub(crate) fn contents(bytes: &[u8]) -> Contents<'_> {
    let mut contents = Contents::default();
    let mut icc_chunks = vec![];
    for Segment { marker, payload } in Segments::of(bytes) {
        match marker {
            SOS => contents.scans += 1,
            APP0 if payload.starts_with(b"JFIF\0") => contents.jfif = true,
            APP1 if contents.exif.is_none() => contents.exif = payload.strip_prefix(EXIF_PREFIX),
            APP2 => icc_chunks.extend(payload.strip_prefix(ICC_PREFIX)),
            _ => {}
        }
    }
    contents.icc_profile = join_icc(icc_chunks);
    contents
}

/// Puts an ICC profile together (ICC.1:2022, annex B.4): each chunk says its number, from 1, and how many there are. An
/// incomplete profile is worth nothing and is dropped.
fn join_icc(mut chunks: Vec<&[u8]>) -> Option<Vec<u8>> {
    chunks.retain(|chunk| chunk.len() > 2);
    chunks.sort_by_key(|chunk| chunk[0]);
    let count = chunks.len();
    let complete = count > 0
        && chunks
            .iter()
            .zip(1..)
            .all(|(chunk, number)| usize::from(chunk[0]) == number && usize::from(chunk[1]) == count);
    complete.then(|| chunks.iter().flat_map(|chunk| &chunk[2..]).copied().collect())
}

/// Cuts an ICC profile into the payloads of APP2 segments; nothing where it is larger than 255 segments can hold.
pub(crate) fn split_icc(profile: &[u8]) -> Vec<Vec<u8>> {
    const CHUNK_BYTES: usize = 65_533 - 14;
    let chunks = profile.chunks(CHUNK_BYTES);
    let Ok(count) = u8::try_from(chunks.len()) else {
        return vec![];
    };
    chunks
        .zip(1..)
        .map(|(chunk, number)| [ICC_PREFIX, &[number, count], chunk].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker][..], &length, payload].concat()
    }

    fn file(segments: &[Vec<u8>]) -> Vec<u8> {
        [&[0xFF, SOI][..], &segments.concat(), &[0xFF, EOI]].concat()
    }

    #[test]
    fn an_icc_profile_of_several_segments_survives_in_any_order() {
        let profile: Vec<u8> = (0..200_000u32).map(|i| i.to_le_bytes()[0]).collect();
        let mut segments: Vec<Vec<u8>> = split_icc(&profile)
            .iter()
            .map(|payload| segment(APP2, payload))
            .collect();
        assert_eq!(segments.len(), 4);
        segments.reverse();
        assert_eq!(contents(&file(&segments)).icc_profile, Some(profile));
        segments.pop();
        assert_eq!(contents(&file(&segments)).icc_profile, None, "a part is missing");
    }

    #[test]
    fn entropy_coded_data_are_no_segments() {
        let scan = [segment(SOS, &[0; 10]), vec![1, 0xFF, 0x00, 2, 0xFF, 0xD0, 3]].concat();
        let after_the_end = segment(APP1, b"Exif\0\0hidden");
        let bytes = [file(&[scan.clone(), scan]), after_the_end].concat();
        let contents = contents(&bytes);
        assert_eq!(contents.scans, 2);
        assert_eq!(
            contents.exif, None,
            "what stands after the end is not part of the picture"
        );
    }

    #[test]
    fn the_size_stands_in_the_frame_header() {
        let bytes = file(&[
            segment(APP1, &[0xFF, 0xC0, 0, 11]),
            segment(0xC2, &[8, 0, 10, 1, 0, 3]),
        ]);
        let header = frame_header(&bytes).unwrap();
        assert_eq!((header.width, header.height, header.progressive), (256, 10, true));
    }

    proptest! {
        #[test]
        fn the_first_byte_of_a_marker_is_found(bytes in prop::collection::vec(prop_oneof![1 => Just(0xFFu8), 40 => any::<u8>()], 0..200)) {
            prop_assert_eq!(find_marker_byte(&bytes), bytes.iter().position(|byte| *byte == 0xFF));
        }

        #[test]
        fn any_bytes_can_be_walked(bytes in prop::collection::vec(prop_oneof![Just(0xFFu8), any::<u8>()], 0..300)) {
            contents(&bytes);
            let _any_outcome = frame_header(&bytes);
        }
    }
}
