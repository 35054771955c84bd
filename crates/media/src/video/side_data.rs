//! What the container says about a track beside its codec: how it is turned, and how bright its display was.

#![expect(
    unsafe_code,
    reason = "the safe interface only reads side data, and only some of it"
)]

use std::ptr;

use ffmpeg_next::ffi::{self, AVFrameSideDataType, AVPacketSideDataType};
use ffmpeg_next::{Stream, frame};

use super::error::VideoError;
use crate::orientation::Orientation;

/// What is carried over. Dolby Vision is not: its data describe pictures that are not there any more, bit by bit.
const CARRIED: [AVPacketSideDataType; 5] = [
    AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX,
    AVPacketSideDataType::AV_PKT_DATA_STEREO3D,
    AVPacketSideDataType::AV_PKT_DATA_SPHERICAL,
    AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
    AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
];

/// Side data of a track. What they mean is libav's; here they are bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackData {
    entries: Vec<(AVPacketSideDataType, Vec<u8>)>,
}

impl TrackData {
    /// What a track of an original has.
    pub(super) fn of(stream: &Stream<'_>) -> Self {
        let entries = CARRIED
            .into_iter()
            .filter_map(|kind| Some((kind, read(stream, kind)?)))
            .collect();
        Self { entries }
    }

    /// Adds what the first frame knows of its display and the container does not.
    pub(super) fn add_from(&mut self, frame: &frame::Video) {
        let pairs = [
            (
                AVFrameSideDataType::AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
                AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
            ),
            (
                AVFrameSideDataType::AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
                AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
            ),
        ];
        for (in_frame, in_track) in pairs {
            if self.get(in_track).is_none()
                && let Some(bytes) = read_frame(frame, in_frame)
            {
                self.entries.push((in_track, bytes));
            }
        }
    }

    fn get(&self, kind: AVPacketSideDataType) -> Option<&[u8]> {
        let entry = self.entries.iter().find(|(other, _)| *other == kind)?;
        Some(&entry.1)
    }

    /// How frames have to be turned to be displayed. An angle that is no multiple of 90 degrees counts as the nearest one.
    pub(super) fn orientation(&self) -> Orientation {
        self.get(AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX)
            .map_or(Orientation::UPRIGHT, orientation)
    }

    /// The colours of the display on which the video was graded, as x264 and x265 want to be told.
    pub(super) fn mastering_display(&self) -> Option<String> {
        let bytes = self.get(AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA)?;
        let numbers = numbers::<22>(bytes)?;
        // `AVMasteringDisplayMetadata`: red, green, blue and white, x and y each, the lowest and the highest luminance, all
        // of them fractions; and whether there are colours and luminances.
        let [.., 1, 1] = numbers else { return None };
        let scaled = |i: usize, scale: f64| {
            let fraction = f64::from(numbers[2 * i]) / f64::from(numbers[2 * i + 1].max(1));
            // Chromaticities are at most 1 and luminances at most 10,000; `as` saturates whatever else comes.
            (fraction * scale).round() as u32
        };
        let point = |i: usize| format!("({},{})", scaled(i, 50_000.0), scaled(i + 1, 50_000.0));
        Some(format!(
            "G{}B{}R{}WP{}L({},{})",
            point(2),
            point(4),
            point(0),
            point(6),
            scaled(9, 10_000.0),
            scaled(8, 10_000.0),
        ))
    }

    /// The brightest pixel and the brightest frame on average, in candela a square metre, as x264 and x265 want to be told.
    pub(super) fn content_light(&self) -> Option<String> {
        let bytes = self.get(AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL)?;
        let [pixel, frame] = numbers::<2>(bytes)?;
        Some(format!("{pixel},{frame}"))
    }

    /// Gives a track of the result all of it.
    ///
    /// # Safety
    /// `stream` is a stream of an open output context.
    pub(super) unsafe fn write(&self, stream: *mut ffi::AVStream) -> Result<(), VideoError> {
        for (kind, bytes) in &self.entries {
            // SAFETY: the stream is valid by contract. The new block has the size that is asked for, and is filled wholly.
            unsafe {
                let block = ffi::av_stream_new_side_data(stream, *kind, bytes.len());
                if block.is_null() {
                    return Err(VideoError::Memory);
                }
                ptr::copy_nonoverlapping(bytes.as_ptr(), block, bytes.len());
            }
        }
        Ok(())
    }
}

