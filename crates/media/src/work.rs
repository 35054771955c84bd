//! One task while it is worked on: what all formats need of it.

use std::time::Duration;

use sfumato_core::MediaFormat;
use sfumato_core::detection::given::{GivenDetections, GivenPicture, misplaced};
use sfumato_core::detection::{
    Detection, DetectionsDocument, DocumentSource, DocumentedDetection, PictureInfo, SCHEMA,
};
use sfumato_core::options::{AnonymizeOptions, MetadataPolicy};
pub(crate) use sfumato_detect::Found;
use sfumato_detect::Stopwatch;
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Document, Goal, Hidden, Report, Task, Timings};

use crate::error::{Extent, PictureError};
use crate::mask::{self, Masks};
use crate::orientation::Orientation;
use crate::raster::Raster;

/// What a translucent picture is looked at over. Dark strokes on nothing show over the first, bright ones over the second.
const BACKDROPS: [u8; 2] = [255, 0];

/// Intersection over union from which two detections of one class are of the same thing.
const SAME_IOU_MIN: f32 = 0.6;

/// What the CPU does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Reading and decoding.
    Decode,
    /// Turning upright and scaling for the models.
    Resize,
    /// Drawing masks.
    Mask,
    /// Encoding and writing.
    Encode,
}

/// Finds faces and plates; in the tests of formats something that needs no models.
pub(crate) trait Find {
    /// The long side in pixels that a raster of a picture of the given size as displayed has to have at least, so that
    /// nothing is missed for want of pixels.
    fn long_side_px(&self, shown: (u32, u32)) -> u32;

    /// Looks at an upright raster in RGB with 8 bits. It may be smaller than the picture, whose size as displayed is
    /// `shown`. Boxes are in pixels of the raster.
    fn find(&mut self, rgb: &[u8], size: (u32, u32), shown: (u32, u32)) -> Result<Found, PictureError>;
}

/// What a format has made of its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processed {
    /// The format of original and result.
    pub(crate) format: MediaFormat,
    /// Width and height as displayed, of the first frame.
    pub(crate) shown: (u32, u32),
    /// Of the first frame.
    pub(crate) orientation: Orientation,
    /// Frames or pages, at least 1.
    pub(crate) frames: u32,
}

/// One task while it is worked on.
pub(crate) struct Work<'a> {
    task: &'a Task,
    finder: &'a mut dyn Find,
    on_progress: &'a mut dyn FnMut(f32),
    stopwatch: Stopwatch,
    timings: Timings,
    stage: Stage,
    documented: Vec<DocumentedDetection>,
    hidden: Hidden,
    warnings: Vec<String>,
    regions: u64,
}

impl<'a> Work<'a> {
    pub(crate) fn new(task: &'a Task, finder: &'a mut dyn Find, on_progress: &'a mut dyn FnMut(f32)) -> Self {
        Self {
            task,
            finder,
            on_progress,
            stopwatch: Stopwatch::start(),
            timings: Timings::default(),
            stage: Stage::Decode,
            documented: vec![],
            hidden: Hidden::default(),
            warnings: vec![],
            regions: 0,
        }
    }

