//! Decoded pixels, in the depth and with the channels that the file has.

use std::borrow::Cow;

use crate::orientation::Orientation;

/// What a pixel consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Luminance.
    Gray,
    /// Luminance and alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    /// Samples a pixel.
    pub(crate) const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Samples a pixel without alpha.
    pub(crate) const fn colors(self) -> usize {
        match self {
            Self::Gray | Self::GrayAlpha => 1,
            Self::Rgb | Self::Rgba => 3,
        }
    }

    /// Whether the last sample of a pixel is alpha.
    pub(crate) const fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }
}

/// The samples, row by row, the channels of a pixel next to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Samples {
    /// 8 bits, 0 to 255.
    Eight(Vec<u8>),
    /// 16 bits, 0 to 65,535.
    Sixteen(Vec<u16>),
}

/// A picture in memory, as it is stored (before EXIF orientation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    /// Width in pixels.
    pub(crate) width: u32,
    /// Height in pixels.
    pub(crate) height: u32,
    /// What a pixel consists of.
    pub(crate) channels: Channels,
    /// `width * height * channels.count()` samples.
    pub(crate) samples: Samples,
}

impl Raster {
    /// The picture as displayed in RGB with 8 bits, for the detectors; its size is `orientation.upright_size(…)`. Alpha is
    /// ignored, so that a face that hides under transparent pixels is found too.
    pub(crate) fn upright_rgb8(&self, orientation: Orientation) -> Cow<'_, [u8]> {
        match &self.samples {
            Samples::Eight(samples)
                if self.channels == Channels::Rgb && orientation == Orientation::UPRIGHT =>
            {
                Cow::Borrowed(samples)
            }
            Samples::Eight(samples) => Cow::Owned(self.turn(samples, orientation, |sample| sample)),
            Samples::Sixteen(samples) => {
                Cow::Owned(self.turn(samples, orientation, |sample| sample.to_be_bytes()[0]))
            }
        }
    }

    fn turn<T: Copy>(&self, samples: &[T], orientation: Orientation, to_8_bits: impl Fn(T) -> u8) -> Vec<u8> {
        let count = self.channels.count();
        let mut rgb = Vec::with_capacity(samples.len() / count * 3);
        for index in orientation.stored_indices(self.width, self.height) {
            let pixel = &samples[index * count..];
            rgb.extend_from_slice(&match self.channels.colors() {
                1 => [to_8_bits(pixel[0]); 3],
                _ => [to_8_bits(pixel[0]), to_8_bits(pixel[1]), to_8_bits(pixel[2])],
            });
        }
        rgb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_for_detectors_is_upright_and_has_three_channels_of_8_bits() {
        let raster = Raster {
            width: 2,
            height: 1,
            channels: Channels::GrayAlpha,
            samples: Samples::Sixteen(vec![0x1234, 0, 0xABCD, 0xFFFF]),
        };
        assert_eq!(
            *raster.upright_rgb8(Orientation::UPRIGHT),
            [0x12, 0x12, 0x12, 0xAB, 0xAB, 0xAB]
        );
        assert_eq!(
            *raster.upright_rgb8(Orientation::from_exif(2)),
            [0xAB, 0xAB, 0xAB, 0x12, 0x12, 0x12]
        );
    }

    #[test]
    fn an_upright_rgb_picture_is_not_copied() {
        let raster = Raster {
            width: 1,
            height: 1,
            channels: Channels::Rgb,
            samples: Samples::Eight(vec![1, 2, 3]),
        };
        assert!(matches!(
            raster.upright_rgb8(Orientation::UPRIGHT),
            Cow::Borrowed(_)
        ));
    }
}
