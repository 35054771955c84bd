//! One request and its answer over an open connection, and whether the connection may serve another.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, Version};
use url::{Position, Url};

use super::answer::Answer;
use super::connect::Link;
use super::failure::Failure;
use super::line::Line;
use super::wire::Arrived;
use super::{Phase, Progress, WebhookMessage};

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
    let (mut sender, mut line) = Line::open(link.stream, arrived).await?;
    let response = line.head(sender.send_request(request)).await?;
    let response = response.map_err(|source| Failure::Exchange { source })?;
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
