//! How a detection is hidden.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{InvalidOption, by_name};

/// How a detection is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// What stands in the region afterwards.
    pub style: MaskStyle,
    /// Width of the soft edge around the region, as a fraction of the region's size.
    pub smooth_padding: SmoothPadding,
    /// By how much of its width and height a bounding box grows on each side before it is hidden.
    #[serde(default)]
    pub growth: MaskGrowth,
    /// The shape of a hidden region; `None` is an ellipse for a face and the quadrilateral of its corners for a plate.
    #[serde(default)]
    pub shape: Option<MaskShape>,
}

impl Default for Mask {
    fn default() -> Self {
        Self {
            style: MaskStyle::Blur,
            smooth_padding: SmoothPadding::default(),
            growth: MaskGrowth::default(),
            shape: None,
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

/// The shape of a hidden region. Each of them covers the grown bounding box at least as far as the thing itself goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskShape {
    /// An ellipse with fuller corners around the grown box.
    Ellipse,
    /// The grown box.
    Box,
    /// The quadrilateral of the corners, where the detector gives them, otherwise the grown box.
    Quad,
}

impl MaskShape {
    /// Every shape, for lists in messages and tests.
    pub const ALL: [Self; 3] = [Self::Ellipse, Self::Box, Self::Quad];

    /// The name on the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ellipse => "ellipse",
            Self::Box => "box",
            Self::Quad => "quad",
        }
    }
}

impl FromStr for MaskShape {
    type Err = InvalidOption;

    fn from_str(text: &str) -> Result<Self, InvalidOption> {
        by_name("mask_shape", Self::ALL, Self::as_str, text)
    }
}

/// By how much of its width and height a box grows on each side: 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct MaskGrowth(f64);

impl MaskGrowth {
    /// Checks the range.
    ///
    /// # Errors
    /// [`InvalidOption`] outside 0 to 1.
    pub fn new(fraction: f64) -> Result<Self, InvalidOption> {
        if (0.0..=1.0).contains(&fraction) {
            Ok(Self(fraction))
        } else {
            Err(InvalidOption::new("mask_growth", "must be a number from 0 to 1"))
        }
    }

    /// The fraction.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Default for MaskGrowth {
    /// 0.15
    fn default() -> Self {
        Self(0.15)
    }
}

impl TryFrom<f64> for MaskGrowth {
    type Error = InvalidOption;
    fn try_from(fraction: f64) -> Result<Self, InvalidOption> {
        Self::new(fraction)
    }
}

impl From<MaskGrowth> for f64 {
    fn from(growth: MaskGrowth) -> Self {
        growth.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_every_usual_spelling() {
        for text in ["#ff8800", "FF8800", "#f80", "F80"] {
            assert_eq!(text.parse::<Color>().unwrap().rgb, [255, 136, 0], "{text}");
        }
        for text in ["", "#ff88", "#gggggg", "red", "#ff880011"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }
}
