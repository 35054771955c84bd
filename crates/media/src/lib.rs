//! Bytes in, bytes out: the only code that decodes user media, and its executable.
//!
//! [`anonymize()`] is the whole of it: probe the header, decode, detect on the picture as it is displayed, draw the masks
//! into the stored pixels, encode in the format and with the settings of the original, without its metadata.
#![deny(unsafe_code)]

mod anonymize;
pub mod archive;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod image;
mod limits;
pub mod lockdown;
pub mod log;
pub mod long;
mod mask;
mod metadata;
mod noise;
mod orientation;
mod positioned;
mod probe;
mod raster;
mod track;
pub mod video;
mod work;

pub use anonymize::anonymize;
pub use error::PictureError;
pub use orientation::Orientation;
pub use probe::{Header, probe};
