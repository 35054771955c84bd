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
            _ => Cow::Owned(self.turn(orientation, |color, _| color)),
        }
    }

    /// The picture like [`Self::upright_rgb8`], but as it looks over a gray backdrop: alpha can carry a face that the colours
    /// do not show.
    pub(crate) fn upright_rgb8_over(&self, backdrop: u8, orientation: Orientation) -> Vec<u8> {
        self.turn(orientation, |color, alpha| {
            let mixed = u16::from(color) * u16::from(alpha) + u16::from(backdrop) * u16::from(255 - alpha);
            // A mean of two bytes is a byte.
            (mixed / 255).to_be_bytes()[1]
        })
    }

    /// Whether anything behind the picture can be seen through it.
    pub(crate) fn is_translucent(&self) -> bool {
        let count = self.channels.count();
        let has_alpha = self.channels.has_alpha();
        has_alpha
            && match &self.samples {
                Samples::Eight(samples) => samples
                    .iter()
                    .skip(count - 1)
                    .step_by(count)
                    .any(|alpha| *alpha < u8::MAX),
                Samples::Sixteen(samples) => samples
                    .iter()
                    .skip(count - 1)
                    .step_by(count)
                    .any(|alpha| *alpha < u16::MAX),
            }
    }

    /// Turns the picture upright; `shade` makes a sample with 8 bits of a colour and of alpha.
    fn turn(&self, orientation: Orientation, shade: impl Fn(u8, u8) -> u8) -> Vec<u8> {
        match &self.samples {
            Samples::Eight(samples) => self.turn_samples(samples, orientation, |sample| sample, shade),
            Samples::Sixteen(samples) => {
                self.turn_samples(samples, orientation, |sample| sample.to_be_bytes()[0], shade)
            }
        }
    }

    fn turn_samples<T: Copy>(
        &self,
        samples: &[T],
        orientation: Orientation,
        to_8_bits: impl Fn(T) -> u8,
        shade: impl Fn(u8, u8) -> u8,
    ) -> Vec<u8> {
        let count = self.channels.count();
        let mut rgb = Vec::with_capacity(samples.len() / count * 3);
        for index in orientation.stored_indices(self.width, self.height) {
            let pixel = &samples[index * count..][..count];
            let alpha = if self.channels.has_alpha() {
                to_8_bits(pixel[count - 1])
            } else {
                u8::MAX
            };
            let sample = |channel: usize| shade(to_8_bits(pixel[channel]), alpha);
            rgb.extend_from_slice(&match self.channels.colors() {
                1 => [sample(0); 3],
                _ => [sample(0), sample(1), sample(2)],
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
    fn a_backdrop_shines_through_where_alpha_lets_it() {
        let raster = |alpha| Raster {
            width: 2,
            height: 1,
            channels: Channels::GrayAlpha,
            samples: Samples::Eight(vec![100, 255, 50, alpha]),
        };
        assert_eq!(
            raster(0).upright_rgb8_over(255, Orientation::UPRIGHT),
            [100, 100, 100, 255, 255, 255]
        );
        assert_eq!(raster(51).upright_rgb8_over(0, Orientation::UPRIGHT)[3], 10);
        assert!(raster(254).is_translucent() && !raster(255).is_translucent());
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
