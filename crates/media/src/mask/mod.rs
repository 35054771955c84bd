//! Hiding what was found.
//!
//! Three rules hold for every style:
//! - What stands in a region afterwards is computed from pixels of that region of the *original* picture, before anything
//!   is drawn. So the order of regions does not matter, and nothing is drawn with pixels that another region hides.
//! - Drawing only ever mixes a fill into what is there at that moment. A soft edge that reaches into another region mixes
//!   with that region's fill, and cannot bring back what was under it.
//! - Masks are opaque. Alpha can carry a face as well as colours do, so it is drawn over too; outside the masks it stays as
//!   it is. Colours under transparent pixels are hidden like all others.

mod fill;
mod shape;

use std::ops::Range;

use sfumato_core::detection::Detection;
use sfumato_core::options::{AnonymizeOptions, Mask, MaskStyle, Region};

use crate::noise::Noise;
use crate::orientation::Orientation;
use crate::raster::{Channels, Raster, Samples};
use fill::Fill;
use shape::Shape;

/// Whether a detection in a picture of the given size as displayed is to be hidden: where there are included regions its
/// centre lies inside one of them, and it lies inside no excluded one.
pub(crate) fn is_hidden(
    detection: &Detection,
    options: &AnonymizeOptions,
    (width, height): (u32, u32),
) -> bool {
    let (x, y) = detection.bbox.clipped(width, height).center();
    let x = f64::from(x) / f64::from(width.max(1));
    let y = f64::from(y) / f64::from(height.max(1));
    let lies_in = |regions: &[Region]| regions.iter().any(|region| region.contains(x, y));
    (options.included_area.is_empty() || lies_in(&options.included_area)) && !lies_in(&options.excluded_area)
}

/// The regions of one picture that are to be hidden, in the stored grid.
#[derive(Debug)]
pub(crate) struct Masks {
    shapes: Vec<Shape>,
    mask: Mask,
    seed: [u8; 32],
    first_number: u64,
}

impl Masks {
    /// `size` is width and height of the stored picture. The regions get the numbers from `first_number` on: no two
    /// regions of one seed may have the same.
    pub(crate) fn new<'a>(
        detections: impl IntoIterator<Item = &'a Detection>,
        orientation: Orientation,
        size: (u32, u32),
        mask: Mask,
        seed: [u8; 32],
        first_number: u64,
    ) -> Self {
        let shapes = detections
            .into_iter()
            .map(|detection| Shape::around(detection, &mask, orientation, size))
            .collect();
        Self {
            shapes,
            mask,
            seed,
            first_number,
        }
    }

    /// How many regions there are.
    pub(crate) const fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Draws all masks.
    pub(crate) fn draw(&self, raster: &mut Raster) {
        let (width, height, channels) = (raster.width, raster.height, raster.channels);
        match &mut raster.samples {
            Samples::Eight(samples) => self.draw_samples(samples, width, height, channels),
            Samples::Sixteen(samples) => self.draw_samples(samples, width, height, channels),
        }
    }

    fn draw_samples<S: Sample>(&self, samples: &mut [S], width: u32, height: u32, channels: Channels) {
        let mut view = View {
            samples,
            origin: (0, 0),
            width: width as usize,
            height: height as usize,
            channels,
        };
        let fills = self.fills(&view);
        self.paint(&mut view, &fills);
    }

    /// How far each mask reaches with its soft edge: left, top, right, bottom in pixels, not clipped to the picture.
    pub(crate) fn reaches(&self) -> impl Iterator<Item = [f32; 4]> {
        self.shapes.iter().map(|shape| {
            let (edge, [left, top, right, bottom]) = (self.soft_edge(shape), shape.bounds());
            [left - edge, top - edge, right + edge, bottom + edge]
        })
    }

    /// Turns a window of the picture into what has to be laid over it: colours, multiplied by the opacity that the last
    /// channel holds. `origin` is where the window lies in the picture. A mask comes out as on the whole picture where the
    /// window holds all of its reach that lies in the picture.
    ///
    /// The window must have samples of 8 bits, and be opaque.
    pub(crate) fn overlay(&self, window: &mut Raster, origin: (u32, u32)) {
        let Samples::Eight(samples) = &mut window.samples else {
            unreachable!("an overlay has 8 bits");
        };
        let mut view = View {
            samples,
            origin: (origin.0 as usize, origin.1 as usize),
            width: window.width as usize,
            height: window.height as usize,
            channels: window.channels,
        };
        let fills = self.fills(&view);
        view.samples.fill(0);
        self.paint(&mut view, &fills);
    }

    fn fills<S: Sample>(&self, view: &View<'_, S>) -> Vec<Option<Fill>> {
        let numbered = self.shapes.iter().zip(self.first_number..);
        numbered
            .map(|(shape, number)| self.fill(view, shape, number))
            .collect()
    }

    fn paint<S: Sample>(&self, view: &mut View<'_, S>, fills: &[Option<Fill>]) {
        for (shape, fill) in self.shapes.iter().zip(fills) {
            if let Some(fill) = fill {
                view.paint(shape, self.soft_edge(shape), fill);
            }
        }
    }

    fn fill<S: Sample>(&self, view: &View<'_, S>, shape: &Shape, number: u64) -> Option<Fill> {
        let edge = self.soft_edge(shape);
        let mut noise = Noise::new(self.seed, number);
        match self.mask.style {
            MaskStyle::Opaque(color) => Some(Fill::opaque(color, view.channels)),
            MaskStyle::Pixelate(cells) => Fill::mosaic(view, shape, edge, cells.get(), &mut noise),
            MaskStyle::Blur => Fill::blur(view, shape, edge, &mut noise),
        }
    }

    /// Width of the soft edge in pixels. A region's size is the mean of its width and height. Without padding the edge is
    /// one pixel wide, which keeps it from looking jagged.
    fn soft_edge(&self, shape: &Shape) -> f32 {
        let (width, height) = shape.size();
        // A fraction from 0 to 1 loses nothing that matters as f32.
        let fraction = self.mask.smooth_padding.get() as f32;
        (fraction * (width + height) / 2.0).max(1.0)
    }
}

