//! The content of a tag (ICC.1:2022, 10): it has a type, and the type says how long it is. Content that is longer than it
//! says, or of a type that is not known, may be anything.
//!
//! Tables of colours are tables of numbers, and any numbers will do: that they are colours cannot be seen. That they are
//! exactly as many as they have to be can.

use crate::metadata::is_text;

/// Type and four reserved bytes.
const TYPE_BYTES: usize = 8;

/// The longest curve that is kept, in points.
const CURVE_POINTS_MAX: usize = 4096;

/// The longest description or copyright in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// A table has three to fifteen dimensions in the standard; a picture has up to four channels.
const CHANNELS_MAX: usize = 15;

/// Whether a tag holds text for people.
pub(super) fn holds_text(signature: &[u8]) -> bool {
    matches!(signature, b"desc" | b"cprt")
}

/// Whether a content is exactly what its type says.
pub(super) fn is_sound(content: &[u8]) -> bool {
    is_sound_or_none(content).unwrap_or(false)
}

/// `None` for content that ends too early.
fn is_sound_or_none(content: &[u8]) -> Option<bool> {
    let (kind, body) = (content.get(..4)?, content.get(TYPE_BYTES..)?);
    Some(match kind {
        b"XYZ " => body.len() == 12,
        // The matrix of an adaptation.
        b"sf32" => body.len() == 36,
        b"sig " | b"cicp" => body.len() == 4,
        // Channels and a code, then two numbers for each.
        b"chrm" => body.len() == 4 + 8 * half(body, 0)?,
        b"curv" | b"para" => curve_bytes(content)? == content.len(),
        b"mft1" => table_bytes(content, 48, 1)? == content.len(),
        b"mft2" => table_bytes(content, 52, 2)? == content.len(),
        b"mAB " | b"mBA " => lies_close(content)?,
        _ => false,
    })
}

/// The size of the curve that some bytes begin with; `None` for what is none.
fn curve_bytes(bytes: &[u8]) -> Option<usize> {
    match bytes.get(..4)? {
        b"curv" => {
            let count = word(bytes, 8)?;
            if count > CURVE_POINTS_MAX {
                return None;
            }
            let points = bytes.get(12..12 + 2 * count)?;
            let points: Vec<usize> = (0..count).map_while(|i| half(points, 2 * i)).collect();
            let rises = points.is_sorted() || points.iter().rev().is_sorted();
            rises.then_some(12 + 2 * count)
        }
        b"para" => {
            let parameters = [1, 3, 4, 5, 7].get(half(bytes, 8)?)?;
            Some(12 + 4 * parameters)
        }
        _ => None,
    }
}

/// The size of a table with 8 or 16 bits a number: a matrix, curves for each input, the table itself, curves for each output.
/// Numbers of 16 bits come with the lengths of their curves.
fn table_bytes(content: &[u8], start: usize, number_bytes: usize) -> Option<usize> {
    let [inputs, outputs, grid] = [8, 9, 10].map(|at| content.get(at).copied().map(usize::from));
    let (inputs, outputs, grid) = (inputs?, outputs?, grid?);
    if !(1..=CHANNELS_MAX).contains(&inputs) || !(1..=CHANNELS_MAX).contains(&outputs) {
        return None;
    }
    let (input_points, output_points) = match number_bytes {
        1 => (256, 256),
        _ => (half(content, 48)?, half(content, 50)?),
    };
    let numbers = (inputs * input_points)
        .checked_add(
            grid.checked_pow(u32::try_from(inputs).ok()?)?
                .checked_mul(outputs)?,
        )?
        .checked_add(outputs * output_points)?;
    start.checked_add(numbers.checked_mul(number_bytes)?)
}

