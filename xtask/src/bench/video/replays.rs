//! What leaks where a part of the detections is lost: the models look at every frame once, and what they have seen is followed
//! again and again, with other detections lost each time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::assets;
use crate::boxes::BoundingBox;
use crate::process::{cargo, command, output, shell_line};
use crate::report::note;
use crate::workspace;

use super::judge::{GROWTH, HIDDEN_MIN};
use super::render::Clip;
use super::script::{Class, Truth};

/// The part of the detections that are lost.
const LOST: f64 = 0.1;

/// How many frames in a row a thing has to be in sight to count: so many that three looks of `balanced` see it. Of what is there for a
/// moment and lost by the one or two looks at it nobody can know.
const IN_SIGHT_MIN: usize = 6;

/// Leaking things that are named.
const NAMED_MAX: usize = 20;

/// What came of all replays.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Replays {
    replays: u64,
    lost: f64,
    /// Things in frames, of one replay.
    boxes: u32,
    /// Things in frames that can be seen, of all replays.
    leaked: u32,
    /// Replays in which anything leaks.
    leaking: u32,
    /// What is hidden, as a multiple of the true boxes after growth: mean and most.
    area: f64,
    area_max: f64,
    /// What leaks most often, and in how many frames of all replays: scene, class and number.
    leaks: Vec<(&'static str, Class, usize, u32)>,
    /// Replay and frame of each leak.
    frames: Vec<(u64, u32)>,
}

/// What the product would hide, before masks enlarge it.
#[derive(Debug, Deserialize)]
struct Hidden {
    #[serde(rename = "box")]
    bbox: Edges,
}

