//! The segments of a result. None is copied: what they hold is read and written anew.

use sfumato_core::options::MetadataPolicy;

use super::coding::Coding;
use super::write::{Density, Segment};
use crate::image::icc::sane_icc;
use crate::image::segments::{self, Contents};
use crate::metadata::{self, EXIF_PREFIX};
use crate::orientation::Orientation;

const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP13: u8 = 0xED;
const APP14: u8 = 0xEE;
const COM: u8 = 0xFE;

/// Bytes that a segment can hold beside its length.
const PAYLOAD_BYTES_MAX: usize = 65_533;

const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PHOTOSHOP_PREFIX: &[u8] = b"Photoshop 3.0\0";

/// What of the density in a JFIF header is in a result.
pub(super) fn density(policy: MetadataPolicy) -> Density {
    match policy {
        MetadataPolicy::Strip => Density::Aspect,
        MetadataPolicy::Safe | MetadataPolicy::Keep => Density::Kept,
    }
}

/// Everything between the JFIF header, which libjpeg writes, and the picture.
pub(super) fn segments(
    bytes: &[u8],
    contents: &Contents<'_>,
    coding: &Coding,
    orientation: Orientation,
    policy: MetadataPolicy,
) -> Vec<Segment> {
    let mut written = vec![];
    let exif = metadata::exif(policy, contents.exif, orientation)
        .filter(|exif| exif.len() + EXIF_PREFIX.len() <= PAYLOAD_BYTES_MAX)
        .or_else(|| metadata::minimal_exif(orientation));
    written.extend(exif.map(|exif| (APP1, [EXIF_PREFIX, &exif].concat())));
    let texts = Texts::of(bytes);
    let xmp = texts.xmp.and_then(|packet| metadata::xmp(policy, packet));
    written.extend(xmp.map(|packet| (APP1, [XMP_PREFIX, &packet].concat())));
    let resources = metadata::image_resources(policy, &texts.image_resources).unwrap_or_default();
    let chunks = resources.chunks(PAYLOAD_BYTES_MAX - PHOTOSHOP_PREFIX.len());
    written.extend(chunks.map(|chunk| (APP13, [PHOTOSHOP_PREFIX, chunk].concat())));
    let profile = contents
        .icc_profile
        .as_deref()
        .and_then(sane_icc)
        .unwrap_or_default();
    written.extend(
        segments::split_icc(&profile)
            .into_iter()
            .map(|chunk| (APP2, chunk)),
    );
    written.extend(coding.adobe_segment().map(|payload| (APP14, payload)));
    if metadata::keeps_texts(policy) {
        let comments = texts.comments.iter().filter(|comment| metadata::is_text(comment));
        written.extend(comments.map(|comment| (COM, comment.to_vec())));
    }
    written.retain(|(_, payload)| payload.len() <= PAYLOAD_BYTES_MAX);
    written
}

/// What people have written into a file.
#[derive(Default)]
struct Texts<'a> {
    xmp: Option<&'a [u8]>,
    /// All `8BIM` blocks, which may be cut anywhere into segments.
    image_resources: Vec<u8>,
    comments: Vec<&'a [u8]>,
}

impl<'a> Texts<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut texts = Self::default();
        for (marker, payload) in segments::each(bytes) {
            match marker {
                APP1 if texts.xmp.is_none() => texts.xmp = payload.strip_prefix(XMP_PREFIX),
                APP13 => {
                    let blocks = payload.strip_prefix(PHOTOSHOP_PREFIX).unwrap_or_default();
                    texts.image_resources.extend_from_slice(blocks);
                }
                COM => texts.comments.push(payload),
                _ => {}
            }
        }
        texts
    }
}
