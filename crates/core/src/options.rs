//! What may be asked for.

mod area;
mod detection;
mod mask;
mod video;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use area::{Area, Polygon, Region};
pub use detection::{ConfidenceThreshold, DetectionOptions, Profile};
pub use mask::{Color, Mask, MaskGrowth, MaskShape, MaskStyle, PixelCount, SmoothPadding};
pub use video::{Audio, Quality, Subtitles, VideoCodec, VideoOptions};

/// An option has a value that is not allowed. The message names what is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct InvalidOption {
    /// The field as the API names it, e.g. `blur_type.hex_color`.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl InvalidOption {
    /// Names the field and the reason.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// What a client asks to be done with one upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymizeOptions {
    /// Find and hide faces.
    pub faces: bool,
    /// Find and hide licence plates.
    pub plates: bool,
    /// Also produce the detections document.
    pub detections_document: bool,
    /// How hard is looked, and from which confidence a detection counts.
    #[serde(default)]
    pub detection: DetectionOptions,
    /// Only detections whose centre lies inside one of these are hidden; none of them is the whole picture.
    #[serde(default)]
    pub included_area: Vec<Region>,
    /// Detections whose centre lies inside one of these are left alone.
    #[serde(default)]
    pub excluded_area: Vec<Region>,
    /// How detections are hidden.
    pub mask: Mask,
    /// What of the original's metadata the result has.
    #[serde(default)]
    pub metadata: MetadataPolicy,
    /// What is done with the tracks of a video.
    #[serde(default)]
    pub video: VideoOptions,
    /// What an archive may hold beside pictures and videos.
    #[serde(default)]
    pub other_entries: OtherEntries,
}

impl Default for AnonymizeOptions {
    fn default() -> Self {
        Self {
            faces: true,
            plates: true,
            detections_document: false,
            detection: DetectionOptions::default(),
            included_area: vec![],
            excluded_area: vec![],
            mask: Mask::default(),
            metadata: MetadataPolicy::default(),
            video: VideoOptions::default(),
            other_entries: OtherEntries::default(),
        }
    }
}

/// What becomes of an archive's entries that are neither pictures nor videos. They are in no result: nobody has looked
/// at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtherEntries {
    /// They are reported as errors.
    #[default]
    Error,
    /// They are left out, and the report says so.
    Omit,
}

impl OtherEntries {
    /// Every value, for lists in messages and tests.
    pub const ALL: [Self; 2] = [Self::Error, Self::Omit];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Omit => "omit",
        }
    }
}

impl FromStr for OtherEntries {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("other_entries", Self::ALL, Self::as_str, text)
    }
}

/// What of the original's metadata (EXIF, XMP, IPTC, comments) the result has. Embedded pictures, such as thumbnails, and
/// data behind the end of a picture never survive, under any policy: they show what the masks hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetadataPolicy {
    /// Nothing but what a picture needs to look the same: the colour profile and the orientation.
    Strip,
    /// That, and what says nothing about persons, devices or places: the resolution.
    #[default]
    Safe,
    /// Everything but embedded pictures and what cannot be searched for them, such as maker notes.
    Keep,
}

impl MetadataPolicy {
    /// Every policy, for lists in messages and tests.
    pub const ALL: [Self; 3] = [Self::Strip, Self::Safe, Self::Keep];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strip => "strip",
            Self::Safe => "safe",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for MetadataPolicy {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("metadata", Self::ALL, Self::as_str, text)
    }
}

/// The value of this name among all there are.
fn by_name<T: Copy, const N: usize>(
    field: &'static str,
    all: [T; N],
    name: fn(T) -> &'static str,
    text: &str,
) -> Result<T, InvalidOption> {
    all.into_iter().find(|value| name(*value) == text).ok_or_else(|| {
        let names = all.map(name);
        InvalidOption::new(field, format!("`{text}` is none of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_database() {
        let options = AnonymizeOptions {
            included_area: vec![Area::new(0.0, 0.5, 0.25, 1.0).unwrap().into()],
            excluded_area: vec![
                Polygon::new(vec![[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
                    .unwrap()
                    .into(),
            ],
            detection: DetectionOptions {
                profile: Profile::Thorough,
                faces: Some(ConfidenceThreshold::new(0.25).unwrap()),
                plates: None,
            },
            metadata: MetadataPolicy::Keep,
            mask: Mask {
                style: MaskStyle::Opaque("#102030".parse().unwrap()),
                smooth_padding: SmoothPadding::new(0.2).unwrap(),
                growth: MaskGrowth::new(0.5).unwrap(),
                shape: Some(MaskShape::Box),
            },
            ..AnonymizeOptions::default()
        };
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<AnonymizeOptions>(&text).unwrap(), options);
    }
}
