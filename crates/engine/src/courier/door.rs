//! The door to the network: everything that the courier sends goes through it, so that a simulator can stand behind it.

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::outbound::{Exchange, Outbound, WebhookMessage};

/// Whoever makes the exchanges with endpoints.
pub trait Post: Send + Sync + 'static {
    /// Sends one message. Every failure is an outcome. Where `stop` is cancelled before the answer is complete, it ends
    /// at once as [`sfumato_core::Outcome::Cancelled`]; dropped before its end, it sends nothing more.
    fn post<'a>(&'a self, message: &'a WebhookMessage, stop: CancellationToken) -> BoxFuture<'a, Exchange>;
}

impl Post for Outbound {
    fn post<'a>(&'a self, message: &'a WebhookMessage, stop: CancellationToken) -> BoxFuture<'a, Exchange> {
        Box::pin(self.send_until(message, stop.cancelled_owned()))
    }
}
