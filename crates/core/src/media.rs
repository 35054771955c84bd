//! What may be uploaded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::options::InvalidOption;

/// A picture, a video, or an archive of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// One picture.
    Picture,
}

/// A format that Sfumato reads and answers in. The content decides which, never the name or the declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaFormat {
    /// JPEG (ITU-T T.81).
    Jpeg,
    /// PNG (ISO/IEC 15948), animated ones (APNG) too.
    Png,
    /// WebP (RFC 9649), animated ones too.
    Webp,
    /// Windows bitmap.
    Bmp,
    /// TIFF 6.0 and BigTIFF, with any number of pages.
    Tiff,
}

impl MediaFormat {
    /// Every format, for lists in messages and tests.
    pub const ALL: [MediaFormat; 5] = [Self::Jpeg, Self::Png, Self::Webp, Self::Bmp, Self::Tiff];

    /// The bytes that [`MediaFormat::sniff`] wants to see at least, where the file has them.
    pub const SNIFF_BYTES: usize = 18;

    /// Recognises a format by the first bytes of the content; `None` for anything that is not supported.
    pub fn sniff(first_bytes: &[u8]) -> Option<Self> {
        match first_bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            // Two letters are little; the size of the header behind them (offset 14) has few values.
            [
                b'B',
                b'M',
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                12 | 40 | 52 | 56 | 64 | 108 | 124,
                0,
                0,
                0,
                ..,
            ] => Some(Self::Bmp),
            _ => None,
        }
    }

    /// The kind of media.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Webp | Self::Bmp | Self::Tiff => MediaKind::Picture,
        }
    }

    /// The extension of result names, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }

    /// The media type (RFC 6838).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }

    /// The name in the database and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
        }
    }
}

impl fmt::Display for MediaFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MediaFormat {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| InvalidOption::new("format", format!("`{text}` is not a supported format")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_decides_the_format() {
        assert_eq!(
            MediaFormat::sniff(&[0xFF, 0xD8, 0xFF, 0xE0]),
            Some(MediaFormat::Jpeg)
        );
        assert_eq!(
            MediaFormat::sniff(b"\x89PNG\r\n\x1a\n...."),
            Some(MediaFormat::Png)
        );
        assert_eq!(
            MediaFormat::sniff(b"RIFF\x10\0\0\0WEBPVP8 "),
            Some(MediaFormat::Webp)
        );
        for magic in [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"] {
            assert_eq!(MediaFormat::sniff(magic), Some(MediaFormat::Tiff));
        }
        let bitmap = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
        assert_eq!(MediaFormat::sniff(bitmap), Some(MediaFormat::Bmp));
        assert_eq!(MediaFormat::sniff(b"BM is no bitmap at all"), None);
        assert_eq!(MediaFormat::sniff(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(MediaFormat::sniff(b"<html>"), None);
        assert_eq!(MediaFormat::sniff(b""), None);
    }
}
