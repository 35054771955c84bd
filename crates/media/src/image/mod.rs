//! Pictures, a module a format. Each has one function `process`: it decodes the picture, has [`Work`] find faces and plates
//! in it as it is displayed, draws the masks and writes the result in the format the picture came in.
//!
//! [`Work`]: crate::work::Work

pub(crate) mod bmp;
mod frames;
pub(crate) mod icc;
mod indexed;
pub(crate) mod jpeg;
mod libjpeg;
pub(crate) mod png;
pub(crate) mod segments;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod tiff;
pub(crate) mod webp;
