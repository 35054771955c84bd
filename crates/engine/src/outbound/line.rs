//! HTTP on one open connection.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::poll_fn;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::Connection;
use super::failure::Failure;
use super::wire::{Arrived, Wire};

/// Bytes of the answer's status line and headers.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Headers of the answer.
const HEADERS_MAX: usize = 100;

/// Bytes that may arrive until the answer's headers are whole: with interim answers (1xx) before it. Who sends them for
/// ever would otherwise have us read at full speed until the deadline.
const PRELUDE_BYTES_MAX: usize = 2 * HEADER_BYTES_MAX;

type Http1 = http1::Connection<TokioIo<Wire>, Full<Bytes>>;

/// The HTTP implementation's half of a conversation. It works while it is waited on and not in a task of its own: no
/// message costs a change of tasks, and what drops the conversation closes the connection.
pub(super) struct Line<'a> {
    /// `None` when it has ended.
    connection: Option<Http1>,
    arrived: &'a Arrived,
}

impl<'a> Line<'a> {
    /// Speaks HTTP over a connection; `arrived` counts what comes. Requests are given to what is returned first.
    pub(super) async fn open(
        stream: Box<dyn Connection>,
        arrived: &'a Arrived,
    ) -> Result<(SendRequest<Full<Bytes>>, Self), Failure> {
        let wire = TokioIo::new(Wire::new(stream, arrived.clone()));
        let (sender, connection) = http1::Builder::new()
            // Receivers that compare header names by letter expect `X-Auth-Token`.
            .title_case_headers(true)
            .max_buf_size(HEADER_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEADER_BYTES_MAX)
            .handshake(wire)
            .await
            .map_err(|source| Failure::Exchange { source })?;
        let line = Self {
            connection: Some(connection),
            arrived,
        };
        Ok((sender, line))
    }

    fn work(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.poll_without_shutdown(cx).is_ready()
        {
            // Dropping it is what tells whoever waits for an answer that none will come.
            self.connection = None;
        }
    }

    /// Works until the headers of the answer have come.
    ///
    /// # Errors
    /// [`Failure::Prelude`] where what comes before their end is too much.
    pub(super) async fn head<F: Future>(&mut self, answer: F) -> Result<F::Output, Failure> {
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
    pub(super) async fn into_idle(mut self, is_ready: impl Fn() -> bool) -> Option<Box<dyn Connection>> {
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
