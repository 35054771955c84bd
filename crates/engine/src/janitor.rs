//! The janitor: what died is freed, what has had its time is deleted.
//!
//! Order of deletion: the row says first that something is to be deleted, so that never is something offered that is gone;
//! then the blob goes; then it is marked as deleted. What dies or fails in between is found in the next round.
//!
//! Several may clean one installation at the same time: each step is a transaction of its own that takes what is left, and
//! deleting a blob twice is harmless.

use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_core::store::Call;
use thiserror::Error;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::blobs::{BlobError, Deleted, Reason, log_deletion};
use crate::disposal::{BATCH, dispose_all, several};

/// Between two looks for expired leases.
const REAP_EVERY: Duration = Duration::from_secs(5);

/// Reaping rounds between two looks for what is to be deleted.
const SWEEP_ROUNDS: u32 = 12;

/// Sweeps between two searches for orphans, which list all of the storage.
const ORPHAN_SWEEPS: u32 = 60;

/// Why a round of cleaning was cut short. The next one takes up where it ended.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The database.
    #[error("the database cannot answer")]
    Store(#[from] sfumato_core::StoreError),
    /// The storage.
    #[error("the storage cannot answer")]
    Blobs(#[from] BlobError),
}

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Originals that were deleted.
    pub originals: usize,
    /// Results that were deleted.
    pub results: usize,
}

impl Engine {
    /// Cleans until `shutdown`. What fails is logged and tried again; the janitor never ends by itself.
    pub async fn run_janitor(&self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(REAP_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut round: u32 = 0;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {
                    self.clean(round).await;
                    round = round.wrapping_add(1);
                }
                () = self.inner().signals.finished.notified() => {
                    // An original whose retention is zero is not kept until the next sweep.
                    said("originals were not deleted yet", self.delete_originals().await);
                }
            }
        }
    }

    /// One round: each part is on its own, so that one that fails stops no other.
    async fn clean(&self, round: u32) {
        let inner = self.inner();
        let reaped = inner.store.reap().await.map_err(SweepError::from);
        let reaped = said("leases were not reaped", reaped).unwrap_or_default();
        if self.told(reaped) > 0 {
            tracing::warn!("leases had expired; the work is queued again");
            inner.announce(Call::Jobs);
            inner.signals.deliveries.notify_one();
            inner.listeners.tell_all();
        }
        if inner.settings.shared {
            // Whoever finishes a job in another process does not wake this one.
            said("originals were not deleted yet", self.delete_originals().await);
        }
        if round.is_multiple_of(SWEEP_ROUNDS) {
            said("what has had its time was not deleted", self.sweep().await);
            let forgotten = inner.store.forget_rotated().await.map_err(SweepError::from);
            said("rotated credentials were not forgotten", forgotten);
        }
        if round.is_multiple_of(SWEEP_ROUNDS.saturating_mul(ORPHAN_SWEEPS)) {
            let before = inner.clock.now().before(inner.settings.orphans_kept);
            said(
                "orphan blobs were not collected",
                self.collect_orphans(before).await,
            );
            said("history was not forgotten", self.forget_history().await);
        }
    }

    async fn forget_history(&self) -> Result<(), SweepError> {
        let before = self.inner().clock.now().before(self.settings().history_kept);
        while self.inner().store.prune(before).await? > 0 {}
        let before = self.inner().clock.now().before(self.settings().audit_kept);
        while self.inner().store.forget_audit_entries(before).await? > 0 {}
        Ok(())
    }

    /// Deletes what has had its time: originals, then results.
    ///
    /// # Errors
    /// [`SweepError`]; what was deleted until then stays deleted.
    pub async fn sweep(&self) -> Result<Swept, SweepError> {
        let originals = self.delete_originals().await;
        let inner = self.inner();
        let before = inner.clock.now().before(inner.settings.results_kept);
        // What has been expired is found with what earlier rounds have left.
        while inner.store.expire_results(before, BATCH).await?.len() == BATCH {}
        let results = dispose_all(|limit| self.dispose_expired(limit)).await?;
        Ok(Swept {
            originals: originals?,
            results,
        })
    }

    /// Deletes the originals that have had their time, and those that earlier rounds have left.
    async fn delete_originals(&self) -> Result<usize, SweepError> {
        let inner = self.inner();
        let before = due(inner.clock.now(), inner.settings.originals_kept);
        Ok(dispose_all(|limit| self.dispose_retired(before, limit)).await?)
    }

    /// Deletes blobs that were written before `before` and that no row knows, whole or half-written: what a crash between
    /// blob and row has left behind.
    ///
    /// # Errors
    /// [`SweepError`]; what was deleted until then stays deleted.
    pub async fn collect_orphans(&self, before: Timestamp) -> Result<usize, SweepError> {
        let inner = self.inner();
        // Not every store lists what is half-written; the blobs without a row are collected all the same.
        let half_written = inner.blobs.remove_half_written(before).await;
        let removed = half_written.map_err(SweepError::from);
        let mut collected = said("half-written blobs were not removed", removed).unwrap_or(0);
        for uploads in inner.blobs.uploads_written_before(before).await?.chunks(BATCH) {
            let orphans = inner.store.orphan_uploads(uploads).await?;
            let deletions = orphans
                .into_iter()
                .map(|orphan| inner.blobs.delete_upload(orphan));
            collected += log_orphans("original", several(deletions).await)?;
        }
        for results in inner.blobs.results_written_before(before).await?.chunks(BATCH) {
            let orphans = inner.store.orphan_results(results).await?;
            let deletions = orphans
                .into_iter()
                .map(|orphan| inner.blobs.delete_result(orphan));
            collected += log_orphans("result", several(deletions).await)?;
        }
        if collected > 0 {
            inner.metrics.orphans_deleted(collected);
            tracing::info!(blobs = collected, "orphan blobs were deleted");
        }
        Ok(collected)
    }
}

/// Says what was deleted, and how many that were. One that could not be does not hide the others.
fn log_orphans(kind: &'static str, outcomes: Vec<Result<Deleted, BlobError>>) -> Result<usize, SweepError> {
    let mut deleted = 0;
    let mut stays = Ok(());
    for outcome in outcomes {
        match outcome {
            Ok(gone) => {
                log_deletion(gone, kind, None, Reason::Orphan);
                deleted += 1;
            }
            Err(error) => stays = Err(error),
        }
    }
    Ok(stays.map(|()| deleted)?)
}

/// The value of what went well; what did not is logged.
fn said<T>(what: &str, outcome: Result<T, SweepError>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::warn!(error = sfumato_core::chain(&error), "{what}");
            None
        }
    }
}

/// Jobs that finished before this instant have had their retention; one that finished right now counts when it is zero.
fn due(now: Timestamp, kept: Duration) -> Timestamp {
    now.before(kept).after(Duration::from_micros(1))
}
