//! From pixels to the input of a network.

use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::DetectError;
use crate::family::Encoding;
use crate::image::ImageView;
use crate::tile::Rect;

/// Both sides of an input are multiples of this, the coarsest stride of the models in pixels.
const MULTIPLE: usize = 32;

/// Samples a pixel.
const CHANNELS: usize = 3;

/// The input of a network: one picture, plane by plane (NCHW). It is large, and fresh memory is dear, so that one serves for
/// all looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tensor {
    /// Width in pixels, a multiple of 32.
    pub(crate) width: usize,
    /// Height in pixels, a multiple of 32.
    pub(crate) height: usize,
    /// `3 * height * width` samples.
    pub(crate) samples: Vec<f32>,
}

impl Tensor {
    /// Makes room for so many samples at once, so that it does not move while it grows from look to look.
    pub(crate) fn reserve(&mut self, samples: usize) {
        self.samples
            .reserve_exact(samples.saturating_sub(self.samples.len()));
    }

    /// A grey input of the given size, multiples of 32: something to run a network on.
    pub(crate) fn grey(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            samples: vec![127.0; CHANNELS * height * width],
        }
    }
}

/// A picture or a part of it, scaled to the size of an input: its aspect is kept, it sits in the top left corner, and the
/// input is filled up with black to the right and below.
#[derive(Clone, Debug)]
pub(crate) struct Letterbox<'a> {
    width: usize,
    height: usize,
    rgb: Cow<'a, [u8]>,
    /// Where in the scaled picture the part begins.
    left: f32,
    top: f32,
    /// Pixels of the scaled picture per pixel of the original, across and down; rounding makes them differ.
    scale: (f32, f32),
}

impl<'a> Letterbox<'a> {
    /// Scales a picture to a width and height and cuts a part out of the result.
    pub(crate) fn new(
        resizer: &mut Resizer,
        image: ImageView<'a>,
        scaled: (u32, u32),
        part: Rect,
    ) -> Result<Self, DetectError> {
        let is_as_given = scaled == (image.width(), image.height());
        let rgb = if is_as_given && part == Rect::whole(scaled) {
            Cow::Borrowed(image.rgb())
        } else {
            Cow::Owned(resize(resizer, image, scaled, part)?)
        };
        Ok(Self {
            width: part.width as usize,
            height: part.height as usize,
            rgb,
            left: part.left as f32,
            top: part.top as f32,
            scale: (
                scaled.0 as f32 / image.width() as f32,
                scaled.1 as f32 / image.height() as f32,
            ),
        })
    }

    /// The point of the scaled picture at which a point of the input lies; `flipped` where the input was mirrored.
    pub(crate) fn to_scaled(&self, [x, y]: [f32; 2], flipped: bool) -> [f32; 2] {
        let x = if flipped { self.width as f32 - x } else { x };
        [x + self.left, y + self.top]
    }

    /// The point of the original at which a point of the scaled picture lies.
    pub(crate) fn to_original(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x / self.scale.0, y / self.scale.1]
    }

    /// How many samples the input for a network has that shows a part of a scaled picture.
    pub(crate) const fn samples_of(part: Rect) -> usize {
        CHANNELS
            * (part.width as usize).next_multiple_of(MULTIPLE)
            * (part.height as usize).next_multiple_of(MULTIPLE)
    }

    /// Makes `tensor` the input for a network; `flipped` mirrors the picture, not the filling.
    pub(crate) fn fill(&self, tensor: &mut Tensor, encoding: Encoding, flipped: bool) {
        let width = self.width.next_multiple_of(MULTIPLE);
        let height = self.height.next_multiple_of(MULTIPLE);
        (tensor.width, tensor.height) = (width, height);
        // What it held before stays until it is overwritten: all of it is.
        tensor.samples.resize(CHANNELS * height * width, 0.0);
        let planes = tensor.samples.chunks_exact_mut(height * width);
        for (plane, (channel, mean)) in planes.zip(encoding.planes()) {
            let black = 0.0 - mean;
            let (picture, below) = plane.split_at_mut(self.height * width);
            below.fill(black);
            let rows = picture.chunks_exact_mut(width);
            for (row, pixels) in rows.zip(self.rgb.chunks_exact(CHANNELS * self.width)) {
                let (row, beside) = row.split_at_mut(self.width);
                beside.fill(black);
                let pixels = pixels.as_chunks::<CHANNELS>().0;
                let fill = |(sample, pixel): (&mut f32, &[u8; CHANNELS])| {
                    *sample = f32::from(pixel[channel]) - mean;
                };
                if flipped {
                    row.iter_mut().zip(pixels.iter().rev()).for_each(fill);
                } else {
                    row.iter_mut().zip(pixels).for_each(fill);
                }
            }
        }
    }
}

