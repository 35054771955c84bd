//! Answers that are given before the request's body has been read.
//!
//! A server that answers and closes while the client is still sending makes the client's operating system report a reset,
//! and most clients then never show the answer. So what the client goes on sending is read and thrown away, within
//! limits, while the answer is on its way; then the connection is closed (RFC 9112, section 9.6).

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

/// A rest that is at most this long is read before the answer, so that the connection can be kept.
const SHORT_REST_BYTES_MAX: u64 = 64 * 1024;
/// How long a short rest is waited for.
const SHORT_REST_WAIT: Duration = Duration::from_millis(250);
/// Of a long rest, this much is thrown away at most.
const LONG_REST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A long rest is read for this long at most.
const LONG_REST_TIME_MAX: Duration = Duration::from_secs(15);
/// Longest pause of a client in sending a long rest.
const LONG_REST_IDLE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Lent {
    body: Body,
    begun: bool,
    ended: bool,
}

/// The request's body as the handler sees it. What it leaves unread can be taken back.
struct Loan(Arc<Mutex<Lent>>);

fn lock(lent: &Mutex<Lent>) -> MutexGuard<'_, Lent> {
    // A panic while reading leaves the body as readable as it was.
    lent.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpBody for Loan {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut lent = lock(&self.0);
        lent.begun = true;
        let frame = Pin::new(&mut lent.body).poll_frame(cx);
        lent.ended |= match &frame {
            Poll::Ready(None | Some(Err(_))) => true,
            Poll::Ready(Some(Ok(_))) => lent.body.is_end_stream(),
            Poll::Pending => false,
        };
        frame
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).body.size_hint()
    }
}

/// The layer.
pub(crate) async fn answer_before_the_body_ends(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let waits_for_go_ahead = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let lent = Arc::new(Mutex::new(Lent {
        body,
        ..Lent::default()
    }));
    let request = Request::from_parts(parts, Body::new(Loan(lent.clone())));
    let mut response = next.run(request).await;
    let (mut rest, begun) = {
        let mut lent = lock(&lent);
        if lent.ended {
            return response;
        }
        (std::mem::take(&mut lent.body), lent.begun)
    };
    // A client that waits for `100 Continue` and does not get it sends no body.
    let sends = begun || !waits_for_go_ahead;
    if sends
        && rest
            .size_hint()
            .upper()
            .is_some_and(|bytes| bytes <= SHORT_REST_BYTES_MAX)
    {
        let short = timeout(SHORT_REST_WAIT, throw_away(&mut rest, SHORT_REST_BYTES_MAX)).await;
        if short == Ok(Ended::Yes) {
            return response;
        }
    }
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    if sends {
        // The task holds the body, and thereby the connection open, while the answer is being written.
        tokio::spawn(timeout(LONG_REST_TIME_MAX, async move {
            throw_away(&mut rest, LONG_REST_BYTES_MAX).await
        }));
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

async fn throw_away(body: &mut Body, bytes_max: u64) -> Ended {
    let mut bytes = 0u64;
    loop {
        match timeout(LONG_REST_IDLE_MAX, body.frame()).await {
            Ok(Some(Ok(frame))) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Ok(None) => return Ended::Yes,
            Ok(Some(Err(_))) | Err(_) => return Ended::No,
        }
        if bytes > bytes_max {
            return Ended::No;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::serve::{ServeSettings, serve};

    /// A server that refuses without reading, or reads all.
    async fn connect() -> TcpStream {
        let router = Router::new()
            .route("/refuse", post(|| async { (StatusCode::FORBIDDEN, "no") }))
            .route("/read", post(|body: Bytes| async move { body.len().to_string() }))
            .layer(from_fn(answer_before_the_body_ends));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(
            listener,
            router,
            ServeSettings::default(),
            CancellationToken::new(),
        ));
        TcpStream::connect(address).await.unwrap()
    }

    fn head(path: &str, more: &str) -> String {
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n\r\n")
    }

    async fn read_until(stream: &mut TcpStream, end: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.ends_with(end) {
            let read = stream.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the connection ended after {text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        text
    }

    #[tokio::test]
    async fn a_client_that_sends_everything_first_sees_the_answer() {
        let mut stream = connect().await;
        const BYTES: usize = 50_000_000;
        let head = head("/refuse", &format!("Content-Length: {BYTES}"));
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![7; 1_000_000];
        for _ in 0..BYTES / chunk.len() {
            stream.write_all(&chunk).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
        assert!(
            answer.to_lowercase().contains("\r\nconnection: close\r\n"),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\nno"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_listens_while_it_sends_sees_the_answer_at_once() {
        let mut stream = connect().await;
        let head = head("/refuse", "Content-Length: 50000000");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[7; 1000]).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\nno").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_waits_for_a_go_ahead_gets_the_answer_instead() {
        let mut stream = connect().await;
        let head = head("/refuse", "Content-Length: 50000000\r\nExpect: 100-continue");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_outlives_a_short_body_that_nobody_read() {
        let mut stream = connect().await;
        for _ in 0..3 {
            let request = head("/refuse", "Content-Length: 5") + "12345";
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = read_until(&mut stream, "no").await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        }
        let request = head("/read", "Content-Length: 5") + "12345";
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(
            read_until(&mut stream, "\r\n\r\n5")
                .await
                .starts_with("HTTP/1.1 200")
        );
    }

    #[tokio::test]
    async fn a_body_in_chunks_without_an_end_is_not_read_for_ever() {
        let mut stream = connect().await;
        let request = head("/refuse", "Transfer-Encoding: chunked") + "5\r\n12345\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG_REST_IDLE_MAX * 3, stream.read_to_string(&mut answer))
            .await
            .expect("the server closes the connection by itself")
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
}
