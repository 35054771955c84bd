//! WebP.

use std::io::Write;

use crate::error::PictureError;
use crate::work::{Processed, Work};

pub(crate) fn process(
    _bytes: &[u8],
    _work: &mut Work<'_>,
    _output: &mut dyn Write,
) -> Result<Processed, PictureError> {
    Err(PictureError::Unsupported {
        what: "WebP pictures",
    })
}

/// Width and height that the header says.
pub(crate) fn size(_bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    Err(PictureError::Unsupported {
        what: "WebP pictures",
    })
}
