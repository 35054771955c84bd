//! What may be uploaded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::options::InvalidOption;

/// A picture, a video, or an archive of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// One picture, still or animated.
    Picture,
    /// One video.
    Video,
    /// An archive of pictures and videos.
    Archive,
}

impl MediaKind {
    /// All kinds.
    pub const ALL: [MediaKind; 3] = [Self::Picture, Self::Video, Self::Archive];

    /// Its name: a noun in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Video => "video",
            Self::Archive => "archive",
        }
    }
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
    /// MPEG-4 part 14, and its relatives 3GP and M4V.
    Mp4,
    /// QuickTime.
    Mov,
    /// Audio Video Interleave.
    Avi,
    /// Matroska.
    Mkv,
    /// WebM, a subset of Matroska.
    Webm,
    /// ZIP (ISO/IEC 21320-1) with pictures and videos in it.
    Zip,
}

/// The identifier of an EBML header (RFC 8794), with which Matroska begins.
const EBML: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];

/// The identifier of the element that names the type of an EBML document.
const EBML_DOC_TYPE: [u8; 2] = [0x42, 0x82];

/// Boxes with which files of QuickTime begin that have no `ftyp`: it is younger than the format.
const QUICKTIME_BOXES: [&[u8]; 6] = [b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];

/// Brands of still pictures (HEIF, AVIF), which consist of the same boxes as videos.
const STILL_BRANDS: [&[u8]; 6] = [b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"];

impl MediaFormat {
    /// Every format, for lists in messages and tests.
    pub const ALL: [MediaFormat; 11] = [
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Bmp,
        Self::Tiff,
        Self::Mp4,
        Self::Mov,
        Self::Avi,
        Self::Mkv,
        Self::Webm,
        Self::Zip,
    ];

    /// The formats of one kind, in the order of [`MediaFormat::ALL`].
    pub fn of_kind(kind: MediaKind) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |format| format.kind() == kind)
    }

    /// The bytes that [`MediaFormat::sniff`] wants to see at least, where the file has them: Matroska says late which kind
    /// it is.
    pub const SNIFF_BYTES: usize = 4096;

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
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => Self::sniff_video(first_bytes),
        }
    }

    fn sniff_video(first_bytes: &[u8]) -> Option<Self> {
        if first_bytes.starts_with(&EBML) {
            return Self::sniff_ebml(&first_bytes[..first_bytes.len().min(Self::SNIFF_BYTES)]);
        }
        if first_bytes.starts_with(b"RIFF") && first_bytes.get(8..12) == Some(b"AVI ") {
            return Some(Self::Avi);
        }
        match first_bytes.get(4..8)? {
            b"ftyp" => match first_bytes.get(8..12)? {
                b"qt  " => Some(Self::Mov),
                brand if STILL_BRANDS.contains(&brand) => None,
                _ => Some(Self::Mp4),
            },
            kind if QUICKTIME_BOXES.contains(&kind) => Some(Self::Mov),
            _ => None,
        }
    }

    fn sniff_ebml(head: &[u8]) -> Option<Self> {
        let position = head.windows(2).position(|window| window == EBML_DOC_TYPE)?;
        // One byte says how long the text is, its highest bit set.
        let length = usize::from(*head.get(position + 2)? & 0x7F);
        let text = head.get(position + 3..)?.get(..length)?;
        // Writers may pad it with zeros.
        match text.strip_suffix(&[0]).unwrap_or(text) {
            b"webm" => Some(Self::Webm),
            b"matroska" => Some(Self::Mkv),
            _ => None,
        }
    }

    /// The kind of media.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Webp | Self::Bmp | Self::Tiff => MediaKind::Picture,
            Self::Mp4 | Self::Mov | Self::Avi | Self::Mkv | Self::Webm => MediaKind::Video,
            Self::Zip => MediaKind::Archive,
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
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Avi => "avi",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
            Self::Zip => "zip",
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
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Avi => "video/x-msvideo",
            Self::Mkv => "video/x-matroska",
            Self::Webm => "video/webm",
            Self::Zip => "application/zip",
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
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Avi => "avi",
            Self::Mkv => "mkv",
            Self::Webm => "webm",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
        let videos: [(&[u8], MediaFormat); 6] = [
            (b"\0\0\0\x20ftypisom\0\0\x02\0", MediaFormat::Mp4),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0", MediaFormat::Mov),
            (b"\0\0\0\x08wide\0\0\0\0mdat", MediaFormat::Mov),
            (b"RIFF\x10\0\0\0AVI LIST", MediaFormat::Avi),
            (
                b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm",
                MediaFormat::Webm,
            ),
            (
                b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x88matroska",
                MediaFormat::Mkv,
            ),
        ];
        for (head, format) in videos {
            assert_eq!(MediaFormat::sniff(head), Some(format));
        }
        for magic in [b"PK\x03\x04", b"PK\x05\x06"] {
            assert_eq!(MediaFormat::sniff(magic), Some(MediaFormat::Zip));
        }
        assert_eq!(MediaFormat::sniff(b"\0\0\0\x20ftypavif\0\0\0\0"), None);
        assert_eq!(MediaFormat::sniff(b"#EXTM3U\n#EXT-X-VERSION:3\n"), None);
        assert_eq!(MediaFormat::sniff(b"BM is no bitmap at all"), None);
        assert_eq!(MediaFormat::sniff(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(MediaFormat::sniff(b"<html>"), None);
        assert_eq!(MediaFormat::sniff(b""), None);
    }
}
