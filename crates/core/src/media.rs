//! What may be uploaded and what may be asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A picture, a video, or an archive of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// One picture.
    Picture,
}

/// A format that Sfumato reads and answers in. The content decides which, never the name or the declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaFormat {
    /// JPEG (ITU-T T.81).
    Jpeg,
    /// PNG (ISO/IEC 15948).
    Png,
}

impl MediaFormat {
    /// Every format, for lists in messages and tests.
    pub const ALL: [MediaFormat; 2] = [MediaFormat::Jpeg, MediaFormat::Png];

    /// The bytes that [`MediaFormat::sniff`] wants to see at least, where the file has them.
    pub const SNIFF_BYTES: usize = 16;

    /// Recognises a format by the first bytes of the content; `None` for anything that is not supported.
    pub fn sniff(first_bytes: &[u8]) -> Option<Self> {
        match first_bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            _ => None,
        }
    }

    /// The kind of media.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png => MediaKind::Picture,
        }
    }

    /// The extension of result names, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The media type (RFC 6838).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// The name in the database and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
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
    /// Only detections whose centre lies inside are hidden; `None` is the whole picture.
    pub included_area: Option<Area>,
    /// How detections are hidden.
    pub mask: Mask,
}

impl Default for AnonymizeOptions {
    fn default() -> Self {
        Self {
            faces: true,
            plates: true,
            detections_document: false,
            included_area: None,
            mask: Mask::default(),
        }
    }
}

/// A rectangle in fractions of the width and height of the picture as it is displayed (after EXIF orientation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawArea")]
pub struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArea {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl TryFrom<RawArea> for Area {
    type Error = InvalidOption;

    fn try_from(raw: RawArea) -> Result<Self, InvalidOption> {
        Self::new(raw.left, raw.right, raw.top, raw.bottom)
    }
}

impl Area {
    /// Checks that 0 ≤ left < right ≤ 1 and 0 ≤ top < bottom ≤ 1.
    ///
    /// # Errors
    /// [`InvalidOption`] that names the rule which is broken.
    pub fn new(left: f64, right: f64, top: f64, bottom: f64) -> Result<Self, InvalidOption> {
        let ordered = |low: f64, high: f64| 0.0 <= low && low < high && high <= 1.0;
        if !ordered(left, right) {
            return Err(InvalidOption::new(
                "included_area",
                "must have 0 <= left < right <= 1",
            ));
        }
        if !ordered(top, bottom) {
            return Err(InvalidOption::new(
                "included_area",
                "must have 0 <= top < bottom <= 1",
            ));
        }
        Ok(Self {
            left,
            right,
            top,
            bottom,
        })
    }

    /// Whether a point, in the same fractions, lies inside or on the border.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.left <= x && x <= self.right && self.top <= y && y <= self.bottom
    }

    /// Left, right, top, bottom.
    pub const fn edges(&self) -> [f64; 4] {
        [self.left, self.right, self.top, self.bottom]
    }
}

/// How a detection is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// What stands in the region afterwards.
    pub style: MaskStyle,
    /// Width of the soft edge around the region, as a fraction of the region's size.
    pub smooth_padding: SmoothPadding,
}

impl Default for Mask {
    fn default() -> Self {
        Self {
            style: MaskStyle::Blur,
            smooth_padding: SmoothPadding::default(),
        }
    }
}

/// What stands in a hidden region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskStyle {
    /// A blur that cannot be undone: few cells with noise, then smoothed.
    Blur,
    /// One colour.
    Opaque(Color),
    /// A mosaic.
    Pixelate(PixelCount),
}

/// An RGB colour, written `#rrggbb`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    /// Red, green, blue, 0 to 255.
    pub rgb: [u8; 3],
}

impl FromStr for Color {
    type Err = InvalidOption;

