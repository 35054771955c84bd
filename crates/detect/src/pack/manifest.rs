//! What stands in a `pack.toml`, checked.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sfumato_core::detection::Class;
use sfumato_core::options::{ConfidenceThreshold, Profile};
use sha2::Digest;

use crate::calibration::Calibration;
use crate::family::{Encoding, Family};

/// Characters of a name at most.
const NAME_CHARS_MAX: usize = 64;

/// Characters of a version, a licence or a source at most.
const TEXT_CHARS_MAX: usize = 500;

/// The long side of a look in pixels: below, nothing is left of a face; above, the input alone takes a gigabyte.
const LONG_SIDE_PX: std::ops::RangeInclusive<u32> = 64..=8192;

/// A manifest.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) name: Name,
    pub(crate) version: Text,
    /// The licence of models that name none of their own.
    pub(crate) licence: Text,
    /// The source of models that name none of their own.
    pub(crate) source: Text,
    #[serde(rename = "model")]
    pub(crate) models: Vec<ModelEntry>,
}

/// A model as a manifest describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelEntry {
    /// The name by which detections and logs call it.
    pub(crate) name: Name,
    /// The file, relative to the folder of the pack.
    pub(crate) file: RelativePath,
    /// The hash of the file.
    pub(crate) sha256: Sha256,
    pub(crate) family: Family,
    /// What it finds.
    pub(crate) class: Class,
    /// How it wants its samples; the family's way where nothing is said.
    pub(crate) encoding: Option<Encoding>,
    pub(crate) licence: Option<Text>,
    pub(crate) source: Option<Text>,
    /// Whether nodes that scale to a computed size double height and width.
    #[serde(default)]
    pub(crate) resize_doubles: bool,
    /// The score, on the model's own scale, from which a detection counts in the balanced profile.
    pub(crate) threshold: ConfidenceThreshold,
    /// The built-in model that is not used beside this one.
    pub(crate) replaces: Option<Name>,
    #[serde(default, rename = "look")]
    pub(crate) looks: Vec<Look>,
}

impl ModelEntry {
    /// From its score to the confidence of its class.
    pub(crate) const fn calibration(&self) -> Calibration {
        Calibration::new(self.class, self.threshold.get())
    }

    /// How it wants its samples.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding.unwrap_or(self.family.encoding())
    }

    /// The profiles in which it looks, each once.
    pub(crate) fn profiles(&self) -> Vec<Profile> {
        let looks_in = |profile: &Profile| self.looks.iter().any(|look| look.profiles.contains(profile));
        Profile::ALL.into_iter().filter(looks_in).collect()
    }
}

/// How a model looks at a picture.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    /// In which profiles.
    pub(crate) profiles: Vec<Profile>,
    /// The length to which the long side of the picture is scaled.
    pub(crate) long_side_px: LongSide,
    /// Whether it looks at the mirror image: what it sees there differs enough to be a second opinion.
    #[serde(default)]
    pub(crate) flipped: bool,
    /// The smallest pictures that it is taken at: those with at least as many pixels as one of 16 to 9 with this long side. It
    /// does not scale them up. All pictures where nothing is said.
    pub(crate) pictures_from_px: Option<LongSide>,
}

impl Manifest {
    /// Parses and checks a manifest.
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let manifest: Self = toml::from_str(text)?;
        let error = |message: &str| Err(serde::de::Error::custom(message));
        if manifest.models.is_empty() {
            return error("a pack has at least one [[model]]");
        }
        for (index, model) in manifest.models.iter().enumerate() {
            if manifest.models[..index]
                .iter()
                .any(|other| other.name == model.name)
            {
                return error(&format!("two models are called {}", model.name));
            }
            if model.looks.is_empty() {
                return error(&format!(
                    "{} has no [[model.look]]: it would never be used",
                    model.name
                ));
            }
        }
        Ok(manifest)
    }
}

/// The name of a pack or a model: small letters, digits, dots, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.bytes().all(fits) {
            Ok(Self(name))
        } else {
            Err(format!(
                "a name has 1 to {NAME_CHARS_MAX} small letters, digits, dots, hyphens and underscores"
            ))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text for people, on one line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_one_line = !text.chars().any(char::is_control);
        if !text.trim().is_empty() && text.chars().count() <= TEXT_CHARS_MAX && is_one_line {
            Ok(Self(text))
        } else {
            Err(format!("a text has 1 to {TEXT_CHARS_MAX} characters on one line"))
        }
    }
}

/// A path that stays within its folder, as far as it can be told without looking.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
pub(crate) struct RelativePath(PathBuf);

impl RelativePath {
    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for RelativePath {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, String> {
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if is_plain && path.file_name().is_some() {
            Ok(Self(path))
        } else {
            Err(format!("{} leads out of the folder of the pack", path.display()))
        }
    }
}

/// The hash of a file.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Sha256([u8; 32]);

impl Sha256 {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl TryFrom<String> for Sha256 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "a sha256 is 64 hexadecimal digits";
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(WRONG);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(WRONG);
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
            // Two digits make a number below 256.
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The long side of a look in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub(crate) struct LongSide(u32);

impl LongSide {
    pub(crate) const fn px(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for LongSide {
    type Error = String;

    fn try_from(px: u32) -> Result<Self, String> {
        let (min, max) = LONG_SIDE_PX.into_inner();
        if (min..=max).contains(&px) {
            Ok(Self(px))
        } else {
            Err(format!("the long side of a look is {min} to {max} pixels"))
        }
    }
}

impl From<LongSide> for u32 {
    fn from(long_side: LongSide) -> Self {
        long_side.0
    }
}
