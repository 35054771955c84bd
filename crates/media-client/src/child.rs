//! One `sfumato-media` process: how it is started, spoken to and ended.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal, kill_process_group};
use sfumato_failpoints::{Point, hit};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::census::Counted;
use crate::config::MediaPoolConfig;
use crate::end::ChildEnd;
use crate::error::MediaError;
use crate::frame::{self, FrameError};
use crate::protocol::{Reply, Report, Request, Task};
use crate::sandbox::{Bounds, Layers, Purpose, SandboxMode};
use crate::scratch::Scratch;

/// A longer line of a child's log is split.
const LOG_LINE_BYTES_MAX: u64 = 4096;

/// How long a dead child may take to be gone from the process table before its status is given up on.
const REAP_DEADLINE: Duration = Duration::from_secs(5);

/// How long a child that has closed its pipe may take to end by itself.
const OWN_END_GRACE: Duration = Duration::from_millis(200);

/// Variables that a child may see: what a developer sets to measure coverage, which takes a child without a sandbox.
/// Everything else, secrets above all, stays here.
const PASSED_VARIABLES: [&str; 1] = ["LLVM_PROFILE_FILE"];

/// What the C library of a child reads before its first instruction. Without it each thread keeps small pieces of memory that
/// are free for itself, and they divide the heap between the large buffers of pictures and models: a worker for pictures of
/// 12 megapixels held 217 to 256 MiB instead of 200, a video of 1920x1080 pixels 458 instead of 413.
const ALLOCATOR: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// A warm child: its models are loaded, and it waits for a task.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    log: JoinHandle<()>,
    last_log_line: Arc<Mutex<String>>,
    bounds: Bounds,
    silence_max: Duration,
    pub(crate) scratch: Scratch,
    pub(crate) models: Vec<String>,
    pub(crate) layers: Layers,
    pub(crate) tasks_done: u32,
    /// Counts it among the processes of its pool, until it is dropped.
    pub(crate) counted: Option<Counted>,
}

