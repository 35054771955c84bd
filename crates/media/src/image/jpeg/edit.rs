//! Draws masks into quantised coefficients.
//!
//! Only blocks that a mask touches are written, and all of those are: they are computed anew from samples of which the mask
//! has replaced its part. A sample that stands for several pixels is covered as much as the most covered of them, so that
//! what is fully masked leaves no trace in a colour difference at the rim of a mask either.

use std::ops::Range;

use super::color::ColorSpace;
use super::dct::SIDE;
use super::overlay::{Overlay, Scale, lay_over_block};
use super::plane::{Plane, shade};
use super::read::{Coefficients, Component};
use super::window::{Window, block_range};
use crate::error::PictureError;
use crate::mask::Masks;
use crate::raster::{Channels, Raster, Samples};

/// How a picture is laid out.
pub(super) struct Layout {
    pub(super) space: ColorSpace,
    /// Width and height in pixels.
    pub(super) size: (usize, usize),
    /// The largest sampling factors, horizontal and vertical.
    pub(super) sampling_max: (usize, usize),
    pub(super) components: Vec<Component>,
}

impl Layout {
    pub(super) fn of(coefficients: &Coefficients<'_>, space: ColorSpace) -> Result<Self, PictureError> {
        let (width, height) = coefficients.size();
        Ok(Self {
            space,
            size: (width as usize, height as usize),
            sampling_max: coefficients.sampling_max(),
            components: coefficients.components()?,
        })
    }

    /// Width and height of a unit in pixels.
    const fn unit(&self) -> (usize, usize) {
        (SIDE * self.sampling_max.0, SIDE * self.sampling_max.1)
    }

    fn whole(&self) -> Window {
        let unit = self.unit();
        Window {
            columns: 0..self.size.0.div_ceil(unit.0),
            rows: 0..self.size.1.div_ceil(unit.1),
        }
    }

    /// The pixels of a window that lie in the picture: the first, and how many there are.
    fn pixels(&self, window: &Window) -> [Range<usize>; 2] {
        let unit = self.unit();
        let range = |units: &Range<usize>, unit: usize, size: usize| {
            (units.start * unit).min(size)..(units.end * unit).min(size)
        };
        [
            range(&window.columns, unit.0, self.size.0),
            range(&window.rows, unit.1, self.size.1),
        ]
    }

    /// The windows that hold everything that masks reach. No two meet, so that each mask lies in one window as a whole.
    fn windows(&self, masks: &Masks) -> Vec<Window> {
        let unit = self.unit();
        // `as` saturates: what lies left of the picture becomes 0.
        let range = |low: f32, high: f32, unit: usize, size: usize| {
            let (low, high) = ((low as usize).min(size), (high.ceil() as usize).min(size));
            low / unit..high.div_ceil(unit)
        };
        let mut windows: Vec<Window> = vec![];
        for [left, top, right, bottom] in masks.reaches() {
            let mut window = Window {
                columns: range(left, right, unit.0, self.size.0),
                rows: range(top, bottom, unit.1, self.size.1),
            };
            if window.columns.is_empty() || window.rows.is_empty() {
                continue;
            }
            while let Some(i) = windows.iter().position(|other| other.meets(&window)) {
                window = window.union(&windows.swap_remove(i));
            }
            windows.push(window);
        }
        windows
    }

    /// The pixels of a window in RGB or gray, in `channels`. The last channel is opaque where it is alpha.
    fn decode(
        &self,
        coefficients: &mut Coefficients<'_>,
        window: &Window,
        channels: Channels,
    ) -> Result<Raster, PictureError> {
        let [columns, rows] = self.pixels(window);
        let count = channels.count();
        let bytes = columns.len() * rows.len() * count;
        let mut samples = Vec::new();
        samples
            .try_reserve_exact(bytes)
            .map_err(|_| PictureError::Memory)?;
        samples.resize(bytes, u8::MAX);
        let mut planes: Vec<Plane> = self
            .components
            .iter()
            .map(|component| Plane::new(component, self.sampling_max, window.columns.len(), columns.len()))
            .collect();
        let mut lines = samples.chunks_exact_mut(columns.len() * count);
        for unit_row in window.rows.clone() {
            for (index, plane) in planes.iter_mut().enumerate() {
                plane.decode(coefficients, index, &self.components[index], window, unit_row);
            }
            for (y, line) in lines.by_ref().take(self.unit().1).enumerate() {
                for (plane, component) in planes.iter_mut().zip(&self.components) {
                    plane.stretch(y * component.sampling.1 / self.sampling_max.1);
                }
                shade(self.space, &planes, line, channels);
            }
        }
        // Sides of a picture are far below 2^32.
        Ok(Raster {
            width: columns.len() as u32,
            height: self.pixels(window)[1].len() as u32,
            channels,
            samples: Samples::Eight(samples),
        })
    }

    /// The whole picture in RGB.
    pub(super) fn render(&self, coefficients: &mut Coefficients<'_>) -> Result<Raster, PictureError> {
        self.decode(coefficients, &self.whole(), Channels::Rgb)
    }

    /// Draws masks.
    pub(super) fn draw(
        &self,
        coefficients: &mut Coefficients<'_>,
        masks: &Masks,
    ) -> Result<(), PictureError> {
        let channels = match self.space {
            ColorSpace::Gray => Channels::GrayAlpha,
            _ => Channels::Rgba,
        };
        for window in self.windows(masks) {
            let mut raster = self.decode(coefficients, &window, channels)?;
            let [columns, rows] = self.pixels(&window);
            // Sides of a picture are far below 2^32.
            masks.overlay(&mut raster, (columns.start as u32, rows.start as u32));
            let Samples::Eight(samples) = raster.samples else {
                return Err(PictureError::internal("a window of a JPEG has 16-bit samples"));
            };
            let overlay = Overlay::new(samples, channels, (columns.len(), rows.len()), self.space)?;
            for index in 0..self.components.len() {
                self.lay_over(coefficients, index, &window, &overlay);
            }
        }
        Ok(())
    }

    /// Lays an overlay over the blocks of one component.
    fn lay_over(
        &self,
        coefficients: &mut Coefficients<'_>,
        index: usize,
        window: &Window,
        overlay: &Overlay,
    ) {
        let component = &self.components[index];
        let scale = [
            Scale::new(component.sampling.0, self.sampling_max.0),
            Scale::new(component.sampling.1, self.sampling_max.1),
        ];
        let columns = block_range(&window.columns, component.sampling.0, component.blocks.0);
        let rows = block_range(&window.rows, component.sampling.1, component.blocks.1);
        for (row, y) in rows.zip((0..).step_by(SIDE)) {
            let rows: [Range<usize>; SIDE] = std::array::from_fn(|i| scale[1].pixels(y + i, overlay.size.1));
            let blocks = &mut coefficients.row(index, row)[columns.clone()];
            for (block, x) in blocks.iter_mut().zip((0..).step_by(SIDE)) {
                let columns = std::array::from_fn(|i| scale[0].pixels(x + i, overlay.size.0));
                if let Some(cover) = overlay.cover(index, &columns, &rows) {
                    lay_over_block(block, component, &cover);
                }
            }
        }
    }
}
