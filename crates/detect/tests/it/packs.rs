//! Model packs: good ones, and what is wrong with bad ones.

use std::path::Path;

use sfumato_core::detection::Class;
use sfumato_core::options::{DetectionOptions, Profile};
use sfumato_detect::pack::{ModelInfo, list, verify};
use sfumato_detect::{DetectError, DetectorSet, Family, ImageView, ModelPack, PackError, Wanted};

use crate::support::{assets, astronaut};

const YUNET_FILE: &str = "models/face_detection_yunet_2023mar.onnx";
const YUNET_SHA256: &str = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4";

/// What is known of the models.
fn listed(packs: &[ModelPack]) -> Vec<ModelInfo> {
    let models = list(&assets(), packs).expect("the packs fit together");
    models.into_iter().map(|verified| verified.model).collect()
}

/// A manifest of one model that looks in place of the built-in YuNet.
pub(crate) fn manifest() -> String {
    format!(
        r#"
name = "try"
version = "1.0"
licence = "MIT"
source = "the built-in model under another name"

[[model]]
name = "mine"
file = "mine.onnx"
sha256 = "{YUNET_SHA256}"
family = "yunet"
class = "face"
threshold = 0.5
replaces = "yunet"

[[model.look]]
profiles = ["fast", "thorough"]
long_side_px = 640
"#
    )
}

/// Writes a pack whose model is a copy of the built-in YuNet.
pub(crate) fn write_pack(dir: &Path, manifest: &str) {
    std::fs::copy(assets().join(YUNET_FILE), dir.join("mine.onnx")).expect("run cargo xtask setup");
    std::fs::write(dir.join("pack.toml"), manifest).expect("a folder to write to");
}

fn read(manifest: &str) -> Result<ModelPack, PackError> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write_pack(dir.path(), manifest);
    ModelPack::read(dir.path())
}

/// What is wrong with a manifest, with the text of the parser.
fn wrong(from: &str, to: &str) -> String {
    let manifest = manifest();
    assert!(manifest.contains(from), "{from}");
    match read(&manifest.replace(from, to)) {
        Err(PackError::Manifest { path, source }) => {
            assert!(path.ends_with("pack.toml"));
            source.to_string()
        }
        other => panic!("{from} -> {to}: {other:?}"),
    }
}

#[test]
fn a_model_of_a_pack_looks_in_place_of_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    write_pack(dir.path(), &manifest());
    let packs = [ModelPack::read(dir.path()).unwrap()];
    let mut detectors = DetectorSet::load(&assets(), &packs, 1).unwrap();
    assert_eq!(detectors.names(), ["mine", "centerface", "plate-retinanet"]);
    let options = DetectionOptions {
        profile: Profile::Fast,
        ..DetectionOptions::default()
    };
    let plan = detectors.plan(&options, 512, 512);
    let picture = astronaut();
    let image = ImageView::new(picture.width, picture.height, &picture.samples).unwrap();
    let wanted = Wanted {
        faces: true,
        plates: false,
    };
    let found = detectors.detect(image, wanted, &plan).unwrap().detections;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].model, "mine");
}

#[test]
fn models_are_listed_with_what_their_manifests_say() {
    let dir = tempfile::tempdir().unwrap();
    write_pack(dir.path(), &manifest());
    let models = listed(&[ModelPack::read(dir.path()).unwrap()]);
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["mine", "centerface", "plate-retinanet"]);
    let mine = &models[0];
    assert_eq!((mine.class, mine.family), (Class::Face, Family::YuNet));
    assert_eq!(
        (mine.size_bytes, mine.sha256.as_str()),
        (Some(232_589), YUNET_SHA256)
    );
    assert_eq!(mine.profiles, [Profile::Fast, Profile::Thorough]);
    assert_eq!((mine.builtin, mine.replaces.as_deref()), (false, Some("yunet")));
    assert_eq!((mine.licence.as_str(), mine.pack.as_str()), ("MIT", "try"));
    assert_eq!(models[2].licence, "Apache-2.0");
    assert!(models[1].builtin);
}

#[test]
fn the_built_in_models_and_a_sound_pack_are_verified() {
    let dir = tempfile::tempdir().unwrap();
    write_pack(dir.path(), &manifest());
    let verified = verify(&assets(), &[ModelPack::read(dir.path()).unwrap()]).unwrap();
    assert_eq!(verified.len(), 3);
    for model in verified {
        assert_eq!(model.problem, None, "{}", model.model.name);
    }
}

