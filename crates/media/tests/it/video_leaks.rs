//! A photograph of a person that walks, runs, comes nearer and passes behind things, with the real models: its face is hidden
//! in the pixels of every frame, also where one detection in ten is missing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::BoundingBox;
use sfumato_core::options::{Mask, MaskStyle, Profile};
use sfumato_media::PictureError;
use sfumato_media::video::{Finder, Look, Models, Seen, VideoLimits, VideoOptions, VideoTask, anonymize};

use crate::support::{astronaut, detectors, rgb_png};
use crate::video_support::{Clips, output, pixels};

/// Width and height of the picture.
const SIZE: (f32, f32) = (640.0, 360.0);

/// Forehead to chin in the photograph, which has sides of 3 to 4, as fractions of its width and height.
const FACE: [f32; 4] = [58.0 / 240.0, 70.0 / 320.0, 152.0 / 240.0, 190.0 / 320.0];

/// By how much masks are enlarged by default.
const GROWTH: f32 = 0.15;

/// The part of a face that has to be in sight for it to be there, for so many frames in a row, and the part of that which
/// has to be hidden.
const THERE_MIN: f32 = 0.5;
const APPEARANCE_MIN: usize = 4;
const HIDDEN_MIN: f32 = 0.7;

/// `start + step * frame`.
#[derive(Clone, Copy)]
struct Line {
    start: f32,
    step: f32,
}

impl Line {
    fn at(self, frame: u32) -> f32 {
        self.start + self.step * frame as f32
    }

    /// The same for ffmpeg.
    fn expression(self) -> String {
        format!("{}+{}*n", self.start, self.step)
    }
}

const fn still(start: f32) -> Line {
    Line { start, step: 0.0 }
}

/// A person in a picture, and what stands before it.
struct Scene {
    frames: u32,
    /// The top left corner of the photograph, and its width.
    left: Line,
    top: Line,
    width: Line,
    /// Left, top, right, bottom.
    obstacles: &'static [[f32; 4]],
    /// Hidden area at most, as a multiple of that of the face after growth where it is there. Boxes are held for eight frames
    /// before and after, which counts for much in a clip of two seconds.
    area_max: f32,
}

impl Scene {
    /// Points of the face, and whether each of them is in sight.
    fn points(&self, frame: u32) -> Vec<([f32; 2], bool)> {
        const STEPS: u32 = 16;
        let face = self.face(frame);
        let step = |index: u32| (index as f32 + 0.5) / STEPS as f32;
        let screen = [0.0, 0.0, SIZE.0, SIZE.1];
        (0..STEPS * STEPS)
            .map(|i| {
                let point = [
                    face.left + face.width() * step(i % STEPS),
                    face.top + face.height() * step(i / STEPS),
                ];
                let is_in_sight =
                    holds(&screen, point) && !self.obstacles.iter().any(|obstacle| holds(obstacle, point));
                (point, is_in_sight)
            })
            .collect()
    }

    fn face(&self, frame: u32) -> BoundingBox {
        let width = self.width.at(frame);
        let x = |part: f32| self.left.at(frame) + part * width;
        let y = |part: f32| self.top.at(frame) + part * width * 4.0 / 3.0;
        BoundingBox {
            left: x(FACE[0]),
            top: y(FACE[1]),
            right: x(FACE[2]),
            bottom: y(FACE[3]),
        }
    }

    /// Points in sight of a frame, where the face is there.
    fn truth(&self, frame: u32) -> Option<Vec<[f32; 2]>> {
        let is_there = |frame: &u32| {
            let points = self.points(*frame);
            let count = points.iter().filter(|(_, is_in_sight)| *is_in_sight).count();
            count as f32 >= THERE_MIN * points.len() as f32
        };
        let before = (0..=frame).rev().take_while(is_there).count();
        let after = (frame..self.frames).take_while(is_there).count();
        let points = self.points(frame).into_iter();
        (before > 0 && before + after > APPEARANCE_MIN).then(|| {
            points
                .filter_map(|(point, is_in_sight)| is_in_sight.then_some(point))
                .collect()
        })
    }

    fn draw(&self, clips: &Clips) -> std::path::PathBuf {
        clips.write("astronaut.png", &rgb_png(&astronaut()));
        let seconds = self.frames as f32 / 30.0;
        let walls: String = self
            .obstacles
            .iter()
            .map(|[left, top, right, bottom]| {
                format!(
                    ",drawbox=x={left}:y={top}:w={}:h={}:color=0x604030:t=fill",
                    right - left,
                    bottom - top
                )
            })
            .collect();
        clips.make(
            "clip.mp4",
            &format!(
                "-f lavfi -i color=0x8090a0:s=640x360:r=30:d={seconds} -loop 1 -framerate 30 -t {seconds} -i astronaut.png \
                 -filter_complex [1]crop=240:320:120:0,scale=w='{width}':h='4/3*({width})':eval=frame[person];\
                 [0][person]overlay=x='{left}':y='{top}':format=yuv444{walls} \
                 -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p",
                width = self.width.expression(),
                left = self.left.expression(),
                top = self.top.expression(),
            ),
        )
    }
}

