//! Records what the models see in a video, and follows it again and again with some of it lost: how much leaks is judged by
//! `cargo xtask bench video --replays`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, Subcommand};
use serde::Serialize;
use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{BoundingBox, Class, Detection};
use sfumato_core::options::{DetectionOptions, Profile};
use sfumato_detect::DetectorSet;
use sfumato_media::video::{Models, Recording, VideoLimits};

type Failure = Box<dyn std::error::Error>;

#[derive(Debug, Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes what each look of a profile sees in each frame.
    Record {
        /// The video.
        video: PathBuf,
        /// Where it is written.
        recording: PathBuf,
        /// The folder of the models.
        #[arg(long)]
        assets: PathBuf,
        /// The profile.
        #[arg(long)]
        profile: Profile,
    },
    /// Prints what is hidden in each frame, one line of JSON for each time that it is followed.
    Follow {
        /// What was recorded.
        recording: PathBuf,
        /// How often it is followed, with other detections lost each time.
        #[arg(long)]
        replays: u64,
        /// The part of the detections of each look that are lost.
        #[arg(long)]
        lost: f64,
    },
}

/// What is hidden before masks enlarge it.
#[derive(Serialize)]
struct Hidden {
    class: Class,
    #[serde(rename = "box")]
    bbox: BoundingBox,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Record {
            video,
            recording,
            assets,
            profile,
        } => record(&video, &recording, &assets, profile),
        Command::Follow {
            recording,
            replays,
            lost,
        } => follow(&recording, replays, lost),
    }
}

fn record(video: &Path, to: &Path, assets: &Path, profile: Profile) -> Result<(), Failure> {
    let mut detectors = DetectorSet::load(assets, &[], 1)?;
    let options = AnonymizeOptions {
        detection: DetectionOptions {
            profile,
            ..DetectionOptions::default()
        },
        ..AnonymizeOptions::default()
    };
    let mut models = Models::new(&mut detectors, &options);
    let video = Arc::new(File::open(video)?);
    let recording = Recording::make(video, profile, &VideoLimits::default(), &mut models)?;
    let mut file = BufWriter::new(File::create(to)?);
    serde_json::to_writer(&mut file, &recording)?;
    Ok(file.flush()?)
}

fn follow(recording: &Path, replays: u64, lost: f64) -> Result<(), Failure> {
    let recording: Recording = serde_json::from_reader(BufReader::new(File::open(recording)?))?;
    let mut out = io::stdout().lock();
    for seed in 0..replays {
        let mut dice = Dice(seed);
        let hidden: Vec<Vec<Hidden>> = recording
            .follow(|_| dice.fraction() >= lost)
            .into_iter()
            .map(|found| found.into_iter().map(Hidden::from).collect())
            .collect();
        serde_json::to_writer(&mut out, &hidden)?;
        writeln!(out)?;
    }
    Ok(())
}

impl From<Detection> for Hidden {
    fn from(Detection { class, bbox, .. }: Detection) -> Self {
        Self { class, bbox }
    }
}

/// Numbers that look random: `SplitMix64` (Steele et al. 2014).
struct Dice(u64);

impl Dice {
    /// From 0 to less than 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}
