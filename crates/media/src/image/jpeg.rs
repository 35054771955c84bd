//! JPEG through libjpeg (mozjpeg).
//!
//! Everything that decides how a decoder shows the picture is taken over from the original: quantisation tables,
//! sampling factors, colour space, progressive or not.

use std::io::{self, Write};

use mozjpeg::qtable::QTable;
use mozjpeg::{ColorSpace, CompInfoExt, Compress, Decompress, Marker, PixelDensity};
use sfumato_core::MediaFormat;
use sfumato_media_client::protocol::MediaLimits;

use super::icc::sane_icc;
use super::libjpeg::{self, Overlooked};
use super::segments;
use crate::error::PictureError;
use crate::metadata;
use crate::orientation::Orientation;
use crate::probe;
use crate::raster::{Channels, Raster, Samples};
use crate::work::{Processed, Stage, Work};

/// A file can ask for the work of a whole picture with each of its scans, and hold a scan in a dozen bytes. Encoders
/// write about ten.
const SCANS_MAX: usize = 100;

/// How the original was coded.
struct Coding {
    color_space: ColorSpace,
    components: Vec<Component>,
    progressive: bool,
    density: Option<PixelDensity>,
    icc_profile: Option<Vec<u8>>,
}

struct Component {
    sampling: (i32, i32),
    table: Option<QTable>,
}

struct Picture {
    raster: Raster,
    orientation: Orientation,
    warnings: Vec<String>,
    coding: Coding,
}

/// Hides what is found in a JPEG.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let Picture {
        mut raster,
        orientation,
        warnings,
        coding,
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
        write(&raster, orientation, &coding, output)?;
    }
    Ok(Processed {
        format: MediaFormat::Jpeg,
        shown,
        orientation,
        frames: 1,
    })
}

/// Decodes a whole picture: grayscale stays grayscale, all else becomes RGB.
fn decode(bytes: &[u8], limits: &MediaLimits) -> Result<Picture, PictureError> {
    let frame = segments::frame_header(bytes)?;
    if frame.precision != 8 {
        return Err(PictureError::Unsupported {
            what: "JPEG pictures with more than 8 bits a sample",
        });
    }
    if frame.components == 4 {
        return Err(PictureError::Unsupported {
            what: "CMYK pictures",
        });
    }
    let contents = segments::contents(bytes);
    if contents.scans > SCANS_MAX {
        return Err(PictureError::damaged(format!(
            "it has {} scans; the limit is {SCANS_MAX}",
            contents.scans
        )));
    }
    let (outcome, overlooked) = libjpeg::guarded(|| decode_unguarded(bytes, limits, contents.jfif));
    let (raster, coding) = match outcome {
        Ok(outcome) => outcome?,
        // An error at a place where data are missing is a consequence of that.
        Err(_) if overlooked.missing_end => return Err(PictureError::Truncated),
        Err(detail) => return Err(PictureError::Damaged { detail }),
    };
    let one_complete_scan = contents.scans == 1 && !frame.progressive;
    let warnings = judge(overlooked, one_complete_scan)?;
    Ok(Picture {
        raster,
        orientation: contents.exif.map_or(Orientation::UPRIGHT, metadata::orientation),
        warnings,
        coding: Coding {
            icc_profile: contents.icc_profile.as_deref().and_then(sane_icc),
            progressive: frame.progressive,
            ..coding
        },
    })
}

/// Decides what is still a whole picture. Only the end marker may be missing, and only where that proves harmless: in a
/// picture of several scans whole scans can be missing with it.
fn judge(overlooked: Overlooked, one_complete_scan: bool) -> Result<Vec<String>, PictureError> {
    if overlooked.missing_end && (overlooked.missing_data || !one_complete_scan) {
        return Err(PictureError::Truncated);
    }
    if overlooked.missing_data {
        return Err(PictureError::damaged("a part of its data is missing"));
    }
    if overlooked.wrong_data {
        return Err(PictureError::damaged("a part of its data makes no sense"));
    }
    Ok(if overlooked.missing_end {
        vec!["the picture was complete, but its end marker was missing; the result has one".to_owned()]
    } else {
        vec![]
    })
}

