//! From pixels to the input of a network.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::DetectError;
use crate::image::ImageView;

/// Both sides of an input are multiples of this, the coarsest stride of the models in pixels.
const MULTIPLE: usize = 32;

/// Samples a pixel.
const CHANNELS: usize = 3;

/// How a network wants its samples; all of them are floats from 0 to 255 before a mean is subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Blue, green, red, less the mean of the pictures that the network was trained on.
    BgrLessMean,
}

impl Encoding {
    /// Which sample of an RGB pixel each plane holds, and what is subtracted from it.
    const fn planes(self) -> [(usize, f32); CHANNELS] {
        match self {
            Self::Rgb => [(0, 0.0), (1, 0.0), (2, 0.0)],
            Self::Bgr => [(2, 0.0), (1, 0.0), (0, 0.0)],
            // The mean of ImageNet as the models of Caffe have it.
            Self::BgrLessMean => [(2, 104.0), (1, 117.0), (0, 123.0)],
        }
    }
}

/// The input of a network: one picture, plane by plane (NCHW).
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    /// Width in pixels, a multiple of 32.
    pub(crate) width: usize,
    /// Height in pixels, a multiple of 32.
    pub(crate) height: usize,
    /// `3 * height * width` samples.
    pub(crate) samples: Vec<f32>,
}

/// A picture scaled to the size of an input: its aspect is kept, it sits in the top left corner, and the input is filled up
/// with black to the right and below.
#[derive(Clone, Debug)]
pub(crate) struct Letterbox {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
    /// Pixels of the scaled picture per pixel of the original, across and down; rounding makes them differ.
    scale: (f32, f32),
}

impl Letterbox {
    /// Scales a picture so that its long side has `long_side_px` pixels.
    pub(crate) fn new(
        resizer: &mut Resizer,
        image: ImageView<'_>,
        long_side_px: u32,
    ) -> Result<Self, DetectError> {
        let (width, height) = scaled_size(image.width(), image.height(), long_side_px);
        let rgb = if (width, height) == (image.width(), image.height()) {
            image.rgb().to_vec()
        } else {
            resize(resizer, image, width, height)?
        };
        Ok(Self {
            width: width as usize,
            height: height as usize,
            rgb,
            scale: (
                width as f32 / image.width() as f32,
                height as f32 / image.height() as f32,
            ),
        })
    }

    /// The point of the original at which a point of the input lies, both in pixels.
    pub(crate) fn to_original(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x / self.scale.0, y / self.scale.1]
    }

    /// The input for a network.
    pub(crate) fn tensor(&self, encoding: Encoding) -> Tensor {
        let width = self.width.next_multiple_of(MULTIPLE);
        let height = self.height.next_multiple_of(MULTIPLE);
        let mut samples = vec![0.0; CHANNELS * height * width];
        let planes = samples.chunks_exact_mut(height * width);
        for (plane, (channel, mean)) in planes.zip(encoding.planes()) {
            if mean != 0.0 {
                plane.fill(-mean);
            }
            let rows = plane.chunks_exact_mut(width);
            for (row, pixels) in rows.zip(self.rgb.chunks_exact(CHANNELS * self.width)) {
                for (sample, pixel) in row.iter_mut().zip(pixels.as_chunks::<CHANNELS>().0) {
                    *sample = f32::from(pixel[channel]) - mean;
                }
            }
        }
        Tensor {
            width,
            height,
            samples,
        }
    }
}

/// The size at which the long side has the given length and the aspect is kept; no side is shorter than a pixel.
fn scaled_size(width: u32, height: u32, long_side_px: u32) -> (u32, u32) {
    let scale = f64::from(long_side_px) / f64::from(width.max(height));
    // The product is at most `long_side_px`, so that the cast loses nothing but what rounding has taken.
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}

fn resize(
    resizer: &mut Resizer,
    image: ImageView<'_>,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, DetectError> {
    // The pixel type is named, since the choice at run time would compile the filters of all types.
    let source = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), image.rgb())
        .expect("a view holds as many samples as its size says");
    let mut target = vec![0; width as usize * height as usize * CHANNELS];
    let mut view = TypedImage::<U8x3>::from_buffer(width, height, &mut target)
        .expect("the buffer is as large as the size says");
    // This filter is widened when scaling down, so that thin structures of small faces do not fall between the samples.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    resizer
        .resize_typed(&source, &mut view, &options)
        .map_err(|source| DetectError::Scale {
            width: image.width(),
            height: image.height(),
            source,
        })?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letterbox(width: u32, height: u32, rgb: &[u8], long_side_px: u32) -> Letterbox {
        let image = ImageView::new(width, height, rgb).unwrap();
        Letterbox::new(&mut Resizer::new(), image, long_side_px).unwrap()
    }

    #[test]
    fn the_picture_sits_in_the_top_left_corner_and_the_rest_is_black() {
        let tensor = letterbox(2, 1, &[1, 2, 3, 4, 5, 6], 2).tensor(Encoding::Rgb);
        assert_eq!((tensor.width, tensor.height), (32, 32));
        assert_eq!(tensor.samples.len(), 3 * 32 * 32);
        for (plane, expected) in tensor
            .samples
            .chunks(32 * 32)
            .zip([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]])
        {
            assert_eq!(plane[..2], expected);
            assert!(plane[2..].iter().all(|&sample| sample == 0.0));
        }
    }

    #[test]
    fn planes_are_ordered_as_the_network_wants_them() {
        let letterbox = letterbox(1, 1, &[10, 20, 30], 1);
        let firsts_and_padding = |encoding| {
            let samples = letterbox.tensor(encoding).samples;
            [samples[0], samples[1024], samples[2048], samples[1023]]
        };
        assert_eq!(firsts_and_padding(Encoding::Rgb), [10.0, 20.0, 30.0, 0.0]);
        assert_eq!(firsts_and_padding(Encoding::Bgr), [30.0, 20.0, 10.0, 0.0]);
        assert_eq!(
            firsts_and_padding(Encoding::BgrLessMean),
            [-74.0, -97.0, -113.0, -104.0]
        );
    }

    #[test]
    fn points_go_back_by_the_scale_of_each_side() {
        // 100 by 33 becomes 50 by 17 (16.5 rounded), which is 64 by 32 with padding.
        let letterbox = letterbox(100, 33, &[0; 9900], 50);
        let tensor = letterbox.tensor(Encoding::Rgb);
        assert_eq!((tensor.width, tensor.height), (64, 32));
        let [x, y] = letterbox.to_original([50.0, 17.0]);
        assert!((x - 100.0).abs() < 1e-4 && (y - 33.0).abs() < 1e-4);
    }

    #[test]
    fn a_line_of_pixels_keeps_one_pixel_of_height() {
        assert_eq!(scaled_size(10_000, 1, 640), (640, 1));
        assert_eq!(scaled_size(3, 9, 3), (1, 3));
        assert_eq!(
            letterbox(1000, 1, &[7; 3000], 640).tensor(Encoding::Rgb).height,
            32
        );
    }
}
