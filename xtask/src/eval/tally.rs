//! Adds the pictures of a set up.

use std::collections::BTreeMap;

use serde::Serialize;

use super::annotations::Collection;
use super::judge::{Judged, Object};
use super::looked::{Looked, Timings};

/// Lower edges of the classes of objects by their long side, in pixels of the picture.
const SIZES_PX: [u32; 7] = [0, 16, 24, 32, 48, 64, 96];

/// One picture with everything that is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// The file's name.
    pub(crate) name: String,
    /// Which set it is from.
    pub(crate) set: String,
    pub(crate) judged: Judged,
    pub(crate) looked: Looked,
}

/// Counts, from which the shares follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    pictures: usize,
    pictures_empty: usize,
    objects: usize,
    hidden: usize,
    found: usize,
    found_strict: usize,
    detections: usize,
    right: usize,
    right_strict: usize,
    false_on_empty: usize,
    timed: usize,
    ms: f64,
}

/// What is said of a set or a class. Shares are 0 to 1, and absent where there is nothing to share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Share of the objects that lie under masks.
    pub(crate) coverage: Option<f64>,
    /// Share of the objects that a detection fits.
    pub(crate) recall: Option<f64>,
    /// Share of the detections that fit an object.
    pub(crate) precision: Option<f64>,
    /// Recall at the stricter intersection over union.
    pub(crate) recall_50: Option<f64>,
    /// Precision at the stricter intersection over union.
    pub(crate) precision_50: Option<f64>,
    pub(crate) pictures: usize,
    pub(crate) objects: usize,
    pub(crate) detections: usize,
    /// Pictures with no object.
    pub(crate) pictures_empty: usize,
    /// Detections on pictures with no object.
    pub(crate) false_on_empty: usize,
    /// Mean CPU time a picture until everything has been found.
    pub(crate) ms: Option<f64>,
}

/// Objects of about one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SizeClass {
    /// Long side in pixels, at least.
    pub(crate) from_px: u32,
    /// Long side in pixels, less than; absent in the last class.
    pub(crate) to_px: Option<u32>,
    pub(crate) objects: usize,
    pub(crate) hidden: usize,
}

/// An object that is not hidden.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Missed {
    image: String,
    set: String,
    /// Left, top, width, height in pixels.
    r#box: [f64; 4],
    /// The share that lies under masks all the same.
    covered: f64,
}

/// Everything that is said of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ClassFigures {
    #[serde(flatten)]
    pub(crate) total: Figures,
    pub(crate) sets: BTreeMap<String, Figures>,
    pub(crate) sizes: Vec<SizeClass>,
    pub(crate) missed: Vec<Missed>,
}

impl Counts {
    fn add(&mut self, scene: &Scene) {
        let count = |holds: fn(&Object) -> bool| scene.judged.objects.iter().filter(|o| holds(o)).count();
        let claims = &scene.judged.claims;
        self.pictures += 1;
        self.objects += scene.judged.objects.len();
        self.hidden += count(Object::is_hidden);
        self.found += count(|object| object.found);
        self.found_strict += count(|object| object.found_strict);
        self.detections += claims.len();
        self.right += claims.iter().filter(|claim| claim.right).count();
        self.right_strict += claims.iter().filter(|claim| claim.right_strict).count();
        if scene.judged.objects.is_empty() {
            self.pictures_empty += 1;
            self.false_on_empty += claims.len();
        }
        if let Some(timings) = &scene.looked.timings {
            self.timed += 1;
            self.ms += timings.detection_ms();
        }
    }

