//! What of a PNG is written again beside its pixels: how to show them and, where that is wanted, texts.

use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};
use png::{BitDepth, CodingIndependentCodePoints, ColorType, Info};
use sfumato_core::options::MetadataPolicy;

use crate::image::icc::sane_icc;
use crate::metadata;
use crate::orientation::Orientation;

/// The longest text that is kept, in bytes. What is longer holds something else, a picture for example.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The keyword of XMP data (XMP specification, part 3, 1.1.5).
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// A fresh header with what is kept of the original, copied one by one. Texts and EXIF data are read from where they stand
/// in the original up to the place where it has been decoded.
pub(super) fn kept(
    original: &Info<'static>,
    color_type: ColorType,
    bit_depth: BitDepth,
    orientation: Orientation,
    policy: MetadataPolicy,
) -> Info<'static> {
    let mut info = Info::with_size(original.width, original.height);
    info.color_type = color_type;
    info.bit_depth = bit_depth;
    info.pixel_dims = original.pixel_dims.filter(|_| policy != MetadataPolicy::Strip);
    info.srgb = original.srgb;
    info.source_gamma = original.source_gamma;
    info.source_chromaticities = original.source_chromaticities;
    info.icc_profile = original.icc_profile.as_deref().and_then(sane_icc).map(Into::into);
    info.exif_metadata =
        metadata::exif(policy, original.exif_metadata.as_deref(), orientation).map(Into::into);
    if metadata::keeps_texts(policy) {
        keep_texts(original, &mut info, policy);
    }
    info
}

fn keep_texts(original: &Info<'static>, info: &mut Info<'static>, policy: MetadataPolicy) {
    let is_kept = |keyword: &str, text: &str| {
        is_text(keyword) && text.len() <= TEXT_BYTES_MAX && metadata::is_text(text.as_bytes())
    };
    info.uncompressed_latin1_text = original
        .uncompressed_latin1_text
        .iter()
        .filter(|chunk| is_kept(&chunk.keyword, &chunk.text))
        .map(|chunk| TEXtChunk::new(chunk.keyword.clone(), chunk.text.clone()))
        .collect();
    for chunk in &original.compressed_latin1_text {
        let mut chunk: ZTXtChunk = chunk.clone();
        if chunk.decompress_text_with_limit(TEXT_BYTES_MAX).is_ok()
            && let Ok(text) = chunk.get_text()
            && is_kept(&chunk.keyword, &text)
        {
            info.compressed_latin1_text
                .push(ZTXtChunk::new(chunk.keyword, text));
        }
    }
    for chunk in &original.utf8_text {
        let mut chunk: ITXtChunk = chunk.clone();
        let is_xmp = chunk.keyword == XMP_KEYWORD;
        let bytes_max = if is_xmp {
            16 * TEXT_BYTES_MAX
        } else {
            TEXT_BYTES_MAX
        };
        let Ok(text) = chunk
            .decompress_text_with_limit(bytes_max)
            .and_then(|()| chunk.get_text())
        else {
            continue;
        };
        let text = if is_xmp {
            metadata::xmp(policy, text.as_bytes()).and_then(|xmp| String::from_utf8(xmp).ok())
        } else {
            Some(text).filter(|text| is_kept(&chunk.keyword, text))
        };
        if let Some(text) = text {
            let mut kept = ITXtChunk::new(chunk.keyword, text);
            kept.language_tag = chunk.language_tag;
            info.utf8_text.push(kept);
        }
    }
}

/// Whether a keyword stands before a text, and not before other metadata in disguise: ImageMagick writes EXIF, IPTC and
/// Photoshop data, thumbnails included, as texts of hexadecimal digits.
fn is_text(keyword: &str) -> bool {
    let keyword = keyword.to_ascii_lowercase();
    !keyword.starts_with("raw profile") && !keyword.contains("xmp") && !keyword.starts_with("thumb")
}

/// The content of a `cICP` chunk (PNG, third edition, 11.3.2.6).
pub(super) fn cicp_bytes(cicp: CodingIndependentCodePoints) -> [u8; 4] {
    [
        cicp.color_primaries,
        cicp.transfer_function,
        cicp.matrix_coefficients,
        cicp.is_video_full_range_image.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_in_disguise_are_no_texts() {
        for keyword in [
            "Raw profile type exif",
            "raw profile type 8bim",
            "XML:com.adobe.xmp",
            "Thumb::URI",
        ] {
            assert!(!is_text(keyword), "{keyword}");
        }
        assert!(is_text("Author") && is_text("Comment"));
    }
}
