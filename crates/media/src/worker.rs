//! What this process works with: the files that it was given, and its models.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::num::NonZeroU32;
use std::os::fd::{BorrowedFd, FromRawFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;
use sfumato_core::MediaKind;
use sfumato_core::detection::given::GivenDetections;
use sfumato_detect::{DetectorSet, ModelPack};
use sfumato_media::long::{self, Long};
use sfumato_media::{anonymize, archive, log};
use sfumato_media_client::protocol::{
    DOCUMENT_FD, Failure, INPUT_FD, OUTPUT_FD, Reply, Report, Request, SPARE_FDS, Task,
};
use sfumato_media_client::sandbox::Purpose;

use crate::{Arguments, fault};

/// The files that the parent has left open for this process.
#[derive(Debug)]
pub(crate) struct Files {
    input: Arc<File>,
    output: Arc<File>,
    more: Option<More>,
}

/// Those of a process for a video or an archive.
#[derive(Debug)]
struct More {
    document: Arc<File>,
    spares: [Arc<File>; 3],
}

impl Files {
    /// Takes over the descriptors that the protocol names for a purpose.
    pub(crate) fn inherit(purpose: Purpose) -> Result<Self, String> {
        let more = match purpose {
            Purpose::Pictures => None,
            Purpose::Video | Purpose::Archive => Some(More {
                document: inherit(DOCUMENT_FD)?,
                spares: [
                    inherit(SPARE_FDS[0])?,
                    inherit(SPARE_FDS[1])?,
                    inherit(SPARE_FDS[2])?,
                ],
            }),
        };
        Ok(Self {
            input: inherit(INPUT_FD)?,
            output: inherit(OUTPUT_FD)?,
            more,
        })
    }
}

/// Files and models.
pub(crate) struct Worker {
    files: Files,
    /// One set of models for each picture at a time; at least one.
    pub(crate) lanes: Vec<DetectorSet>,
    threads: NonZeroU32,
}

impl Worker {
    /// Loads as many sets of models as the purpose needs.
    pub(crate) fn load(
        assets: &Path,
        packs: &[ModelPack],
        arguments: &Arguments,
        files: Files,
    ) -> Result<Self, String> {
        let (lanes, threads_each) = match arguments.purpose {
            Purpose::Pictures => (1, arguments.threads),
            // The threads of the codecs are as busy.
            Purpose::Video => (1, 1),
            Purpose::Archive => (arguments.threads.max(1), 1),
        };
        let lanes = (0..lanes)
            .map(|_| DetectorSet::load(assets, packs, threads_each))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("failed to {}", log::chain(&error)))?;
        let threads = u32::try_from(arguments.threads).unwrap_or(u32::MAX);
        Ok(Self {
            files,
            lanes,
            threads: NonZeroU32::new(threads).unwrap_or(NonZeroU32::MIN),
        })
    }

    /// Names of the models.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lanes.first().map(DetectorSet::names).unwrap_or_default()
    }

    /// Answers one request.
    pub(crate) fn answer(&mut self, request: &Request, mut on_progress: impl FnMut(f32)) -> Reply {
        // The offset is shared with the parent, which leaves it alone: wherever the last task left it, this one starts at 0.
        if let Err(error) = (&*self.files.output).seek(SeekFrom::Start(0)) {
            log::line(format_args!("error: failed to rewind the output: {error}"));
            return Reply::Failed(fault());
        }
        let (Request::Anonymize(task)
        | Request::Plan { task, .. }
        | Request::Part { task, .. }
        | Request::Join { task, .. }) = request;
        // What is given for another kind of file would be passed over, and the models would be asked instead.
        let kind = task.given.as_ref().map(GivenDetections::kind);
        if kind.is_some_and(|kind| kind != task.format.kind()) {
            return Reply::Failed(misplaced());
        }
        match request {
            Request::Anonymize(task) => match self.anonymize(task, &mut on_progress) {
                Ok(report) => Reply::Done(report),
                Err(failure) => Reply::Failed(failure),
            },
            Request::Plan { task, part_length_s } => match self.long() {
                Some(mut long) => long.plan(task, *part_length_s),
                None => Reply::Failed(misplaced()),
            },
            Request::Part { task, plan, number } => match self.long() {
                Some(mut long) => long.part(task, plan, *number, &mut on_progress),
                None => Reply::Failed(misplaced()),
            },
            Request::Join { task, plan, parts } => match self.long() {
                Some(mut long) => long.join(task, plan, parts, &mut on_progress),
                None => Reply::Failed(misplaced()),
            },
        }
    }

    fn anonymize(&mut self, task: &Task, on_progress: &mut dyn FnMut(f32)) -> Result<Report, Failure> {
        match task.format.kind() {
            MediaKind::Picture => {
                let detectors = self.lanes.first_mut().ok_or_else(fault)?;
                let Files { input, output, .. } = &self.files;
                anonymize(detectors, task, &**input, &**output, on_progress)
            }
            MediaKind::Video => self.long().ok_or_else(misplaced)?.whole(task, on_progress),
            MediaKind::Archive => {
                let files = self.archive().ok_or_else(misplaced)?;
                archive::anonymize(&mut self.lanes, task, &files, on_progress)
            }
        }
    }

    /// The files of a process for an archive.
    fn archive(&self) -> Option<archive::Files> {
        let more = self.files.more.as_ref()?;
        Some(archive::Files {
            input: Arc::clone(&self.files.input),
            output: Arc::clone(&self.files.output),
            document: Arc::clone(&more.document),
            spares: more.spares.clone(),
        })
    }

    /// The one video of a process for one.
    fn long(&mut self) -> Option<Long<'_>> {
        let (files, more) = (&self.files, self.files.more.as_ref()?);
        let [parts, tracks, _] = &more.spares;
        let files = long::Files {
            input: Arc::clone(&files.input),
            output: Arc::clone(&files.output),
            document: Arc::clone(&more.document),
            parts: Arc::clone(parts),
            tracks: Arc::clone(tracks),
        };
        Some(Long {
            detectors: self.lanes.first_mut()?,
            files,
            threads: self.threads,
        })
    }
}

/// A file came to a process that is for other kinds of files.
fn misplaced() -> Failure {
    log::line(format_args!("error: the task is for another kind of process"));
    fault()
}

/// Takes over a descriptor that the parent has left open for this process.
fn inherit(number: i32) -> Result<Arc<File>, String> {
    let missing = |reason: &str| {
        format!(
            "descriptor {number} {reason}; this program is started by `sfumato`, see `sfumato-media --help`"
        )
    };
    #[expect(
        unsafe_code,
        reason = "descriptors that are inherited have no owner in the type system yet"
    )]
    // SAFETY: the number is checked to be open before it gets an owner. It was open when the program started or not at all:
    // nothing has been opened since, and no other code knows the number, so that this is its only owner.
    let file = unsafe {
        rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(number)).map_err(|_| missing("is not open"))?;
        File::from_raw_fd(number)
    };
    match rustix::fs::fstat(&file) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Arc::new(file)),
        _ => Err(missing("is not a regular file")),
    }
}
