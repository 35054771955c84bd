//! What the directory of a page says, checked before anything is decoded.

use super::directory::{Directory, File};
use crate::error::PictureError;
use crate::orientation::Orientation;

pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
pub(super) const SUBFILE_TYPE: u16 = 255;
pub(super) const IMAGE_WIDTH: u16 = 256;
pub(super) const IMAGE_LENGTH: u16 = 257;
pub(super) const BITS_PER_SAMPLE: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const FILL_ORDER: u16 = 266;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const ORIENTATION: u16 = 274;
pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
pub(super) const X_RESOLUTION: u16 = 282;
pub(super) const Y_RESOLUTION: u16 = 283;
pub(super) const PLANAR_CONFIGURATION: u16 = 284;
pub(super) const RESOLUTION_UNIT: u16 = 296;
pub(super) const PREDICTOR: u16 = 317;
pub(super) const COLOR_MAP: u16 = 320;
pub(super) const TILE_WIDTH: u16 = 322;
pub(super) const TILE_LENGTH: u16 = 323;
pub(super) const TILE_OFFSETS: u16 = 324;
pub(super) const TILE_BYTE_COUNTS: u16 = 325;
pub(super) const SUB_IFDS: u16 = 330;
pub(super) const INK_SET: u16 = 332;
pub(super) const EXTRA_SAMPLES: u16 = 338;
pub(super) const SAMPLE_FORMAT: u16 = 339;

/// What the samples of a page mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Gray {
        white_is_zero: bool,
    },
    Rgb,
    /// RGB that JPEG has turned into luminance and chrominance.
    YCbCr,
    /// The colours of the file, with 16 bits.
    Palette(Vec<[u16; 3]>),
    Cmyk,
}

/// How the samples of a page are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
    /// CCITT group 4.
    Fax,
}

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) directory: Directory,
    pub(super) width: u32,
    pub(super) height: u32,
    /// A sample.
    pub(super) bits: u8,
    pub(super) color: Color,
    /// What the sample behind the colours is, where there is one: the number in the file.
    pub(super) extra: Option<u16>,
    pub(super) compression: Compression,
    pub(super) predictor: bool,
    pub(super) planar: bool,
    pub(super) orientation: Orientation,
    /// Width and height of a strip or tile.
    pub(super) chunk: (u32, u32),
    /// Offset and size of each strip or tile.
    pub(super) chunks: Vec<(u64, u64)>,
}

/// Whether a directory holds a smaller version of another page.
pub(super) fn is_reduced(file: &File<'_>, directory: &Directory) -> bool {
    file.first(directory, NEW_SUBFILE_TYPE)
        .is_some_and(|bits| bits & 1 != 0)
        || file.first(directory, SUBFILE_TYPE) == Some(2)
}

/// Width and height of a page.
pub(super) fn size(file: &File<'_>, directory: &Directory) -> Result<(u32, u32), PictureError> {
    let side = |tag| {
        let side = file.first(directory, tag);
        let side = side.ok_or_else(|| PictureError::damaged("a page has no width or no height"))?;
        // What does not fit is over every limit.
        Ok(u32::try_from(side).unwrap_or(u32::MAX))
    };
    Ok((side(IMAGE_WIDTH)?, side(IMAGE_LENGTH)?))
}

const fn unsupported(what: &'static str) -> PictureError {
    PictureError::Unsupported { what }
}

