//! Measures all subjects on all pictures in rounds, so that a machine that gets slower meanwhile slows all of them.
//!
//! A program that starts loads its models first, which says nothing about the next thousand pictures. So each subject works once on one
//! copy of a picture and once on several in each round; the difference, by the number of copies more, is a picture's cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, ensure};

use crate::eval::{self, Timings};
use crate::report::{self, heading, note};
use crate::workspace;

use super::deface::Deface;
use super::measure::{Spread, cost, peak_memory};
use super::pictures::{self, Picture};
use super::subject::{Programs, Subject, timings};
use super::{quality, show};

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; figures are medians over them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Copies of a picture that are worked on at once, one of which is the start.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..))]
    copies: u32,
    /// Also compare on the annotated faces in this folder what is found (see `cargo xtask eval`).
    #[arg(long, value_name = "DIR")]
    set: Option<PathBuf>,
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

/// What one subject has cost on one picture, one value a round.
#[derive(Clone, Debug, Default)]
struct Samples {
    cpu_ms: Vec<f64>,
    startup_cpu_ms: Vec<f64>,
    pictures_per_s: Vec<f64>,
    timings: Vec<Timings>,
    peak_mib: Option<f64>,
}

/// Measures and prints.
///
/// # Errors
/// Something cannot be fetched, built, run, or read.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    if options.json {
        report::leave_output_to_the_result();
    }
    let folder = workspace::target()?.join("bench");
    heading("Pictures");
    let pictures = pictures::make(&workspace::root(), &folder.join("pictures"))?;
    heading("Programs");
    let programs = Programs {
        sfumato: match &options.program {
            Some(program) => program.clone(),
            None => eval::build()?,
        },
        deface: match options.no_deface {
            true => None,
            false => Some(Deface::install(&folder.join("deface"))?),
        },
    };
    let mut subjects = Subject::ours();
    if programs.deface.is_some() {
        subjects.extend(Subject::theirs());
    }
    let bench = Bench {
        programs,
        scratch: folder.join("scratch"),
        copies: options.copies as usize,
        cores: thread::available_parallelism().map_or(1, usize::from),
    };
    let costs = bench.rounds(&pictures, &subjects, options.runs)?;
    let quality = match &options.set {
        Some(set) => quality::compare(&bench.programs, set)?,
        None => Vec::new(),
    };
    let result = show::Benchmark::new(bench.cores, options.runs, pictures, costs, quality);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        for line in result.lines() {
            println!("{line}");
        }
    }
    Ok(())
}

struct Bench {
    programs: Programs,
    /// Copies and results lie here while they are needed.
    scratch: PathBuf,
    copies: usize,
    cores: usize,
}

impl Bench {
    fn rounds(
        &self,
        pictures: &[Picture],
        subjects: &[Subject],
        runs: u32,
    ) -> anyhow::Result<Vec<show::Cost>> {
        let mut all: Vec<_> = pictures
            .iter()
            .flat_map(|picture| {
                subjects
                    .iter()
                    .map(move |subject| (picture, *subject, Samples::default()))
            })
            .collect();
        for round in 1..=runs {
            heading(&format!("Round {round} of {runs}"));
            for (picture, subject, samples) in &mut all {
                let what = || format!("measure {} on the {} picture", subject.name(), picture.name);
                self.measure(picture, *subject, samples).with_context(what)?;
                if let Some(cpu_ms) = samples.cpu_ms.last() {
                    note(&format!("{} {}: {cpu_ms:.1} ms", picture.name, subject.name()));
                }
            }
        }
        heading("Memory");
        for (picture, subject, samples) in &mut all {
            samples.peak_mib = self.memory(picture, *subject)?;
        }
        fs::remove_dir_all(&self.scratch).with_context(|| format!("remove {}", self.scratch.display()))?;
        Ok(all
            .into_iter()
            .map(|(picture, subject, samples)| summary(picture.name, subject, &samples))
            .collect())
    }

