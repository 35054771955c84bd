//! Animated PNG (PNG, third edition, 3.2 and 4.9).
//!
//! Frames are written as the part of the canvas that changes, without blending: what is displayed outside the masks is the
//! same, and what the original hides under later frames is gone.

use std::io::Write;

use png::{BitDepth, BlendOp, ColorType, DisposeOp, FrameControl, Transformations};
use sfumato_core::MediaFormat;

use super::{Decoder, info};
use crate::error::PictureError;
use crate::image::frames::{Player, Sightings};
use crate::limits;
use crate::metadata;
use crate::raster::{Channels, Raster, Rect, Samples, allocate, changed, reserve};
use crate::work::{Processed, Stage, Work};

pub(super) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let with_texts = metadata::keeps_texts(work.metadata());
    let open = || super::open(bytes, with_texts, Transformations::EXPAND);
    let decoder = open()?;
    let size = decoder.info().size();
    let frames = count(&decoder)?;
    limits::check_frames(frames.into(), size, work.limits())?;
    let orientation = behind(open()?, work)?;
    let mut player = Compositor::new(decoder)?;
    let sightings = Sightings::find(&mut player, frames, orientation, work)?;
    if work.writes() {
        let decoder = open()?;
        let (color_type, bit_depth) = decoder.output_color_type();
        let color_type = match (color_type, sightings.translucent()) {
            (ColorType::Grayscale, true) => ColorType::GrayscaleAlpha,
            (ColorType::Rgb, true) => ColorType::Rgba,
            (color_type, _) => color_type,
        };
        let kept = info::kept(
            decoder.info(),
            color_type,
            bit_depth,
            orientation,
            work.metadata(),
        );
        write(Compositor::new(decoder)?, kept, frames, &sightings, work, output)?;
    }
    Ok(Processed {
        format: MediaFormat::Png,
        shown: orientation.upright_size(size.0, size.1),
        orientation,
        frames,
    })
}

/// Pictures in the file: those of the animation and, where it is not one of them, the one that is shown by software that
/// knows of no animations.
fn count(decoder: &Decoder<'_>) -> Result<u32, PictureError> {
    let info = decoder.info();
    let frames = info.animation_control.map_or(1, |control| control.num_frames);
    if frames == 0 {
        return Err(PictureError::damaged("it is an animation without frames"));
    }
    Ok(frames.saturating_add(u32::from(info.frame_control.is_none())))
}

/// EXIF data may stand behind all frames.
fn behind(mut decoder: Decoder<'_>, work: &mut Work<'_>) -> Result<crate::Orientation, PictureError> {
    if decoder.info().exif_metadata.is_none() {
        super::finish(&mut decoder, work);
    }
    Ok(super::orientation(decoder.info()))
}

fn write(
    mut player: Compositor<'_>,
    mut kept: png::Info<'static>,
    frames: u32,
    sightings: &Sightings,
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let original = player.decoder.info();
    let (width, height) = original.size();
    let cicp = original.coding_independent_code_points;
    let separate = original.frame_control.is_none();
    kept.animation_control = original.animation_control;
    kept.frame_control = Some(FrameControl {
        width,
        height,
        ..FrameControl::default()
    });
    let color_type = kept.color_type;
    let mut encoder = png::Encoder::with_info(output, kept).map_err(super::failed)?;
    encoder.set_compression(png::Compression::Fast);
    encoder.set_sep_def_img(separate).map_err(super::failed)?;
    let mut writer = encoder.write_header().map_err(super::failed)?;
    if let Some(cicp) = cicp {
        writer
            .write_chunk(png::chunk::cICP, &info::cicp_bytes(cicp))
            .map_err(super::failed)?;
    }
    let mut before: Option<Raster> = None;
    for frame in 0..frames {
        work.enter(Stage::Decode);
        let mut raster = player.next()?.clone();
        sightings.hide(frame, &mut raster, work);
        work.enter(Stage::Encode);
        let whole = Rect::whole(width, height);
        // The picture for other software, and the first frame of the animation, stand on an empty canvas.
        let rect = match &before {
            Some(before) => changed_part(before, &raster),
            None => whole,
        };
        if let Some(control) = player
            .decoder
            .info()
            .frame_control
            .filter(|_| !separate || frame > 0)
        {
            writer
                .set_frame_delay(control.delay_num, control.delay_den)
                .map_err(super::failed)?;
        }
        // Position and size are held against each other at every step.
        writer.reset_frame_position().map_err(super::failed)?;
        writer
            .set_frame_dimension(rect.width, rect.height)
            .map_err(super::failed)?;
        writer.set_frame_position(rect.x, rect.y).map_err(super::failed)?;
        writer
            .write_image_data(&part(&raster, rect, color_type)?)
            .map_err(super::failed)?;
        before = Some(raster).filter(|_| !separate || frame > 0);
    }
    writer.finish().map_err(super::failed)
}

