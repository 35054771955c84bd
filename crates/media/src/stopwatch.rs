//! CPU time, for the report on where it went.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Measures the CPU time of this process, on all of its threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    last: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { last: now() }
    }

    /// The CPU time since the last lap or the start.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = now();
        let spent = now.saturating_sub(self.last);
        self.last = now;
        spent
    }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
