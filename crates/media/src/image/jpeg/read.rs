//! Reads the quantised coefficients of a whole JPEG, and renders it in a smaller size from the same coefficients.
//!
//! libjpeg is run in its mode for pictures that are shown while they arrive: it collects the coefficients of all scans, and
//! renders what it has collected. Data are decoded once, and both the detectors and the masks get what they need. The
//! coefficients of a large picture do not fit into any cache, so that as much as possible is done with a row of blocks while
//! it is there.

use std::marker::PhantomData;
use std::mem;
use std::ops::RangeInclusive;
use std::ptr::{self, NonNull};
use std::slice;

use mozjpeg_sys::{
    J_COLOR_SPACE, J_DCT_METHOD, jpeg_component_info, jpeg_consume_input, jpeg_create_decompress,
    jpeg_decompress_struct, jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_output,
    jpeg_has_multiple_scans, jpeg_mem_src, jpeg_read_coefficients, jpeg_read_header, jpeg_read_scanlines,
    jpeg_start_decompress, jpeg_start_output, jvirt_barray_control,
};

use super::color::ColorSpace;
use super::dct::{Block, SIDE, Table};
use crate::error::PictureError;
use crate::image::libjpeg;

/// What `jpeg_consume_input` returns at the end of the file, and where it has no data. The latter does not happen: a source
/// in memory makes up an end marker.
const REACHED_EOI: i32 = 2;
const SUSPENDED: i32 = 0;

/// Rows that are rendered with one call at most; libjpeg makes up to four at a time.
const ROWS_MAX: usize = 4;

/// One component: a plane of blocks.
#[derive(Clone, Debug)]
pub(super) struct Component {
    /// Sampling factors, horizontal and vertical, relative to the largest of all components.
    pub(super) sampling: (usize, usize),
    /// Columns and rows of blocks, without those that only fill the last units up.
    pub(super) blocks: (usize, usize),
    /// Steps of the quantisation in natural order.
    pub(super) table: Table,
}

/// A picture rendered by libjpeg.
pub(super) struct Rendered {
    /// Width and height in pixels.
    pub(super) size: (u32, u32),
    /// Samples of a pixel, next to each other: three of RGB, or four of CMYK.
    pub(super) channels: usize,
    /// All samples, row by row.
    pub(super) samples: Vec<u8>,
}

struct Session {
    info: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
}

/// A JPEG of which the header, and then all coefficients, have been read. Methods unwind out of libjpeg's errors: see
/// [`libjpeg::guarded`].
pub(super) struct Coefficients<'a> {
    /// From a box. libjpeg knows its parts by address.
    session: NonNull<Session>,
    /// One array a component; null until reading has begun.
    arrays: *mut *mut jvirt_barray_control,
    means: Means,
    bytes: PhantomData<&'a [u8]>,
}

#[expect(unsafe_code, reason = "libjpeg is written in C")]
impl<'a> Coefficients<'a> {
    /// Reads the header.
    pub(super) fn open(bytes: &'a [u8]) -> Self {
        let session = Box::new(Session {
            // SAFETY: the struct consists of numbers, raw pointers and enums whose first variant has the number 0.
            info: unsafe { mem::zeroed() },
            errors: libjpeg::error_manager(),
        });
        // From here on the session is freed by `drop`, which is harmless before libjpeg has allocated anything.
        let mut this = Self {
            session: NonNull::from(Box::leak(session)),
            arrays: ptr::null_mut(),
            means: Means {
                rows: 0,
                are_ordinary: true,
            },
            bytes: PhantomData,
        };
        // SAFETY: the session lives until `drop`. The error manager has its final address before libjpeg is called, and the
        // bytes outlive `this`.
        unsafe {
            let session = this.session.as_mut();
            session.info.common.err = &raw mut session.errors;
            jpeg_create_decompress(&raw mut session.info);
            jpeg_mem_src(&mut session.info, bytes.as_ptr(), bytes.len() as _);
            jpeg_read_header(&mut session.info, 1);
        }
        this
    }

    const fn info(&self) -> &jpeg_decompress_struct {
        // SAFETY: the session lives until `drop`, and libjpeg holds no reference between calls.
        unsafe { &self.session.as_ref().info }
    }

    const fn info_mut(&mut self) -> &mut jpeg_decompress_struct {
        // SAFETY: as in `info`; it is borrowed from `self` mutably.
        unsafe { &mut self.session.as_mut().info }
    }

    /// What `jpeg_copy_critical_parameters` copies from, and the arrays for `jpeg_write_coefficients`.
    pub(super) const fn parts(&mut self) -> (&mut jpeg_decompress_struct, *mut *mut jvirt_barray_control) {
        let arrays = self.arrays;
        (self.info_mut(), arrays)
    }

    /// Width and height in pixels.
    pub(super) const fn size(&self) -> (u32, u32) {
        let info = self.info();
        (info.image_width, info.image_height)
    }

