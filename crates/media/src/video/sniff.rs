//! Which container a file is, by its first bytes. libav is told the answer instead of being asked: its own guess knows
//! hundreds of formats, among them playlists that name files and addresses.

use std::fmt;

/// A container of video that is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
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
}

/// How many bytes [`Container::sniff`] looks at.
pub(super) const SNIFF_BYTES: usize = 4096;

/// The identifier of an EBML header, with which Matroska begins.
const EBML: [u8; 4] = [0x1A, 0x45, 0xDF, 0xA3];

/// The identifier of the element that names the type of an EBML document.
const EBML_DOC_TYPE: [u8; 2] = [0x42, 0x82];

/// Boxes with which files of QuickTime begin that have no `ftyp`: it is younger than the format.
const QUICKTIME_BOXES: [&[u8]; 6] = [b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];

impl Container {
    /// Recognises a container by the first bytes of a file.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        if head.starts_with(&EBML) {
            return Self::sniff_ebml(&head[..head.len().min(SNIFF_BYTES)]);
        }
        if head.starts_with(b"RIFF") && matches!(head.get(8..12), Some(b"AVI ")) {
            return Some(Self::Avi);
        }
        match head.get(4..8)? {
            b"ftyp" if head.get(8..12)? == b"qt  " => Some(Self::Mov),
            // The same boxes hold still pictures (HEIF, AVIF).
            b"ftyp"
                if matches!(
                    head.get(8..12)?,
                    b"heic" | b"heix" | b"mif1" | b"msf1" | b"avif" | b"avis"
                ) =>
            {
                None
            }
            b"ftyp" => Some(Self::Mp4),
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

    /// The demuxer of libav.
    pub(super) const fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 | Self::Mov => "mov",
            Self::Avi => "avi",
            Self::Mkv | Self::Webm => "matroska",
        }
    }

    /// The muxer of libav.
    pub(super) const fn muxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Avi => "avi",
            Self::Mkv => "matroska",
            Self::Webm => "webm",
        }
    }

    /// Whether it is one of those whose tracks consist of ISO base media boxes.
    pub(super) const fn has_boxes(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Avi => "AVI",
            Self::Mkv => "MKV",
            Self::Webm => "WEBM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_recognised_by_their_first_bytes() {
        let cases: [(&[u8], Option<Container>); 10] = [
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some(Container::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0", Some(Container::Mov)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Some(Container::Mov)),
            (b"RIFF\x10\0\0\0AVI LIST", Some(Container::Avi)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (
                b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm",
                Some(Container::Webm),
            ),
            (
                b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x88matroska",
                Some(Container::Mkv),
            ),
            (b"\0\0\0\x20ftypavif\0\0\0\0", None),
            (b"#EXTM3U\n#EXT-X-VERSION:3\n", None),
            (b"", None),
        ];
        for (head, expected) in cases {
            assert_eq!(Container::sniff(head), expected, "{head:?}");
        }
    }
}
