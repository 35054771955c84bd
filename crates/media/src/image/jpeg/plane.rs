//! Samples of the components, in a window of a picture, and the colours that they show together.

use super::color::ColorSpace;
use super::dct::{self, SIDE};
use super::read::{Coefficients, Component};
use super::window::{Window, block_range};
use crate::raster::Channels;

/// The samples of one component in one row of units of a window.
pub(super) struct Plane {
    samples: Vec<u8>,
    /// Samples in a row.
    stride: usize,
    /// For each column of pixels the column of samples; none where they are the same.
    columns: Option<Vec<usize>>,
    /// A row of samples, one a pixel.
    row: Vec<u8>,
}

impl Plane {
    pub(super) fn new(
        component: &Component,
        sampling_max: (usize, usize),
        units: usize,
        width: usize,
    ) -> Self {
        let (h, v) = component.sampling;
        let stride = units * h * SIDE;
        let stretched = (h != sampling_max.0).then(|| (0..width).map(|x| x * h / sampling_max.0).collect());
        Self {
            samples: vec![0; stride * v * SIDE],
            stride,
            columns: stretched,
            row: vec![0; width],
        }
    }

    pub(super) fn decode(
        &mut self,
        coefficients: &mut Coefficients<'_>,
        index: usize,
        component: &Component,
        window: &Window,
        unit_row: usize,
    ) {
        let columns = block_range(&window.columns, component.sampling.0, component.blocks.0);
        let rows = block_range(
            &(unit_row..unit_row + 1),
            component.sampling.1,
            component.blocks.1,
        );
        for (row, strip) in rows.zip(self.samples.chunks_exact_mut(self.stride * SIDE)) {
            for (column, block) in coefficients.row(index, row)[columns.clone()].iter().enumerate() {
                let samples = dct::inverse(block, &component.table);
                for (line, samples) in strip
                    .chunks_exact_mut(self.stride)
                    .zip(samples.chunks_exact(SIDE))
                {
                    for (place, sample) in line[column * SIDE..].iter_mut().zip(samples) {
                        // `as` saturates, and cuts, so that this rounds.
                        *place = (sample + 0.5) as u8;
                    }
                }
            }
        }
    }

    /// Makes `row` from a row of samples.
    pub(super) fn stretch(&mut self, y: usize) {
        let samples = &self.samples[y * self.stride..(y + 1) * self.stride];
        match &self.columns {
            None => {
                let width = self.row.len();
                self.row.copy_from_slice(&samples[..width]);
            }
            Some(columns) => {
                for (place, column) in self.row.iter_mut().zip(columns) {
                    *place = samples[*column];
                }
            }
        }
    }
}

/// Makes a row of pixels from the rows of all components. Only colours are written.
pub(super) fn shade(space: ColorSpace, planes: &[Plane], line: &mut [u8], channels: Channels) {
    // The space is a constant in each of these calls, so that it is not asked for pixel by pixel.
    match space {
        ColorSpace::Gray => shade_as(planes, line, channels, |values| ColorSpace::Gray.to_rgb(values)),
        ColorSpace::YCbCr => shade_as(planes, line, channels, |values| ColorSpace::YCbCr.to_rgb(values)),
        ColorSpace::Rgb => shade_as(planes, line, channels, |values| ColorSpace::Rgb.to_rgb(values)),
        ColorSpace::Cmyk => shade_as(planes, line, channels, |values| ColorSpace::Cmyk.to_rgb(values)),
        ColorSpace::Ycck => shade_as(planes, line, channels, |values| ColorSpace::Ycck.to_rgb(values)),
    }
}

fn shade_as(planes: &[Plane], line: &mut [u8], channels: Channels, to_rgb: impl Fn([f32; 4]) -> [f32; 3]) {
    // Components that a space does not have are never looked at.
    let rows: [&[u8]; 4] = std::array::from_fn(|i| &planes[i.min(planes.len() - 1)].row[..]);
    let [a, b, c, d] = rows;
    let values = a.iter().zip(b).zip(c).zip(d);
    for (pixel, (((a, b), c), d)) in line.chunks_exact_mut(channels.count()).zip(values) {
        let rgb = to_rgb([f32::from(*a), f32::from(*b), f32::from(*c), f32::from(*d)]);
        for (sample, value) in pixel.iter_mut().zip(&rgb[..channels.colors()]) {
            // `as` saturates, and cuts, so that this rounds.
            *sample = (value + 0.5) as u8;
        }
    }
}
