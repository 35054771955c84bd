//! The detectors together.

use std::path::Path;

use fast_image_resize::Resizer;
use sfumato_core::detection::{BoundingBox, Class, Detection};

use crate::candidate::Candidate;
use crate::error::DetectError;
use crate::image::ImageView;
use crate::model::Model;
use crate::nms;
use crate::plan::{DetectionPlan, Pass};
use crate::session::{Network, runtime};
use crate::tensor::Letterbox;

/// Overlap from which detections of two models or of two sizes are one.
const MERGE_IOU_MAX: f32 = 0.4;

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

/// All detectors, loaded and ready. One thread at a time uses a set; a process may hold several.
#[derive(Debug)]
pub struct DetectorSet {
    yunet: Network,
    centerface: Network,
    plate: Network,
    resizer: Resizer,
}

impl DetectorSet {
    /// Loads ONNX Runtime (`lib/libonnxruntime.so`, once a process) and the models (`models/*.onnx`) from the assets folder.
    /// Each model computes on `threads` threads.
    ///
    /// # Errors
    /// [`DetectError`] for files that are missing or are not what they should be.
    pub fn load(assets: &Path, threads: usize) -> Result<Self, DetectError> {
        let runtime = runtime(assets)?;
        let load = |model| Network::load(&runtime, model, assets, threads);
        Ok(Self {
            yunet: load(Model::YuNet)?,
            centerface: load(Model::CenterFace)?,
            plate: load(Model::PlateRetinaNet)?,
            resizer: Resizer::new(),
        })
    }

    /// The names of the models that are loaded, as detections bear them.
    pub fn names(&self) -> Vec<String> {
        Model::ALL.map(|model| model.name().to_owned()).to_vec()
    }

    /// Finds what is wanted in a picture.
    ///
    /// Boxes are in pixels of the picture and lie within it; corners may lie outside. The most confident detections come
    /// first.
    ///
    /// # Errors
    /// [`DetectError`] where the picture cannot be scaled or a model fails.
    pub fn detect(
        &mut self,
        image: ImageView<'_>,
        wanted: Wanted,
        plan: &DetectionPlan,
    ) -> Result<Vec<Detection>, DetectError> {
        let mut scaled: Vec<(u32, Letterbox)> = Vec::new();
        let mut found = Vec::new();
        for pass in plan
            .passes
            .iter()
            .filter(|pass| wanted.includes(pass.model.class()))
        {
            let size = pass.long_side_px.max(1);
            let index = match scaled.iter().position(|(other, _)| *other == size) {
                Some(index) => index,
                None => {
                    scaled.push((size, Letterbox::new(&mut self.resizer, image, size)?));
                    scaled.len() - 1
                }
            };
            let letterbox = &scaled[index].1;
            let candidates = self.look(letterbox, pass)?;
            found.extend(candidates.into_iter().filter_map(|candidate| {
                let detection = in_picture(pass.model, candidate, letterbox);
                clipped(detection, image.width(), image.height())
            }));
        }
        Ok(merge(found))
    }

    /// One look of one model; boxes in pixels of its input.
    fn look(&mut self, letterbox: &Letterbox, pass: &Pass) -> Result<Vec<Candidate>, DetectError> {
        let network = match pass.model {
            Model::YuNet => &mut self.yunet,
            Model::CenterFace => &mut self.centerface,
            Model::PlateRetinaNet => &mut self.plate,
        };
        let candidates = network.candidates(&letterbox.tensor(pass.model.encoding()), pass.threshold)?;
        let key = |candidate: &Candidate| (candidate.bbox, candidate.confidence);
        Ok(nms::suppress(candidates, pass.model.iou_max(), key))
    }
}

/// A candidate in pixels of the picture.
fn in_picture(model: Model, candidate: Candidate, letterbox: &Letterbox) -> Detection {
    let Candidate {
        bbox,
        confidence,
        corners,
    } = candidate;
    let [left, top] = letterbox.to_original([bbox.left, bbox.top]);
    let [right, bottom] = letterbox.to_original([bbox.right, bbox.bottom]);
    Detection {
        class: model.class(),
        bbox: BoundingBox {
            left,
            top,
            right,
            bottom,
        },
        confidence,
        model: model.name().to_owned(),
        corners: corners.map(|corners| corners.map(|corner| letterbox.to_original(corner))),
    }
}

/// The detection with its box clipped to a picture of the given size in pixels; none where nothing of the box is left or a
/// number is not finite. Corners that are not finite are dropped.
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
        bbox,
        corners: detection
            .corners
            .filter(|corners| are_finite(corners.as_flattened())),
        ..detection
    })
}

/// Merges the detections of all looks; those of different classes do not meet.
fn merge(found: Vec<Detection>) -> Vec<Detection> {
    let key = |detection: &Detection| (detection.bbox, detection.confidence);
    let (faces, plates) = found
        .into_iter()
        .partition(|detection| detection.class == Class::Face);
    let mut merged = nms::suppress(faces, MERGE_IOU_MAX, key);
    merged.extend(nms::suppress(plates, MERGE_IOU_MAX, key));
    merged.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    merged
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
    fn a_face_and_a_plate_in_one_place_both_stay_and_the_surer_one_comes_first() {
        let place = [10.0, 10.0, 20.0, 20.0];
        let face = detection(Class::Face, place, 0.5);
        let plate = detection(Class::Plate, place, 0.8);
        let again = detection(Class::Face, [10.0, 10.0, 20.0, 19.0], 0.4);
        assert_eq!(merge(vec![again, face.clone(), plate.clone()]), [plate, face]);
    }

    #[test]
    fn what_lies_outside_the_picture_or_nowhere_is_dropped() {
        let clip =
            |edges| clipped(detection(Class::Face, edges, 0.5), 100, 50).map(|detection| detection.bbox);
        let inside = clip([-10.0, 40.0, 30.0, 60.0]).unwrap();
        assert_eq!((inside.left, inside.bottom), (0.0, 50.0));
        assert_eq!(clip([120.0, 10.0, 130.0, 20.0]), None);
        assert_eq!(clip([0.0, f32::NAN, 130.0, 20.0]), None);
        assert_eq!(clip([0.0, 0.0, f32::INFINITY, 20.0]), None);
        assert_eq!(clip([10.0, 10.0, 10.0, 20.0]), None);
    }
}
