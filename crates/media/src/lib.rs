//! Bytes in, bytes out: the only code that decodes user media, and its executable.
//!
//! [`anonymize`] is the whole of it: probe the header, decode, detect on the picture as it is displayed, draw the masks
//! into the stored pixels, encode in the format and with the settings of the original, without its metadata.
#![deny(unsafe_code)]

mod anonymize;
mod error;
mod image;
mod mask;
mod metadata;
mod noise;
mod orientation;
mod probe;
mod raster;

pub use anonymize::anonymize;
pub use error::PictureError;
pub use orientation::Orientation;
pub use probe::{Header, probe};

/// Writes a line to the log, which is the standard error of the executable: whoever started it decides what becomes of
/// it. A log that cannot be written is no reason to fail.
pub(crate) fn log(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let _unheard = writeln!(std::io::stderr().lock(), "{line}");
}
