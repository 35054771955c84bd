//! Warm children for pictures, which share a few processes; a fresh one for each video and archive. A process that
//! misbehaves is replaced.

use std::fs::File;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use sfumato_core::{FailureClass, MediaKind};
use tokio::io::AsyncRead;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::census::{Census, Processes};
use crate::child::{Child, Spawner};
use crate::config::MediaPoolConfig;
use crate::end::ChildEnd;
use crate::error::MediaError;
use crate::parts::{self, InParts, KeptParts, Outcome, Turns};
use crate::protocol::{Document, Report, Task};
use crate::sandbox::{Bounds, Layers, Purpose};
use crate::scratch::FillError;

/// A task that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// What the child reports. It comes from a process that has decoded a stranger's file: trust no size and no text in it
    /// further than a stranger's.
    pub report: Report,
    /// The result, positioned at its start: a nameless file that is gone when it is closed. Empty after a
    /// [`Goal::Detect`](crate::protocol::Goal::Detect).
    pub output: File,
    /// The document where the report does not hold it, positioned at its start, likewise.
    pub document: Option<File>,
}

/// What a warm process says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warm {
    /// Names of its models.
    pub models: Vec<String>,
    /// The layers of its jail that hold.
    pub layers: Layers,
}

/// Runs a task in its process, in parts where that is wanted and possible.
async fn work_fresh(
    child: &mut Child,
    task: Task,
    in_parts: Option<InParts<'_>>,
    on_progress: &mut (impl FnMut(f32) + Send),
) -> Result<Report, MediaError> {
    if let Some(in_parts) = in_parts {
        match in_parts.run(child, task.clone(), &mut *on_progress).await? {
            Outcome::Done(report) => return Ok(report),
            Outcome::Whole => child.scratch.empty_results().await.map_err(MediaError::Scratch)?,
        }
    }
    child.work(task, on_progress).await
}

/// A pool of `sfumato-media` processes. Those for pictures are started when they are needed and kept warm; each video and
/// each archive has one of its own. Dropping the pool kills them all.
#[derive(Debug)]
pub struct MediaPool {
    config: MediaPoolConfig,
    /// One permit a process for pictures that may exist.
    permits: Semaphore,
    /// One permit a process for a video or an archive that may exist.
    long_permits: Semaphore,
    idle: Mutex<Vec<Child>>,
    census: Census,
    spawner: Spawner,
}

impl MediaPool {
    /// A pool without processes; [`MediaPool::warm_up`] starts them ahead of the first task.
    ///
    /// # Errors
    /// [`MediaError::Spawn`] where the system gives no thread.
    pub fn new(mut config: MediaPoolConfig) -> Result<Self, MediaError> {
        config.children_max = config.children_max.clamp(1, Semaphore::MAX_PERMITS);
        config.long_tasks_max = config.long_tasks_max.clamp(1, Semaphore::MAX_PERMITS);
        config.threads_per_long_task = config.threads_per_long_task.max(1);
        let spawner = Spawner::start().map_err(|source| MediaError::Spawn {
            program: config.program.display().to_string(),
            source,
        })?;
        Ok(Self {
            permits: Semaphore::new(config.children_max),
            long_permits: Semaphore::new(config.long_tasks_max),
            idle: Mutex::default(),
            census: Census::default(),
            spawner,
            config,
        })
    }

    /// Starts the processes that are not there yet and returns what they say of themselves.
    ///
    /// # Errors
    /// [`MediaError::Spawn`], [`MediaError::NotReady`], [`MediaError::Scratch`]; [`MediaError::ShutDown`] after a shutdown.
    pub async fn warm_up(&self) -> Result<Warm, MediaError> {
        let mut permits = vec![];
        let mut said = Warm::default();
        for _ in 0..self.config.children_max {
            // Held until the end, so that each round takes another process.
            permits.push(self.permits.acquire().await.map_err(|_| MediaError::ShutDown)?);
        }
        let mut warm = vec![];
        for _ in 0..self.config.children_max {
            let child = self.take_or_start().await?;
            said.models.clone_from(&child.models);
            said.layers = child.layers;
            warm.push(child);
        }
        self.idle().append(&mut warm);
        Ok(said)
    }