/// Whether the parts of a table with curves of any kind lie next to each other and fill it.
fn lies_close(content: &[u8]) -> Option<bool> {
    let inputs = usize::from(*content.get(8)?);
    let outputs = usize::from(*content.get(9)?);
    if inputs.max(outputs) > CHANNELS_MAX {
        return None;
    }
    // The first curves are those at the side of the connection space.
    let is_to_space = content.starts_with(b"mAB ");
    let (b, a) = if is_to_space {
        (outputs, inputs)
    } else {
        (inputs, outputs)
    };
    if word(content, 12)? == 0 {
        // Only the first curves must be there.
        return None;
    }
    let mut parts = vec![(0, 32)];
    for (at, curves) in [(12, b), (20, b), (28, a)] {
        let start = word(content, at)?;
        if start > 0 {
            parts.push((start, curves_end(content, start, curves)?));
        }
    }
    let matrix = word(content, 16)?;
    if matrix > 0 {
        parts.push((matrix, matrix.checked_add(48)?));
    }
    let table = word(content, 24)?;
    if table > 0 {
        let points = content.get(table..table.checked_add(inputs)?)?;
        let precision = usize::from(*content.get(table + 16)?);
        let numbers = points
            .iter()
            .try_fold(outputs, |all, side| all.checked_mul(usize::from(*side)))?;
        if !(1..=2).contains(&precision) {
            return None;
        }
        parts.push((
            table,
            table
                .checked_add(20)?
                .checked_add(numbers.checked_mul(precision)?)?,
        ));
    }
    parts.sort_unstable();
    let mut end = 0;
    for (start, part_end) in parts {
        // Parts may be shared, and begin at multiples of four.
        if start > end + 3 {
            return Some(false);
        }
        end = end.max(part_end);
    }
    Some(end <= content.len() && content.len() <= end + 3)
}

/// The end of some curves that follow each other, each at a multiple of four.
fn curves_end(content: &[u8], start: usize, count: usize) -> Option<usize> {
    let mut end = start;
    for _ in 0..count {
        let next = end.checked_next_multiple_of(4)?;
        end = next + curve_bytes(content.get(next..)?)?;
    }
    Some(end)
}

/// The text of a tag, written anew in the way of version 2 or 4; an empty one where there is none.
pub(super) fn text(signature: &[u8], content: &[u8], version: u8) -> Vec<u8> {
    let text = read_text(content).filter(|text| text.len() <= TEXT_BYTES_MAX && is_text(text.as_bytes()));
    let text = text.unwrap_or_default();
    // At most 512 bytes, see above.
    let count = |bytes: usize| u32::try_from(bytes).unwrap_or(0).to_be_bytes();
    if version >= 4 {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        // One record of twelve bytes, in American English, whose string follows at 28.
        let head = [
            &b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS"[..],
            &count(utf16.len()),
            &count(28),
        ]
        .concat();
        return [head, utf16].concat();
    }
    let ascii: String = text
        .chars()
        .map(|char| if char.is_ascii() { char } else { '?' })
        .collect();
    if signature == b"desc" {
        // No text in Unicode (code and count), none for the Macintosh (code, count and 67 bytes).
        let rest = [0; 4 + 4 + 2 + 1 + 67];
        return [
            &b"desc\0\0\0\0"[..],
            &count(ascii.len() + 1),
            ascii.as_bytes(),
            &[0],
            &rest,
        ]
        .concat();
    }
    [&b"text\0\0\0\0"[..], ascii.as_bytes(), &[0]].concat()
}

