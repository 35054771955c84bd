//! What an attempt writes into the storage, so that nothing of it stays where its job has ended without it.
//!
//! A write that is about to become visible cannot be called back: a thread of the file system or a request is at it, whoever
//! waits for it. It is waited for, and what it wrote is deleted.

use std::sync::OnceLock;

use sfumato_core::ResultId;
use sfumato_core::job::Job;
use tokio_util::task::TaskTracker;

use crate::Engine;
use crate::blobs::Blobs;

/// The writes of one attempt.
pub(super) struct Writes {
    /// The storage, in which every write of this attempt is followed to its end.
    pub(super) blobs: Blobs,
    on_their_way: TaskTracker,
    result: OnceLock<ResultId>,
}

impl Writes {
    pub(super) fn new(blobs: &Blobs) -> Self {
        let (blobs, on_their_way) = blobs.followed();
        Self {
            blobs,
            on_their_way,
            result: OnceLock::new(),
        }
    }

    /// The result that is written from here on. One attempt stores one.
    pub(super) fn begin_result(&self, result: ResultId) {
        let _the_first_stays = self.result.set(result);
    }
}

impl Engine {
    /// Deletes what an attempt has written whose lease is lost: its result, and its parts where the job has ended. While
    /// another worker is at the job, it needs them.
    pub(super) async fn take_back(&self, job: &Job, writes: &Writes) {
        writes.on_their_way.close();
        writes.on_their_way.wait().await;
        if let Some(result) = writes.result.get() {
            self.throw_away(*result).await;
        }
        match self.inner().store.job(job.client, job.id).await {
            Ok(now) => {
                if let Some(now) = now {
                    self.forget_parts(&now).await;
                }
            }
            Err(error) => {
                tracing::warn!(job.id = %job.id, error = sfumato_core::chain(&error), "parts of a job that may have ended are left to the janitor");
            }
        }
    }
}
