//! What a clip costs: all subjects in rounds, so that a machine that gets slower meanwhile slows all of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::bench::measure::{Spread, cost, peak_memory};
use crate::bench::subject::{PROFILES, Programs, SMALL, Subject};
use crate::report::{heading, note};

use super::render::Clip;

/// What a subject has cost on a clip.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cost {
    pub(super) clip: &'static str,
    pub(super) frames: u32,
    pub(super) subject: String,
    pub(super) classes: &'static str,
    /// CPU time of all processes, their start included.
    pub(super) cpu_ms_per_frame: Option<Spread>,
    pub(super) frames_per_s: Option<Spread>,
    /// The largest resident sets of all processes together.
    pub(super) peak_mib: Option<f64>,
}

/// Runs every subject on every clip that it is measured on, `runs` times, and once more for its memory. deface works on the
/// first clip only: at larger ones it takes hours.
///
/// # Errors
/// A program fails.
pub(super) fn measure(
    programs: &Programs,
    clips: &[Clip],
    runs: u32,
    folder: &Path,
) -> anyhow::Result<Vec<Cost>> {
    let mut subjects = vec![];
    for (number, clip) in clips.iter().enumerate() {
        let ours = PROFILES.map(|profile| Subject::Ours {
            profile,
            faces_only: false,
        });
        subjects.extend(ours.map(|subject| (clip, subject)));
        if number == 0 && programs.deface.is_some() {
            let theirs = [Some(SMALL), None].map(|scale| Subject::Deface { scale, threads: None });
            subjects.extend(theirs.map(|subject| (clip, subject)));
        }
    }
    let mut samples = vec![(vec![], vec![]); subjects.len()];
    for round in 1..=runs {
        heading(&format!("Round {round} of {runs}"));
        for ((clip, subject), (cpu, rate)) in subjects.iter().zip(&mut samples) {
            let spent = cost(&mut run(programs, clip, *subject, folder)?)?;
            let frames = f64::from(clip.total());
            cpu.push(spent.cpu_ms / frames);
            rate.push(1000.0 * frames / spent.wall_ms);
            note(&format!(
                "{} {}: {:.1} ms a frame",
                clip.name,
                subject.name(),
                spent.cpu_ms / frames
            ));
        }
    }
    heading("Memory");
    let mut costs = vec![];
    for ((clip, subject), (cpu, rate)) in subjects.iter().zip(&samples) {
        let peaks = peak_memory(&mut run(programs, clip, *subject, folder)?)?;
        costs.push(Cost {
            clip: clip.name,
            frames: clip.total(),
            subject: subject.name(),
            classes: subject.classes(),
            cpu_ms_per_frame: Spread::of(cpu),
            frames_per_s: Spread::of(rate),
            peak_mib: Some(peaks.values().sum()),
        });
    }
    Ok(costs)
}

/// The command that works on a fresh copy of a clip, because deface puts its result beside the original.
fn run(
    programs: &Programs,
    clip: &Clip,
    subject: Subject,
    folder: &Path,
) -> anyhow::Result<std::process::Command> {
    let copy: PathBuf = folder.join("original.mp4");
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::copy(&clip.path, &copy).with_context(|| format!("write {}", copy.display()))?;
    let results = folder.join("results");
    fs::create_dir_all(&results).with_context(|| format!("make {}", results.display()))?;
    programs
        .blur(subject, &[copy], &results, Some(1))
        .context("find the program")
}
