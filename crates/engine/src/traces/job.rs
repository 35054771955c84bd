//! The spans of a job: its upload, from which all others hang, its wait, and each attempt at it.

use std::sync::OnceLock;

use sfumato_core::job::{Job, JobState};
use sfumato_core::store::PartLease;
use sfumato_core::{EventStatus, FencingToken, JobId, MediaKind, Timestamp};
use sfumato_media_client::protocol::Timings;

use super::{Kind, RemoteSpan, Span, SpanId, TraceId, Tracer};

/// From the first byte of an upload to the row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// When the upload began to be received.
    pub(crate) began: Timestamp,
    /// When its last byte had come.
    pub(crate) received: Timestamp,
    /// When it was stored durably.
    pub(crate) stored: Timestamp,
    /// When its job was committed.
    pub(crate) committed: Timestamp,
}

/// What an attempt came past; filled in while it runs.
#[derive(Debug, Default)]
pub(crate) struct Course {
    media: OnceLock<(Timestamp, Timestamp, Option<Timings>)>,
    stored: OnceLock<(Timestamp, Timestamp)>,
}

impl Course {
    /// The media process has had the file from then to then. Of one that failed there are no timings.
    pub(crate) fn media(&self, began: Timestamp, ended: Timestamp, timings: Option<Timings>) {
        // One attempt runs a media process once.
        let _ = self.media.set((began, ended, timings));
    }

    /// The result was written from then to then.
    pub(crate) fn stored(&self, began: Timestamp, ended: Timestamp) {
        let _ = self.stored.set((began, ended));
    }
}

/// An attempt at a job, as it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) job: &'a Job,
    pub(crate) claim: FencingToken,
    pub(crate) began: Timestamp,
    /// What came of it, in the words of the metrics.
    pub(crate) end: &'static str,
    pub(crate) course: &'a Course,
}

fn job_span(job: JobId) -> SpanId {
    SpanId::part_of(job, "job")
}

/// Stages with the names of their attributes, in the order in which media passes through them.
fn stages(timings: &Timings) -> [(&'static str, &'static str, f32); 5] {
    [
        ("decode", "sfumato.stage.decode_ms", timings.decode_ms),
        ("resize", "sfumato.stage.resize_ms", timings.resize_ms),
        ("inference", "sfumato.stage.inference_ms", timings.inference_ms),
        ("mask", "sfumato.stage.mask_ms", timings.mask_ms),
        ("encode", "sfumato.stage.encode_ms", timings.encode_ms),
    ]
}

impl Tracer {
    /// An upload was accepted as a job; `sender` is the span that its request named.
    pub(crate) fn job_accepted(&self, job: &Job, accepted: &Accepted, sender: Option<RemoteSpan>) {
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let root = SpanId::root_of(job.id);
        let Accepted {
            began,
            received,
            stored,
            committed,
        } = *accepted;
        for (name, began, ended) in [
            ("receive", began, received),
            ("store original", received, stored),
            ("accept", stored, committed),
        ] {
            let id = SpanId::part_of(job.id, name);
            self.record(Span::new((trace, id, Some(root)), name, (began, ended)));
        }
        self.event_told(job.id, EventStatus::Sent, job.created_at);
        let links = sender.into_iter().collect();
        let span = of_job(job, Span::new((trace, root, None), "upload", (began, committed)));
        self.record(Span {
            links,
            ..span.of_kind(Kind::Server)
        });
    }

    /// A revision was accepted: a job without an upload, which has to do with the one before it.
    pub(crate) fn revision_accepted(&self, job: &Job, now: Timestamp, sender: Option<RemoteSpan>) {
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let before = RemoteSpan {
            trace: TraceId::of_job(job.root()),
            span: SpanId::root_of(job.root()),
            sampled: self.trace_of(job.root()).is_some(),
        };
        self.event_told(job.id, EventStatus::Sent, job.created_at);
        let links = [before].into_iter().chain(sender).collect();
        let span = Span::new(
            (trace, SpanId::root_of(job.id), None),
            "revise",
            (job.created_at, now),
        );
        self.record(Span {
            links,
            ..of_job(job, span).of_kind(Kind::Server)
        });
    }

    /// An event was committed with the status that it tells of: the moment from which its deliveries hang.
    fn event_told(&self, job: JobId, status: EventStatus, at: Timestamp) {
        let Some(trace) = self.trace_of(job) else { return };
        let name = match status {
            EventStatus::Sent => "event Sent",
            EventStatus::Started => "event Started",
            EventStatus::Succeeded => "event Succeeded",
            EventStatus::Failed => "event Failed",
        };
        let ids = (trace, SpanId::of_event(job, status), Some(SpanId::root_of(job)));
        self.record(Span::new(ids, name, (at, at)).with("sfumato.event", status.as_str()));
    }

    /// A worker claimed a job for the first time.
    pub(crate) fn job_claimed(&self, job: &Job, now: Timestamp) {
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let ids = (trace, SpanId::part_of(job.id, "wait"), Some(job_span(job.id)));
        self.record(Span::new(ids, "wait", (job.created_at, now)));
        self.event_told(job.id, EventStatus::Started, job.started_at.unwrap_or(now));
    }

