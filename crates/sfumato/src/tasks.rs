//! The parts of a server, watched and stopped together.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long everything together may take to stop. What has not ended by then is found again at the next start.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// The parts that run until the end.
pub(crate) struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    pub(crate) shutdown: CancellationToken,
}

impl Tasks {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self {
            running: JoinSet::new(),
            names: HashMap::new(),
            shutdown,
        }
    }

    pub(crate) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the end of all parts. The first that ends before a signal stops the others, and makes it `false`.
    pub(crate) async fn watch(mut self) -> bool {
        let mut whole = true;
        let shutdown = self.shutdown.clone();
        let deadline = async move {
            shutdown.cancelled().await;
            tokio::time::sleep(SHUTDOWN_DEADLINE).await;
        };
        let mut deadline = std::pin::pin!(deadline);
        loop {
            let ended = tokio::select! {
                ended = self.running.join_next_with_id() => ended,
                () = &mut deadline => {
                    tracing::warn!(parts = self.running.len(), "did not stop in time; the next start takes up what they did");
                    return whole;
                }
            };
            let Some(ended) = ended else {
                tracing::info!("stopped");
                return whole;
            };
            whole &= self.judge(ended);
        }
    }

    fn judge(&self, ended: Result<(Id, ()), tokio::task::JoinError>) -> bool {
        let (id, panicked) = match &ended {
            Ok((id, ())) => (*id, false),
            Err(error) => (error.id(), true),
        };
        let part = self.names.get(&id).copied().unwrap_or("unnamed part");
        if !panicked && self.shutdown.is_cancelled() {
            tracing::debug!(part, "stopped");
            return true;
        }
        tracing::error!(part, panicked, "ended by itself; the server stops");
        self.shutdown.cancel();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_ends_by_itself_stops_the_others_and_is_a_failure() {
        let shutdown = CancellationToken::new();
        let mut tasks = Tasks::new(shutdown.clone());
        let until = shutdown.clone();
        tasks.spawn("steady", async move { until.cancelled().await });
        tasks.spawn("broken", async {});
        assert!(!tasks.watch().await);
        assert!(shutdown.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_even_during_shutdown() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.shutdown.cancel();
        tasks.spawn("broken", async { panic!("on purpose") });
        assert!(!tasks.watch().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_that_takes_too_long_is_cut_off_and_still_in_order() {
        let mut tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("slow", std::future::pending());
        tasks.shutdown.cancel();
        let begun = tokio::time::Instant::now();
        assert!(tasks.watch().await);
        assert_eq!(begun.elapsed().as_secs(), SHUTDOWN_DEADLINE.as_secs());
    }
}