    /// What the components mean; `None` where this program does not know.
    pub(super) fn color_space(&self) -> Option<ColorSpace> {
        let info = self.info();
        let space = match info.jpeg_color_space {
            J_COLOR_SPACE::JCS_GRAYSCALE => ColorSpace::Gray,
            J_COLOR_SPACE::JCS_YCbCr => ColorSpace::YCbCr,
            J_COLOR_SPACE::JCS_RGB => ColorSpace::Rgb,
            J_COLOR_SPACE::JCS_CMYK => ColorSpace::Cmyk,
            J_COLOR_SPACE::JCS_YCCK => ColorSpace::Ycck,
            _ => return None,
        };
        (usize::try_from(info.num_components) == Ok(space.components())).then_some(space)
    }

    fn infos(&self) -> &[jpeg_component_info] {
        let info = self.info();
        let count = usize::try_from(info.num_components).unwrap_or(0);
        // SAFETY: the header has been read, so that there is a struct for each component, which lives as long as the session.
        unsafe { slice::from_raw_parts(info.comp_info, count) }
    }

    /// The largest sampling factors, horizontal and vertical.
    pub(super) fn sampling_max(&self) -> (usize, usize) {
        let max = |side: fn(&jpeg_component_info) -> i32| self.infos().iter().map(side).max();
        let max = |side| usize::try_from(max(side).unwrap_or(1)).unwrap_or(1);
        (max(|info| info.h_samp_factor), max(|info| info.v_samp_factor))
    }

    /// Whether libjpeg can render the picture: a component has a whole number of pixels a sample.
    pub(super) fn is_renderable(&self) -> bool {
        let (h_max, v_max) = self.sampling_max();
        let divides =
            |factor: i32, max: usize| usize::try_from(factor).is_ok_and(|f| f > 0 && max.is_multiple_of(f));
        self.infos()
            .iter()
            .all(|info| divides(info.h_samp_factor, h_max) && divides(info.v_samp_factor, v_max))
    }

    /// All components.
    ///
    /// # Errors
    /// Where a component has not come in any scan.
    pub(super) fn components(&self) -> Result<Vec<Component>, PictureError> {
        let number = |value: i32| usize::try_from(value).unwrap_or(1);
        let component = |info: &jpeg_component_info| {
            // SAFETY: libjpeg saves the table of a component when its first scan begins; it lives as long as the session.
            let table = unsafe { info.quant_table.as_ref() };
            let table = table.ok_or_else(|| PictureError::damaged("a colour component is missing"))?;
            Ok(Component {
                sampling: (number(info.h_samp_factor), number(info.v_samp_factor)),
                blocks: (info.width_in_blocks as usize, info.height_in_blocks as usize),
                table: table.quantval,
            })
        };
        self.infos().iter().map(component).collect()
    }

    /// Reads all scans.
    pub(super) fn read(&mut self) {
        // SAFETY: the header has been read. Pointers that libjpeg returns are kept as they are.
        unsafe {
            self.arrays = jpeg_read_coefficients(self.info_mut());
        }
    }

    /// Reads all scans, and renders the picture in `eighths` eighths of its size.
    pub(super) fn read_and_render(&mut self, eighths: u32) -> Result<Rendered, PictureError> {
        let four = matches!(self.color_space(), Some(ColorSpace::Cmyk | ColorSpace::Ycck));
        let info = self.info_mut();
        info.buffered_image = 1;
        info.scale_num = eighths;
        info.scale_denom = 8;
        info.out_color_space = if four {
            J_COLOR_SPACE::JCS_CMYK
        } else {
            J_COLOR_SPACE::JCS_RGB
        };
        info.dct_method = J_DCT_METHOD::JDCT_ISLOW;
        // The detectors scale the picture down anyway; a smoother upsampling would be lost on them.
        info.do_fancy_upsampling = 0;
        // This is for pictures of which only the first scans have come.
        info.do_block_smoothing = 0;
        // SAFETY: libjpeg is called in the order that its documentation prescribes for buffered images. In this mode the
        // arrays are made at the start, and filled later.
        let (arrays, comes_apart) = unsafe {
            jpeg_start_decompress(info);
            (jpeg_read_coefficients(info), jpeg_has_multiple_scans(info) != 0)
        };
        self.arrays = arrays;
        if comes_apart {
            self.read_to_the_end()?;
        }
        let rendered = self.render()?;
        // Where components come together there is no further scan: it would change what has been rendered, and libjpeg
        // refuses it.
        self.read_to_the_end()?;
        Ok(rendered)
    }

    /// Reads what has not been read yet of any scan.
    fn read_to_the_end(&mut self) -> Result<(), PictureError> {
        loop {
            // SAFETY: decompression has been started.
            match unsafe { jpeg_consume_input(self.info_mut()) } {
                REACHED_EOI => return Ok(()),
                SUSPENDED => return Err(PictureError::Truncated),
                _ => {}
            }
        }
    }