    /// An attempt ended.
    pub(crate) fn attempt_ended(&self, attempt: &Attempt<'_>, ended: Timestamp) {
        let &Attempt {
            job,
            claim,
            began,
            end,
            course,
        } = attempt;
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let id = |what| SpanId::part_of_claim(job.id, claim, what);
        let of_attempt = |what| (trace, id(what), Some(id("attempt")));
        let mut worked_until = began;
        if let Some((began, ended, timings)) = course.media.get() {
            let mut span = Span::new(of_attempt("media"), "media process", (*began, *ended));
            for (_, key, ms) in timings.iter().flat_map(stages) {
                span = span.with(key, f64::from(ms));
            }
            if let Some(timings) = timings {
                self.stages_ended(job, &span, timings, id);
            }
            self.record(span.failed(timings.is_none().then_some(end)));
            worked_until = *ended;
        }
        if let Some((began, ended)) = course.stored.get() {
            self.record(Span::new(of_attempt("store"), "store result", (*began, *ended)));
            worked_until = *ended;
        }
        if end == crate::metrics::SUCCEEDED {
            self.record(Span::new(of_attempt("record"), "record", (worked_until, ended)));
        }
        let ids = (trace, id("attempt"), Some(job_span(job.id)));
        let span = Span::new(ids, "attempt", (began, ended))
            .with("sfumato.attempt", job.attempts)
            .with("sfumato.attempt.end", end);
        self.record(span.failed((end != crate::metrics::SUCCEEDED).then_some(end)));
    }

    /// The stages of a picture, one after the other from when its process had it, each as long as the CPU time that it took:
    /// a picture passes through them in this order on one thread. Where several threads were at it at once, and in videos and
    /// archives, nobody knows where they lie.
    fn stages_ended(&self, job: &Job, media: &Span, timings: &Timings, id: impl Fn(&'static str) -> SpanId) {
        let us = |ms: f32| (f64::from(ms.max(0.0)) * 1e3) as i64;
        let taken: i64 = stages(timings).iter().map(|(_, _, ms)| us(*ms)).sum();
        let whole = media.ended.as_micros().saturating_sub(media.began.as_micros());
        if job.upload.format.kind() != MediaKind::Picture || taken > whole {
            return;
        }
        let mut at = media.began.as_micros();
        for (stage, _, ms) in stages(timings) {
            let end = at.saturating_add(us(ms));
            let lies = (Timestamp::from_micros(at), Timestamp::from_micros(end));
            self.record(Span::new((media.trace, id(stage), Some(media.id)), stage, lies));
            at = end;
        }
    }

    /// Some parts of a long video were done beside the worker that runs it, from `first` on.
    pub(crate) fn helped(&self, job: &Job, first: &PartLease, lies: (Timestamp, Timestamp), failed: bool) {
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let id = SpanId::of_help(job.id, first.number, first.lease.token);
        let span = Span::new((trace, id, Some(job_span(job.id))), "help", lies);
        let span = span.with("sfumato.part.first", first.number);
        self.record(span.failed(failed.then_some("left to the worker that runs the job")));
    }

    /// A job has come to its end.
    pub(crate) fn job_ended(&self, job: &Job) {
        let Some(trace) = self.trace_of(job.id) else {
            return;
        };
        let ids = (trace, job_span(job.id), Some(SpanId::root_of(job.id)));
        let (finished_at, event, error) = match &job.state {
            JobState::Succeeded { finished_at, .. } | JobState::Expired { finished_at, .. } => {
                (*finished_at, Some(EventStatus::Succeeded), None)
            }
            JobState::Failed { finished_at, error } => {
                (*finished_at, Some(EventStatus::Failed), Some(error.clone()))
            }
            // Who cancelled it knows.
            JobState::Cancelled { finished_at } => (*finished_at, None, None),
            JobState::Queued { .. } | JobState::Running { .. } => return,
        };
        if let Some(event) = event {
            self.event_told(job.id, event, finished_at);
        }
        let mut span = Span::new(ids, "job", (job.created_at, finished_at))
            .with("sfumato.job.state", job.state.name())
            .with("sfumato.job.attempts", job.attempts);
        if let JobState::Succeeded { result, .. } = &job.state {
            span = span
                .with("sfumato.hidden.faces", result.faces)
                .with("sfumato.hidden.plates", result.plates)
                .with("sfumato.result.size", result.bytes);
        }
        self.record(of_job(job, span).failed(error));
    }
}

/// What every log line of a job says too.
fn of_job(job: &Job, span: Span) -> Span {
    span.with("sfumato.job.id", job.id.to_string())
        .with("sfumato.client.id", job.client.to_string())
        .with("sfumato.media.kind", job.upload.format.kind().as_str())
        .with("sfumato.media.format", job.upload.format.as_str())
        .with("sfumato.media.size", job.upload.bytes)
}
