//! As `privacy`, for WebP, TIFF and BMP, in files that are written by hand: no encoder hides a face on purpose. A format
//! that is refused leaks nothing; one whose plain picture is processed has to pass everywhere.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, Detection};
use sfumato_core::options::MetadataPolicy;
use sfumato_media::PictureError;

use crate::plant::*;
use crate::privacy::*;
use crate::support::*;

/// The result, `None` where the file is refused.
fn result(bytes: &[u8], policy: MetadataPolicy, known: &[Detection]) -> Option<Vec<u8>> {
    let options = AnonymizeOptions {
        metadata: policy,
        ..AnonymizeOptions::default()
    };
    match sfumato_media::fuzzing::process(bytes, &task(bytes, options), known) {
        Ok((_, result)) => Some(result),
        Err(PictureError::Unsupported { .. } | PictureError::Damaged { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Whether a format is processed at all, and no face is in any result.
fn assert_nothing_leaks(plain: &[u8], places: Vec<(&'static str, Vec<u8>)>) {
    let face = Face::planted();
    let known = face_of_the_picture();
    if result(plain, MetadataPolicy::Keep, &known).is_none() {
        return;
    }
    for (place, original) in places {
        for policy in MetadataPolicy::ALL {
            if let Some(output) = result(&original, policy, &known) {
                assert!(!face.is_in(&output), "{place}: in the result under {policy:?}");
                assert_no_embedded_face(&output, place);
            }
        }
    }
}

// BMP

/// Bottom-up, 24 bits; `padding` fills the rows, which are padded where the width is no multiple of four.
fn bmp(pixels: &Pixels, header: &[u8], gap: &[u8], padding: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut padding = padding.iter().copied().chain(std::iter::repeat(0));
    let row_bytes = (pixels.width as usize * 3).next_multiple_of(4);
    let mut rows = vec![];
    for y in (0..pixels.height).rev() {
        let start = rows.len();
        rows.extend((0..pixels.width).flat_map(|x| pixels.pixel(x, y).into_iter().rev()));
        rows.extend(padding.by_ref().take(start + row_bytes - rows.len()));
    }
    let offset = u32::try_from(14 + header.len() + gap.len()).unwrap();
    let size = offset + u32::try_from(rows.len() + behind.len()).unwrap();
    let file_header = [b"BM", &size.to_le_bytes()[..], &[0; 4], &offset.to_le_bytes()].concat();
    [&file_header[..], header, gap, &rows, behind].concat()
}

fn bmp_header(pixels: &Pixels, bytes: usize) -> Vec<u8> {
    let mut header = u32::try_from(bytes).unwrap().to_le_bytes().to_vec();
    header.extend(pixels.width.to_le_bytes());
    header.extend(pixels.height.to_le_bytes());
    header.extend([1, 0, 24, 0]);
    header.resize(bytes, 0);
    header
}

#[test]
fn no_face_that_is_planted_into_a_bmp_is_in_the_result() {
    let face = Face::planted();
    let pixels = astronaut();
    let plain_header = bmp_header(&pixels, 40);
    let plain = bmp(&pixels, &plain_header, &[], &[], &[]);
    let gap = bmp(&pixels, &plain_header, &face.jpeg, &[], &[]);
    let behind = bmp(&pixels, &plain_header, &[], &[], &face.jpeg);
    // Version 5 with an embedded profile: its type, and offset and size from the start of the header.
    let profile = icc_places(&face)[0].1.clone();
    let mut header = bmp_header(&pixels, 124);
    header[56..60].copy_from_slice(b"DEBM");
    let profile_start = u32::try_from(124 + 512 * 512 * 3).unwrap();
    header[112..116].copy_from_slice(&profile_start.to_le_bytes());
    header[116..120].copy_from_slice(&u32::try_from(profile.len()).unwrap().to_le_bytes());
    let with_profile = bmp(&pixels, &header, &[], &[], &profile);
    let places = vec![
        ("BMP gap", gap),
        ("data behind a BMP", behind),
        ("BMP profile", with_profile),
    ];
    assert_nothing_leaks(&plain, places);
}

#[test]
fn the_padding_of_the_rows_of_a_bmp_does_not_survive() {
    let face = Face::planted();
    let whole = astronaut();
    let rgb = (0..512)
        .flat_map(|y| (0..511).map(move |x| (x, y)))
        .flat_map(|(x, y)| whole.pixel(x, y));
    let pixels = Pixels {
        width: 511,
        height: 512,
        rgb: rgb.collect(),
    };
    let planted = &face.jpeg[face.jpeg.len() / 3..][..1500];
    let original = bmp(&pixels, &bmp_header(&pixels, 40), &[], planted, &[]);
    let padding = |bytes: &[u8]| -> Vec<u8> {
        let start = u32::from_le_bytes([bytes[10], bytes[11], bytes[12], bytes[13]]) as usize;
        bytes[start..]
            .chunks_exact(1536)
            .flat_map(|row| row[1533..].to_vec())
            .collect()
    };
    assert!(face.is_in(&padding(&original)));
    for policy in MetadataPolicy::ALL {
        if let Some(output) = result(&original, policy, &face_of_the_picture()) {
            assert!(!face.is_in(&padding(&output)), "{policy:?}");
        }
    }
}

// TIFF

/// A field: tag, type, count and value, which lies behind the directory where it is longer than four bytes.
type TiffField = (u16, u16, u32, Vec<u8>);

fn long(tag: u16, value: u32) -> TiffField {
    (tag, 4, 1, value.to_le_bytes().to_vec())
}

fn bytes_of(tag: u16, kind: u16, value: &[u8]) -> TiffField {
    (tag, kind, u32::try_from(value.len()).unwrap(), value.to_vec())
}

/// A directory that begins at `start`, and everything it refers to.
fn directory(start: usize, pixels: &Pixels, more: &[TiffField], next: u32) -> Vec<u8> {
    let mut fields = vec![
        long(256, pixels.width),
        long(257, pixels.height),
        (258, 3, 3, [8, 0, 8, 0, 8, 0].to_vec()),
        (259, 3, 1, vec![1, 0, 0, 0]),
        (262, 3, 1, vec![2, 0, 0, 0]),
        (277, 3, 1, vec![3, 0, 0, 0]),
        long(278, pixels.height),
        bytes_of(273, 7, &pixels.rgb),
        long(279, u32::try_from(pixels.rgb.len()).unwrap()),
    ];
    fields.extend_from_slice(more);
    fields.sort_by_key(|field| field.0);
    let mut entries = u16::try_from(fields.len()).unwrap().to_le_bytes().to_vec();
    let mut data = vec![];
    let data_start = start + 2 + 12 * fields.len() + 4;
    for (tag, kind, count, mut value) in fields {
        let (mut kind, mut count) = (kind, count);
        let offset = u32::try_from(data_start + data.len()).unwrap().to_le_bytes();
        if value.len() > 4 {
            data.extend(&value);
            data.resize(data.len().next_multiple_of(2), 0);
            value = offset.to_vec();
        }
        // The value of this one is the offset of the pixels.
        if tag == 273 {
            (kind, count) = (4, 1);
        }
        value.resize(4, 0);
        entries.extend(
            [
                &tag.to_le_bytes()[..],
                &kind.to_le_bytes(),
                &count.to_le_bytes(),
                &value,
            ]
            .concat(),
        );
    }
    [&entries[..], &next.to_le_bytes(), &data].concat()
}

fn tiff(pixels: &Pixels, more: &[TiffField], next: u32) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0"[..], &directory(8, pixels, more, next)].concat()
}

/// The face in a second directory, to which a field of the first or its end refers.
fn with_second_directory(pixels: &Pixels, face: &Face, field: Option<u16>, kind: u32) -> Vec<u8> {
    let size = |second: u32| match field {
        Some(tag) => tiff(pixels, &[long(tag, second)], 0),
        None => tiff(pixels, &[], second),
    };
    let second = u32::try_from(size(0).len()).unwrap();
    let reduced = [long(254, kind)];
    [
        size(second),
        directory(second as usize, &face.pixels, &reduced, 0),
    ]
    .concat()
}

#[test]
fn no_face_that_is_planted_into_a_tiff_is_in_the_result() {
    let face = Face::planted();
    let pixels = astronaut();
    let plain = tiff(&pixels, &[], 0);
    let with = |field: TiffField| tiff(&pixels, &[field], 0);
    let thumbnail = resource(0x040C, &[&[0; 28], &face.jpeg[..]].concat());
    let mut gap = plain.clone();
    gap.extend(&face.jpeg);
    let jpeg_start = u32::try_from(tiff(&pixels, &[long(513, 0), long(514, 0)], 0).len()).unwrap();
    let jpeg_fields = [
        long(513, jpeg_start),
        long(514, u32::try_from(face.jpeg.len()).unwrap()),
    ];
    let places = vec![
        ("TIFF private tag", with(bytes_of(65_000, 7, &face.jpeg))),
        (
            "TIFF description",
            with(bytes_of(270, 2, &[face.base64().as_bytes(), &[0]].concat())),
        ),
        ("TIFF Photoshop resources", with(bytes_of(34_377, 1, &thumbnail))),
        ("TIFF layers", with(bytes_of(37_724, 7, &face.jpeg))),
        (
            "TIFF IPTC",
            with(bytes_of(33_723, 7, &dataset(2, 202, &face.jpeg))),
        ),
        (
            "TIFF XMP",
            with(bytes_of(700, 1, xmp_places(&face)[0].1.as_bytes())),
        ),
        ("TIFF profile", with(bytes_of(34_675, 7, &icc_places(&face)[0].1))),
        ("TIFF EXIF", with(long(34_665, jpeg_start))),
        ("TIFF gap", gap),
        (
            "TIFF old JPEG",
            [tiff(&pixels, &jpeg_fields, 0), face.jpeg.clone()].concat(),
        ),
        (
            "TIFF sub-directory",
            with_second_directory(&pixels, &face, Some(330), 1),
        ),
    ];
    assert_nothing_leaks(&plain, places);
}

#[test]
fn further_pages_of_a_tiff_are_masked_or_gone() {
    let face = Face::planted();
    for kind in [0, 1, 2] {
        let original = with_second_directory(&astronaut(), &face, None, kind);
        for policy in MetadataPolicy::ALL {
            let options = AnonymizeOptions {
                metadata: policy,
                ..AnonymizeOptions::default()
            };
            let Ok((_, output)) = try_anonymize(&original, options) else {
                continue;
            };
            let again = find(&output, Class::Face);
            assert!(again.is_empty(), "{kind} {policy:?}: {again:?}");
        }
    }
}

// WebP

/// Bits, the first at the lowest place of a byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn push(&mut self, value: u32, count: usize) {
        for i in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::from(value >> i & 1 == 1) << (self.used % 8);
            self.used += 1;
        }
    }
}

/// Lossless and uncompressed: each of the 256 values has a code of eight bits (RFC 9649, 3.7).
fn vp8l(pixels: &Pixels) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0x2F, 8);
    bits.push(pixels.width - 1, 14);
    bits.push(pixels.height - 1, 14);
    // No alpha, version 0; no transform, no cache, no meta codes.
    bits.push(0, 1 + 3 + 3);
    for symbols in [280, 256, 256] {
        // A code of lengths 0 and 8, which are the third and the twelfth of lengths in the order that is prescribed.
        bits.push(0, 1);
        bits.push(8, 4);
        (0..12).for_each(|i| bits.push(u32::from(i == 2 || i == 11), 3));
        bits.push(0, 1);
        (0..symbols).for_each(|symbol| bits.push(u32::from(symbol < 256), 1));
    }
    // Alpha is always 255; there are no distances.
    bits.push(0b101 | 255 << 3, 11);
    bits.push(0b0001, 4);
    for pixel in pixels.rgb.chunks_exact(3) {
        for value in [pixel[1], pixel[0], pixel[2]] {
            bits.push(value.reverse_bits().into(), 8);
        }
    }
    bits.bytes
}

