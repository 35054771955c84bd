//! The detectors together.

use std::path::Path;
use std::time::Duration;

use fast_image_resize::Resizer;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::DetectionOptions;

use crate::candidate::Candidate;
use crate::catalogue::{Catalogue, Listed};
use crate::clock::Stopwatch;
use crate::error::DetectError;
use crate::image::ImageView;
use crate::merge::{self, merge};
use crate::pack::ModelPack;
use crate::plan::{DetectionPlan, Pass};
use crate::session::{Network, runtime};
use crate::tensor::{Letterbox, Tensor, scaled_size};
use crate::tile::Rect;

/// The share of a class's threshold from which one look's detection is kept: others may confirm it.
const PROPOSAL_SHARE: f32 = 1.0 / 3.0;

/// By how much a centre may lie outside the core of its tile, in pixels of the scaled picture. Neighbouring tiles do not
/// see a thing in exactly the same place; without slack each could leave it to the other.
const CORE_SLACK_PX: f32 = 16.0;

/// The distance in pixels from the border of a tile at which a box counts as cut off.
const CUT_PX: f32 = 3.0;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Human faces.
    pub faces: bool,
    /// Licence plates.
    pub plates: bool,
}

impl Wanted {
    /// Whether things of this class are looked for.
    pub const fn includes(self, class: Class) -> bool {
        match class {
            Class::Face => self.faces,
            Class::Plate => self.plates,
        }
    }
}

/// What was found in a picture, and the processor time that it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The detections, the most confident first. Boxes are in pixels of the picture that was given and lie within it;
    /// corners may lie outside.
    pub detections: Vec<Detection>,
    /// Processor time for scaling the picture and writing the inputs.
    pub resize: Duration,
    /// Processor time for running the models, reading their outputs and merging.
    pub inference: Duration,
}

/// What was found in a frame of a video, where what is not sure in one frame can be confirmed by others.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// What counts.
    pub found: Found,
    /// What is less confident than the plan asks for, down to a third of it, the most confident first.
    pub weak: Vec<Detection>,
}

/// All detectors, loaded and ready. One thread at a time uses a set; a process may hold several.
#[derive(Debug)]
pub struct DetectorSet {
    catalogue: Catalogue,
    /// One for each model of the catalogue, in its order.
    networks: Vec<Network>,
    resizer: Resizer,
    /// What the networks look at, one after the other.
    tensor: Tensor,
}

impl DetectorSet {
    /// Loads ONNX Runtime (`lib/libonnxruntime.so`, once a process) and the models (`models/*.onnx`) from the assets folder,
    /// and the models of the packs. Each model computes on `threads` threads. The hash of every model is checked.
    ///
    /// # Errors
    /// [`DetectError`] for files that are missing or are not what they should be, and for packs that do not fit together.
    pub fn load(assets: &Path, packs: &[ModelPack], threads: usize) -> Result<Self, DetectError> {
        let catalogue = Catalogue::new(&ModelPack::builtin(assets), packs).map_err(DetectError::Pack)?;
        let runtime = runtime(assets)?;
        let load = |model: &Listed| {
            let read = model.pack.read_model(&model.entry);
            let file = read.map_err(|source| match model.is_builtin {
                true => DetectError::Builtin(source),
                false => DetectError::Pack(source),
            })?;
            Network::load(&runtime, &model.entry, &file, threads)
        };
        Ok(Self {
            networks: catalogue.models().iter().map(load).collect::<Result<_, _>>()?,
            catalogue,
            resizer: Resizer::new(),
            tensor: Tensor::default(),
        })
    }

    /// The names of the models that are loaded, as detections bear them.
    pub fn names(&self) -> Vec<String> {
        let models = self.catalogue.models().iter();
        models.map(|model| model.entry.name.to_string()).collect()
    }

    /// The plan for a picture of the given size in pixels with the models that are loaded.
    pub fn plan(&self, options: &DetectionOptions, width: u32, height: u32) -> DetectionPlan {
        DetectionPlan::with_models(&self.catalogue, options, width, height)
    }

