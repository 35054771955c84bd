//! Makes JPEGs of every kind to test with.

use std::mem;

use mozjpeg_sys::{
    J_COLOR_SPACE, JINT_COMPRESS_PROFILE, JINT_COMPRESS_PROFILE_VALUE, jpeg_add_quant_table,
    jpeg_c_set_int_param, jpeg_compress_struct, jpeg_create_compress, jpeg_destroy_compress,
    jpeg_finish_compress, jpeg_mem_dest, jpeg_scan_info, jpeg_set_colorspace, jpeg_set_defaults,
    jpeg_set_quality, jpeg_simple_progression, jpeg_start_compress, jpeg_write_raw_data,
};

use super::super::color::ColorSpace;
use crate::image::libjpeg;

/// How a test wants its JPEG.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) size: (usize, usize),
    pub(super) space: ColorSpace,
    /// Sampling factors of each component.
    pub(super) sampling: Vec<(usize, usize)>,
    pub(super) progressive: bool,
    pub(super) arithmetic: bool,
    pub(super) restart_interval: u32,
    /// Whether each component comes in a scan of its own.
    pub(super) apart: bool,
    /// Whether each component has a quantisation table of its own.
    pub(super) own_tables: bool,
    /// Whether the tables of codes are made for the picture.
    pub(super) own_codes: bool,
    pub(super) quality: i32,
    pub(super) jfif: bool,
    pub(super) adobe: bool,
    pub(super) density: (u16, u16),
}

impl Kind {
    /// A baseline picture like a camera's.
    pub(super) fn new(size: (usize, usize), space: ColorSpace, sampling: &[(usize, usize)]) -> Self {
        Self {
            size,
            space,
            sampling: sampling.to_vec(),
            progressive: false,
            arithmetic: false,
            restart_interval: 0,
            apart: false,
            own_tables: false,
            own_codes: false,
            quality: 85,
            jfif: matches!(space, ColorSpace::Gray | ColorSpace::YCbCr),
            adobe: !matches!(space, ColorSpace::Gray | ColorSpace::YCbCr),
            density: (1, 1),
        }
    }

    pub(super) fn sampling_max(&self) -> (usize, usize) {
        let max = |side: fn(&(usize, usize)) -> usize| self.sampling.iter().map(side).max().unwrap();
        (max(|factors| factors.0), max(|factors| factors.1))
    }

    /// The samples of a component, padded to whole units as encoders do, by repeating the border; and their stride.
    fn plane(&self, component: usize, rgb: &dyn Fn(usize, usize) -> [f32; 3]) -> (Vec<u8>, usize) {
        let ((h, v), (h_max, v_max)) = (self.sampling[component], self.sampling_max());
        let stride = self.size.0.div_ceil(8 * h_max) * 8 * h;
        let rows = self.size.1.div_ceil(8 * v_max) * 8 * v;
        let sample = |x: usize, y: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            for py in y * v_max / v..((y + 1) * v_max).div_ceil(v) {
                for px in x * h_max / h..((x + 1) * h_max).div_ceil(h) {
                    let color = rgb(px.min(self.size.0 - 1), py.min(self.size.1 - 1));
                    sum += self.space.of_rgb(color)[component];
                    count += 1.0;
                }
            }
            (sum / count).round() as u8
        };
        let samples = (0..rows).flat_map(|y| (0..stride).map(move |x| (x, y)));
        (samples.map(|(x, y)| sample(x, y)).collect(), stride)
    }

    fn scans(&self) -> Vec<jpeg_scan_info> {
        let bands: &[(i32, i32)] = if self.progressive {
            &[(0, 0), (1, 5), (6, 63)]
        } else {
            &[(0, 63)]
        };
        let components = 0..i32::try_from(self.sampling.len()).unwrap();
        let scan = |index, (first, last)| jpeg_scan_info {
            comps_in_scan: 1,
            component_index: [index, 0, 0, 0],
            Ss: first,
            Se: last,
            Ah: 0,
            Al: 0,
        };
        bands
            .iter()
            .flat_map(|band| components.clone().map(move |index| scan(index, *band)))
            .collect()
    }
}

