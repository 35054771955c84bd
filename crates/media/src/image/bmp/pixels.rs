//! The pixels of a BMP.

use super::header::{Header, Layout};
use crate::error::PictureError;
use crate::image::indexed::{Indexed, unpack};
use crate::raster::{Channels, Raster, Samples, allocate, reserve};

/// How the pixels of a picture without a palette are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// 24 bits.
    Rgb,
    /// 32 bits, of which the last 8 are the same for all pixels, and mean nothing.
    Spare(u8),
    /// 32 bits whose last 8 mean nothing by the header, but are used all the same.
    Unnamed,
    /// 32 bits with alpha.
    Alpha,
}

/// Bytes of a row, which is filled up to four.
pub(super) fn stride(width: u32, bits: usize) -> Result<usize, PictureError> {
    (width as usize)
        .checked_mul(bits)
        .map(|bits| bits.div_ceil(32) * 4)
        .ok_or(PictureError::Memory)
}

/// The rows of an uncompressed picture as they stand in the file.
fn rows<'a>(bytes: &'a [u8], header: &Header, stride: usize) -> Result<&'a [u8], PictureError> {
    let size = stride
        .checked_mul(header.height as usize)
        .ok_or(PictureError::Memory)?;
    bytes
        .get(header.pixels_start..)
        .and_then(|pixels| pixels.get(..size))
        .ok_or(PictureError::Truncated)
}

pub(super) fn read_indexed(bytes: &[u8], header: &Header) -> Result<Indexed, PictureError> {
    let Layout::Indexed {
        bits,
        run_length,
        palette,
    } = &header.layout
    else {
        return Err(PictureError::internal("a BMP without a palette was read as one"));
    };
    let size = (header.width, header.height);
    let mut indices = if *run_length {
        let data = bytes.get(header.pixels_start..).ok_or(PictureError::Truncated)?;
        expand_runs(data, size, *bits)?
    } else {
        let stride = stride(header.width, (*bits).into())?;
        unpack(rows(bytes, header, stride)?, size, *bits, stride)?
    };
    if !header.top_down {
        flip(&mut indices, header.width as usize);
    }
    Ok(Indexed::with_palette(size, indices, palette.clone(), *bits))
}

/// Turns rows upside down.
fn flip(samples: &mut [u8], row: usize) {
    let half = samples.len() / row / 2 * row;
    let (top, rest) = samples.split_at_mut(half);
    for (a, b) in top.chunks_exact_mut(row).zip(rest.rchunks_exact_mut(row)) {
        a.swap_with_slice(b);
    }
}

/// Decodes RLE8 and RLE4. Pixels that are skipped have the first colour.
fn expand_runs(data: &[u8], (width, height): (u32, u32), bits: u8) -> Result<Vec<u8>, PictureError> {
    let (width, height) = (width as usize, height as usize);
    let mut indices = allocate(width * height)?;
    let (mut x, mut y) = (0, 0);
    // Pixels past the end of a row are left out, as decoders do.
    let mut put = |x: usize, y: usize, index: u8| {
        if x < width && y < height {
            indices[y * width + x] = index;
        }
    };
    let nibble = |byte: u8, i: usize| match (bits, i % 2) {
        (8, _) => byte,
        (_, 0) => byte >> 4,
        _ => byte & 0x0F,
    };
    let mut rest = data;
    loop {
        // The last row may lack its end.
        if y >= height || (y == height - 1 && x >= width && rest.len() < 2) {
            return Ok(indices);
        }
        let [first, second, tail @ ..] = rest else {
            return Err(PictureError::Truncated);
        };
        rest = tail;
        match (*first, *second) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => return Ok(indices),
            (0, 2) => {
                let [right, down, tail @ ..] = rest else {
                    return Err(PictureError::Truncated);
                };
                rest = tail;
                x += usize::from(*right);
                y += usize::from(*down);
            }
            (0, count) => {
                let count = usize::from(count);
                let size = (count * usize::from(bits)).div_ceil(8);
                let pixels = rest.get(..size).ok_or(PictureError::Truncated)?;
                for i in 0..count {
                    let byte = if bits == 8 { pixels[i] } else { pixels[i / 2] };
                    put(x + i, y, nibble(byte, i));
                }
                x += count;
                rest = rest.get(size.next_multiple_of(2)..).unwrap_or_default();
            }
            (count, byte) => {
                for i in 0..usize::from(count) {
                    put(x + i, y, nibble(byte, i));
                }
                x += usize::from(count);
            }
        }
    }
}

