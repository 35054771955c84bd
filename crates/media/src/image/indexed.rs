//! Pictures whose pixels are numbers into a list of colours: palettes, and gray with fewer than 8 bits.
//!
//! They stay what they are. A pixel outside the masks keeps its number. The colours of masks take the places in the palette
//! that no such pixel uses, the most frequent ones first, and the nearest colour stands in for the rest.

use std::collections::HashMap;

use crate::error::PictureError;
use crate::raster::{Channels, Raster, Samples, allocate, reserve};

/// Red, green, blue, alpha.
pub(super) type Color = [u8; 4];

/// A picture with a list of colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) width: u32,
    pub(super) height: u32,
    /// One a pixel, each less than the number of colours.
    indices: Vec<u8>,
    colors: Vec<Color>,
    /// As many colours as the depth of the file can number.
    colors_max: usize,
    channels: Channels,
}

impl Indexed {
    /// A picture with a palette. `bits` a pixel are 1 to 8. Numbers without a colour are black, as decoders take them.
    pub(super) fn with_palette(
        (width, height): (u32, u32),
        indices: Vec<u8>,
        mut colors: Vec<Color>,
        bits: u8,
    ) -> Self {
        let colors_max = 1 << bits;
        colors.truncate(colors_max);
        let used = indices.iter().max().map_or(1, |last| usize::from(*last) + 1);
        if colors.len() < used {
            colors.resize(used, [0, 0, 0, u8::MAX]);
        }
        let channels = if colors.iter().any(|color| color[3] < u8::MAX) {
            Channels::Rgba
        } else {
            Channels::Rgb
        };
        Self {
            width,
            height,
            indices,
            colors,
            colors_max,
            channels,
        }
    }

    /// A gray picture with 1, 2 or 4 bits a pixel, 0 for black.
    pub(super) fn gray((width, height): (u32, u32), indices: Vec<u8>, bits: u8) -> Self {
        let levels = 1u8 << bits.min(7);
        let color = |level: u8| {
            // The highest level is 255: 1, 3 and 15 divide it.
            let gray = level * (u8::MAX / (levels - 1));
            [gray, gray, gray, u8::MAX]
        };
        Self {
            width,
            height,
            indices,
            colors: (0..levels).map(color).collect(),
            colors_max: levels.into(),
            channels: Channels::Gray,
        }
    }

    pub(super) fn indices(&self) -> &[u8] {
        &self.indices
    }

    pub(super) fn colors(&self) -> &[Color] {
        &self.colors
    }

    pub(super) fn is_gray(&self) -> bool {
        self.channels == Channels::Gray
    }

    /// The picture in colours.
    pub(super) fn to_raster(&self) -> Result<Raster, PictureError> {
        let mut samples = reserve(self.indices.len() * self.channels.count())?;
        for index in &self.indices {
            let color = self.colors[usize::from(*index)];
            match self.channels {
                Channels::Gray => samples.push(color[0]),
                Channels::GrayAlpha => samples.extend([color[0], color[3]]),
                Channels::Rgb => samples.extend_from_slice(&color[..3]),
                Channels::Rgba => samples.extend_from_slice(&color),
            }
        }
        Ok(Raster {
            width: self.width,
            height: self.height,
            channels: self.channels,
            samples: Samples::Eight(samples),
        })
    }

    /// Takes over what has been drawn into the raster of this picture.
    pub(super) fn take_over(&mut self, drawn: &Raster) -> Result<(), PictureError> {
        let Samples::Eight(samples) = &drawn.samples else {
            return Err(PictureError::internal("a palette has been drawn on with 16 bits"));
        };
        let channels = self.channels;
        let pixels = || {
            samples.chunks_exact(channels.count()).map(|pixel| match *pixel {
                [gray] => [gray, gray, gray, u8::MAX],
                [gray, alpha] => [gray, gray, gray, alpha],
                [red, green, blue] => [red, green, blue, u8::MAX],
                [red, green, blue, alpha] => [red, green, blue, alpha],
                _ => [0; 4],
            })
        };
        let before = self.colors.clone();
        let mut used = [false; 256];
        let mut frequencies: HashMap<Color, u64> = HashMap::new();
        for (color, index) in pixels().zip(&self.indices) {
            if color == before[usize::from(*index)] {
                used[usize::from(*index)] = true;
            } else {
                *frequencies.entry(color).or_default() += 1;
            }
        }
        if !self.is_gray() {
            self.add(&frequencies, &mut used);
        }
        let numbers: HashMap<Color, u8> = frequencies
            .into_keys()
            .map(|color| (color, self.nearest(color)))
            .collect();
        for (color, index) in pixels().zip(&mut self.indices) {
            if color != before[usize::from(*index)]
                && let Some(nearest) = numbers.get(&color)
            {
                *index = *nearest;
            }
        }
        Ok(())
    }

    /// Gives the most frequent colours that are not there yet the places that are free.
    fn add(&mut self, frequencies: &HashMap<Color, u64>, used: &mut [bool; 256]) {
        let mut missing: Vec<(u64, Color)> = vec![];
        for (color, frequency) in frequencies {
            match self.colors.iter().position(|there| there == color) {
                Some(place) => used[place] = true,
                None => missing.push((*frequency, *color)),
            }
        }
        missing.sort_unstable_by(|a, b| b.cmp(a));
        let free = (0..self.colors_max).filter(|place| !used[*place]);
        for (place, (_, color)) in free.zip(missing) {
            match self.colors.get_mut(place) {
                Some(there) => *there = color,
                None => self.colors.push(color),
            }
        }
    }

