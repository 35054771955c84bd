use std::os::unix::ffi::OsStrExt;

use crate::support::{Place, astronaut, is_set_up};

const TEXT: &str = "words, no picture";

#[test]
fn a_command_that_would_destroy_an_input_is_refused_before_anything_happens() {
    let place = Place::new();
    let picture = place.write("in/a.png", b"\x89PNG\r\n\x1a\n");
    let before = std::fs::read(&picture).unwrap();
    for output in ["in/a.png", "in", "in/../in/a.png"] {
        let ended = place.run(&["blur", "in/a.png", "-o", output, "--overwrite"]);
        ended.failure(2, &["would overwrite an input"]);
    }
    let args = [
        "blur",
        "in/a.png",
        "-o",
        "out.png",
        "--detections",
        "in/a.png",
        "--overwrite",
    ];
    place.run(&args).failure(2, &["would overwrite an input"]);
    assert_eq!(std::fs::read(&picture).unwrap(), before);
}

#[test]
fn a_face_in_a_photograph_is_hidden_and_reported() {
    let place = Place::new();
    place.write("in.png", astronaut());
    let args = [
        "blur",
        "in.png",
        "-o",
        "out/hidden.png",
        "--detections",
        "found.json",
    ];
    let ended = place.run(&args).success();
    assert!(
        ended
            .stdout
            .contains("in.png -> out/hidden.png: 1 face, 0 plates hidden"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("1 file done"), "{}", ended.stdout);
    let hidden = std::fs::read(place.path("out/hidden.png")).unwrap();
    assert!(hidden.starts_with(b"\x89PNG"));
    let found: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("found.json")).unwrap()).unwrap();
    assert_eq!(found["schema"], "sfumato.detections/1");
    assert_eq!(found["detections"][0]["class"], "face");
    // What was hidden is not found again.
    let again = place
        .run(&["blur", "out/hidden.png", "-o", "again.png", "--json"])
        .success()
        .json();
    assert_eq!(again["files"][0]["faces"], 0);
    let timings = again["files"][0]["timings"].as_object().unwrap();
    assert!(timings["inference_ms"].as_f64().unwrap() > 0.0, "{timings:?}");
    place
        .run(&["blur", "in.png", "-o", "out/hidden.png"])
        .failure(1, &["exists already", "--overwrite"]);
    place
        .run(&["blur", "in.png", "-o", "out/hidden.png", "--overwrite"])
        .success();
}