impl Child {
    /// Starts a process and waits until it is ready.
    pub(crate) async fn start(
        config: &MediaPoolConfig,
        spawner: &Spawner,
        purpose: Purpose,
        bounds: Bounds,
    ) -> Result<Self, MediaError> {
        let scratch = Scratch::new(&config.scratch_dir, purpose).map_err(MediaError::Scratch)?;
        let command = command(config, purpose, &bounds, &scratch)?;
        let spawn_error = |source| MediaError::Spawn {
            program: config.program.display().to_string(),
            source,
        };
        let mut process = spawner.spawn(command).await.map_err(spawn_error)?;
        hit(Point::ChildSpawned);
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(spawn_error(io::Error::other("a pipe is missing")));
        };
        let last_log_line = Arc::default();
        let log = tokio::spawn(forward_log(stderr, process.id(), Arc::clone(&last_log_line)));
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
            log,
            last_log_line,
            bounds,
            silence_max: config.silence_max,
            scratch,
            models: vec![],
            layers: Layers::default(),
            tasks_done: 0,
            counted: None,
        };
        (child.models, child.layers) = child.wait_until_ready(config.ready_deadline).await?;
        Ok(child)
    }

    async fn wait_until_ready(&mut self, deadline: Duration) -> Result<(Vec<String>, Layers), MediaError> {
        match tokio::time::timeout(deadline, frame::read_async(&mut self.stdout)).await {
            Ok(Ok(Some(Reply::Ready { models, layers }))) => Ok((models, layers)),
            Ok(outcome) => {
                let (_, reason) = self.end(describe(&outcome)).await;
                Err(MediaError::NotReady { reason })
            }
            Err(_) => Err(MediaError::NotReady {
                reason: format!("it said nothing for {} seconds", deadline.as_secs_f32()),
            }),
        }
    }

    /// Gives the task to the child and waits for its end. After any error but a [`MediaError::Task`] the child is dead.
    pub(crate) async fn work(
        &mut self,
        task: Task,
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Report, MediaError> {
        match self.ask(&Request::Anonymize(task), on_progress).await? {
            Reply::Done(report) => Ok(report),
            other => Err(self.unexpected(other).await),
        }
    }

    /// Gives a request to the child and waits for its reply. A child that says nothing for too long is taken for stuck. After
    /// any error but a [`MediaError::Task`] the child is dead.
    pub(crate) async fn ask(
        &mut self,
        request: &Request,
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Reply, MediaError> {
        if let Err(error) = frame::write_async(&mut self.stdin, request).await {
            return Err(self.lost(error.to_string()).await);
        }
        let silence_max = self.silence_max;
        loop {
            let reply = tokio::time::timeout(silence_max, frame::read_async(&mut self.stdout)).await;
            let Ok(reply) = reply else {
                self.kill().await;
                return Err(MediaError::Stuck { silence_max });
            };
            match reply {
                Ok(Some(Reply::Progress(fraction))) => on_progress(fraction.clamp(0.0, 1.0)),
                Ok(Some(Reply::Failed(failure))) => return Err(MediaError::Task(failure)),
                Ok(Some(reply)) if !matches!(reply, Reply::Ready { .. }) => return Ok(reply),
                outcome => return Err(self.lost(describe(&outcome)).await),
            }
        }
    }

    /// Kills a process that answered another question.
    pub(crate) async fn unexpected(&mut self, reply: Reply) -> MediaError {
        self.lost(describe(&Ok(Some(reply)))).await
    }

    /// Kills the process, and gives its result and its document.
    pub(crate) async fn results(mut self, bytes: u64, document_bytes: u64) -> io::Result<(File, File)> {
        self.kill().await;
        self.scratch.results(bytes, document_bytes).await
    }

    /// Kills a process that did not do what the protocol says.
    pub(crate) async fn broke_the_protocol(&mut self, how: &str) -> MediaError {
        self.kill().await;
        MediaError::ChildLost {
            end: ChildEnd::Fault,
            status: how.to_owned(),
        }
    }

    async fn lost(&mut self, said: String) -> MediaError {
        let (end, status) = self.end(said).await;
        MediaError::ChildLost { end, status }
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Kills and reaps the process; the status says how it had ended where it was dead already.
    async fn end(&mut self, said: String) -> (ChildEnd, String) {
        // A process whose pipe has just closed is about to be dead by itself, and how it died is worth a moment.
        let own_end = tokio::time::timeout(OWN_END_GRACE, self.process.wait()).await;
        if let Ok(Ok(status)) = own_end {
            // The log ends with the process, but what it said last may still be on its way.
            let _late = tokio::time::timeout(OWN_END_GRACE, &mut self.log).await;
            let line = self
                .last_log_line
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let end = ChildEnd::of(status, &line, &self.bounds);
            let status = if line.is_empty() {
                status.to_string()
            } else {
                format!("{status}; it said last: {line}")
            };
            return (end, status);
        }
        self.kill().await;
        (ChildEnd::Fault, said)
    }

    /// Kills the process and waits until the system has forgotten it.
    pub(crate) async fn kill(&mut self) {
        self.signal_group();
        if tokio::time::timeout(REAP_DEADLINE, self.process.wait())
            .await
            .is_err()
        {
            tracing::warn!(pid = self.process.id(), "a killed media process is still there");
        }
    }

    /// Kills the whole process group of the child. The process has not been reaped yet where it still has an id, so that the
    /// id cannot belong to somebody else.
    fn signal_group(&self) {
        let pid = self
            .process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // The only error that can come is that the group is gone already.
            let _gone = kill_process_group(pid, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal_group();
    }
}

/// Builds the command: pipes, the scratch files, a process group of its own and next to no environment.
fn command(
    config: &MediaPoolConfig,
    purpose: Purpose,
    bounds: &Bounds,
    scratch: &Scratch,
) -> Result<Command, MediaError> {
    let threads = match purpose {
        Purpose::Pictures => config.threads_per_child,
        Purpose::Video | Purpose::Archive => config.threads_per_long_task,
    };
    let mut command = bare_command(&config.program);
    command
        .arg("--assets")
        .arg(absolute(&config.assets_dir))
        .args(model_packs(&config.model_packs))
        .arg("--threads")
        .arg(threads.to_string())
        .arg("--purpose")
        .arg(purpose.name())
        .args(confinement(config.sandbox, bounds))
        .stdin(Stdio::piped())
        .process_group(0);
    let mappings = scratch
        .descriptors()
        .map(|(file, child_fd)| {
            let parent_fd = file.try_clone()?.into();
            Ok(FdMapping { parent_fd, child_fd })
        })
        .collect::<io::Result<_>>()
        .map_err(MediaError::Scratch)?;
    command
        .fd_mappings(mappings)
        .map_err(|collision| MediaError::Scratch(io::Error::other(collision)))?;
    Ok(command)
}

/// A command without arguments: outputs in pipes, no working folder to speak of, and next to no environment.
pub(crate) fn bare_command(program: &Path) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "this crate is the door through which processes are started"
    )]
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env_clear()
        .envs(
            PASSED_VARIABLES
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env(ALLOCATOR.0, ALLOCATOR.1)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The arguments that name the folders of model packs.
pub(crate) fn model_packs(dirs: &[PathBuf]) -> impl Iterator<Item = OsString> {
    dirs.iter()
        .flat_map(|dir| ["--model-pack".into(), absolute(dir).into()])
}

/// The arguments that say how the child locks itself up.
fn confinement(sandbox: SandboxMode, bounds: &Bounds) -> [String; 8] {
    // In whole seconds, and at least one.
    let cpu_seconds_max = bounds.cpu_time_max.as_secs().max(1);
    [
        "--sandbox".to_owned(),
        sandbox.to_string(),
        "--memory-bytes-max".to_owned(),
        bounds.memory_bytes_max.to_string(),
        "--result-bytes-max".to_owned(),
        bounds.result_bytes_max.to_string(),
        "--cpu-seconds-max".to_owned(),
        cpu_seconds_max.to_string(),
    ]
}

pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn describe(outcome: &Result<Option<Reply>, FrameError>) -> String {
    match outcome {
        Ok(None) => "it closed its pipe".into(),
        Ok(Some(Reply::Ready { .. })) => "it said twice that it is ready".into(),
        Ok(Some(_)) => "it answered what it was not asked".into(),
        Err(error) => match std::error::Error::source(error) {
            Some(source) => format!("failed to {error}: {source}"),
            None => format!("failed to {error}"),
        },
    }
}

/// Writes what a child says on its standard error into the log, line by line.
async fn forward_log(stderr: ChildStderr, pid: Option<u32>, last_line: Arc<Mutex<String>>) {
    let mut reader = BufReader::new(stderr);
    let mut bytes = vec![];
    loop {
        bytes.clear();
        match (&mut reader)
            .take(LOG_LINE_BYTES_MAX)
            .read_until(b'\n', &mut bytes)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end();
        if line.is_empty() {
            continue;
        }
        if line.starts_with("error") || line.starts_with("warning") || line.contains("panicked") {
            tracing::warn!(pid, line, "media process");
        } else {
            tracing::debug!(pid, line, "media process");
        }
        line.clone_into(&mut last_line.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

type SpawnRequest = (
    tokio::runtime::Handle,
    Command,
    oneshot::Sender<io::Result<tokio::process::Child>>,
);

/// The thread that forks. A child asks the system for a signal when its parent dies, and Linux means the parent *thread*
/// by that: a child that was forked on a thread of the runtime would die with that thread, whenever the runtime retires
/// it. This thread lives exactly as long as the pool, so that its end also ends every child that is left.
#[derive(Debug)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<SpawnRequest>,
}

impl Spawner {
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, inbox) = mpsc::channel::<SpawnRequest>();
        std::thread::Builder::new()
            .name("media-spawner".into())
            .spawn(move || {
                for (runtime, mut command, answer) in inbox {
                    let _context = runtime.enter();
                    // Where nobody waits any more the child is dropped, and killed by that.
                    let _unwanted = answer.send(command.spawn());
                }
            })?;
        Ok(Self { requests })
    }

    async fn spawn(&self, command: Command) -> io::Result<tokio::process::Child> {
        let (answer, outcome) = oneshot::channel();
        let ended = || io::Error::other("the spawning thread has ended");
        self.requests
            .send((tokio::runtime::Handle::current(), command, answer))
            .map_err(|_| ended())?;
        outcome.await.map_err(|_| ended())?
    }
}
