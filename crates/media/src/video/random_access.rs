//! Where decoding can begin.
//!
//! A container's word that a packet is a key frame is not enough: files lie, and a key frame of one codec promises less than
//! that of another. What counts here is a proof by the packet itself that all frames that are displayed from it on depend on
//! nothing before it. Frames that are displayed before it, and follow it in the file, may (an open group of pictures).

use ffmpeg_next::codec::Id;

/// NAL units of H.264 (ISO/IEC 14496-10, table 7-1).
const H264_SLICE: u8 = 1;
const H264_IDR: u8 = 5;
const H264_SEI: u8 = 6;
const H264_PARAMETERS: [u8; 3] = [7, 8, 13];

/// NAL units of HEVC (ISO/IEC 23008-2, table 7-1): those of pictures end at 31, random access lies in between.
const HEVC_PICTURE_MAX: u8 = 31;
const HEVC_RANDOM_ACCESS: std::ops::RangeInclusive<u8> = 16..=21;
const HEVC_PARAMETERS: std::ops::RangeInclusive<u8> = 32..=34;

/// The message by which H.264 says where a decoder recovers (ISO/IEC 14496-10, annex D).
const SEI_RECOVERY_POINT: u32 = 6;

/// How the packets of a track are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packaging {
    codec: Id,
    /// Of how many bytes the length before a NAL unit is; `None` where start codes stand between them.
    length_bytes: Option<usize>,
}

impl Packaging {
    /// What the track's description says.
    pub(super) fn of(codec: Id, description: &[u8]) -> Self {
        let length_bytes = match (codec, description) {
            (Id::H264, [1, _, _, _, sizes, ..]) => Some(usize::from(sizes & 3) + 1),
            (Id::HEVC, [1, ..]) => description.get(21).map(|sizes| usize::from(sizes & 3) + 1),
            _ => None,
        };
        Self { codec, length_bytes }
    }

    /// Whether a packet that the container calls a key frame is one from which all that is displayed later can be decoded.
    pub(super) fn is_random_access(&self, packet: &[u8]) -> bool {
        match self.codec {
            // Every frame stands alone.
            Id::MJPEG | Id::PRORES => true,
            Id::H264 => self.is_h264_random_access(packet),
            Id::HEVC => self
                .units(packet)
                .map(|unit| unit.first().map_or(0, |byte| byte >> 1 & 0x3F))
                .find(|kind| *kind <= HEVC_PICTURE_MAX)
                .is_some_and(|kind| HEVC_RANDOM_ACCESS.contains(&kind)),
            // RFC 6386, section 9.1: the lowest bit is 0 for key frames.
            Id::VP8 => packet.first().is_some_and(|byte| byte & 1 == 0),
            Id::VP9 => is_vp9_key(packet),
            Id::MPEG4 => mpeg4_pictures(packet).next() == Some(0),
            // AV1 has key frames that are displayed later, and decoding that begins in several ways.
            _ => false,
        }
    }

    fn is_h264_random_access(&self, packet: &[u8]) -> bool {
        let mut recovers = false;
        for unit in self.units(packet) {
            match unit.first().map_or(0, |byte| byte & 0x1F) {
                H264_IDR => return true,
                H264_SLICE => return recovers,
                H264_SEI => recovers |= recovers_at_once(&unit[1..]),
                _ => {}
            }
        }
        false
    }

    /// Whether the packet is one of those that put several frames together, as AVI files have them.
    pub(super) fn is_packed(&self, packet: &[u8]) -> bool {
        self.codec == Id::MPEG4 && mpeg4_pictures(packet).count() > 1
    }

    /// The parameter sets in a packet or in a description of this packaging: what a decoder has to know before the packets
    /// that follow.
    pub(super) fn parameter_sets<'a>(&self, packet: &'a [u8]) -> Vec<&'a [u8]> {
        let is_set = |unit: &&[u8]| {
            let Some(first) = unit.first() else { return false };
            match self.codec {
                Id::H264 => H264_PARAMETERS.contains(&(first & 0x1F)),
                Id::HEVC => HEVC_PARAMETERS.contains(&(first >> 1 & 0x3F)),
                _ => false,
            }
        };
        self.units(packet).filter(is_set).collect()
    }

    fn units<'a>(&self, packet: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        match self.length_bytes {
            Some(length_bytes) => Box::new(with_lengths(packet, length_bytes)),
            None => Box::new(with_start_codes(packet)),
        }
    }
}