    /// Reads `#rrggbb` or `#rgb`, in any case, with or without the `#`.
    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        let wrong = || {
            InvalidOption::new(
                "blur_type.hex_color",
                format!("`{text}` is not a colour of the form #rrggbb or #rgb"),
            )
        };
        let digits = text.strip_prefix('#').unwrap_or(text);
        let values: Vec<u8> = digits
            .chars()
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let rgb = match values[..] {
            [r, g, b] => [r * 17, g * 17, b * 17],
            [a, b, c, d, e, f] => [a * 16 + b, c * 16 + d, e * 16 + f],
            _ => return Err(wrong()),
        };
        Ok(Self { rgb })
    }
}

impl TryFrom<String> for Color {
    type Error = InvalidOption;
    fn try_from(text: String) -> Result<Self, InvalidOption> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        let [r, g, b] = color.rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// Cells of a mosaic across the longer side of a region: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PixelCount(u32);

impl PixelCount {
    /// Checks the range.
    ///
    /// # Errors
    /// [`InvalidOption`] outside 1 to 100.
    pub fn new(count: u32) -> Result<Self, InvalidOption> {
        if (1..=100).contains(&count) {
            Ok(Self(count))
        } else {
            Err(InvalidOption::new(
                "blur_type.num_pixels",
                "must be a whole number from 1 to 100",
            ))
        }
    }

    /// The count.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for PixelCount {
    fn default() -> Self {
        Self(10)
    }
}

impl TryFrom<u32> for PixelCount {
    type Error = InvalidOption;
    fn try_from(count: u32) -> Result<Self, InvalidOption> {
        Self::new(count)
    }
}

impl From<PixelCount> for u32 {
    fn from(count: PixelCount) -> Self {
        count.0
    }
}

/// Width of a soft edge as a fraction of the region's size: 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct SmoothPadding(f64);

impl SmoothPadding {
    /// Checks the range.
    ///
    /// # Errors
    /// [`InvalidOption`] outside 0 to 1.
    pub fn new(fraction: f64) -> Result<Self, InvalidOption> {
        if (0.0..=1.0).contains(&fraction) {
            Ok(Self(fraction))
        } else {
            Err(InvalidOption::new(
                "blur_type.smooth_padding",
                "must be a number from 0 to 1",
            ))
        }
    }

    /// The fraction.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for SmoothPadding {
    type Error = InvalidOption;
    fn try_from(fraction: f64) -> Result<Self, InvalidOption> {
        Self::new(fraction)
    }
}

impl From<SmoothPadding> for f64 {
    fn from(padding: SmoothPadding) -> Self {
        padding.0
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
        assert_eq!(MediaFormat::sniff(b"<html>"), None);
        assert_eq!(MediaFormat::sniff(b""), None);
    }

    #[test]
    fn colours_are_read_in_every_usual_spelling() {
        for text in ["#ff8800", "FF8800", "#f80", "F80"] {
            assert_eq!(text.parse::<Color>().unwrap().rgb, [255, 136, 0], "{text}");
        }
        for text in ["", "#ff88", "#gggggg", "red", "#ff880011"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_area_must_be_ordered_and_inside_the_picture() {
        assert!(Area::new(0.0, 0.5, 0.0, 1.0).is_ok());
        for [l, r, t, b] in [
            [0.5, 0.5, 0.0, 1.0],
            [-0.1, 0.5, 0.0, 1.0],
            [0.0, 1.1, 0.0, 1.0],
            [0.0, 1.0, f64::NAN, 1.0],
        ] {
            assert!(Area::new(l, r, t, b).is_err());
        }
    }

    #[test]
    fn options_survive_the_database() {
        let options = AnonymizeOptions {
            included_area: Some(Area::new(0.0, 0.5, 0.25, 1.0).unwrap()),
            mask: Mask {
                style: MaskStyle::Opaque("#102030".parse().unwrap()),
                smooth_padding: SmoothPadding::new(0.2).unwrap(),
            },
            ..AnonymizeOptions::default()
        };
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<AnonymizeOptions>(&text).unwrap(), options);
    }
}