/// A number in a picture. Colours are computed in fractions, 0 to 1.
pub(crate) trait Sample: Copy {
    fn to_fraction(self) -> f32;
    fn from_fraction(fraction: f32) -> Self;
}

impl Sample for u8 {
    fn to_fraction(self) -> f32 {
        f32::from(self) / 255.0
    }

    fn from_fraction(fraction: f32) -> Self {
        // `as` cuts off, saturates, and turns NaN into 0; rounding is a call of a function for most processors.
        (fraction * 255.0 + 0.5) as u8
    }
}

impl Sample for u16 {
    fn to_fraction(self) -> f32 {
        f32::from(self) / 65_535.0
    }

    fn from_fraction(fraction: f32) -> Self {
        // As above.
        (fraction * 65_535.0 + 0.5) as u16
    }
}

/// Samples that know their geometry: those of a window of the picture, often of all of it.
pub(crate) struct View<'a, S> {
    samples: &'a mut [S],
    /// The window's first pixel in the picture, column and row. All coordinates are the picture's.
    origin: (usize, usize),
    width: usize,
    height: usize,
    channels: Channels,
}

impl<S: Sample> View<'_, S> {
    /// The pixels whose centres a rectangle holds, clipped to the window: columns and rows.
    fn clip(&self, [left, top, right, bottom]: [f32; 4]) -> (Range<usize>, Range<usize>) {
        // `as` saturates: what lies left of the picture becomes 0.
        let first = |edge: f32| (edge - 0.5).ceil() as usize;
        let (x, y) = self.origin;
        let column = |edge| first(edge).clamp(x, x + self.width);
        let row = |edge| first(edge).clamp(y, y + self.height);
        (column(left)..column(right), row(top)..row(bottom))
    }

    /// Where a pixel of the window begins.
    const fn index(&self, x: usize, y: usize) -> usize {
        ((y - self.origin.1) * self.width + (x - self.origin.0)) * self.channels.count()
    }

    fn pixel(&self, x: usize, y: usize) -> &[S] {
        let start = self.index(x, y);
        &self.samples[start..start + self.channels.count()]
    }

    /// Mixes a fill into the region and its soft edge.
    fn paint(&mut self, shape: &Shape, soft_edge: f32, fill: &Fill) {
        let [left, top, right, bottom] = shape.bounds();
        let (columns, rows) = self.clip([
            left - soft_edge,
            top - soft_edge,
            right + soft_edge,
            bottom + soft_edge,
        ]);
        let mut colors = fill.rows(columns.clone());
        for row in rows {
            let y = row as f32 + 0.5;
            let colors = colors.at(y);
            let within = |span: Range<f32>| {
                let (span, _) = self.clip([span.start, 0.0, span.end, 0.0]);
                let start = span.start.clamp(columns.start, columns.end);
                start..span.end.clamp(start, columns.end)
            };
            let near = within(shape.span_within(soft_edge, y));
            let inside = within(shape.span(y));
            for column in near.start.min(inside.start)..near.end.max(inside.end) {
                let color = &colors[column - columns.start];
                if inside.contains(&column) {
                    self.cover(row, column, color);
                    continue;
                }
                let distance = shape.distance(column as f32 + 0.5, y);
                if distance < soft_edge {
                    self.mix(row, column, color, ramp(1.0 - distance / soft_edge));
                }
            }
        }
    }

    /// Replaces a pixel.
    fn cover(&mut self, row: usize, column: usize, color: &[f32; 3]) {
        let (count, colors) = (self.channels.count(), self.channels.colors());
        let start = self.index(column, row);
        let pixel = &mut self.samples[start..start + count];
        for (sample, color) in pixel.iter_mut().zip(&color[..colors]) {
            *sample = S::from_fraction(*color);
        }
        for alpha in &mut pixel[colors..] {
            *alpha = S::from_fraction(1.0);
        }
    }

    /// Mixes a colour into a pixel.
    fn mix(&mut self, row: usize, column: usize, color: &[f32; 3], opacity: f32) {
        let (count, colors) = (self.channels.count(), self.channels.colors());
        let start = self.index(column, row);
        let pixel = &mut self.samples[start..start + count];
        // Alpha is mixed with 1.
        for (sample, color) in pixel.iter_mut().zip(color[..colors].iter().chain(&[1.0])) {
            let there = sample.to_fraction();
            *sample = S::from_fraction(there + (color - there) * opacity);
        }
    }
}

/// Rises from 0 to 1 without a visible corner at either end (smoothstep).
fn ramp(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests;
