//! Bodies that come too slowly. A pause that is too long is another's business (`TimeoutBody`); here a client is stopped that
//! sends a byte now and then, only to hold its place.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::time::Instant;

/// For so long a body may be as slow as it likes.
const GRACE: Duration = Duration::from_secs(30);

/// The body comes too slowly.
#[derive(Clone, Copy, Debug, Error)]
#[error("the body comes at less than {bytes_per_second_min} bytes a second")]
pub struct TooSlow {
    /// The least rate.
    pub bytes_per_second_min: u32,
}

/// A body that must come at a least rate, counted over the time in which it was waited for: what the server itself holds up
/// is not held against the client.
#[derive(Debug)]
pub struct LeastRate<B> {
    body: B,
    bytes_per_second_min: u32,
    bytes: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
}

impl<B> LeastRate<B> {
    /// Of 0 bytes a second: as slow as it likes.
    pub fn new(body: B, bytes_per_second_min: u32) -> Self {
        Self {
            body,
            bytes_per_second_min,
            bytes: 0,
            waited: Duration::ZERO,
            waiting_since: None,
        }
    }

    fn is_too_slow(&self) -> bool {
        let least = self.waited.as_secs_f64() * f64::from(self.bytes_per_second_min);
        self.waited > GRACE && (self.bytes as f64) < least
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<B> Body for LeastRate<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_pending() {
            self.waiting_since.get_or_insert_with(Instant::now);
        }
        let frame = ready!(polled);
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            if self.is_too_slow() {
                let bytes_per_second_min = self.bytes_per_second_min;
                return Poll::Ready(Some(Err(TooSlow { bytes_per_second_min }.into())));
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
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
    use std::convert::Infallible;

    use futures::StreamExt;
    use futures::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    /// Bytes that arrive before the body ends, a chunk every second of virtual time.
    async fn received(chunk_bytes: usize, chunks: usize, reading: Duration) -> usize {
        let chunks = stream::iter(0..chunks).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; chunk_bytes])))
        });
        let mut body = LeastRate::new(StreamBody::new(Box::pin(chunks)), 100);
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.into_data().unwrap().len();
            tokio::time::sleep(reading).await;
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_ended_after_the_grace() {
        assert_eq!(received(1, 1_000, Duration::ZERO).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_the_least_rate_comes_whole_however_slowly_it_is_read() {
        assert_eq!(received(101, 200, Duration::ZERO).await, 101 * 200);
        assert_eq!(received(101, 200, Duration::from_secs(60)).await, 101 * 200);
    }
}
