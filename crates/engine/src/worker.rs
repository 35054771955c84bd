//! The worker: claims jobs, has each anonymized by a media child, stores the result, finishes the job.
//!
//! While a child works, a heartbeat extends the lease. Whoever loses the lease (cancelled, or claimed again after a long
//! pause of the process) stops the child, records nothing, and deletes what it has written: whoever cancelled the job may
//! have been told that its files are gone. The result's blobs are written under a fresh name before the row, so that a worker
//! that was thought dead cannot overwrite its successor's result.
//!
//! A worker that has no job to begin helps with another one's long video.

mod failure;
mod pace;
mod result;
mod sharing;
mod task;
mod writes;

use std::time::Duration;

use sfumato_core::job::{FailureClass, FencingToken, Job, JobOutcome, JobState, Lease};
use sfumato_core::store::{Call, JobLimits};
use sfumato_core::time::random;
use sfumato_core::{MediaKind, StoreError};
use sfumato_failpoints::{Point, hit};
use sfumato_media_client::{Finished, MediaPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::failure::internal;
use self::pace::{Done, Pace};
use self::sharing::OwnTurns;
use self::task::Trouble;
use self::writes::Writes;
use crate::blobs::PartsOfJob;
use crate::metrics::{HANDED_BACK, LEASE_LOST, end_of};
use crate::traces::{Attempt, Course};
use crate::{Engine, EngineSettings};

/// A worker that hears no wake-up looks for jobs this often, varied by a tenth.
const POLL: Duration = Duration::from_secs(1);

/// How often progress is looked at, and how much of it is worth a word: whoever waits for a long job wants to see it move.
const PROGRESS_TOLD: Duration = Duration::from_secs(2);
const PROGRESS_STEP: f32 = 0.005;

/// The jobs that this process is at.
#[derive(Default)]
struct Running {
    pictures: JoinSet<()>,
    long: JoinSet<()>,
}

impl Running {
    /// Those of the kind of a job.
    fn of(&mut self, job: &Job) -> &mut JoinSet<()> {
        match job.upload.format.kind() {
            MediaKind::Picture => &mut self.pictures,
            MediaKind::Video | MediaKind::Archive => &mut self.long,
        }
    }

    /// How many more may be begun.
    fn free(&self, settings: &EngineSettings) -> JobLimits {
        JobLimits {
            pictures: settings.jobs_at_once.saturating_sub(self.pictures.len()),
            long: settings.long_jobs_at_once.saturating_sub(self.long.len()),
        }
    }

    /// Forgets those that have ended.
    fn clear(&mut self) {
        for jobs in [&mut self.pictures, &mut self.long] {
            while jobs.try_join_next().is_some() {}
        }
    }

    /// Waits until one ends; for ever where there is none.
    async fn one_ends(&mut self) {
        tokio::select! {
            Some(_) = self.pictures.join_next() => {}
            Some(_) = self.long.join_next() => {}
            else => std::future::pending().await,
        }
    }

    /// Waits until all have ended.
    async fn end(&mut self) {
        for jobs in [&mut self.pictures, &mut self.long] {
            while jobs.join_next().await.is_some() {}
        }
    }
}

/// Why an attempt ends without an outcome to record.
enum Stop {
    /// The job is somebody else's now, or nobody's: throw everything away.
    LeaseLost,
    /// This process is stopping: hand the job back.
    Shutdown,
}

impl Engine {
    /// Works on jobs until `shutdown`; then stops the children and hands back what is not finished, without spending an
    /// attempt.
    pub async fn run_worker(&self, shutdown: CancellationToken) {
        let Some(media) = self.inner().media.as_ref() else {
            return;
        };
        let mut running = Running::default();
        let mut store_fails = false;
        let mut help_at = tokio::time::Instant::now();
        while !shutdown.is_cancelled() {
            running.clear();
            let free = running.free(self.settings());
            if free.pictures > 0 || free.long > 0 {
                let inner = self.inner();
                match inner
                    .store
                    .claim_jobs(inner.worker_id, free, self.settings().lease)
                    .await
                {
                    Ok(jobs) => {
                        store_fails = false;
                        if !jobs.is_empty() {
                            hit(Point::AfterClaim);
                        }
                        for job in jobs {
                            inner.announce(Call::Told(job.client));
                            let (engine, shutdown) = (self.clone(), shutdown.clone());
                            running
                                .of(&job)
                                .spawn(async move { engine.work_on(job, shutdown).await });
                        }
                    }
                    Err(error) if !store_fails => {
                        store_fails = true;
                        tracing::error!(error = sfumato_core::chain(&error), "no jobs can be claimed");
                    }
                    Err(_) => {}
                }
            }
            // Not each time that a picture is done: a long video waits for long.
            while help_at <= tokio::time::Instant::now() && running.free(self.settings()).long > 0 {
                let Some((job, part)) = self.part_to_help_with().await else {
                    help_at = tokio::time::Instant::now() + POLL;
                    break;
                };
                let (engine, shutdown) = (self.clone(), shutdown.clone());
                running
                    .long
                    .spawn(async move { engine.help(&job, part, &shutdown).await });
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {}
                () = running.one_ends() => {}
                () = self.inner().signals.jobs.notified() => {}
                () = tokio::time::sleep(self.jittered(POLL)) => {}
            }
        }
        running.end().await;
        media.shutdown().await;
    }

    /// A wait varied by a tenth, so that processes that were started together do not ask together for ever.
    pub(crate) fn jittered(&self, wait: Duration) -> Duration {
        let [byte] = random::<1>(&*self.inner().entropy);
        wait.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
    }

    async fn work_on(&self, job: Job, shutdown: CancellationToken) {
        let JobState::Running { lease, .. } = job.state else {
            return;
        };
        let signals = &self.inner().signals;
        let (kind, client) = (job.upload.format.kind(), job.client);
        if job.claims == FencingToken(1) {
            let waited = self.inner().clock.now().since(job.created_at);
            self.metrics().job_begun(kind, waited);
        }
        let began = self.now();
        if job.claims == FencingToken(1)
            && let Some(tracer) = self.tracer()
        {
            tracer.job_claimed(&job, began);
        }
        let course = Course::default();
        let ended = |end| {
            if let Some(tracer) = self.tracer() {
                let attempt = Attempt {
                    job: &job,
                    claim: lease.token,
                    began,
                    end,
                    course: &course,
                };
                tracer.attempt_ended(&attempt, self.now());
            }
        };
        let lost = signals.begin(job.id);
        let writes = Writes::new(&self.inner().blobs);
        let stop = self
            .attempt((&job, &lease), &writes, &course, (&lost, &shutdown))
            .await;
        signals.end(job.id);
        match stop {
            Ok((end, job)) => {
                ended(end);
                job.iter().for_each(|job| self.tell_end(job));
                self.inner().announce(Call::Finished);
                signals.jobs.notify_one();
                self.inner().announce(Call::Told(client));
            }
            Err(Stop::LeaseLost) => {
                self.metrics().attempt_abandoned(kind, LEASE_LOST);
                ended(LEASE_LOST);
                tracing::info!(job.id = %job.id, "the job was cancelled or taken over; its work is thrown away");
                self.take_back(&job, &writes).await;
                // A cancelled job's original has had its time as well.
                self.inner().announce(Call::Finished);
            }
            Err(Stop::Shutdown) => {
                self.metrics().attempt_abandoned(kind, HANDED_BACK);
                ended(HANDED_BACK);
                match self.inner().store.hand_back_job(job.id, &lease).await {
                    Ok(()) => {
                        tracing::info!(job.id = %job.id, "the job was handed back");
                        self.inner().announce(Call::Jobs);
                    }
                    Err(error) => {
                        tracing::warn!(job.id = %job.id, error = sfumato_core::chain(&error), "the job's lease has to expire");
                    }
                }
            }
        }
    }

    /// What came of it in a word, and the job as it stands then, where the database has said so.
    async fn attempt(
        &self,
        (job, lease): (&Job, &Lease),
        writes: &Writes,
        course: &Course,
        (lost, shutdown): (&CancellationToken, &CancellationToken),
    ) -> Result<(&'static str, Option<Job>), Stop> {
        let begun = tokio::time::Instant::now();
        let progress = Done::default();
        let heartbeat = self.keep_lease(job, lease, &progress);
        let work = self.process((job, lease), writes, &progress, course);
        let outcome = tokio::select! {
            biased;
            () = lost.cancelled() => return Err(Stop::LeaseLost),
            () = shutdown.cancelled() => return Err(Stop::Shutdown),
            () = heartbeat => return Err(Stop::LeaseLost),
            outcome = work => outcome,
        };
        let worked = begun.elapsed();
        let recorded = self.record(job, lease, outcome.clone(), shutdown).await?;
        self.metrics()
            .attempt_ended(job.upload.format.kind(), &outcome, worked);
        Ok((end_of(&outcome), recorded))
    }

    /// Extends the lease until it is lost. A store that cannot answer is asked again: the lease outlives two failures.
    async fn keep_lease(&self, job: &Job, lease: &Lease, done: &Done) {
        let inner = self.inner();
        let lease_for = self.settings().lease;
        let mut pace = Pace::default();
        let mut told_at = inner.clock.now();
        let mut told = 0.0;
        loop {
            tokio::time::sleep(PROGRESS_TOLD.min(lease_for / 3)).await;
            let now = inner.clock.now();
            let mut progress = pace.progress(now, done.get());
            progress.advanced = done.has_advanced();
            if !progress.advanced
                && progress.done - told < PROGRESS_STEP
                && now.since(told_at) < lease_for / 3
            {
                continue;
            }
            hit(Point::BeforeHeartbeat);
            match inner.store.heartbeat(job.id, lease, lease_for, progress).await {
                Ok(()) => (told, told_at) = (progress.done, now),
                Err(StoreError::LeaseLost) => return,
                Err(error) => {
                    tracing::warn!(job.id = %job.id, error = sfumato_core::chain(&error), "a heartbeat failed");
                }
            }
        }
    }

    /// From the original to a stored result, or to a failure that is already in the customer's words.
    async fn process(
        &self,
        (job, lease): (&Job, &Lease),
        writes: &Writes,
        progress: &Done,
        course: &Course,
    ) -> JobOutcome {
        let inner = self.inner();
        let Some(media) = inner.media.as_ref() else {
            return internal("this process does no media work");
        };
        let max = self.settings().media_limits.picture_bytes_max;
        if job.upload.format.kind() == MediaKind::Picture && job.upload.bytes > max {
            // Known before a single byte is copied to a child.
            let message = format!("the picture's file is larger than {max} bytes, which is the most");
            return JobOutcome::Failed {
                class: FailureClass::Input,
                message,
            };
        }
        let began = self.now();
        let done = self.anonymize(media, (job, lease), writes, progress).await;
        let timings = done.as_ref().ok().map(|finished| finished.report.timings);
        course.media(began, self.now(), timings);
        match done {
            Ok(finished) => {
                hit(Point::ChildExitBeforePut);
                self.metrics()
                    .media_done(job.upload.format.kind(), &finished.report);
                let (began, stored) = (self.now(), self.store_result(job, finished, writes).await);
                course.stored(began, self.now());
                match stored {
                    Ok(result) => {
                        hit(Point::AfterResultPut);
                        JobOutcome::Succeeded(result)
                    }
                    Err(error) => self.blob_failure(job, &error),
                }
            }
            Err(Trouble::Blobs(error)) => self.blob_failure(job, &error),
            Err(Trouble::Media(error)) => {
                self.metrics().media_failed(&error);
                self.media_failure(job, error)
            }
        }
    }

    async fn anonymize(
        &self,
        media: &MediaPool,
        (job, lease): (&Job, &Lease),
        writes: &Writes,
        progress: &Done,
    ) -> Result<Finished, Trouble> {
        let inner = self.inner();
        let (task, mut original) = self.task(job).await?;
        let hear = |fraction: f32| progress.set(fraction);
        // Losing the race against cancellation or shutdown drops this future, and with it the child.
        let kept = PartsOfJob {
            blobs: &writes.blobs,
            upload: job.upload.id,
            job: job.id,
            when_kept: &|| progress.advance(),
        };
        let turns = OwnTurns::new(self, job, lease, progress);
        let work = media.run_in_parts(
            task,
            &mut original,
            (&kept, &turns),
            inner.settings.part_length_s,
            hear,
        );
        tokio::select! {
            never = turns.keep() => match never {},
            outcome = work => outcome.map_err(Trouble::Media),
        }
    }

    /// Deletes what a finished job has done of a long video: its result has all of it. What cannot be deleted now goes with
    /// the original.
    async fn forget_parts(&self, job: &Job) {
        if job.upload.format.kind() != MediaKind::Video || !job.is_finished() {
            return;
        }
        let blobs = &self.inner().blobs;
        if let Err(error) = blobs.delete_parts_of_job(job.upload.id, job.id).await {
            tracing::warn!(job.id = %job.id, error = sfumato_core::chain(&error), "parts of a finished video are left until its original goes");
        }
    }

    /// Records the outcome; a store that cannot answer is asked again for as long as the lease may last.
    async fn record(
        &self,
        job: &Job,
        lease: &Lease,
        outcome: JobOutcome,
        shutdown: &CancellationToken,
    ) -> Result<Option<Job>, Stop> {
        let mut wait = Duration::from_millis(50);
        let inner = self.inner();
        let stored = match &outcome {
            JobOutcome::Succeeded(result) => Some(result.id),
            JobOutcome::Failed { .. } | JobOutcome::NoRoom => None,
        };
        loop {
            match inner.store.finish_job(job.id, lease, outcome.clone()).await {
                Ok(job) => {
                    hit(Point::AfterFinish);
                    tracing::info!(job.id = %job.id, state = job.state.name(), "an attempt ended");
                    self.forget_parts(&job).await;
                    return Ok(Some(job));
                }
                Err(StoreError::LeaseLost) => {
                    return match stored {
                        Some(result) if !self.throw_away(result).await => {
                            tracing::info!(job.id = %job.id, "an attempt had ended already: the database had not answered");
                            Ok(None)
                        }
                        _ => Err(Stop::LeaseLost),
                    };
                }
                Err(error) => {
                    tracing::error!(job.id = %job.id, error = sfumato_core::chain(&error), "an outcome could not be recorded yet");
                    if shutdown.is_cancelled() {
                        return Err(Stop::Shutdown);
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
            }
        }
    }
}
