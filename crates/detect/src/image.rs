//! The pixels that a detector looks at.

use crate::error::DetectError;

/// A picture in memory as it is displayed: RGB, 8 bits a sample, row by row from the top left corner, without padding.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
}

impl<'a> ImageView<'a> {
    /// A picture of `width` by `height` pixels over `width * height * 3` samples.
    ///
    /// # Errors
    /// [`DetectError::ImageSize`] for a picture without pixels or one whose samples are not as many as its size says.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, DetectError> {
        let samples = u128::from(width) * u128::from(height) * 3;
        if samples == 0 || rgb.len() as u128 != samples {
            return Err(DetectError::ImageSize {
                width,
                height,
                samples: rgb.len(),
            });
        }
        Ok(Self { width, height, rgb })
    }

    /// Width in pixels, at least 1.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The samples: R, G, B of the first pixel, then of the one to its right.
    pub const fn rgb(&self) -> &'a [u8] {
        self.rgb
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_do_not_fit_the_size_are_refused() {
        assert!(ImageView::new(2, 1, &[0; 6]).is_ok());
        assert!(ImageView::new(2, 1, &[0; 5]).is_err());
        assert!(ImageView::new(2, 1, &[0; 7]).is_err());
        assert!(ImageView::new(0, 1, &[]).is_err());
        assert!(ImageView::new(u32::MAX, u32::MAX, &[0; 3]).is_err());
    }
}
