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

use super::planes::{Matrix, Planes};
use crate::mask::Masks;
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
            let sample = |row: &[u8], x: usize| u16::from_le_bytes([row[2 * x], row[2 * x + 1]]);
            Samples::Sixteen(self.read_samples(planes, sample, |value| (value * 65_535.0 + 0.5) as u16))
        } else {
            Samples::Eight(self.read_samples(
                planes,
                |row, x| row[x].into(),
                |value| (value * 255.0 + 0.5) as u8,
            ))
        };
        Raster {
            width,
            height,
            channels: Channels::Rgb,
            samples,
        }
    }

    fn read_samples<S>(
        &self,
        planes: &Planes<'_>,
        sample: impl Fn(&[u8], usize) -> u16,
        convert: impl Fn(f32) -> S,
    ) -> Vec<S> {
        let color = Colors::new(planes.matrix, planes.bits);
        let [across, down] = planes.shift;
        let mut values = Vec::with_capacity(self.width * self.height * 3);
        for y in self.top..self.top + self.height {
            let (luma, blue, red) = (
                planes.row(0, y),
                planes.row(1, y >> down),
                planes.row(2, y >> down),
            );
            for x in self.left..self.left + self.width {
                let chroma = x >> across;
                let yuv = [sample(luma, x), sample(blue, chroma), sample(red, chroma)];
                values.extend(color.rgb(yuv).map(&convert));
            }
        }
        values
    }

    /// Writes those pixels back that have changed.
    fn write(&self, planes: &mut Planes<'_>, before: &Raster, after: &Raster) {
        match (&before.samples, &after.samples) {
            (Samples::Eight(before), Samples::Eight(after)) => {
                self.write_samples(planes, before, after, |value| f32::from(value) / 255.0);
            }
            (Samples::Sixteen(before), Samples::Sixteen(after)) => {
                self.write_samples(planes, before, after, |value| f32::from(value) / 65_535.0);
            }
            _ => {}
        }
    }

    fn write_samples<S: Copy + PartialEq>(
        &self,
        planes: &mut Planes<'_>,
        before: &[S],
        after: &[S],
        fraction: impl Fn(S) -> f32,
    ) {
        let color = Colors::new(planes.matrix, planes.bits);
        let [across, down] = planes.shift;
        let (step_x, step_y) = (1 << across, 1 << down);
        for block_y in (0..self.height).step_by(step_y) {
            for block_x in (0..self.width).step_by(step_x) {
                let (mut sum, mut count) = ([0.0f32; 2], 0.0f32);
                for y in block_y..(block_y + step_y).min(self.height) {
                    for x in block_x..(block_x + step_x).min(self.width) {
                        let place = (y * self.width + x) * 3;
                        let pixel = &after[place..place + 3];
                        if pixel == &before[place..place + 3] {
                            continue;
                        }
                        let [luma, blue, red] = color.yuv([0, 1, 2].map(|i| fraction(pixel[i])));
                        planes.set(0, self.left + x, self.top + y, color.luma(luma));
                        sum = [sum[0] + blue, sum[1] + red];
                        count += 1.0;
                    }
                }
                if count > 0.0 {
                    let (x, y) = ((self.left + block_x) >> across, (self.top + block_y) >> down);
                    planes.set(1, x, y, color.chroma(sum[0] / count));
                    planes.set(2, x, y, color.chroma(sum[1] / count));
                }
            }
        }
    }
}

/// Conversion between samples and colours in fractions.
#[derive(Clone, Copy, Debug)]
struct Colors {
    red: f32,
    green: f32,
    blue: f32,
    luma_zero: f32,
    luma_range: f32,
    chroma_zero: f32,
    chroma_range: f32,
    max: f32,
    /// From samples to colours: luma, red chroma in red, blue chroma in blue, and both of them in green.
    luma_scale: f32,
    red_scale: f32,
    blue_scale: f32,
    green_scales: [f32; 2],
}

impl Colors {
    fn new(matrix: Matrix, bits: u32) -> Self {
        // Samples of 8 bits, and as many times that as there are more bits.
        let scale = (1u32 << (bits - 8)) as f32;
        let max = ((1u32 << bits) - 1) as f32;
        let (luma_zero, luma_range, chroma_range) = if matrix.is_full {
            (0.0, max, max)
        } else {
            (16.0 * scale, 219.0 * scale, 224.0 * scale)
        };
        let green = 1.0 - matrix.red - matrix.blue;
        let red_scale = 2.0 * (1.0 - matrix.red) / chroma_range;
        let blue_scale = 2.0 * (1.0 - matrix.blue) / chroma_range;
        Self {
            red: matrix.red,
            green,
            blue: matrix.blue,
            luma_scale: 1.0 / luma_range,
            red_scale,
            blue_scale,
            green_scales: [-matrix.blue * blue_scale / green, -matrix.red * red_scale / green],
            luma_zero,
            luma_range,
            chroma_zero: 128.0 * scale,
            chroma_range,
            max,
        }
    }

    fn rgb(&self, [luma, blue, red]: [u16; 3]) -> [f32; 3] {
        let y = (f32::from(luma) - self.luma_zero) * self.luma_scale;
        let u = f32::from(blue) - self.chroma_zero;
        let v = f32::from(red) - self.chroma_zero;
        let r = y + self.red_scale * v;
        let b = y + self.blue_scale * u;
        let g = y + self.green_scales[0] * u + self.green_scales[1] * v;
        [r, g, b].map(|value| value.clamp(0.0, 1.0))
    }

    /// Luma from 0 to 1, chroma from -0.5 to 0.5.
    fn yuv(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let y = self.red * r + self.green * g + self.blue * b;
        [
            y,
            (b - y) / (2.0 * (1.0 - self.blue)),
            (r - y) / (2.0 * (1.0 - self.red)),
        ]
    }

    fn luma(&self, value: f32) -> u16 {
        // `as` saturates.
        (value * self.luma_range + self.luma_zero)
            .round()
            .clamp(0.0, self.max) as u16
    }

    fn chroma(&self, value: f32) -> u16 {
        // `as` saturates.
        (value * self.chroma_range + self.chroma_zero)
            .round()
            .clamp(0.0, self.max) as u16
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
    fn colours_survive_the_way_to_the_planes_and_back() {
        for (is_full, bits) in [(false, 8), (true, 8), (false, 10)] {
            let matrix = Matrix {
                red: 0.2126,
                blue: 0.0722,
                is_full,
            };
            let color = Colors::new(matrix, bits);
            for rgb in [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.9, 0.2, 0.4], [0.1, 0.8, 0.3]] {
                let [y, u, v] = color.yuv(rgb);
                let back = color.rgb([color.luma(y), color.chroma(u), color.chroma(v)]);
                for i in 0..3 {
                    assert!((back[i] - rgb[i]).abs() < 0.012, "{rgb:?} {back:?}");
                }
            }
        }
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