    fn figures(&self) -> Figures {
        Figures {
            coverage: share(self.hidden, self.objects),
            recall: share(self.found, self.objects),
            precision: share(self.right, self.detections),
            recall_50: share(self.found_strict, self.objects),
            precision_50: share(self.right_strict, self.detections),
            pictures: self.pictures,
            objects: self.objects,
            detections: self.detections,
            pictures_empty: self.pictures_empty,
            false_on_empty: self.false_on_empty,
            ms: (self.timed > 0).then(|| self.ms / self.timed as f64),
        }
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl ClassFigures {
    /// Adds the pictures of a class up.
    pub(crate) fn of(scenes: &[Scene]) -> Self {
        let mut total = Counts::default();
        let mut sets = BTreeMap::<String, Counts>::new();
        for scene in scenes {
            total.add(scene);
            sets.entry(scene.set.clone()).or_default().add(scene);
        }
        Self {
            total: total.figures(),
            sets: sets
                .into_iter()
                .map(|(name, counts)| (name, counts.figures()))
                .collect(),
            sizes: sizes(scenes),
            missed: missed(scenes),
        }
    }
}

fn sizes(scenes: &[Scene]) -> Vec<SizeClass> {
    let uppers = SIZES_PX[1..].iter().map(|upper| Some(*upper)).chain([None]);
    let mut classes: Vec<_> = SIZES_PX
        .into_iter()
        .zip(uppers)
        .map(|(from_px, to_px)| SizeClass {
            from_px,
            to_px,
            objects: 0,
            hidden: 0,
        })
        .collect();
    for object in scenes.iter().flat_map(|scene| &scene.judged.objects) {
        let long_side = object.bounding_box.long_side();
        let class = classes
            .iter_mut()
            .rfind(|class| f64::from(class.from_px) <= long_side);
        if let Some(class) = class {
            class.objects += 1;
            class.hidden += usize::from(object.is_hidden());
        }
    }
    classes
}

fn missed(scenes: &[Scene]) -> Vec<Missed> {
    let of_scene = |scene: &Scene| {
        let of_object = |object: &Object| Missed {
            image: scene.name.clone(),
            set: scene.set.clone(),
            r#box: [
                object.bounding_box.left,
                object.bounding_box.top,
                object.bounding_box.width(),
                object.bounding_box.height(),
            ],
            covered: object.covered,
        };
        let objects = scene.judged.objects.iter();
        objects
            .filter(|object| !object.is_hidden())
            .map(of_object)
            .collect::<Vec<_>>()
    };
    scenes.iter().flat_map(of_scene).collect()
}

/// Mean CPU time a picture, stage by stage.
pub(crate) fn mean_timings<'a>(scenes: impl Iterator<Item = &'a Scene>) -> Option<Timings> {
    let all: Vec<_> = scenes.filter_map(|scene| scene.looked.timings).collect();
    let mean = |stage: fn(&Timings) -> f64| all.iter().map(stage).sum::<f64>() / all.len() as f64;
    (!all.is_empty()).then(|| Timings {
        decode_ms: mean(|timings| timings.decode_ms),
        resize_ms: mean(|timings| timings.resize_ms),
        inference_ms: mean(|timings| timings.inference_ms),
        mask_ms: mean(|timings| timings.mask_ms),
        encode_ms: mean(|timings| timings.encode_ms),
    })
}

/// Puts what is there and what was seen together. A picture for which nothing was said counts as one in which nothing was
/// found: a picture that cannot be read is not hidden either.
pub(crate) fn scenes(
    collection: &Collection,
    mut seen: impl FnMut(&str) -> Option<Looked>,
    rules: super::judge::Rules,
) -> Vec<Scene> {
    let scene = |picture: &super::annotations::Picture| {
        let path = collection.path(&picture.name);
        let looked = seen(&path.to_string_lossy()).unwrap_or_else(|| Looked {
            error: Some("nothing was said of it".to_owned()),
            ..Looked::default()
        });
        let own = |detection: &&super::looked::Detection| detection.class == collection.class.word();
        let found: Vec<_> = looked.detections.iter().filter(own).collect();
        Scene {
            name: picture.name.clone(),
            set: picture.set.clone(),
            judged: Judged::new(&picture.truth, &found, rules),
            looked,
        }
    };
    collection.pictures.iter().map(scene).collect()
}
