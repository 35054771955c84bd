//! Writes a TIFF page by page, so that no more than one is in memory: each page is its directory, then what does not fit
//! into that, then its strips.

use std::io::Write;

use flate2::Compression as Level;
use flate2::write::ZlibEncoder;
use weezl::BitOrder;

use super::page::{self, Color, Compression, Page};
use super::pixels::Pixels;
use crate::error::PictureError;
use crate::raster::reserve;

/// Strips have about as many bytes before they are compressed.
const STRIP_BYTES: usize = 256 * 1024;

const BYTE: u16 = 1;
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;
const LONG8: u16 = 16;

/// An entry of a directory: tag, type, number of values, and the values.
pub(super) struct Entry {
    tag: u16,
    kind: u16,
    count: usize,
    value: Vec<u8>,
}

impl Entry {
    pub(super) fn short(tag: u16, values: &[u16]) -> Self {
        Self {
            tag,
            kind: SHORT,
            count: values.len(),
            value: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn long(tag: u16, value: u32) -> Self {
        Self {
            tag,
            kind: LONG,
            count: 1,
            value: value.to_le_bytes().to_vec(),
        }
    }

    pub(super) fn fraction(tag: u16, [numerator, denominator]: [u32; 2]) -> Self {
        Self {
            tag,
            kind: RATIONAL,
            count: 1,
            value: [numerator.to_le_bytes(), denominator.to_le_bytes()].concat(),
        }
    }

    fn bytes(tag: u16, kind: u16, value: Vec<u8>) -> Self {
        Self {
            tag,
            kind,
            count: value.len(),
            value,
        }
    }

    /// A text that ends with a zero.
    pub(super) fn text(tag: u16, value: &[u8]) -> Self {
        Self::bytes(tag, ASCII, value.to_vec())
    }

    /// Data of a format of their own: a colour profile, or Photoshop's.
    pub(super) fn data(tag: u16, value: Vec<u8>) -> Self {
        Self::bytes(tag, UNDEFINED, value)
    }

    /// XMP.
    pub(super) fn xmp(value: Vec<u8>) -> Self {
        Self::bytes(700, BYTE, value)
    }
}

/// Writes pages one after the other.
pub(super) struct Writer<'a> {
    output: &'a mut dyn Write,
    position: u64,
    big: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn start(output: &'a mut dyn Write, big: bool) -> Result<Self, PictureError> {
        let header: &[u8] = if big {
            b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0"
        } else {
            b"II\x2A\0\x08\0\0\0"
        };
        output.write_all(header).map_err(PictureError::Write)?;
        Ok(Self {
            output,
            position: header.len() as u64,
            big,
        })
    }

    /// Writes a page. `further` are the entries that say nothing of how its pixels are stored.
    pub(super) fn page(
        &mut self,
        page: &Page,
        pixels: &Pixels,
        further: Vec<Entry>,
        is_last: bool,
    ) -> Result<(), PictureError> {
        let coding = Coding::of(page);
        let strips = Strips::compress(page, pixels, coding)?;
        let mut entries = description(page, pixels, coding, strips.rows);
        entries.extend(further);
        let word = if self.big { 8 } else { 4 };
        // Filled in when it is known where the strips lie.
        let (kind, width) = if self.big { (LONG8, 8) } else { (LONG, 4) };
        for tag in [page::STRIP_OFFSETS, page::STRIP_BYTE_COUNTS] {
            entries.push(Entry {
                tag,
                kind,
                count: strips.sizes.len(),
                value: vec![0; strips.sizes.len() * width],
            });
        }
        entries.sort_by_key(|entry| entry.tag);
        let (count_bytes, entry_bytes) = if self.big { (8, 20) } else { (2, 12) };
        let directory_bytes = count_bytes + entries.len() * entry_bytes + word;
        let outside = |entry: &Entry| match entry.value.len() {
            size if size > word => size.next_multiple_of(2),
            _ => 0,
        };
        let outside_bytes: usize = entries.iter().map(outside).sum();
        let mut strip = self.position + (directory_bytes + outside_bytes) as u64;
        let (mut offsets, mut sizes) = (vec![], vec![]);
        for size in &strips.sizes {
            offsets.extend(self.number(strip)?);
            sizes.extend(self.number(*size as u64)?);
            strip += *size as u64;
        }
        let end = strip.next_multiple_of(2);
        let mut bytes = if self.big {
            (entries.len() as u64).to_le_bytes().to_vec()
        } else {
            // A directory has about twenty entries.
            u16::try_from(entries.len())
                .unwrap_or(u16::MAX)
                .to_le_bytes()
                .to_vec()
        };
        let mut values: Vec<u8> = vec![];
        for mut entry in entries {
            match entry.tag {
                page::STRIP_OFFSETS => entry.value.clone_from(&offsets),
                page::STRIP_BYTE_COUNTS => entry.value.clone_from(&sizes),
                _ => {}
            }
            bytes.extend(entry.tag.to_le_bytes());
            bytes.extend(entry.kind.to_le_bytes());
            bytes.extend(self.number(entry.count as u64)?);
            if entry.value.len() > word {
                bytes.extend(self.number(self.position + (directory_bytes + values.len()) as u64)?);
                values.extend(entry.value);
                values.resize(values.len().next_multiple_of(2), 0);
            } else {
                entry.value.resize(word, 0);
                bytes.extend(entry.value);
            }
        }
        bytes.extend(self.number(if is_last { 0 } else { end })?);
        bytes.extend(values);
        let filling = usize::from(end > strip);
        for part in [&bytes, &strips.data, &vec![0; filling]] {
            self.output.write_all(part).map_err(PictureError::Write)?;
        }
        self.position = end;
        Ok(())
    }

    /// An offset or a count.
    fn number(&self, number: u64) -> Result<Vec<u8>, PictureError> {
        if self.big {
            return Ok(number.to_le_bytes().to_vec());
        }
        let number = u32::try_from(number).map_err(|_| PictureError::Unsupported {
            what: "TIFF pictures whose result would have more than 4 GiB",
        })?;
        Ok(number.to_le_bytes().to_vec())
    }
}

/// How the pixels of a result are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Coding {
    compression: Compression,
    predict: bool,
}

