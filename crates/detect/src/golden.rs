//! The models' numbers: that the clean-up of a graph leaves them alone, and that an engine or a file that changes them is
//! noticed.

use fast_image_resize::Resizer;
use ort::session::Session;
use ort::value::TensorRef;
use sfumato_core::detection::BoundingBox;

use crate::candidate::Candidate;
use crate::catalogue::Catalogue;
use crate::family::Encoding;
use crate::graph::{self, ComputedResize};
use crate::image::ImageView;
use crate::pack::ModelPack;
use crate::pack::manifest::ModelEntry;
use crate::session::{Network, commit, runtime};
use crate::tensor::{Letterbox, Tensor, scaled_size};
use crate::tile::Rect;

#[path = "../tests/it/support.rs"]
mod support;

use support::{assets, astronaut};

/// The largest difference between the outputs of a graph before and after its clean-up.
const DIFFERENCE_MAX: f32 = 1e-4;

const YUNET: &str = "yunet";
const CENTERFACE: &str = "centerface";
const PLATE: &str = "plate-retinanet";

fn tensor(image: ImageView<'_>, long_side_px: u32, encoding: Encoding) -> Tensor {
    let scaled = scaled_size((image.width(), image.height()), long_side_px);
    let letterbox = Letterbox::new(&mut Resizer::new(), image, scaled, Rect::whole(scaled)).unwrap();
    let mut tensor = Tensor::default();
    letterbox.fill(&mut tensor, encoding, false);
    tensor
}

fn portrait(long_side_px: u32, encoding: Encoding) -> Tensor {
    let picture = astronaut();
    let image = ImageView::new(picture.width, picture.height, &picture.samples).unwrap();
    tensor(image, long_side_px, encoding)
}

/// The portrait without its lower part, so that height and width differ.
fn wide_portrait(encoding: Encoding) -> Tensor {
    let picture = astronaut();
    let rows = &picture.samples[..3 * 512 * 300];
    let image = ImageView::new(picture.width, 300, rows).unwrap();
    tensor(image, 640, encoding)
}

/// A square around the face of the portrait, plane by plane.
fn face_of_portrait(long_side_px: u32, side: usize) -> Vec<f32> {
    let tensor = portrait(long_side_px, Encoding::Rgb);
    let scaled = |original: usize| original * long_side_px as usize / 512;
    let (left, top) = (scaled(224) - side / 2, scaled(128) - side / 2);
    let planes = tensor.samples.chunks(tensor.width * tensor.height);
    let rows = planes.flat_map(|plane| plane.chunks(tensor.width).skip(top).take(side));
    rows.flat_map(|row| row[left..left + side].iter().copied())
        .collect()
}

/// A built-in model.
fn entry(model: &str) -> ModelEntry {
    let catalogue = Catalogue::builtin();
    let entry = catalogue
        .models()
        .iter()
        .find(|listed| listed.entry.name.as_str() == model);
    entry.unwrap().entry.clone()
}

fn file(model: &str) -> Vec<u8> {
    ModelPack::builtin(&assets())
        .read_model(&entry(model))
        .expect("run cargo xtask setup")
}

fn clean(model: &str) -> Vec<u8> {
    let resize = match entry(model).resize_doubles {
        true => ComputedResize::Doubles,
        false => ComputedResize::Unknown,
    };
    graph::clean(&file(model), resize).unwrap()
}

/// All outputs of a session, by name.
fn outputs(session: &mut Session, shape: [usize; 4], samples: &[f32]) -> Vec<(String, Vec<f32>)> {
    let input = TensorRef::from_array_view((shape, samples)).unwrap();
    let outputs = session.run(ort::inputs![input]).unwrap();
    let numbers = outputs.iter().map(|(name, value)| {
        let (_shape, numbers) = value.try_extract_tensor::<f32>().unwrap();
        (name.to_owned(), numbers.to_vec())
    });
    numbers.collect()
}

/// The outputs of a model as published and cleaned have to be equal.
fn assert_unchanged(model: &str, shape: [usize; 4], samples: &[f32]) {
    let (runtime, original) = (runtime(&assets()).unwrap(), file(model));
    let cleaned = clean(model);
    let expected = outputs(&mut commit(&runtime, &original, 1).unwrap(), shape, samples);
    let actual = outputs(&mut commit(&runtime, &cleaned, 1).unwrap(), shape, samples);
    assert_eq!(actual.len(), expected.len());
    for ((name, expected), (actual_name, actual)) in expected.iter().zip(&actual) {
        assert_eq!((name, expected.len()), (actual_name, actual.len()));
        let differences: Vec<f32> = expected.iter().zip(actual).map(|(a, b)| (a - b).abs()).collect();
        // Written so that a number that is none fails too.
        let all_small = differences.iter().all(|difference| *difference <= DIFFERENCE_MAX);
        let largest = differences.iter().copied().fold(0.0, f32::max);
        assert!(all_small, "{name} differs by up to {largest}");
    }
    // Outputs that are zero everywhere would be equal whatever the clean-up did.
    let numbers = expected.iter().flat_map(|(_name, numbers)| numbers);
    assert!(numbers.fold(0.0_f32, |largest, number| largest.max(number.abs())) > 1.0);
}

#[test]
fn the_clean_up_leaves_the_numbers_of_yunet_alone() {
    let tensor = portrait(640, Encoding::Bgr);
    assert_unchanged(YUNET, [1, 3, 640, 640], &tensor.samples);
}

