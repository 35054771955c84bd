//! Pictures in memory: enough to draw boxes on them and to put new ones together, without native code.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::boxes::BoundingBox;

/// Red, green, blue.
pub(crate) type Color = [u8; 3];

/// Rows of pixels in RGB with eight bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Raster {
    /// A picture of one colour.
    pub(crate) fn filled(width: usize, height: usize, color: Color) -> Self {
        Self {
            width,
            height,
            rgb: color.repeat(width * height),
        }
    }

    /// Reads a JPEG or a PNG; what is translucent loses its transparency.
    ///
    /// # Errors
    /// It is neither, or damaged.
    pub(crate) fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        match bytes {
            [0xff, 0xd8, ..] => decode_jpeg(bytes),
            [0x89, b'P', b'N', b'G', ..] => decode_png(bytes),
            _ => bail!("it is neither JPEG nor PNG"),
        }
    }

    /// Reads the file of a JPEG or a PNG.
    ///
    /// # Errors
    /// It cannot be read, or is neither, or is damaged; the error names it.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("read {}", path.display());
        let bytes = std::fs::read(path).with_context(context)?;
        Self::decode(&bytes).with_context(context)
    }

    /// Writes a JPEG with 4:2:0 chroma, as cameras do.
    ///
    /// # Errors
    /// A side is longer than 65,535 pixels.
    pub(crate) fn encode_jpeg(&self, quality: u8) -> anyhow::Result<Vec<u8>> {
        let side = |pixels: usize| u16::try_from(pixels).context("a side is too long for a JPEG");
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        encoder
            .encode(
                &self.rgb,
                side(self.width)?,
                side(self.height)?,
                jpeg_encoder::ColorType::Rgb,
            )
            .context("write a JPEG")?;
        Ok(bytes)
    }

    pub(crate) fn pixel(&self, x: usize, y: usize) -> Color {
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    pub(crate) fn set(&mut self, x: usize, y: usize, color: Color) {
        let at = (y * self.width + x) * 3;
        self.rgb[at..at + 3].copy_from_slice(&color);
    }

    /// The picture as displayed, from one that is stored with an EXIF orientation of 1 to 8.
    #[must_use]
    pub(crate) fn upright(self, orientation: u8) -> Self {
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let (w, h) = (self.width, self.height);
        let (width, height) = if orientation >= 5 { (h, w) } else { (w, h) };
        let mut upright = Self::filled(width, height, [0; 3]);
        for y in 0..height {
            for x in 0..width {
                // Which stored pixel is displayed at (x, y).
                let (from_x, from_y) = match orientation {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                upright.set(x, y, self.pixel(from_x, from_y));
            }
        }
        upright
    }

    /// Each pixel becomes a square of `factor` pixels a side.
    #[must_use]
    pub(crate) fn magnified(&self, factor: usize) -> Self {
        let mut large = Self::filled(self.width * factor, self.height * factor, [0; 3]);
        for y in 0..large.height {
            for x in 0..large.width {
                large.set(x, y, self.pixel(x / factor, y / factor));
            }
        }
        large
    }

    /// The colour at a place between pixels: the mean of the four around it by distance. `x` and `y` are from the centre of
    /// the first pixel, and beyond the border is its nearest pixel.
    pub(crate) fn between(&self, x: f64, y: f64) -> Color {
        let x = x.clamp(0.0, (self.width - 1) as f64);
        let y = y.clamp(0.0, (self.height - 1) as f64);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (fx, fy) = (x - left as f64, y - top as f64);
        let corners = [
            (self.pixel(left, top), (1.0 - fx) * (1.0 - fy)),
            (self.pixel(right, top), fx * (1.0 - fy)),
            (self.pixel(left, bottom), (1.0 - fx) * fy),
            (self.pixel(right, bottom), fx * fy),
        ];
        std::array::from_fn(|channel| {
            let sum: f64 = corners
                .iter()
                .map(|(color, weight)| f64::from(color[channel]) * weight)
                .sum();
            sum.round() as u8
        })
    }

    /// Draws the edges of a box, `thick` pixels wide, outwards. What lies outside the picture is left out.
    pub(crate) fn outline(&mut self, area: &BoundingBox, thick: usize, color: Color) {
        let edge = |value: f64| value.round() as i64;
        let thick = thick as i64;
        let (left, top) = (edge(area.left), edge(area.top));
        let (right, bottom) = (edge(area.right), edge(area.bottom));
        let outer_columns = left - thick..right + thick;
        let outer_rows = top - thick..bottom + thick;
        for y in outer_rows.start.max(0)..outer_rows.end.min(self.height as i64) {
            for x in outer_columns.start.max(0)..outer_columns.end.min(self.width as i64) {
                let inside = (left..right).contains(&x) && (top..bottom).contains(&y);
                if !inside {
                    self.set(x as usize, y as usize, color);
                }
            }
        }
    }
}

fn decode_jpeg(bytes: &[u8]) -> anyhow::Result<Raster> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgb = decoder.decode().context("read a JPEG")?;
    let (width, height) = decoder.dimensions().context("read the size of a JPEG")?;
    ensure!(
        rgb.len() == width * height * 3,
        "the JPEG has another size than it says"
    );
    Ok(Raster { width, height, rgb })
}

