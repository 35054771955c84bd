//! How one video is processed.

use std::num::NonZeroU32;

pub use sfumato_core::options::{Audio, Quality, Subtitles, VideoCodec};
pub use sfumato_media_client::limits::{Damaged, VideoLimits};

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
    /// How many threads a decoder or an encoder may use.
    pub threads: NonZeroU32,
}

impl Default for VideoOptions {
    /// Everything is kept but subtitles; 2 threads.
    fn default() -> Self {
        Self {
            audio: Audio::default(),
            subtitles: Subtitles::default(),
            codec: VideoCodec::default(),
            quality: Quality::default(),
            threads: NonZeroU32::MIN.saturating_add(1),
        }
    }
}
