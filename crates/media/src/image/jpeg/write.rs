//! Writes coefficients as a JPEG that is coded like the original.

use std::io::{self, Write};
use std::mem;
use std::ptr::{self, NonNull};

use mozjpeg_sys::{
    JINT_COMPRESS_PROFILE, JINT_COMPRESS_PROFILE_VALUE, NUM_QUANT_TBLS, boolean, jpeg_c_set_int_param,
    jpeg_compress_struct, jpeg_copy_critical_parameters, jpeg_create_compress, jpeg_decompress_struct,
    jpeg_destination_mgr, jpeg_destroy_compress, jpeg_error_mgr, jpeg_finish_compress, jpeg_scan_info,
    jpeg_simple_progression, jpeg_write_coefficients, jpeg_write_marker,
};

use super::coding::{CodeTable, Coding};
use super::read::Coefficients;
use crate::error::PictureError;
use crate::image::libjpeg::{self, Fault};

/// Bytes that are handed on at a time.
const BUFFER_BYTES: usize = 1 << 16;

/// Blocks that a unit of several components may hold (ITU-T T.81, B.2.3).
const UNIT_BLOCKS_MAX: i32 = 10;

/// Marker and payload of a segment.
pub(super) type Segment = (u8, Vec<u8>);

/// What becomes of the density in a JFIF header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Density {
    /// It stays what it is.
    Kept,
    /// Only the shape of a pixel stays, which decides how the picture looks.
    Aspect,
}

/// What stands in front of the picture.
pub(super) struct Header<'a> {
    /// How the original is coded.
    pub(super) coding: &'a Coding,
    pub(super) density: Density,
    /// Everything behind the JFIF header.
    pub(super) segments: Vec<Segment>,
}

/// Writes a file.
pub(super) fn write(
    source: &mut Coefficients<'_>,
    header: &Header<'_>,
    output: &mut dyn Write,
) -> Result<(), PictureError> {
    let mut error = None;
    let (outcome, _) = libjpeg::guarded(|| {
        let mut writer = Writer::new(output, &mut error);
        writer.write(source, header);
    });
    if let Some(error) = error {
        return Err(PictureError::Write(error));
    }
    outcome.map_err(|fault: Fault| {
        if fault.is_memory() {
            PictureError::Memory
        } else if fault.is_coefficient() {
            PictureError::damaged("a part of its data makes no sense")
        } else {
            PictureError::internal(fault.text)
        }
    })
}

struct Session<'a> {
    info: jpeg_compress_struct,
    errors: jpeg_error_mgr,
    destination: Destination<'a>,
}

/// Where libjpeg writes to. It knows the first field alone.
#[repr(C)]
struct Destination<'a> {
    manager: jpeg_destination_mgr,
    buffer: Vec<u8>,
    output: &'a mut dyn Write,
    /// libjpeg forgets why a write failed; this remembers.
    error: &'a mut Option<io::Error>,
}

impl Destination<'_> {
    fn reset(&mut self) {
        self.manager.next_output_byte = self.buffer.as_mut_ptr();
        self.manager.free_in_buffer = self.buffer.len();
    }

    /// Hands the first bytes of the buffer on.
    fn hand_on(&mut self, count: usize) -> boolean {
        let outcome = self.output.write_all(&self.buffer[..count]);
        self.reset();
        match outcome {
            Ok(()) => 1,
            Err(error) => {
                self.error.get_or_insert(error);
                0
            }
        }
    }
}

/// The destination of a compressor of this module.
#[expect(unsafe_code, reason = "libjpeg passes its destination by raw pointer")]
fn destination<'a>(info: &'a mut jpeg_compress_struct) -> &'a mut Destination<'a> {
    // SAFETY: `dest` points at the first field of a `Destination`, from which its other fields can be reached since the
    // struct is laid out as in C and the pointer was made from the whole of it. Nothing else refers to it during a callback.
    unsafe { &mut *info.dest.cast() }
}

