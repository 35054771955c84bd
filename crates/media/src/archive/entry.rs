//! One entry, from what the directory says of it to what becomes of it.

use std::io::Read;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sfumato_core::options::{MetadataPolicy, OtherEntries};
use sfumato_core::{FailureClass, MediaFormat, MediaKind};
use sfumato_media_client::protocol::{Goal, Report, Task};
use sha2::{Digest, Sha256};

use super::Files;
use super::content::{Budget, Content};
use super::directory::{Directory, Listed};
use super::error::{ArchiveError, EntryError};
use super::files::At;
use super::lane::Lane;
use super::name::{Name, shown};
use super::names::Names;
use super::writer::{NO_TIME, Packing};
use crate::error::PictureError;
use crate::log;

/// The first bytes of the name of what macOS puts beside each file, with its attributes.
const APPLE_DOUBLE: &str = "._";

/// Files that file managers leave in folders.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// What all entries of an archive have in common.
pub(super) struct Common<'w> {
    pub(super) directory: &'w Directory<'w>,
    pub(super) task: &'w Task,
    pub(super) files: &'w Files,
    pub(super) budget: Budget,
    pub(super) threads: NonZeroU32,
}

/// What is to be done with an entry.
#[derive(Debug)]
enum Verdict {
    /// It is a picture or a video under a name that goes into the result.
    Process(MediaFormat),
    /// It is in no result, and that is as it should be.
    Omit,
    /// It cannot be processed.
    Refuse(EntryError),
}

/// An entry that a lane has taken.
#[derive(Debug)]
pub(super) struct Claim {
    /// Its number among the entries that are no folders, from 0.
    pub(super) number: u32,
    /// The number of the video that it is, from 0: videos use the same two files, one after the other.
    pub(super) video: Option<u32>,
    listed: Listed,
    /// Its name in reports; where it is in the result, its name there too.
    name: String,
    verdict: Verdict,
}

impl Claim {
    /// Judges name and first bytes of an entry.
    ///
    /// # Errors
    /// [`ArchiveError`] where the archive as a whole cannot be processed.
    pub(super) fn new(
        common: &Common<'_>,
        names: &mut Names,
        number: u32,
        listed: Listed,
    ) -> Result<Self, ArchiveError> {
        let judged = match judge(common, names, &listed)? {
            Ok(judged) => judged,
            Err(error) => {
                let text = match &listed.name {
                    Ok(text) => shown(text),
                    Err(_) => shown(&String::from_utf8_lossy(&listed.raw_name)),
                };
                match error.of_archive() {
                    Ok(error) => return Err(error),
                    Err(error) => (text, Verdict::Refuse(error)),
                }
            }
        };
        let (name, verdict) = judged;
        Ok(Self {
            number,
            video: None,
            listed,
            name,
            verdict,
        })
    }

    /// Whether it is a video.
    pub(super) const fn is_video(&self) -> bool {
        matches!(&self.verdict, Verdict::Process(format) if matches!(format.kind(), MediaKind::Video))
    }

    /// Its share of the work.
    pub(super) const fn weight(&self) -> u64 {
        self.listed.weight
    }

    /// Processes the entry.
    pub(super) fn process<L: Lane>(
        &self,
        common: &Common<'_>,
        lane: &mut L,
        on_progress: &mut dyn FnMut(f32),
    ) -> Attempt {
        let mut unpacked = 0;
        let result = match &self.verdict {
            Verdict::Process(format) => {
                guarded(|| process(common, lane, &self.listed, *format, &mut unpacked, on_progress))
                    .map(End::Succeeded)
            }
            Verdict::Omit | Verdict::Refuse(_) => Ok(End::Omitted),
        };
        Attempt { unpacked, result }
    }

