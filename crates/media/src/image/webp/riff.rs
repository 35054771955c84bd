//! The container of WebP (RFC 9649), read without decoding anything, and written.

use std::io::Write;

use super::codec::Coding;
use crate::error::PictureError;
use crate::raster::Rect;

const FLAG_ICC: u8 = 0x20;
const FLAG_ALPHA: u8 = 0x10;
const FLAG_EXIF: u8 = 0x08;
const FLAG_XMP: u8 = 0x04;
const FLAG_ANIMATION: u8 = 0x02;

/// Frames that are remembered; those beyond are counted. No limit on frames is higher.
const FRAMES_REMEMBERED_MAX: usize = 1 << 20;

/// A file, taken apart.
#[derive(Debug)]
pub(super) struct Container<'a> {
    /// The file without what follows its end.
    pub(super) file: &'a [u8],
    /// Of the canvas.
    pub(super) size: (u32, u32),
    pub(super) content: Content,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) exif: Option<&'a [u8]>,
    pub(super) xmp: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(super) enum Content {
    Still(Coding),
    Animation(Animation),
}

#[derive(Debug)]
pub(super) struct Animation {
    /// Background colour and loop count: the payload of the `ANIM` chunk.
    pub(super) control: [u8; 6],
    pub(super) frames: Vec<Frame>,
    /// More than `frames` where there are so many that not all were remembered.
    pub(super) frame_count: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Three bytes: milliseconds.
    pub(super) duration: [u8; 3],
    pub(super) coding: Coding,
}

/// Walks chunks up to where the data end or make no sense any more.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.0.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        let payload = rest.get(..size)?;
        self.0 = rest.get(size.checked_next_multiple_of(2)?..).unwrap_or_default();
        Some((*tag, payload))
    }
}

/// The file without what follows its end, and its chunks.
fn body(bytes: &[u8]) -> Result<(&[u8], Chunks<'_>), PictureError> {
    let header = bytes.first_chunk::<12>().ok_or(PictureError::Truncated)?;
    let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let end = usize::try_from(size).ok().and_then(|size| size.checked_add(8));
    let file = end
        .and_then(|end| bytes.get(..end))
        .ok_or(PictureError::Truncated)?;
    let chunks = file
        .get(12..)
        .ok_or_else(|| PictureError::damaged("its size is too small"))?;
    Ok((file, Chunks(chunks)))
}

/// Width and height that the header says.
pub(crate) fn size(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    // The first chunk may end behind the bytes that are there.
    let header = bytes.get(12..).ok_or(PictureError::Truncated)?;
    let tag = header.first_chunk::<4>().ok_or(PictureError::Truncated)?;
    let payload = header.get(8..).ok_or(PictureError::Truncated)?;
    match tag {
        b"VP8X" => {
            let side = |at: usize| {
                let bytes = payload.get(at..at + 3).ok_or(PictureError::Truncated)?;
                Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1)
            };
            Ok((side(4)?, side(7)?))
        }
        b"VP8L" => {
            let [signature, bits @ ..] = *payload.first_chunk::<5>().ok_or(PictureError::Truncated)?;
            if signature != 0x2F {
                return Err(PictureError::damaged("its frame header makes no sense"));
            }
            let bits = u32::from_le_bytes(bits);
            Ok(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => {
            let header = payload.first_chunk::<10>().ok_or(PictureError::Truncated)?;
            if header[3..6] != [0x9D, 0x01, 0x2A] {
                return Err(PictureError::damaged("its frame header makes no sense"));
            }
            let side = |at: usize| u32::from(u16::from_le_bytes([header[at], header[at + 1]]) & 0x3FFF);
            Ok((side(6), side(8)))
        }
        _ => Err(PictureError::damaged("its first chunk holds no picture")),
    }
}

impl<'a> Container<'a> {
    /// Takes a file apart.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PictureError> {
        let size = size(bytes)?;
        let (file, chunks) = body(bytes)?;
        let mut is_animation = false;
        let mut coding = None;
        let mut animation = Animation {
            control: [0; 6],
            frames: vec![],
            frame_count: 0,
        };
        let (mut icc, mut exif, mut xmp) = (None, None, None);
        for (tag, payload) in chunks {
            match &tag {
                b"VP8X" => is_animation |= payload.first().is_some_and(|flags| flags & FLAG_ANIMATION != 0),
                b"VP8L" => coding = coding.or(Some(Coding::Lossless)),
                b"VP8 " => coding = coding.or(Some(Coding::Lossy)),
                b"ICCP" => icc = icc.or(Some(payload)),
                b"EXIF" => exif = exif.or(Some(payload)),
                b"XMP " => xmp = xmp.or(Some(payload)),
                b"ANIM" => {
                    if let Some(control) = payload.first_chunk() {
                        animation.control = *control;
                    }
                }
                b"ANMF" => {
                    animation.frame_count += 1;
                    if animation.frames.len() < FRAMES_REMEMBERED_MAX {
                        animation.frames.push(Frame::read(payload)?);
                    }
                }
                _ => {}
            }
        }
        let content = match coding {
            _ if is_animation && animation.frame_count > 0 => Content::Animation(animation),
            _ if is_animation => return Err(PictureError::damaged("it is an animation without frames")),
            Some(coding) => Content::Still(coding),
            None => return Err(PictureError::damaged("it holds no picture")),
        };
        Ok(Self {
            file,
            size,
            content,
            icc,
            exif,
            xmp,
        })
    }
}