/// The parameter sets in the description of a track with lengths before its units (ISO/IEC 14496-15).
pub(super) fn described_sets(codec: Id, description: &[u8]) -> Vec<&[u8]> {
    match (codec, description) {
        (Id::H264, [1, _, _, _, _, rest @ ..]) => h264_description(rest).unwrap_or_default(),
        (Id::HEVC, [1, ..]) => description
            .get(22..)
            .and_then(hevc_description)
            .unwrap_or_default(),
        _ => Packaging::of(codec, description).parameter_sets(description),
    }
}

fn h264_description(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut sets = vec![];
    for mask in [0x1F, 0xFF] {
        let (count, after) = rest.split_first()?;
        rest = after;
        for _ in 0..(count & mask) {
            let (set, after) = with_length(rest)?;
            sets.push(set);
            rest = after;
        }
    }
    Some(sets)
}

fn hevc_description(rest: &[u8]) -> Option<Vec<&[u8]>> {
    let (arrays, mut rest) = rest.split_first()?;
    let mut sets = vec![];
    for _ in 0..*arrays {
        let ([_, high, low], after) = rest.split_first_chunk()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (set, after) = with_length(rest)?;
            sets.push(set);
            rest = after;
        }
    }
    Some(sets)
}

fn with_length(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

fn with_lengths(packet: &[u8], length_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_at_checked(length_bytes)?;
        let length = length
            .iter()
            .fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let (unit, after) = after.split_at_checked(length)?;
        rest = after;
        Some(unit)
    })
}

