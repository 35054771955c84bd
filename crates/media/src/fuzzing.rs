//! What reads bytes of strangers, part by part, for fuzz targets and for tests that need no models. Not an interface: it
//! changes with the code behind it.

use std::fs::File;
use std::io::Cursor;
use std::num::NonZeroU32;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use sfumato_core::FailureClass;
use sfumato_core::detection::Detection;
use sfumato_core::options::MetadataPolicy;
use sfumato_media_client::limits::ArchiveLimits;
use sfumato_media_client::protocol::{Failure, Report, Task};

use crate::anonymize::{run, run_on};
use crate::archive::{self, ArchiveError, Files, Lane, Unpacked};
use crate::error::PictureError;
use crate::image::{icc, segments as jpeg_segments};
use crate::metadata;
use crate::orientation::Orientation;
use crate::video::{self, VideoError, VideoLimits, VideoOptions};
use crate::work::{Find, Found};

/// What [`crate::anonymize()`] does, with the given detections in every frame instead of what models find; their boxes
/// are in pixels of the picture as displayed. Returns the report and the result.
///
/// # Errors
/// As [`crate::anonymize()`], before it is put into words for the customer.
pub fn process(
    bytes: &[u8],
    task: &Task,
    detections: &[Detection],
) -> Result<(Report, Vec<u8>), PictureError> {
    let mut finder = Known(detections);
    let mut output = vec![];
    let report = run(&mut finder, task, Cursor::new(bytes), &mut output, &mut |_| ())?;
    Ok((report, output))
}

/// What [`archive::anonymize()`] does, with the given detections in every picture instead of what models find. Videos are
/// refused.
///
/// # Errors
/// As [`archive::anonymize()`], before it is put into words for the customer.
pub fn archive(
    task: &Task,
    files: &Files,
    detections: &[Detection],
    lanes: usize,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, ArchiveError> {
    let mut lanes: Vec<Known<'_>> = (0..lanes).map(|_| Known(detections)).collect();
    archive::run(&mut lanes, task, files, &mut on_progress)
}

/// Walks through an archive and unpacks all that can be unpacked. Says of each entry that is no folder under which name it
/// would be in a result, and how many bytes it has.
///
/// # Errors
/// [`ArchiveError`] where there is nothing to walk through.
pub fn archive_entries(bytes: &[u8], limits: &ArchiveLimits) -> Result<Vec<Unpacked>, ArchiveError> {
    archive::unpack_all(&bytes.to_vec(), bytes.len() as u64, limits)
}

/// Opens a video, chooses among its tracks, and reads all of its packets without decoding any. Says in how many parts it
/// would be processed.
///
/// # Errors
/// As [`video::plan()`].
pub fn video_parts(bytes: &[u8], limits: &VideoLimits) -> Result<usize, VideoError> {
    let descriptor =
        memfd_create("video", MemfdFlags::CLOEXEC).map_err(|errno| VideoError::Read(errno.into()))?;
    let file = File::from(descriptor);
    file.write_all_at(bytes, 0).map_err(VideoError::Read)?;
    let options = VideoOptions::default();
    video::plan(Arc::new(file), &options, limits, NonZeroU32::MIN).map(|plan| plan.spans().len())
}

/// The EXIF data of a result.
pub fn exif(policy: MetadataPolicy, original: &[u8]) -> Option<Vec<u8>> {
    metadata::exif(policy, Some(original), metadata::orientation(original))
}

/// The XMP packet of a result.
pub fn xmp(policy: MetadataPolicy, original: &[u8]) -> Option<Vec<u8>> {
    metadata::xmp(policy, original)
}

/// The Photoshop image resources of a result.
pub fn image_resources(policy: MetadataPolicy, original: &[u8]) -> Option<Vec<u8>> {
    metadata::image_resources(policy, original)
}

/// Whether a comment of the original is in a result.
pub fn keeps_comment(policy: MetadataPolicy, original: &[u8]) -> bool {
    metadata::keeps_texts(policy) && metadata::is_text(original)
}

/// The ICC profile of a result.
pub fn icc(original: &[u8]) -> Option<Vec<u8>> {
    icc::sane_icc(original)
}

/// Walks the segments of a JPEG, and says how many scans it has and which orientation.
pub fn segments(bytes: &[u8]) -> (usize, Orientation) {
    let contents = jpeg_segments::contents(bytes);
    let _any_outcome = jpeg_segments::frame_header(bytes);
    let orientation = contents.exif.map_or(Orientation::UPRIGHT, metadata::orientation);
    (contents.scans, orientation)
}

/// Finds what is known already.
struct Known<'a>(&'a [Detection]);

impl Find for Known<'_> {
    fn long_side_px(&self, _shown: (u32, u32)) -> u32 {
        1
    }

    fn find(&mut self, _rgb: &[u8], size: (u32, u32), shown: (u32, u32)) -> Result<Found, PictureError> {
        let ratio = |part: u32, whole: u32| part as f32 / whole.max(1) as f32;
        let scale = [ratio(size.0, shown.0), ratio(size.1, shown.1)];
        let detections = self.0.iter().map(|detection| detection.clone().scaled(scale));
        Ok(Found {
            detections: detections.collect(),
            resize: Duration::ZERO,
            inference: Duration::ZERO,
        })
    }
}

impl Lane for Known<'_> {
    fn picture(
        &mut self,
        task: &Task,
        original: &[u8],
        result: &mut Vec<u8>,
    ) -> Result<Report, PictureError> {
        run_on(self, task, original, result)
    }

    fn video(
        &mut self,
        _task: &Task,
        _spares: &[Arc<File>; 3],
        _threads: NonZeroU32,
        _on_progress: &mut dyn FnMut(f32),
    ) -> Result<Report, Failure> {
        Err(Failure {
            class: FailureClass::Input,
            message: "nothing is known of videos".to_owned(),
        })
    }
}
