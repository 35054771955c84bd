//! The pixels of a page in the form in which they are masked, and back.

use super::page::{Color, Page};
use crate::error::PictureError;
use crate::image::frames;
use crate::image::indexed::{self, Indexed};
use crate::raster::{Channels, Raster, Samples, allocate, reserve};
use crate::work::Work;

/// The pixels of a page.
pub(super) enum Pixels {
    /// A palette, or gray with fewer than 8 bits.
    Few(Indexed),
    /// Gray or RGB, with alpha or without, with 8 or 16 bits.
    Full(Raster),
    Cmyk(Cmyk),
}

/// Four inks with 8 or 16 bits, 0 for none.
pub(super) struct Cmyk {
    width: u32,
    height: u32,
    samples: Samples,
}

impl Pixels {
    /// Takes over what the decoder gives.
    pub(super) fn of(page: &Page, data: Vec<u8>) -> Result<Self, PictureError> {
        let size = (page.width, page.height);
        let inverted = matches!(page.color, Color::Gray { white_is_zero: true });
        if page.bits < 8 || matches!(page.color, Color::Palette(_)) {
            let stride = indexed::row_bytes(page.width as usize, page.bits);
            let mut indices = indexed::unpack(&data, size, page.bits, stride)?;
            if inverted {
                let max = u8::MAX >> (8 - page.bits);
                indices.iter_mut().for_each(|index| *index = max - *index);
            }
            return Ok(Self::Few(match &page.color {
                Color::Palette(colors) => {
                    let colors = colors.iter().map(|color| to_8_bits(*color)).collect();
                    Indexed::with_palette(size, indices, colors, page.bits)
                }
                _ => Indexed::gray(size, indices, page.bits),
            }));
        }
        let data = if page.planar {
            interleave(&data, page.samples(), usize::from(page.bits / 8))?
        } else {
            data
        };
        let mut samples = if page.bits == 16 {
            let mut samples = reserve(data.len() / 2)?;
            let pairs = data.chunks_exact(2);
            samples.extend(pairs.map(|pair| u16::from_ne_bytes([pair[0], pair[1]])));
            Samples::Sixteen(samples)
        } else {
            Samples::Eight(data)
        };
        let channels = match (&page.color, page.extra) {
            (Color::Cmyk, _) => {
                return Ok(Self::Cmyk(Cmyk {
                    width: page.width,
                    height: page.height,
                    samples,
                }));
            }
            (Color::Rgb | Color::YCbCr, None) => Channels::Rgb,
            (Color::Rgb | Color::YCbCr, Some(_)) => Channels::Rgba,
            (_, None) => Channels::Gray,
            (_, Some(_)) => Channels::GrayAlpha,
        };
        if inverted {
            invert(&mut samples, channels);
        }
        if let (Color::YCbCr, Samples::Eight(samples)) = (&page.color, &mut samples) {
            samples.chunks_exact_mut(channels.count()).for_each(to_rgb);
        }
        Ok(Self::Full(Raster {
            width: page.width,
            height: page.height,
            channels,
            samples,
        }))
    }

    /// Finds what the page shows, and hides it where a result is wanted.
    pub(super) fn hide(
        &mut self,
        page: &Page,
        frame: Option<u32>,
        work: &mut Work<'_>,
    ) -> Result<(), PictureError> {
        match self {
            Self::Full(raster) => frames::hide(raster, page.orientation, frame, work),
            Self::Few(indexed) => {
                let mut raster = indexed.to_raster()?;
                frames::hide(&mut raster, page.orientation, frame, work)?;
                indexed.take_over(&raster)
            }
            Self::Cmyk(cmyk) => cmyk.hide(page, frame, work),
        }
    }

    /// The palette, where there is one: the original's with the colours of masks. Colours that have not changed keep their
    /// 16 bits.
    pub(super) fn palette(&self, page: &Page) -> Option<Vec<[u16; 3]>> {
        let (Self::Few(indexed), Color::Palette(original)) = (self, &page.color) else {
            return None;
        };
        let colors = indexed.colors().iter().zip(original);
        Some(
            colors
                .map(|([red, green, blue, _], original)| {
                    if to_8_bits(*original)[..3] == [*red, *green, *blue] {
                        *original
                    } else {
                        [red, green, blue].map(|value| u16::from(*value) * 257)
                    }
                })
                .collect(),
        )
    }

