//! What is kept beside the pixels; `docs/metadata.md` lists it for customers.
//!
//! Kept metadata has betrayed people before: an EXIF block holds a thumbnail of the picture before it was masked, and the
//! position where it was taken. Therefore nothing is filtered out of the original's metadata. What is kept is read, and
//! written anew, under every policy: what is not understood has no way into the result.

mod exif;
mod resources;
mod text;
mod xmp;

use ::exif::{In, Tag};
use sfumato_core::options::MetadataPolicy;

use crate::orientation::Orientation;

pub(crate) use self::exif::exif;
pub(crate) use resources::image_resources;
pub(crate) use text::is_text;
pub(crate) use xmp::xmp;

/// The marker in front of the EXIF data of a JPEG.
pub(crate) const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// Reads the orientation out of EXIF data (a TIFF structure, without the prefix it has in a JPEG). Damage elsewhere in the
/// data does not matter; data without a readable orientation counts as upright.
pub(crate) fn orientation(exif_data: &[u8]) -> Orientation {
    ::exif::Reader::new()
        .continue_on_error(true)
        .read_raw(exif_data.to_vec())
        .or_else(|error| error.distill_partial_result(|_damage| ()))
        .ok()
        .and_then(|exif| exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0))
        .map_or(Orientation::UPRIGHT, Orientation::from_exif)
}

/// EXIF data that hold the orientation and nothing else; `None` where there is nothing to say.
pub(crate) fn minimal_exif(orientation: Orientation) -> Option<Vec<u8>> {
    if orientation == Orientation::UPRIGHT {
        return None;
    }
    let mut tiff = Vec::with_capacity(26);
    // A big-endian TIFF header whose first directory follows at offset 8.
    tiff.extend_from_slice(b"MM\0\x2A\0\0\0\x08");
    // One entry: tag 0x0112 of type SHORT (3), one value, left-justified in four bytes.
    tiff.extend_from_slice(&[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation.value(), 0, 0]);
    // No further directory.
    tiff.extend_from_slice(&[0; 4]);
    Some(tiff)
}

/// Whether comments and other texts of the original are in the result; each of them has to pass [`is_text`].
pub(crate) fn keeps_texts(policy: MetadataPolicy) -> bool {
    policy == MetadataPolicy::Keep
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_minimal_exif_is_read_back_and_holds_one_field() {
        for expected in Orientation::all().skip(1) {
            let data = minimal_exif(expected).unwrap();
            assert_eq!(orientation(&data), expected);
            let parsed = ::exif::Reader::new().read_raw(data).unwrap();
            assert_eq!(parsed.fields().count(), 1);
        }
        assert_eq!(minimal_exif(Orientation::UPRIGHT), None);
    }

    #[test]
    fn damage_behind_the_orientation_does_not_hide_it() {
        let mut data = minimal_exif(Orientation::from_exif(6)).unwrap();
        // A second directory far outside the data.
        let end = data.len();
        data[end - 4..].copy_from_slice(&[0, 0xFF, 0xFF, 0xFF]);
        assert_eq!(orientation(&data), Orientation::from_exif(6));
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_orientation(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            orientation(&bytes);
            let mut with_header = b"MM\0\x2A\0\0\0\x08".to_vec();
            with_header.extend(bytes);
            orientation(&with_header);
        }
    }
}
