//! One long video, several workers: whoever runs the job says which parts there are, and all who have time take one after
//! another, each under a lease of its own (docs/decisions/0027).

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::StoreError;
use sfumato_core::job::{Job, Lease};
use sfumato_core::store::{Call, OwnTurn, PartLease};
use sfumato_media_client::{Turn, Turns};
use tokio_util::sync::CancellationToken;

use super::pace::Done;
use super::task::Trouble;
use super::writes::Writes;
use super::{POLL, PROGRESS_TOLD};
use crate::Engine;
use crate::blobs::PartsOfJob;

/// Parts that a helper does at a stretch. Then it looks for a job of its own first: others' videos wait for this one no
/// longer than that.
const PARTS_AT_A_STRETCH: u32 = 4;

/// The part that is worked on here, if any.
#[derive(Default)]
struct Held(Mutex<Option<PartLease>>);

impl Held {
    fn now(&self) -> MutexGuard<'_, Option<PartLease>> {
        // One value, whole at every instruction.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self) -> Option<PartLease> {
        *self.now()
    }
}

fn other(error: StoreError) -> io::Error {
    io::Error::other(error)
}

/// The turns of the worker that runs the job.
pub(super) struct OwnTurns<'a> {
    engine: &'a Engine,
    job: &'a Job,
    lease: &'a Lease,
    done: &'a Done,
    held: Held,
    /// How many were left at the last look.
    left: AtomicU32,
}

impl<'a> OwnTurns<'a> {
    pub(super) fn new(engine: &'a Engine, job: &'a Job, lease: &'a Lease, done: &'a Done) -> Self {
        Self {
            engine,
            job,
            lease,
            done,
            held: Held::default(),
            left: AtomicU32::new(0),
        }
    }

    /// Keeps the lease of the part that is worked on. Where it is lost, another one does the part as well: what both make of
    /// it fits.
    pub(super) async fn keep(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.engine.settings().lease / 3).await;
            if let Some(part) = self.held.part()
                && let Err(error) = self.engine.extend(&part).await
            {
                tracing::debug!(job.id = %part.job, part = part.number, error = sfumato_core::chain(&error), "the lease of a part was not extended");
            }
        }
    }

    /// Asks the store until it answers. It is the heartbeat of the job that gives up.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F + Send) -> Result<T, StoreError>
    where
        T: Send,
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        loop {
            match ask().await {
                Err(StoreError::Unavailable { source } | StoreError::Full { source }) => {
                    tracing::warn!(job.id = %self.job.id, error = sfumato_core::chain(&*source), "the parts of a job cannot be shared out yet");
                    tokio::time::sleep(self.engine.jittered(POLL)).await;
                }
                outcome => return outcome,
            }
        }
    }
}

#[async_trait]
impl Turns for OwnTurns<'_> {
    async fn offer(&self, missing: &[u32]) -> io::Result<()> {
        let inner = self.engine.inner();
        self.patiently(|| inner.store.offer_parts(self.job.id, self.lease, missing))
            .await
            .map_err(other)?;
        self.left.store(
            u32::try_from(missing.len()).unwrap_or(u32::MAX),
            Ordering::Relaxed,
        );
        inner.announce(Call::Jobs);
        Ok(())
    }

    async fn next(&self) -> io::Result<Turn> {
        let inner = self.engine.inner();
        let lease_for = self.engine.settings().lease;
        let claim = || inner.store.claim_own_part(self.job.id, self.lease, lease_for);
        let OwnTurn { part, left } = self.patiently(claim).await.map_err(other)?;
        *self.held.now() = part;
        if self.left.swap(left, Ordering::Relaxed) > left {
            self.done.advance();
        }
        if part.is_none() && left > 0 {
            tokio::time::sleep(self.engine.jittered(POLL / 2)).await;
        }
        Ok(Turn {
            number: part.map(|part| part.number),
            left,
        })
    }

    async fn done(&self) -> io::Result<()> {
        let inner = self.engine.inner();
        let Some(part) = self.held.now().take() else {
            return Ok(());
        };
        match self.patiently(|| inner.store.finish_part(&part)).await {
            // Where it was lost, another one does it as well, and what is kept of it is whole.
            Ok(()) | Err(StoreError::LeaseLost) => Ok(()),
            Err(error) => Err(other(error)),
        }
    }
}

/// The turns of a worker that takes part in another one's job.
struct HelperTurns<'a> {
    engine: &'a Engine,
    held: Held,
    /// Taken before the process for it was started.
    first: Mutex<Option<u32>>,
    left: AtomicU32,
}

