//! JPEG, edited without decoding and encoding it: what no mask touches is bit for bit what it was.
//!
//! libjpeg (mozjpeg) reads the quantised coefficients and writes them again. In between masks are drawn into the blocks that
//! they touch, and into no others. Everything that decides how a decoder shows the picture is taken over from the original:
//! quantisation tables, sampling factors, colour space, density, profile.

mod coding;
mod color;
mod dct;
mod edit;
mod metadata;
mod overlay;
mod plane;
mod read;
mod window;
mod write;

use std::io::Write;

use sfumato_core::MediaFormat;
use sfumato_core::detection::Detection;

use super::libjpeg::{self, Overlooked};
use super::segments;
use crate::error::PictureError;
use crate::limits;
use crate::orientation::Orientation;
use crate::raster::{Channels, Raster, Samples};
use crate::work::{self, Processed, Stage, Work};
use coding::Coding;
use color::ColorSpace;
use edit::Layout;
use read::{Coefficients, Rendered};
use write::Header;

/// A file can ask for the work of a whole picture with each of its scans, and hold a scan in a dozen bytes. Encoders
/// write about ten.
const SCANS_MAX: usize = 100;

/// The sizes in which libjpeg renders fast, in eighths. One eighth is not among them: where libjpeg is told that one value a
/// block is enough it throws the other coefficients away.
const EIGHTHS: [u32; 3] = [2, 4, 8];

/// Hides what is found in a JPEG.
pub(crate) fn process(
    bytes: &[u8],
    work: &mut Work<'_>,
    output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    let coding = check(bytes)?;
    let contents = segments::contents(bytes);
    let orientation = contents
        .exif
        .map_or(Orientation::UPRIGHT, crate::metadata::orientation);
    let (mut coefficients, layout, view) = read(bytes, &coding, orientation, work)?;
    let stored = coefficients.size();
    let shown = orientation.upright_size(stored.0, stored.1);
    work.progress(0.2);
    let detections = match view {
        Some(view) => {
            let detections = find(view, &coding, &layout, orientation, shown, work)?;
            work.document(None, &detections, shown);
            detections
        }
        None => work.take_given(None, shown)?,
    };
    if work.writes() {
        work.progress(0.7);
        work.enter(Stage::Mask);
        let masks = work.masks(&detections, orientation, stored);
        layout.draw(&mut coefficients, &masks)?;
        work.enter(Stage::Encode);
        let header = Header {
            coding: &coding,
            density: metadata::density(work.metadata()),
            segments: metadata::segments(bytes, &contents, &coding, orientation, work.metadata()),
        };
        write::write(&mut coefficients, &header, output)?;
    }
    Ok(Processed {
        format: MediaFormat::Jpeg,
        shown,
        orientation,
        frames: 1,
    })
}

/// Looks at the segments before anything is decoded.
fn check(bytes: &[u8]) -> Result<Coding, PictureError> {
    let frame = segments::frame_header(bytes)?;
    if frame.precision != 8 {
        return Err(PictureError::Unsupported {
            what: "JPEG pictures with more than 8 bits a sample",
        });
    }
    let coding = Coding::of(bytes);
    if coding.scans > SCANS_MAX {
        return Err(PictureError::damaged(format!(
            "it has {} scans; the limit is {SCANS_MAX}",
            coding.scans
        )));
    }
    Ok(coding)
}