#[test]
fn a_folder_keeps_its_tree_and_one_bad_file_fails_alone() {
    let place = Place::new();
    let picture = astronaut();
    place.write("in/a.png", &picture);
    place.write("in/deep/b.png", &picture);
    place.write("in/deep/cut.png", &picture[..1000]);
    place.write("in/notes.txt", TEXT);
    let args = [
        "blur",
        "in",
        "-o",
        "out",
        "--json",
        "--jobs",
        "2",
        "--detections",
        "found.json",
    ];
    let ended = place.run(&args).failure(1, &["in/deep/cut.png", "failed to"]);
    let json = ended.json();
    assert_eq!(
        (&json["succeeded"], &json["failed"], &json["skipped"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert!(place.path("out/a.png").is_file() && place.path("out/deep/b.png").is_file());
    assert!(!place.path("out/deep/cut.png").exists() && !place.path("out/notes.txt").exists());
    let left: Vec<_> = std::fs::read_dir(place.path("out/deep")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let found: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("found.json")).unwrap()).unwrap();
    let names: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["input"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["in/a.png", "in/deep/b.png"]);
}

#[test]
fn an_input_that_is_no_picture_or_not_there_fails_with_its_reason() {
    is_set_up();
    let place = Place::new();
    place.write("notes.txt", TEXT);
    let args = ["blur", "notes.txt", "absent.png", "x/*.png", "-o", "out"];
    let ended = place.run(&args).failure(
        1,
        &[
            "notes.txt: the content is of no supported format (jpeg, png, webp, bmp, tiff, mp4, mov, avi, mkv, webm, zip)",
            "absent.png: there is no such file",
            "x/*.png: no file matches",
        ],
    );
    assert!(
        ended.stdout.contains("0 files done") && ended.stdout.contains("3 failed"),
        "{}",
        ended.stdout
    );
}

#[test]
fn regions_and_the_form_of_masks_are_taken() {
    let place = Place::new();
    place.write("in.png", astronaut());
    let blur = |flags: &[&str]| {
        let fixed = [
            "blur",
            "in.png",
            "-o",
            "out.png",
            "--overwrite",
            "--json",
            "--no-plates",
        ];
        let json = place.run(&[&fixed, flags].concat()).success().json();
        let picture = std::fs::read(place.path("out.png")).unwrap();
        (json["files"][0]["faces"].as_u64().unwrap(), picture)
    };
    let faces = |flags: &[&str]| blur(flags).0;
    let (count, plain) = blur(&["--type", "opaque"]);
    assert_eq!(count, 1);
    for region in ["0,1,0,0.5", "0,0;1,0;1,0.6;0,0.6"] {
        assert_eq!(faces(&["--excluded-area", region]), 0, "{region}");
        assert_eq!(faces(&["--included-area", region]), 1, "{region}");
        assert_eq!(
            faces(&["--included-area", region, "--exclude-area", region]),
            0,
            "{region}"
        );
    }
    let elsewhere = ["--include-area", "0,0.1,0,0.1"];
    assert_eq!(faces(&elsewhere), 0);
    assert_eq!(
        faces(&[&elsewhere[..], &["--include-area", "0,1,0,0.5"]].concat()),
        1
    );
    let form = [
        "--mask-growth",
        "0.3",
        "--mask-shape",
        "box",
        "--metadata",
        "strip",
    ];
    assert_eq!(faces(&form), 1);
    for flags in [["--mask-growth", "0.5"], ["--mask-shape", "box"]] {
        let (count, other) = blur(&[&["--type", "opaque"], &flags[..]].concat());
        assert_eq!(count, 1);
        assert!(other != plain, "{flags:?} changes the picture");
    }
}

#[test]
fn what_was_found_is_edited_and_hidden_without_looking_again() {
    let place = Place::new();
    place.write("in.png", astronaut());
    let found = ["blur", "in.png", "-o", "first.png", "--detections", "found.json"];
    place.run(&found).success();
    let text = std::fs::read(place.path("found.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let given = [
        "blur",
        "in.png",
        "-o",
        "second.png",
        "--from-detections",
        "found.json",
        "--json",
    ];
    let done = place.run(&given).success().json();
    assert_eq!(done["files"][0]["faces"], 1, "{done}");
    assert_eq!(done["files"][0]["timings"]["inference_ms"], 0.0);

    document["detections"][0]["box"]["width"] = serde_json::json!(-1);
    place.write("slip.json", document.to_string().as_bytes());
    let slip = [
        "blur",
        "in.png",
        "-o",
        "third.png",
        "--from-detections",
        "slip.json",
    ];
    place
        .run(&slip)
        .failure(2, &["slip.json: detections[0].box: must be a box"]);
    place.write("more.png", astronaut());
    let two = [
        "blur",
        "in.png",
        "more.png",
        "-o",
        "out",
        "--from-detections",
        "found.json",
    ];
    place.run(&two).failure(2, &["a document is of one file"]);
}

#[test]
fn a_file_whose_name_is_no_utf8_costs_no_other_its_detections() {
    let place = Place::new();
    let picture = astronaut();
    place.write("in/a.png", &picture);
    let odd = std::ffi::OsStr::from_bytes(b"in/\xff\x1b[31m.png");
    std::fs::write(place.path("").join(odd), &picture).unwrap();
    let args = ["blur", "in", "-o", "out", "--detections", "found.json"];
    let ended = place.run(&args).success();
    assert!(
        ended.stdout.contains(r"in/�\u{1b}[31m.png -> ") && !ended.stdout.contains('\u{1b}'),
        "{}",
        ended.stdout
    );
    let found: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("found.json")).unwrap()).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
    let looked = place.run(&["detect", "in"]).success();
    assert_eq!(looked.stdout.lines().count(), 2, "{}", looked.stdout);
}