/// The numbers of 32 bits, in the order of the machine, with which a structure of libav begins.
fn numbers<const N: usize>(bytes: &[u8]) -> Option<[i32; N]> {
    let mut numbers = [0; N];
    let mut chunks = bytes.chunks_exact(4);
    for number in &mut numbers {
        *number = i32::from_ne_bytes(chunks.next()?.try_into().ok()?);
    }
    Some(numbers)
}

fn read(stream: &Stream<'_>, kind: AVPacketSideDataType) -> Option<Vec<u8>> {
    let mut size = 0;
    // SAFETY: the stream belongs to an open context. libav returns null or a block of `size` bytes, which are copied.
    unsafe {
        let block = ffi::av_stream_get_side_data(stream.as_ptr(), kind, &raw mut size);
        (!block.is_null()).then(|| std::slice::from_raw_parts(block, size).to_vec())
    }
}

fn read_frame(frame: &frame::Video, kind: AVFrameSideDataType) -> Option<Vec<u8>> {
    // SAFETY: the frame is valid. libav returns null or a structure that says where its `size` bytes are.
    unsafe {
        let data = ffi::av_frame_get_side_data(frame.as_ptr(), kind);
        (!data.is_null()).then(|| std::slice::from_raw_parts((*data).data, (*data).size).to_vec())
    }
}

/// The orientation that a display matrix means: nine numbers of 32 bits in the order of the machine, of which
/// `x' = a x + c y` and `y' = b x + d y` matter.
fn orientation(matrix: &[u8]) -> Orientation {
    let Some([a, b, _, c, d]) = numbers::<5>(matrix).map(|numbers| numbers.map(i64::from)) else {
        return Orientation::UPRIGHT;
    };
    let turned = b.abs() + c.abs() > a.abs() + d.abs();
    let (x, y) = if turned { (c, b) } else { (a, d) };
    Orientation::from_exif(match (turned, x < 0, y < 0) {
        (false, false, false) => 1,
        (false, true, false) => 2,
        (false, true, true) => 3,
        (false, false, true) => 4,
        (true, false, false) => 5,
        (true, true, false) => 6,
        (true, true, true) => 7,
        (true, false, true) => 8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix by which a picture that is stored in an orientation is displayed, written down from the EXIF standard:
    /// where the right and the bottom of the stored picture point to.
    fn matrix(value: u32) -> Vec<u8> {
        let (a, b, c, d) = match value {
            1 => (1, 0, 0, 1),
            2 => (-1, 0, 0, 1),
            3 => (-1, 0, 0, -1),
            4 => (1, 0, 0, -1),
            5 => (0, 1, 1, 0),
            6 => (0, 1, -1, 0),
            7 => (0, -1, -1, 0),
            _ => (0, -1, 1, 0),
        };
        [a, b, 0, c, d, 0, 0, 0, 1]
            .into_iter()
            .flat_map(|number: i32| (number << 16).to_ne_bytes())
            .collect()
    }

    #[test]
    fn a_display_matrix_is_an_orientation() {
        for value in 1..=8 {
            assert_eq!(orientation(&matrix(value)), Orientation::from_exif(value));
        }
        assert_eq!(orientation(&[1, 2, 3]), Orientation::UPRIGHT);
    }

    #[test]
    fn points_are_displayed_where_the_matrix_puts_them() {
        for value in 1..=8 {
            let bytes = matrix(value);
            let number = |i: usize| {
                let number = i32::from_ne_bytes(bytes[i * 4..i * 4 + 4].try_into().unwrap());
                (number >> 16) as f32
            };
            let orientation = orientation(&bytes);
            let (width, height) = (40.0, 30.0);
            // From one displayed point to the other as the orientation maps them, and as the matrix does.
            let [x0, y0] = orientation.to_stored([5.0, 7.0], width, height);
            let [x1, y1] = orientation.to_stored([8.0, 9.0], width, height);
            let (dx, dy) = (x1 - x0, y1 - y0);
            assert_eq!(number(0) * dx + number(3) * dy, 3.0, "{value}");
            assert_eq!(number(1) * dx + number(4) * dy, 2.0, "{value}");
        }
    }
}