#[derive(Debug, Deserialize)]
struct Edges {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// The program that records and follows.
fn build() -> anyhow::Result<PathBuf> {
    output(
        cargo(&workspace::root())
            .args(["build", "--release", "--locked"])
            .args(["--package", "sfumato-media", "--example", "replays"]),
    )?;
    Ok(workspace::target()?.join("release/examples/replays"))
}

/// Follows what is seen in a clip `count` times. `looks`: where it is read from, or recorded to if it is not there.
///
/// # Errors
/// The program cannot be built or run, or prints something else than it should.
pub(super) fn run(clip: &Clip, profile: &str, looks: &Path, count: u64) -> anyhow::Result<Replays> {
    let program = build()?;
    if !looks.exists() {
        note(&format!("recording {}", looks.display()));
        let mut record = command(&program);
        record.arg("record").arg("--assets");
        record.arg(workspace::root().join(assets::FOLDER));
        record.args(["--profile", profile]).arg(&clip.path).arg(looks);
        output(&mut record)?;
    }
    let mut truths: Vec<Vec<Truth>> = (0..clip.total()).map(|frame| clip.truth(frame)).collect();
    drop_moments(&mut truths, |frame| clip.scene(frame).name);
    let mut tally = Tally::new(clip, &truths, count);
    let mut follow = command(&program);
    follow.arg("follow").arg(looks);
    follow.args(["--replays", &count.to_string()]);
    follow.args(["--lost", &LOST.to_string()]).stdout(Stdio::piped());
    let line = shell_line(&follow);
    let mut child = follow.spawn().with_context(|| format!("start `{line}`"))?;
    let printed = child.stdout.take().context("read what is hidden")?;
    for (number, hidden) in (0..).zip(BufReader::new(printed).lines()) {
        let hidden: Vec<Vec<Hidden>> = serde_json::from_str(&hidden.context("read what is hidden")?)?;
        ensure!(hidden.len() == truths.len(), "{} frames are hidden", hidden.len());
        tally.add(number, &hidden);
    }
    let status = child.wait().with_context(|| format!("wait for `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    tally.result()
}

/// Leaves out what is in sight for less than [`IN_SIGHT_MIN`] frames.
fn drop_moments(truths: &mut [Vec<Truth>], scene: impl Fn(u32) -> &'static str) {
    let mut since: BTreeMap<(Class, usize), usize> = BTreeMap::new();
    let mut moments: Vec<(std::ops::Range<usize>, (Class, usize))> = vec![];
    for frame in 0..=truths.len() {
        let number = |frame: usize| u32::try_from(frame).unwrap_or(u32::MAX);
        let is_cut = frame == truths.len() || frame > 0 && scene(number(frame)) != scene(number(frame - 1));
        let there: Vec<(Class, usize)> = truths.get(frame).map_or_else(Vec::new, |truths| {
            truths.iter().map(|truth| (truth.class, truth.actor)).collect()
        });
        since.retain(|thing, begin| {
            let goes_on = !is_cut && there.contains(thing);
            if !goes_on && frame - *begin < IN_SIGHT_MIN {
                moments.push((*begin..frame, *thing));
            }
            goes_on
        });
        for thing in there {
            since.entry(thing).or_insert(frame);
        }
    }
    for (frames, thing) in moments {
        for truths in &mut truths[frames] {
            truths.retain(|truth| (truth.class, truth.actor) != thing);
        }
    }
}

/// What has come of the replays so far.
struct Tally<'a> {
    clip: &'a Clip,
    truths: &'a [Vec<Truth>],
    screen: BoundingBox,
    asked: u64,
    done: u64,
    areas: Vec<f64>,
    leaking: u32,
    leaks: BTreeMap<(&'static str, Class, usize), u32>,
    frames: Vec<(u64, u32)>,
}

impl<'a> Tally<'a> {
    fn new(clip: &'a Clip, truths: &'a [Vec<Truth>], asked: u64) -> Self {
        Self {
            clip,
            truths,
            screen: BoundingBox::from_size(0.0, 0.0, clip.width as f64, clip.height as f64),
            asked,
            done: 0,
            areas: vec![],
            leaking: 0,
            leaks: BTreeMap::new(),
            frames: vec![],
        }
    }

    fn add(&mut self, number: u64, hidden: &[Vec<Hidden>]) {
        let (mut area, mut truly) = (0.0, 0.0);
        let leaks_before = self.frames.len();
        for (frame, (hidden, truths)) in (0..).zip(hidden.iter().zip(self.truths)) {
            let masks: Vec<BoundingBox> = hidden.iter().map(Hidden::mask).collect();
            area += self.screen.covered_by(&masks) * self.screen.area();
            for truth in truths {
                truly += truth.bbox.grown(GROWTH).intersection(&self.screen).area();
                if leaks(truth, &masks) {
                    let scene = self.clip.scene(frame).name;
                    *self.leaks.entry((scene, truth.class, truth.actor)).or_default() += 1;
                    self.frames.push((number, frame));
                }
            }
        }
        self.done += 1;
        self.leaking += u32::from(self.frames.len() > leaks_before);
        self.areas.push(area / truly);
    }

    fn result(self) -> anyhow::Result<Replays> {
        ensure!(self.done == self.asked, "there are {} replays", self.done);
        let mut leaks: Vec<_> = self
            .leaks
            .into_iter()
            .map(|((scene, class, actor), count)| (scene, class, actor, count))
            .collect();
        leaks.sort_by_key(|leak| std::cmp::Reverse(leak.3));
        leaks.truncate(NAMED_MAX);
        Ok(Replays {
            replays: self.done,
            lost: LOST,
            boxes: u32::try_from(self.truths.iter().map(Vec::len).sum::<usize>())?,
            leaked: u32::try_from(self.frames.len())?,
            leaking: self.leaking,
            area: self.areas.iter().sum::<f64>() / self.areas.len() as f64,
            area_max: self.areas.iter().copied().fold(0.0, f64::max),
            leaks,
            frames: self.frames,
        })
    }
}

impl Hidden {
    /// What the mask covers.
    fn mask(&self) -> BoundingBox {
        let Edges {
            left,
            top,
            right,
            bottom,
        } = self.bbox;
        BoundingBox {
            left,
            top,
            right,
            bottom,
        }
        .grown(GROWTH)
    }
}

fn leaks(truth: &Truth, masks: &[BoundingBox]) -> bool {
    let is_under = |(x, y): &&(f64, f64)| {
        let holds =
            |mask: &BoundingBox| (mask.left..mask.right).contains(x) && (mask.top..mask.bottom).contains(y);
        masks.iter().any(holds)
    };
    let under = truth.points.iter().filter(is_under).count();
    (under as f64) < HIDDEN_MIN * truth.points.len() as f64
}

impl Replays {
    /// The table.
    pub(super) fn lines(&self) -> Vec<String> {
        let head = [
            "replays",
            "boxes",
            "leaked",
            "replays that leak",
            "area",
            "at most",
        ];
        let row = vec![
            self.replays.to_string(),
            (u64::from(self.boxes) * self.replays).to_string(),
            self.leaked.to_string(),
            self.leaking.to_string(),
            format!("{:.2}", self.area),
            format!("{:.2}", self.area_max),
        ];
        let mut lines = crate::report::markdown(&[head.map(str::to_owned).to_vec(), row]);
        lines.extend(self.leaks.iter().map(|(scene, class, actor, count)| {
            let class = match class {
                Class::Face => "face",
                Class::Plate => "plate",
            };
            format!("{count} leak of {class} {actor} in `{scene}`")
        }));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_sight_for_a_moment_does_not_count() {
        let thing = |actor| Truth {
            class: Class::Face,
            actor,
            bbox: BoundingBox::from_size(0.0, 0.0, 10.0, 1.0),
            points: vec![],
        };
        // One thing stays, with a cut in frame 8; one comes for five frames, one for six.
        let mut truths: Vec<Vec<Truth>> = (0..12)
            .map(|frame| match frame {
                1..6 => vec![thing(0), thing(1), thing(2)],
                6 => vec![thing(0), thing(2)],
                _ => vec![thing(0)],
            })
            .collect();
        drop_moments(&mut truths, |frame| if frame < 8 { "one" } else { "two" });
        let counts: Vec<usize> = truths.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_thing_leaks_if_less_than_seven_tenths_of_what_is_in_sight_are_under_masks() {
        let truth = Truth {
            class: Class::Face,
            actor: 0,
            bbox: BoundingBox::from_size(0.0, 0.0, 10.0, 1.0),
            points: (0..10).map(|x| (f64::from(x) + 0.5, 0.5)).collect(),
        };
        let mask = |left, width| BoundingBox::from_size(left, 0.0, width, 1.0);
        assert!(leaks(&truth, &[]));
        assert!(leaks(&truth, &[mask(0.0, 6.0)]));
        assert!(!leaks(&truth, &[mask(0.0, 7.0)]));
        assert!(!leaks(&truth, &[mask(0.0, 4.0), mask(3.0, 4.0)]));
    }
}