/// Splits at `00 00 01`. A zero before it stays with the unit that ends there, where it means nothing.
fn with_start_codes(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(packet);
    std::iter::from_fn(move || {
        let unit = rest?;
        rest = after_start_code(unit);
        let length = rest.map_or(unit.len(), |next| unit.len() - next.len() - 3);
        Some(&unit[..length])
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let place = bytes.windows(3).position(|code| code == [0, 0, 1])?;
    Some(&bytes[place + 3..])
}

/// Whether one of the messages says that the picture that follows, and all that are displayed after it, are exact.
fn recovers_at_once(messages: &[u8]) -> bool {
    let mut bytes = unescaped(messages);
    while let (Some(kind), Some(size)) = (sum(&mut bytes), sum(&mut bytes)) {
        if kind == SEI_RECOVERY_POINT {
            // `recovery_frame_cnt` is 0, of which the code is a single 1; and `exact_match_flag`.
            return bytes.next().is_some_and(|byte| byte >> 6 == 0b11);
        }
        if size > 0 && bytes.nth(size as usize - 1).is_none() {
            break;
        }
    }
    false
}

/// A number of a message's header: a sum of bytes, to which 255 adds another one.
fn sum(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut sum = 0u32;
    loop {
        let byte = bytes.next()?;
        sum = sum.checked_add(byte.into())?;
        if byte != 0xFF {
            return Some(sum);
        }
    }
}

/// Without the bytes that keep start codes from arising.
fn unescaped(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut zeros = 0;
    bytes.iter().copied().filter(move |byte| {
        let is_escape = zeros >= 2 && *byte == 3;
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        !is_escape
    })
}

/// The uncompressed header of VP9: marker (2 bits), profile (2 bits, and one more for 3), whether an old frame is displayed,
/// and whether this is no key frame.
fn is_vp9_key(packet: &[u8]) -> bool {
    let Some(byte) = packet.first() else { return false };
    let profile = byte >> 5 & 1 | byte >> 3 & 2;
    let rest = if profile == 3 { byte << 5 } else { byte << 4 };
    byte >> 6 == 0b10 && rest >> 6 == 0
}

/// What kind each picture of a packet is (ISO/IEC 14496-2, section 6.3.5): 0 stands alone.
fn mpeg4_pictures(packet: &[u8]) -> impl Iterator<Item = u8> {
    with_start_codes(packet).filter_map(|unit| match unit {
        [0xB6, kind, ..] => Some(kind >> 6),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(codec: Id, length_bytes: Option<usize>) -> Packaging {
        Packaging { codec, length_bytes }
    }

    fn with_lengths(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&(unit.len() as u32).to_be_bytes()[..], unit].concat())
            .collect()
    }

    fn with_codes(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat())
            .collect()
    }

    #[test]
    fn h264_begins_at_instantaneous_refreshes_and_where_it_recovers_at_once() {
        let (aud, sps, idr, slice): (&[u8], &[u8], &[u8], &[u8]) =
            (&[9, 0xF0], &[0x67, 1, 2], &[0x65, 8, 9], &[0x41, 8, 9]);
        // Recovery after 0 frames, exact; after 0, not exact; after 1, exact.
        let (exact, vague, late): (&[u8], &[u8], &[u8]) = (
            &[6, 6, 1, 0xC4, 0x80],
            &[6, 6, 1, 0x84, 0x80],
            &[6, 6, 1, 0x5C, 0x80],
        );
        let other: &[u8] = &[6, 5, 1, 0xC4, 0x80];
        let second: &[u8] = &[6, 1, 3, 9, 9, 9, 6, 1, 0xC4, 0x80];
        for (units, expected) in [
            (vec![aud, sps, idr], true),
            (vec![aud, slice], false),
            (vec![aud, exact, slice], true),
            (vec![vague, slice], false),
            (vec![late, slice], false),
            (vec![other, slice], false),
            (vec![second, slice], true),
            (vec![sps], false),
        ] {
            let avc = packed(Id::H264, Some(4));
            assert_eq!(avc.is_random_access(&with_lengths(&units)), expected, "{units:?}");
            let plain = packed(Id::H264, None);
            assert_eq!(plain.is_random_access(&with_codes(&units)), expected, "{units:?}");
        }
        let plain = packed(Id::H264, None);
        assert_eq!(
            plain
                .parameter_sets(&with_codes(&[aud, sps, idr]))
                .iter()
                .map(|set| set[..3].to_vec())
                .collect::<Vec<_>>(),
            [sps]
        );
        assert_eq!(
            packed(Id::H264, Some(4)).parameter_sets(&with_lengths(&[aud, sps, idr])),
            [sps]
        );
    }

    #[test]
    fn a_description_lists_its_parameter_sets() {
        let description = [1, 100, 0, 30, 0xFF, 0xE1, 0, 2, 0x67, 1, 1, 0, 3, 0x68, 2, 3];
        assert_eq!(
            described_sets(Id::H264, &description),
            [&[0x67, 1][..], &[0x68, 2, 3]]
        );
        assert_eq!(Packaging::of(Id::H264, &description), packed(Id::H264, Some(4)));
        assert_eq!(described_sets(Id::H264, &description[..10]), Vec::<&[u8]>::new());
        let mut hevc = vec![1; 23];
        hevc[21] = 3;
        hevc[22] = 2;
        hevc.extend([0x20, 0, 1, 0, 2, 0x40, 1, 0x21, 0, 1, 0, 1, 0x42]);
        assert_eq!(described_sets(Id::HEVC, &hevc), [&[0x40, 1][..], &[0x42]]);
        assert_eq!(Packaging::of(Id::HEVC, &hevc), packed(Id::HEVC, Some(4)));
    }

    #[test]
    fn other_codecs_say_it_in_their_first_bits() {
        let hevc = packed(Id::HEVC, None);
        for (kind, expected) in [
            (19u8, true),
            (21, true),
            (16, true),
            (1, false),
            (9, false),
            (22, false),
        ] {
            let packet = with_codes(&[&[35 << 1, 1], &[kind << 1, 1, 7]]);
            assert_eq!(hevc.is_random_access(&packet), expected, "{kind}");
        }
        let vp9 = packed(Id::VP9, None);
        for (byte, expected) in [
            (0x82u8, true),
            (0x86, false),
            (0x8A, false),
            (0xB1, true),
            (0xB2, false),
            (0x02, false),
        ] {
            assert_eq!(vp9.is_random_access(&[byte, 0x49]), expected, "{byte:x}");
        }
        assert!(packed(Id::VP8, None).is_random_access(&[0x50]));
        assert!(!packed(Id::VP8, None).is_random_access(&[0x51]));
        let mpeg4 = packed(Id::MPEG4, None);
        let (alone, other): (&[u8], &[u8]) = (&[0xB6, 0x10], &[0xB6, 0x50]);
        assert!(mpeg4.is_random_access(&with_codes(&[&[0xB0, 1], alone])));
        assert!(!mpeg4.is_random_access(&with_codes(&[other])));
        assert!(mpeg4.is_packed(&with_codes(&[other, other])));
        assert!(!mpeg4.is_packed(&with_codes(&[alone])));
        assert!(!packed(Id::AV1, None).is_random_access(&[0x12, 0]));
    }
}
