//! Looks at a result pixel by pixel: what should be hidden and is not.
//!
//! The result was made with masks of one colour that the clip has nowhere, so that each pixel says whether it is hidden.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::process::{command, shell_line};
use crate::raster::{Color, Raster};

use super::render::Clip;
use super::script::Class;

/// The colour of the masks.
pub(super) const MASK: &str = "#00ff00";

/// The part of what is in sight of a thing that has to be hidden for it not to leak, as in `cargo xtask eval`.
pub(super) const HIDDEN_MIN: f64 = 0.7;

/// What masks are enlarged by by default, as a fraction of width and height on each side.
pub(super) const GROWTH: f64 = 0.15;

/// Every so-manieth pixel across and down is counted for the area.
const STEP: usize = 4;

/// What came of the things of one class.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Things in frames.
    pub(super) boxes: u32,
    /// Of which so many can be seen.
    pub(super) leaked: u32,
}

/// What came of a clip.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) faces: Tally,
    pub(super) plates: Tally,
    /// By scene.
    pub(super) scenes: BTreeMap<&'static str, Tally>,
    /// Area that is hidden, as a multiple of that of the true boxes after growth.
    pub(super) area: f64,
    /// Frame, scene, class and number of what leaks.
    pub(super) leaks: Vec<(u32, &'static str, Class, usize)>,
}

/// The frames of a video, one after the other.
pub(super) fn frames(
    path: &Path,
    (width, height): (usize, usize),
    mut on_frame: impl FnMut(u32, &Raster) -> anyhow::Result<()>,
) -> anyhow::Result<u32> {
    let mut ffmpeg = command("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vsync", "passthrough"])
        .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let line = shell_line(&ffmpeg);
    let mut child = ffmpeg.spawn().with_context(|| format!("start `{line}`"))?;
    let mut pixels =
        BufReader::with_capacity(1 << 20, child.stdout.take().context("read what ffmpeg writes")?);
    let mut frame = Raster::filled(width, height, [0; 3]);
    let mut count = 0;
    while fill(&mut pixels, &mut frame.rgb)? {
        on_frame(count, &frame)?;
        count += 1;
    }
    let status = child.wait().with_context(|| format!("wait for `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(count)
}

/// Reads one frame; false at the end.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> anyhow::Result<bool> {
    let mut read = 0;
    while read < buffer.len() {
        match from.read(&mut buffer[read..]).context("read a frame")? {
            0 => {
                ensure!(read == 0, "a frame is cut off");
                return Ok(false);
            }
            count => read += count,
        }
    }
    Ok(true)
}

/// Whether a pixel has the colour of the masks, more or less.
pub(super) fn is_hidden([red, green, blue]: Color) -> bool {
    green > 150 && red < 120 && blue < 120
}

/// Judges a result.
///
/// # Errors
/// It cannot be read, or has another number of frames than the clip.
pub(super) fn judge(clip: &Clip, result: &Path) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict {
        faces: Tally::default(),
        plates: Tally::default(),
        scenes: BTreeMap::new(),
        area: 0.0,
        leaks: vec![],
    };
    let (mut hidden, mut truly) = (0.0, 0.0);
    let count = frames(result, (clip.width, clip.height), |number, frame| {
        for y in (0..frame.height).step_by(STEP) {
            for x in (0..frame.width).step_by(STEP) {
                hidden += f64::from(u8::from(is_hidden(frame.pixel(x, y)))) * (STEP * STEP) as f64;
            }
        }
        let scene = clip.scene(number).name;
        for truth in clip.truth(number) {
            let screen =
                crate::boxes::BoundingBox::from_size(0.0, 0.0, clip.width as f64, clip.height as f64);
            truly += truth.bbox.grown(GROWTH).intersection(&screen).area();
            let under = truth.points.iter().filter(|(x, y)| {
                let (x, y) = (
                    (*x as usize).min(frame.width - 1),
                    (*y as usize).min(frame.height - 1),
                );
                is_hidden(frame.pixel(x, y))
            });
            let is_leak = (under.count() as f64) < HIDDEN_MIN * truth.points.len() as f64;
            let of_class = match truth.class {
                Class::Face => &mut verdict.faces,
                Class::Plate => &mut verdict.plates,
            };
            for tally in [of_class, verdict.scenes.entry(scene).or_default()] {
                tally.boxes += 1;
                tally.leaked += u32::from(is_leak);
            }
            if is_leak {
                verdict.leaks.push((number, scene, truth.class, truth.actor));
            }
        }
        Ok(())
    })?;
    ensure!(
        count == clip.total(),
        "the result has {count} frames, the clip {}",
        clip.total()
    );
    verdict.area = hidden / truly;
    Ok(verdict)
}
