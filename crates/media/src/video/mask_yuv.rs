//! Masks in planes of luma and chroma.
//!
//! Only what a mask touches is ever turned into red, green and blue: the surroundings of a region become a small picture,
//! in which the mask is drawn as in any picture, and the pixels that have changed go back into the planes. So a video
//! looks like a picture, is as hard to undo, and is the same as before, bit by bit, everywhere else.
//!
//! A sample of chroma belongs to several pixels. It is replaced wherever one of them has changed, and computed from those
//! that have: nothing of what is hidden stays in it.

use sfumato_core::detection::{BoundingBox, Detection};
use sfumato_core::options::Mask;

use super::colors::Colors;
use super::planes::Planes;
use crate::mask::{Masks, Sample};
use crate::orientation::Orientation;
use crate::raster::{Channels, Raster, Samples};

/// Draws a mask over something in the stored grid of a frame.
///
/// `number` seeds the noise together with `seed`. It is that of the track: noise that changed from frame to frame would
/// flicker, and could be averaged away.
pub(super) fn draw(planes: &mut Planes<'_>, detection: &Detection, mask: Mask, seed: [u8; 32], number: u64) {
    let size = planes.components[0].size;
    // Frames are far smaller than 2^32 pixels a side.
    let masks = |detection, [width, height]: [usize; 2]| {
        Masks::new(
            [detection],
            Orientation::UPRIGHT,
            (width as u32, height as u32),
            mask,
            seed,
            number,
        )
    };
    let reach = masks(detection, size).reaches().next();
    let Some(area) = reach.and_then(|reach| Area::around(reach, planes)) else {
        return;
    };
    let mut raster = area.read(planes);
    let before = raster.clone();
    let moved = moved(detection, -(area.left as f32), -(area.top as f32));
    masks(&moved, [area.width, area.height]).draw(&mut raster);
    area.write(planes, &before, &raster);
}

/// A detection in upright coordinates as one in the stored grid, whose size is given in pixels.
pub(super) fn to_stored(
    detection: &Detection,
    orientation: Orientation,
    (width, height): (u32, u32),
) -> Detection {
    // Frames are far smaller than 2^24 pixels a side, so that f32 holds their sizes exactly.
    let map = |point| orientation.to_stored(point, width as f32, height as f32);
    let bbox = detection.bbox;
    let (a, b) = (map([bbox.left, bbox.top]), map([bbox.right, bbox.bottom]));
    Detection {
        bbox: BoundingBox {
            left: a[0].min(b[0]),
            top: a[1].min(b[1]),
            right: a[0].max(b[0]),
            bottom: a[1].max(b[1]),
        },
        corners: detection.corners.map(|corners| corners.map(map)),
        ..detection.clone()
    }
}

fn moved(detection: &Detection, dx: f32, dy: f32) -> Detection {
    let bbox = detection.bbox;
    Detection {
        bbox: BoundingBox {
            left: bbox.left + dx,
            top: bbox.top + dy,
            right: bbox.right + dx,
            bottom: bbox.bottom + dy,
        },
        corners: detection
            .corners
            .map(|corners| corners.map(|[x, y]| [x + dx, y + dy])),
        ..detection.clone()
    }
}

