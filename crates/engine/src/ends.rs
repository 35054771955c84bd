//! The end of a job, wherever it comes: its one line in the log, and its span.

use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_core::job::{Job, JobState};
use sfumato_core::store::Reaped;

use crate::Engine;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// When a job that has finished did so.
const fn finished_at(job: &Job) -> Option<Timestamp> {
    match &job.state {
        JobState::Succeeded { finished_at, .. }
        | JobState::Failed { finished_at, .. }
        | JobState::Cancelled { finished_at }
        | JobState::Expired { finished_at, .. } => Some(*finished_at),
        JobState::Queued { .. } | JobState::Running { .. } => None,
    }
}

impl Engine {
    /// Tells of the jobs that leases without a holder have made fail, and returns how many leases there were.
    pub(crate) fn told(&self, reaped: Reaped) -> u64 {
        reaped.failed.iter().for_each(|job| self.tell_end(job));
        reaped.freed
    }

    /// Tells of a job that has just finished; of another one nothing.
    pub(crate) fn tell_end(&self, job: &Job) {
        let Some(finished_at) = finished_at(job) else {
            return;
        };
        let begun = job.started_at.unwrap_or(finished_at);
        let result = match &job.state {
            JobState::Succeeded { result, .. } => Some(result),
            _ => None,
        };
        let reason = match &job.state {
            JobState::Failed { error, .. } => Some(error.as_str()),
            _ => None,
        };
        tracing::info!(
            job.id = %job.id,
            client.id = %job.client,
            kind = job.upload.format.kind().as_str(),
            format = %job.upload.format,
            state = job.state.name(),
            wait_ms = milliseconds(begun.since(job.created_at)),
            work_ms = milliseconds(finished_at.since(begun)),
            attempts = job.attempts,
            faces = result.map(|result| result.faces),
            plates = result.map(|result| result.plates),
            bytes_in = job.upload.bytes,
            bytes_out = result.map(|result| result.bytes),
            reason,
            trace.id = self.trace_of(job.id).map(tracing::field::display),
            "a job ended"
        );
        if let Some(tracer) = self.tracer() {
            tracer.job_ended(job);
        }
    }
}