impl Page {
    pub(super) fn read(file: &File<'_>, directory: &Directory) -> Result<Self, PictureError> {
        let first = |tag, default| file.first(directory, tag).unwrap_or(default);
        let (width, height) = size(file, directory)?;
        let bits = bits(file, directory)?;
        let compression = compression(first(COMPRESSION, 1))?;
        let samples = first(SAMPLES_PER_PIXEL, 1);
        let (color, colors) = color(file, directory, bits, compression)?;
        let extra = match samples.checked_sub(colors) {
            Some(0) => None,
            // Without a word on what it is, it is taken for alpha.
            Some(1) => Some(u16::try_from(first(EXTRA_SAMPLES, 2)).unwrap_or(0)),
            Some(_) => {
                return Err(unsupported(
                    "TIFF pictures with several channels beside the colours",
                ));
            }
            None => {
                return Err(PictureError::damaged(
                    "a page has too few samples for its colours",
                ));
            }
        };
        if extra.is_some() && (bits < 8 || !matches!(color, Color::Gray { .. } | Color::Rgb)) {
            return Err(unsupported(
                "TIFF pictures with alpha beside CMYK, palettes or few bits",
            ));
        }
        if bits < 8 && colors > 1 {
            return Err(unsupported(
                "TIFF pictures in colour with fewer than 8 bits a sample",
            ));
        }
        if first(FILL_ORDER, 1) != 1 {
            return Err(unsupported("TIFF pictures whose bits are in reverse order"));
        }
        let orientation = u32::try_from(first(ORIENTATION, 1)).unwrap_or(1);
        let mut page = Self {
            directory: directory.clone(),
            width,
            height,
            bits,
            color,
            extra,
            compression,
            predictor: first(PREDICTOR, 1) == 2,
            planar: first(PLANAR_CONFIGURATION, 1) == 2 && samples > 1,
            orientation: Orientation::from_exif(orientation),
            chunk: (width, height),
            chunks: vec![],
        };
        page.find_chunks(file)?;
        Ok(page)
    }

    /// Samples of a pixel.
    pub(super) fn samples(&self) -> usize {
        let colors = match self.color {
            Color::Gray { .. } | Color::Palette(_) => 1,
            Color::Rgb | Color::YCbCr => 3,
            Color::Cmyk => 4,
        };
        colors + usize::from(self.extra.is_some())
    }

    /// Finds strips or tiles, and holds their places against the file.
    fn find_chunks(&mut self, file: &File<'_>) -> Result<(), PictureError> {
        let directory = &self.directory;
        let tiled = directory.find(TILE_OFFSETS).is_some();
        let (offsets, sizes) = if tiled {
            let side = |tag| {
                file.first(directory, tag)
                    .and_then(|side| u32::try_from(side).ok())
            };
            let (Some(width), Some(height)) = (side(TILE_WIDTH), side(TILE_LENGTH)) else {
                return Err(PictureError::damaged("its tiles have no size"));
            };
            // A tile is filled up to its size: one that is far larger than the picture is a trap.
            let allowed = |tile: u32, side: u32| tile > 0 && tile <= side.max(1024).saturating_mul(2);
            if !allowed(width, self.width) || !allowed(height, self.height) {
                return Err(PictureError::damaged("its tiles are larger than the picture"));
            }
            // The decoder takes the last row of tiles of the first plane for the last of all planes.
            if self.planar && !self.height.is_multiple_of(height) {
                return Err(unsupported(
                    "TIFF pictures in planes whose tiles reach over the lower edge",
                ));
            }
            self.chunk = (width, height);
            (TILE_OFFSETS, TILE_BYTE_COUNTS)
        } else {
            let rows = file.first(directory, ROWS_PER_STRIP).unwrap_or(u64::MAX);
            let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(self.height);
            self.chunk = (self.width, rows.max(1));
            (STRIP_OFFSETS, STRIP_BYTE_COUNTS)
        };
        let numbers = |tag| {
            let numbers = file.all(directory, tag);
            // A list that does not lie in the file was left out when the directory was read.
            numbers.ok_or_else(|| PictureError::damaged("a page does not say where its pixels are"))
        };
        self.chunks = numbers(offsets)?.into_iter().zip(numbers(sizes)?).collect();
        let length = file.bytes.len() as u64;
        let mut total = 0u64;
        for (offset, size) in &self.chunks {
            if offset.checked_add(*size).is_none_or(|end| end > length) {
                return Err(PictureError::Truncated);
            }
            total = total.saturating_add(*size);
        }
        if total > length.saturating_mul(2) {
            return Err(PictureError::damaged("its strips lie over each other"));
        }
        Ok(())
    }
}

