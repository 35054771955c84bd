//! The headers of a BMP: `BITMAPFILEHEADER` and one of `BITMAPCOREHEADER`, `BITMAPINFOHEADER` (OS/2 2.x and versions 2 to 5
//! included), as Microsoft's "Bitmap Storage" has them. Numbers are little-endian.

use crate::error::PictureError;
use crate::image::icc::sane_icc;
use crate::image::indexed::Color;

const FILE_HEADER_BYTES: usize = 14;
const CORE_HEADER_BYTES: usize = 12;
const V4_HEADER_BYTES: usize = 108;
const V5_HEADER_BYTES: usize = 124;

/// What the headers say, checked.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Whether the first row in the file is the top one.
    pub(super) top_down: bool,
    pub(super) layout: Layout,
    /// Where the pixels start in the file.
    pub(super) pixels_start: usize,
    /// Pixels a metre, horizontally and vertically; 0 where it is unknown.
    pub(super) resolution: (u32, u32),
    pub(super) color_space: ColorSpace,
}

/// How a pixel is stored.
#[derive(Debug)]
pub(super) enum Layout {
    /// A number into a palette, of 1, 2, 4 or 8 bits.
    Indexed {
        bits: u8,
        run_length: bool,
        palette: Vec<Color>,
    },
    /// Bits of a number of 2, 3 or 4 bytes.
    Direct {
        bytes: usize,
        /// Red, green, blue and alpha; there is no alpha where the last is empty.
        fields: [Field; 4],
        /// Whether 32 bits have a byte that no field takes.
        has_spare_byte: bool,
    },
}

/// The bits of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    shift: u32,
    /// The highest value: as many ones as there are bits.
    max: u32,
}

/// How colours are to be understood.
#[derive(Debug)]
pub(super) enum ColorSpace {
    /// The file does not say, or says sRGB.
    Srgb,
    /// Primaries and gamma: 36 and 12 bytes as they stand in the header.
    Calibrated([u8; 48]),
    /// An embedded ICC profile, with its rendering intent.
    Profile { intent: u32, profile: Vec<u8> },
}

impl Field {
    pub(super) const fn is_empty(self) -> bool {
        self.max == 0
    }

    fn of(mask: u32) -> Result<Self, PictureError> {
        if mask == 0 {
            return Ok(Self::default());
        }
        let shift = mask.trailing_zeros();
        let max = mask >> shift;
        if max & max.wrapping_add(1) != 0 {
            return Err(PictureError::damaged(
                "the bits of a colour are not next to each other",
            ));
        }
        if max > 255 {
            return Err(PictureError::Unsupported {
                what: "BMP pictures with more than 8 bits a colour",
            });
        }
        Ok(Self { shift, max })
    }

    /// The channel of a pixel, scaled to 8 bits.
    pub(super) const fn of_pixel(self, pixel: u32) -> u8 {
        if self.max == 0 {
            return u8::MAX;
        }
        let value = pixel >> self.shift & self.max;
        // At most 255, as the value is at most `max`.
        ((value * 255 + self.max / 2) / self.max) as u8
    }
}

/// Reads numbers of the information header from their offsets in it.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn word(self, at: usize) -> Result<u32, PictureError> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes
            .map(|bytes| u32::from_le_bytes(*bytes))
            .ok_or(PictureError::Truncated)
    }

    fn half(self, at: usize) -> Result<u16, PictureError> {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk::<2>());
        bytes
            .map(|bytes| u16::from_le_bytes(*bytes))
            .ok_or(PictureError::Truncated)
    }
}