fn decode_png(bytes: &[u8]) -> anyhow::Result<Raster> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().context("read a PNG")?;
    let size = reader
        .output_buffer_size()
        .context("its pixels do not fit into memory")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).context("read a PNG")?;
    pixels.truncate(frame.buffer_size());
    let rgb = match frame.color_type.samples() {
        1 => pixels.iter().flat_map(|gray| [*gray; 3]).collect(),
        2 => pixels.chunks_exact(2).flat_map(|pair| [pair[0]; 3]).collect(),
        3 => pixels,
        _ => pixels
            .chunks_exact(4)
            .flat_map(|rgba| [rgba[0], rgba[1], rgba[2]])
            .collect(),
    };
    Ok(Raster {
        width: frame.width as usize,
        height: frame.height as usize,
        rgb,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels a to f in two rows of three.
    fn letters() -> Raster {
        let rgb = b"abcdef".iter().flat_map(|letter| [*letter; 3]).collect();
        Raster {
            width: 3,
            height: 2,
            rgb,
        }
    }

    fn read(raster: &Raster) -> String {
        let row = |row: &[u8]| {
            row.chunks_exact(3)
                .map(|pixel| char::from(pixel[0]))
                .collect::<String>()
        };
        raster
            .rgb
            .chunks_exact(raster.width * 3)
            .map(row)
            .collect::<Vec<_>>()
            .join("/")
    }

    #[test]
    fn every_orientation_is_turned_upright() {
        let upright = |orientation| read(&letters().upright(orientation));
        let expected = [
            "abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad",
        ];
        for (orientation, expected) in (1..).zip(expected) {
            assert_eq!(upright(orientation), expected, "{orientation}");
        }
        assert_eq!(upright(0), "abc/def");
    }

    #[test]
    fn a_picture_survives_its_jpeg() {
        let mut picture = Raster::filled(64, 48, [40, 90, 160]);
        picture.outline(&BoundingBox::from_size(16.0, 16.0, 16.0, 16.0), 8, [200, 60, 50]);
        let back = Raster::decode(&picture.encode_jpeg(95).unwrap()).unwrap();
        assert_eq!((back.width, back.height), (64, 48));
        let far = |a: &u8, b: &u8| f64::from(a.abs_diff(*b));
        let mean = picture
            .rgb
            .iter()
            .zip(&back.rgb)
            .map(|(a, b)| far(a, b))
            .sum::<f64>()
            / (64.0 * 48.0 * 3.0);
        assert!(mean < 6.0, "{mean}");
        assert!(Raster::decode(b"GIF89a").is_err());
    }

    #[test]
    fn a_gray_png_becomes_rgb() {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 2, 1);
        encoder.set_color(png::ColorType::GrayscaleAlpha);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[7, 255, 9, 0]).unwrap();
        writer.finish().unwrap();
        assert_eq!(Raster::decode(&file).unwrap().rgb, [7, 7, 7, 9, 9, 9]);
    }

    #[test]
    fn an_outline_lies_around_its_box_and_ends_at_the_border() {
        let mut picture = Raster::filled(6, 5, [0; 3]);
        picture.outline(&BoundingBox::from_size(2.0, 1.0, 2.0, 2.0), 1, [1; 3]);
        let rows: Vec<Vec<u8>> = (0..5)
            .map(|y| (0..6).map(|x| picture.pixel(x, y)[0]).collect())
            .collect();
        assert_eq!(rows[0], [0, 1, 1, 1, 1, 0]);
        assert_eq!(rows[1], [0, 1, 0, 0, 1, 0]);
        assert_eq!(rows[3], [0, 1, 1, 1, 1, 0]);
        assert_eq!(rows[4], [0; 6]);
        picture.outline(&BoundingBox::from_size(-3.0, -3.0, 20.0, 20.0), 2, [2; 3]);
        assert_eq!(picture.pixel(5, 4), [0; 3]);
    }

    #[test]
    fn colours_between_pixels_are_their_means() {
        let mut picture = Raster::filled(2, 1, [0; 3]);
        picture.set(1, 0, [100, 50, 10]);
        assert_eq!(picture.between(0.5, 0.0), [50, 25, 5]);
        assert_eq!(picture.between(9.0, -4.0), [100, 50, 10]);
        assert_eq!(picture.magnified(2).pixel(2, 1), [100, 50, 10]);
    }
}