#[test]
fn the_clean_up_leaves_the_numbers_of_centerface_alone() {
    // As published it takes ten pictures of 32 by 32 pixels and nothing else: the face in ten sizes.
    let samples: Vec<f32> = (100..150)
        .step_by(5)
        .flat_map(|long_side_px| face_of_portrait(long_side_px, 32))
        .collect();
    assert_unchanged(CENTERFACE, [10, 3, 32, 32], &samples);
}

#[test]
fn the_clean_up_leaves_the_numbers_of_the_plate_model_alone() {
    for tensor in [
        portrait(512, Encoding::BgrLessMean),
        wide_portrait(Encoding::BgrLessMean),
    ] {
        let shape = [1, 3, tensor.height, tensor.width];
        assert_unchanged(PLATE, shape, &tensor.samples);
    }
}

#[test]
fn a_cleaned_graph_is_clean() {
    for model in [YUNET, CENTERFACE, PLATE] {
        let cleaned = clean(model);
        assert_eq!(
            graph::clean(&cleaned, ComputedResize::Unknown).unwrap(),
            cleaned,
            "{model}"
        );
    }
}

#[test]
fn what_is_no_model_is_an_error() {
    let clean = |file: &[u8]| graph::clean(file, ComputedResize::Doubles);
    assert!(clean(b"").is_err());
    assert!(clean(b"no model").is_err());
    let model = file(YUNET);
    assert!(clean(&model[..model.len() / 2]).is_err());
}

/// The sum of the absolute values of every output, in the order of the graph.
fn sums(model: &str, tensor: &Tensor) -> Vec<(String, f64)> {
    let cleaned = clean(model);
    let mut session = commit(&runtime(&assets()).unwrap(), &cleaned, 1).unwrap();
    let outputs = outputs(&mut session, [1, 3, tensor.height, tensor.width], &tensor.samples);
    let sum = |numbers: Vec<f32>| numbers.into_iter().map(|number| f64::from(number.abs())).sum();
    outputs
        .into_iter()
        .map(|(name, numbers)| (name, sum(numbers)))
        .collect()
}

/// Sums of absolute values are compared to this fraction of themselves: processors differ in the order of additions.
const TOLERANCE: f64 = 1e-3;

fn assert_sums(model: &str, expected: &[(&str, f64)]) {
    let actual = sums(model, &portrait(512, entry(model).encoding()));
    assert_eq!(actual.len(), expected.len());
    for ((name, sum), (expected_name, expected)) in actual.iter().zip(expected) {
        assert_eq!(name, expected_name);
        let difference = (sum - expected).abs();
        assert!(
            difference <= TOLERANCE * expected,
            "{name}: {sum} instead of {expected}"
        );
    }
}

#[test]
fn yunet_gives_the_numbers_it_always_gave() {
    let expected = [
        ("cls_8", 2342.165),
        ("cls_16", 483.6273),
        ("cls_32", 148.4313),
        ("obj_8", 4.159_682),
        ("obj_16", 0.012_889_74),
        ("obj_32", 3.989_853),
        ("bbox_8", 18216.65),
        ("bbox_16", 1529.472),
        ("bbox_32", 1061.850),
        ("kps_8", 41551.93),
        ("kps_16", 5364.322),
        ("kps_32", 2496.684),
    ];
    assert_sums(YUNET, &expected);
}

#[test]
fn centerface_gives_the_numbers_it_always_gave() {
    let expected = [
        ("537", 72.685_55),
        ("538", 87845.65),
        ("539", 1581.914),
        ("540", 86421.21),
    ];
    assert_sums(CENTERFACE, &expected);
}

#[test]
fn the_plate_model_gives_the_numbers_it_always_gave() {
    let expected = [("loc", 18094.34), ("conf", 10752.0), ("landms", 110_209.2)];
    assert_sums(PLATE, &expected);
}

/// The most confident face of the portrait at a given size, fed with an encoding.
fn best_face(model: &str, long_side_px: u32, encoding: Encoding) -> Candidate {
    let mut network = Network::load(&runtime(&assets()).unwrap(), &entry(model), &file(model), 1).unwrap();
    let candidates = network.look(&portrait(long_side_px, encoding), 0.3).unwrap();
    let by_confidence = |a: &Candidate, b: &Candidate| a.confidence.total_cmp(&b.confidence);
    candidates.into_iter().max_by(by_confidence).unwrap()
}

#[test]
fn yunet_finds_the_face_at_another_size_than_the_published_one() {
    let face = best_face(YUNET, 320, Encoding::Bgr);
    // The face at 512 pixels is from (178, 63) to (270, 178).
    let expected = BoundingBox {
        left: 111.0,
        top: 39.0,
        right: 169.0,
        bottom: 111.0,
    };
    assert!(face.bbox.iou(&expected) > 0.85, "{face:?}");
}

#[test]
fn each_face_model_is_surer_of_the_face_in_its_own_order_of_channels() {
    for (model, other) in [(YUNET, Encoding::Rgb), (CENTERFACE, Encoding::Bgr)] {
        for long_side_px in [320, 512, 640] {
            let own = best_face(model, long_side_px, entry(model).encoding()).confidence;
            let swapped = best_face(model, long_side_px, other).confidence;
            assert!(
                own > swapped + 0.005,
                "{model} at {long_side_px}: {own} and {swapped}"
            );
        }
    }
}