extern "C-unwind" fn init(info: &mut jpeg_compress_struct) {
    destination(info).reset();
}

/// The buffer is full. Where it cannot be emptied libjpeg raises an error.
extern "C-unwind" fn empty(info: &mut jpeg_compress_struct) -> boolean {
    let destination = destination(info);
    let all = destination.buffer.len();
    destination.hand_on(all)
}

/// The file is complete. Failure is found in `error`.
extern "C-unwind" fn finish(info: &mut jpeg_compress_struct) {
    let destination = destination(info);
    let rest = destination.buffer.len() - destination.manager.free_in_buffer;
    destination.hand_on(rest);
}

struct Writer<'a> {
    /// From a box. libjpeg knows its parts by address.
    session: NonNull<Session<'a>>,
}

#[expect(unsafe_code, reason = "libjpeg is written in C")]
impl<'a> Writer<'a> {
    fn new(output: &'a mut dyn Write, error: &'a mut Option<io::Error>) -> Self {
        let session = Box::new(Session {
            // SAFETY: the struct consists of numbers, raw pointers and enums whose first variant has the number 0.
            info: unsafe { mem::zeroed() },
            errors: libjpeg::error_manager(),
            destination: Destination {
                manager: jpeg_destination_mgr {
                    next_output_byte: ptr::null_mut(),
                    free_in_buffer: 0,
                    init_destination: Some(init),
                    empty_output_buffer: Some(empty),
                    term_destination: Some(finish),
                },
                buffer: vec![0; BUFFER_BYTES],
                output,
                error,
            },
        });
        // From here on the session is freed by `drop`, which is harmless before libjpeg has allocated anything.
        let mut this = Self {
            session: NonNull::from(Box::leak(session)),
        };
        // SAFETY: the session lives until `drop`. Error manager and destination have their final addresses before libjpeg is
        // called.
        unsafe {
            let session = this.session.as_mut();
            session.info.common.err = &raw mut session.errors;
            jpeg_create_compress(&raw mut session.info);
            session.info.dest = (&raw mut session.destination).cast();
        }
        this
    }

    fn write(&mut self, source: &mut Coefficients<'_>, header: &Header<'_>) {
        let coding = header.coding;
        let is_ordinary = !coding.progressive && !coding.arithmetic && source.has_ordinary_means();
        let (original, arrays) = source.parts();
        give_each_component_its_table(original);
        // SAFETY: the session lives until `drop`, and libjpeg holds no reference between calls.
        let info = unsafe { &mut self.session.as_mut().info };
        let script;
        // SAFETY: libjpeg is called in the order that its documentation prescribes for copying coefficients. The arrays belong
        // to `source`, whose coefficients have been read, and `script` and the segments live until the file is complete.
        unsafe {
            jpeg_c_set_int_param(
                info,
                JINT_COMPRESS_PROFILE,
                JINT_COMPRESS_PROFILE_VALUE::JCP_FASTEST as _,
            );
            jpeg_copy_critical_parameters(original, info);
            let keeps_codes = is_ordinary && coding.code_tables.iter().all(|table| is_standard(table, info));
            info.optimize_coding = (!keeps_codes).into();
            info.restart_interval = coding.restart_interval.into();
            info.write_JFIF_header = coding.jfif.into();
            if header.density == Density::Aspect {
                info.density_unit = 0;
                if info.X_density == info.Y_density {
                    (info.X_density, info.Y_density) = (1, 1);
                }
            }
            // It is one of the segments, so that it says exactly what the original said.
            info.write_Adobe_marker = 0;
            script = scans(info, coding);
            if let Some(script) = &script {
                info.scan_info = script.as_ptr();
                // At most eight.
                info.num_scans = script.len() as _;
            } else if coding.progressive {
                jpeg_simple_progression(info);
            }
            jpeg_write_coefficients(info, arrays);
            for (marker, payload) in &header.segments {
                jpeg_write_marker(info, (*marker).into(), payload.as_ptr(), payload.len() as _);
            }
            jpeg_finish_compress(info);
        }
    }
}