    /// What has become of the entry.
    ///
    /// # Errors
    /// [`ArchiveError`] where that says something of the archive and not of the entry.
    pub(super) fn outcome(self, common: &Common<'_>, attempt: Attempt) -> Result<Outcome, ArchiveError> {
        let (format, end) = match self.verdict {
            Verdict::Refuse(error) => (None, Err(error)),
            Verdict::Omit => (None, attempt.result),
            Verdict::Process(format) => (Some(format), attempt.result),
        };
        let end = match end.map_err(EntryError::of_archive) {
            Ok(end) => end,
            Err(Ok(error)) => return Err(error),
            Err(Err(error)) => End::Failed(error),
        };
        Ok(Outcome {
            number: self.number,
            video: self.video,
            weight: self.listed.weight,
            name: self.name,
            format,
            time: match common.task.options.metadata {
                MetadataPolicy::Keep => self.listed.time,
                MetadataPolicy::Strip | MetadataPolicy::Safe => NO_TIME,
            },
            bytes_in: attempt.unpacked,
            end,
        })
    }
}

/// What came of trying to process an entry.
pub(super) struct Attempt {
    /// How much of it was unpacked.
    pub(super) unpacked: u64,
    /// How it went.
    result: Result<End, EntryError>,
}

impl Attempt {
    /// Whether there was not enough memory, or something else that the entry may not be to blame for. Alone it may do better.
    pub(super) const fn deserves_another(&self) -> bool {
        match &self.result {
            Err(EntryError::Picture(PictureError::Memory)) => true,
            Err(EntryError::Video(failure)) => matches!(failure.class, FailureClass::Transient),
            _ => false,
        }
    }
}

fn judge(
    common: &Common<'_>,
    names: &mut Names,
    listed: &Listed,
) -> Result<Result<(String, Verdict), EntryError>, ArchiveError> {
    let name = match names.accept(listed)? {
        Ok(name) => name,
        Err(error) => return Ok(Err(error)),
    };
    // What is looked at here is unpacked again where it counts.
    let budget = Budget::new(common.task.limits.archive);
    let sniffed = Content::open(common.directory, listed, &budget).and_then(Content::sniff);
    let verdict = sniffed.and_then(|format| match format {
        Some(format) if format.kind() == MediaKind::Archive => Err(EntryError::Nested),
        Some(format) => Ok(Verdict::Process(format)),
        None if is_litter(&name) => Ok(Verdict::Omit),
        None => match common.task.options.other_entries {
            OtherEntries::Error => Err(EntryError::NoMedia),
            OtherEntries::Omit => Ok(Verdict::Omit),
        },
    });
    Ok(verdict.map(|verdict| (name.into_string(), verdict)))
}

/// Whether it is something that nobody has put there on purpose.
fn is_litter(name: &Name) -> bool {
    let file_name = name.file_name();
    file_name.starts_with(APPLE_DOUBLE) || LITTER.contains(&file_name)
}

/// What a fault of ours is, for the log; videos have said it themselves.
fn log_fault(error: &EntryError) {
    if let EntryError::Picture(PictureError::Internal { detail }) = error {
        log::line(format_args!("error: {detail}"));
    }
}

/// A panic becomes an error; its hook has written where it was.
fn guarded<T>(work: impl FnOnce() -> Result<T, EntryError>) -> Result<T, EntryError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(EntryError::Fault))
}

