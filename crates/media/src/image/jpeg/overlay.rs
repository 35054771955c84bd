//! What masks lay over the blocks of each component.

use std::ops::Range;

use super::color::ColorSpace;
use super::dct::{self, Block, SIDE};
use super::read::Component;
use crate::error::PictureError;
use crate::raster::Channels;

/// What is laid over a sample: opacity from 0 to 1, and the value, multiplied by it.
pub(super) type Cover = (f32, f32);

pub(super) fn lay_over_block(block: &mut Block, component: &Component, cover: &[Option<Cover>; 64]) {
    let is_opaque = cover.iter().all(|cover| matches!(cover, Some((1.0, _))));
    let mut samples = if is_opaque {
        [0.0; 64]
    } else {
        dct::inverse(block, &component.table)
    };
    for (sample, cover) in samples.iter_mut().zip(cover) {
        if let Some((opacity, value)) = cover {
            *sample = *sample * (1.0 - opacity) + value;
        }
    }
    // Encoders fill blocks up with what lies at the border, which nobody sees and everybody can read. So it is filled anew.
    let inside = |i: usize| cover[i].is_some();
    let (columns, rows) = (
        (0..SIDE).take_while(|x| inside(*x)).count(),
        (0..SIDE).take_while(|y| inside(y * SIDE)).count(),
    );
    for i in 0..samples.len() {
        let (x, y) = (i % SIDE, i / SIDE);
        samples[i] = samples[y.min(rows - 1) * SIDE + x.min(columns - 1)];
    }
    *block = dct::forward(&samples, &component.table);
}

/// Which pixels a sample stands for.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    factor: usize,
    factor_max: usize,
}

impl Scale {
    pub(super) const fn new(factor: usize, factor_max: usize) -> Self {
        Self { factor, factor_max }
    }

    /// The pixels below `size`; none for a sample outside of the picture.
    pub(super) fn pixels(self, sample: usize, size: usize) -> Range<usize> {
        let start = (sample * self.factor_max / self.factor).min(size);
        start..((sample + 1) * self.factor_max).div_ceil(self.factor).min(size)
    }
}

/// What is to be laid over the pixels of a window, in the components of the picture.
pub(super) struct Overlay {
    /// For each pixel the values of all components, and the opacity. Values mean nothing where that is 0.
    samples: Vec<u8>,
    /// Width and height in pixels.
    pub(super) size: (usize, usize),
    components: usize,
}

impl Overlay {
    /// From colours that are multiplied by the opacity that the last channel holds.
    pub(super) fn new(
        samples: Vec<u8>,
        channels: Channels,
        size: (usize, usize),
        space: ColorSpace,
    ) -> Result<Self, PictureError> {
        // The space is a constant in each of these calls, so that it is not asked for pixel by pixel.
        let samples = match space {
            ColorSpace::Gray => convert(samples, channels, space, |rgb| ColorSpace::Gray.of_rgb(rgb)),
            ColorSpace::YCbCr => convert(samples, channels, space, |rgb| ColorSpace::YCbCr.of_rgb(rgb)),
            ColorSpace::Rgb => convert(samples, channels, space, |rgb| ColorSpace::Rgb.of_rgb(rgb)),
            ColorSpace::Cmyk => convert(samples, channels, space, |rgb| ColorSpace::Cmyk.of_rgb(rgb)),
            ColorSpace::Ycck => convert(samples, channels, space, |rgb| ColorSpace::Ycck.of_rgb(rgb)),
        }?;
        Ok(Self {
            samples,
            size,
            components: space.components(),
        })
    }