/// The first text in a tag of one of the types for texts.
fn read_text(content: &[u8]) -> Option<String> {
    let ascii = |bytes: &[u8]| {
        let text = bytes.split(|byte| *byte == 0).next()?;
        text.is_ascii()
            .then(|| String::from_utf8_lossy(text).into_owned())
    };
    match content.get(..4)? {
        b"text" => ascii(content.get(TYPE_BYTES..)?),
        b"desc" => ascii(content.get(12..12usize.checked_add(word(content, 8)?)?)?),
        b"mluc" => {
            let (size, start) = (word(content, 20)?, word(content, 24)?);
            let units = content.get(start..start.checked_add(size)?)?.chunks_exact(2);
            let units: Vec<u16> = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

fn half(bytes: &[u8], start: usize) -> Option<usize> {
    let half = bytes.get(start..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*half).into())
}

fn word(bytes: &[u8], start: usize) -> Option<usize> {
    let word = bytes.get(start..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*word)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(points: &[u16]) -> Vec<u8> {
        let mut bytes = b"curv\0\0\0\0".to_vec();
        bytes.extend(u32::try_from(points.len()).unwrap().to_be_bytes());
        bytes.extend(points.iter().flat_map(|point| point.to_be_bytes()));
        bytes
    }

    fn parametric() -> Vec<u8> {
        [&b"para\0\0\0\0\0\x03\0\0"[..], &[1; 20]].concat()
    }

    /// Three channels in and out: curves, a matrix, curves, a table of 2 x 2 x 2 colours, curves.
    fn table_with_curves() -> Vec<u8> {
        let curves = parametric().repeat(3);
        let table = [&[2, 2, 2][..], &[0; 13], &[1, 0, 0, 0], &[9; 24]].concat();
        let parts = [&curves[..], &[7; 48], &curves, &table, &curves];
        let mut content = b"mAB \0\0\0\0\x03\x03\0\0".to_vec();
        let mut start = 32u32;
        for part in parts {
            content.extend(start.to_be_bytes());
            start += u32::try_from(part.len()).unwrap();
        }
        [content, parts.concat()].concat()
    }

    #[test]
    fn content_must_be_exactly_as_long_as_its_type_says() {
        let eight_bits = [&b"mft1\0\0\0\0\x03\x03\x02\0"[..], &[0; 36], &[5; 768 + 24 + 768]].concat();
        let sixteen = [
            &b"mft2\0\0\0\0\x03\x03\x02\0"[..],
            &[0; 36],
            &[0, 2, 0, 2],
            &[5; 12 + 48 + 12],
        ]
        .concat();
        for sound in [
            b"XYZ \0\0\0\0white point!".to_vec(),
            [&b"sf32\0\0\0\0"[..], &[1; 36]].concat(),
            curve(&[]),
            curve(&[3]),
            curve(&[0, 5, 5, 90]),
            parametric(),
            eight_bits,
            sixteen,
            table_with_curves(),
        ] {
            assert!(is_sound(&sound), "{:?}", &sound[..12]);
            let longer = [&sound[..], b"junk"].concat();
            assert!(!is_sound(&longer), "{:?} and more", &sound[..12]);
            assert!(!is_sound(&sound[..sound.len() - 4]), "{:?} cut off", &sound[..12]);
        }
        assert!(!is_sound(&curve(&[0, 9, 3, 7])), "a curve rises or falls");
        assert!(!is_sound(b"meas\0\0\0\0"));
    }

    #[test]
    fn texts_are_written_anew() {
        let long = [&b"text\0\0\0\0"[..], &[b'a'; 5000]].concat();
        assert_eq!(text(b"cprt", &long, 2), b"text\0\0\0\0\0");
        let behind = b"text\0\0\0\0Public domain\0\xFF\xD8 a picture";
        assert_eq!(text(b"cprt", behind, 2), b"text\0\0\0\0Public domain\0");
        for version in [2, 4] {
            let written = text(b"desc", b"text\0\0\0\0Display P3\0", version);
            assert_eq!(read_text(&written).as_deref(), Some("Display P3"), "{version}");
            assert_eq!(text(b"desc", &written, version), written);
        }
    }

    proptest! {
        #[test]
        fn any_content_is_judged(
            kind in prop::sample::select(vec![*b"curv", *b"para", *b"mft1", *b"mft2", *b"mAB ", *b"mluc", *b"desc", *b"chrm"]),
            body in prop::collection::vec(prop_oneof![Just(0u8), Just(3u8), any::<u8>()], 0..120),
        ) {
            let content = [&kind[..], &body].concat();
            is_sound(&content);
            let written = text(b"desc", &content, 4);
            prop_assert_eq!(text(b"desc", &written, 4), written);
        }
    }
}