impl HelperTurns<'_> {
    /// Returns when the part that is worked on is somebody else's, or nobody's.
    async fn keep(&self) {
        loop {
            tokio::time::sleep(PROGRESS_TOLD.min(self.engine.settings().lease / 3)).await;
            if let Some(part) = self.held.part() {
                match self.engine.extend(&part).await {
                    Err(StoreError::LeaseLost) => return,
                    Err(error) => {
                        tracing::warn!(job.id = %part.job, part = part.number, error = sfumato_core::chain(&error), "the lease of a part was not extended");
                    }
                    Ok(()) => {}
                }
            }
        }
    }
}

#[async_trait]
impl Turns for HelperTurns<'_> {
    async fn offer(&self, _: &[u32]) -> io::Result<()> {
        // Only who runs the job knows what is missing.
        Err(io::ErrorKind::PermissionDenied.into())
    }

    async fn next(&self) -> io::Result<Turn> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut number = first;
        let job = self.held.part().map(|part| part.job);
        if number.is_none()
            && self.left.load(Ordering::Relaxed) > 0
            && let Some(job) = job
        {
            let inner = self.engine.inner();
            let lease_for = self.engine.settings().lease;
            let taken = inner
                .store
                .claim_part(inner.worker_id, Some(job), lease_for)
                .await;
            let part = taken.map_err(other)?.map(|(_, part)| part);
            *self.held.now() = part;
            number = part.map(|part| part.number);
        }
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        Ok(Turn { number, left })
    }

    async fn done(&self) -> io::Result<()> {
        let Some(part) = self.held.part() else {
            return Ok(());
        };
        self.engine.inner().store.finish_part(&part).await.map_err(other)
    }
}

impl Engine {
    async fn extend(&self, part: &PartLease) -> Result<(), StoreError> {
        let lease_for: Duration = self.settings().lease;
        self.inner().store.extend_part(part, lease_for).await
    }

    /// A part of another worker's job for this one, if there is any.
    pub(super) async fn part_to_help_with(&self) -> Option<(Job, PartLease)> {
        let inner = self.inner();
        let taken = inner
            .store
            .claim_part(inner.worker_id, None, self.settings().lease)
            .await;
        taken.unwrap_or_else(|error| {
            // The next look for jobs tells of it, too.
            tracing::debug!(error = sfumato_core::chain(&error), "no part can be claimed");
            None
        })
    }

    /// Does a part of a long video that another worker runs, and a few more of them.
    pub(super) async fn help(&self, job: &Job, first: PartLease, shutdown: &CancellationToken) {
        let inner = self.inner();
        let Some(media) = inner.media.as_ref() else {
            return;
        };
        let turns = HelperTurns {
            engine: self,
            held: Held(Mutex::new(Some(first))),
            first: Mutex::new(Some(first.number)),
            left: AtomicU32::new(PARTS_AT_A_STRETCH),
        };
        let writes = Writes::new(&inner.blobs);
        let work = async {
            let (task, mut original) = self.task(job).await?;
            let kept = PartsOfJob {
                blobs: &writes.blobs,
                upload: job.upload.id,
                job: job.id,
                when_kept: &|| {},
            };
            let helped = media.help(task, &mut original, (&kept, &turns)).await;
            helped.map_err(Trouble::Media)
        };
        tracing::info!(job.id = %job.id, part = first.number, "helping with a long video");
        let began = self.now();
        let failed = tokio::select! {
            biased;
            () = shutdown.cancelled() => false,
            () = turns.keep() => {
                tracing::info!(job.id = %job.id, "the part was taken over, or its job has ended; its work is thrown away");
                self.take_back(job, &writes).await;
                return;
            }
            outcome = work => match outcome {
                Ok(()) => false,
                Err(trouble) => {
                    tracing::warn!(job.id = %job.id, error = %trouble, "a part is left to the worker that runs the job");
                    self.take_back(job, &writes).await;
                    true
                }
            },
        };
        if let Some(tracer) = self.tracer() {
            tracer.helped(job, &first, (began, self.now()), failed);
        }
        if let Some(part) = turns.held.part() {
            match inner.store.hand_back_part(&part, failed).await {
                Ok(()) | Err(StoreError::LeaseLost) => {}
                Err(error) => {
                    tracing::warn!(job.id = %job.id, error = sfumato_core::chain(&error), "the lease of a part has to expire");
                }
            }
        }
    }
}