/// A rectangle of whole samples of chroma, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Area {
    /// All that a mask can touch that reaches so far: left, top, right, bottom in pixels; `None` where that is nothing.
    fn around([left, top, right, bottom]: [f32; 4], planes: &Planes<'_>) -> Option<Self> {
        let [width, height] = planes.components[0].size;
        let [across, down] = planes.shift;
        // A pixel more, because a box that is moved is rounded. `as` saturates: what lies left of the frame becomes 0.
        let first = |edge: f32, shift: usize| ((edge - 1.0).floor() as usize) >> shift << shift;
        let last = |edge: f32, end: usize, shift: usize| {
            let edge = (edge + 1.0).ceil() as usize;
            edge.min(end).next_multiple_of(1 << shift).min(end)
        };
        let (left, top) = (first(left, across), first(top, down));
        let (right, bottom) = (last(right, width, across), last(bottom, height, down));
        (left < right && top < bottom).then(|| Self {
            left,
            top,
            width: right - left,
            height: bottom - top,
        })
    }

    fn read(&self, planes: &Planes<'_>) -> Raster {
        // Frames are far smaller than 2^32 pixels a side.
        let (width, height) = (self.width as u32, self.height as u32);
        let samples = if planes.bits > 8 {
            Samples::Sixteen(self.read_samples::<Two, u16>(planes))
        } else {
            Samples::Eight(self.read_samples::<One, u8>(planes))
        };
        Raster {
            width,
            height,
            channels: Channels::Rgb,
            samples,
        }
    }

    fn read_samples<B: Bytes, S: Sample + Default>(&self, planes: &Planes<'_>) -> Vec<S> {
        let color = Colors::new(planes.matrix, planes.bits);
        let [across, down] = planes.shift;
        let mut values = vec![S::default(); self.width * self.height * 3];
        for (y, line) in (self.top..).zip(values.chunks_exact_mut(self.width * 3)) {
            let [luma, blue, red] =
                [(0, y), (1, y >> down), (2, y >> down)].map(|(component, y)| planes.row(component, y));
            for (x, pixel) in (self.left..).zip(line.chunks_exact_mut(3)) {
                let chroma = x >> across;
                let rgb = color.rgb([B::get(luma, x), B::get(blue, chroma), B::get(red, chroma)]);
                for (value, color) in pixel.iter_mut().zip(rgb) {
                    *value = S::from_fraction(color);
                }
            }
        }
        values
    }

    /// Writes those pixels back that have changed.
    fn write(&self, planes: &mut Planes<'_>, before: &Raster, after: &Raster) {
        match (&before.samples, &after.samples) {
            (Samples::Eight(before), Samples::Eight(after)) => {
                self.write_samples::<One, u8>(planes, before, after);
            }
            (Samples::Sixteen(before), Samples::Sixteen(after)) => {
                self.write_samples::<Two, u16>(planes, before, after);
            }
            _ => {}
        }
    }

    fn write_samples<B: Bytes, S: Sample + PartialEq>(
        &self,
        planes: &mut Planes<'_>,
        before: &[S],
        after: &[S],
    ) {
        let color = Colors::new(planes.matrix, planes.bits);
        let [across, down] = planes.shift;
        let line = self.width * 3;
        // Blue and red chroma of the pixels that have changed, and their number, for each sample of a row of chroma.
        let mut sums = vec![[0.0f32; 3]; self.width.div_ceil(1 << across)];
        for (block, (before, after)) in before
            .chunks(line << down)
            .zip(after.chunks(line << down))
            .enumerate()
        {
            sums.fill([0.0; 3]);
            let top = self.top + (block << down);
            let lines = before.chunks_exact(line).zip(after.chunks_exact(line));
            for (y, (before, after)) in (top..).zip(lines) {
                let luma_row = planes.row_mut(0, y);
                let pixels = before.chunks_exact(3).zip(after.chunks_exact(3));
                for (x, (_, after)) in pixels.enumerate().filter(|(_, (before, after))| before != after) {
                    let [luma, blue, red] = color.yuv([0, 1, 2].map(|i| after[i].to_fraction()));
                    B::set(luma_row, self.left + x, color.luma(luma));
                    let sum = &mut sums[x >> across];
                    *sum = [sum[0] + blue, sum[1] + red, sum[2] + 1.0];
                }
            }
            for component in [1, 2] {
                let chroma_row = planes.row_mut(component, top >> down);
                for (x, sum) in (self.left >> across..).zip(&sums).filter(|(_, sum)| sum[2] > 0.0) {
                    B::set(chroma_row, x, color.chroma(sum[component - 1] / sum[2]));
                }
            }
        }
    }
}

/// How samples lie in rows.
trait Bytes {
    fn get(row: &[u8], x: usize) -> u16;
    fn set(row: &mut [u8], x: usize, value: u16);
}

/// 8 bits.
struct One;

impl Bytes for One {
    fn get(row: &[u8], x: usize) -> u16 {
        row[x].into()
    }

    fn set(row: &mut [u8], x: usize, value: u16) {
        // A sample of 8 bits fits.
        row[x] = value.to_le_bytes()[0];
    }
}

/// More than that.
struct Two;

impl Bytes for Two {
    fn get(row: &[u8], x: usize) -> u16 {
        u16::from_le_bytes([row[2 * x], row[2 * x + 1]])
    }

