//! BMP (Windows bitmap).
//!
//! The result has the depth of the original: a palette stays a palette, 24 bits stay 24 bits, 32 bits stay 32 bits. Run-length
//! coded pictures are written without compression, and 16 bits as 24 or, with alpha, as 32: their pixels are identical.

mod header;
mod pixels;
mod write;

use std::io::Write;

use sfumato_core::MediaFormat;

use self::header::{Header, Layout};
use super::frames;
use crate::error::PictureError;
use crate::limits;
use crate::orientation::Orientation;
use crate::raster::Samples;
use crate::work::{Processed, Stage, Work};

/// Width and height that the header says.
pub(crate) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let header = Header::read(bytes)?;
    Ok((header.width, header.height))
}

/// Hides what is found in a BMP.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let header = Header::read(bytes)?;
    let size = (header.width, header.height);
    limits::check_size(size.0, size.1, work.limits())?;
    match &header.layout {
        Layout::Indexed { bits, .. } => {
            let mut picture = pixels::read_indexed(bytes, &header)?;
            let mut raster = picture.to_raster()?;
            work.progress(0.2);
            frames::hide(&mut raster, Orientation::UPRIGHT, None, work)?;
            if work.writes() {
                picture.take_over(&raster)?;
                drop(raster);
                work.enter(Stage::Encode);
                write::indexed(&picture, *bits, &header, work.metadata(), output)?;
            }
        }
        Layout::Direct { .. } => {
            let (mut raster, depth) = pixels::read_direct(bytes, &header)?;
            work.progress(0.2);
            frames::hide(&mut raster, Orientation::UPRIGHT, None, work)?;
            if work.writes() {
                work.enter(Stage::Encode);
                let Samples::Eight(samples) = &raster.samples else {
                    return Err(PictureError::internal("a BMP was decoded to 16 bits"));
                };
                write::direct(samples, depth, &header, work.metadata(), output)?;
            }
        }
    }
    Ok(Processed {
        format: MediaFormat::Bmp,
        shown: size,
        orientation: Orientation::UPRIGHT,
        frames: 1,
    })
}

#[cfg(test)]
mod tests;
