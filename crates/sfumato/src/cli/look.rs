//! Flags that `blur` and `detect` share: what is looked for, and with what.

use std::path::PathBuf;

use clap::Args;
use sfumato_core::options::{ConfidenceThreshold, DetectionOptions};
use sfumato_media_client::MediaPoolConfig;

use super::flags::{ConfigFlag, FrameFlags, LogFlags, MediaFlags, Overrides, ProfileFlag, given, load};
use crate::settings::{FlagValue, Loaded, Origin, Settings, SettingsError, cores};
use crate::{locate, sandbox, server};

/// What is looked for.
#[derive(Args, Debug)]
pub(super) struct WantedFlags {
    /// Leave faces alone
    #[arg(long)]
    pub(super) no_faces: bool,
    /// Leave licence plates alone
    #[arg(long, conflicts_with = "no_faces")]
    pub(super) no_plates: bool,
    #[command(flatten)]
    pub(super) profile: ProfileFlag,
    /// Confidence from which a face counts, 0.05 to 1; the lower, the less is missed [default: by profile]
    #[arg(long, value_name = "C", value_parser = read_threshold)]
    pub(super) face_threshold: Option<ConfidenceThreshold>,
    /// Confidence from which a licence plate counts, 0.05 to 1 [default: by profile]
    #[arg(long, value_name = "C", value_parser = read_threshold)]
    pub(super) plate_threshold: Option<ConfidenceThreshold>,
}

impl WantedFlags {
    /// How hard is looked, and from which confidence a detection counts.
    pub(super) fn detection(&self, settings: &Settings) -> DetectionOptions {
        DetectionOptions {
            profile: settings.detection_profile,
            faces: self.face_threshold,
            plates: self.plate_threshold,
        }
    }
}

fn read_threshold(text: &str) -> Result<ConfidenceThreshold, String> {
    ConfidenceThreshold::new(text.parse().unwrap_or(f32::NAN)).map_err(|error| error.message)
}

/// With what.
#[derive(Args, Debug)]
pub(super) struct RunFlags {
    /// Pictures at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(super) jobs: Option<u32>,
    /// Inference threads for each of them [default: the cores that are left over]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<String>,
    #[command(flatten)]
    pub(super) config: ConfigFlag,
    #[command(flatten)]
    pub(super) frames: FrameFlags,
    #[command(flatten)]
    pub(super) media: MediaFlags,
    #[command(flatten)]
    pub(super) log: LogFlags,
}

impl Overrides for RunFlags {
    fn overrides(&self) -> Vec<FlagValue> {
        given("--threads", "worker.threads_per_job", self.threads.as_ref())
            .into_iter()
            .chain(self.frames.overrides())
            .chain(self.media.overrides())
            .chain(self.log.overrides())
            .collect()
    }
}

impl RunFlags {
    /// Reads the settings that these flags and those of `wanted` override.
    pub(super) fn load(&self, wanted: &WantedFlags) -> Result<Loaded, SettingsError> {
        load(&self.config, &[self as &dyn Overrides, &wanted.profile])
    }

    /// The pool for so many files.
    pub(super) fn pool(
        &self,
        loaded: &Loaded,
        files: usize,
        scratch: PathBuf,
    ) -> anyhow::Result<MediaPoolConfig> {
        let settings = &loaded.settings;
        let jobs = match self.jobs {
            Some(jobs) => usize::try_from(jobs).unwrap_or(usize::MAX),
            None => server::jobs_at_once(settings),
        };
        let locations = locate::locate(settings)?;
        let mut pool = MediaPoolConfig::new(locations.program, locations.assets_dir, scratch);
        pool.model_packs = settings.model_packs.0.clone();
        // More processes than files would only load models; cores that are left over help the few.
        pool.children_max = jobs.clamp(1, files.max(1));
        pool.threads_per_child = match loaded.origin("worker.threads_per_job") {
            Origin::Default => (cores() / pool.children_max).max(1),
            _ => settings.threads_per_job.get(),
        };
        pool.task_deadline = settings.task_deadline;
        sandbox::configure(&mut pool, settings);
        Ok(pool)
    }
}
