//! The pixels of a page, through the `tiff` crate.
//!
//! That crate refuses palettes, and interprets gray where white is zero; here samples are wanted as they are. So it reads
//! the file with a few numbers changed: the page is the first of its file, and its samples are plain gray or RGB.

use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{self, AssertUnwindSafe};

use tiff::decoder::{Decoder, Limits};
use tiff::{TiffError, TiffUnsupportedError};

use super::directory::{Entry, File};
use super::page::{self, Color, Compression, Page};
use crate::error::PictureError;
use crate::image::segments;
use crate::raster::allocate;

/// A strip can ask for the work of a whole picture with each of its scans. Encoders write about ten.
const SCANS_MAX: usize = 100;

/// A file of which some bytes are read as others.
struct Patched<'a> {
    bytes: &'a [u8],
    position: u64,
    patches: Vec<(usize, Vec<u8>)>,
}

impl Read for Patched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.position).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        for (at, patch) in &self.patches {
            for (i, byte) in (*at..).zip(patch) {
                if (start..start + count).contains(&i) {
                    buffer[i - start] = *byte;
                }
            }
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |start: u64, by: i64| {
            start
                .checked_add_signed(by)
                .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
        };
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(by) => from(self.bytes.len() as u64, by)?,
            SeekFrom::Current(by) => from(self.position, by)?,
        };
        Ok(self.position)
    }
}

impl<'a> Patched<'a> {
    fn new(file: &File<'a>, page: &Page) -> Self {
        let mut patched = Self {
            bytes: file.bytes,
            position: 0,
            patches: vec![],
        };
        let (at, bytes) = if file.big { (8, 8) } else { (4, 4) };
        patched.put(file, at, bytes, page.directory.offset);
        let photometric = match page.color {
            Color::Gray { .. } | Color::Palette(_) => 1,
            Color::Rgb | Color::YCbCr => 2,
            Color::Cmyk => 5,
        };
        let mut entry = |tag, number| {
            if let Some(entry) = page.directory.find(tag) {
                patched.put(file, entry.field, inline_bytes(entry), number);
            }
        };
        entry(page::PHOTOMETRIC, photometric);
        // One that says nothing of its meaning would be left out.
        entry(page::EXTRA_SAMPLES, 2);
        if page.directory.find(page::TILE_OFFSETS).is_none() {
            // Many files say "all rows in one strip" with the highest number there is.
            entry(page::ROWS_PER_STRIP, page.chunk.1.into());
        }
        patched
    }

    fn put(&mut self, file: &File<'_>, at: usize, bytes: usize, number: u64) {
        let number = if file.little_endian {
            number.to_le_bytes()[..bytes].to_vec()
        } else {
            number.to_be_bytes()[8 - bytes..].to_vec()
        };
        self.patches.push((at, number));
    }
}

/// Bytes of a number that stands in its entry: of type BYTE, SHORT or another.
const fn inline_bytes(entry: &Entry) -> usize {
    match entry.kind {
        1 => 1,
        3 => 2,
        16 | 18 => 8,
        _ => 4,
    }
}

/// The samples of a page as bytes, each row filled up to whole bytes, numbers in the order of this machine, the planes one
/// after the other where the file has them so.
pub(super) fn samples(file: &File<'_>, page: &Page) -> Result<Vec<u8>, PictureError> {
    if page.compression == Compression::Jpeg {
        check_jpegs(file, page)?;
    }
    let row_bytes = |samples: usize| (page.width as usize * samples * usize::from(page.bits)).div_ceil(8);
    let row = if page.planar {
        row_bytes(1) * page.samples()
    } else {
        row_bytes(page.samples())
    };
    let mut samples = allocate(row * page.height as usize)?;
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| decode(file, page, &mut samples)));
    // The decoder asserts what a damaged file can break; all that it has touched is dropped.
    outcome.unwrap_or_else(|_| Err(PictureError::damaged("its strips or tiles contradict each other")))?;
    Ok(samples)
}

fn decode(file: &File<'_>, page: &Page, samples: &mut [u8]) -> Result<(), PictureError> {
    let limits = {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = samples.len();
        limits.intermediate_buffer_size = file.bytes.len();
        limits
    };
    let mut decoder = Decoder::new(Patched::new(file, page))
        .map_err(refuse)?
        .with_limits(limits);
    let layout = decoder.image_buffer_layout().map_err(refuse)?;
    if layout.complete_len != samples.len() {
        return Err(PictureError::damaged("a page has not as many samples as it says"));
    }
    decoder.read_image_bytes(samples).map_err(refuse)
}

/// The decoder takes the size of a strip or tile from the JPEG in it, fills up what is missing at its end, and knows no limit
/// on scans.
fn check_jpegs(file: &File<'_>, page: &Page) -> Result<(), PictureError> {
    for (offset, size) in &page.chunks {
        let range = usize::try_from(*offset)
            .ok()
            .zip(usize::try_from(*size).ok())
            .and_then(|(start, size)| file.bytes.get(start..start + size));
        let jpeg = range.ok_or(PictureError::Truncated)?;
        let frame = segments::frame_header(jpeg)?;
        let size = (u32::from(frame.width), u32::from(frame.height));
        if size.0 > page.chunk.0 || size.1 > page.chunk.1 {
            return Err(PictureError::damaged(
                "a JPEG in it is larger than its strip or tile",
            ));
        }
        if segments::contents(jpeg).scans > SCANS_MAX {
            return Err(PictureError::damaged(format!(
                "a JPEG in it has more than {SCANS_MAX} scans"
            )));
        }
        let filling = jpeg.iter().rev().take_while(|byte| **byte == 0).count();
        if !jpeg[..jpeg.len() - filling].ends_with(&[0xFF, 0xD9]) {
            return Err(PictureError::Truncated);
        }
    }
    Ok(())
}

fn refuse(error: TiffError) -> PictureError {
    match error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => PictureError::Truncated,
        TiffError::LimitsExceeded => {
            PictureError::damaged("a part of it unpacks to more than the page holds")
        }
        TiffError::UnsupportedError(TiffUnsupportedError::HorizontalPredictor(_)) => {
            PictureError::Unsupported {
                what: "TIFF pictures with a predictor for fewer than 8 bits a sample",
            }
        }
        TiffError::UnsupportedError(_) => PictureError::Unsupported {
            what: "TIFF pictures of this rare kind",
        },
        error => PictureError::damaged(error.to_string()),
    }
}
