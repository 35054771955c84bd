//! What may be asked of the tracks of a video.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{InvalidOption, by_name};

/// What is asked for of a video, beside what pictures have too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VideoOptions {
    /// The sound.
    pub audio: Audio,
    /// Subtitles and captions.
    pub subtitles: Subtitles,
    /// The codec of the result.
    pub codec: VideoCodec,
    /// How closely the result resembles the original outside of the masks.
    pub quality: Quality,
}

/// What is done with the sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audio {
    /// Every track is copied, bit for bit.
    #[default]
    Keep,
    /// Every track is as long as it was, and silent.
    Mute,
    /// There is none in the result.
    Strip,
}

impl Audio {
    /// Every value, for lists in messages and tests.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Mute, Self::Strip];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mute => "mute",
            Self::Strip => "strip",
        }
    }
}

impl FromStr for Audio {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("audio", Self::ALL, Self::as_str, text)
    }
}

/// What is done with subtitles and captions. They often name who is speaking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subtitles {
    /// There are none in the result.
    #[default]
    Drop,
    /// Every track is copied.
    Keep,
}

impl Subtitles {
    /// Every value, for lists in messages and tests.
    pub const ALL: [Self; 2] = [Self::Drop, Self::Keep];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for Subtitles {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("subtitles", Self::ALL, Self::as_str, text)
    }
}

/// How the pictures of the result are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    /// As they were, where there is an encoder for it; otherwise H.264, in WEBM VP9.
    #[default]
    Keep,
    /// H.264.
    H264,
    /// HEVC.
    Hevc,
}

impl VideoCodec {
    /// Every value, for lists in messages and tests.
    pub const ALL: [Self; 3] = [Self::Keep, Self::H264, Self::Hevc];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::H264 => "h264",
            Self::Hevc => "hevc",
        }
    }
}

impl FromStr for VideoCodec {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("codec", Self::ALL, Self::as_str, text)
    }
}

/// A constant rate factor as x264 and x265 count: 0 (no loss) to 51 (unwatchable).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(u8);

impl Quality {
    /// The largest factor.
    pub const MAX: u8 = 51;

    /// A factor from 0 to [`Self::MAX`].
    ///
    /// # Errors
    /// [`InvalidOption`] above it.
    pub fn new(crf: u8) -> Result<Self, InvalidOption> {
        if crf <= Self::MAX {
            return Ok(Self(crf));
        }
        let most = Self::MAX;
        Err(InvalidOption::new(
            "quality",
            format!("must be a whole number from 0 (best) to {most} (smallest)"),
        ))
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

impl TryFrom<u8> for Quality {
    type Error = InvalidOption;

    fn try_from(crf: u8) -> Result<Self, InvalidOption> {
        Self::new(crf)
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

impl FromStr for Quality {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        // What is no number of this size is none that is allowed either: the check words the error.
        Self::new(text.parse().unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_is_a_rate_factor_of_x264() {
        assert_eq!("0".parse(), Quality::new(0));
        assert_eq!("51".parse::<Quality>().unwrap().get(), 51);
        for wrong in ["52", "256", "-1", "21.5", "high", ""] {
            let error = wrong.parse::<Quality>().unwrap_err();
            assert_eq!(error.field, "quality");
            assert!(error.message.contains("0 (best) to 51"), "{error}");
        }
    }

    #[test]
    fn every_name_is_read_back() {
        for audio in Audio::ALL {
            assert_eq!(audio.as_str().parse(), Ok(audio));
        }
        for subtitles in Subtitles::ALL {
            assert_eq!(subtitles.as_str().parse(), Ok(subtitles));
        }
        for codec in VideoCodec::ALL {
            assert_eq!(codec.as_str().parse(), Ok(codec));
        }
        assert!("loud".parse::<Audio>().is_err());
    }
}
