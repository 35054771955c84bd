//! ICC profiles (ICC.1:2022), reduced to what tells how to show the pixels.
//!
//! A profile is an envelope that takes anything: bytes behind its end, private tags, bytes that no tag refers to, and tags
//! that hold more than they say. So it is not copied but built again.

mod tag;

use std::borrow::Cow;

/// The header: 128 bytes, and the number of tags behind it (7.2 and 7.3).
const HEADER_BYTES: usize = 128;
const TAGS_START: usize = HEADER_BYTES + 4;

/// An entry of the tag table: signature, offset and size.
const ENTRY_BYTES: usize = 12;

/// The tags that turn samples into colours (9.2), and description and copyright, which every profile must have. Tags that
/// tell of a device or of its calibration are not among them, nor are those that name colours.
const TAGS_KEPT: [&[u8; 4]; 27] = [
    b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"bkpt", b"bTRC", b"bXYZ", b"chad", b"chrm",
    b"cicp", b"cprt", b"desc", b"gamt", b"gTRC", b"gXYZ", b"kTRC", b"lumi", b"pre0", b"pre1", b"pre2",
    b"rig0", b"rig2", b"rTRC", b"rXYZ", b"wtpt",
];

/// What description and copyright take together at most.
const REWRITTEN_BYTES_MAX: usize = 2400;

/// Builds a profile again from its header and its standard tags; `None` for what is no profile.
pub(crate) fn sane_icc(profile: &[u8]) -> Option<Vec<u8>> {
    let declared = usize::try_from(word(profile, 0)?).ok()?;
    if declared < TAGS_START || profile.get(36..40)? != b"acsp" {
        return None;
    }
    let profile = profile.get(..declared)?;
    let count = usize::try_from(word(profile, HEADER_BYTES)?).ok()?;
    let table = profile.get(TAGS_START..TAGS_START.checked_add(count.checked_mul(ENTRY_BYTES)?)?)?;
    let tags_start = TAGS_START + table.len();
    let version = profile[8];
    let mut tags: Vec<Tag<'_>> = vec![];
    // A table can name one tag as often as it has room, and each time all of its content would be judged.
    let mut seen: Vec<&[u8]> = vec![];
    for entry in table.chunks_exact(ENTRY_BYTES) {
        let signature = &entry[..4];
        let is_known = TAGS_KEPT.iter().any(|kept| *kept == signature);
        if !is_known || seen.contains(&signature) {
            continue;
        }
        seen.push(signature);
        let offset = usize::try_from(word(entry, 4)?).ok()?;
        let size = usize::try_from(word(entry, 8)?).ok()?;
        if offset < tags_start {
            return None;
        }
        let content = profile.get(offset..offset.checked_add(size)?)?;
        let content = if tag::holds_text(signature) {
            Cow::Owned(tag::text(signature, content, version))
        } else if tag::is_sound(content) {
            Cow::Borrowed(content)
        } else {
            continue;
        };
        tags.push(Tag {
            signature,
            offset,
            content,
        });
    }
    if tags.iter().all(|tag| tag::holds_text(tag.signature)) {
        return None;
    }
    build(&profile[..HEADER_BYTES], &tags, declared)
}

/// A tag that is kept.
struct Tag<'a> {
    signature: &'a [u8],
    /// Where it lies in the original.
    offset: usize,
    content: Cow<'a, [u8]>,
}

