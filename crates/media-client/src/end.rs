//! How a media process came to its end, told from what the system says of it and from its last words.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// What Rust's allocator says before it aborts.
const ALLOCATION_FAILED: &str = "memory allocation of";

/// How a media process came to its end in the middle of a task. The text is for the customer: a whole clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// It made a system call that is not on the list.
    ForbiddenCall,
    /// It asked for more memory than it may have.
    OutOfMemory {
        /// What it may have, in bytes.
        memory_bytes_max: u64,
    },
    /// Somebody outside killed it: the kernel does where the machine's memory has run out.
    Killed,
    /// It used more CPU time than it may.
    CpuTime,
    /// It wrote more than it may.
    ResultTooLarge {
        /// What it may write, in bytes.
        result_bytes_max: u64,
    },
    /// It crashed.
    Crash,
    /// It broke the protocol, or ended by itself.
    Fault,
}

impl ChildEnd {
    /// Tells the end from the status and the last line of the log.
    pub(crate) fn of(status: ExitStatus, last_log_line: &str, bounds: &crate::sandbox::Bounds) -> Self {
        let Some(signal) = status.signal() else {
            return Self::Fault;
        };
        let is = |other: Signal| other.as_raw() == signal;
        if is(Signal::SYS) {
            Self::ForbiddenCall
        } else if is(Signal::ABORT) && last_log_line.contains(ALLOCATION_FAILED) {
            Self::OutOfMemory {
                memory_bytes_max: bounds.memory_bytes_max,
            }
        } else if is(Signal::KILL) {
            Self::Killed
        } else if is(Signal::XCPU) {
            Self::CpuTime
        } else if is(Signal::XFSZ) {
            Self::ResultTooLarge {
                result_bytes_max: bounds.result_bytes_max,
            }
        } else {
            Self::Crash
        }
    }
}

impl fmt::Display for ChildEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        match *self {
            Self::ForbiddenCall => {
                f.write_str("the media process was stopped by its sandbox (forbidden system call)")
            }
            Self::OutOfMemory { memory_bytes_max } => {
                write!(
                    f,
                    "out of memory: needed more than {} MB",
                    megabytes(memory_bytes_max)
                )
            }
            Self::Killed => f.write_str("the media process was killed, most likely because memory ran out"),
            Self::CpuTime => f.write_str("the media process used more CPU time than it may"),
            Self::ResultTooLarge { result_bytes_max } => write!(
                f,
                "the result is larger than {} MB, which is the most",
                megabytes(result_bytes_max)
            ),
            Self::Crash => f.write_str("the media process crashed"),
            Self::Fault => f.write_str("the media process ended in the middle of the task"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::Bounds;

    const BOUNDS: Bounds = Bounds {
        memory_bytes_max: 3_000_000_000,
        result_bytes_max: 2_000_000,
        cpu_time_max: Duration::from_secs(1),
    };

    fn end(signal: Signal, line: &str) -> ChildEnd {
        ChildEnd::of(ExitStatus::from_raw(signal.as_raw()), line, &BOUNDS)
    }

    #[test]
    fn each_end_is_told_from_the_others_and_says_what_the_bound_was() {
        for (signal, line, words) in [
            (Signal::SYS, "", "forbidden system call"),
            (
                Signal::ABORT,
                "memory allocation of 9 bytes failed",
                "out of memory: needed more than 3000 MB",
            ),
            (Signal::ABORT, "free(): invalid pointer", "crashed"),
            (Signal::SEGV, "", "crashed"),
            (Signal::BUS, "memory allocation of 9 bytes failed", "crashed"),
            (Signal::KILL, "", "killed"),
            (Signal::XCPU, "", "CPU time"),
            (Signal::XFSZ, "", "larger than 2 MB"),
        ] {
            let text = end(signal, line).to_string();
            assert!(text.contains(words), "{signal:?}: {text}");
        }
    }

    #[test]
    fn an_exit_code_is_a_fault_whatever_was_said() {
        let status = ExitStatus::from_raw(101 << 8);
        assert_eq!(
            ChildEnd::of(status, "memory allocation of 9 bytes failed", &BOUNDS),
            ChildEnd::Fault
        );
    }
}
