//! Pictures: read into a [`Raster`], masked, and written in the format they came in.

mod icc;
pub(crate) mod jpeg;
mod libjpeg;
pub(crate) mod png;
pub(crate) mod segments;

use std::io::Write;
use std::time::Duration;

use sfumato_core::MediaFormat;
use sfumato_media_client::protocol::MediaLimits;

use crate::error::PictureError;
use crate::mask::Masks;
use crate::orientation::Orientation;
use crate::probe;
use crate::raster::Raster;

/// A decoded picture, and what of the file is needed to write it again as it was.
pub(crate) struct Picture {
    pub(crate) raster: Raster,
    pub(crate) orientation: Orientation,
    /// What the customer should know about the original.
    pub(crate) warnings: Vec<String>,
    coding: Coding,
}

enum Coding {
    Jpeg(jpeg::Coding),
    Png(png::Coding),
}

/// How long the two parts of writing took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteTimes {
    pub(crate) mask: Duration,
    pub(crate) encode: Duration,
}

impl Picture {
    pub(crate) fn decode(bytes: &[u8], limits: &MediaLimits) -> Result<Self, PictureError> {
        match probe::probe(bytes, limits)?.format {
            MediaFormat::Jpeg => jpeg::decode(bytes, limits),
            MediaFormat::Png => png::decode(bytes, limits),
        }
    }

    pub(crate) const fn format(&self) -> MediaFormat {
        match self.coding {
            Coding::Jpeg(_) => MediaFormat::Jpeg,
            Coding::Png(_) => MediaFormat::Png,
        }
    }

    /// Width and height as displayed.
    pub(crate) const fn upright_size(&self) -> (u32, u32) {
        self.orientation
            .upright_size(self.raster.width, self.raster.height)
    }

    /// Writes the picture with the masks. `original` is the file that it was decoded from.
    pub(crate) fn write_masked(
        self,
        original: &[u8],
        masks: &Masks,
        output: impl Write,
    ) -> Result<WriteTimes, PictureError> {
        match self.coding {
            Coding::Jpeg(coding) => {
                jpeg::write_masked(original, self.raster, self.orientation, &coding, masks, output)
            }
            Coding::Png(coding) => png::write_masked(self.raster, self.orientation, coding, masks, output),
        }
    }
}