impl Coding {
    /// That of the original, where it is one without loss that is worth it.
    fn of(page: &Page) -> Self {
        let can_predict = page.bits >= 8 && !matches!(page.color, Color::Palette(_));
        match page.compression {
            Compression::None => Self {
                compression: Compression::None,
                predict: false,
            },
            Compression::Lzw | Compression::Deflate => Self {
                compression: page.compression,
                predict: page.predictor && can_predict,
            },
            Compression::PackBits | Compression::Jpeg | Compression::Fax => Self {
                compression: Compression::Deflate,
                predict: can_predict,
            },
        }
    }

    const fn number(self) -> u16 {
        match self.compression {
            Compression::None => 1,
            Compression::Lzw => 5,
            _ => 8,
        }
    }
}

/// The compressed pixels of a page.
struct Strips {
    rows: u32,
    data: Vec<u8>,
    sizes: Vec<usize>,
}

impl Strips {
    fn compress(page: &Page, pixels: &Pixels, coding: Coding) -> Result<Self, PictureError> {
        let row_bits = page.width as usize * page.samples() * usize::from(page.bits);
        let row_bytes = row_bits.div_ceil(8);
        let height = page.height as usize;
        let rows = (STRIP_BYTES / row_bytes.max(1)).clamp(1, height);
        let mut strips = Self {
            rows: u32::try_from(rows).unwrap_or(page.height),
            data: vec![],
            sizes: vec![],
        };
        let mut raw = reserve(rows * row_bytes)?;
        for first in (0..height).step_by(rows) {
            raw.clear();
            for y in first..(first + rows).min(height) {
                pixels.row(page, y, coding.predict, &mut raw);
            }
            let before = strips.data.len();
            match coding.compression {
                Compression::None => strips.data.extend_from_slice(&raw),
                Compression::Lzw => {
                    let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8);
                    let encoded = encoder.encode(&raw);
                    let encoded = encoded.map_err(|error| PictureError::internal(error.to_string()))?;
                    strips.data.extend(encoded);
                }
                _ => {
                    let mut encoder = ZlibEncoder::new(&mut strips.data, Level::fast());
                    encoder
                        .write_all(&raw)
                        .and_then(|()| encoder.finish().map(|_| ()))
                        .map_err(|error| PictureError::internal(error.to_string()))?;
                }
            }
            strips.sizes.push(strips.data.len() - before);
        }
        Ok(strips)
    }
}

/// The entries that say how the pixels are stored, without the places of the strips.
fn description(page: &Page, pixels: &Pixels, coding: Coding, rows: u32) -> Vec<Entry> {
    let samples = page.samples();
    let photometric = match page.color {
        Color::Gray { white_is_zero: true } => 0,
        Color::Gray { .. } => 1,
        Color::Rgb | Color::YCbCr => 2,
        Color::Palette(_) => 3,
        Color::Cmyk => 5,
    };
    let mut entries = vec![
        Entry::long(page::IMAGE_WIDTH, page.width),
        Entry::long(page::IMAGE_LENGTH, page.height),
        Entry::short(page::BITS_PER_SAMPLE, &vec![page.bits.into(); samples]),
        Entry::short(page::COMPRESSION, &[coding.number()]),
        Entry::short(page::PHOTOMETRIC, &[photometric]),
        // At most five.
        Entry::short(page::SAMPLES_PER_PIXEL, &[u16::try_from(samples).unwrap_or(1)]),
        Entry::long(page::ROWS_PER_STRIP, rows),
        Entry::short(page::PLANAR_CONFIGURATION, &[1]),
    ];
    if coding.predict {
        entries.push(Entry::short(page::PREDICTOR, &[2]));
    }
    if let Some(extra) = page.extra {
        entries.push(Entry::short(page::EXTRA_SAMPLES, &[extra]));
    }
    if let Some(palette) = pixels.palette(page) {
        let channel = |i: usize| palette.iter().map(move |color| color[i]);
        let map: Vec<u16> = channel(0).chain(channel(1)).chain(channel(2)).collect();
        entries.push(Entry::short(page::COLOR_MAP, &map));
    }
    entries
}