/// What has to be drawn anew; a frame has at least one pixel.
fn changed_part(before: &Raster, after: &Raster) -> Rect {
    let (width, count) = (after.width, after.channels.count());
    let part = match (&before.samples, &after.samples) {
        (Samples::Eight(before), Samples::Eight(after)) => changed(before, after, width, count),
        (Samples::Sixteen(before), Samples::Sixteen(after)) => changed(before, after, width, count),
        _ => Some(Rect::whole(width, after.height)),
    };
    part.unwrap_or(Rect::whole(1, 1))
}

/// The bytes of a part of the canvas, without its alpha where the file has none.
fn part(raster: &Raster, rect: Rect, color_type: ColorType) -> Result<Vec<u8>, PictureError> {
    let count = raster.channels.count();
    let taken = color_type.samples();
    let mut data = reserve(rect.width as usize * rect.height as usize * taken * 2)?;
    for row in rect.rows(raster.width, count) {
        match &raster.samples {
            Samples::Eight(samples) => {
                let pixels = samples[row].chunks_exact(count);
                pixels.for_each(|pixel| data.extend_from_slice(&pixel[..taken]));
            }
            Samples::Sixteen(samples) => {
                let pixels = samples[row].chunks_exact(count);
                data.extend(pixels.flat_map(|pixel| pixel[..taken].iter().flat_map(|s| s.to_be_bytes())));
            }
        }
    }
    Ok(data)
}

/// Draws frame by frame onto a canvas.
struct Compositor<'a> {
    decoder: Decoder<'a>,
    /// One frame as it comes from the decoder.
    data: Vec<u8>,
    canvas: Raster,
    /// What to do with the canvas before the next frame.
    disposal: Option<Disposal>,
}

enum Disposal {
    /// A picture that is not part of the animation stands on the canvas.
    All,
    Clear(Rect),
    Restore(Raster),
}

impl<'a> Compositor<'a> {
    fn new(decoder: Decoder<'a>) -> Result<Self, PictureError> {
        let (color_type, bit_depth) = decoder.output_color_type();
        let (width, height) = decoder.info().size();
        let channels = match color_type {
            ColorType::Grayscale | ColorType::GrayscaleAlpha => Channels::GrayAlpha,
            _ => Channels::Rgba,
        };
        let count = (width as usize)
            .checked_mul(height as usize)
            .and_then(|pixels| pixels.checked_mul(channels.count()))
            .ok_or(PictureError::Memory)?;
        let samples = match bit_depth {
            BitDepth::Sixteen => Samples::Sixteen(allocate(count)?),
            _ => Samples::Eight(allocate(count)?),
        };
        Ok(Self {
            data: allocate(decoder.output_buffer_size().ok_or(PictureError::Memory)?)?,
            decoder,
            canvas: Raster {
                width,
                height,
                channels,
                samples,
            },
            disposal: None,
        })
    }

    fn dispose(&mut self) {
        match self.disposal.take() {
            None => {}
            Some(Disposal::All) => {
                let whole = Rect::whole(self.canvas.width, self.canvas.height);
                clear(&mut self.canvas, whole);
            }
            Some(Disposal::Clear(rect)) => clear(&mut self.canvas, rect),
            Some(Disposal::Restore(canvas)) => self.canvas = canvas,
        }
    }
}

impl Player for Compositor<'_> {
    fn next(&mut self) -> Result<&Raster, PictureError> {
        self.dispose();
        let frame = self.decoder.next_frame(&mut self.data).map_err(super::refuse)?;
        let Raster { width, height, .. } = self.canvas;
        let control = self.decoder.info().frame_control;
        let (rect, blend) = match control {
            None => (Rect::whole(width, height), BlendOp::Source),
            Some(control) => {
                let rect = Rect {
                    x: control.x_offset,
                    y: control.y_offset,
                    width: control.width,
                    height: control.height,
                };
                (rect, control.blend_op)
            }
        };
        if !rect.lies_in(width, height) || (frame.width, frame.height) != (rect.width, rect.height) {
            return Err(PictureError::damaged("a frame lies outside the canvas"));
        }
        self.disposal = match control.map(|control| control.dispose_op) {
            None => Some(Disposal::All),
            Some(DisposeOp::None) => None,
            Some(DisposeOp::Background) => Some(Disposal::Clear(rect)),
            Some(DisposeOp::Previous) => Some(Disposal::Restore(self.canvas.clone())),
        };
        let source = Source {
            data: &self.data,
            line_bytes: frame.line_size,
            channels: super::channels(frame.color_type)?,
        };
        let count = self.canvas.channels.count();
        match &mut self.canvas.samples {
            Samples::Eight(canvas) => source.draw(canvas, rect.rows(width, count), count, blend),
            Samples::Sixteen(canvas) => source.draw(canvas, rect.rows(width, count), count, blend),
        }
        Ok(&self.canvas)
    }
}

