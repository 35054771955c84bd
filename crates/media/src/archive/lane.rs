//! What works on the entries of an archive, one at a time.

use std::fs::File;
use std::num::NonZeroU32;
use std::sync::Arc;

use sfumato_detect::DetectorSet;
use sfumato_media_client::protocol::{Failure, Report, Task};

use crate::anonymize::{Finder, run_on};
use crate::error::PictureError;
use crate::long::{self, Long};

/// Works on entries, on a thread of its own.
pub(crate) trait Lane: Send {
    /// Processes a picture.
    fn picture(&mut self, task: &Task, original: &[u8], result: &mut Vec<u8>)
    -> Result<Report, PictureError>;

    /// Processes the video that the first spare holds. Its result goes into the second one; its document may go into the
    /// first one when the video has been read to its end.
    fn video(
        &mut self,
        task: &Task,
        spares: &[Arc<File>; 3],
        threads: NonZeroU32,
        on_progress: &mut dyn FnMut(f32),
    ) -> Result<Report, Failure>;
}

impl Lane for DetectorSet {
    fn picture(
        &mut self,
        task: &Task,
        original: &[u8],
        result: &mut Vec<u8>,
    ) -> Result<Report, PictureError> {
        let mut finder = Finder {
            detectors: self,
            task,
        };
        run_on(&mut finder, task, original, result)
    }

    fn video(
        &mut self,
        task: &Task,
        spares: &[Arc<File>; 3],
        threads: NonZeroU32,
        on_progress: &mut dyn FnMut(f32),
    ) -> Result<Report, Failure> {
        let [original, result, tracks] = spares;
        let files = long::Files {
            input: Arc::clone(original),
            output: Arc::clone(result),
            // Nobody needs the original when the document is written.
            document: Arc::clone(original),
            parts: Arc::clone(tracks),
            tracks: Arc::clone(tracks),
        };
        let mut long = Long {
            detectors: self,
            files,
            threads,
        };
        long.whole(task, on_progress)
    }
}