    /// Renders the picture as far as the scan that is being read, and reads that scan meanwhile.
    fn render(&mut self) -> Result<Rendered, PictureError> {
        let info = self.info_mut();
        // SAFETY: decompression has been started, and no output is going on.
        unsafe {
            jpeg_start_output(info, info.input_scan_number);
        }
        let size = (info.output_width, info.output_height);
        let channels = usize::try_from(info.output_components).unwrap_or(0);
        let stride = size.0 as usize * channels;
        let bytes = stride * size.1 as usize;
        let mut samples: Vec<u8> = Vec::new();
        samples
            .try_reserve_exact(bytes)
            .map_err(|_| PictureError::Memory)?;
        while samples.len() < bytes {
            let mut rows = [ptr::null_mut::<u8>(); ROWS_MAX];
            let mut count = 0;
            let missing = bytes - samples.len();
            let room = &mut samples.spare_capacity_mut()[..missing];
            for (pointer, row) in rows.iter_mut().zip(room.chunks_exact_mut(stride)) {
                *pointer = row.as_mut_ptr().cast();
                count += 1;
            }
            // SAFETY: each of `count` pointers is that of a row with room for all samples of a row. Those that are said to
            // be read have been written whole, and follow on what was there before.
            let read = unsafe {
                let read = jpeg_read_scanlines(self.info_mut(), rows.as_mut_ptr(), count);
                samples.set_len(samples.len() + stride * read.min(count) as usize);
                read
            };
            if read == 0 {
                return Err(PictureError::Truncated);
            }
            self.check_means();
        }
        // SAFETY: all rows have been rendered.
        unsafe {
            jpeg_finish_output(self.info_mut());
        }
        Ok(Rendered {
            size,
            channels,
            samples,
        })
    }

    /// One row of blocks of a component.
    ///
    /// # Panics
    /// Where there is no such row, or reading has not begun.
    pub(super) fn row(&mut self, component: usize, row: usize) -> &mut [Block] {
        let (columns, rows) = {
            let info = &self.infos()[component];
            (info.width_in_blocks as usize, info.height_in_blocks as usize)
        };
        assert!(row < rows && !self.arrays.is_null(), "there is no such row");
        let arrays = self.arrays;
        let info = self.info_mut();
        // SAFETY: there is one array a component. It lies in memory as a whole, since libjpeg is built without backing store;
        // so a row keeps its address. It is at least as long as the component is wide, is zero until it has been read, and is
        // borrowed from `self`.
        unsafe {
            let memory = &*info.common.mem;
            let access = memory
                .access_virt_barray
                .expect("libjpeg fills in its memory manager");
            let rows = access(&mut info.common, *arrays.add(component), row as u32, 1, 1);
            slice::from_raw_parts_mut(*rows, columns)
        }
    }
}

/// Means of blocks that pictures of 8 bits have, in the largest units (ITU-T T.81, F.1.1.5).
const MEANS: RangeInclusive<i16> = -1024..=1023;

/// What is known of the means of blocks.
#[derive(Clone, Copy, Debug)]
struct Means {
    /// Rows of units that have been looked at, from the first on.
    rows: usize,
    /// Whether all of theirs are in [`MEANS`].
    are_ordinary: bool,
}

impl Coefficients<'_> {
    /// Whether the mean of each block is one that a picture of 8 bits can have. Decoders add them up from differences, and
    /// let the sum become anything; encoders rely on it.
    pub(super) fn has_ordinary_means(&mut self) -> bool {
        if self.info().input_scan_number > 1 {
            // What has been looked at may have been changed by a later scan.
            self.means.rows = 0;
        }
        let unit_rows = (self.info().image_height as usize).div_ceil(SIDE * self.sampling_max().1);
        self.check_means_before(unit_rows);
        self.means.are_ordinary
    }

    /// Looks at the means of the rows of units that have been read.
    fn check_means(&mut self) {
        self.check_means_before(self.info().input_iMCU_row as usize);
    }

    fn check_means_before(&mut self, end: usize) {
        for unit_row in self.means.rows..end {
            for component in 0..self.infos().len() {
                let info = &self.infos()[component];
                let (blocks, each) = (
                    info.height_in_blocks as usize,
                    info.v_samp_factor.unsigned_abs() as usize,
                );
                for row in (unit_row * each).min(blocks)..((unit_row + 1) * each).min(blocks) {
                    let row = self.row(component, row);
                    // Without an early end the compiler compares many at once.
                    let are_ordinary = row
                        .iter()
                        .fold(true, |all, block| all & MEANS.contains(&block[0]));
                    self.means.are_ordinary &= are_ordinary;
                }
            }
        }
        self.means.rows = self.means.rows.max(end);
    }
}

#[expect(unsafe_code, reason = "libjpeg is written in C")]
impl Drop for Coefficients<'_> {
    fn drop(&mut self) {
        // SAFETY: the session came from a box and is not used any more. Destroying frees what libjpeg has allocated, nothing
        // where that is nothing, and raises no error.
        unsafe {
            jpeg_destroy_decompress(&mut self.session.as_mut().info);
            drop(Box::from_raw(self.session.as_ptr()));
        }
    }
}