    fn nearest(&self, color: Color) -> u8 {
        let distance = |other: &Color| -> u32 {
            let squares = color
                .iter()
                .zip(other)
                .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
            squares.sum()
        };
        let nearest = self
            .colors
            .iter()
            .enumerate()
            .min_by_key(|(_, other)| distance(other));
        // There are at most 256 colours.
        nearest.map_or(0, |(index, _)| u8::try_from(index).unwrap_or(u8::MAX))
    }
}

/// Reads rows of pixels with 1, 2, 4 or 8 bits, the first in the highest bits; each row takes `stride` bytes.
pub(super) fn unpack(
    rows: &[u8],
    (width, height): (u32, u32),
    bits: u8,
    stride: usize,
) -> Result<Vec<u8>, PictureError> {
    let (width, height) = (width as usize, height as usize);
    if stride < row_bytes(width, bits) || rows.len() < stride * height {
        return Err(PictureError::Truncated);
    }
    let mut indices = allocate(width * height)?;
    for (row, line) in rows.chunks_exact(stride).zip(indices.chunks_exact_mut(width)) {
        if bits == 8 {
            line.copy_from_slice(&row[..width]);
            continue;
        }
        let per_byte = usize::from(8 / bits);
        for (pixels, byte) in line.chunks_mut(per_byte).zip(row) {
            let mut byte = *byte;
            for pixel in pixels {
                *pixel = byte >> (8 - bits);
                byte <<= bits;
            }
        }
    }
    Ok(indices)
}

/// Writes one row of pixels with 1, 2, 4 or 8 bits, the first in the highest bits.
pub(super) fn pack(pixels: &[u8], bits: u8) -> impl Iterator<Item = u8> {
    let per_byte = usize::from(8 / bits);
    pixels.chunks(per_byte).map(move |pixels| {
        let packed = |byte: u8, (pixel, place): (&u8, u8)| byte | pixel << (8 - bits * place);
        pixels.iter().zip(1u8..).fold(0, packed)
    })
}

/// Bytes of a row of pixels with 1, 2, 4 or 8 bits.
pub(super) fn row_bytes(width: usize, bits: u8) -> usize {
    (width * usize::from(bits)).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(colors: usize, bits: u8) -> Indexed {
        let color = |i: usize| [u8::try_from(i).unwrap(), 0, 0, 255];
        let indices = (0..16).map(|i| u8::try_from(i % colors).unwrap()).collect();
        Indexed::with_palette((4, 4), indices, (0..colors).map(color).collect(), bits)
    }

    fn draw(raster: &mut Raster, pixel: usize, color: [u8; 3]) {
        let Samples::Eight(samples) = &mut raster.samples else {
            unreachable!("a palette has 8 bits");
        };
        samples[pixel * 3..][..3].copy_from_slice(&color);
    }

    #[test]
    fn colours_of_masks_take_the_free_places_and_are_approximated_after_that() {
        let mut indexed = picture(2, 2);
        // A place that nothing uses.
        indexed.colors.push([50, 50, 50, 255]);
        let before = indexed.clone();
        let mut raster = indexed.to_raster().unwrap();
        draw(&mut raster, 5, [9, 9, 9]);
        draw(&mut raster, 6, [9, 9, 9]);
        draw(&mut raster, 7, [1, 1, 0]);
        draw(&mut raster, 8, [99, 9, 9]);
        draw(&mut raster, 9, [99, 9, 9]);
        indexed.take_over(&raster).unwrap();
        assert_eq!(
            indexed.colors()[2..],
            [[99, 9, 9, 255], [9, 9, 9, 255]],
            "the more frequent ones"
        );
        assert_eq!(indexed.indices()[5..10], [3, 3, 1, 2, 2]);
        let others = |indexed: &Indexed| [&indexed.indices[..5], &indexed.indices[10..]].concat();
        assert_eq!(others(&indexed), others(&before));
    }

    #[test]
    fn a_number_without_a_colour_is_black() {
        let indexed = Indexed::with_palette((2, 1), vec![0, 3], vec![[7, 7, 7, 255]], 2);
        let Samples::Eight(samples) = indexed.to_raster().unwrap().samples else {
            unreachable!("a palette has 8 bits");
        };
        assert_eq!(samples, [7, 7, 7, 0, 0, 0]);
    }

    #[test]
    fn gray_goes_from_black_to_white() {
        for (bits, levels) in [(1u8, 2usize), (2, 4), (4, 16)] {
            let gray = Indexed::gray((1, 1), vec![0], bits);
            assert_eq!(gray.colors().len(), levels);
            assert_eq!(gray.colors()[0], [0, 0, 0, 255]);
            assert_eq!(gray.colors()[levels - 1], [255; 4]);
        }
    }

    proptest! {
        #[test]
        fn rows_are_packed_and_unpacked(
            bits in prop::sample::select(vec![1u8, 2, 4, 8]), width in 1usize..20, height in 1usize..4, seed in any::<u8>(), padding in 0usize..3,
        ) {
            let mask = u8::MAX >> (8 - bits);
            let indices: Vec<u8> = (0..width * height).map(|i| (i as u8).wrapping_mul(seed) & mask).collect();
            let rows: Vec<u8> = indices.chunks(width).flat_map(|row| pack(row, bits).chain(vec![0; padding])).collect();
            let size = (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
            let stride = row_bytes(width, bits) + padding;
            prop_assert_eq!(unpack(&rows, size, bits, stride).unwrap(), indices);
            prop_assert!(unpack(&rows[1..], size, bits, stride).is_err());
        }
    }
}
