//! Which container a file is, by its first bytes. libav is told the answer instead of being asked: its own guess knows
//! hundreds of formats, among them playlists that name files and addresses.

use std::fmt;

use sfumato_core::MediaFormat;

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

impl Container {
    /// The container of this format; `None` for pictures and archives.
    pub const fn of(format: MediaFormat) -> Option<Self> {
        match format {
            MediaFormat::Mp4 => Some(Self::Mp4),
            MediaFormat::Mov => Some(Self::Mov),
            MediaFormat::Avi => Some(Self::Avi),
            MediaFormat::Mkv => Some(Self::Mkv),
            MediaFormat::Webm => Some(Self::Webm),
            _ => None,
        }
    }

    /// The format of a file in this container.
    pub const fn format(self) -> MediaFormat {
        match self {
            Self::Mp4 => MediaFormat::Mp4,
            Self::Mov => MediaFormat::Mov,
            Self::Avi => MediaFormat::Avi,
            Self::Mkv => MediaFormat::Mkv,
            Self::Webm => MediaFormat::Webm,
        }
    }

    /// Recognises a container by the first bytes of a file.
    pub(super) fn sniff(head: &[u8]) -> Option<Self> {
        MediaFormat::sniff(head).and_then(Self::of)
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
