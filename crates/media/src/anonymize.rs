//! The pipeline.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use sfumato_core::detection::{Detection, DetectionsDocument, DocumentedDetection, PictureInfo, SCHEMA};
use sfumato_detect::{DetectionPlan, DetectorSet, ImageView, Wanted};
use sfumato_media_client::protocol::{Failure, Report, Task, Timings};

use crate::error::PictureError;
use crate::image::{Picture, WriteTimes};
use crate::log;
use crate::mask::{self, Masks};

/// Parts of a task that are done after reading, after detection and after drawing, for the progress that is shown.
const PROGRESS_DECODED: f32 = 0.2;
const PROGRESS_DETECTED: f32 = 0.7;

/// What a translucent picture is looked at over. Dark strokes on nothing show over the first, bright ones over the second.
const BACKDROPS: [u8; 2] = [255, 0];

/// Intersection over union from which two detections of one class are of the same thing.
const SAME_IOU_MIN: f32 = 0.6;

/// Hides faces and plates in one picture.
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
    on_progress: impl FnMut(f32),
) -> Result<Report, Failure> {
    let find = |rgb: &[u8], size| find(detectors, task, rgb, size);
    run(find, task, input, output, on_progress).map_err(|error| {
        if let PictureError::Internal { detail } = &error {
            log::line(format_args!("error: {detail}"));
        }
        Failure::from(error)
    })
}

fn run(
    mut find: impl FnMut(&[u8], (u32, u32)) -> Result<Vec<Detection>, PictureError>,
    task: &Task,
    input: impl Read + Seek,
    output: impl Write,
    mut on_progress: impl FnMut(f32),
) -> Result<Report, PictureError> {
    let start = Instant::now();
    let original = read(input, task)?;
    let picture = Picture::decode(&original, &task.limits)?;
    let decoded = Instant::now();
    on_progress(PROGRESS_DECODED);

    let size = picture.upright_size();
    let detections = find_in(&picture, &mut find)?;
    let detected = Instant::now();
    on_progress(PROGRESS_DETECTED);

    let area = task.options.included_area.as_ref();
    let included = |detection: &Detection| mask::is_included(detection, area, size);
    let document = DetectionsDocument {
        schema: SCHEMA.to_owned(),
        picture: PictureInfo {
            width: size.0,
            height: size.1,
            format: picture.format(),
            orientation: picture.orientation.value(),
        },
        detections: detections
            .iter()
            .map(|detection| DocumentedDetection::new(detection, size.0, size.1, included(detection)))
            .collect(),
    };
    let masks = Masks::new(
        detections.iter().filter(|detection| included(detection)),
        picture.orientation,
        (picture.raster.width, picture.raster.height),
        task.options.mask,
        task.seed,
    );
    let (format, warnings) = (picture.format(), picture.warnings.clone());
    let mut output = BufWriter::with_capacity(1 << 18, Counter::new(output));
    let times = picture.write_masked(&original, &masks, &mut output)?;
    output.flush().map_err(PictureError::Write)?;
    on_progress(1.0);
    Ok(Report {
        format,
        bytes: output.get_ref().bytes,
        document,
        warnings,
        timings: timings(decoded - start, detected - decoded, times),
    })
}

/// Finds what the colours show and, where the picture is translucent, what it shows over white and over black.
fn find_in(
    picture: &Picture,
    find: &mut impl FnMut(&[u8], (u32, u32)) -> Result<Vec<Detection>, PictureError>,
) -> Result<Vec<Detection>, PictureError> {
    let (raster, size) = (&picture.raster, picture.upright_size());
    let mut detections = find(&raster.upright_rgb8(picture.orientation), size)?;
    if raster.is_translucent() {
        for backdrop in BACKDROPS {
            detections.extend(find(
                &raster.upright_rgb8_over(backdrop, picture.orientation),
                size,
            )?);
        }
        detections = unite(detections);
    }
    Ok(detections)
}

/// Drops detections of what a more confident one has found; the most confident come first.
fn unite(mut detections: Vec<Detection>) -> Vec<Detection> {
    detections.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut united: Vec<Detection> = vec![];
    for detection in detections {
        let is_same = |other: &Detection| {
            other.class == detection.class && other.bbox.iou(&detection.bbox) > SAME_IOU_MIN
        };
        if !united.iter().any(is_same) {
            united.push(detection);
        }
    }
    united
}

fn timings(decode: Duration, detect: Duration, write: WriteTimes) -> Timings {
    let milliseconds = |duration: Duration| duration.as_secs_f32() * 1000.0;
    Timings {
        decode_ms: milliseconds(decode),
        detect_ms: milliseconds(detect),
        mask_ms: milliseconds(write.mask),
        encode_ms: milliseconds(write.encode),
    }
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

fn find(
    detectors: &mut DetectorSet,
    task: &Task,
    rgb: &[u8],
    (width, height): (u32, u32),
) -> Result<Vec<Detection>, PictureError> {
    let wanted = Wanted {
        faces: task.options.faces,
        plates: task.options.plates,
    };
    let plan = DetectionPlan::for_picture(width, height);
    ImageView::new(width, height, rgb)
        .and_then(|image| detectors.detect(image, wanted, &plan))
        .map_err(|error| PictureError::internal(format!("failed to {}", log::chain(&error))))
}
