//! What the components of a JPEG mean. All values are from 0 to 255.

/// A colour space that pictures are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColorSpace {
    /// Luminance.
    Gray,
    /// Luminance and two colour differences (JFIF 1.02, after ITU-R BT.601).
    YCbCr,
    /// Red, green, blue.
    Rgb,
    /// Cyan, magenta, yellow, black as Adobe stores them: 255 is no ink.
    Cmyk,
    /// The complements of the inks cyan, magenta, yellow of [`Self::Cmyk`] as YCbCr, and black.
    Ycck,
}

impl ColorSpace {
    /// How many components a picture has.
    pub(super) const fn components(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::YCbCr | Self::Rgb => 3,
            Self::Cmyk | Self::Ycck => 4,
        }
    }

    /// The colour that components show.
    #[inline]
    pub(super) fn to_rgb(self, [a, b, c, d]: [f32; 4]) -> [f32; 3] {
        match self {
            Self::Gray => [a; 3],
            Self::YCbCr => ycc_to_rgb([a, b, c]),
            Self::Rgb => [a, b, c],
            Self::Cmyk => [a, b, c].map(|ink| ink * d / 255.0),
            Self::Ycck => ycc_to_rgb([a, b, c]).map(|complement| (255.0 - complement) * d / 255.0),
        }
    }

    /// The components that show a colour. Inks are left to black as far as possible, as printers want it: a dark colour of
    /// three inks is more than paper takes up.
    #[inline]
    pub(super) fn of_rgb(self, rgb: [f32; 3]) -> [f32; 4] {
        match self {
            Self::Gray => [rgb_to_ycc(rgb)[0], 0.0, 0.0, 0.0],
            Self::YCbCr => {
                let [y, cb, cr] = rgb_to_ycc(rgb);
                [y, cb, cr, 0.0]
            }
            Self::Rgb => [rgb[0], rgb[1], rgb[2], 0.0],
            Self::Cmyk => {
                let ([c, m, y], k) = inks(rgb);
                [c, m, y, k]
            }
            Self::Ycck => {
                let (inks, k) = inks(rgb);
                let [y, cb, cr] = rgb_to_ycc(inks.map(|ink| 255.0 - ink));
                [y, cb, cr, k]
            }
        }
    }
}

/// Cyan, magenta, yellow, and black; 255 is no ink.
fn inks(rgb: [f32; 3]) -> ([f32; 3], f32) {
    let k = rgb.into_iter().fold(0.0, f32::max);
    if k > 0.0 {
        (rgb.map(|value| value / k * 255.0), k)
    } else {
        ([255.0; 3], 0.0)
    }
}

fn ycc_to_rgb([y, cb, cr]: [f32; 3]) -> [f32; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|value| value.clamp(0.0, 255.0))
}

fn rgb_to_ycc([r, g, b]: [f32; 3]) -> [f32; 3] {
    [
        0.299 * r + 0.587 * g + 0.114 * b,
        128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b,
        128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b,
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPACES: [ColorSpace; 4] = [
        ColorSpace::YCbCr,
        ColorSpace::Rgb,
        ColorSpace::Cmyk,
        ColorSpace::Ycck,
    ];

    #[test]
    fn black_is_printed_with_black_ink_alone() {
        assert_eq!(ColorSpace::Cmyk.of_rgb([0.0; 3]), [255.0, 255.0, 255.0, 0.0]);
        let [y, cb, cr, k] = ColorSpace::Ycck.of_rgb([0.0; 3]);
        assert!(y.abs() < 0.01 && (cb - 128.0).abs() < 0.01 && (cr - 128.0).abs() < 0.01 && k == 0.0);
    }

    #[test]
    fn gray_is_luminance() {
        let [y, ..] = ColorSpace::Gray.of_rgb([255.0, 0.0, 0.0]);
        assert!((y - 76.245).abs() < 0.01, "{y}");
        assert_eq!(ColorSpace::Gray.to_rgb([50.0, 0.0, 0.0, 0.0]), [50.0; 3]);
    }

    proptest! {
        #[test]
        fn every_colour_can_be_stored_in_every_space(rgb in prop::array::uniform3(0.0f32..=255.0)) {
            for space in SPACES {
                let stored = space.of_rgb(rgb);
                prop_assert!(stored.iter().all(|value| (-0.01..=255.01).contains(value)), "{space:?} {stored:?}");
                for (a, b) in space.to_rgb(stored).iter().zip(rgb) {
                    prop_assert!((a - b).abs() < 0.1, "{space:?} {rgb:?}");
                }
            }
        }
    }
}