fn size_of(number: u32) -> Result<usize, PictureError> {
    usize::try_from(number).map_err(|_| PictureError::Memory)
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PictureError> {
        let pixels_start = size_of(Reader(bytes).word(10)?)?;
        let info = Reader(bytes.get(FILE_HEADER_BYTES..).ok_or(PictureError::Truncated)?);
        let header_bytes = size_of(info.word(0)?)?;
        if info.0.len() < header_bytes {
            return Err(PictureError::Truncated);
        }
        if header_bytes == CORE_HEADER_BYTES {
            return Self::read_core(info, pixels_start);
        }
        let width = info.word(4)?;
        let signed_height = info.word(8)?.cast_signed();
        let bits = info.half(14)?;
        let compression = info.word(16)?;
        let colors_used = size_of(info.word(32)?)?;
        let mut palette_start = header_bytes;
        let os2 = header_bytes == 64;
        let layout = match (compression, bits) {
            (0, 1 | 2 | 4 | 8) | (1, 8) | (2, 4) => {
                let bits = bits.to_be_bytes()[1];
                let colors = match colors_used {
                    0 => 1 << bits,
                    used => used.min(1 << bits),
                };
                Layout::Indexed {
                    bits,
                    run_length: compression != 0,
                    palette: palette(info, palette_start, colors, 4, pixels_start)?,
                }
            }
            (0, 16) => direct(2, [0x7C00, 0x03E0, 0x001F, 0])?,
            (0, 24) => direct(3, [0xFF_0000, 0xFF00, 0xFF, 0])?,
            (0, 32) => direct(4, [0xFF_0000, 0xFF00, 0xFF, 0])?,
            (3 | 6, 16 | 32) if !os2 => {
                let has_alpha = compression == 6 || header_bytes >= 56;
                let mut masks = [0; 4];
                for (i, mask) in masks.iter_mut().take(if has_alpha { 4 } else { 3 }).enumerate() {
                    *mask = info.word(40 + 4 * i)?;
                }
                palette_start += if header_bytes == 40 { 16 } else { 0 };
                direct(usize::from(bits / 8), masks)?
            }
            (4 | 5, _) if !os2 => {
                return Err(PictureError::Unsupported {
                    what: "BMP pictures that hold a JPEG or a PNG",
                });
            }
            (0, 64) => {
                return Err(PictureError::Unsupported {
                    what: "BMP pictures with more than 8 bits a colour",
                });
            }
            _ => {
                return Err(PictureError::Unsupported {
                    what: "BMP pictures with this depth and compression",
                });
            }
        };
        let color_space = match header_bytes {
            V4_HEADER_BYTES | V5_HEADER_BYTES => color_space(info, header_bytes)?,
            _ => ColorSpace::Srgb,
        };
        Self {
            width,
            height: signed_height.unsigned_abs(),
            top_down: signed_height < 0,
            layout,
            pixels_start,
            resolution: (info.word(24)?, info.word(28)?),
            color_space,
        }
        .checked(palette_start)
    }

    /// The header of OS/2 1.x.
    fn read_core(info: Reader<'_>, pixels_start: usize) -> Result<Self, PictureError> {
        let layout = match info.half(10)? {
            bits @ (1 | 4 | 8) => Layout::Indexed {
                bits: bits.to_be_bytes()[1],
                run_length: false,
                palette: palette(info, CORE_HEADER_BYTES, 1 << bits, 3, pixels_start)?,
            },
            24 => direct(3, [0xFF_0000, 0xFF00, 0xFF, 0])?,
            _ => {
                return Err(PictureError::Unsupported {
                    what: "BMP pictures with this depth and compression",
                });
            }
        };
        Self {
            width: info.half(4)?.into(),
            height: info.half(6)?.into(),
            top_down: false,
            layout,
            pixels_start,
            resolution: (0, 0),
            color_space: ColorSpace::Srgb,
        }
        .checked(CORE_HEADER_BYTES)
    }

    fn checked(self, header_bytes: usize) -> Result<Self, PictureError> {
        if self.pixels_start < FILE_HEADER_BYTES + header_bytes.min(40) {
            return Err(PictureError::damaged("its pixels start inside its header"));
        }
        if self.top_down && matches!(self.layout, Layout::Indexed { run_length: true, .. }) {
            return Err(PictureError::damaged("it is run-length coded from the top"));
        }
        Ok(self)
    }
}

fn direct(bytes: usize, masks: [u32; 4]) -> Result<Layout, PictureError> {
    let mut fields = [Field::default(); 4];
    for (field, mask) in fields.iter_mut().zip(masks) {
        *field = Field::of(mask)?;
    }
    if fields[..3].iter().any(|field| field.is_empty()) {
        return Err(PictureError::damaged("a colour has no bits"));
    }
    Ok(Layout::Direct {
        bytes,
        fields,
        has_spare_byte: bytes == 4 && fields[3].is_empty() && masks[..3] == [0xFF_0000, 0xFF00, 0xFF],
    })
}

/// Reads blue, green, red and, in entries of four bytes, nothing. A palette may be shorter than it says, where the pixels
/// begin before its end.
fn palette(
    info: Reader<'_>,
    start: usize,
    colors: usize,
    entry_bytes: usize,
    pixels_start: usize,
) -> Result<Vec<Color>, PictureError> {
    let room = pixels_start.saturating_sub(FILE_HEADER_BYTES + start) / entry_bytes;
    let end = start + colors.min(room) * entry_bytes;
    let entries = info.0.get(start..end).ok_or(PictureError::Truncated)?;
    Ok(entries
        .chunks_exact(entry_bytes)
        .map(|entry| [entry[2], entry[1], entry[0], u8::MAX])
        .collect())
}

fn color_space(info: Reader<'_>, header_bytes: usize) -> Result<ColorSpace, PictureError> {
    const CALIBRATED_RGB: u32 = 0;
    const PROFILE_EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");
    match info.word(56)? {
        CALIBRATED_RGB => {
            let calibration = info.0.get(60..).and_then(|rest| rest.first_chunk::<48>());
            let calibration = *calibration.ok_or(PictureError::Truncated)?;
            Ok(if calibration == [0; 48] {
                ColorSpace::Srgb
            } else {
                ColorSpace::Calibrated(calibration)
            })
        }
        PROFILE_EMBEDDED if header_bytes == V5_HEADER_BYTES => {
            // From the beginning of this header.
            let start = size_of(info.word(112)?)?;
            let end = start.saturating_add(size_of(info.word(116)?)?);
            let profile = info.0.get(start..end).and_then(sane_icc);
            let intent = info.word(108)?;
            Ok(profile.map_or(ColorSpace::Srgb, |profile| ColorSpace::Profile {
                intent,
                profile,
            }))
        }
        // A linked profile is the name of a file, which can tell of a person.
        _ => Ok(ColorSpace::Srgb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_colour_are_scaled_to_8() {
        let five = Field::of(0x7C00).unwrap();
        assert_eq!(
            [0, 1, 15, 31].map(|value| five.of_pixel(value << 10)),
            [0, 8, 123, 255]
        );
        assert_eq!(Field::of(1 << 15).unwrap().of_pixel(0x8000), 255);
        assert_eq!(Field::default().of_pixel(0), 255, "no alpha is opaque");
        assert!(Field::of(0b101).is_err() && Field::of(0x3FF).is_err());
    }
}
