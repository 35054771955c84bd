//! libjpeg's way of telling about errors, made safe.
//!
//! By itself libjpeg ends the process when a file is broken, and only prints a warning when a part of the picture is
//! missing and it paints the gap grey. Here an error unwinds to [`guarded`], and warnings are collected, so that no
//! incomplete picture passes for a whole one.

use std::cell::Cell;
use std::mem;
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys::{
    JERR_BAD_DCT_COEF, JERR_OUT_OF_MEMORY, JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF,
    JWRN_MUST_RESYNC, jpeg_common_struct, jpeg_error_mgr,
};

/// What the decoder had to overlook in order to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlooked {
    /// The file ended, or the end marker came, before all coefficients had: part of the picture is made up.
    pub(super) missing_data: bool,
    /// Coefficients that make no sense: part of the picture is wrong.
    pub(super) wrong_data: bool,
    /// There is no end marker.
    pub(super) missing_end: bool,
}

/// The number of the warning about nonsense in arithmetic coding. The binding names the messages of a library with another
/// interface, where this number has another meaning.
const JWRN_ARITH_BAD_CODE: i32 = 126;

thread_local! {
    static OVERLOOKED: Cell<Overlooked> = Cell::default();
}

/// An error of libjpeg. It is also what libjpeg unwinds with, which tells its errors from panics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// A `JERR_…`.
    code: c_int,
    /// What libjpeg says.
    pub(super) text: String,
}

impl Fault {
    /// Whether there was no memory.
    pub(super) const fn is_memory(&self) -> bool {
        self.code == JERR_OUT_OF_MEMORY
    }

    /// Whether a coefficient is larger than any picture of 8 bits has.
    pub(super) const fn is_coefficient(&self) -> bool {
        self.code == JERR_BAD_DCT_COEF
    }
}

/// Runs libjpeg. Its errors come back as values; a panic goes on, since it is no fault of the picture.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> (Result<T, Fault>, Overlooked) {
    OVERLOOKED.set(Overlooked::default());
    let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match payload.downcast::<Fault>() {
        Ok(fault) => *fault,
        Err(panic) => resume_unwind(panic),
    });
    (outcome, OVERLOOKED.get())
}

/// An error manager that unwinds at errors and collects warnings.
#[expect(unsafe_code, reason = "libjpeg fills in its own defaults")]
pub(super) fn error_manager() -> jpeg_error_mgr {
    // SAFETY: the struct consists of optional function pointers, numbers and raw pointers, for all of which zero is a
    // valid value. `jpeg_std_error` writes to it and keeps no reference.
    let mut manager: jpeg_error_mgr = unsafe { mem::zeroed() };
    // SAFETY: as above.
    unsafe { mozjpeg_sys::jpeg_std_error(&mut manager) };
    manager.error_exit = Some(unwind);
    manager.emit_message = Some(collect);
    manager
}

/// How libjpeg's `format_message` is declared in C: it writes to the buffer, which the binding's type does not say.
type FormatMessage = unsafe extern "C-unwind" fn(&mut jpeg_common_struct, *mut [u8; MESSAGE_BYTES]);

/// The binding's type.
type DeclaredFormatMessage = unsafe extern "C-unwind" fn(&mut jpeg_common_struct, &[u8; MESSAGE_BYTES]);

/// `JMSG_LENGTH_MAX`, the closing zero included.
const MESSAGE_BYTES: usize = 80;

#[expect(unsafe_code, reason = "libjpeg passes its error manager by raw pointer")]
fn message(info: &mut jpeg_common_struct) -> String {
    // SAFETY: libjpeg calls its handlers with `err` pointing at the manager that it was created with, which outlives it.
    let format = unsafe { info.err.as_ref() }.and_then(|manager| manager.format_message);
    let mut buffer = [0; MESSAGE_BYTES];
    if let Some(format) = format {
        // SAFETY: both types are pointers to a C function with the same signature in C. The buffer has the length that
        // libjpeg asks for, and the function does not keep it.
        unsafe { mem::transmute::<DeclaredFormatMessage, FormatMessage>(format)(info, &raw mut buffer) };
    }
    let text = buffer.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[expect(unsafe_code, reason = "libjpeg passes its error manager by raw pointer")]
extern "C-unwind" fn unwind(info: &mut jpeg_common_struct) {
    // SAFETY: as in `message`.
    let code = unsafe { info.err.as_ref() }.map_or(0, |manager| manager.msg_code);
    let text = message(info);
    // Unlike a panic this does not call the panic hook, which has nothing to say about a broken file.
    resume_unwind(Box::new(Fault { code, text }));
}

#[expect(unsafe_code, reason = "libjpeg passes its error manager by raw pointer")]
extern "C-unwind" fn collect(info: &mut jpeg_common_struct, level: c_int) {
    // SAFETY: as in `message`.
    let Some(manager) = (unsafe { info.err.as_ref() }) else {
        return;
    };
    // Levels from 0 on are traces.
    if level >= 0 {
        return;
    }
    let is = |warning| i64::from(manager.msg_code) == i64::from(warning);
    let mut overlooked = OVERLOOKED.get();
    overlooked.missing_data |= is(JWRN_HIT_MARKER);
    overlooked.wrong_data |= is(JWRN_HUFF_BAD_CODE) || is(JWRN_ARITH_BAD_CODE) || is(JWRN_MUST_RESYNC);
    overlooked.missing_end |= is(JWRN_JPEG_EOF);
    OVERLOOKED.set(overlooked);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_this_program_does_not_pass_for_damage_of_the_picture() {
        let fault = || guarded::<()>(|| resume_unwind(Box::new("a fault".to_owned()))).0;
        let payload = catch_unwind(fault).expect_err("the fault passed for an error of libjpeg");
        assert_eq!(
            payload.downcast_ref::<String>().map(String::as_str),
            Some("a fault")
        );
    }
}
