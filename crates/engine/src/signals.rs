//! Wake-ups within the process. They only save waiting: whoever misses one finds the work by polling.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use sfumato_core::JobId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Wake-ups of workers and couriers, and the way to stop a running job.
#[derive(Debug, Default)]
pub struct Signals {
    /// There may be a job to claim.
    pub jobs: Notify,
    /// Deliveries may have become due otherwise than by an event: the courier looks at the whole database.
    pub deliveries: Notify,
    /// There may be a replay to carry out.
    pub replays: Notify,
    /// A job has finished.
    pub finished: Notify,
    running: Mutex<BTreeMap<JobId, CancellationToken>>,
}

impl Signals {
    fn running(&self) -> MutexGuard<'_, BTreeMap<JobId, CancellationToken>> {
        // The map is whole at every instruction, so that a panic elsewhere leaves nothing half done in it.
        self.running
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A job begins in this process; the token is cancelled when the client cancels it.
    pub(crate) fn begin(&self, job: JobId) -> CancellationToken {
        let token = CancellationToken::new();
        self.running().insert(job, token.clone());
        token
    }

    /// A job has ended in this process.
    pub(crate) fn end(&self, job: JobId) {
        self.running().remove(&job);
    }

    /// Stops the job if it runs in this process.
    pub(crate) fn cancel(&self, job: JobId) {
        if let Some(token) = self.running().get(&job) {
            token.cancel();
        }
    }
}
