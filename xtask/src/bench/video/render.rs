//! Draws the clip with ffmpeg.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::process::{command, output};
use crate::report::note;
use crate::workspace;

use super::script::{self, ASPECT, Class, RATE, Scene, Truth};
use super::{sprites, throw};

/// Bits of the number that each frame bears in its top left corner, as squares that are white or black, the lowest bit on the
/// left. By it a test knows which frame it is shown.
const NUMBER_BITS: u32 = 11;

/// The side of such a square in heights of the frame.
const NUMBER_SIDE: f64 = 1.0 / 90.0;

/// A clip and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub(super) name: &'static str,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) path: PathBuf,
    pub(super) scenes: Vec<Scene>,
    /// Of each scene.
    pub(super) frames: u32,
}

/// What a test reads: the boxes of every frame.
#[derive(Debug, Serialize)]
struct Listed {
    frame: u32,
    class: Class,
    thing: usize,
    #[serde(rename = "box")]
    bbox: [f64; 4],
}

impl Clip {
    /// Frames in all.
    pub(super) fn total(&self) -> u32 {
        self.frames * u32::try_from(self.scenes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn scene(&self, frame: u32) -> &Scene {
        &self.scenes[(frame / self.frames) as usize % self.scenes.len()]
    }

    /// All that has to be hidden in a frame.
    pub(super) fn truth(&self, frame: u32) -> Vec<Truth> {
        self.scene(frame).truth(frame % self.frames, self.height as f64)
    }
}

/// Draws a clip of a height in pixels and so many seconds, unless it is there: the written one, or that of a seed.
///
/// # Errors
/// Something cannot be fetched, run or written.
pub(super) fn clip(
    folder: &Path,
    (name, height): (&'static str, usize),
    seconds: u32,
    seed: Option<u64>,
) -> anyhow::Result<Clip> {
    let scenes = seed.map_or_else(script::scenes, throw::scenes);
    let count = u32::try_from(scenes.len())?;
    let clip = Clip {
        name,
        width: height * 16 / 9,
        height,
        path: match seed {
            None => folder.join(format!("{name}-{seconds}s.mp4")),
            Some(seed) => folder.join(format!("{name}-{seconds}s-seed{seed}.mp4")),
        },
        frames: (seconds * RATE / count).max(1),
        scenes,
    };
    sprites::make(&workspace::root(), folder)?;
    let graph = graph(&clip);
    // The stamp is what the clip was made from: another script makes another clip.
    let stamp = clip.path.with_extension("txt");
    if clip.path.exists() && fs::read_to_string(&stamp).is_ok_and(|known| known == graph) {
        return Ok(clip);
    }
    note(&format!("drawing {}", clip.path.display()));
    let mut ffmpeg = command("ffmpeg");
    ffmpeg.current_dir(folder).args(["-v", "error", "-y"]);
    for scene in &clip.scenes {
        ffmpeg.args(["-i", sprites::BACKDROP]);
        for actor in &scene.actors {
            ffmpeg.args(["-i", &sprites::file(actor.sprite)]);
        }
    }
    ffmpeg
        .args(["-filter_complex", &graph, "-map", "[out]"])
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
        ])
        .args(["-movflags", "+faststart"])
        .arg(&clip.path);
    output(&mut ffmpeg).context("draw the clip")?;
    let listed = (0..clip.total()).flat_map(|frame| {
        clip.truth(frame).into_iter().map(move |truth| Listed {
            frame,
            class: truth.class,
            thing: truth.actor,
            bbox: [
                truth.bbox.left,
                truth.bbox.top,
                truth.bbox.right,
                truth.bbox.bottom,
            ],
        })
    });
    let listed: Vec<Listed> = listed.collect();
    fs::write(clip.path.with_extension("json"), serde_json::to_vec(&listed)?)?;
    fs::write(&stamp, graph).with_context(|| format!("write {}", stamp.display()))?;
    Ok(clip)
}

/// The filters that draw all scenes and put one behind the other. `overlay` places things in whole pixels.
fn graph(clip: &Clip) -> String {
    let (width, height, frames) = (clip.width, clip.height, clip.frames);
    let mut graph = String::new();
    let mut input = 0;
    let repeated = format!("loop=loop={frames}:size=1,settb=1/{RATE},setpts=N");
    for (number, scene) in clip.scenes.iter().enumerate() {
        let (pan, zoom) = (scene.pan.expression("t"), scene.zoom.expression("t"));
        let half = ASPECT / 2.0;
        let wide = sprites::BACKDROP_WIDTH;
        let _infallible = write!(
            graph,
            "color=black:s={width}x{height}:r={RATE}:d={seconds:.6},format=yuv444p[c{number}_0];\
             [{input}:v]{repeated},scale=w='2*round({zoom}*{wide}*{height}/2)':h='2*round({zoom}*{height}/2)':eval=frame[b{number}];\
             [c{number}_0][b{number}]overlay=format=yuv444:shortest=1:x='((0-{pan}-{half})*{zoom}+{half})*{height}':y='((0-0.5)*{zoom}+0.5)*{height}'[c{number}_1];",
            seconds = f64::from(frames) / f64::from(RATE),
        );
        input += 1;
        for (place, actor) in scene.actors.iter().enumerate() {
            let [x, y, size] = scene.screen_expressions(actor);
            let (columns, rows) = actor.sprite.size();
            let aspect = columns as f64 / rows as f64;
            let (before, after) = (place + 1, place + 2);
            let _infallible = write!(
                graph,
                "[{input}:v]{repeated},format=yuv444p,scale=w='max(2,round({size}*{height}*{aspect}))':h='max(2,round({size}*{height}))':eval=frame[a{number}_{place}];\
                 [c{number}_{before}][a{number}_{place}]overlay=format=yuv444:shortest=1:x='round(({x}-{size}*{aspect}/2)*{height})':y='round(({y}-{size}/2)*{height})'[c{number}_{after}];"
            );
            input += 1;
        }
    }
    for (number, scene) in clip.scenes.iter().enumerate() {
        let _infallible = write!(graph, "[c{number}_{}]", scene.actors.len() + 1);
    }
    let side = NUMBER_SIDE * height as f64;
    let _infallible = write!(
        graph,
        "concat=n={}:v=1:a=0,noise=alls=3:allf=t,drawbox=x=0:y=0:w={}:h={side}:color=black:t=fill",
        clip.scenes.len(),
        side * f64::from(NUMBER_BITS),
    );
    for bit in 0..NUMBER_BITS {
        let _infallible = write!(
            graph,
            ",drawbox=x={}:y=0:w={side}:h={side}:color=white:t=fill:enable='eq(mod(floor(n/{}),2),1)'",
            side * f64::from(bit),
            1_u32 << bit,
        );
    }
    graph.push_str(",format=yuv420p[out]");
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_of_a_frame_is_that_of_its_scene() {
        let clip = Clip {
            name: "test",
            width: 640,
            height: 360,
            path: PathBuf::new(),
            scenes: script::scenes(),
            frames: 150,
        };
        assert_eq!(clip.total(), 900);
        assert_eq!(clip.scene(450).name, "pillars");
        assert!(!clip.truth(899).is_empty());
        let graph = graph(&clip);
        assert!(graph.ends_with("[out]") && graph.contains("concat=n=6"));
    }
}