    /// Finds what is wanted in a picture.
    ///
    /// The picture may be a smaller raster of the one that the plan was made for, with the same aspect: scales and tiles are
    /// relative to the plan's picture, boxes come back in pixels of the raster. Nothing is lost where its long side has
    /// [`DetectionPlan::long_side_px`] pixels.
    ///
    /// # Errors
    /// [`DetectError`] where the picture cannot be scaled, a model fails, or the plan names a model that is not loaded.
    pub fn detect(
        &mut self,
        image: ImageView<'_>,
        wanted: Wanted,
        plan: &DetectionPlan,
    ) -> Result<Found, DetectError> {
        let sighting = self.sight(image, wanted, plan);
        // Between pictures everything is free: what stays in the middle of a heap divides it, and the large buffers of the
        // next picture do not fit into what is left on either side.
        self.tensor = Tensor::default();
        Ok(sighting?.found)
    }

    /// Finds what is wanted in a frame of a video, also what does not count by itself. Else like [`Self::detect`].
    ///
    /// # Errors
    /// As [`Self::detect`].
    pub fn sight(
        &mut self,
        image: ImageView<'_>,
        wanted: Wanted,
        plan: &DetectionPlan,
    ) -> Result<Sighting, DetectError> {
        let mut stopwatch = Stopwatch::start();
        let passes: Vec<&Pass> = plan
            .passes()
            .iter()
            .filter(|pass| wanted.includes(pass.class))
            .collect();
        let largest = passes
            .iter()
            .map(|pass| Letterbox::samples_of(pass.tile.seen))
            .max();
        self.tensor.reserve(largest.unwrap_or(0));
        let mut found = Vec::new();
        let (mut resize, mut inference) = (stopwatch.lap(), Duration::ZERO);
        for seen in alike(passes) {
            // One part at a time: all parts of all looks at a large picture take more memory than the picture.
            let size = scaled_size(plan.size(), seen.long_side_px);
            let letterbox = Letterbox::new(&mut self.resizer, image, size, seen.part)?;
            resize += stopwatch.lap();
            for (number, pass) in seen.passes {
                let Some((rank, _)) = self.catalogue.find(&pass.model) else {
                    return Err(DetectError::UnknownModel {
                        model: pass.model.clone(),
                    });
                };
                let network = &mut self.networks[rank];
                letterbox.fill(&mut self.tensor, network.encoding(), pass.flipped);
                resize += stopwatch.lap();
                let candidates = network.look(&self.tensor, plan.threshold(pass.class) * PROPOSAL_SHARE)?;
                let located = candidates.into_iter().filter_map(|candidate| {
                    let (candidate, is_cut) = in_tile(pass, candidate, &letterbox)?;
                    if is_too_large(pass, &candidate.bbox) {
                        return None;
                    }
                    let detection = in_picture(pass, candidate, &letterbox);
                    let found = merge::Found {
                        detection: clipped(detection, image.width(), image.height())?,
                        look: pass.look,
                        rank,
                        is_cut,
                    };
                    Some((number, found))
                });
                found.extend(located);
                inference += stopwatch.lap();
            }
        }
        self.resizer.reset_internal_buffers();
        // As the plan has them, whatever was scaled together: of what is equal the first one stays.
        found.sort_by_key(|(number, _)| *number);
        let found = found.into_iter().map(|(_, found)| found).collect();
        let (detections, weak) = merge(found, |class| plan.threshold(class));
        inference += stopwatch.lap();
        Ok(Sighting {
            found: Found {
                detections,
                resize,
                inference,
            },
            weak,
        })
    }
}

/// A part of the picture in one scale, and the passes that look at it.
struct Seen<'a> {
    long_side_px: u32,
    part: Rect,
    /// With their places in the plan.
    passes: Vec<(usize, &'a Pass)>,
}

/// Passes that look at the same, so that each scale and part is made once.
fn alike(passes: Vec<&Pass>) -> Vec<Seen<'_>> {
    let mut all: Vec<Seen<'_>> = Vec::new();
    for (number, pass) in passes.into_iter().enumerate() {
        let (long_side_px, part) = (pass.long_side_px, pass.tile.seen);
        match all
            .iter_mut()
            .find(|seen| (seen.long_side_px, seen.part) == (long_side_px, part))
        {
            Some(seen) => seen.passes.push((number, pass)),
            None => all.push(Seen {
                long_side_px,
                part,
                passes: vec![(number, pass)],
            }),
        }
    }
    all
}

