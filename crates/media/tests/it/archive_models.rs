//! Archives with the real models.

use std::io::Write;
use std::sync::Arc;

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::Class;
use sfumato_detect::DetectorSet;
use sfumato_media::archive::anonymize;

use crate::archive_support::*;
use crate::support::*;
use crate::video_support::{Clips, times};

fn lanes(count: usize) -> Vec<DetectorSet> {
    (0..count)
        .map(|_| {
            DetectorSet::load(&assets_dir(), &[], 1)
                .unwrap_or_else(|error| panic!("the models do not load ({error}): run `cargo xtask setup`"))
        })
        .collect()
}

fn run(lanes: &mut [DetectorSet], bytes: &[u8], options: AnonymizeOptions) -> Done {
    let asked = Asked {
        options,
        ..Asked::default()
    };
    let files = files(bytes);
    let report = anonymize(lanes, &asked.task(bytes.len() as u64), &files, |_| ()).unwrap();
    Done::new(report, &files)
}

#[test]
fn faces_in_an_archive_are_hidden_as_if_the_pictures_came_alone() {
    let jpeg = jpeg(&astronaut(), &JpegSettings::default());
    let original = archive(&[stored("a.jpg", &jpeg), deflated("b.png", &rgb_png(&astronaut()))]);
    let done = run(&mut lanes(2), &original, AnonymizeOptions::default());
    assert_eq!(done.report.hidden.faces, 2);
    let contents = done.contents();
    for name in ["a.jpg", "b.png"] {
        assert!(find(&contents[name], Class::Face).is_empty(), "{name}");
    }
    assert!(done.report.timings.inference_ms > 0.0);
    let one = run(&mut lanes(1), &original, AnonymizeOptions::default());
    assert!(one.result == done.result, "one lane gives another result");
}

#[test]
fn videos_and_pictures_are_processed_side_by_side() {
    let clips = Clips::new();
    let clip = |name: &str, frames: u32| {
        let source = "-f lavfi -i testsrc=size=128x96:rate=10";
        std::fs::read(clips.make(name, &format!("{source} -frames:v {frames} -pix_fmt yuv420p"))).unwrap()
    };
    let (mp4, mkv) = (clip("a.mp4", 8), clip("b.mkv", 5));
    let picture = rgb_png(&astronaut());
    let original = archive(&[
        stored("clips/a.mp4", &mp4),
        stored("1.png", &picture),
        deflated("clips/b.mkv", &mkv),
        stored("cut.mp4", &mp4[..mp4.len() / 3]),
        stored("2.png", &picture),
        stored("clips/c.mp4", &mp4),
    ]);
    let options = AnonymizeOptions {
        detections_document: true,
        ..AnonymizeOptions::default()
    };
    let done = run(&mut lanes(2), &original, options);
    assert_eq!(
        done.names(),
        [
            "clips/a.mp4",
            "1.png",
            "clips/b.mkv",
            "2.png",
            "clips/c.mp4",
            "report.json"
        ]
    );
    assert_eq!(
        done.statuses(),
        [
            "succeeded",
            "succeeded",
            "succeeded",
            "failed",
            "succeeded",
            "succeeded"
        ]
    );
    let contents = done.contents();
    for (name, frames) in [("clips/a.mp4", 8), ("clips/b.mkv", 5), ("clips/c.mp4", 8)] {
        let path = clips.write(&name.replace('/', "-"), &contents[name]);
        assert_eq!(times(&path).len(), frames, "{name}");
    }
    assert_eq!(done.entry(2)["kind"], "video");
    assert_eq!(done.entry(2)["detections"]["video"]["frames"], 5);
    assert_eq!(done.entry(4)["detections"]["picture"]["width"], 512);
    assert_eq!(done.entry(4)["faces"], 1);
}

#[test]
fn finding_only_reads_videos_too() {
    let clips = Clips::new();
    let path = clips.make(
        "a.mp4",
        "-f lavfi -i testsrc=size=128x96:rate=10 -frames:v 4 -pix_fmt yuv420p",
    );
    let original = archive(&[stored("a.mp4", &std::fs::read(path).unwrap())]);
    let asked = Asked {
        goal: sfumato_media_client::protocol::Goal::Detect,
        ..Asked::default()
    };
    let files = files(&original);
    let report = anonymize(&mut lanes(1), &asked.task(original.len() as u64), &files, |_| ()).unwrap();
    let done = Done::new(report, &files);
    assert!(done.result.is_empty());
    assert_eq!(done.entry(0)["detections"]["video"]["frames"], 4);
}

#[test]
fn files_of_an_earlier_use_do_not_show() {
    let original = archive(&[stored("a.jpg", &jpeg(&astronaut(), &JpegSettings::default()))]);
    let files = files(&original);
    for spare in &files.spares {
        (&**spare).write_all(&[7; 100_000]).unwrap();
    }
    let task = Asked::default().task(original.len() as u64);
    let report = anonymize(&mut lanes(1), &task, &files, |_| ()).unwrap();
    let done = Done::new(report, &files);
    assert_eq!(done.names(), ["a.jpg", "report.json"]);
    assert_eq!(Arc::strong_count(&files.output), 1);
}