fn process<L: Lane>(
    common: &Common<'_>,
    lane: &mut L,
    listed: &Listed,
    format: MediaFormat,
    unpacked: &mut u64,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Done, EntryError> {
    let mut content = Content::open(common.directory, listed, &common.budget)?;
    let done = if format.kind() == MediaKind::Video {
        let written = content.write_all(&common.files.spares[0]);
        *unpacked = content.bytes();
        let task = task_for(common.task, listed, format, written?);
        process_video(common, lane, &task, on_progress)
    } else {
        let original = content.read_all(common.task.limits.picture_bytes_max);
        *unpacked = content.bytes();
        let original = original?;
        let task = task_for(common.task, listed, format, original.len() as u64);
        process_picture(lane, &task, &original)
    };
    done.inspect_err(log_fault)
}

fn process_picture<L: Lane>(lane: &mut L, task: &Task, original: &[u8]) -> Result<Done, EntryError> {
    let mut result = vec![];
    let report = lane.picture(task, original, &mut result)?;
    let kept = match (task.goal, report.format) {
        (Goal::Detect, _) => Kept::Nothing,
        (Goal::Anonymize, MediaFormat::Bmp | MediaFormat::Tiff) => packed(result)?,
        (Goal::Anonymize, _) => stored(result)?,
    };
    Ok(Done { report, kept })
}

/// Formats that are packed already gain nothing.
fn stored(result: Vec<u8>) -> Result<Kept, EntryError> {
    let packing = Packing::stored_from(&result[..]).map_err(EntryError::Write)?;
    Ok(Kept::Memory {
        data: result,
        packing,
    })
}

fn packed(result: Vec<u8>) -> Result<Kept, EntryError> {
    let mut data = vec![];
    let packing = Packing::deflate(&result[..], &mut data).map_err(EntryError::Write)?;
    if data.len() >= result.len() {
        return stored(result);
    }
    Ok(Kept::Memory { data, packing })
}

fn process_video<L: Lane>(
    common: &Common<'_>,
    lane: &mut L,
    task: &Task,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Done, EntryError> {
    let spares = &common.files.spares;
    spares[1].set_len(0).map_err(EntryError::Write)?;
    let report = lane
        .video(task, spares, common.threads, on_progress)
        .map_err(EntryError::Video)?;
    let kept = match task.goal {
        Goal::Detect => Kept::Nothing,
        Goal::Anonymize => {
            let result = At::new(&spares[1]).take(report.bytes);
            Kept::Spare(Packing::stored_from(result).map_err(EntryError::Read)?)
        }
    };
    Ok(Done { report, kept })
}

/// The task of an entry as if it had come alone. No two entries have the same noise: their difference would show what is
/// under it.
fn task_for(task: &Task, listed: &Listed, format: MediaFormat, bytes: u64) -> Task {
    let mut hash = Sha256::new();
    hash.update(task.seed);
    hash.update(b"entry");
    hash.update(listed.index.to_le_bytes());
    Task {
        format,
        bytes,
        seed: hash.finalize().into(),
        ..task.clone()
    }
}

/// What has become of an entry.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) number: u32,
    pub(super) video: Option<u32>,
    pub(super) weight: u64,
    pub(super) name: String,
    pub(super) format: Option<MediaFormat>,
    pub(super) time: [u16; 2],
    /// How much of it was unpacked.
    pub(super) bytes_in: u64,
    pub(super) end: End,
}

impl Outcome {
    /// How much memory it takes until it is written.
    pub(super) fn memory_bytes(&self) -> u64 {
        match &self.end {
            End::Succeeded(Done {
                kept: Kept::Memory { data, .. },
                ..
            }) => data.len() as u64,
            _ => 0,
        }
    }
}

/// How an entry ended.
#[derive(Debug)]
pub(super) enum End {
    /// It is in the result, where one is wanted.
    Succeeded(Done),
    /// It is not, and nobody expects it to be.
    Omitted,
    /// It is not, and this is why.
    Failed(EntryError),
}

impl End {
    /// Whether the content was a picture or a video, or may have been.
    pub(super) const fn may_be_media(&self) -> bool {
        !matches!(
            self,
            Self::Omitted | Self::Failed(EntryError::NoMedia | EntryError::Nested)
        )
    }
}

/// A picture or a video that was processed.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) report: Report,
    pub(super) kept: Kept,
}

impl Done {
    /// Size of the picture or video in the result.
    pub(super) const fn bytes_out(&self) -> Option<u64> {
        match &self.kept {
            Kept::Nothing => None,
            Kept::Memory { packing, .. } | Kept::Spare(packing) => Some(packing.bytes),
        }
    }
}

/// Where the data for the result are.
#[derive(Debug)]
pub(super) enum Kept {
    /// There are none.
    Nothing,
    /// Here.
    Memory { data: Vec<u8>, packing: Packing },
    /// In the second spare.
    Spare(Packing),
}
