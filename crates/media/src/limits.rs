//! Sizes of pictures, held against the limits.

use sfumato_media_client::limits::MediaLimits;

use crate::error::PictureError;

/// Holds a size against the limits.
pub(crate) fn check_size(width: u32, height: u32, limits: &MediaLimits) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::damaged("it has no width or no height"));
    }
    let MediaLimits {
        side_pixels_max,
        picture_pixels_max,
        ..
    } = *limits;
    if width.max(height) > side_pixels_max {
        return Err(PictureError::SideTooLong {
            width,
            height,
            side_pixels_max,
        });
    }
    if u64::from(width) * u64::from(height) > picture_pixels_max {
        return Err(PictureError::TooManyPixels {
            width,
            height,
            picture_pixels_max,
        });
    }
    Ok(())
}

/// Holds the frames of an animation, which all have the size of the canvas, against the limits.
pub(crate) fn check_frames(
    frames: u64,
    (width, height): (u32, u32),
    limits: &MediaLimits,
) -> Result<(), PictureError> {
    check_frame_count(frames, limits)?;
    check_frame_pixels(
        frames.saturating_mul(u64::from(width) * u64::from(height)),
        limits,
    )
}

/// Holds a number of frames or pages against the limit.
pub(crate) fn check_frame_count(frames: u64, limits: &MediaLimits) -> Result<(), PictureError> {
    let frames_max = limits.frames_max;
    if frames > u64::from(frames_max) {
        return Err(PictureError::TooManyFrames { frames, frames_max });
    }
    Ok(())
}

/// Holds the pixels of all frames or pages together against the limit.
pub(crate) fn check_frame_pixels(pixels: u64, limits: &MediaLimits) -> Result<(), PictureError> {
    let frames_pixels_max = limits.frames_pixels_max;
    if pixels > frames_pixels_max {
        return Err(PictureError::TooManyFramePixels {
            pixels,
            frames_pixels_max,
        });
    }
    Ok(())
}
