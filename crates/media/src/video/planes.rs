//! The samples of a decoded frame, where they are.

use ffmpeg_next::color;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{ffi, frame};

use super::error::VideoError;

/// Bits a sample of a format.
#[expect(unsafe_code, reason = "the safe interface has no accessor for it")]
pub(super) fn bits(format: Pixel) -> u32 {
    // SAFETY: libav returns null or a description that lives as long as the program.
    let depth = unsafe {
        let description = ffi::av_pix_fmt_desc_get(format.into());
        if description.is_null() {
            8
        } else {
            (*description).comp[0].depth
        }
    };
    u32::try_from(depth).unwrap_or(8)
}

/// One of luma and the two chromas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// Which of [`Planes::data`] it is in.
    plane: usize,
    /// Bytes from one row to the next.
    stride: usize,
    /// Samples across and down.
    pub(super) size: [usize; 2],
}

/// A frame of planes with 8 or 10 bits, which may be written.
pub(super) struct Planes<'a> {
    data: [&'a mut [u8]; 3],
    /// Luma, blue chroma, red chroma.
    pub(super) components: [Component; 3],
    /// Powers of two by which chroma is smaller, across and down.
    pub(super) shift: [usize; 2],
    /// Bits a sample.
    pub(super) bits: u32,
    /// Of the colours.
    pub(super) matrix: Matrix,
}

/// How luma and chroma come from red, green and blue (ITU-T H.273, section 8.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix {
    /// Weights of red and blue in luma.
    pub(super) red: f32,
    pub(super) blue: f32,
    /// Whether samples use the whole range of numbers.
    pub(super) is_full: bool,
}

impl Matrix {
    fn of(frame: &frame::Video) -> Self {
        let (red, blue) = match frame.color_space() {
            color::Space::BT470BG | color::Space::SMPTE170M => (0.299, 0.114),
            color::Space::BT2020NCL | color::Space::BT2020CL => (0.2627, 0.0593),
            color::Space::SMPTE240M => (0.212, 0.087),
            color::Space::FCC => (0.30, 0.11),
            // What players do where nothing is said.
            color::Space::Unspecified if frame.height() < 720 => (0.299, 0.114),
            _ => (0.2126, 0.0722),
        };
        let is_full = frame.color_range() == color::Range::JPEG
            || matches!(
                frame.format(),
                Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P
            );
        Self { red, blue, is_full }
    }
}