/// A candidate in pixels of the scaled picture, and whether the border of its tile cuts it off; none where another tile
/// answers for it.
fn in_tile(pass: &Pass, candidate: Candidate, letterbox: &Letterbox<'_>) -> Option<(Candidate, bool)> {
    let Candidate {
        bbox,
        confidence,
        corners,
    } = candidate;
    let scaled = |point| letterbox.to_scaled(point, pass.flipped);
    let ([x1, top], [x2, bottom]) = (scaled([bbox.left, bbox.top]), scaled([bbox.right, bbox.bottom]));
    let bbox = BoundingBox {
        left: x1.min(x2),
        top,
        right: x1.max(x2),
        bottom,
    };
    if !pass.tile.core.contains_nearly(bbox.center(), CORE_SLACK_PX) {
        return None;
    }
    let (seen, core) = (pass.tile.seen, pass.tile.core);
    // A border of the tile lies inside the picture where the core ends before it.
    let is_cut = seen.left < core.left && bbox.left < seen.left as f32 + CUT_PX
        || seen.top < core.top && bbox.top < seen.top as f32 + CUT_PX
        || seen.right() > core.right() && bbox.right > seen.right() as f32 - CUT_PX
        || seen.bottom() > core.bottom() && bbox.bottom > seen.bottom() as f32 - CUT_PX;
    // Clockwise from the top left corner as the plate is read: in the mirror left and right change places.
    let corners = corners.map(|corners| {
        let [a, b, c, d] = corners.map(scaled);
        if pass.flipped { [b, a, d, c] } else { [a, b, c, d] }
    });
    let candidate = Candidate {
        bbox,
        confidence,
        corners,
    };
    Some((candidate, is_cut))
}

/// Whether a box in pixels of the scaled picture is of something that other looks see better.
fn is_too_large(pass: &Pass, bbox: &BoundingBox) -> bool {
    let long_side = bbox.width().max(bbox.height());
    // Small numbers, which f32 holds exactly.
    pass.thing_px_max.is_some_and(|max| long_side > max as f32)
}

/// A candidate in pixels of the scaled picture as a detection in pixels of the given one.
fn in_picture(pass: &Pass, candidate: Candidate, letterbox: &Letterbox<'_>) -> Detection {
    let Candidate {
        bbox,
        confidence,
        corners,
    } = candidate;
    let [left, top] = letterbox.to_original([bbox.left, bbox.top]);
    let [right, bottom] = letterbox.to_original([bbox.right, bbox.bottom]);
    Detection {
        class: pass.class,
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        confidence,
        model: pass.model.clone(),
        corners: corners.map(|corners| corners.map(|corner| letterbox.to_original(corner))),
    }
}

/// The detection with its box clipped to a picture of the given size in pixels, and a little wider where less is left than can
/// be told from nothing; none where nothing of the box is left or a number is not finite. Corners that are not finite are
/// dropped.
fn clipped(detection: Detection, width: u32, height: u32) -> Option<Detection> {
    let BoundingBox {
        left,
        top,
        right,
        bottom,
    } = detection.bbox;
    let are_finite = |numbers: &[f32]| numbers.iter().all(|number| number.is_finite());
    let is_finite = are_finite(&[left, top, right, bottom, detection.confidence]);
    let bbox = is_finite.then(|| detection.bbox.clipped(width, height))?;
    (bbox.area() > 0.0).then(|| Detection {
        bbox: bbox.found_in(width, height),
        corners: detection
            .corners
            .filter(|corners| are_finite(corners.as_flattened())),
        ..detection
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(class: Class, [left, top, right, bottom]: [f32; 4], confidence: f32) -> Detection {
        Detection {
            class,
            bbox: BoundingBox {
                left,
                top,
                right,
                bottom,
            },
            confidence,
            model: String::new(),
            corners: None,
        }
    }

    #[test]
    fn what_lies_outside_the_picture_or_nowhere_is_dropped() {
        let clip =
            |edges| clipped(detection(Class::Face, edges, 0.5), 100, 50).map(|detection| detection.bbox);
        let inside = clip([-10.0, 40.0, 30.0, 60.0]).unwrap();
        assert_eq!((inside.left, inside.bottom), (0.0, 50.0));
        let sliver = clip([99.75, 20.0, 130.0, 40.0]).unwrap();
        assert_eq!((sliver.left, sliver.right), (98.0, 100.0));
        assert_eq!(clip([120.0, 10.0, 130.0, 20.0]), None);
        assert_eq!(clip([0.0, f32::NAN, 130.0, 20.0]), None);
        assert_eq!(clip([0.0, 0.0, f32::INFINITY, 20.0]), None);
        assert_eq!(clip([10.0, 10.0, 10.0, 20.0]), None);
    }
}