impl Frame {
    /// Reads the payload of an `ANMF` chunk: 16 bytes, and the chunks of a picture.
    fn read(payload: &[u8]) -> Result<Self, PictureError> {
        let damaged = || PictureError::damaged("a frame makes no sense");
        let duration = *payload
            .get(12..)
            .and_then(<[u8]>::first_chunk)
            .ok_or_else(damaged)?;
        let coding = Chunks(payload.get(16..).ok_or_else(damaged)?)
            .find_map(|(tag, _)| match &tag {
                b"VP8L" => Some(Coding::Lossless),
                b"VP8 " => Some(Coding::Lossy),
                _ => None,
            })
            .ok_or_else(damaged)?;
        Ok(Self { duration, coding })
    }
}

/// The chunks of one encoded picture: `ALPH` where it has alpha beside it, and `VP8 ` or `VP8L`.
#[derive(Debug)]
pub(super) struct Image {
    chunks: Vec<u8>,
    has_alpha: bool,
}

impl Image {
    /// Takes the picture out of a file that the encoder has made.
    pub(super) fn of(file: &[u8]) -> Result<Self, PictureError> {
        let (_, chunks) = body(file)?;
        let mut image = Self {
            chunks: vec![],
            has_alpha: false,
        };
        for (tag, payload) in chunks {
            image.has_alpha |= match &tag {
                b"ALPH" => true,
                // The bit behind width and height says whether alpha is used.
                b"VP8L" => payload.get(4).is_some_and(|bits| bits & 0x10 != 0),
                b"VP8 " => false,
                _ => continue,
            };
            push(&mut image.chunks, tag, &[payload])?;
        }
        Ok(image)
    }

    /// Whether it needs a header that says that there is alpha.
    fn is_extended(&self) -> bool {
        self.chunks.starts_with(b"ALPH")
    }
}

/// What is written.
#[derive(Debug)]
pub(super) enum Written {
    Still(Image),
    Animation(WrittenAnimation),
}

#[derive(Debug)]
pub(super) struct WrittenAnimation {
    pub(super) control: [u8; 6],
    pub(super) translucent: bool,
    pub(super) frames: Vec<WrittenFrame>,
}

#[derive(Debug)]
pub(super) struct WrittenFrame {
    pub(super) rect: Rect,
    /// Three bytes: milliseconds.
    pub(super) duration: [u8; 3],
    pub(super) image: Image,
}

/// What stands beside the pixels.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) icc: Option<Vec<u8>>,
    pub(super) exif: Option<Vec<u8>>,
    pub(super) xmp: Option<Vec<u8>>,
}

