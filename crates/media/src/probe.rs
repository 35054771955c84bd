//! What a file says of itself, and the limits, before anything is decoded.

use sfumato_core::MediaFormat;
use sfumato_media_client::limits::MediaLimits;

use crate::error::PictureError;
use crate::image::{bmp, segments, tiff, webp};
use crate::limits::check_size;

/// What the first bytes of a picture say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format.
    pub format: MediaFormat,
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
}

/// Reads the header of a picture and holds it against the limits.
///
/// # Errors
/// [`PictureError`] of the class `Input`: no picture, a format that is not supported, a header that makes no sense, or a
/// size over a limit.
pub fn probe(bytes: &[u8], limits: &MediaLimits) -> Result<Header, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let format = MediaFormat::sniff(bytes).ok_or(PictureError::UnknownFormat)?;
    let (width, height) = match format {
        MediaFormat::Jpeg => {
            let frame = segments::frame_header(bytes)?;
            (frame.width.into(), frame.height.into())
        }
        MediaFormat::Png => png_size(bytes)?,
        MediaFormat::Webp => webp::size(bytes)?,
        MediaFormat::Bmp => bmp::size(bytes)?,
        MediaFormat::Tiff => tiff::size(bytes)?,
        _ => return Err(PictureError::UnknownFormat),
    };
    check_size(width, height, limits)?;
    Ok(Header {
        format,
        width,
        height,
    })
}

/// The size in the IHDR chunk, which the PNG specification (section 5.6) puts first.
fn png_size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let header = bytes.get(8..24).ok_or(PictureError::Truncated)?;
    if header[4..8] != *b"IHDR" {
        return Err(PictureError::damaged("the first chunk is not IHDR"));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    Ok((number(8), number(12)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    fn message(bytes: &[u8]) -> String {
        probe(bytes, &MediaLimits::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_message_names_the_limit_that_is_broken() {
        let too_long = message(&png(65_501, 1));
        assert!(too_long.contains("65500 pixels a side"), "{too_long}");
        let too_many = message(&png(20_000, 20_000));
        assert!(too_many.contains("268435456 pixels in total"), "{too_many}");
        assert!(probe(&png(16_384, 16_384), &MediaLimits::default()).is_ok());
    }

    #[test]
    fn what_is_no_picture_is_named_so() {
        assert_eq!(message(b""), "the file is empty");
        assert!(message(b"GIF89a..........").contains("(JPEG, PNG, WEBP, BMP, TIFF)"));
        assert!(message(b"\x89PNG\r\n\x1a\n\0\0").contains("truncated"));
        assert!(message(b"\xFF\xD8\xFF").contains("truncated"));
        assert!(message(&png(0, 5)).contains("no width"));
    }
}
