//! The spans of webhooks: each POST, until one is acknowledged.

use std::time::Duration;

use sfumato_core::delivery::{Attempt, DeliveryState, Outcome};
use sfumato_core::{DeliveryId, EndpointId, EventStatus, JobId};

use super::{Kind, Span, SpanId, Tracer};

/// An attempt at a delivery that was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempted<'a> {
    pub(crate) delivery: DeliveryId,
    pub(crate) endpoint: EndpointId,
    pub(crate) job: JobId,
    pub(crate) event: EventStatus,
    pub(crate) attempt: &'a Attempt,
    /// Where the delivery stands from here on.
    pub(crate) state: &'a DeliveryState,
}

impl Tracer {
    /// An attempt was recorded. It hangs from its event, and says what has become of its delivery by it.
    pub(crate) fn delivery_attempted(&self, attempted: &Attempted<'_>) {
        let Some(trace) = self.trace_of(attempted.job) else {
            return;
        };
        let Attempted { attempt, state, .. } = *attempted;
        let event = SpanId::of_event(attempted.job, attempted.event);
        let took = Duration::from_millis(attempt.duration_ms.into());
        let failure = (attempt.outcome != Outcome::Ok).then_some(attempt.outcome.as_str());
        let ids = (trace, SpanId::of_attempt(attempt.id), Some(event));
        let post = Span::new(ids, "POST", (attempt.started_at, attempt.started_at.after(took)))
            .of_kind(Kind::Client)
            .with("http.request.method", "POST")
            .with_some("http.response.status_code", attempt.status)
            .with_some("error.type", failure)
            .with("sfumato.event", attempted.event.as_str())
            .with("sfumato.endpoint.id", attempted.endpoint.to_string())
            .with("sfumato.delivery.id", attempted.delivery.to_string())
            .with("sfumato.delivery.attempt", attempt.number)
            .with("sfumato.delivery.outcome", attempt.outcome.as_str())
            .with("sfumato.delivery.state", state.name());
        self.record(post.failed(failure));
    }
}