/// Encodes a picture that is given pixel by pixel.
#[expect(unsafe_code, reason = "no safe binding reaches all settings")]
pub(super) fn encode(kind: &Kind, rgb: &dyn Fn(usize, usize) -> [f32; 3]) -> Vec<u8> {
    let planes: Vec<(Vec<u8>, usize)> = (0..kind.sampling.len()).map(|i| kind.plane(i, rgb)).collect();
    let scans = kind.scans();
    let mut buffer = vec![0; 200_000 + kind.size.0 * kind.size.1 * 20];
    let (mut pointer, mut length) = (buffer.as_mut_ptr(), buffer.len() as _);
    let (outcome, _) = libjpeg::guarded(|| {
        let mut errors = libjpeg::error_manager();
        // SAFETY: all pointers that libjpeg is given live until it is destroyed, and the buffer is larger than any result.
        unsafe {
            let mut info: jpeg_compress_struct = mem::zeroed();
            info.common.err = &raw mut errors;
            jpeg_create_compress(&raw mut info);
            jpeg_mem_dest(&mut info, &raw mut pointer, &raw mut length);
            set(&mut info, kind);
            if kind.apart {
                info.scan_info = scans.as_ptr();
                info.num_scans = i32::try_from(scans.len()).unwrap();
            } else if kind.progressive {
                jpeg_simple_progression(&mut info);
            }
            jpeg_start_compress(&mut info, 1);
            write(&mut info, kind, &planes);
            jpeg_finish_compress(&mut info);
            jpeg_destroy_compress(&mut info);
        }
    });
    outcome.unwrap();
    assert_eq!(pointer, buffer.as_mut_ptr());
    buffer.truncate(length as usize);
    buffer
}

#[expect(unsafe_code, reason = "no safe binding reaches all settings")]
fn set(info: &mut jpeg_compress_struct, kind: &Kind) {
    let space = match kind.space {
        ColorSpace::Gray => J_COLOR_SPACE::JCS_GRAYSCALE,
        ColorSpace::YCbCr => J_COLOR_SPACE::JCS_YCbCr,
        ColorSpace::Rgb => J_COLOR_SPACE::JCS_RGB,
        ColorSpace::Cmyk => J_COLOR_SPACE::JCS_CMYK,
        ColorSpace::Ycck => J_COLOR_SPACE::JCS_YCCK,
    };
    info.image_width = u32::try_from(kind.size.0).unwrap();
    info.image_height = u32::try_from(kind.size.1).unwrap();
    info.input_components = i32::try_from(kind.sampling.len()).unwrap();
    info.in_color_space = space;
    // SAFETY: the struct has been created; components are as many as the colour space has.
    unsafe {
        jpeg_c_set_int_param(
            info,
            JINT_COMPRESS_PROFILE,
            JINT_COMPRESS_PROFILE_VALUE::JCP_FASTEST as _,
        );
        jpeg_set_defaults(info);
        jpeg_set_colorspace(info, space);
        jpeg_set_quality(info, kind.quality, 0);
        if kind.own_tables {
            for number in 0..3 {
                let table: [u32; 64] = std::array::from_fn(|i| 3 + number as u32 + i as u32 / 4);
                jpeg_add_quant_table(info, number, table.as_ptr(), 100, 1);
            }
        }
        for (index, (h, v)) in kind.sampling.iter().enumerate() {
            let component = &mut *info.comp_info.add(index);
            component.h_samp_factor = i32::try_from(*h).unwrap();
            component.v_samp_factor = i32::try_from(*v).unwrap();
            if kind.own_tables {
                component.quant_tbl_no = i32::try_from(index.min(2)).unwrap();
            }
        }
    }
    info.raw_data_in = 1;
    info.optimize_coding = kind.own_codes.into();
    info.arith_code = kind.arithmetic.into();
    info.restart_interval = kind.restart_interval;
    info.write_JFIF_header = kind.jfif.into();
    info.write_Adobe_marker = kind.adobe.into();
    (info.density_unit, info.X_density, info.Y_density) = (1, kind.density.0, kind.density.1);
}

#[expect(unsafe_code, reason = "no safe binding reaches all settings")]
fn write(info: &mut jpeg_compress_struct, kind: &Kind, planes: &[(Vec<u8>, usize)]) {
    let v_max = kind.sampling_max().1;
    for unit_row in 0..kind.size.1.div_ceil(8 * v_max) {
        let rows: Vec<Vec<*const u8>> = planes
            .iter()
            .zip(&kind.sampling)
            .map(|((samples, stride), (_, v))| {
                let first = unit_row * 8 * v;
                (first..first + 8 * v)
                    .map(|row| samples[row * stride..].as_ptr())
                    .collect()
            })
            .collect();
        let components: Vec<*const *const u8> = rows.iter().map(Vec::as_ptr).collect();
        let count = u32::try_from(8 * v_max).unwrap();
        // SAFETY: each component has the rows of one unit, each as long as all units are wide.
        let written = unsafe { jpeg_write_raw_data(info, components.as_ptr(), count) };
        assert_eq!(written, count);
    }
}

/// The file with further segments behind the start of the image.
pub(super) fn with_segments(bytes: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut with = bytes[..2].to_vec();
    for (marker, payload) in segments {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        with.extend([&[0xFF, *marker], &length[..], payload].concat());
    }
    with.extend(&bytes[2..]);
    with
}
