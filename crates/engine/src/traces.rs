//! Traces: what happened to one job, from its upload to the last acknowledged webhook, as spans for a collector of
//! OpenTelemetry.
//!
//! The trace of a job and every span in it have identifiers that are derived of what they speak of (`id`), so that all
//! processes of an installation write into one trace, days later too, without telling each other, and agree on whether it is
//! wanted at all. A span is recorded when it has ended. It goes into a queue of bounded length, from which
//! [`crate::Engine::run_traces`] hands it on; what the queue has no room for is counted and forgotten. Nothing waits for a span, and
//! nothing fails for want of one.
//!
//! Deliberately absent: OpenTelemetry's own crates, a global, and anything in a span that the log would not hold either.

mod delivery;
mod id;
mod job;
mod queue;
mod request;
mod span;

use std::sync::Arc;

pub use id::{InvalidTraceContext, RemoteSpan, SpanId, TraceId};
pub use queue::{ExportError, Exporter};
pub use request::Answered;
pub use span::{Kind, Span, Value};

pub(crate) use delivery::Attempted;
pub(crate) use job::{Accepted, Attempt, Course};
pub(crate) use queue::Queue;

/// Where spans go, and how many of them.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// Hands them on.
    pub exporter: Arc<dyn Exporter>,
    /// The part of all traces that is recorded, 0 to 1.
    pub sample_ratio: f64,
}

/// Records spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer {
    queue: Arc<Queue>,
    sample_ratio: f64,
}

impl Tracer {
    /// `None` where nothing would ever be recorded.
    pub(crate) fn new(settings: &TraceSettings, metrics: crate::metrics::Metrics) -> Option<Self> {
        (settings.sample_ratio > 0.0).then(|| Self {
            queue: Arc::new(Queue::new(settings.exporter.clone(), metrics)),
            sample_ratio: settings.sample_ratio,
        })
    }

    /// The trace of a job; `None` where it is not recorded.
    pub fn trace_of(&self, job: sfumato_core::JobId) -> Option<TraceId> {
        let trace = TraceId::of_job(job);
        trace.is_sampled(self.sample_ratio).then_some(trace)
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    fn record(&self, span: Span) {
        self.queue.push(span);
    }
}
