//! WebP through libwebp.
//!
//! What was coded without loss stays without loss: every pixel outside the masks is identical, the colours under
//! transparent pixels too. What was coded with loss is decoded and encoded once more, in high quality; its alpha stays
//! identical.

mod codec;
mod riff;

use std::io::Write;

use sfumato_core::MediaFormat;

use self::codec::{AnimationDecoder, Coding};
use self::riff::{Animation, Container, Content, Frame};
use super::frames::{self, Player, Sightings};
use super::icc::sane_icc;
use crate::error::PictureError;
use crate::limits;
use crate::metadata;
use crate::orientation::Orientation;
use crate::raster::{Channels, Raster, Rect, Samples, changed, reserve};
use crate::work::{Processed, Stage, Work};

/// Width and height that the header says.
pub(crate) use riff::size;

/// Hides what is found in a WebP.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let container = Container::read(bytes)?;
    let size = container.size;
    limits::check_size(size.0, size.1, work.limits())?;
    let exif = container
        .exif
        .map(|exif| exif.strip_prefix(metadata::EXIF_PREFIX).unwrap_or(exif));
    let orientation = exif.map_or(Orientation::UPRIGHT, metadata::orientation);
    let frames = match &container.content {
        Content::Still(coding) => {
            let encoded = process_still(container.file, *coding, orientation, work)?;
            if let Some(encoded) = encoded {
                let content = riff::Written::Still(riff::Image::of(&encoded)?);
                write(content, &container, exif, orientation, work, output)?;
            }
            1
        }
        Content::Animation(animation) => {
            limits::check_frames(animation.frame_count, size, work.limits())?;
            let frames = animation.frames.len();
            if let Some(animation) = process_animation(&container, animation, orientation, work)? {
                let content = riff::Written::Animation(animation);
                write(content, &container, exif, orientation, work, output)?;
            }
            u32::try_from(frames).unwrap_or(u32::MAX)
        }
    };
    Ok(Processed {
        format: MediaFormat::Webp,
        shown: orientation.upright_size(size.0, size.1),
        orientation,
        frames,
    })
}

fn write(
    content: riff::Written,
    original: &Container<'_>,
    exif: Option<&[u8]>,
    orientation: Orientation,
    work: &Work<'_>,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let policy = work.metadata();
    let metadata = riff::Metadata {
        icc: original.icc.and_then(sane_icc),
        exif: metadata::exif(policy, exif, orientation),
        xmp: original.xmp.and_then(|xmp| metadata::xmp(policy, xmp)),
    };
    riff::write(original.size, &content, &metadata, output)
}

/// The encoded picture, where a result is wanted.
fn process_still(
    file: &[u8],
    coding: Coding,
    orientation: Orientation,
    work: &mut Work<'_>,
) -> Result<Option<Vec<u8>>, PictureError> {
    let features = codec::features(file)?;
    // It is the decoder that allocates.
    limits::check_size(features.width, features.height, work.limits())?;
    let mut raster = codec::decode(file, features)?;
    work.progress(0.2);
    frames::hide(&mut raster, orientation, None, work)?;
    if !work.writes() {
        return Ok(None);
    }
    work.progress(0.7);
    work.enter(Stage::Encode);
    let Raster {
        width,
        height,
        channels,
        ..
    } = raster;
    codec::encode(pixels(&raster)?, (width, height), channels, coding).map(Some)
}

fn pixels(raster: &Raster) -> Result<&[u8], PictureError> {
    match &raster.samples {
        Samples::Eight(samples) => Ok(samples),
        Samples::Sixteen(_) => Err(PictureError::internal("a WebP was decoded to 16 bits")),
    }
}

impl Player for AnimationDecoder<'_> {
    fn next(&mut self) -> Result<&Raster, PictureError> {
        self.decode_next()
    }
}

/// The encoded animation, where a result is wanted. Frames are written as the part of the canvas that changes, without
/// blending: what the original hides under later frames is gone.
fn process_animation(
    container: &Container<'_>,
    animation: &Animation,
    orientation: Orientation,
    work: &mut Work<'_>,
) -> Result<Option<riff::WrittenAnimation>, PictureError> {
    let (width, height) = container.size;
    let count = u32::try_from(animation.frames.len()).unwrap_or(u32::MAX);
    let mut decoder = AnimationDecoder::new(container.file, container.size, count)?;
    let sightings = Sightings::find(&mut decoder, count, orientation, work)?;
    drop(decoder);
    if !work.writes() {
        return Ok(None);
    }
    let channels = if sightings.translucent() {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    let mut decoder = AnimationDecoder::new(container.file, container.size, count)?;
    let mut before: Option<Raster> = None;
    let mut frames = vec![];
    for (index, Frame { duration, coding, .. }) in (0..).zip(&animation.frames) {
        work.enter(Stage::Decode);
        let mut raster = decoder.next()?.clone();
        sightings.hide(index, &mut raster, work);
        work.enter(Stage::Encode);
        let rect = match &before {
            None => Rect::whole(width, height),
            Some(before) => {
                let part = changed(pixels(before)?, pixels(&raster)?, width, raster.channels.count());
                even(part.unwrap_or(Rect::whole(1, 1)))
            }
        };
        let part = part(&raster, rect, channels)?;
        let encoded = codec::encode(&part, (rect.width, rect.height), channels, *coding)?;
        frames.push(riff::WrittenFrame {
            rect,
            duration: *duration,
            image: riff::Image::of(&encoded)?,
        });
        before = Some(raster);
    }
    Ok(Some(riff::WrittenAnimation {
        control: animation.control,
        translucent: sightings.translucent(),
        frames,
    }))
}

/// Frames can start at even columns and rows only.
fn even(rect: Rect) -> Rect {
    Rect {
        x: rect.x & !1,
        y: rect.y & !1,
        width: rect.width + (rect.x & 1),
        height: rect.height + (rect.y & 1),
    }
}

/// The samples of a part of the canvas, without its alpha where nothing is translucent.
fn part(raster: &Raster, rect: Rect, channels: Channels) -> Result<Vec<u8>, PictureError> {
    let samples = pixels(raster)?;
    let (count, taken) = (raster.channels.count(), channels.count());
    let mut part = reserve(rect.width as usize * rect.height as usize * taken)?;
    for row in rect.rows(raster.width, count) {
        let pixels = samples[row].chunks_exact(count);
        pixels.for_each(|pixel| part.extend_from_slice(&pixel[..taken]));
    }
    Ok(part)
}

#[cfg(test)]
mod tests;
