//! A face to plant into files, and how to find it again.

use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use flate2::write::ZlibEncoder;
use sfumato_core::detection::{BoundingBox, Class, Detection, DocumentedDetection};

use crate::support::*;

/// Width and height of the planted face in pixels.
pub(crate) const FACE_SIDE: u32 = 160;

/// How much of it has to be found to count.
const TRACE_BYTES: usize = 24;

/// The most that one stream is inflated to.
const INFLATED_BYTES_MAX: u64 = 4 << 20;

/// The face of the astronaut, cut out.
pub(crate) struct Face {
    pub(crate) pixels: Pixels,
    pub(crate) jpeg: Vec<u8>,
}

impl Face {
    pub(crate) fn planted() -> Self {
        let whole = astronaut();
        let (left, top) = (146, 30);
        let rgb = (top..top + FACE_SIDE)
            .flat_map(|y| (left..left + FACE_SIDE).flat_map(move |x| [(x, y)]))
            .flat_map(|(x, y)| whole.pixel(x, y))
            .collect();
        let pixels = Pixels {
            width: FACE_SIDE,
            height: FACE_SIDE,
            rgb,
        };
        let jpeg = jpeg(&pixels, &JpegSettings::default());
        Self { pixels, jpeg }
    }

    pub(crate) fn base64(&self) -> String {
        BASE64_STANDARD.encode(&self.jpeg)
    }

    pub(crate) fn hex(&self) -> String {
        self.jpeg.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether any part of it is in a file: as a JPEG, as samples, as text, or in a stream that is deflated.
    pub(crate) fn is_in(&self, file: &[u8]) -> bool {
        let mut haystacks = inflated(file);
        haystacks.push(file.to_vec());
        haystacks.iter().any(|haystack| self.is_plainly_in(haystack))
    }

    fn is_plainly_in(&self, haystack: &[u8]) -> bool {
        let (base64, hex) = (self.base64(), self.hex());
        let gray = self.pixels.gray();
        let colors = &self.pixels.rgb;
        [
            &self.jpeg[..],
            base64.as_bytes(),
            hex.as_bytes(),
            hex.to_uppercase().as_bytes(),
            &gray,
            colors,
        ]
        .iter()
        // A third from the start: behind the tables that every encoder writes, before where places cut it off.
        .map(|form| &form[form.len() / 3..][..TRACE_BYTES])
        .any(|trace| haystack.windows(TRACE_BYTES).any(|window| window == trace))
    }
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Whatever can be inflated in a file, from every place where a stream may begin. The pixels of a PNG are among it.
pub(crate) fn inflated(file: &[u8]) -> Vec<Vec<u8>> {
    let joined = png_pixels(file);
    let mut found: Vec<Vec<u8>> = joined
        .iter()
        .map(|stream| inflate(ZlibDecoder::new(&stream[..])))
        .collect();
    for start in 0..file.len().saturating_sub(2) {
        let header = [file[start], file[start + 1]];
        if header[0] == 0x78 && u16::from_be_bytes(header).is_multiple_of(31) {
            found.push(inflate(DeflateDecoder::new(&file[start + 2..])));
        }
    }
    found
}

fn inflate(decoder: impl Read) -> Vec<u8> {
    let mut bytes = vec![];
    // What comes before damage counts too.
    let _damage = decoder.take(INFLATED_BYTES_MAX).read_to_end(&mut bytes);
    bytes
}

/// The pixels of a PNG, deflated as they are, out of their chunks.
fn png_pixels(file: &[u8]) -> Option<Vec<u8>> {
    let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let mut pixels = vec![];
    while let [a, b, c, d, kind @ ..] = rest
        && let Some(data) = kind.get(4..4 + u32::from_be_bytes([*a, *b, *c, *d]) as usize)
    {
        if kind.starts_with(b"IDAT") {
            pixels.extend_from_slice(data);
        }
        rest = &rest[12 + data.len()..];
    }
    Some(pixels)
}

pub(crate) fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let size = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&size[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// Every picture that begins behind the start of a file, as far as it can be decoded.
pub(crate) fn carve(file: &[u8]) -> Vec<Pixels> {
    let mut found = vec![];
    for start in 1..file.len() {
        let rest = &file[start..];
        if rest.starts_with(b"\xFF\xD8\xFF") {
            found.extend(std::panic::catch_unwind(|| decode_jpeg(rest)));
        } else if rest.starts_with(b"\x89PNG\r\n\x1a\n") {
            found.extend(std::panic::catch_unwind(|| decode_png(rest)));
        }
    }
    found
}

/// Looks at every picture in a file but the first.
pub(crate) fn assert_no_embedded_face(file: &[u8], place: &str) {
    let mut streams = inflated(file);
    streams.push(file.to_vec());
    for picture in streams.iter().flat_map(|stream| carve(stream)) {
        let faces = find(&rgb_png(&picture), Class::Face);
        assert!(faces.is_empty(), "{place}: {faces:?}");
    }
}

pub(crate) fn assert_no_face(file: &[u8]) {
    let faces = find(file, Class::Face);
    assert!(faces.is_empty(), "{faces:?}");
}

pub(crate) fn detected(documented: &DocumentedDetection) -> Detection {
    let bbox = documented.bbox;
    Detection {
        class: documented.class,
        bbox: BoundingBox {
            left: bbox.x,
            top: bbox.y,
            right: bbox.x + bbox.width,
            bottom: bbox.y + bbox.height,
        },
        confidence: documented.confidence,
        model: documented.model.clone(),
        corners: documented.corners,
    }
}