    fn set(row: &mut [u8], x: usize, value: u16) {
        row[2 * x..2 * x + 2].copy_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::format::Pixel;
    use ffmpeg_next::frame;
    use proptest::prelude::*;
    use sfumato_core::detection::Class;
    use sfumato_core::options::{MaskStyle, PixelCount, SmoothPadding};

    use super::*;

    const FORMATS: [Pixel; 6] = [
        Pixel::YUV420P,
        Pixel::YUV422P,
        Pixel::YUVJ444P,
        Pixel::YUV420P10LE,
        Pixel::YUV422P10LE,
        Pixel::YUV444P10LE,
    ];

    fn detection(edges: [f32; 4]) -> Detection {
        let [left, top, right, bottom] = edges;
        Detection {
            class: Class::Face,
            bbox: BoundingBox {
                left,
                top,
                right,
                bottom,
            },
            confidence: 1.0,
            model: "test".into(),
            corners: None,
        }
    }

    /// A frame whose every sample differs from its neighbours.
    fn patterned(format: Pixel, width: u32, height: u32) -> frame::Video {
        let mut frame = frame::Video::new(format, width, height);
        let mut planes = Planes::of(&mut frame).unwrap();
        let max = (1usize << planes.bits) - 1;
        for component in 0..3 {
            let [columns, rows] = planes.components[component].size;
            for y in 0..rows {
                for x in 0..columns {
                    let value = max / 4 + (x * 7 + y * 13 + component * 29) % (max / 2);
                    planes.set(component, x, y, u16::try_from(value).unwrap());
                }
            }
        }
        frame
    }

    fn samples(frame: &mut frame::Video, component: usize) -> (Vec<u16>, [usize; 2]) {
        let planes = Planes::of(frame).unwrap();
        let [columns, rows] = planes.components[component].size;
        let samples = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
        (
            samples.map(|(x, y)| planes.get(component, x, y)).collect(),
            [columns, rows],
        )
    }

    #[test]
    fn an_opaque_mask_has_its_colour_in_all_planes_and_nothing_else_changes() {
        let mask = Mask {
            style: MaskStyle::Opaque("#ff0000".parse().unwrap()),
            ..Mask::default()
        };
        for format in FORMATS {
            let mut original = patterned(format, 101, 77);
            let mut masked = original.clone();
            let face = detection([30.0, 20.0, 61.0, 50.0]);
            let (shift, bits, matrix) = {
                let mut planes = Planes::of(&mut masked).unwrap();
                draw(&mut planes, &face, mask, [3; 32], 0);
                (planes.shift, planes.bits, planes.matrix)
            };
            let color = Colors::new(matrix, bits);
            let [y, u, v] = color.yuv([1.0, 0.0, 0.0]);
            let expected = [color.luma(y), color.chroma(u), color.chroma(v)];
            for (component, expected) in expected.into_iter().enumerate() {
                let (before, [columns, _]) = samples(&mut original, component);
                let (after, _) = samples(&mut masked, component);
                let [across, down] = if component == 0 { [0, 0] } else { shift };
                for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                    let (x, y) = ((i % columns) << across, (i / columns) << down);
                    if (30..61).contains(&x) && (20..50).contains(&y) {
                        let off = i32::from(*after) - i32::from(expected);
                        assert!(off.abs() <= 1, "{format:?} {component} {x} {y}");
                    } else if !(14..77).contains(&x) || !(4..66).contains(&y) {
                        assert_eq!(before, after, "{format:?} {component} {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_decoders_own_copy_of_a_frame_stays_as_it_is() {
        let mut frame = patterned(Pixel::YUV420P, 64, 64);
        let mut shared = frame::Video::empty();
        #[expect(unsafe_code, reason = "only a decoder shares frames")]
        // SAFETY: both frames are valid.
        unsafe {
            ffmpeg_next::ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr());
        }
        let (before, _) = samples(&mut shared.clone(), 0);
        draw(
            &mut Planes::of(&mut frame).unwrap(),
            &detection([10.0, 10.0, 40.0, 40.0]),
            Mask::default(),
            [0; 32],
            1,
        );
        let (after, _) = samples(&mut shared, 0);
        assert_eq!(before, after);
        assert_ne!(samples(&mut frame, 0).0, after);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// The surroundings that are looked at are never smaller than what a mask touches: it is drawn as in a whole
        /// picture.
        #[test]
        fn a_mask_is_drawn_as_in_a_picture(
            left in -30.0f32..90.0, top in -30.0f32..70.0, width in 1.0f32..60.0, height in 1.0f32..60.0,
            style in 0usize..3, edge in 0.0f64..1.0, plate in any::<bool>(), format in prop::sample::select(&FORMATS[..]),
        ) {
            let mut face = detection([left, top, left + width, top + height]);
            if plate {
                face.class = Class::Plate;
                face.corners = Some([[left - 20.0, top], [left + width, top - 20.0], [left + width + 9.0, top + height], [left, top + height]]);
            }
            let mask = Mask {
                style: [
                    MaskStyle::Blur,
                    MaskStyle::Opaque("#12ab9f".parse().unwrap()),
                    MaskStyle::Pixelate(PixelCount::default()),
                ][style],
                smooth_padding: SmoothPadding::new(edge).unwrap(),
                ..Mask::default()
            };
            let mut frame = patterned(format, 97, 71);
            let mut whole = frame.clone();
            draw(&mut Planes::of(&mut frame).unwrap(), &face, mask, [9; 32], 5);
            {
                let mut planes = Planes::of(&mut whole).unwrap();
                let all = Area { left: 0, top: 0, width: 97, height: 71 };
                let before = all.read(&planes);
                let mut after = before.clone();
                Masks::new([&face], Orientation::UPRIGHT, (97, 71), mask, [9; 32], 5).draw(&mut after);
                all.write(&mut planes, &before, &after);
            }
            for component in 0..3 {
                let (ours, _) = samples(&mut frame, component);
                let (theirs, _) = samples(&mut whole, component);
                // Moving a box rounds its edges, and a pixel on the very edge can fall to either side.
                let far = ours.iter().zip(&theirs).filter(|(a, b)| a.abs_diff(**b) > 40).count();
                prop_assert!(far <= 6, "{} samples differ", far);
            }
        }
    }
}