    fn measure(&self, picture: &Picture, subject: Subject, samples: &mut Samples) -> anyhow::Result<()> {
        let run = |copies: usize, jobs: Option<usize>| {
            let (files, results) = self.prepare(picture, copies)?;
            let command = self.programs.blur(subject, &files, &results, jobs);
            cost(&mut command.context("find the program")?)
        };
        let one = run(1, Some(1))?;
        let several = run(self.copies, Some(1))?;
        let more = (self.copies - 1) as f64;
        let cpu_ms = (several.cpu_ms - one.cpu_ms) / more;
        samples.cpu_ms.push(cpu_ms);
        samples.startup_cpu_ms.push(one.cpu_ms - cpu_ms);
        let wall_ms = match subject {
            Subject::Ours { .. } => {
                let timings = timings(&several.output);
                ensure!(
                    timings.len() == self.copies,
                    "it said the times of {} pictures instead of {}",
                    timings.len(),
                    self.copies
                );
                samples.timings.extend(timings);
                // Every worker starts once: the difference is all of them at work.
                let few = run(self.cores, None)?;
                let many = run(self.cores * self.copies, None)?;
                (many.wall_ms - few.wall_ms) / (self.cores as f64 * more)
            }
            Subject::Deface { .. } => (several.wall_ms - one.wall_ms) / more,
        };
        // Where the machine's noise is larger than the work, the difference says nothing.
        if wall_ms > 0.0 {
            samples.pictures_per_s.push(1000.0 / wall_ms);
        }
        Ok(())
    }

    fn memory(&self, picture: &Picture, subject: Subject) -> anyhow::Result<Option<f64>> {
        let (files, results) = self.prepare(picture, self.copies)?;
        let command = self.programs.blur(subject, &files, &results, Some(1));
        let peaks = peak_memory(&mut command.context("find the program")?)?;
        Ok(subject.worker_memory(&peaks))
    }

    /// Fresh copies of a picture, and an empty folder for results.
    fn prepare(&self, picture: &Picture, copies: usize) -> anyhow::Result<(Vec<PathBuf>, PathBuf)> {
        let prepare = || {
            if self.scratch.exists() {
                fs::remove_dir_all(&self.scratch)?;
            }
            let originals = self.scratch.join("originals");
            let results = self.scratch.join("results");
            fs::create_dir_all(&originals)?;
            fs::create_dir_all(&results)?;
            let files = (0..copies).map(|index| copy(&picture.path, &originals, index));
            std::io::Result::Ok((files.collect::<Result<_, _>>()?, results))
        };
        prepare().with_context(|| format!("copy {}", picture.path.display()))
    }
}

fn copy(original: &Path, folder: &Path, index: usize) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("{index}.jpg"));
    fs::copy(original, &path)?;
    Ok(path)
}

fn summary(picture: &'static str, subject: Subject, samples: &Samples) -> show::Cost {
    let stage = |of: fn(&Timings) -> f64| {
        let values: Vec<_> = samples.timings.iter().map(of).collect();
        Spread::of(&values).map_or(0.0, |spread| spread.median)
    };
    let timings = (!samples.timings.is_empty()).then(|| Timings {
        decode_ms: stage(|timings| timings.decode_ms),
        resize_ms: stage(|timings| timings.resize_ms),
        inference_ms: stage(|timings| timings.inference_ms),
        mask_ms: stage(|timings| timings.mask_ms),
        encode_ms: stage(|timings| timings.encode_ms),
    });
    show::Cost {
        picture,
        subject: subject.name(),
        classes: subject.classes(),
        cpu_ms: Spread::of(&samples.cpu_ms),
        startup_cpu_ms: Spread::of(&samples.startup_cpu_ms),
        timings,
        pictures_per_s: Spread::of(&samples.pictures_per_s),
        peak_mib: samples.peak_mib,
    }
}