pub(super) fn read_direct(bytes: &[u8], header: &Header) -> Result<(Raster, Depth), PictureError> {
    let Layout::Direct {
        bytes: pixel_bytes,
        fields,
        has_spare_byte,
    } = &header.layout
    else {
        return Err(PictureError::internal(
            "a BMP with a palette was read as one without",
        ));
    };
    let stride = stride(header.width, pixel_bytes * 8)?;
    let rows = rows(bytes, header, stride)?;
    let row_bytes = header.width as usize * pixel_bytes;
    let spare = || {
        let mut spare = rows
            .chunks_exact(stride)
            .flat_map(|row| row[..row_bytes].iter().skip(3).step_by(4));
        let first = *spare.next()?;
        spare.all(|byte| *byte == first).then_some(first)
    };
    let depth = match (fields[3].is_empty(), *has_spare_byte) {
        (false, _) => Depth::Alpha,
        // What the header calls unused can hold a picture. Where it is not the same everywhere it counts as alpha.
        (true, true) => spare().map_or(Depth::Unnamed, Depth::Spare),
        (true, false) if *pixel_bytes == 4 => Depth::Spare(0),
        (true, false) => Depth::Rgb,
    };
    let channels = match depth {
        Depth::Rgb | Depth::Spare(_) => Channels::Rgb,
        Depth::Unnamed | Depth::Alpha => Channels::Rgba,
    };
    let count = channels.count();
    let mut samples = reserve(header.width as usize * header.height as usize * count)?;
    let mut read = |row: &[u8]| {
        for pixel in row[..row_bytes].chunks_exact(*pixel_bytes) {
            // Blue comes first.
            match (depth, pixel) {
                (Depth::Unnamed, [b, g, r, a]) => samples.extend([*r, *g, *b, *a]),
                (Depth::Rgb, [b, g, r]) => samples.extend([*r, *g, *b]),
                _ => {
                    let mut word = [0; 4];
                    word[..pixel.len()].copy_from_slice(pixel);
                    let word = u32::from_le_bytes(word);
                    samples.extend(fields[..count].iter().map(|field| field.of_pixel(word)));
                }
            }
        }
    };
    if header.top_down {
        rows.chunks_exact(stride).for_each(&mut read);
    } else {
        rows.chunks_exact(stride).rev().for_each(&mut read);
    }
    let raster = Raster {
        width: header.width,
        height: header.height,
        channels,
        samples: Samples::Eight(samples),
    };
    Ok((raster, depth))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_absolute_pixels_and_jumps_are_expanded() {
        let eight = [3, 7, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 1, 1, 1, 9, 0, 1];
        let expected = [7, 7, 7, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut with_jump = expected.to_vec();
        // After the absolute pixels the place is (3, 1); the jump goes to (4, 2), which is outside of four columns.
        assert_eq!(expand_runs(&eight, (4, 5), 8).unwrap(), with_jump);
        with_jump.truncate(8);
        assert_eq!(
            expand_runs(&eight[..10], (4, 2), 8).unwrap_err().to_string(),
            PictureError::Truncated.to_string()
        );
        let four = [5, 0x12, 0, 3, 0x34, 0x50, 0, 1];
        assert_eq!(expand_runs(&four, (8, 1), 4).unwrap(), [1, 2, 1, 2, 1, 3, 4, 5]);
    }

    #[test]
    fn rows_are_turned_upside_down() {
        let mut rows = [1, 2, 3, 4, 5, 6];
        flip(&mut rows, 2);
        assert_eq!(rows, [5, 6, 3, 4, 1, 2]);
    }

    proptest! {
        #[test]
        fn any_runs_fill_the_picture_or_are_refused(
            data in prop::collection::vec(prop_oneof![Just(0u8), 0u8..6, any::<u8>()], 0..100),
            width in 1u32..9, height in 1u32..9, bits in prop::sample::select(vec![4u8, 8]),
        ) {
            if let Ok(indices) = expand_runs(&data, (width, height), bits) {
                prop_assert_eq!(indices.len(), (width * height) as usize);
            }
        }
    }
}