fn holds([left, top, right, bottom]: &[f32; 4], [x, y]: [f32; 2]) -> bool {
    (*left..*right).contains(&x) && (*top..*bottom).contains(&y)
}

/// The detectors, some of whose detections are lost.
struct Losing<'a> {
    models: Models<'a>,
    /// Of 256.
    lost: u64,
    state: u64,
}

impl Finder for Losing<'_> {
    fn long_side_px(&self, profile: Profile, shown: (u32, u32)) -> u32 {
        self.models.long_side_px(profile, shown)
    }

    fn find(&mut self, look: Look<'_>) -> Result<Seen, PictureError> {
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

/// Hides faces under green.
fn hide(path: &Path, result: &Path, lost: u64, seed: u64) {
    let options = AnonymizeOptions {
        plates: false,
        mask: Mask {
            style: MaskStyle::Opaque("#00ff00".parse().unwrap()),
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    };
    let mut detectors = detectors().lock().unwrap();
    let mut finder = Losing {
        models: Models::new(&mut detectors, &options),
        lost,
        state: seed,
    };
    let task = VideoTask {
        input: Arc::new(File::open(path).unwrap()),
        output: Some(output(result)),
        options: &options,
        video: VideoOptions::default(),
        limits: VideoLimits::default(),
        seed: [7; 32],
        given: None,
    };
    anonymize(task, &mut finder, &mut |_| Ok(()), &mut |_| {}).unwrap();
}

fn is_green(pixel: &[u8]) -> bool {
    pixel[1] > 150 && pixel[0] < 120 && pixel[2] < 120
}

/// Fails where a frame of a result shows the face, or where far more is hidden than the face.
fn judge(scene: &Scene, result: &Path, run: &str) {
    let (frames, width, _) = pixels(result);
    assert_eq!(frames.len(), scene.frames as usize);
    let (mut hidden, mut truly) = (0.0, 0.0);
    let mut leaks = vec![];
    for (number, frame) in (0..).zip(&frames) {
        hidden += frame.chunks_exact(3).filter(|pixel| is_green(pixel)).count() as f32;
        let Some(points) = scene.truth(number) else {
            continue;
        };
        truly += scene
            .face(number)
            .grown(GROWTH)
            .clipped(SIZE.0 as u32, SIZE.1 as u32)
            .area();
        let is_hidden = |[x, y]: &&[f32; 2]| {
            let start = (*y as usize * width + *x as usize) * 3;
            is_green(&frame[start..start + 3])
        };
        let under = points.iter().filter(is_hidden).count();
        if (under as f32) < HIDDEN_MIN * points.len() as f32 {
            leaks.push(format!("frame {number}: {under} of {}", points.len()));
        }
    }
    assert!(leaks.is_empty(), "{run}: {leaks:?}");
    assert!(
        hidden <= scene.area_max * truly,
        "{run}: {:.2} of the area",
        hidden / truly
    );
}

fn check(scene: &Scene) {
    let clips = Clips::new();
    let path = scene.draw(&clips);
    for (lost, seed) in [(0, 0), (26, 1), (26, 2)] {
        let result = clips.path("out.mp4");
        hide(&path, &result, lost, seed);
        judge(scene, &result, &format!("{lost} of 256 lost, seed {seed}"));
    }
}

/// Behind a pillar that is narrower than the face, at an eighth of its size a frame.
#[test]
fn a_face_that_walks_past_a_pillar_is_hidden_in_every_frame() {
    check(&Scene {
        frames: 120,
        left: Line {
            start: -150.0,
            step: 6.75,
        },
        top: still(100.0),
        width: still(150.0),
        obstacles: &[[310.0, 0.0, 350.0, 360.0]],
        area_max: 1.3,
    });
}

/// At a quarter of its size a frame, so that what is hidden where less than half of it is in sight counts for much.
#[test]
fn a_face_that_runs_past_pillars_is_hidden_in_every_frame() {
    check(&Scene {
        frames: 54,
        left: Line {
            start: -150.0,
            step: 14.75,
        },
        top: still(100.0),
        width: still(150.0),
        obstacles: &[[200.0, 0.0, 240.0, 360.0], [430.0, 0.0, 490.0, 360.0]],
        area_max: 2.0,
    });
}

#[test]
fn a_face_that_rises_behind_a_wall_is_hidden_in_every_frame() {
    check(&Scene {
        frames: 60,
        left: still(220.0),
        top: Line {
            start: 260.0,
            step: -6.0,
        },
        width: still(180.0),
        obstacles: &[[0.0, 240.0, 640.0, 360.0]],
        area_max: 1.5,
    });
}

#[test]
fn a_face_that_comes_nearer_and_leaves_at_the_top_is_hidden_in_every_frame() {
    check(&Scene {
        frames: 72,
        left: Line {
            start: 300.0,
            step: -2.5,
        },
        top: Line {
            start: 120.0,
            step: -5.0,
        },
        width: Line {
            start: 90.0,
            step: 4.5,
        },
        obstacles: &[],
        area_max: 1.3,
    });
}
