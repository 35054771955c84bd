//! The pipeline.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use sfumato_core::MediaFormat;
use sfumato_detect::{DetectionPlan, DetectorSet, ImageView, Wanted};
use sfumato_media_client::protocol::{Failure, Report, Task};

use crate::error::PictureError;
use crate::image::{bmp, jpeg, png, tiff, webp};
use crate::work::{Find, Found, Work};
use crate::{log, probe};

/// What the inference engine says where the allocator has refused it memory.
const WANTS_MEMORY: [&str; 2] = ["Failed to allocate memory", "bad_alloc"];

/// Hides faces and plates in one picture, or finds them only, as the task says.
///
/// `input` holds the original from offset 0; the result is written to `output`. Both are used from where a fresh
/// description of a file would be: the input is rewound here, the output is the caller's to position. `on_progress` hears
/// rising fractions from 0 to 1.
///
/// # Errors
/// A [`Failure`] whose message is for the customer. `output` may hold a part of a result then.
pub fn anonymize(
    detectors: &mut DetectorSet,
    task: &Task,
    input: impl Read + Seek,
    output: impl Write,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, Failure> {
    let mut finder = Finder { detectors, task };
    run(&mut finder, task, input, output, &mut on_progress).map_err(|error| {
        if let PictureError::Internal { detail } = &error {
            log::line(format_args!("error: {detail}"));
        }
        Failure::from(error)
    })
}

pub(crate) fn run(
    finder: &mut dyn Find,
    task: &Task,
    input: impl Read + Seek,
    output: impl Write,
    on_progress: &mut dyn FnMut(f32),
) -> Result<Report, PictureError> {
    let work = Work::new(task, finder, on_progress);
    let original = read(input, task)?;
    finish(work, task, &original, output)
}

/// As [`run`], on an original that is in memory already.
pub(crate) fn run_on(
    finder: &mut dyn Find,
    task: &Task,
    original: &[u8],
    output: impl Write,
) -> Result<Report, PictureError> {
    finish(Work::new(task, finder, &mut |_| ()), task, original, output)
}

fn finish(
    mut work: Work<'_>,
    task: &Task,
    original: &[u8],
    output: impl Write,
) -> Result<Report, PictureError> {
    let header = probe::probe(original, &task.limits)?;
    let mut output = BufWriter::with_capacity(1 << 18, Counter::new(output));
    let process = match header.format {
        MediaFormat::Jpeg => jpeg::process,
        MediaFormat::Png => png::process,
        MediaFormat::Webp => webp::process,
        MediaFormat::Bmp => bmp::process,
        MediaFormat::Tiff => tiff::process,
        _ => return Err(PictureError::UnknownFormat),
    };
    let processed = process(original, &mut work, &mut output)?;
    work.check_given(&processed)?;
    output.flush().map_err(PictureError::Write)?;
    work.progress(1.0);
    Ok(work.report(processed, output.get_ref().bytes))
}

/// Reads the whole original, and no byte more than the task says.
fn read(mut input: impl Read + Seek, task: &Task) -> Result<Vec<u8>, PictureError> {
    let bytes = task.bytes;
    let picture_bytes_max = task.limits.picture_bytes_max;
    if bytes > picture_bytes_max {
        return Err(PictureError::FileTooLarge {
            bytes,
            picture_bytes_max,
        });
    }
    input.seek(SeekFrom::Start(0)).map_err(PictureError::Read)?;
    let mut original = Vec::new();
    let capacity = usize::try_from(bytes).map_err(|_| PictureError::Memory)?;
    original
        .try_reserve_exact(capacity)
        .map_err(|_| PictureError::Memory)?;
    input
        .take(bytes)
        .read_to_end(&mut original)
        .map_err(PictureError::Read)?;
    if original.len() < capacity {
        let missing = io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than the task says");
        return Err(PictureError::Read(missing));
    }
    Ok(original)
}

/// Counts what passes through it.
struct Counter<W> {
    inner: W,
    bytes: u64,
}

impl<W> Counter<W> {
    const fn new(inner: W) -> Self {
        Self { inner, bytes: 0 }
    }
}

impl<W: Write> Write for Counter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The real detectors.
pub(crate) struct Finder<'a> {
    pub(crate) detectors: &'a mut DetectorSet,
    pub(crate) task: &'a Task,
}

impl Find for Finder<'_> {
    fn long_side_px(&self, shown: (u32, u32)) -> u32 {
        self.plan(shown).long_side_px()
    }

    fn find(
        &mut self,
        rgb: &[u8],
        (width, height): (u32, u32),
        shown: (u32, u32),
    ) -> Result<Found, PictureError> {
        let wanted = Wanted {
            faces: self.task.options.faces,
            plates: self.task.options.plates,
        };
        let plan = self.plan(shown);
        ImageView::new(width, height, rgb)
            .and_then(|image| self.detectors.detect(image, wanted, &plan))
            .map_err(|error| failed(&log::chain(&error)))
    }
}

impl Finder<'_> {
    fn plan(&self, (width, height): (u32, u32)) -> DetectionPlan {
        self.detectors.plan(&self.task.options.detection, width, height)
    }
}

/// The error for what the detectors say.
pub(crate) fn failed(text: &str) -> PictureError {
    if WANTS_MEMORY.iter().any(|words| text.contains(words)) {
        log::line(format_args!("error: failed to {text}"));
        PictureError::Memory
    } else {
        PictureError::internal(format!("failed to {text}"))
    }
}
