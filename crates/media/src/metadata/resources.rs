//! Photoshop image resources (Adobe Photoshop File Formats Specification, 2019), and in them IPTC-IIM 4.2: what agencies
//! write about a picture.
//!
//! Of the resources, thumbnails, paths and layers among them, two are kept: the resolution and the IPTC data. Of these the
//! datasets that are texts are kept; one of the others is a preview.

use sfumato_core::options::MetadataPolicy;

use super::text::is_text;

const SIGNATURE: &[u8] = b"8BIM";

const RESOLUTION: u16 = 0x03ED;
const IPTC: u16 = 0x0404;

/// A resolution is two numbers of four bytes and two units of two bytes for each.
const RESOLUTION_BYTES: usize = 16;

/// The first byte of a dataset.
const DATASET: u8 = 0x1C;

/// The datasets of record 2 that are texts: titles, categories, keywords, dates, people, places, captions, contacts.
const TEXTS: [u8; 47] = [
    3, 4, 5, 7, 8, 10, 12, 15, 20, 22, 25, 26, 27, 30, 35, 37, 38, 40, 42, 45, 47, 50, 55, 60, 62, 63, 65,
    70, 75, 80, 85, 90, 92, 95, 100, 101, 103, 105, 110, 115, 116, 118, 120, 121, 122, 130, 131,
];

/// The Photoshop image resources (a sequence of `8BIM` blocks) of a result; `None` where nothing is kept.
pub(crate) fn image_resources(policy: MetadataPolicy, original: &[u8]) -> Option<Vec<u8>> {
    if policy != MetadataPolicy::Keep {
        return None;
    }
    let mut written = vec![];
    let mut rest = original;
    while let Some((number, content, after)) = resource(rest) {
        rest = after;
        match number {
            RESOLUTION if content.len() == RESOLUTION_BYTES => append(&mut written, number, content),
            IPTC => {
                let datasets = datasets(content);
                if !datasets.is_empty() {
                    append(&mut written, number, &datasets);
                }
            }
            _ => {}
        }
    }
    (!written.is_empty()).then_some(written)
}

/// The first resource: its number, its content, and what follows. Names are padded to an even length, their own length
/// included, and so are contents.
fn resource(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let rest = bytes.strip_prefix(SIGNATURE)?;
    let (number, rest) = rest.split_first_chunk::<2>()?;
    let name_bytes = (1 + usize::from(*rest.first()?)).next_multiple_of(2);
    let (size, rest) = rest.get(name_bytes..)?.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let content = rest.get(..size)?;
    let after = rest.get(size.checked_next_multiple_of(2)?..).unwrap_or_default();
    Some((u16::from_be_bytes(*number), content, after))
}

fn append(written: &mut Vec<u8>, number: u16, content: &[u8]) {
    // A content is a part of one that has its length in four bytes.
    let Ok(size) = u32::try_from(content.len()) else {
        return;
    };
    written.extend(SIGNATURE);
    written.extend(number.to_be_bytes());
    // No name.
    written.extend([0; 2]);
    written.extend(size.to_be_bytes());
    written.extend(content);
    written.resize(written.len().next_multiple_of(2), 0);
}

/// The datasets that are kept.
fn datasets(content: &[u8]) -> Vec<u8> {
    let mut kept = vec![];
    let mut rest = content;
    while let [DATASET, record, number, high, low, after @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        // Longer than 32,767 bytes, which is said in another way, is no text that is kept.
        let Some(value) = after.get(..size).filter(|_| size < 0x8000) else {
            break;
        };
        rest = &after[size..];
        let is_kept = match (record, number) {
            // The characters are UTF-8.
            (1, 90) => value == b"\x1B%G",
            // The version.
            (2, 0) => value.len() == 2,
            (2, number) => TEXTS.contains(number) && is_text(value),
            _ => false,
        };
        if is_kept {
            kept.extend([DATASET, *record, *number, *high, *low]);
            kept.extend(value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(number: u16, name: &[u8], content: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend(number.to_be_bytes());
        bytes.push(u8::try_from(name.len()).unwrap());
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    fn dataset(record: u8, number: u8, value: &[u8]) -> Vec<u8> {
        let size = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[DATASET, record, number][..], &size, value].concat()
    }

    fn keep(original: &[u8]) -> Option<Vec<u8>> {
        image_resources(MetadataPolicy::Keep, original)
    }

    #[test]
    fn texts_and_resolution_are_kept_and_pictures_are_not() {
        let charset = dataset(1, 90, b"\x1B%G");
        let caption = dataset(2, 120, b"Two people in front of a house");
        let iptc = [
            &charset[..],
            &dataset(2, 202, b"\xFF\xD8 a preview"),
            &dataset(8, 10, b"object data"),
            &caption,
            &dataset(2, 25, &[b'A'; 3000]),
        ]
        .concat();
        let resolution = [7; 16];
        let original = [
            block(0x0409, b"", b"\xFF\xD8 a thumbnail"),
            block(IPTC, b"abc", &iptc),
            block(0x040C, b"even", b"\xFF\xD8 another"),
            block(RESOLUTION, b"", &resolution),
            block(0x07D0, b"a path", b"points"),
        ]
        .concat();
        let expected = [
            block(IPTC, b"", &[charset, caption].concat()),
            block(RESOLUTION, b"", &resolution),
        ]
        .concat();
        assert_eq!(keep(&original), Some(expected));
        for policy in [MetadataPolicy::Strip, MetadataPolicy::Safe] {
            assert_eq!(image_resources(policy, &original), None);
        }
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let whole = block(IPTC, b"", &dataset(2, 120, b"caption"));
        for end in 0..whole.len() - 1 {
            assert_eq!(keep(&whole[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_out_the_same_a_second_time(
            blocks in prop::collection::vec((prop_oneof![Just(IPTC), Just(RESOLUTION), any::<u16>()],
                prop::collection::vec(prop_oneof![Just(DATASET), Just(2u8), Just(0u8), any::<u8>()], 0..40)), 0..5),
        ) {
            let original: Vec<u8> = blocks.iter().flat_map(|(number, content)| block(*number, b"", content)).collect();
            if let Some(once) = keep(&original) {
                prop_assert_eq!(keep(&once), Some(once));
            }
        }
    }
}
