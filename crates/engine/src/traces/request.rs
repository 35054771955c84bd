//! The span of a request in the trace of whoever sent it.

use sfumato_core::{ClientId, JobId, Timestamp};

use super::{Kind, RemoteSpan, Span, SpanId, Tracer};

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its identifier in the log.
    pub id: &'a str,
    /// Its method, one that the program knows.
    pub method: &'a str,
    /// The pattern that matched, never the path.
    pub route: &'a str,
    /// Who sent it.
    pub client: ClientId,
    /// The job that it made, if any.
    pub job: Option<JobId>,
    /// The status of the answer.
    pub status: u16,
    /// When it came.
    pub began: Timestamp,
    /// When it was answered.
    pub ended: Timestamp,
}

impl Tracer {
    /// A request of a known client was answered that a recorded span of the client's sent. Others are in nobody's trace.
    pub fn request_answered(&self, answered: &Answered<'_>, sender: RemoteSpan) {
        if !sender.sampled {
            return;
        }
        let ids = (
            sender.trace,
            SpanId::of_request(answered.id, answered.began),
            Some(sender.span),
        );
        let name = format!("{} {}", answered.method, answered.route);
        let mut span = Span::new(ids, name, (answered.began, answered.ended))
            .of_kind(Kind::Server)
            .with("http.request.method", answered.method.to_owned())
            .with("http.route", answered.route.to_owned())
            .with("http.response.status_code", answered.status)
            .with("sfumato.client.id", answered.client.to_string());
        span.parent_is_remote = true;
        if let Some(job) = answered.job {
            let link = self.trace_of(job).map(|trace| RemoteSpan {
                trace,
                span: SpanId::root_of(job),
                sampled: true,
            });
            span.links = link.into_iter().collect();
        }
        let failure = (answered.status >= 500).then(|| answered.status.to_string());
        self.record(span.failed(failure));
    }
}