/// The problem that is found with the only model of a pack.
fn problem(dir: &Path) -> String {
    let pack = ModelPack::read(dir).expect("a sound manifest");
    let verified = verify(&assets(), &[pack]).expect("a runtime");
    verified[0].problem.clone().expect("a problem")
}

#[test]
fn a_damaged_missing_or_misdescribed_file_is_a_problem_of_its_model() {
    let dir = tempfile::tempdir().unwrap();
    write_pack(
        dir.path(),
        &manifest().replace(r#"family = "yunet""#, r#"family = "centerface""#),
    );
    assert!(
        problem(dir.path()).contains("output 537"),
        "{}",
        problem(dir.path())
    );
    write_pack(dir.path(), &manifest());
    std::fs::write(dir.path().join("mine.onnx"), "other").unwrap();
    assert!(problem(dir.path()).contains("sha256"), "{}", problem(dir.path()));
    let packs = [ModelPack::read(dir.path()).unwrap()];
    let refused = DetectorSet::load(&assets(), &packs, 1);
    assert!(matches!(refused, Err(DetectError::Pack(PackError::Hash { .. }))));
    std::fs::remove_file(dir.path().join("mine.onnx")).unwrap();
    assert!(
        problem(dir.path()).contains("mine.onnx"),
        "{}",
        problem(dir.path())
    );
    assert_eq!(listed(&packs)[0].size_bytes, None);
}

#[test]
fn a_file_out_of_the_folder_is_not_read() {
    for file in ["../mine.onnx", "/etc/hostname", "a/../../mine.onnx", ""] {
        let text = wrong("\"mine.onnx\"", &format!("\"{file}\""));
        assert!(text.contains("leads out of the folder"), "{text}");
    }
    let dir = tempfile::tempdir().unwrap();
    write_pack(dir.path(), &manifest());
    let file = dir.path().join("mine.onnx");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(assets().join(YUNET_FILE), &file).unwrap();
    assert!(
        problem(dir.path()).contains("leads out of the folder"),
        "{}",
        problem(dir.path())
    );
}

#[test]
fn a_manifest_that_does_not_make_sense_is_refused_with_the_reason() {
    for (from, to, reason) in [
        ("\"yunet\"\nclass", "\"yolo\"\nclass", "unknown variant `yolo`"),
        ("\"face\"", "\"cat\"", "unknown variant `cat`"),
        ("\"fast\"", "\"slow\"", "unknown variant `slow`"),
        ("8f2383", "8f238", "64 hexadecimal digits"),
        ("8f2383", "8g2383", "64 hexadecimal digits"),
        ("= 640", "= 9000", "64 to 8192 pixels"),
        ("= 640", "= 640\npictures_from_px = 63", "64 to 8192 pixels"),
        ("= 0.5", "= 1.5", "0.05 to 1"),
        ("\"mine\"", "\"My Model\"", "small letters"),
        ("\"MIT\"", "\"\"", "1 to 500 characters"),
        ("version = \"1.0\"", "", "missing field `version`"),
        ("replaces", "replace", "unknown field `replace`"),
        (
            "[[model.look]]\nprofiles = [\"fast\", \"thorough\"]\nlong_side_px = 640",
            "",
            "no [[model.look]]",
        ),
    ] {
        let text = wrong(from, to);
        assert!(text.contains(reason), "{from} -> {to}: {text}");
    }
}

#[test]
fn packs_that_do_not_fit_together_are_refused() {
    let refused = |manifests: &[String]| {
        let packs: Vec<ModelPack> = manifests.iter().map(|manifest| read(manifest).unwrap()).collect();
        list(&assets(), &packs).unwrap_err()
    };
    let replaces = |name: &str| manifest().replace("replaces = \"yunet\"", &format!("replaces = \"{name}\""));
    for name in ["nothing", "plate-retinanet"] {
        assert!(matches!(
            refused(&[replaces(name)]),
            PackError::ReplacesNothing { .. }
        ));
    }
    let second = manifest().replace("\"mine\"", "\"other\"");
    assert!(matches!(
        refused(&[manifest(), second]),
        PackError::ReplacesNothing { .. }
    ));
    let taken = |error| matches!(error, PackError::NameTaken { .. });
    assert!(taken(refused(&[manifest(), replaces("centerface")])));
    assert!(taken(refused(
        &[manifest().replace("\"mine\"", "\"centerface\"")]
    )));
}

#[test]
fn a_folder_without_a_manifest_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = ModelPack::read(dir.path()).unwrap_err();
    assert!(error.to_string().contains("pack.toml"), "{error}");
}