/// `bytes_max` is the size of the original, which tags that overlap each other would exceed.
fn build(header: &[u8], tags: &[Tag<'_>], bytes_max: usize) -> Option<Vec<u8>> {
    let mut table = u32::try_from(tags.len()).ok()?.to_be_bytes().to_vec();
    let mut data: Vec<u8> = vec![];
    let data_start = TAGS_START + tags.len() * ENTRY_BYTES;
    // Offset and size in the original, and the offset in the data: tags may share what they refer to.
    let mut placed: Vec<(usize, usize, usize)> = vec![];
    for Tag {
        signature,
        offset,
        content,
    } in tags
    {
        // What is written anew is not shared.
        let known = placed
            .iter()
            .filter(|_| matches!(content, Cow::Borrowed(_)))
            .find(|place| (place.0, place.1) == (*offset, content.len()));
        let start = match known {
            Some(place) => place.2,
            None => {
                let start = data.len();
                data.extend_from_slice(content);
                data.resize(data.len().next_multiple_of(4), 0);
                placed.push((*offset, content.len(), start));
                start
            }
        };
        // The padding of each tag is up to 3 bytes, and what is written anew can be a little longer.
        if data.len() > bytes_max + 3 * tags.len() + REWRITTEN_BYTES_MAX {
            return None;
        }
        table.extend_from_slice(signature);
        table.extend(u32::try_from(data_start + start).ok()?.to_be_bytes());
        table.extend(u32::try_from(content.len()).ok()?.to_be_bytes());
    }
    let mut rebuilt = [header, &table, &data].concat();
    let size = u32::try_from(rebuilt.len()).ok()?;
    rebuilt[..4].copy_from_slice(&size.to_be_bytes());
    // The profile ID is a digest of the original, zero where it is not calculated; what follows it is reserved.
    rebuilt[84..HEADER_BYTES].fill(0);
    Some(rebuilt)
}

fn word(bytes: &[u8], start: usize) -> Option<u32> {
    let word = bytes.get(start..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CURVE: &[u8] = b"curv\0\0\0\0\0\0\0\x02\0\0\xFF\xFF";
    const WHITE: &[u8] = b"XYZ \0\0\0\0white point!";

    /// A profile whose tags all refer to the same range.
    fn profile(signatures: &[&[u8; 4]], content: &[u8]) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let start = TAGS_START + ENTRY_BYTES * signatures.len();
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&word(start + content.len()));
        bytes[36..40].copy_from_slice(b"acsp");
        bytes.extend(word(signatures.len()));
        for signature in signatures {
            bytes.extend([**signature, word(start), word(content.len())].concat());
        }
        bytes.extend(content);
        bytes
    }

    #[test]
    fn what_tags_share_stays_shared() {
        let profile = profile(&[b"rTRC", b"gTRC", b"bTRC"], CURVE);
        assert_eq!(sane_icc(&profile), Some(profile));
    }

    #[test]
    fn a_profile_that_ends_too_early_or_says_too_little_is_none() {
        assert_eq!(sane_icc(&profile(&[b"prVt"], b"private")), None);
        let whole = profile(&[b"wtpt"], WHITE);
        assert_eq!(sane_icc(&whole[..whole.len() - 1]), None);
        let mut short = whole.clone();
        short[..4].copy_from_slice(&131u32.to_be_bytes());
        assert_eq!(sane_icc(&short), None);
        let mut into_the_table = whole;
        into_the_table[TAGS_START + 7] = 100;
        assert_eq!(sane_icc(&into_the_table), None);
    }

    #[test]
    fn a_tag_that_is_named_twice_is_judged_once() {
        let bad = b"curv\0\0\0\0\0\0\0\x03\0\0\xFF\xFF\0\0\0\0";
        let mut twice = profile(&[b"rTRC", b"rTRC"], &[&bad[..], CURVE].concat());
        let mut put = |at: usize, number: usize| {
            let word = u32::try_from(number).unwrap().to_be_bytes();
            twice[at..at + 4].copy_from_slice(&word);
        };
        let start = TAGS_START + 2 * ENTRY_BYTES;
        put(TAGS_START + 8, bad.len());
        put(TAGS_START + ENTRY_BYTES + 4, start + bad.len());
        put(TAGS_START + ENTRY_BYTES + 8, CURVE.len());
        assert_eq!(sane_icc(&twice), None, "the second one was judged");
    }

    proptest! {
        #[test]
        fn any_profile_is_none_or_comes_out_the_same_a_second_time(
            table in prop::collection::vec((0..TAGS_KEPT.len(), 0u32..300, 0u32..200), 0..6),
            content in prop::collection::vec(prop_oneof![
                Just(CURVE.to_vec()), Just(WHITE.to_vec()), prop::collection::vec(any::<u8>(), 0..20),
            ], 0..12).prop_map(|parts| parts.concat()),
        ) {
            let signatures: Vec<_> = table.iter().map(|entry| TAGS_KEPT[entry.0]).collect();
            let mut bytes = profile(&signatures, &content);
            for (i, (_, offset, size)) in table.iter().enumerate() {
                let entry = TAGS_START + i * ENTRY_BYTES;
                bytes[entry + 4..entry + 8].copy_from_slice(&(offset + 132).to_be_bytes());
                bytes[entry + 8..entry + 12].copy_from_slice(&size.to_be_bytes());
            }
            if let Some(once) = sane_icc(&bytes) {
                prop_assert_eq!(sane_icc(&once), Some(once));
            }
        }
    }
}
