//! What may be asked for of a video, and what it may be at most.

use std::num::NonZeroU32;

/// What is done with the sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Audio {
    /// Every track is copied, bit for bit.
    #[default]
    Keep,
    /// Every track is as long as it was, and silent.
    Mute,
    /// There is none in the result.
    Strip,
}

/// What is done with subtitles and captions. They often name who is speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Subtitles {
    /// There are none in the result.
    #[default]
    Drop,
    /// Every track is copied.
    Keep,
}

/// How the pictures of the result are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// As they were, where there is an encoder for it; otherwise H.264, in WEBM VP9.
    #[default]
    Keep,
    /// H.264.
    H264,
    /// HEVC.
    Hevc,
}

/// A constant rate factor as x264 and x265 count: 0 (no loss) to 51 (unwatchable).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quality(u8);

impl Quality {
    /// `None` above 51.
    pub const fn new(crf: u8) -> Option<Self> {
        if crf <= 51 { Some(Self(crf)) } else { None }
    }

    /// The factor.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Quality {
    /// 21: a little above what x264 and x265 take by themselves, because the original was encoded once already.
    fn default() -> Self {
        Self(21)
    }
}

/// What happens to a damaged video of which some frames cannot be decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Damaged {
    /// The result lacks these frames, and a warning says so.
    #[default]
    Warn,
    /// The task fails.
    Fail,
}

/// What is asked for of one video, beside the options that pictures have too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VideoOptions {
    /// The sound.
    pub audio: Audio,
    /// Subtitles and captions.
    pub subtitles: Subtitles,
    /// The codec of the result.
    pub codec: VideoCodec,
    /// How closely the result resembles the original outside of the masks.
    pub quality: Quality,
    /// What happens to a damaged video.
    pub damaged: Damaged,
    /// Every how many frames faces and plates are looked for; between them they are followed. Scene cuts and quick
    /// motion have it looked for more often.
    pub look_every: NonZeroU32,
    /// Length in pixels of the longer side of the pictures that the finder is given. A video that is smaller is not
    /// enlarged.
    pub look_side_px: u32,
    /// How many threads a decoder or an encoder may use.
    pub threads: NonZeroU32,
}

impl Default for VideoOptions {
    /// Everything is kept but subtitles; every third frame is looked at with 1,280 pixels; 2 threads.
    fn default() -> Self {
        Self {
            audio: Audio::default(),
            subtitles: Subtitles::default(),
            codec: VideoCodec::default(),
            quality: Quality::default(),
            damaged: Damaged::default(),
            look_every: NonZeroU32::MIN.saturating_add(2),
            look_side_px: 1280,
            threads: NonZeroU32::MIN.saturating_add(1),
        }
    }
}

/// What a video may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl Default for VideoLimits {
    /// 8,192 pixels a side, 35,651,584 pixels a frame (8,192 x 4,352), 4 hours, 864,000 frames (4 hours at 60 a second),
    /// 64 tracks.
    fn default() -> Self {
        Self {
            side_pixels_max: 8192,
            frame_pixels_max: 8192 * 4352,
            frames_max: 864_000,
            duration_s_max: 4 * 3600,
            tracks_max: 64,
        }
    }
}
