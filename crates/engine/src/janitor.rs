//! The janitor.

use tokio_util::sync::CancellationToken;

use crate::Engine;

impl Engine {
    /// Cleans until `shutdown`.
    pub async fn run_janitor(&self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
    }
}
