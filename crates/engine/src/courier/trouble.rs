//! How to wait for a database that cannot answer.

use std::time::Duration;

use tokio::time::Instant;

use crate::Engine;

/// First and longest wait between two questions to it.
pub(super) const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Growing waits for a database that cannot answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    wait: Option<Duration>,
    pub(super) until: Option<Instant>,
}

impl Trouble {
    pub(super) fn is_new(&self) -> bool {
        self.wait.is_none()
    }

    pub(super) fn is_over(&self, instant: Instant) -> bool {
        self.until.is_none_or(|until| until <= instant)
    }

    pub(super) fn goes_on(&mut self, engine: &Engine) {
        let wait = self.wait.map_or(BACKOFF.0, |wait| (wait * 2).min(BACKOFF.1));
        self.wait = Some(wait);
        self.until = Some(Instant::now() + engine.jittered(wait));
    }
}
