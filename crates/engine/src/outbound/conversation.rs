//! One request and its answer over an open connection, and whether the connection may serve another.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::poll_fn;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use url::{Position, Url};

use super::answer::Answer;
use super::connect::Connection;
use super::failure::Failure;
use super::pool::Link;
use super::wire::{Arrived, Wire};
use super::{Phase, Progress, WebhookMessage};

/// Bytes of the answer's status line and headers.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Headers of the answer.
const HEADERS_MAX: usize = 100;

/// Bytes that may arrive until the answer's headers are whole: with interim answers (1xx) before it. Who sends them for
/// ever would otherwise have us read at full speed until the deadline.
const PRELUDE_BYTES_MAX: usize = 2 * HEADER_BYTES_MAX;

/// A conversation that came to no whole answer.
pub(super) struct Broken {
    pub(super) failure: Failure,
    /// Not one byte of an answer had arrived.
    pub(super) unanswered: bool,
}

/// A connection that may serve another message, for the time that the receiver has named.
pub(super) type Reusable = (Link, Option<Duration>);

/// Sends the message and reads the whole answer into `progress`; returns its body. The connection comes back when
/// answer and request ended exactly where they say they end; in every other case it is closed here.
pub(super) async fn converse(
    link: Link,
    url: &Url,
    message: &WebhookMessage,
    last: bool,
    progress: &mut Progress,
) -> Result<(Vec<u8>, Option<Reusable>), Broken> {
    progress.enter(Phase::Headers);
    let arrived = Arrived::default();
    let spoken = speak(link, &arrived, url, message, last, progress).await;
    spoken.map_err(|failure| Broken {
        failure,
        unanswered: arrived.bytes() == 0,
    })
}

async fn speak(
    link: Link,
    arrived: &Arrived,
    url: &Url,
    message: &WebhookMessage,
    last: bool,
    progress: &mut Progress,
) -> Result<(Vec<u8>, Option<Reusable>), Failure> {
    let request = request(url, message, last)?;
    let broken = |source| Failure::Exchange { source };
    let wire = TokioIo::new(Wire::new(link.stream, arrived.clone()));
    let (mut sender, connection) = http1::Builder::new()
        // Receivers that compare header names by letter expect `X-Auth-Token`.
        .title_case_headers(true)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADER_BYTES_MAX)
        .handshake(wire)
        .await
        .map_err(broken)?;
    let mut line = Line {
        connection: Some(connection),
        arrived,
    };
    let response = line.head(sender.send_request(request)).await?.map_err(broken)?;
    progress.enter(Phase::Body);
    let framed = !last && is_well_framed(&response);
    let answer = progress.answer.insert(Answer::of(&response));
    let body = answer.read(response.into_body(), &mut line).await?;
    if !framed {
        return Ok((body, None));
    }
    let wish = answer.keep_alive();
    let stream = line.into_idle(|| sender.is_ready()).await;
    let reusable = stream.map(|stream| (Link { stream, ..link }, wish));
    Ok((body, reusable))
}

fn request(url: &Url, message: &WebhookMessage, last: bool) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort]);
    if last {
        request = request.header(CONNECTION, "close");
    }
    for (name, value) in &message.headers {
        request = request.header(*name, value);
    }
    request
        .body(Full::new(Bytes::copy_from_slice(&message.body)))
        .map_err(|source| Failure::Request { source })
}

/// Whether there is one reading only of where the answer ends. Two statements of its length, even equal ones, are what
/// answers are smuggled with (RFC 9112, 6.3 and 11.2); an end that only the closing tells leaves nothing to keep.
fn is_well_framed(response: &Response<Incoming>) -> bool {
    let (status, headers) = (response.status().as_u16(), response.headers());
    let lengths = headers.get_all(CONTENT_LENGTH).iter().count();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let framed = match (lengths, codings.next(), codings.next()) {
        (1, None, None) => !matches!(status, 204 | 304),
        (0, Some(coding), None) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && !matches!(status, 204 | 304)
        }
        (0, None, None) => matches!(status, 204 | 304),
        _ => false,
    };
    framed && response.version() == Version::HTTP_11 && status != 101
}

type Http1 = http1::Connection<TokioIo<Wire>, Full<Bytes>>;

/// The HTTP implementation's half of a conversation. It works while it is waited on and not in a task of its own: no
/// message costs a change of tasks, and what drops the conversation closes the connection.
pub(super) struct Line<'a> {
    /// `None` when it has ended.
    connection: Option<Http1>,
    arrived: &'a Arrived,
}

impl Line<'_> {
    fn work(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.poll_without_shutdown(cx).is_ready()
        {
            // Dropping it is what tells whoever waits for an answer that none will come.
            self.connection = None;
        }
    }

    async fn head<F: Future>(&mut self, answer: F) -> Result<F::Output, Failure> {
        let mut answer = pin!(answer);
        poll_fn(|cx| {
            self.work(cx);
            match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Ok(answer)),
                Poll::Pending if self.arrived.bytes() > PRELUDE_BYTES_MAX => {
                    Poll::Ready(Err(Failure::Prelude))
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Works until this has come.
    pub(super) async fn until<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            self.work(cx);
            wanted.as_mut().poll(cx)
        })
        .await
    }

    /// The connection, if nothing of the conversation is left on it in either direction.
    async fn into_idle(mut self, is_ready: impl Fn() -> bool) -> Option<Box<dyn Connection>> {
        if !is_ready() {
            // The end of the body may have been handed out before the conversation was closed.
            self.until(std::future::ready(())).await;
        }
        if !is_ready() {
            return None;
        }
        let parts = self.connection?.into_parts();
        if !parts.read_buf.is_empty() {
            return None;
        }
        parts.io.into_inner().into_flushed()
    }
}