    /// Runs one task: waits for a free process, hands it the original, and returns the result.
    ///
    /// `task.bytes` must be the size of `original`. `on_progress` hears fractions of the task, 0 to 1. When `cancel`
    /// completes first, the process is killed; where nothing can cancel, pass [`std::future::pending`]. Dropping the future
    /// kills the process too.
    ///
    /// # Errors
    /// Any [`MediaError`]. After every one of them the pool is as good as new.
    pub async fn run(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        mut on_progress: impl FnMut(f32) + Send,
        cancel: impl Future<Output = ()> + Send,
    ) -> Result<Finished, MediaError> {
        tokio::select! {
            biased;
            () = cancel => Err(MediaError::Cancelled),
            outcome = self.run_to_the_end(task, original, None, &mut on_progress) => outcome,
        }
    }

    /// As [`MediaPool::run`], but a long video is processed part by part, each of about `part_length_s` seconds, and what is
    /// done of it is kept: the next attempt goes on there. Others may do some of the parts meanwhile, as `turns` says, by
    /// [`MediaPool::help`]. The caller makes `kept` forget it when the outcome is recorded.
    ///
    /// # Errors
    /// Any [`MediaError`]. After every one of them the pool is as good as new.
    pub async fn run_in_parts(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        (kept, turns): (&dyn KeptParts, &dyn Turns),
        part_length_s: NonZeroU32,
        mut on_progress: impl FnMut(f32) + Send,
    ) -> Result<Finished, MediaError> {
        let in_parts = InParts {
            kept,
            turns,
            part_length_s,
        };
        self.run_to_the_end(task, original, Some(in_parts), &mut on_progress)
            .await
    }

