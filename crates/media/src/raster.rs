//! Decoded pixels, in the depth and with the channels that the file has.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::PictureError;
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

/// A part of a picture: whole pixels, with the first column and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Rect {
    /// All of a picture.
    pub(crate) const fn whole(width: u32, height: u32) -> Self {
        Self {
            x: 0,
            y: 0,
            width,
            height,
        }
    }

    /// Whether it lies in a picture of the given size and has at least one pixel.
    pub(crate) fn lies_in(self, width: u32, height: u32) -> bool {
        let ends = |start: u32, length: u32, end: u32| {
            length > 0 && start.checked_add(length).is_some_and(|last| last <= end)
        };
        ends(self.x, self.width, width) && ends(self.y, self.height, height)
    }

    /// For each of its rows the range of samples in a picture of the given width.
    pub(crate) fn rows(self, width: u32, channels: usize) -> impl Iterator<Item = Range<usize>> {
        let count = self.width as usize * channels;
        (self.y..self.y + self.height).map(move |row| {
            let start = (row as usize * width as usize + self.x as usize) * channels;
            start..start + count
        })
    }
}

/// Memory for as many samples, all zero. A size that comes from a file must not end the process.
pub(crate) fn allocate<T: Copy + Default>(count: usize) -> Result<Vec<T>, PictureError> {
    let mut samples = reserve(count)?;
    samples.resize(count, T::default());
    Ok(samples)
}

/// Memory for as many samples, none of them there.
pub(crate) fn reserve<T>(count: usize) -> Result<Vec<T>, PictureError> {
    let mut samples = Vec::new();
    samples
        .try_reserve_exact(count)
        .map_err(|_| PictureError::Memory)?;
    Ok(samples)
}

/// The smallest part outside of which two pictures of one size are the same; `None` where they are the same everywhere.
pub(crate) fn changed<T: PartialEq>(before: &[T], after: &[T], width: u32, channels: usize) -> Option<Rect> {
    let stride = width as usize * channels;
    let rows = || before.chunks_exact(stride).zip(after.chunks_exact(stride));
    let first = rows().position(|(a, b)| a != b)?;
    let mut last = first;
    let (mut left, mut right) = (stride, 0);
    for (y, (a, b)) in rows().enumerate().skip(first) {
        let differs = |(a, b): (&T, &T)| a != b;
        let Some(start) = a.iter().zip(b).position(differs) else {
            continue;
        };
        let end = a.iter().zip(b).rposition(differs).unwrap_or(start);
        (left, right, last) = (left.min(start), right.max(end), y);
    }
    // Columns and rows of a picture, whose sides are u32.
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let (left, right) = (left / channels, right / channels);
    Some(Rect {
        x: number(left),
        y: number(first),
        width: number(right - left + 1),
        height: number(last - first + 1),
    })
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
    fn what_has_changed_lies_in_a_rectangle() {
        let before = [0u8; 5 * 4 * 2];
        let at = |points: &[(usize, usize)]| {
            let mut after = before;
            points.iter().for_each(|(x, y)| after[(y * 5 + x) * 2 + 1] = 1);
            changed(&before, &after, 5, 2)
        };
        assert_eq!(at(&[]), None);
        let rect = |x, y, width, height| Some(Rect { x, y, width, height });
        assert_eq!(at(&[(4, 3)]), rect(4, 3, 1, 1));
        assert_eq!(at(&[(3, 1), (1, 2), (2, 3)]), rect(1, 1, 3, 3));
        assert_eq!(at(&[(0, 0), (4, 3)]), Some(Rect::whole(5, 4)));
    }

    #[test]
    fn a_part_that_overflows_lies_nowhere() {
        let rect = |x, width| Rect {
            x,
            y: 0,
            width,
            height: 1,
        };
        assert!(rect(2, 3).lies_in(5, 1));
        for outside in [rect(3, 3), rect(5, 1), rect(0, 0), rect(u32::MAX, 2)] {
            assert!(!outside.lies_in(5, 1), "{outside:?}");
        }
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
