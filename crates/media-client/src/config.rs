//! How many media processes there are, and what they may do.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits::MediaLimits;
use crate::sandbox::{Bounds, SandboxMode};

/// How a [`MediaPool`](crate::MediaPool) works.
#[derive(Clone, Debug)]
pub struct MediaPoolConfig {
    /// The executable `sfumato-media`.
    pub program: PathBuf,
    /// The folder with the models and ONNX Runtime.
    pub assets_dir: PathBuf,
    /// Folders with models of the operator, beside those in `assets_dir`.
    pub model_packs: Vec<PathBuf>,
    /// Where the nameless scratch files lie. Must exist, and have room for an original and its result per child.
    pub scratch_dir: PathBuf,
    /// Processes at most, and thereby tasks at a time. At least 1.
    pub children_max: usize,
    /// Inference threads of each process.
    pub threads_per_child: usize,
    /// A process is replaced after so many tasks, which bounds what a leak in a decoder can grow to.
    pub tasks_per_child_max: u32,
    /// How long a process may take to load its models.
    pub ready_deadline: Duration,
    /// How long a picture may take, from the moment that the child has its original.
    pub task_deadline: Duration,
    /// Videos and archives at a time, each in a fresh process beside those for pictures. At least 1.
    pub long_tasks_max: usize,
    /// Threads for decoding and encoding a video, and entries of an archive at a time.
    pub threads_per_long_task: usize,
    /// How long a video or an archive may take.
    pub long_task_deadline: Duration,
    /// A video or an archive that gets no further for so long is given up.
    pub silence_max: Duration,
    /// Whether processes may work without a whole jail around them.
    pub sandbox: SandboxMode,
    /// The largest limits of any task: a process is bounded so that it can do what they allow, and no more.
    pub limits: MediaLimits,
}

impl MediaPoolConfig {
    /// The models of `assets_dir` alone, one single-threaded process a core, 500 tasks a process, 30 s to get ready, 120 s a
    /// picture; one video or archive for four cores, with a thread on each of them, for a day at most and 5 minutes without
    /// getting on; the default limits.
    pub fn new(program: PathBuf, assets_dir: PathBuf, scratch_dir: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            program,
            assets_dir,
            model_packs: vec![],
            scratch_dir,
            children_max: cores,
            threads_per_child: 1,
            tasks_per_child_max: 500,
            ready_deadline: Duration::from_secs(30),
            task_deadline: Duration::from_secs(120),
            long_tasks_max: cores.div_ceil(4),
            threads_per_long_task: cores.min(4),
            long_task_deadline: Duration::from_secs(24 * 3600),
            silence_max: Duration::from_secs(300),
            sandbox: SandboxMode::default(),
            limits: MediaLimits::default(),
        }
    }

    /// What each process for pictures may use at most.
    pub fn bounds(&self) -> Bounds {
        Bounds::for_pictures(
            &self.limits,
            self.task_deadline,
            self.threads_per_child,
            self.tasks_per_child_max,
        )
    }
}