/// Whether a table is one of the four that the standard proposes and most cameras use (ITU-T T.81, K.3). They have a code for
/// everything that a picture can hold. Tables that fit one picture alone lack codes that another needs: then the codes for
/// the result have to be found out, which takes as long as writing it.
#[expect(unsafe_code, reason = "libjpeg is written in C")]
fn is_standard(table: &CodeTable, info: &jpeg_compress_struct) -> bool {
    let standard = if table.alternating {
        &info.ac_huff_tbl_ptrs
    } else {
        &info.dc_huff_tbl_ptrs
    };
    let standard = standard.get(table.number).copied().unwrap_or(ptr::null_mut());
    // SAFETY: by default a compressor has the standard's tables, and null pointers for the others. They live as long as it.
    unsafe { standard.as_ref() }.is_some_and(|standard| {
        standard.bits[1..] == table.counts && standard.huffval.starts_with(&table.symbols)
    })
}

/// A file may exchange a table between scans, so that components with the same number have different ones. An encoder writes
/// all tables first: here each component gets a number of its own then.
#[expect(unsafe_code, reason = "libjpeg is written in C")]
fn give_each_component_its_table(original: &mut jpeg_decompress_struct) {
    let count = usize::try_from(original.num_components)
        .unwrap_or(0)
        .min(NUM_QUANT_TBLS);
    // SAFETY: the header has been read, so that there is a struct for each component. Tables are pointers to structs that
    // live as long as the decompressor.
    unsafe {
        let components = std::slice::from_raw_parts_mut(original.comp_info, count);
        let is_exchanged = components.iter().any(|component| {
            let current = usize::try_from(component.quant_tbl_no)
                .ok()
                .and_then(|number| original.quant_tbl_ptrs.get(number)?.as_ref());
            match (component.quant_table.as_ref(), current) {
                (Some(own), Some(current)) => own.quantval != current.quantval,
                _ => true,
            }
        });
        if is_exchanged {
            for ((component, table), number) in
                components.iter_mut().zip(&mut original.quant_tbl_ptrs).zip(0..)
            {
                component.quant_tbl_no = number;
                *table = component.quant_table;
            }
        }
    }
}

/// The scans of the result where libjpeg's own do not do: a file whose components come apart stays so, and components with
/// many blocks cannot come together.
#[expect(unsafe_code, reason = "libjpeg is written in C")]
fn scans(info: &jpeg_compress_struct, coding: &Coding) -> Option<Vec<jpeg_scan_info>> {
    let count = usize::try_from(info.num_components).unwrap_or(0);
    // SAFETY: the parameters have been copied, so that there is a struct for each component.
    let components = unsafe { std::slice::from_raw_parts(info.comp_info, count) };
    let unit: i32 = components
        .iter()
        .map(|component| component.h_samp_factor * component.v_samp_factor)
        .sum();
    let apart = count > 1 && (unit > UNIT_BLOCKS_MAX || (!coding.progressive && coding.scans > 1));
    if !apart {
        return None;
    }
    // First and last coefficient of each scan of a component.
    let bands: &[(i32, i32)] = if coding.progressive {
        &[(0, 0), (1, 63)]
    } else {
        &[(0, 63)]
    };
    let scan = |index, (first, last)| jpeg_scan_info {
        comps_in_scan: 1,
        component_index: [index, 0, 0, 0],
        Ss: first,
        Se: last,
        Ah: 0,
        Al: 0,
    };
    let scans = bands
        .iter()
        .flat_map(|band| (0..info.num_components).map(move |index| scan(index, *band)));
    Some(scans.collect())
}

#[expect(unsafe_code, reason = "libjpeg is written in C")]
impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // SAFETY: the session came from a box and is not used any more. Destroying frees what libjpeg has allocated, nothing
        // where that is nothing, and raises no error.
        unsafe {
            jpeg_destroy_compress(&mut self.session.as_mut().info);
            drop(Box::from_raw(self.session.as_ptr()));
        }
    }
}