impl<'a> Planes<'a> {
    /// The planes of a frame in one of the formats that masks are drawn in, which becomes the only owner of its samples:
    /// the decoder predicts later frames from what it gave out.
    ///
    /// # Errors
    /// No memory for a copy, or another format.
    #[expect(
        unsafe_code,
        reason = "the safe interface does not bound rows, and hides who else has the samples"
    )]
    pub(super) fn of(frame: &'a mut frame::Video) -> Result<Self, VideoError> {
        let (shift, bits) = match frame.format() {
            Pixel::YUV420P | Pixel::YUVJ420P => ([1, 1], 8),
            Pixel::YUV422P | Pixel::YUVJ422P => ([1, 0], 8),
            Pixel::YUV444P | Pixel::YUVJ444P => ([0, 0], 8),
            Pixel::YUV420P10LE => ([1, 1], 10),
            Pixel::YUV422P10LE => ([1, 0], 10),
            Pixel::YUV444P10LE => ([0, 0], 10),
            other => {
                return Err(VideoError::Internal {
                    detail: format!("masks are not drawn in {other:?}"),
                });
            }
        };
        let matrix = Matrix::of(frame);
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let chroma = [width.div_ceil(1 << shift[0]), height.div_ceil(1 << shift[1])];
        let sizes = [[width, height], chroma, chroma];
        let sample = if bits > 8 { 2 } else { 1 };
        // SAFETY: the frame is valid. Its format has three planes of their own, whose rows have at least the bytes of their
        // samples and lie `linesize` bytes apart; a negative distance is refused. The slices end with the last sample. After
        // `av_frame_make_writable` nobody else has the buffers, and the frame is borrowed for as long as the slices live.
        unsafe {
            let pointer = frame.as_mut_ptr();
            if ffi::av_frame_make_writable(pointer) < 0 {
                return Err(VideoError::Memory);
            }
            let mut data: [&'a mut [u8]; 3] = [&mut [], &mut [], &mut []];
            let mut components = [Component {
                plane: 0,
                stride: 0,
                size: [0, 0],
            }; 3];
            for plane in 0..3 {
                let [columns, rows] = sizes[plane];
                let start = (*pointer).data[plane];
                let stride = usize::try_from((*pointer).linesize[plane]).unwrap_or(0);
                if start.is_null() || stride < columns * sample || rows == 0 {
                    return Err(VideoError::Internal {
                        detail: format!("a plane has rows of {stride} bytes"),
                    });
                }
                let length = stride * (rows - 1) + columns * sample;
                data[plane] = std::slice::from_raw_parts_mut(start, length);
                components[plane] = Component {
                    plane,
                    stride,
                    size: sizes[plane],
                };
            }
            Ok(Self {
                data,
                components,
                shift,
                bits,
                matrix,
            })
        }
    }

    /// A sample. The place has to be inside of the component.
    #[cfg(test)]
    pub(super) fn get(&self, component: usize, x: usize, y: usize) -> u16 {
        let Component { plane, stride, .. } = self.components[component];
        let row = &self.data[plane][y * stride..];
        if self.bits > 8 {
            u16::from_le_bytes([row[2 * x], row[2 * x + 1]])
        } else {
            row[x].into()
        }
    }

    /// The bytes of a row of a component.
    pub(super) fn row(&self, component: usize, y: usize) -> &[u8] {
        let Component { plane, stride, size } = self.components[component];
        let sample = if self.bits > 8 { 2 } else { 1 };
        &self.data[plane][y * stride..][..size[0] * sample]
    }

    /// The bytes of a row of a component.
    pub(super) fn row_mut(&mut self, component: usize, y: usize) -> &mut [u8] {
        let Component { plane, stride, size } = self.components[component];
        let sample = if self.bits > 8 { 2 } else { 1 };
        &mut self.data[plane][y * stride..][..size[0] * sample]
    }

    /// Writes a sample. The place has to be inside of the component.
    #[cfg(test)]
    pub(super) fn set(&mut self, component: usize, x: usize, y: usize, value: u16) {
        let Component { plane, stride, .. } = self.components[component];
        let row = &mut self.data[plane][y * stride..];
        if self.bits > 8 {
            row[2 * x..2 * x + 2].copy_from_slice(&value.to_le_bytes());
        } else {
            // A sample of 8 bits fits.
            row[x] = value.to_le_bytes()[0];
        }
    }
}

/// A plane of a frame that is only read.
pub(super) struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    /// Samples across and down.
    pub(super) size: [usize; 2],
    /// Bytes a sample.
    pub(super) sample: usize,
    /// Bits a sample.
    pub(super) bits: u32,
}

impl Plane<'_> {
    /// The bytes of a row.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.bytes[y * self.stride..][..self.size[0] * self.sample]
    }
}

/// A plane of a frame, as if each sample had one component. `None` where there is none.
#[expect(unsafe_code, reason = "the safe interface does not bound rows")]
pub(super) fn plane(frame: &frame::Video, plane: usize) -> Option<Plane<'_>> {
    let bits = bits(frame.format());
    let sample = if bits > 8 { 2 } else { 1 };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let size = match (plane, frame.format().descriptor()) {
        (1 | 2, Some(description)) => [
            width.div_ceil(1 << description.log2_chroma_w()),
            height.div_ceil(1 << description.log2_chroma_h()),
        ],
        _ => [width, height],
    };
    // SAFETY: the frame is valid and borrowed, and has at most 8 planes, of which the first three are asked for. Their rows
    // have at least the bytes of one component, and lie `linesize` bytes apart; a negative distance is refused. The slice
    // ends with the last sample of that component.
    unsafe {
        let pointer = frame.as_ptr();
        let start = *(*pointer).data.get(plane)?;
        let stride = usize::try_from((*pointer).linesize[plane]).ok()?;
        if start.is_null() || stride < size[0] * sample || height == 0 {
            return None;
        }
        let length = stride * (size[1] - 1) + size[0] * sample;
        Some(Plane {
            bytes: std::slice::from_raw_parts(start, length),
            stride,
            size,
            sample,
            bits,
        })
    }
}