    /// Turns samples back into what the file says they are.
    pub(super) fn restore(&mut self, page: &Page) {
        if let (Self::Full(raster), Color::Gray { white_is_zero: true }) = (self, &page.color) {
            invert(&mut raster.samples, raster.channels);
        }
    }

    /// Writes a row as it stands in a file with little-endian numbers. `predict` stores each sample as its difference from
    /// the one of its channel to the left (TIFF 6.0, section 14).
    pub(super) fn row(&self, page: &Page, y: usize, predict: bool, line: &mut Vec<u8>) {
        let width = page.width as usize;
        let count = page.samples();
        let samples = match self {
            Self::Few(indexed) => {
                let row = &indexed.indices()[y * width..][..width];
                if matches!(page.color, Color::Gray { white_is_zero: true }) {
                    let max = u8::MAX >> (8 - page.bits);
                    let row: Vec<u8> = row.iter().map(|index| max - index).collect();
                    line.extend(indexed::pack(&row, page.bits));
                } else {
                    line.extend(indexed::pack(row, page.bits));
                }
                return;
            }
            Self::Full(raster) => &raster.samples,
            Self::Cmyk(cmyk) => &cmyk.samples,
        };
        let range = y * width * count..(y + 1) * width * count;
        match samples {
            Samples::Eight(samples) if predict => {
                let row = &samples[range];
                line.extend_from_slice(&row[..count]);
                line.extend(row.iter().skip(count).zip(row).map(|(b, a)| b.wrapping_sub(*a)));
            }
            Samples::Eight(samples) => line.extend_from_slice(&samples[range]),
            Samples::Sixteen(samples) => {
                let row = &samples[range];
                let left = |i: usize| if predict && i >= count { row[i - count] } else { 0 };
                let values = row
                    .iter()
                    .enumerate()
                    .map(|(i, sample)| sample.wrapping_sub(left(i)));
                line.extend(values.flat_map(u16::to_le_bytes));
            }
        }
    }
}

impl Cmyk {
    fn hide(&mut self, page: &Page, frame: Option<u32>, work: &mut Work<'_>) -> Result<(), PictureError> {
        let rgb = self.to_raster(Channels::Rgb)?;
        let detections = frames::find(&rgb, page.orientation, frame, work)?;
        drop(rgb);
        if !work.writes() {
            return Ok(());
        }
        work.enter(crate::work::Stage::Mask);
        let masks = work.masks(&detections, page.orientation, (self.width, self.height));
        // Masks are opaque: where alpha was nothing it says where they have been drawn.
        let mut drawn = self.to_raster(Channels::Rgba)?;
        masks.draw(&mut drawn);
        self.take_over(&drawn);
        Ok(())
    }

    fn to_raster(&self, channels: Channels) -> Result<Raster, PictureError> {
        let pixels = self.width as usize * self.height as usize;
        let mut rgb = reserve(pixels * channels.count())?;
        let mut push = |inks: [u8; 4]| {
            let [red, green, blue] = to_light(inks);
            match channels {
                Channels::Rgba => rgb.extend([red, green, blue, 0]),
                _ => rgb.extend([red, green, blue]),
            }
        };
        match &self.samples {
            Samples::Eight(samples) => samples
                .chunks_exact(4)
                .for_each(|inks| push([inks[0], inks[1], inks[2], inks[3]])),
            Samples::Sixteen(samples) => samples
                .chunks_exact(4)
                .for_each(|inks| push([0, 1, 2, 3].map(|i| inks[i].to_be_bytes()[0]))),
        }
        Ok(Raster {
            width: self.width,
            height: self.height,
            channels,
            samples: Samples::Eight(rgb),
        })
    }