    /// What is to be laid over a block whose samples stand for the given columns and rows of pixels; for samples outside of
    /// the picture there is nothing. `None` where no mask touches the block.
    pub(super) fn cover(
        &self,
        component: usize,
        columns: &[Range<usize>; SIDE],
        rows: &[Range<usize>; SIDE],
    ) -> Option<[Option<Cover>; 64]> {
        let stride = self.components + 1;
        let opacities = |columns: &Range<usize>, row: usize| {
            let start = row * self.size.0;
            let pixels = &self.samples[(start + columns.start) * stride..(start + columns.end) * stride];
            pixels.iter().skip(self.components).step_by(stride)
        };
        let all = columns[0].start..columns.iter().map(|range| range.end).max().unwrap_or(0);
        let down = rows[0].start..rows.iter().map(|range| range.end).max().unwrap_or(0);
        if down
            .into_iter()
            .all(|row| opacities(&all, row).all(|opacity| *opacity == 0))
        {
            return None;
        }
        let is_whole = |ranges: &[Range<usize>; SIDE]| ranges.iter().all(|range| range.len() == 1);
        if is_whole(columns) && is_whole(rows) {
            let mut cover = [None; 64];
            for (line, row) in cover.chunks_exact_mut(SIDE).zip(rows) {
                let start = (row.start * self.size.0 + columns[0].start) * stride;
                let pixels = self.samples[start..][..SIDE * stride].chunks_exact(stride);
                for (place, pixel) in line.iter_mut().zip(pixels) {
                    let opacity = f32::from(pixel[self.components]) / 255.0;
                    *place = Some((opacity, f32::from(pixel[component]) * opacity));
                }
            }
            return Some(cover);
        }
        Some(std::array::from_fn(|i| {
            let (columns, rows) = (&columns[i % SIDE], &rows[i / SIDE]);
            (!columns.is_empty() && !rows.is_empty()).then(|| self.sample(component, columns, rows))
        }))
    }

    /// What is to be laid over a sample that stands for some pixels: the mean of their colours, as opaque as the most opaque.
    fn sample(&self, component: usize, columns: &Range<usize>, rows: &Range<usize>) -> Cover {
        let (mut most, mut sum, mut value) = (0, 0u32, 0u32);
        let stride = self.components + 1;
        for row in rows.clone() {
            let start = row * self.size.0;
            let pixels = &self.samples[(start + columns.start) * stride..(start + columns.end) * stride];
            for pixel in pixels.chunks_exact(stride) {
                let opacity = pixel[self.components];
                most = most.max(opacity);
                sum += u32::from(opacity);
                value += u32::from(opacity) * u32::from(pixel[component]);
            }
        }
        if sum == 0 {
            return (0.0, 0.0);
        }
        let most = f32::from(most) / 255.0;
        // Sums over at most 16 pixels, which f32 holds exactly.
        (most, value as f32 / sum as f32 * most)
    }
}

/// Turns colours that are multiplied by the opacity in the last channel into the components of a space, and the opacity.
fn convert(
    mut samples: Vec<u8>,
    channels: Channels,
    space: ColorSpace,
    of_rgb: impl Fn([f32; 3]) -> [f32; 4],
) -> Result<Vec<u8>, PictureError> {
    let (count, colors, components) = (channels.count(), channels.colors(), space.components());
    let values = |pixel: &[u8]| {
        let factor = 255.0 / f32::from(pixel[count - 1]);
        let color = |channel: usize| (f32::from(pixel[channel.min(colors - 1)]) * factor).min(255.0);
        // `as` saturates, and cuts, so that this rounds.
        of_rgb([color(0), color(1), color(2)]).map(|value| (value + 0.5) as u8)
    };
    if components + 1 == count {
        for pixel in samples
            .chunks_exact_mut(count)
            .filter(|pixel| pixel[count - 1] > 0)
        {
            let values = values(pixel);
            pixel[..components].copy_from_slice(&values[..components]);
        }
        return Ok(samples);
    }
    let mut converted = Vec::new();
    converted
        .try_reserve_exact(samples.len() / count * (components + 1))
        .map_err(|_| PictureError::Memory)?;
    for pixel in samples.chunks_exact(count) {
        let values = if pixel[count - 1] > 0 {
            values(pixel)
        } else {
            [0; 4]
        };
        converted.extend_from_slice(&values[..components]);
        converted.push(pixel[count - 1]);
    }
    Ok(converted)
}