/// Writes a file. Its size stands at its beginning, so that all of it is in memory before.
pub(super) fn write(
    (width, height): (u32, u32),
    content: &Written,
    metadata: &Metadata,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let (is_animation, is_extended, has_alpha) = match content {
        Written::Still(image) => (false, image.is_extended(), image.has_alpha),
        Written::Animation(animation) => (true, true, animation.translucent),
    };
    let flags = [
        (metadata.icc.is_some(), FLAG_ICC),
        (has_alpha, FLAG_ALPHA),
        (metadata.exif.is_some(), FLAG_EXIF),
        (metadata.xmp.is_some(), FLAG_XMP),
        (is_animation, FLAG_ANIMATION),
    ];
    let flags = flags.iter().fold(
        0,
        |flags, (is_set, flag)| if *is_set { flags | flag } else { flags },
    );
    let mut head = vec![];
    if is_extended || flags & !FLAG_ALPHA != 0 {
        let mut canvas = vec![];
        canvas.extend_from_slice(&three_bytes(width.saturating_sub(1)));
        canvas.extend_from_slice(&three_bytes(height.saturating_sub(1)));
        push(&mut head, *b"VP8X", &[&[flags, 0, 0, 0], &canvas])?;
    }
    if let Some(icc) = &metadata.icc {
        push(&mut head, *b"ICCP", &[icc])?;
    }
    let mut tail = vec![];
    if let Some(exif) = &metadata.exif {
        push(&mut tail, *b"EXIF", &[exif])?;
    }
    if let Some(xmp) = &metadata.xmp {
        push(&mut tail, *b"XMP ", &[xmp])?;
    }
    let mut parts: Vec<Vec<u8>> = vec![];
    let mut blocks: Vec<&[u8]> = vec![&head];
    match content {
        Written::Still(image) => blocks.push(&image.chunks),
        Written::Animation(animation) => {
            let mut control = vec![];
            push(&mut control, *b"ANIM", &[&animation.control])?;
            parts.push(control);
            for frame in &animation.frames {
                parts.push(frame_header(frame)?);
            }
            blocks.push(&parts[0]);
            for (header, frame) in parts[1..].iter().zip(&animation.frames) {
                blocks.extend([&header[..], &frame.image.chunks]);
            }
        }
    }
    blocks.push(&tail);
    let size: usize = blocks.iter().map(|block| block.len()).sum();
    let size = u32::try_from(size + 4).map_err(|_| too_large())?;
    let header = [&b"RIFF"[..], &size.to_le_bytes(), b"WEBP"].concat();
    output.write_all(&header).map_err(PictureError::Write)?;
    for block in blocks {
        output.write_all(block).map_err(PictureError::Write)?;
    }
    Ok(())
}

/// The header of an `ANMF` chunk, up to the chunks of its picture, whose size is even.
fn frame_header(frame: &WrittenFrame) -> Result<Vec<u8>, PictureError> {
    /// It replaces what is there, and stays.
    const DO_NOT_BLEND: u8 = 0x02;
    let Rect { x, y, width, height } = frame.rect;
    let size = u32::try_from(frame.image.chunks.len() + 16).map_err(|_| too_large())?;
    let mut header = b"ANMF".to_vec();
    header.extend(size.to_le_bytes());
    for number in [x / 2, y / 2, width - 1, height - 1] {
        header.extend(three_bytes(number));
    }
    header.extend(frame.duration);
    header.push(DO_NOT_BLEND);
    Ok(header)
}

fn three_bytes(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// Adds a chunk and, after an odd size, the byte that fills it up.
fn push(chunks: &mut Vec<u8>, tag: [u8; 4], payload: &[&[u8]]) -> Result<(), PictureError> {
    let size: usize = payload.iter().map(|part| part.len()).sum();
    chunks.extend(tag);
    chunks.extend(u32::try_from(size).map_err(|_| too_large())?.to_le_bytes());
    payload.iter().for_each(|part| chunks.extend_from_slice(part));
    chunks.resize(chunks.len().next_multiple_of(2), 0);
    Ok(())
}

fn too_large() -> PictureError {
    PictureError::Unsupported {
        what: "WebP pictures whose result would have more than 4 GiB",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_stand_in_three_kinds_of_headers() {
        let file = |tag: &[u8], payload: &[u8]| [b"RIFF\0\0\0\0WEBP", tag, &[0; 4], payload].concat();
        let extended = file(b"VP8X", &[0, 0, 0, 0, 0xFF, 0x0F, 0, 1, 0, 1]);
        assert_eq!(size(&extended).unwrap(), (0x1000, 0x1_0002));
        let lossless = file(b"VP8L", &[0x2F, 0x02, 0xC0, 0x00, 0x00]);
        assert_eq!(size(&lossless).unwrap(), (3, 4));
        let lossy = file(b"VP8 ", &[0, 0, 0, 0x9D, 1, 0x2A, 0x80, 0x47, 0x38, 0x04]);
        assert_eq!(
            size(&lossy).unwrap(),
            (0x780, 0x438),
            "the scale is not part of the width"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_taken_apart(
            chunks in prop::collection::vec((prop::sample::select(vec![*b"VP8X", *b"VP8L", *b"VP8 ", *b"ANMF", *b"ANIM", *b"EXIF"]), any::<[u8; 24]>(), 0u32..40), 0..6),
        ) {
            let body: Vec<u8> = chunks
                .iter()
                .flat_map(|(tag, payload, size)| [&tag[..], &size.to_le_bytes(), payload].concat())
                .collect();
            let size = u32::try_from(body.len() + 4).unwrap().to_le_bytes();
            let file = [&b"RIFF"[..], &size, b"WEBP", &body].concat();
            let _any_outcome = Container::read(&file);
        }
    }
}