fn clear(canvas: &mut Raster, rect: Rect) {
    let rows = rect.rows(canvas.width, canvas.channels.count());
    match &mut canvas.samples {
        Samples::Eight(samples) => rows.for_each(|row| samples[row].fill(0)),
        Samples::Sixteen(samples) => rows.for_each(|row| samples[row].fill(0)),
    }
}

/// A frame as it comes from the decoder.
struct Source<'a> {
    data: &'a [u8],
    line_bytes: usize,
    channels: Channels,
}

impl Source<'_> {
    fn draw<S: Depth>(
        &self,
        canvas: &mut [S],
        rows: impl Iterator<Item = std::ops::Range<usize>>,
        count: usize,
        blend: BlendOp,
    ) {
        let colors = self.channels.colors();
        for (row, line) in rows.zip(self.data.chunks_exact(self.line_bytes)) {
            let pixels = line.chunks_exact(self.channels.count() * S::BYTES);
            for (target, source) in canvas[row].chunks_exact_mut(count).zip(pixels) {
                let mut samples = [S::MAX; 4];
                for (sample, bytes) in samples.iter_mut().zip(source.chunks_exact(S::BYTES)) {
                    *sample = S::read(bytes);
                }
                // A frame without alpha is opaque: the sample behind its colours is still the highest.
                let alpha = samples[colors];
                match blend {
                    BlendOp::Source => target.copy_from_slice(&samples[..count]),
                    BlendOp::Over => over(target, &samples[..colors], alpha),
                }
            }
        }
    }
}

/// Draws a pixel over another, as PNG (third edition, 13.16) has it, without rounding before the end.
fn over<S: Depth>(target: &mut [S], source: &[S], alpha: S) {
    let max: u64 = S::MAX.into();
    let (source_alpha, colors) = (alpha.into(), source.len());
    let target_alpha: u64 = target[colors].into();
    if source_alpha == 0 {
        return;
    }
    if source_alpha == max || target_alpha == 0 {
        target[..colors].copy_from_slice(source);
        target[colors] = alpha;
        return;
    }
    let u = source_alpha * max;
    let v = (max - source_alpha) * target_alpha;
    for (target, source) in target.iter_mut().zip(source) {
        let (there, drawn): (u64, u64) = ((*target).into(), (*source).into());
        *target = S::from_sum((drawn * u + there * v) / (u + v));
    }
    target[colors] = S::from_sum((u + v) / max);
}

/// 8 or 16 bits a sample.
trait Depth: Copy + Into<u64> {
    const BYTES: usize;
    const MAX: Self;
    fn read(bytes: &[u8]) -> Self;
    /// A number that is not greater than the highest sample.
    fn from_sum(sum: u64) -> Self;
}

impl Depth for u8 {
    const BYTES: usize = 1;
    const MAX: Self = u8::MAX;

    fn read(bytes: &[u8]) -> Self {
        bytes[0]
    }

    fn from_sum(sum: u64) -> Self {
        u8::try_from(sum).unwrap_or(u8::MAX)
    }
}

impl Depth for u16 {
    const BYTES: usize = 2;
    const MAX: Self = u16::MAX;

    fn read(bytes: &[u8]) -> Self {
        u16::from_be_bytes([bytes[0], bytes[1]])
    }

    fn from_sum(sum: u64) -> Self {
        u16::try_from(sum).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(target: [u8; 4], source: [u8; 4]) -> [u8; 4] {
        let mut target = target;
        over(&mut target, &source[..3], source[3]);
        target
    }

    #[test]
    fn pixels_are_drawn_over_each_other() {
        let below = [10, 20, 30, 255];
        assert_eq!(drawn(below, [200, 100, 50, 255]), [200, 100, 50, 255]);
        assert_eq!(drawn(below, [200, 100, 50, 0]), below);
        assert_eq!(drawn([9, 9, 9, 0], [200, 100, 50, 7]), [200, 100, 50, 7]);
        assert_eq!(drawn([0, 0, 0, 255], [255, 255, 255, 51]), [51, 51, 51, 255]);
        assert_eq!(drawn([0, 0, 0, 128], [255, 255, 255, 128])[3], 191);
    }
}