/// Reads all coefficients, and makes of them what the detectors look at, as it is stored; `None` where nobody looks.
fn read<'a>(
    bytes: &'a [u8],
    coding: &Coding,
    orientation: Orientation,
    work: &mut Work<'_>,
) -> Result<(Coefficients<'a>, Layout, Option<View>), PictureError> {
    let (outcome, overlooked) = libjpeg::guarded(|| read_unguarded(bytes, orientation, work));
    let outcome = match outcome {
        Ok(outcome) => outcome?,
        // An error at a place where data are missing is a consequence of that.
        Err(_) if overlooked.missing_end => return Err(PictureError::Truncated),
        Err(fault) if fault.is_memory() => return Err(PictureError::Memory),
        Err(fault) => return Err(PictureError::Damaged { detail: fault.text }),
    };
    // Arithmetic decoders take missing data for zeros, and do not notice.
    let one_complete_scan = coding.scans == 1 && !coding.progressive && !coding.arithmetic;
    for warning in judge(overlooked, one_complete_scan)? {
        work.warn(warning);
    }
    Ok(outcome)
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

/// What the detectors look at, before it is turned upright.
struct View {
    size: (u32, u32),
    /// In RGB, or in inks as Adobe stores them.
    channels: usize,
    samples: Vec<u8>,
}

fn read_unguarded<'a>(
    bytes: &'a [u8],
    orientation: Orientation,
    work: &Work<'_>,
) -> Result<(Coefficients<'a>, Layout, Option<View>), PictureError> {
    let mut coefficients = Coefficients::open(bytes);
    // The decoder may have another opinion on the size than the probe: it is the decoder that allocates.
    let (width, height) = coefficients.size();
    limits::check_size(width, height, work.limits())?;
    let space = coefficients.color_space().ok_or(PictureError::Unsupported {
        what: "JPEG pictures in a colour space other than grayscale, YCbCr, RGB, CMYK and YCCK",
    })?;
    if work.is_given() {
        coefficients.read();
        let layout = Layout::of(&coefficients, space)?;
        return Ok((coefficients, layout, None));
    }
    if coefficients.is_renderable() {
        let shown = orientation.upright_size(width, height);
        let eighths = eighths(width.max(height), work.long_side_px(shown));
        let Rendered {
            size,
            channels,
            samples,
        } = coefficients.read_and_render(eighths)?;
        let layout = Layout::of(&coefficients, space)?;
        return Ok((
            coefficients,
            layout,
            Some(View {
                size,
                channels,
                samples,
            }),
        ));
    }
    coefficients.read();
    let layout = Layout::of(&coefficients, space)?;
    let raster = layout.render(&mut coefficients)?;
    let Samples::Eight(samples) = raster.samples else {
        return Err(PictureError::internal("a JPEG raster has 16-bit samples"));
    };
    let view = View {
        size: (raster.width, raster.height),
        channels: raster.channels.count(),
        samples,
    };
    Ok((coefficients, layout, Some(view)))
}

/// The smallest size in eighths that has the pixels that detectors want.
fn eighths(long_side: u32, wanted: u32) -> u32 {
    EIGHTHS
        .into_iter()
        .find(|eighths| u64::from(long_side) * u64::from(*eighths) >= u64::from(wanted) * 8)
        .unwrap_or(8)
}

/// Finds what a picture shows.
fn find(
    view: View,
    coding: &Coding,
    layout: &Layout,
    orientation: Orientation,
    shown: (u32, u32),
    work: &mut Work<'_>,
) -> Result<Vec<Detection>, PictureError> {
    work.enter(Stage::Resize);
    let is_inked = matches!(layout.space, ColorSpace::Cmyk | ColorSpace::Ycck);
    let (width, height) = view.size;
    let mut raster = Raster {
        width,
        height,
        channels: Channels::Rgb,
        samples: Samples::Eight(if view.channels == 4 {
            inks_to_rgb(&view.samples)
        } else {
            view.samples
        }),
    };
    let size = orientation.upright_size(width, height);
    let rgb = raster.upright_rgb8(orientation);
    let mut detections = work.find(&rgb, size, shown)?;
    drop(rgb);
    if is_inked && coding.adobe_transform.is_none() {
        // Without Adobe's segment nobody can tell whether 255 is all ink or none, and there is no face in a negative.
        let Samples::Eight(samples) = &mut raster.samples else {
            return Err(PictureError::internal("a JPEG raster has 16-bit samples"));
        };
        samples.iter_mut().for_each(|sample| *sample = u8::MAX - *sample);
        let rgb = raster.upright_rgb8(orientation);
        detections.extend(work.find(&rgb, size, shown)?);
        detections = work::unite(detections);
    }
    Ok(detections)
}

/// Cyan, magenta, yellow, black as Adobe stores them in RGB.
fn inks_to_rgb(samples: &[u8]) -> Vec<u8> {
    let mix = |ink: u8, black: u8| u16::from(ink) * u16::from(black) / 255;
    samples
        .chunks_exact(4)
        // A product of fractions of 255 is one.
        .flat_map(|pixel| [0, 1, 2].map(|i| mix(pixel[i], pixel[3]) as u8))
        .collect()
}

#[cfg(test)]
mod tests;
