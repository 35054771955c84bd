//! A photograph of a person that comes into a picture, passes behind a pillar and leaves, with the real models: the face is
//! hidden in every frame, also where one detection in ten is missing.

use std::fs::File;
use std::sync::Arc;

use sfumato_core::detection::BoundingBox;
use sfumato_core::options::Profile;
use sfumato_media::PictureError;
use sfumato_media::video::{
    Finder, Look, Models, Seen, TrackPiece, VideoLimits, VideoOptions, VideoTask, anonymize,
};

use crate::support::{astronaut, detectors, rgb_png};
use crate::video_support::{Clips, black, output};

/// Width and height of the picture, and its frames.
const SIZE: (f32, f32) = (640.0, 360.0);
const FRAMES: u32 = 120;

/// Left and right of the pillar.
const PILLAR: (f32, f32) = (310.0, 350.0);

/// By how much masks are enlarged by default.
const GROWTH: f32 = 0.15;

/// How far a person is to the right after so many frames. The photograph is 150 pixels wide then.
fn left(frame: u32) -> f32 {
    -150.0 + 6.75 * frame as f32
}

/// Points of the face that are in sight, if that is half of it at least. Forehead to chin are 59 by 75 pixels.
fn in_sight(frame: u32) -> Vec<(f32, f32)> {
    const STEPS: u32 = 16;
    let step = |index: u32| (index as f32 + 0.5) / STEPS as f32;
    let mut points = vec![];
    for row in 0..STEPS {
        for column in 0..STEPS {
            let x = left(frame) + 36.0 + 59.0 * step(column);
            let y = 100.0 + 44.0 + 75.0 * step(row);
            if (0.0..SIZE.0).contains(&x) && !(PILLAR.0..PILLAR.1).contains(&x) {
                points.push((x, y));
            }
        }
    }
    if points.len() as u32 * 2 < STEPS * STEPS {
        points.clear();
    }
    points
}

/// The detectors, some of whose detections are lost.
struct Losing<'a> {
    models: Models<'a>,
    /// Of 256.
    lost: u64,
    state: u64,
    looks: Vec<Profile>,
}

impl Finder for Losing<'_> {
    fn long_side_px(&self, profile: Profile, shown: (u32, u32)) -> u32 {
        self.models.long_side_px(profile, shown)
    }

    fn find(&mut self, look: Look<'_>) -> Result<Seen, PictureError> {
        self.looks.push(look.profile);
        let mut seen = self.models.find(look)?;
        // Knuth's MMIX generator.
        let mut is_kept = || {
            self.state = self
                .state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.state >> 56 >= self.lost
        };
        seen.sure.retain(|_| is_kept());
        seen.weak.retain(|_| is_kept());
        Ok(seen)
    }
}

fn hidden(
    path: &std::path::Path,
    result: &std::path::Path,
    lost: u64,
    seed: u64,
) -> (Vec<TrackPiece>, Vec<Profile>) {
    let options = sfumato_core::AnonymizeOptions {
        plates: false,
        ..black()
    };
    let mut detectors = detectors().lock().unwrap();
    let mut finder = Losing {
        models: Models::new(&mut detectors, &options),
        lost,
        state: seed,
        looks: vec![],
    };
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(result)),
        options: &options,
        video: VideoOptions::default(),
        limits: VideoLimits::default(),
        seed: [7; 32],
    };
    let mut pieces = vec![];
    let mut keep = |piece| {
        pieces.push(piece);
        Ok(())
    };
    let report = anonymize(task, &mut finder, &mut keep, &mut |_| {}).unwrap();
    assert_eq!(report.frames, FRAMES);
    (pieces, finder.looks)
}

#[test]
fn a_face_that_comes_hides_and_leaves_is_hidden_in_every_frame() {
    let clips = Clips::new();
    clips.write("astronaut.png", &rgb_png(&astronaut()));
    let path = clips.make(
        "walk.mp4",
        &format!(
            "-f lavfi -i color=0x8090a0:s=640x360:r=30:d=4 -loop 1 -framerate 30 -t 4 -i astronaut.png -filter_complex [1]crop=240:320:120:0,scale=150:200[person];[0][person]overlay=x='-150+6.75*n':y=100[walk];[walk]drawbox=x={}:y=0:w={}:h=360:color=0x604030:t=fill -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p",
            PILLAR.0,
            PILLAR.1 - PILLAR.0
        ),
    );
    for (lost, seed) in [(0, 0), (26, 1), (26, 2), (26, 3)] {
        let (tracks, looks) = hidden(&path, &clips.path("out.mp4"), lost, seed);
        let deep = looks
            .iter()
            .filter(|profile| **profile == Profile::Balanced)
            .count();
        assert!(
            looks.len() < 100 && (7..16).contains(&deep),
            "{deep} of {}",
            looks.len()
        );
        for frame in 0..FRAMES {
            let points = in_sight(frame);
            let regions: Vec<BoundingBox> = tracks
                .iter()
                .flat_map(|track| &track.boxes)
                .filter(|found| found.frame == frame)
                .map(|found| found.bbox.grown(GROWTH))
                .collect();
            let holds = |region: &BoundingBox, (x, y): (f32, f32)| {
                (region.left..region.right).contains(&x) && (region.top..region.bottom).contains(&y)
            };
            let under = points
                .iter()
                .filter(|point| regions.iter().any(|region| holds(region, **point)))
                .count();
            assert!(
                under as f32 >= 0.7 * points.len() as f32,
                "seed {seed}, frame {frame}: {under} of {} in {regions:?}",
                points.len()
            );
        }
    }
}