/// The size at which the long side has the given length and the aspect is kept; no side is shorter than a pixel.
pub(crate) fn scaled_size((width, height): (u32, u32), long_side_px: u32) -> (u32, u32) {
    let scale = f64::from(long_side_px) / f64::from(width.max(height).max(1));
    // The product is at most `long_side_px`, so that the cast loses nothing but what rounding has taken.
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}

fn resize(
    resizer: &mut Resizer,
    image: ImageView<'_>,
    scaled: (u32, u32),
    part: Rect,
) -> Result<Vec<u8>, DetectError> {
    // The pixel type is named, since the choice at run time would compile the filters of all types.
    let source = TypedImageRef::<U8x3>::from_buffer(image.width(), image.height(), image.rgb())
        .expect("a view holds as many samples as its size says");
    let across = f64::from(image.width()) / f64::from(scaled.0);
    let down = f64::from(image.height()) / f64::from(scaled.1);
    let (left, top) = (f64::from(part.left) * across, f64::from(part.top) * down);
    // Rounding must not push the edges out of the picture.
    let width = (f64::from(part.width) * across).min(f64::from(image.width()) - left);
    let height = (f64::from(part.height) * down).min(f64::from(image.height()) - top);
    let mut target = vec![0; part.width as usize * part.height as usize * CHANNELS];
    let mut view = TypedImage::<U8x3>::from_buffer(part.width, part.height, &mut target)
        .expect("the buffer is as large as the size says");
    // This filter is widened when scaling down, so that thin structures of small faces do not fall between the samples.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .crop(left, top, width, height);
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

    fn letterbox(width: u32, height: u32, rgb: &[u8], long_side_px: u32) -> Letterbox<'_> {
        let image = ImageView::new(width, height, rgb).unwrap();
        let scaled = scaled_size((width, height), long_side_px);
        Letterbox::new(&mut Resizer::new(), image, scaled, Rect::whole(scaled)).unwrap()
    }

    fn tensor(letterbox: &Letterbox<'_>, encoding: Encoding, flipped: bool) -> Tensor {
        // What another picture has left behind must not be seen.
        let mut tensor = Tensor {
            width: 9,
            height: 1000,
            samples: vec![77.0; 3 * 9000],
        };
        letterbox.fill(&mut tensor, encoding, flipped);
        tensor
    }

    #[test]
    fn the_picture_sits_in_the_top_left_corner_and_the_rest_is_black() {
        let tensor = tensor(&letterbox(2, 1, &[1, 2, 3, 4, 5, 6], 2), Encoding::Rgb, false);
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
            let samples = tensor(&letterbox, encoding, false).samples;
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
        let tensor = tensor(&letterbox, Encoding::Rgb, false);
        assert_eq!((tensor.width, tensor.height), (64, 32));
        let [x, y] = letterbox.to_original([50.0, 17.0]);
        assert!((x - 100.0).abs() < 1e-4 && (y - 33.0).abs() < 1e-4);
    }

    #[test]
    fn a_line_of_pixels_keeps_one_pixel_of_height() {
        assert_eq!(scaled_size((10_000, 1), 640), (640, 1));
        assert_eq!(scaled_size((3, 9), 3), (1, 3));
        assert_eq!(
            tensor(&letterbox(1000, 1, &[7; 3000], 640), Encoding::Rgb, false).height,
            32
        );
    }

    #[test]
    fn a_part_of_the_scaled_picture_is_cut_out_and_points_go_back() {
        // Columns of 4 pixels: the second half is brighter.
        let rgb: Vec<u8> = (0..8).flat_map(|x| [if x < 4 { 10 } else { 200 }; 3]).collect();
        let image = ImageView::new(8, 1, &rgb).unwrap();
        let part = Rect {
            left: 8,
            top: 0,
            width: 4,
            height: 2,
        };
        let letterbox = Letterbox::new(&mut Resizer::new(), image, (16, 2), part).unwrap();
        let tensor = tensor(&letterbox, Encoding::Rgb, false);
        // The filter sees the neighbour outside the part: 10 / 4 + 200 * 3 / 4, rounded.
        assert_eq!(tensor.samples[..5], [153.0, 200.0, 200.0, 200.0, 0.0]);
        assert_eq!(letterbox.to_scaled([1.0, 1.0], false), [9.0, 1.0]);
        assert_eq!(letterbox.to_original([9.0, 1.0]), [4.5, 0.5]);
    }

    #[test]
    fn the_mirror_image_has_its_filling_where_it_was_and_its_points_go_back() {
        let letterbox = letterbox(2, 1, &[1, 2, 3, 4, 5, 6], 2);
        let samples = tensor(&letterbox, Encoding::Rgb, true).samples;
        assert_eq!(samples[..3], [4.0, 1.0, 0.0]);
        for x in [0.0, 0.5, 2.0] {
            let [mirrored, y] = letterbox.to_scaled([x, 0.25], true);
            assert_eq!((mirrored, y), (2.0 - x, 0.25));
        }
    }
}
