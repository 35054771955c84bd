//! The processor time of this process.
//!
//! Time comes in through a door in the rest of the server. Here it decides nothing: the times of the stages of detection
//! are told to the caller and change no result, so that nothing would be gained by simulating them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Measures the processor time of this process, on all of its threads.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    last: Duration,
}

impl Stopwatch {
    /// Measures from here on.
    pub fn start() -> Self {
        Self {
            last: processor_time(),
        }
    }

    /// The processor time since the last lap or the start.
    pub fn lap(&mut self) -> Duration {
        let time = processor_time();
        let spent = time.saturating_sub(self.last);
        self.last = time;
        spent
    }
}

/// The time that all threads of this process have computed so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock starts at zero, and nanoseconds are below a thousand million.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computing_takes_processor_time() {
        let start = processor_time();
        // The loop ends when the clock has moved: one that stands still hangs the test.
        let mut rounds = 0_u64;
        while processor_time() == start {
            rounds += 1;
        }
        assert!(processor_time() > start, "after {rounds} rounds");
    }
}
