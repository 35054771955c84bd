//! Between samples of luma and chroma, and red, green and blue.

use super::planes::Matrix;

/// Conversion between samples and colours in fractions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colors {
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
    pub(super) fn new(matrix: Matrix, bits: u32) -> Self {
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

    pub(super) fn rgb(&self, [luma, blue, red]: [u16; 3]) -> [f32; 3] {
        let y = (f32::from(luma) - self.luma_zero) * self.luma_scale;
        let u = f32::from(blue) - self.chroma_zero;
        let v = f32::from(red) - self.chroma_zero;
        let r = y + self.red_scale * v;
        let b = y + self.blue_scale * u;
        let g = y + self.green_scales[0] * u + self.green_scales[1] * v;
        [r, g, b].map(|value| value.clamp(0.0, 1.0))
    }

    /// Luma from 0 to 1, chroma from -0.5 to 0.5.
    pub(super) fn yuv(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let y = self.red * r + self.green * g + self.blue * b;
        [
            y,
            (b - y) / (2.0 * (1.0 - self.blue)),
            (r - y) / (2.0 * (1.0 - self.red)),
        ]
    }

    /// The sample of a luma from 0 to 1.
    pub(super) fn luma(&self, value: f32) -> u16 {
        self.sample(value * self.luma_range + self.luma_zero)
    }

    /// The sample of a chroma from -0.5 to 0.5.
    pub(super) fn chroma(&self, value: f32) -> u16 {
        self.sample(value * self.chroma_range + self.chroma_zero)
    }

    fn sample(&self, value: f32) -> u16 {
        // `as` cuts off, and makes 0 of what is less; rounding is a call of a function for most processors.
        (value + 0.5).min(self.max) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
