//! Flags that mean something for videos and archives alone.

use clap::Args;
use sfumato_core::options::{
    Audio, InvalidOption, OtherEntries, Quality, Subtitles, VideoCodec, VideoOptions,
};

/// What is done with the tracks of a video and the entries of an archive.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct LongFlags {
    /// Sound of a video: keep (bit for bit), mute (silence of the same length) or strip [default: keep]
    #[arg(long, value_name = "WHAT", value_parser = read::<Audio>)]
    audio: Option<Audio>,
    /// Subtitles of a video, which often name who is speaking: drop or keep [default: drop]
    #[arg(long, value_name = "WHAT", value_parser = read::<Subtitles>)]
    subtitles: Option<Subtitles>,
    /// How a video is encoded: keep (as it was, where that can be), h264 or hevc [default: keep]
    #[arg(long, value_name = "CODEC", value_parser = read::<VideoCodec>)]
    codec: Option<VideoCodec>,
    /// How closely a video resembles the original outside of the masks, from 0 (best) to 51 (smallest), as x264 counts
    /// [default: 21]
    #[arg(long, value_name = "CRF", value_parser = read::<Quality>)]
    quality: Option<Quality>,
    /// What becomes of an archive's entries that are neither pictures nor videos: error or omit; they are in no result
    /// [default: error]
    #[arg(long, value_name = "WHAT", value_parser = read::<OtherEntries>)]
    pub(super) other_entries: Option<OtherEntries>,
}

impl LongFlags {
    /// The options of a video.
    pub(super) fn video(&self) -> VideoOptions {
        VideoOptions {
            audio: self.audio.unwrap_or_default(),
            subtitles: self.subtitles.unwrap_or_default(),
            codec: self.codec.unwrap_or_default(),
            quality: self.quality.unwrap_or_default(),
        }
    }
}

/// Reads an option as the API does.
fn read<T: std::str::FromStr<Err = InvalidOption>>(text: &str) -> Result<T, String> {
    text.parse::<T>().map_err(|error| error.message)
}