fn bits(file: &File<'_>, directory: &Directory) -> Result<u8, PictureError> {
    let bits = file.all(directory, BITS_PER_SAMPLE).unwrap_or_else(|| vec![1]);
    let depth = bits.first().copied().unwrap_or(1);
    if bits.iter().any(|other| *other != depth) {
        return Err(unsupported("TIFF pictures whose samples differ in depth"));
    }
    let formats = file.all(directory, SAMPLE_FORMAT).unwrap_or_default();
    // Unsigned numbers, or unknown ones.
    if formats.iter().any(|format| !matches!(format, 1 | 4)) {
        return Err(unsupported("TIFF pictures with signed or floating-point samples"));
    }
    match u8::try_from(depth) {
        Ok(bits @ (1 | 2 | 4 | 8 | 16)) => Ok(bits),
        _ => Err(unsupported(
            "TIFF pictures with a depth other than 1, 2, 4, 8 or 16 bits",
        )),
    }
}

const fn compression(number: u64) -> Result<Compression, PictureError> {
    match number {
        1 => Ok(Compression::None),
        4 => Ok(Compression::Fax),
        5 => Ok(Compression::Lzw),
        7 => Ok(Compression::Jpeg),
        8 | 32_946 => Ok(Compression::Deflate),
        32_773 => Ok(Compression::PackBits),
        2 | 3 => Err(unsupported("TIFF pictures with CCITT group 3 compression")),
        6 => Err(unsupported("TIFF pictures with JPEG compression of the old kind")),
        _ => Err(unsupported(
            "TIFF pictures with a compression other than LZW, deflate, PackBits, JPEG and CCITT group 4",
        )),
    }
}

/// What the samples mean, and how many of them make a colour.
fn color(
    file: &File<'_>,
    directory: &Directory,
    bits: u8,
    compression: Compression,
) -> Result<(Color, u64), PictureError> {
    let photometric = file.first(directory, PHOTOMETRIC);
    let jpeg = compression == Compression::Jpeg;
    let (color, colors) = match photometric {
        Some(0) => (Color::Gray { white_is_zero: true }, 1),
        // A mask is a picture like another.
        Some(1 | 4) => (Color::Gray { white_is_zero: false }, 1),
        Some(2) => (Color::Rgb, 3),
        Some(3) if bits <= 8 => (Color::Palette(palette(file, directory, bits)?), 1),
        Some(5) if file.first(directory, INK_SET).unwrap_or(1) != 1 => {
            return Err(unsupported("TIFF pictures with inks other than CMYK"));
        }
        Some(5) => (Color::Cmyk, 4),
        Some(6) if jpeg => (Color::YCbCr, 3),
        _ => {
            return Err(unsupported(
                "TIFF pictures in a colour space other than gray, RGB, palette, CMYK and YCbCr in JPEG",
            ));
        }
    };
    if jpeg && (bits != 8 || matches!(color, Color::Palette(_) | Color::Cmyk)) {
        return Err(unsupported(
            "TIFF pictures with JPEG compression of other than gray and RGB",
        ));
    }
    if compression == Compression::Fax && (bits != 1 || colors != 1) {
        return Err(PictureError::damaged("its compression is for one bit a pixel"));
    }
    Ok((color, colors))
}

fn palette(file: &File<'_>, directory: &Directory, bits: u8) -> Result<Vec<[u16; 3]>, PictureError> {
    let count = 1usize << bits;
    let map = file
        .all(directory, COLOR_MAP)
        .filter(|map| map.len() >= 3 * count)
        .ok_or_else(|| PictureError::damaged("its palette is missing or too short"))?;
    let value = |at: usize| u16::try_from(map[at]).unwrap_or(u16::MAX);
    let colors = (0..count).map(|i| [value(i), value(count + i), value(2 * count + i)]);
    Ok(colors.collect())
}
