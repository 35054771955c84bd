//! A small copy of a frame, upright, in red, green and blue, for the models.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{color, ffi, frame};

use super::error::VideoError;
use crate::orientation::Orientation;

/// Makes such copies of the frames of one video.
pub(super) struct Preview {
    scaler: Context,
    /// As stored: not turned yet.
    copy: frame::Video,
    orientation: Orientation,
}

impl Preview {
    /// For frames like the given one, with a long side of `side_px` pixels at most.
    pub(super) fn new(
        frame: &frame::Video,
        orientation: Orientation,
        side_px: u32,
    ) -> Result<Self, VideoError> {
        let (width, height) = size(frame, side_px);
        let scaler = Context::get(
            frame.format(),
            frame.width(),
            frame.height(),
            Pixel::RGB24,
            width,
            height,
            Flags::BILINEAR,
        )
        .map_err(|error| VideoError::internal("scale frames", error))?;
        let mut preview = Self {
            scaler,
            copy: frame::Video::new(Pixel::RGB24, width, height),
            orientation,
        };
        preview.set_colors(frame);
        Ok(preview)
    }

    /// Says by which matrix and in which range the colours come.
    #[expect(unsafe_code, reason = "the safe interface has no setter for it")]
    fn set_colors(&mut self, frame: &frame::Video) {
        let is_full = frame.color_range() == color::Range::JPEG;
        // SAFETY: the context is valid. The tables are constants of libav, which copies them.
        unsafe {
            let space = (*frame.as_ptr()).colorspace as i32;
            let table = ffi::sws_getCoefficients(space);
            let standard = ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT);
            ffi::sws_setColorspaceDetails(
                self.scaler.as_mut_ptr(),
                table,
                i32::from(is_full),
                standard,
                1,
                0,
                1 << 16,
                1 << 16,
            );
        }
    }

    /// The copy, row by row, and its width and height.
    pub(super) fn of(&mut self, frame: &frame::Video) -> Result<(Vec<u8>, (u32, u32)), VideoError> {
        self.scaler
            .run(frame, &mut self.copy)
            .map_err(|error| VideoError::internal("scale a frame", error))?;
        let (width, height) = (self.copy.width(), self.copy.height());
        let (bytes, stride) = (self.copy.data(0), self.copy.stride(0));
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        if self.orientation == Orientation::UPRIGHT {
            for row in bytes.chunks(stride).take(height as usize) {
                rgb.extend_from_slice(&row[..width as usize * 3]);
            }
        } else {
            for index in self.orientation.stored_indices(width, height) {
                let start = index / width as usize * stride + index % width as usize * 3;
                rgb.extend_from_slice(&bytes[start..start + 3]);
            }
        }
        Ok((rgb, self.orientation.upright_size(width, height)))
    }
}

/// Width and height of the copy, as stored. Its pixels are square, whatever those of the video are: models know faces as
/// they are, and not stretched.
fn size(frame: &frame::Video, side_px: u32) -> (u32, u32) {
    let (width, height) = (f64::from(frame.width()), f64::from(frame.height()));
    let aspect = frame.aspect_ratio();
    let aspect = if aspect.numerator() > 0 && aspect.denominator() > 0 {
        f64::from(aspect).clamp(0.1, 10.0)
    } else {
        1.0
    };
    let (wide, high) = if aspect >= 1.0 {
        (width * aspect, height)
    } else {
        (width, height / aspect)
    };
    let scale = (f64::from(side_px) / wide.max(high)).min(1.0);
    // Sides of a frame are small; `as` saturates.
    let side = |length: f64| (length * scale).round().max(1.0) as u32;
    (side(wide), side(high))
}
