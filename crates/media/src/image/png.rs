//! PNG through the `png` crate. Every pixel outside the masks stays what it was, in the depth it had.

use std::io::{self, Cursor, Write};

use png::{BitDepth, ColorType, Compression, DecodingError, EncodingError, Info, Limits, Transformations};
use sfumato_core::MediaFormat;
use sfumato_media_client::protocol::MediaLimits;

use super::icc::sane_icc;
use crate::error::PictureError;
use crate::metadata;
use crate::orientation::Orientation;
use crate::probe;
use crate::raster::{Channels, Raster, Samples};
use crate::work::{Processed, Stage, Work};

/// What the decoder may allocate besides the pixels: a few rows, and a colour profile.
const DECODER_BYTES_MAX: usize = 64 * 1024 * 1024;

struct Picture {
    raster: Raster,
    orientation: Orientation,
    warnings: Vec<String>,
    /// What of the original is written again. All of it tells how to show the pixels, nothing tells of people or places.
    info: Box<Info<'static>>,
}

/// Hides what is found in a PNG.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let Picture {
        mut raster,
        orientation,
        warnings,
        info,
    } = decode(bytes, work.limits())?;
    warnings.into_iter().for_each(|warning| work.warn(warning));
    let stored = (raster.width, raster.height);
    let shown = orientation.upright_size(stored.0, stored.1);
    work.progress(0.2);
    let detections = work.find_in(&raster, orientation)?;
    work.document(None, &detections, shown);
    if work.writes() {
        work.progress(0.7);
        work.enter(Stage::Mask);
        work.masks(&detections, orientation, stored).draw(&mut raster);
        work.enter(Stage::Encode);
        write(raster, orientation, *info, output)?;
    }
    Ok(Processed {
        format: MediaFormat::Png,
        shown,
        orientation,
        frames: 1,
    })
}

/// Decodes a whole picture: palettes become RGB or RGBA, depths under 8 bits become 8 bits.
fn decode(bytes: &[u8], limits: &MediaLimits) -> Result<Picture, PictureError> {
    let limit = Limits {
        bytes: DECODER_BYTES_MAX,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limit);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(refuse)?;
    let (width, height) = reader.info().size();
    probe::check_size(width, height, limits)?;
    if reader.info().animation_control.is_some() {
        // An animation whose first frame alone is masked shows the face in the second.
        return Err(PictureError::Unsupported {
            what: "animated PNG pictures",
        });
    }
    let mut data = allocate(reader.output_buffer_size().ok_or(PictureError::Memory)?)?;
    let frame = reader.next_frame(&mut data).map_err(refuse)?;
    // EXIF data may stand behind the pixels.
    let warnings = match reader.finish() {
        Ok(()) => vec![],
        Err(_) => vec![
            "the picture was complete, but what follows its pixels was damaged and is left out".to_owned(),
        ],
    };
    let channels = match frame.color_type {
        ColorType::Grayscale => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
        ColorType::Indexed => return Err(PictureError::internal("a palette was not expanded")),
    };
    let samples = match frame.bit_depth {
        BitDepth::Eight => Samples::Eight(data),
        BitDepth::Sixteen => Samples::Sixteen(join_bytes(&data)?),
        depth => {
            return Err(PictureError::internal(format!(
                "a depth of {depth:?} was not expanded"
            )));
        }
    };
    let raster = Raster {
        width,
        height,
        channels,
        samples,
    };
    let info = reader.info();
    Ok(Picture {
        orientation: info
            .exif_metadata
            .as_deref()
            .map_or(Orientation::UPRIGHT, metadata::orientation),
        warnings,
        info: Box::new(kept(info, frame.color_type, frame.bit_depth)),
        raster,
    })
}

/// Density and colour description, copied one by one into a fresh header.
fn kept(original: &Info<'static>, color_type: ColorType, bit_depth: BitDepth) -> Info<'static> {
    let mut info = Info::with_size(original.width, original.height);
    info.color_type = color_type;
    info.bit_depth = bit_depth;
    info.pixel_dims = original.pixel_dims;
    info.srgb = original.srgb;
    info.source_gamma = original.source_gamma;
    info.source_chromaticities = original.source_chromaticities;
    info.icc_profile = original.icc_profile.as_deref().and_then(sane_icc).map(Into::into);
    info
}

/// Writes the picture.
fn write(
    raster: Raster,
    orientation: Orientation,
    mut info: Info<'_>,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    info.exif_metadata = metadata::minimal_exif(orientation).map(Into::into);
    let failed = |error: EncodingError| match error {
        EncodingError::IoError(error) => PictureError::Write(error),
        error => PictureError::internal(error.to_string()),
    };
    let mut encoder = png::Encoder::with_info(output, info).map_err(failed)?;
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    match raster.samples {
        Samples::Eight(samples) => writer.write_image_data(&samples),
        Samples::Sixteen(samples) => writer.write_image_data(&split_samples(&samples)?),
    }
    .map_err(failed)?;
    writer.finish().map_err(failed)
}

fn allocate(bytes: usize) -> Result<Vec<u8>, PictureError> {
    let mut data = Vec::new();
    data.try_reserve_exact(bytes).map_err(|_| PictureError::Memory)?;
    data.resize(bytes, 0);
    Ok(data)
}

fn join_bytes(data: &[u8]) -> Result<Vec<u16>, PictureError> {
    let mut samples = Vec::new();
    samples
        .try_reserve_exact(data.len() / 2)
        .map_err(|_| PictureError::Memory)?;
    samples.extend(
        data.chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]])),
    );
    Ok(samples)
}

fn split_samples(samples: &[u16]) -> Result<Vec<u8>, PictureError> {
    let mut data = Vec::new();
    data.try_reserve_exact(samples.len() * 2)
        .map_err(|_| PictureError::Memory)?;
    data.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
    Ok(data)
}

fn refuse(error: DecodingError) -> PictureError {
    match error {
        DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            PictureError::Truncated
        }
        DecodingError::LimitsExceeded => PictureError::damaged(format!(
            "a part of it unpacks to more than {DECODER_BYTES_MAX} bytes"
        )),
        error => PictureError::damaged(error.to_string()),
    }
}
