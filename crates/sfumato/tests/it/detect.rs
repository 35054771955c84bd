use serde_json::Value;

use crate::support::{Ended, Place, astronaut, is_set_up};

const STAGES: [&str; 5] = ["decode_ms", "encode_ms", "inference_ms", "mask_ms", "resize_ms"];

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn files(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["file"].as_str().unwrap()).collect()
}

#[test]
fn a_face_is_found_timed_and_left_alone() {
    let place = Place::new();
    let picture = astronaut();
    place.write("in.png", &picture);
    let ended = place.run(&["detect", "in.png", "--jobs", "1"]).success();
    let found = lines(&ended);
    assert_eq!(found.len(), 1, "{}", ended.stdout);
    assert_eq!(found[0]["file"], "in.png");
    let document = &found[0]["document"];
    assert_eq!(document["schema"], "sfumato.detections/1");
    assert_eq!(document["detections"][0]["class"], "face");
    let timings = found[0]["timings"].as_object().unwrap();
    assert!(timings.keys().map(String::as_str).eq(STAGES), "{timings:?}");
    assert!(timings["inference_ms"].as_f64().unwrap() > 0.0);
    assert!(found[0].get("error").is_none());
    assert_eq!(std::fs::read(place.path("in.png")).unwrap(), picture);

    let nothing = place.run(&["detect", "in.png", "--no-faces"]).success();
    assert_eq!(
        lines(&nothing)[0]["document"]["detections"],
        serde_json::json!([])
    );
    let again = place.run(&["detect", "in.png", "--jobs", "1"]).success();
    assert_eq!(
        lines(&again)[0]["document"],
        *document,
        "the same picture, the same findings"
    );
}

#[test]
fn outcomes_come_in_the_order_of_the_inputs_and_documents_lie_in_their_folder() {
    let place = Place::new();
    let picture = astronaut();
    place.write("in/a.png", &picture);
    place.write("in/deep/b.png", &picture);
    place.write("in/notes.txt", "words");
    place.write("cut.png", &picture[..1000]);
    let args = [
        "detect",
        "in/deep/b.png",
        "cut.png",
        "absent.png",
        "in",
        "--jobs",
        "3",
        "--output",
        "found",
    ];
    let refused = place
        .run(&args)
        .failure(1, &["cut.png: failed to", "absent.png: there is no such file"]);
    let found = lines(&refused);
    assert_eq!(
        files(&found),
        [
            "in/deep/b.png",
            "cut.png",
            "absent.png",
            "in/a.png",
            "in/deep/b.png"
        ]
    );
    for (line, fails) in found.iter().zip([false, true, true, false, false]) {
        assert_eq!(line["error"].is_string(), fails, "{line}");
        assert_eq!(line["document"].is_object(), !fails, "{line}");
    }
    for (name, line) in [
        ("b.png", &found[0]),
        ("in/a.png", &found[3]),
        ("in/deep/b.png", &found[4]),
    ] {
        let text = std::fs::read(place.path(&format!("found/{name}.json"))).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), line["document"]);
    }
    assert!(!place.path("found/cut.png.json").exists());
    place
        .run(&["detect", "in/a.png", "--output", "found/in"])
        .failure(1, &["a.png.json: it exists already"]);
    place
        .run(&["detect", "in/a.png", "--output", "found/in", "--overwrite"])
        .success();
}

#[test]
fn a_wrong_command_is_exit_code_2_and_one_without_pictures_is_1() {
    is_set_up();
    let place = Place::new();
    place.write("a.txt", "words");
    place
        .run(&["detect", "a.txt", "--profile", "best"])
        .failure(2, &["fast, balanced, thorough"]);
    place
        .run(&["detect", "a.txt", "--no-faces", "--no-plates"])
        .failure(2, &["cannot be used with"]);
    place
        .run(&["detect", "a.txt", "--output", "a.txt"])
        .failure(2, &["where a folder is needed"]);
    let ended = place
        .run(&["detect", "a.txt"])
        .failure(1, &["no supported format"]);
    assert!(
        lines(&ended)[0]["error"].as_str().unwrap().contains("webp"),
        "{}",
        ended.stdout
    );
}
