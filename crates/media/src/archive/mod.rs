//! Archives: pictures and videos in a ZIP file, each processed as if it had come alone.
//!
//! The original is read at explicit positions, so that several threads read at the same time; the result is written in the
//! order of the original, with a report behind it. Neither is held in memory. What an archive says of itself is believed
//! nowhere: sizes are counted while entries are unpacked, and names are judged before they go into the result.

mod content;
mod cp437;
mod directory;
mod entry;
mod error;
mod files;
mod lane;
mod line;
mod name;
mod names;
mod report;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread;

use sfumato_core::MediaFormat;
use sfumato_detect::{DetectorSet, Stopwatch};
use sfumato_media_client::limits::ArchiveLimits;
use sfumato_media_client::protocol::{Document, Failure, Goal, Hidden, Report, Task, Timings};

use crate::log;
use content::{Budget, Content};
use directory::{Directory, Source};
use entry::{Common, End, Kept, Outcome};
pub use error::{ArchiveError, EntryError};
use files::{At, Original};
pub(crate) use lane::Lane;
use line::Line;
pub use name::NameError;
use names::Names;
use report::{ReportWriter, Totals};
use writer::{ArchiveWriter, NO_TIME, Packing};

/// The files of a task. All of them are read and written at explicit positions from 0 on.
#[derive(Debug)]
pub struct Files {
    /// The original.
    pub input: Arc<File>,
    /// The result; empty.
    pub output: Arc<File>,
    /// The detections document, which is the report inside of the result too; empty.
    pub document: Arc<File>,
    /// Where videos are unpacked to, where their results are until they are in the result, and where their tracks are while
    /// they are processed; empty.
    pub spares: [Arc<File>; 3],
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
    files: &Files,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, Failure> {
    run(lanes, task, files, &mut on_progress).map_err(|error| {
        if let ArchiveError::Internal { detail } = &error {
            log::line(format_args!("error: {detail}"));
        }
        Failure::from(error)
    })
}

/// See [`anonymize`].
pub(crate) fn run<L: Lane>(
    lanes: &mut [L],
    task: &Task,
    files: &Files,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Report, ArchiveError> {
    let mut stopwatch = Stopwatch::start();
    let original = Original(&files.input);
    let directory = Directory::open(&original, task.bytes, &task.limits.archive)?;
    let threads = u32::try_from(lanes.len()).ok().and_then(NonZeroU32::new);
    let common = Common {
        directory: &directory,
        task,
        files,
        budget: Budget::new(task.limits.archive),
        threads: threads.ok_or_else(|| ArchiveError::Internal {
            detail: "an archive came to no lanes".to_owned(),
        })?,
    };
    let mut buffer = Directory::buffer();
    let line = Line::new(&common, directory.entries(&mut buffer), lanes.len());
    let mut result = ResultWriter::new(task, files)?;
    thread::scope(|scope| {
        for (number, lane) in lanes.iter_mut().enumerate() {
            let line = &line;
            scope.spawn(move || line.work(lane, number));
        }
        line.collect(directory.weight(), on_progress, |outcome| result.entry(&outcome))
    })?;
    let (names, folders) = line.into_names();
    let report_name = names.free("report", "json");
    let (totals, document_bytes, bytes) = result.finish(&report_name, folders)?;
    on_progress(1.0);
    Ok(Report {
        format: MediaFormat::Zip,
        bytes,
        hidden: Hidden {
            faces: totals.faces,
            plates: totals.plates,
        },
        document: Document::Written {
            bytes: document_bytes,
        },
        warnings: warnings(&totals, &report_name, task.goal),
        timings: shared(totals.timings, stopwatch.lap().as_secs_f32() * 1000.0),
    })
}

/// The name of an entry and how many bytes it has, or why it is refused.
pub type Unpacked = Result<(String, u64), EntryError>;

/// Unpacks every entry whose name is accepted, and forgets it. For fuzz targets: all that reads the format, without what is
/// read by other formats.
pub(crate) fn unpack_all(
    source: &dyn Source,
    bytes: u64,
    limits: &ArchiveLimits,
) -> Result<Vec<Unpacked>, ArchiveError> {
    let directory = Directory::open(source, bytes, limits)?;
    let mut buffer = Directory::buffer();
    let mut entries = directory.entries(&mut buffer);
    let mut names = Names::new(limits.entries_max);
    let budget = Budget::new(*limits);
    let mut unpacked = vec![];
    while let Some(listed) = entries.next()? {
        if listed.is_folder {
            continue;
        }
        let name = match names.accept(&listed)? {
            Ok(name) => name,
            Err(error) => {
                unpacked.push(Err(error));
                continue;
            }
        };
        let read = Content::open(&directory, &listed, &budget)
            .and_then(|mut content| content.read_all(limits.entry_bytes_max));
        match read.map_err(EntryError::of_archive) {
            Ok(content) => unpacked.push(Ok((name.into_string(), content.len() as u64))),
            Err(Ok(error)) => return Err(error),
            Err(Err(error)) => unpacked.push(Err(error)),
        }
    }
    Ok(unpacked)
}

/// The result and the report, as far as they are.
struct ResultWriter<'a> {
    files: &'a Files,
    archive: Option<ArchiveWriter<BufWriter<At<'a>>>>,
    report: ReportWriter<'a>,
}

impl<'a> ResultWriter<'a> {
    fn new(task: &Task, files: &'a Files) -> Result<Self, ArchiveError> {
        let has_detections = task.goal == Goal::Detect || task.options.detections_document;
        let report = ReportWriter::new(&files.document, &files.spares[0], has_detections);
        let output = || BufWriter::with_capacity(1 << 18, At::new(&files.output));
        Ok(Self {
            files,
            archive: (task.goal == Goal::Anonymize).then(|| ArchiveWriter::new(output())),
            report: report.map_err(ArchiveError::Write)?,
        })
    }

