//! A made-up set, from its files to the figures and the drawings.

use super::*;

use crate::raster::Raster;

const FACES: &str = "image,class,x,y,w,h,set\n\
    two.jpg,face,10,10,40,40,street\n\
    two.jpg,face_mask,100,10,20,20,street\n\
    one.jpg,face,60,60,40,40,crowd\n\
    none.jpg,,,,,,crowd\n";

const PLATES: &str = "image,class,x,y,w,h,set\ncar.jpg,plate,20,50,60,20,road\n";

fn write_set(root: &Path) {
    let picture = Raster::filled(160, 120, [90, 90, 90]).encode_jpeg(80).unwrap();
    for (class, table) in [("faces", FACES), ("plates", PLATES)] {
        write(&root.join(class).join("annotations.csv"), table.as_bytes()).unwrap();
        for name in table.lines().skip(1).filter_map(|line| line.split(',').next()) {
            write(&root.join(class).join("images").join(name), &picture).unwrap();
        }
    }
}

/// One line as `sfumato detect` prints it; the boxes are class, confidence, left, top, width, height.
fn line(file: &Path, boxes: &[(&str, f64, [f64; 4])]) -> String {
    let detections: Vec<_> = boxes
        .iter()
        .map(|(class, confidence, [x, y, width, height])| {
            serde_json::json!({"class": class, "confidence": confidence, "model": "m", "hidden": true,
                "box": {"x": x, "y": y, "width": width, "height": height}})
        })
        .collect();
    let line = serde_json::json!({"file": file, "error": null,
        "document": {"schema": "sfumato.detections/1", "detections": detections,
            "picture": {"width": 160, "height": 120, "format": "jpeg", "orientation": 1}},
        "timings": {"decode_ms": 1.0, "resize_ms": 2.0, "inference_ms": 7.0, "mask_ms": 0.0, "encode_ms": 0.0}});
    line.to_string()
}

fn write_detections(root: &Path) -> PathBuf {
    let image = |path: &str| root.join(path);
    let lines = [
        // The first face twice, of which one counts; the second by a mask that is too far away to fit; a plate, which nobody
        // has annotated here.
        line(
            &image("faces/images/two.jpg"),
            &[
                ("face", 0.9, [10.0, 10.0, 40.0, 40.0]),
                ("face", 0.5, [12.0, 12.0, 40.0, 40.0]),
                ("face", 0.4, [80.0, 0.0, 60.0, 60.0]),
                ("plate", 0.8, [0.0, 0.0, 10.0, 10.0]),
            ],
        ),
        line(
            &image("faces/images/none.jpg"),
            &[("face", 0.3, [0.0, 0.0, 9.0, 9.0])],
        ),
        line(
            &image("plates/images/car.jpg"),
            &[("plate", 0.7, [25.0, 52.0, 50.0, 16.0])],
        ),
        serde_json::json!({"file": image("faces/images/one.jpg"), "error": "damaged"}).to_string(),
    ];
    let path = root.join("detections.jsonl");
    write(&path, lines.join("\n").as_bytes()).unwrap();
    path
}

fn options(root: &Path) -> Options {
    Options {
        set: Some(root.to_owned()),
        mosaic: None,
        looking: Looking::default(),
        iou: 0.3,
        growth: 0.15,
        json: true,
        draw: Some(root.join("drawn")),
        charts: Some(root.join("charts")),
        sheet: Some(root.join("sheet")),
        program: None,
        detections: Some(write_detections(root)),
        frontier: None,
    }
}

#[test]
fn figures_follow_from_the_boxes() {
    let root = tempfile::tempdir().unwrap();
    write_set(root.path());
    let options = options(root.path());
    let rules = Rules {
        iou: options.iou,
        growth: options.growth,
    };
    let classes = measure(root.path(), find(root.path()).unwrap(), &options, rules).unwrap();
    let result = show::Evaluation::new(Some("balanced"), rules, &classes);
    let json = serde_json::to_value(&result).unwrap();
    let faces = &json["faces"];
    let close = |value: &serde_json::Value, expected: f64| {
        let found = value.as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    };
    close(&faces["coverage"], 2.0 / 3.0);
    close(&faces["recall"], 1.0 / 3.0);
    close(&faces["precision"], 1.0 / 4.0);
    close(&faces["sets"]["street"]["coverage"], 1.0);
    close(&faces["sets"]["street"]["recall_50"], 0.5);
    close(&faces["sets"]["crowd"]["coverage"], 0.0);
    assert_eq!(faces["sets"]["crowd"]["pictures_empty"], 1);
    assert_eq!(faces["false_on_empty"], 1);
    assert_eq!(faces["missed"][0]["image"], "one.jpg");
    assert_eq!(faces["sizes"][3]["to_px"], 48);
    assert_eq!(faces["sizes"][3]["objects"], 2);
    assert_eq!(faces["sizes"][3]["hidden"], 1);
    close(&json["plates"]["coverage"], 1.0);
    close(&json["plates"]["recall_50"], 1.0);
    close(&json["ms"], 10.0);
    close(&json["timings"]["inference_ms"], 7.0);
    assert_eq!(json["profile"], "balanced");
    assert_eq!(json["failed"][0]["file"], "faces/one.jpg");
    let table = result.lines().join("\n");
    for expected in ["| 66.7 %", "| **all**", "1 on 1", "FAILED faces/one.jpg: damaged"] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
}

#[test]
fn what_is_faulty_is_drawn_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    write_set(root.path());
    run(&options(root.path())).unwrap();
    let drawn = root.path().join("drawn");
    let mut names: Vec<_> = std::fs::read_dir(&drawn)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "faces-none.jpg.jpg",
            "faces-one.jpg.jpg",
            "faces-two.jpg.jpg",
            "index.html"
        ]
    );
    let page = std::fs::read_to_string(drawn.join("index.html")).unwrap();
    assert!(
        page.contains("one.jpg (crowd): 1 of 1 faces missed, 0 false; damaged"),
        "{page}"
    );
    let picture = Raster::decode(&std::fs::read(drawn.join("faces-one.jpg.jpg")).unwrap()).unwrap();
    assert!(picture.width >= 1000);
    // On the left edge of the missed face, magnified seven times, outwards.
    let [red, green, blue] = picture.pixel(60 * 7 - 2, 80 * 7);
    assert!(red > 180 && green < 80 && blue < 80, "{red} {green} {blue}");
    assert!(root.path().join("charts/sizes-faces.svg").is_file());
    let sheet = std::fs::read_to_string(root.path().join("sheet/missed-faces.svg")).unwrap();
    assert!(sheet.contains("one.jpg") && !sheet.contains("two.jpg"), "{sheet}");
}