fn decode_unguarded(
    bytes: &[u8],
    limits: &MediaLimits,
    has_density: bool,
) -> Result<(Raster, Coding), PictureError> {
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::OutOfMemory => PictureError::Memory,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::WouldBlock => PictureError::Truncated,
        _ => PictureError::damaged(error.to_string()),
    };
    let mut header = Decompress::with_err(libjpeg::error_manager())
        .from_mem(bytes)
        .map_err(damaged)?;
    // The decoder may have another opinion on the size than the probe: it is the decoder that allocates.
    let size = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let (width, height) = (size(header.width()), size(header.height()));
    probe::check_size(width, height, limits)?;
    let color_space = header.color_space();
    let density = header.pixel_density().filter(|_| has_density);
    let (channels, target) = match color_space {
        ColorSpace::JCS_GRAYSCALE => (Channels::Gray, ColorSpace::JCS_GRAYSCALE),
        ColorSpace::JCS_YCbCr | ColorSpace::JCS_RGB => (Channels::Rgb, ColorSpace::JCS_RGB),
        _ => {
            return Err(PictureError::Unsupported {
                what: "JPEG pictures in a colour space other than grayscale, YCbCr and RGB",
            });
        }
    };
    let mut decoder = header.to_colorspace(target).map_err(damaged)?;
    let samples: Vec<u8> = decoder.read_scanlines().map_err(damaged)?;
    let components = decoder
        .components()
        .iter()
        .map(|component| Component {
            sampling: (component.h_samp_factor, component.v_samp_factor),
            table: component.qtable(),
        })
        .collect();
    decoder.finish().map_err(damaged)?;
    let raster = Raster {
        width,
        height,
        channels,
        samples: Samples::Eight(samples),
    };
    let coding = Coding {
        color_space,
        components,
        progressive: false,
        density,
        icc_profile: None,
    };
    Ok((raster, coding))
}

/// Writes the picture, encoded anew.
fn write(
    raster: &Raster,
    orientation: Orientation,
    coding: &Coding,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let Samples::Eight(samples) = &raster.samples else {
        return Err(PictureError::internal("a JPEG raster has 16-bit samples"));
    };
    let mut file = WriteErrorKeeper {
        inner: output,
        error: None,
    };
    let (outcome, _) = libjpeg::guarded(|| encode(samples, raster, orientation, coding, &mut file));
    if let Some(error) = file.error {
        return Err(PictureError::Write(error));
    }
    match outcome {
        Ok(outcome) => outcome.map_err(|error| PictureError::internal(error.to_string())),
        Err(detail) => Err(PictureError::Internal { detail }),
    }
}

fn encode(
    samples: &[u8],
    raster: &Raster,
    orientation: Orientation,
    coding: &Coding,
    output: &mut impl Write,
) -> io::Result<()> {
    let input = match raster.channels {
        Channels::Gray => ColorSpace::JCS_GRAYSCALE,
        _ => ColorSpace::JCS_RGB,
    };
    let mut settings = Compress::new_err(Box::new(libjpeg::error_manager()), input);
    // First of all, since it resets everything else.
    settings.set_fastest_defaults();
    settings.set_size(raster.width as usize, raster.height as usize);
    settings.set_color_space(coding.color_space);
    set_tables(&mut settings, coding);
    set_sampling(&mut settings, coding);
    if let Some(density) = &coding.density {
        settings.set_pixel_density(PixelDensity { ..*density });
    }
    if coding.progressive {
        settings.set_progressive_mode();
    }
    let mut encoder = settings.start_compress(output)?;
    if let Some(exif) = metadata::minimal_exif(orientation) {
        encoder.write_marker(Marker::APP(1), &[metadata::EXIF_PREFIX, &exif].concat());
    }
    for payload in segments::split_icc(coding.icc_profile.as_deref().unwrap_or_default()) {
        encoder.write_marker(Marker::APP(2), &payload);
    }
    encoder.write_scanlines(samples)?;
    encoder.finish()?;
    Ok(())
}

/// Two tables can be set: one for the first component, one for the others. A third, which hardly any encoder writes, is
/// replaced by the second.
fn set_tables(settings: &mut Compress, coding: &Coding) {
    let mut tables = coding.components.iter().map(|component| component.table.as_ref());
    if let Some(Some(table)) = tables.next() {
        settings.set_luma_qtable(table);
    }
    if let Some(Some(table)) = tables.next() {
        settings.set_chroma_qtable(table);
    }
}

/// Factors are relative to each other; an encoder wants them as small as they can be.
fn set_sampling(settings: &mut Compress, coding: &Coding) {
    let smallest = |side: fn(&Component) -> i32| coding.components.iter().map(side).min().unwrap_or(1).max(1);
    let (h_min, v_min) = (smallest(|c| c.sampling.0), smallest(|c| c.sampling.1));
    let divisible = coding
        .components
        .iter()
        .all(|c| c.sampling.0 % h_min == 0 && c.sampling.1 % v_min == 0);
    for (target, source) in settings.components_mut().iter_mut().zip(&coding.components) {
        (target.h_samp_factor, target.v_samp_factor) = if divisible {
            (source.sampling.0 / h_min, source.sampling.1 / v_min)
        } else {
            (1, 1)
        };
    }
}

/// libjpeg forgets why a write failed; this remembers.
struct WriteErrorKeeper<W> {
    inner: W,
    error: Option<io::Error>,
}

impl<W: Write> WriteErrorKeeper<W> {
    fn keep<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for WriteErrorKeeper<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let outcome = self.inner.write(buffer);
        self.keep(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.inner.flush();
        self.keep(outcome)
    }
}