    /// Writes an entry, where there is something to be written, and what has become of it.
    fn entry(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        self.report.entry(outcome).map_err(ArchiveError::Write)?;
        let (Some(archive), End::Succeeded(done)) = (&mut self.archive, &outcome.end) else {
            return Ok(());
        };
        let (name, time) = (&outcome.name, outcome.time);
        match &done.kept {
            Kept::Nothing => Ok(()),
            Kept::Memory { data, packing } => archive.entry(name, time, *packing, &data[..]),
            Kept::Spare(packing) => archive.entry(name, time, *packing, At::new(&self.files.spares[1])),
        }
        .map_err(ArchiveError::Write)
    }

    /// Ends the report and puts it into the result. Returns the totals and the sizes of both.
    fn finish(self, report_name: &str, folders: u32) -> Result<(Totals, u64, u64), ArchiveError> {
        let (totals, document_bytes) = self.report.finish(folders).map_err(ArchiveError::Write)?;
        judge(&totals)?;
        let Some(archive) = self.archive else {
            return Ok((totals, document_bytes, 0));
        };
        let bytes = append(archive, report_name, self.files, document_bytes).map_err(ArchiveError::Write)?;
        Ok((totals, document_bytes, bytes))
    }
}

/// Packs the report, by way of a spare, and ends the archive with it.
fn append(
    mut archive: ArchiveWriter<BufWriter<At<'_>>>,
    name: &str,
    files: &Files,
    bytes: u64,
) -> io::Result<u64> {
    files.spares[1].set_len(0)?;
    let mut packed = BufWriter::with_capacity(1 << 16, At::new(&files.spares[1]));
    let packing = Packing::deflate(At::new(&files.document).take(bytes), &mut packed)?;
    let packed = packed.into_inner().map_err(io::IntoInnerError::into_error)?;
    debug_assert_eq!(packed.position(), packing.packed_bytes);
    archive.entry(name, NO_TIME, packing, At::new(&files.spares[1]))?;
    archive.finish()
}

/// An archive of which nothing came is a failure.
fn judge(totals: &Totals) -> Result<(), ArchiveError> {
    if totals.succeeded > 0 {
        return Ok(());
    }
    if totals.failed_media == 0 {
        return Err(ArchiveError::NothingSupported);
    }
    Err(ArchiveError::AllFailed {
        count: totals.failed_media,
        reasons: totals.reasons.join("; "),
    })
}

fn warnings(totals: &Totals, report_name: &str, goal: Goal) -> Vec<String> {
    let where_to_look = match goal {
        Goal::Anonymize => format!("`{report_name}` in the result"),
        Goal::Detect => "the detections document".to_owned(),
    };
    let mut warnings = vec![];
    let Totals {
        entries,
        failed,
        omitted,
        warned,
        ..
    } = totals;
    if *failed > 0 {
        warnings.push(format!(
            "{failed} of {entries} entries could not be processed and are not in the result: see {where_to_look}"
        ));
    }
    if *omitted > 0 {
        warnings.push(format!(
            "{omitted} of {entries} entries were left out: see {where_to_look}"
        ));
    }
    if *warned > 0 {
        warnings.push(format!(
            "{warned} of {entries} entries have warnings: see {where_to_look}"
        ));
    }
    if goal == Goal::Anonymize && report_name != "report.json" {
        warnings.push(format!(
            "the archive has a `report.json` of its own: the report in the result is `{report_name}`"
        ));
    }
    warnings
}

/// Times of entries that were processed side by side hold those of each other: the clock is that of the process. Their
/// proportions are kept, and their sum becomes the time that it all took; what that leaves over was spent on unpacking.
fn shared(timings: Timings, spent_ms: f32) -> Timings {
    let Timings {
        decode_ms,
        resize_ms,
        inference_ms,
        mask_ms,
        encode_ms,
    } = timings;
    let sum = decode_ms + resize_ms + inference_ms + mask_ms + encode_ms;
    let share = if sum > spent_ms { spent_ms / sum } else { 1.0 };
    Timings {
        decode_ms: decode_ms * share + (spent_ms - sum).max(0.0),
        resize_ms: resize_ms * share,
        inference_ms: inference_ms * share,
        mask_ms: mask_ms * share,
        encode_ms: encode_ms * share,
    }
}
