//! What both surfaces do with every request: they name it, count its bytes, and leave one line in the log when the last byte
//! of its answer has gone.
//!
//! The line is written wherever a request ends: when its answer is whole, when the client goes away in the middle of it, and
//! when it goes away before there is one.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::HeaderMap;
use hyper::body::{Body, Buf, Frame, SizeHint};
use hyper::header::HeaderName;
use sfumato_core::time::random;
use sfumato_core::{ClientId, JobId, Timestamp, UserId, chain};

use crate::Engine;
use crate::metrics::Surface;
use crate::system::SystemEntropy;
use crate::traces::{Answered, RemoteSpan};

/// Names a request, in both directions.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the span that a request was sent in (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest request identifier that is taken over from a proxy, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Why a request failed, for the operator.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// What is learned about a request while it is answered, for its line in the log.
#[derive(Debug, Default)]
pub struct RequestContext {
    /// The client that sent it, once it is known.
    pub client: OnceLock<ClientId>,
    /// The person who did.
    pub user: OnceLock<UserId>,
    /// The job that it has made.
    pub job: OnceLock<JobId>,
    sender: Option<RemoteSpan>,
}

impl RequestContext {
    /// The span that the request was sent in, where it names one.
    pub fn sender(&self) -> Option<RemoteSpan> {
        self.sender
    }
}

/// The requests of one surface. Their identifiers are a random number of this process and a count. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Requests {
    engine: Engine,
    surface: Surface,
    process: Arc<str>,
    count: Arc<AtomicU64>,
}

impl Requests {
    /// Of a surface of this engine.
    pub fn new(engine: Engine, surface: Surface) -> Self {
        let process = u64::from_be_bytes(random(&SystemEntropy));
        Self {
            engine,
            surface,
            process: format!("{process:016x}").into(),
            count: Arc::default(),
        }
    }

    /// A request has come. `route` is the pattern that matched and never a path: paths and queries name jobs and results.
    /// `peer` is whom it comes from, as far as proxies are trusted.
    pub fn begin(
        &self,
        method: &hyper::Method,
        headers: &HeaderMap,
        route: Option<&str>,
        peer: Option<SocketAddr>,
    ) -> RequestLine {
        let sender = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        let context = RequestContext {
            sender: sender.and_then(|sender| sender.parse().ok()),
            ..RequestContext::default()
        };
        RequestLine {
            engine: self.engine.clone(),
            surface: self.surface,
            begun: Instant::now(),
            began: self.engine.now(),
            id: self.id(headers),
            context: Arc::new(context),
            method: method.clone(),
            route: route.map(str::to_owned),
            peer,
            bytes_in: Arc::default(),
            bytes_out: 0,
            answer: None,
        }
    }

    fn id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        match given {
            Some(id) if is_plain(id) => id.to_owned(),
            _ => {
                let count = self.count.fetch_add(1, Ordering::Relaxed);
                format!("{}-{count}", self.process)
            }
        }
    }
}

/// Whether an identifier from outside may stand in logs and headers.
fn is_plain(id: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The one line of a request. It is written when this is dropped.
#[derive(Debug)]
pub struct RequestLine {
    engine: Engine,
    surface: Surface,
    begun: Instant,
    began: Timestamp,
    id: String,
    context: Arc<RequestContext>,
    method: hyper::Method,
    route: Option<String>,
    peer: Option<SocketAddr>,
    bytes_in: Arc<AtomicU64>,
    bytes_out: u64,
    answer: Option<(u16, Option<Cause>)>,
}

impl RequestLine {
    /// The identifier of the request.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the layers inside say what they learn.
    pub fn context(&self) -> Arc<RequestContext> {
        self.context.clone()
    }

    /// The body of the request, counted.
    pub fn received<B>(&self, body: B) -> Received<B> {
        Received {
            body,
            bytes: self.bytes_in.clone(),
        }
    }

    /// The request is answered; its line is written when the body of the answer has gone, or is given up.
    pub fn answered<B>(mut self, status: u16, cause: Option<Cause>, body: B) -> Sent<B> {
        let (method, route) = (self.method.as_str(), self.route.as_deref());
        self.engine
            .metrics()
            .request_answered(self.surface, method, route, status, self.begun.elapsed());
        if let (Some(tracer), Some(sender), Some(client), Some(route)) = (
            self.engine.tracer(),
            self.context.sender,
            self.context.client.get(),
            route,
        ) {
            let answered = Answered {
                id: &self.id,
                method,
                route,
                client: *client,
                job: self.context.job.get().copied(),
                status,
                began: self.began,
                ended: self.engine.now(),
            };
            tracer.request_answered(&answered, sender);
        }
        self.answer = Some((status, cause));
        Sent { body, line: self }
    }

    /// The trace that tells more of the request: of the job that it made, or that it was sent in.
    fn trace(&self) -> Option<String> {
        let tracer = self.engine.tracer()?;
        let sender = || self.context.sender.filter(|sender| sender.sampled);
        match self.context.job.get() {
            Some(job) => tracer.trace_of(*job),
            None => sender().map(|sender| sender.trace),
        }
        .map(|trace| trace.to_string())
    }
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        let (status, cause) = match self.answer.take() {
            Some((status, cause)) => (Some(status), cause),
            None => (None, None),
        };
        macro_rules! line {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    request.id = self.id,
                    surface = self.surface.as_str(),
                    method = self.method.as_str(),
                    route = self.route.as_deref().unwrap_or("none"),
                    status,
                    duration_ms = self.begun.elapsed().as_secs_f64() * 1e3,
                    bytes_in = self.bytes_in.load(Ordering::Relaxed),
                    bytes_out = self.bytes_out,
                    client.id = self.context.client.get().map(tracing::field::display),
                    user.id = self.context.user.get().map(tracing::field::display),
                    job.id = self.context.job.get().map(tracing::field::display),
                    peer = self.peer.map(tracing::field::display),
                    trace.id = self.trace(),
                    error = cause.as_ref().map(|cause| chain(&**cause)),
                    $message
                )
            };
        }
        match (status, &cause) {
            (Some(_), Some(_)) => line!(error, "a request failed"),
            (Some(_), None) => line!(info, "a request was answered"),
            (None, _) if self.engine.is_ending() => {
                line!(info, "the server stopped before a request was answered");
            }
            (None, _) => line!(info, "the client went away before its request was answered"),
        }
    }
}

/// The body of a request, counted while it is read.
#[derive(Debug)]
pub struct Received<B> {
    body: B,
    bytes: Arc<AtomicU64>,
}

/// The body of an answer. It carries the request's line with it to the end.
#[derive(Debug)]
pub struct Sent<B> {
    body: B,
    line: RequestLine,
}

type Polled<D, E> = Poll<Option<Result<Frame<D>, E>>>;

/// Bytes of the data in a frame.
fn data<D: Buf, E>(polled: &Polled<D, E>) -> u64 {
    match polled {
        Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.remaining() as u64),
        _ => 0,
    }
}

impl<B: Body + Unpin> Body for Received<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<Self::Data, Self::Error> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.bytes.fetch_add(data(&polled), Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body + Unpin> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<Self::Data, Self::Error> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.line.bytes_out += data(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_from_outside_is_taken_over_only_if_it_is_plain() {
        for good in ["a", "0af7651916cd43dd-8448.eb_1"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "a b", "a\"b", "ä", "a\u{1b}[31m", &"x".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