    fn take_over(&mut self, drawn: &Raster) {
        let Samples::Eight(rgba) = &drawn.samples else {
            return;
        };
        let touched = rgba
            .chunks_exact(4)
            .enumerate()
            .filter(|(_, pixel)| pixel[3] > 0)
            .map(|(i, pixel)| (i * 4, to_inks([pixel[0], pixel[1], pixel[2]])));
        match &mut self.samples {
            Samples::Eight(samples) => {
                touched.for_each(|(at, inks)| samples[at..at + 4].copy_from_slice(&inks));
            }
            Samples::Sixteen(samples) => touched.for_each(|(at, inks)| {
                samples[at..at + 4].copy_from_slice(&inks.map(|ink| u16::from(ink) * 257));
            }),
        }
    }
}

/// What remains of white light, as it is computed where there is no colour profile.
fn to_light([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let rest = u16::from(u8::MAX - black);
    [cyan, magenta, yellow].map(|ink| {
        let light = u16::from(u8::MAX - ink) * rest;
        // A mean of two bytes is a byte.
        ((light + 127) / 255).to_be_bytes()[1]
    })
}

/// The inks for a colour, with as much black as there can be.
fn to_inks(rgb: [u8; 3]) -> [u8; 4] {
    let brightest = rgb.into_iter().max().unwrap_or(0);
    let ink = |light: u8| {
        let missing = u16::from(brightest - light) * 255;
        let part = missing.checked_div(brightest.into()).unwrap_or(0);
        // What is missing is at most the whole.
        part.to_be_bytes()[1]
    };
    [ink(rgb[0]), ink(rgb[1]), ink(rgb[2]), u8::MAX - brightest]
}

/// The 16 bits of a palette. Some writers put 8 bits there; those cannot be told from very dark colours.
fn to_8_bits(color: [u16; 3]) -> indexed::Color {
    let [red, green, blue] = color.map(|value| value.to_be_bytes()[0]);
    [red, green, blue, u8::MAX]
}

/// Turns luminance around, not alpha.
fn invert(samples: &mut Samples, channels: Channels) {
    let count = channels.count();
    match samples {
        Samples::Eight(samples) => samples
            .iter_mut()
            .step_by(count)
            .for_each(|sample| *sample = !*sample),
        Samples::Sixteen(samples) => samples
            .iter_mut()
            .step_by(count)
            .for_each(|sample| *sample = !*sample),
    }
}

/// JFIF (ITU-T T.871, section 7).
fn to_rgb(pixel: &mut [u8]) {
    let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    // `as` saturates.
    pixel[0] = (y + 1.402 * cr).round() as u8;
    pixel[1] = (y - 0.344_14 * cb - 0.714_14 * cr).round() as u8;
    pixel[2] = (y + 1.772 * cb).round() as u8;
}

/// Puts planes together, sample by sample.
fn interleave(planes: &[u8], count: usize, sample_bytes: usize) -> Result<Vec<u8>, PictureError> {
    let mut data = allocate(planes.len())?;
    let plane_bytes = planes.len() / count;
    for (channel, plane) in planes.chunks_exact(plane_bytes.max(1)).enumerate() {
        let places = data.chunks_exact_mut(sample_bytes).skip(channel).step_by(count);
        for (place, sample) in places.zip(plane.chunks_exact(sample_bytes)) {
            place.copy_from_slice(sample);
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_show_the_colour_they_are_for() {
        for rgb in [
            [0, 0, 0],
            [255, 255, 255],
            [255, 0, 0],
            [10, 200, 90],
            [128, 128, 128],
        ] {
            let shown = to_light(to_inks(rgb));
            let error = (0..3).map(|i| shown[i].abs_diff(rgb[i])).max().unwrap();
            assert!(error <= 1, "{rgb:?} {shown:?}");
        }
    }

    #[test]
    fn planes_are_put_together() {
        assert_eq!(interleave(&[1, 2, 3, 4, 5, 6], 3, 1).unwrap(), [1, 3, 5, 2, 4, 6]);
        assert_eq!(
            interleave(&[1, 1, 2, 2, 3, 3, 4, 4], 2, 2).unwrap(),
            [1, 1, 3, 3, 2, 2, 4, 4]
        );
    }

    #[test]
    fn luminance_and_chrominance_become_rgb() {
        let mut pixel = [76, 85, 255];
        to_rgb(&mut pixel);
        assert!(pixel[0] >= 254 && pixel[1] <= 1 && pixel[2] <= 1, "{pixel:?}");
    }
}
