//! A connection as the HTTP implementation sees it: it counts what arrives and knows whether all has left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Connection;

/// See the module.
pub(super) struct Wire {
    stream: Box<dyn Connection>,
    arrived: Arrived,
    flushed: bool,
}

/// Bytes that have arrived since the request began, readable while the HTTP implementation owns the connection.
#[derive(Clone, Default)]
pub(super) struct Arrived(Arc<AtomicUsize>);

impl Arrived {
    pub(super) fn bytes(&self) -> usize {
        // One task counts and asks.
        self.0.load(Ordering::Relaxed)
    }
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Connection>, arrived: Arrived) -> Self {
        Self {
            stream,
            arrived,
            flushed: false,
        }
    }

    /// The connection, if the whole request has left: what is left of one would begin the next.
    pub(super) fn into_flushed(self) -> Option<Box<dyn Connection>> {
        self.flushed.then_some(self.stream)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let read = buffer.filled().len() - before;
        self.arrived.0.fetch_add(read, Ordering::Relaxed);
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.flushed = false;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flushed = false;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// The HTTP implementation flushes when it has written all that it holds, and not before.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.flushed |= matches!(result, Poll::Ready(Ok(())));
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
