//! Writes a BMP.

use std::io::Write;

use sfumato_core::options::MetadataPolicy;

use super::header::{ColorSpace, Header};
use super::pixels::{Depth, stride};
use crate::error::PictureError;
use crate::image::indexed::{Indexed, pack};

/// Writes a picture with a palette.
pub(super) fn indexed(
    picture: &Indexed,
    bits: u8,
    original: &Header,
    policy: MetadataPolicy,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let colors = picture.colors();
    let palette: Vec<u8> = colors.iter().flat_map(|[r, g, b, _]| [*b, *g, *r, 0]).collect();
    let colors = u32::try_from(colors.len()).unwrap_or(0);
    header(original, bits.into(), colors, false, &palette, policy, output)?;
    let row = |pixels: &[u8], line: &mut Vec<u8>| line.extend(pack(pixels, bits));
    let rows = picture.indices().chunks_exact(picture.width as usize);
    write_rows(rows, original, bits.into(), row, output)
}

/// Writes a picture without a palette from RGB or, where its depth is that, RGBA.
pub(super) fn direct(
    samples: &[u8],
    depth: Depth,
    original: &Header,
    policy: MetadataPolicy,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let bits = if depth == Depth::Rgb { 24 } else { 32 };
    header(original, bits, 0, depth == Depth::Alpha, &[], policy, output)?;
    let count = if matches!(depth, Depth::Alpha | Depth::Unnamed) {
        4
    } else {
        3
    };
    let row = |pixels: &[u8], line: &mut Vec<u8>| {
        for pixel in pixels.chunks_exact(count) {
            line.extend([pixel[2], pixel[1], pixel[0]]);
            match depth {
                Depth::Rgb => {}
                Depth::Spare(byte) => line.push(byte),
                Depth::Alpha | Depth::Unnamed => line.push(pixel[3]),
            }
        }
    };
    let rows = samples.chunks_exact(original.width as usize * count);
    write_rows(rows, original, bits, row, output)
}

fn write_rows<'a>(
    rows: impl DoubleEndedIterator<Item = &'a [u8]>,
    original: &Header,
    bits: u16,
    row: impl Fn(&[u8], &mut Vec<u8>),
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let stride = stride(original.width, bits.into())?;
    let mut line = Vec::with_capacity(stride);
    let mut write = |pixels: &[u8]| {
        line.clear();
        row(pixels, &mut line);
        line.resize(stride, 0);
        output.write_all(&line).map_err(PictureError::Write)
    };
    if original.top_down {
        rows.into_iter().try_for_each(&mut write)?;
    } else {
        rows.rev().try_for_each(&mut write)?;
    }
    if let ColorSpace::Profile { profile, .. } = &original.color_space {
        output.write_all(profile).map_err(PictureError::Write)?;
    }
    Ok(())
}

/// Writes everything up to the pixels: the smallest header that can say what has to be said.
fn header(
    original: &Header,
    bits: u16,
    colors: u32,
    has_alpha: bool,
    palette: &[u8],
    policy: MetadataPolicy,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    const COMPRESSION_BITFIELDS: u32 = 3;
    const SRGB: u32 = u32::from_be_bytes(*b"sRGB");
    const PROFILE_EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");
    let too_large = |_| PictureError::Unsupported {
        what: "BMP pictures whose result would have more than 4 GiB",
    };
    let number = |number: usize| u32::try_from(number).map_err(too_large);
    let header_bytes: usize = match &original.color_space {
        ColorSpace::Srgb if !has_alpha => 40,
        ColorSpace::Srgb | ColorSpace::Calibrated(_) => 108,
        ColorSpace::Profile { .. } => 124,
    };
    let profile_bytes = match &original.color_space {
        ColorSpace::Profile { profile, .. } => profile.len(),
        _ => 0,
    };
    let pixel_bytes = stride(original.width, bits.into())?
        .checked_mul(original.height as usize)
        .ok_or(PictureError::Memory)?;
    let pixels_start = 14 + header_bytes + palette.len();
    let mut bytes = b"BM".to_vec();
    let mut word = |word: u32| bytes.extend(word.to_le_bytes());
    word(number(pixels_start + pixel_bytes + profile_bytes)?);
    word(0);
    word(number(pixels_start)?);
    word(number(header_bytes)?);
    word(original.width);
    let height = original.height.cast_signed();
    word(if original.top_down { -height } else { height }.cast_unsigned());
    // One plane, and the depth.
    word(1 | u32::from(bits) << 16);
    word(if has_alpha { COMPRESSION_BITFIELDS } else { 0 });
    word(number(pixel_bytes)?);
    let (x, y) = match policy {
        MetadataPolicy::Strip => (0, 0),
        MetadataPolicy::Safe | MetadataPolicy::Keep => original.resolution,
    };
    word(x);
    word(y);
    word(colors);
    word(0);
    if header_bytes > 40 {
        let masks = if has_alpha {
            [0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000]
        } else {
            [0; 4]
        };
        masks.into_iter().for_each(&mut word);
        match &original.color_space {
            ColorSpace::Srgb => {
                word(SRGB);
                bytes.extend([0; 48]);
            }
            ColorSpace::Calibrated(calibration) => {
                word(0);
                bytes.extend(calibration);
            }
            ColorSpace::Profile { intent, profile } => {
                word(PROFILE_EMBEDDED);
                bytes.extend([0; 48]);
                for word in [
                    *intent,
                    number(header_bytes + palette.len() + pixel_bytes)?,
                    number(profile.len())?,
                    0,
                ] {
                    bytes.extend(word.to_le_bytes());
                }
            }
        }
    }
    bytes.extend_from_slice(palette);
    output.write_all(&bytes).map_err(PictureError::Write)
}
