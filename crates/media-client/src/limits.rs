//! What media may be at most.

use serde::{Deserialize, Serialize};

/// What media may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaLimits {
    /// Size of a picture's file in bytes: a decoder holds all of it in memory.
    pub picture_bytes_max: u64,
    /// Width and height in pixels.
    pub side_pixels_max: u32,
    /// Width times height in pixels, of one frame.
    pub picture_pixels_max: u64,
    /// Frames of an animation, or pages.
    pub frames_max: u32,
    /// Pixels of all frames or pages together.
    pub frames_pixels_max: u64,
    /// What a video may be at most.
    #[serde(default)]
    pub video: VideoLimits,
    /// What an archive may be at most.
    #[serde(default)]
    pub archive: ArchiveLimits,
}

/// What a video may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoLimits {
    /// Width and height of a frame in pixels.
    pub side_pixels_max: u32,
    /// Width times height of a frame in pixels.
    pub frame_pixels_max: u32,
    /// Frames.
    pub frames_max: u32,
    /// Duration in seconds.
    pub duration_s_max: u32,
    /// Tracks of all kinds.
    pub tracks_max: u32,
    /// What happens to a damaged video of which some frames cannot be decoded.
    pub damaged: Damaged,
}

impl VideoLimits {
    /// 8,192 pixels a side, 35,651,584 pixels a frame (8,192 x 4,352), 4 hours, 864,000 frames (4 hours at 60 a second),
    /// 64 tracks; damaged videos are processed with a warning.
    pub const DEFAULT: Self = Self {
        side_pixels_max: 8192,
        frame_pixels_max: 8192 * 4352,
        frames_max: 864_000,
        duration_s_max: 4 * 3600,
        tracks_max: 64,
        damaged: Damaged::Warn,
    };
}

impl Default for VideoLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens to a damaged video of which some frames cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Damaged {
    /// The result lacks these frames, and a warning says so.
    #[default]
    Warn,
    /// The task fails.
    Fail,
}

/// What an archive may be at most. Sizes are counted while entries are inflated: what an archive says of itself is not
/// believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveLimits {
    /// Entries, folders too.
    pub entries_max: u32,
    /// Size of one entry in bytes when it is inflated.
    pub entry_bytes_max: u64,
    /// Size of all entries in bytes when they are inflated.
    pub bytes_max: u64,
    /// How many times larger an entry may become when it is inflated.
    pub ratio_max: u32,
}

impl ArchiveLimits {
    /// 100,000 entries of 8 GiB each, 32 GiB together, 200 times as large as they are packed.
    pub const DEFAULT: Self = Self {
        entries_max: 100_000,
        entry_bytes_max: 8 << 30,
        bytes_max: 32 << 30,
        ratio_max: 200,
    };
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl MediaLimits {
    /// 1 GiB a file, 65,500 pixels a side (what JPEG can hold), 268 million pixels (16,384 x 16,384), 1,000 frames and
    /// 1,074 million pixels in all of them.
    pub const DEFAULT: Self = Self {
        picture_bytes_max: 1 << 30,
        side_pixels_max: 65_500,
        picture_pixels_max: 16_384 * 16_384,
        frames_max: 1000,
        frames_pixels_max: 4 * 16_384 * 16_384,
        video: VideoLimits::DEFAULT,
        archive: ArchiveLimits::DEFAULT,
    };
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