fn webp(pixels: &Pixels, flags: u8, before: &[(&[u8; 4], &[u8])], after: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let extended = [&[flags, 0, 0, 0][..], &side(pixels.width), &side(pixels.height)].concat();
    let image = vp8l(pixels);
    let mut body = b"WEBP".to_vec();
    for (kind, data) in [
        &[(b"VP8X", &extended[..])],
        before,
        &[(b"VP8L", &image[..])],
        after,
    ]
    .concat()
    {
        body.extend(kind);
        body.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        body.extend(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [
        &b"RIFF"[..],
        &u32::try_from(body.len()).unwrap().to_le_bytes(),
        &body,
    ]
    .concat()
}

#[test]
fn no_face_that_is_planted_into_a_webp_is_in_the_result() {
    let face = Face::planted();
    let pixels = astronaut();
    let plain = webp(&pixels, 0, &[], &[]);
    let mut places = vec![
        (
            "unknown chunk of a WebP",
            webp(&pixels, 0, &[], &[(b"prVt", &face.jpeg)]),
        ),
        (
            "unknown chunk before a WebP",
            webp(&pixels, 0, &[(b"prVt", &face.jpeg)], &[]),
        ),
        ("data behind a WebP", [&plain[..], &face.jpeg].concat()),
    ];
    for (place, profile) in icc_places(&face) {
        places.push((place, webp(&pixels, 0x20, &[(b"ICCP", &profile)], &[])));
    }
    for (place, data) in exif_places(&face) {
        places.push((place, webp(&pixels, 0x08, &[], &[(b"EXIF", &data)])));
    }
    for (place, packet) in xmp_places(&face) {
        places.push((place, webp(&pixels, 0x04, &[], &[(b"XMP ", packet.as_bytes())])));
    }
    assert_nothing_leaks(&plain, places);
}