    pub(crate) const fn limits(&self) -> &'a MediaLimits {
        &self.task.limits
    }

    pub(crate) const fn options(&self) -> &'a AnonymizeOptions {
        &self.task.options
    }

    pub(crate) const fn metadata(&self) -> MetadataPolicy {
        self.task.options.metadata
    }

    /// Whether a result is wanted; otherwise there is nothing to do after everything has been found.
    pub(crate) const fn writes(&self) -> bool {
        matches!(self.task.goal, Goal::Anonymize)
    }

    /// From here on CPU time counts for this stage. Work begins in [`Stage::Decode`].
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.book();
        self.stage = stage;
    }

    fn book(&mut self) {
        let spent = milliseconds(self.stopwatch.lap());
        let timings = &mut self.timings;
        *match self.stage {
            Stage::Decode => &mut timings.decode_ms,
            Stage::Resize => &mut timings.resize_ms,
            Stage::Mask => &mut timings.mask_ms,
            Stage::Encode => &mut timings.encode_ms,
        } += spent;
    }

    /// The part of the task that is done, 0 to 1.
    pub(crate) fn progress(&mut self, fraction: f32) {
        (self.on_progress)(fraction);
    }

    /// Something that the customer should know about the result.
    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The long side in pixels that a raster has to have at least for [`Self::find`], for a picture of the given size as
    /// displayed. May be more than the picture has.
    pub(crate) fn long_side_px(&self, shown: (u32, u32)) -> u32 {
        self.finder.long_side_px(shown)
    }

    /// Finds what an upright raster in RGB with 8 bits shows. The raster may be smaller than the picture, whose size as
    /// displayed is `shown`; boxes are in pixels of the picture.
    pub(crate) fn find(
        &mut self,
        rgb: &[u8],
        size: (u32, u32),
        shown: (u32, u32),
    ) -> Result<Vec<Detection>, PictureError> {
        self.book();
        let found = self.finder.find(rgb, size, shown)?;
        self.timings.resize_ms += milliseconds(found.resize);
        self.timings.inference_ms += milliseconds(found.inference);
        // What it took is booked; what it took beyond that is the clock's own.
        self.stopwatch.lap();
        let scale = [scale(shown.0, size.0), scale(shown.1, size.1)];
        Ok(found
            .detections
            .into_iter()
            .map(|detection| detection.scaled(scale))
            .collect())
    }

    /// Finds what the colours of a picture show and, where it is translucent, what it shows over white and over black.
    /// Boxes are in pixels of the picture as displayed.
    pub(crate) fn find_in(
        &mut self,
        raster: &Raster,
        orientation: Orientation,
    ) -> Result<Vec<Detection>, PictureError> {
        let shown = orientation.upright_size(raster.width, raster.height);
        self.enter(Stage::Resize);
        let rgb = raster.upright_rgb8(orientation);
        let mut detections = self.find(&rgb, shown, shown)?;
        drop(rgb);
        if raster.is_translucent() {
            for backdrop in BACKDROPS {
                let rgb = raster.upright_rgb8_over(backdrop, orientation);
                detections.extend(self.find(&rgb, shown, shown)?);
            }
            detections = unite(detections);
        }
        Ok(detections)
    }

    /// The detections that were given instead of what the models find.
    fn given_picture(&self) -> Option<&'a GivenPicture> {
        self.task.given.as_ref().and_then(GivenDetections::picture)
    }

    /// Whether it was given what is to be hidden: then nobody looks.
    pub(crate) fn is_given(&self) -> bool {
        self.given_picture().is_some()
    }

    /// Documents what was given for a frame of the given size as displayed, and returns what of it is to be hidden. `frame` is
    /// `None` where the picture has but one. A box that would hide nothing in this frame is refused: the document knows the
    /// size of the first frame only, and may be mistaken.
    pub(crate) fn take_given(
        &mut self,
        frame: Option<u32>,
        shown: (u32, u32),
    ) -> Result<Vec<Detection>, PictureError> {
        let number = frame.unwrap_or(0);
        let given = self.given_picture().map_or(&[][..], |given| &given.detections);
        let mut hidden = vec![];
        for (place, found) in given.iter().enumerate() {
            if found.frame != number {
                continue;
            }
            let detection = &found.detection;
            if let Some(wrong) = misplaced(&detection.bbox, shown) {
                let number = place;
                return Err(PictureError::Misplaced { number, wrong });
            }
            if found.hidden {
                self.hidden.add(detection.class);
                hidden.push(detection.clone());
            }
            let documented = DocumentedDetection::new(detection, shown.0, shown.1, found.hidden);
            self.documented.push(DocumentedDetection { frame, ..documented });
        }
        Ok(hidden)
    }

    /// Whether given detections are of the picture that came out.
    pub(crate) fn check_given(&self, processed: &Processed) -> Result<(), PictureError> {
        let Some(picture) = self.given_picture() else {
            return Ok(());
        };
        let given = Extent {
            shown: (picture.width, picture.height),
            frames: picture.frames,
        };
        let actual = Extent {
            shown: processed.shown,
            frames: processed.frames,
        };
        if given == actual {
            return Ok(());
        }
        Err(PictureError::OtherPicture { given, actual })
    }

    /// Writes the detections of a frame into the document. `frame` is `None` where the picture has but one.
    pub(crate) fn document(&mut self, frame: Option<u32>, detections: &[Detection], shown: (u32, u32)) {
        for detection in detections {
            let hidden = mask::is_hidden(detection, self.options(), shown);
            if hidden {
                self.hidden.add(detection.class);
            }
            let documented = DocumentedDetection::new(detection, shown.0, shown.1, hidden);
            self.documented.push(DocumentedDetection { frame, ..documented });
        }
    }

    /// The masks over those of the detections that are to be hidden. `stored` is the size of the frame in the file.
    pub(crate) fn masks(
        &mut self,
        detections: &[Detection],
        orientation: Orientation,
        stored: (u32, u32),
    ) -> Masks {
        let (options, is_given) = (self.options(), self.is_given());
        let shown = orientation.upright_size(stored.0, stored.1);
        let hidden = detections
            .iter()
            .filter(|detection| is_given || mask::is_hidden(detection, options, shown));
        let masks = Masks::new(
            hidden,
            orientation,
            stored,
            options.mask,
            self.task.seed,
            self.regions,
        );
        // No two regions of a task have the same noise: the difference of two frames would show what is under it.
        self.regions += masks.len() as u64;
        masks
    }

    /// The report on a result of `bytes` bytes.
    pub(crate) fn report(mut self, processed: Processed, bytes: u64) -> Report {
        self.book();
        Report {
            format: processed.format,
            bytes,
            hidden: self.hidden,
            document: Document::Picture(DetectionsDocument {
                schema: SCHEMA.to_owned(),
                source: if self.task.given.is_some() {
                    DocumentSource::Given
                } else {
                    DocumentSource::Detected
                },
                picture: PictureInfo {
                    width: processed.shown.0,
                    height: processed.shown.1,
                    format: processed.format,
                    orientation: processed.orientation.value(),
                    frames: Some(processed.frames).filter(|frames| *frames > 1),
                },
                detections: self.documented,
            }),
            warnings: self.warnings,
            timings: self.timings,
        }
    }
}

fn milliseconds(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1000.0
}

fn scale(shown: u32, size: u32) -> f32 {
    // Pictures are far smaller than 2^24 pixels a side, so that f32 holds their sizes exactly.
    shown as f32 / size.max(1) as f32
}

/// Drops detections of what a more confident one has found; the most confident come first.
pub(crate) fn unite(mut detections: Vec<Detection>) -> Vec<Detection> {
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
