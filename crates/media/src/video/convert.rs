//! Frames of formats that no encoder takes, or in which no mask is drawn, to one that both take.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{ffi, frame};

use super::error::VideoError;
use super::planes::{self, Planes, bits};

/// The formats in which masks are drawn: planes of 8 or 10 bits, with chroma of a half, of the half width, or whole.
const DRAWN: [Pixel; 9] = [
    Pixel::YUV420P,
    Pixel::YUVJ420P,
    Pixel::YUV422P,
    Pixel::YUVJ422P,
    Pixel::YUV444P,
    Pixel::YUVJ444P,
    Pixel::YUV420P10LE,
    Pixel::YUV422P10LE,
    Pixel::YUV444P10LE,
];

/// The format in which frames are drawn and encoded that are decoded in `source`.
pub(super) fn target(source: Pixel, allowed: impl Fn(Pixel) -> bool) -> Option<Pixel> {
    if DRAWN.contains(&source) && allowed(source) {
        return Some(source);
    }
    let description = source.descriptor()?;
    let deep = bits(source) > 8;
    // Gray has no chroma, and is given an even one.
    let is_gray = description.nb_components() < 3;
    let whole = !is_gray && description.log2_chroma_w() == 0;
    let half = description.log2_chroma_h() == 0;
    let wanted = match (whole, half && !is_gray, deep) {
        (true, _, false) => [Pixel::YUV444P, Pixel::YUV422P, Pixel::YUV420P],
        (true, _, true) => [Pixel::YUV444P10LE, Pixel::YUV422P10LE, Pixel::YUV420P10LE],
        (false, true, false) => [Pixel::YUV422P, Pixel::YUV444P, Pixel::YUV420P],
        (false, true, true) => [Pixel::YUV422P10LE, Pixel::YUV444P10LE, Pixel::YUV420P10LE],
        (false, false, false) => [Pixel::YUV420P, Pixel::YUV444P, Pixel::YUV422P],
        (false, false, true) => [Pixel::YUV420P10LE, Pixel::YUV444P10LE, Pixel::YUV422P10LE],
    };
    wanted
        .into_iter()
        .chain([Pixel::YUV420P])
        .find(|format| allowed(*format))
}

/// Whether a format has a channel of transparency, which no encoder that is used keeps.
#[expect(unsafe_code, reason = "the safe interface has no accessor for it")]
pub(super) fn has_alpha(format: Pixel) -> bool {
    // SAFETY: libav returns null or a description that lives as long as the program.
    unsafe {
        let description = ffi::av_pix_fmt_desc_get(format.into());
        !description.is_null() && (*description).flags & ffi::AV_PIX_FMT_FLAG_ALPHA as u64 != 0
    }
}

/// Turns frames into what is drawn in and encoded.
pub(super) struct Converter {
    /// Where the format differs.
    scaler: Option<Context>,
    target: Pixel,
    /// Width and height of the result.
    size: (u32, u32),
}

impl Converter {
    /// For frames like the given one. A result may be a pixel wider and higher.
    pub(super) fn new(source: &frame::Video, target: Pixel, size: (u32, u32)) -> Result<Self, VideoError> {
        let (width, height) = (source.width(), source.height());
        let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::FULL_CHR_H_INP;
        let scaler = (source.format() != target)
            .then(|| Context::get(source.format(), width, height, target, width, height, flags))
            .transpose()
            .map_err(|error| VideoError::internal("convert frames", error))?;
        Ok(Self { scaler, target, size })
    }

    /// The frame as it is encoded, with all that is known of it.
    pub(super) fn run(&mut self, source: frame::Video) -> Result<frame::Video, VideoError> {
        let mut converted = source;
        if let Some(scaler) = &mut self.scaler {
            let mut frame = frame::Video::new(self.target, converted.width(), converted.height());
            scaler
                .run(&converted, &mut frame)
                .map_err(|error| VideoError::internal("convert a frame", error))?;
            copy_properties(&converted, &mut frame)?;
            converted = frame;
        }
        if (converted.width(), converted.height()) != self.size {
            let mut frame = frame::Video::new(self.target, self.size.0, self.size.1);
            pad(&converted, &mut frame)?;
            copy_properties(&converted, &mut frame)?;
            converted = frame;
        }
        Ok(converted)
    }
}

#[expect(unsafe_code, reason = "the safe interface does not copy properties")]
fn copy_properties(source: &frame::Video, target: &mut frame::Video) -> Result<(), VideoError> {
    // SAFETY: both frames are valid.
    let code = unsafe { ffi::av_frame_copy_props(target.as_mut_ptr(), source.as_ptr()) };
    if code < 0 { Err(VideoError::Memory) } else { Ok(()) }
}

/// Copies a frame into the upper left corner of one that is no smaller, and repeats the last column and row.
fn pad(source: &frame::Video, target: &mut frame::Video) -> Result<(), VideoError> {
    let mut target = Planes::of(target)?;
    for component in 0..3 {
        let Some(from) = planes::plane(source, component) else {
            return Err(VideoError::Memory);
        };
        let [columns, rows] = target.components[component].size;
        for y in 0..rows {
            let row = from.row(y.min(from.size[1] - 1));
            let (copied, rest) = target
                .row_mut(component, y)
                .split_at_mut(row.len().min(columns * from.sample));
            copied.copy_from_slice(&row[..copied.len()]);
            let last = &row[row.len() - from.sample..];
            rest.chunks_exact_mut(from.sample)
                .for_each(|sample| sample.copy_from_slice(last));
        }
    }
    Ok(())
}