    async fn run_to_the_end(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        in_parts: Option<InParts<'_>>,
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Finished, MediaError> {
        match task.format.kind() {
            MediaKind::Picture => self.run_warm(task, original, on_progress).await,
            MediaKind::Video => self.run_fresh(task, original, in_parts, on_progress).await,
            MediaKind::Archive => self.run_fresh(task, original, None, on_progress).await,
        }
    }

    /// Does parts of a long video that another one runs, by [`MediaPool::run_in_parts`], as long as `turns` gives any.
    ///
    /// # Errors
    /// Any [`MediaError`]. After every one of them the pool is as good as new.
    pub async fn help(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        (kept, turns): (&dyn KeptParts, &dyn Turns),
    ) -> Result<(), MediaError> {
        let (mut child, _permit) = self.fresh(&task, original).await?;
        let work = parts::help(&mut child, task, kept, turns);
        let outcome = tokio::time::timeout(self.config.long_task_deadline, work).await;
        child.kill().await;
        outcome.unwrap_or(Err(MediaError::Deadline {
            deadline: self.config.long_task_deadline,
        }))
    }

    /// A process for one video or archive, which has the original, and the right to have one.
    async fn fresh(
        &self,
        task: &Task,
        original: &mut (impl AsyncRead + Unpin + Send),
    ) -> Result<(Child, SemaphorePermit<'_>), MediaError> {
        let permit = self
            .long_permits
            .acquire()
            .await
            .map_err(|_| MediaError::ShutDown)?;
        let config = &self.config;
        let purpose = Purpose::of(task.format.kind());
        let deadline = config.long_task_deadline;
        let threads = config.threads_per_long_task;
        let bounds = Bounds::for_one(purpose, task.bytes, &config.limits, deadline, threads);
        let child = self.start(purpose, bounds).await?;
        child
            .scratch
            .fill(original, task.bytes)
            .await
            .map_err(|error| match error {
                FillError::Original(source) => MediaError::Input(source),
                FillError::Scratch(source) => MediaError::Scratch(source),
            })?;
        Ok((child, permit))
    }

    /// Runs a task in a process of its own, which ends with it.
    async fn run_fresh(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        in_parts: Option<InParts<'_>>,
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Finished, MediaError> {
        let (mut child, _permit) = self.fresh(&task, original).await?;
        let deadline = self.config.long_task_deadline;
        let work = work_fresh(&mut child, task, in_parts, on_progress);
        let Ok(outcome) = tokio::time::timeout(deadline, work).await else {
            child.kill().await;
            return Err(MediaError::Deadline { deadline });
        };
        // Its files belong to this process alone only when it is dead.
        let report = outcome?;
        let Document::Written { bytes } = report.document else {
            return Err(child.broke_the_protocol("it wrote no document").await);
        };
        match child.results(report.bytes, bytes).await {
            Ok((output, document)) => Ok(Finished {
                report,
                output,
                document: Some(document),
            }),
            Err(source) if source.kind() == std::io::ErrorKind::InvalidData => Err(MediaError::ChildLost {
                end: ChildEnd::Fault,
                status: source.to_string(),
            }),
            Err(source) => Err(MediaError::Scratch(source)),
        }
    }

    async fn run_warm(
        &self,
        task: Task,
        original: &mut (impl AsyncRead + Unpin + Send),
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Finished, MediaError> {
        let _permit = self.permits.acquire().await.map_err(|_| MediaError::ShutDown)?;
        let mut child = self.take_or_start().await?;
        if let Err(error) = child.scratch.fill(original, task.bytes).await {
            return Err(match error {
                FillError::Original(source) => {
                    self.put_back(child).await;
                    MediaError::Input(source)
                }
                FillError::Scratch(source) => MediaError::Scratch(source),
            });
        }
        let deadline = self.config.task_deadline;
        let Ok(outcome) = tokio::time::timeout(deadline, child.work(task, on_progress)).await else {
            child.kill().await;
            return Err(MediaError::Deadline { deadline });
        };
        child.tasks_done = child.tasks_done.saturating_add(1);
        match outcome {
            Ok(report) => {
                let output = match child.scratch.take_output(report.bytes).await {
                    Ok(output) => output,
                    Err(source) if source.kind() == std::io::ErrorKind::InvalidData => {
                        child.kill().await;
                        let status = source.to_string();
                        let end = ChildEnd::Fault;
                        return Err(MediaError::ChildLost { end, status });
                    }
                    Err(source) => return Err(MediaError::Scratch(source)),
                };
                self.put_back(child).await;
                Ok(Finished {
                    report,
                    output,
                    document: None,
                })
            }
            Err(error) => {
                // A child that met a fault of its own ends after it has said so, and one that broke the protocol is dead.
                match &error {
                    MediaError::Task(failure) if failure.class != FailureClass::Internal => {
                        self.put_back(child).await;
                    }
                    _ => child.kill().await,
                }
                Err(error)
            }
        }
    }

    /// Ends every process and refuses new tasks. Tasks that run come to their end first only if the caller waits for them
    /// before.
    pub async fn shutdown(&self) {
        self.permits.close();
        self.long_permits.close();
        let children = std::mem::take(&mut *self.idle());
        for mut child in children {
            child.kill().await;
        }
    }

    /// How many processes there are.
    pub fn processes(&self) -> Processes {
        self.census.count()
    }

    async fn start(&self, purpose: Purpose, bounds: Bounds) -> Result<Child, MediaError> {
        let starting = self.census.starting();
        let mut child = Child::start(&self.config, &self.spawner, purpose, bounds).await?;
        child.counted = Some(self.census.ready());
        drop(starting);
        Ok(child)
    }

    /// A warm process, or a new one. The caller holds a permit.
    async fn take_or_start(&self) -> Result<Child, MediaError> {
        loop {
            let Some(mut child) = self.idle().pop() else {
                let bounds = self.config.bounds();
                return self.start(Purpose::Pictures, bounds).await;
            };
            // An idle process can have been killed from outside; that must not cost the next task anything.
            if child.is_alive() {
                return Ok(child);
            }
        }
    }

    /// Keeps the process for the next task, unless it has worked long enough or the pool has been shut down.
    async fn put_back(&self, mut child: Child) {
        let spent = child.tasks_done >= self.config.tasks_per_child_max;
        if spent {
            self.census.recycled();
        }
        if spent || self.permits.is_closed() || child.scratch.empty().await.is_err() {
            child.kill().await;
        } else {
            self.idle().push(child);
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Child>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
