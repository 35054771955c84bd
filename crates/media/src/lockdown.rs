//! The jail around this process: what it gives up before it touches a byte of anybody's file.
//!
//! It happens in two steps. [`Lockdown::begin`] comes first of all: from then on nothing can be written or contacted, and
//! every thread that is started inherits that. The models are loaded in between, since they are files.
//! [`rehearse`]
//! then runs a picture through them, so that whatever is read, started or looked up at the first use has been.
//! [`Lockdown::complete`] takes the rest: all files, all descriptors beyond those that the parent has left open, and every
//! system call that is not on the list. Nothing of it can be undone.
//!
//! A layer that the kernel does not grant is reported, not fatal: whether that is good enough is the operator's choice.

mod calls;
mod files;
mod limits;
mod rehearsal;

use sfumato_media_client::sandbox::{Bounds, Landlock, Layers, Purpose};

use calls::Threads;
pub use rehearsal::rehearse;

/// Variables that libraries of this process are to see.
const VARIABLES: [(&str, &str); 3] = [
    // ONNX Runtime keeps an identifier and a queue of events on the disk and sends them to its makers unless this is set. A
    // setting of its own comes too late: the first event is written when the library is started.
    ("ORT_DISABLE_TELEMETRY", "1"),
    // Otherwise each local time in a log line begins with a look at `/etc/localtime`.
    ("TZ", "UTC0"),
    // A backtrace opens this executable to name the functions; a failed allocation would end as a forbidden call by that.
    ("RUST_BACKTRACE", "0"),
];

/// Sets the variables by which libraries learn what they may not do.
///
/// # Safety
/// Nobody may read or write the environment at the same time: this belongs before the first thread.
#[expect(unsafe_code, reason = "the environment of a process has no lock")]
pub unsafe fn set_variables() {
    for (name, value) in VARIABLES {
        #[expect(
            clippy::disallowed_methods,
            reason = "the libraries read it from nowhere else"
        )]
        // SAFETY: the caller sees to it.
        unsafe {
            std::env::set_var(name, value);
        }
    }
}

/// The first step has been taken.
#[derive(Debug)]
pub struct Lockdown {
    no_new_privs: bool,
    landlock: Landlock,
    missing: Vec<String>,
}

/// The jail is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The layers that hold.
    pub layers: Layers,
    /// One text for each layer that does not hold, with the reason.
    pub missing: Vec<String>,
}

impl Lockdown {
    /// Gives up privileges that a program could gain, all writing to files, TCP, and signals to other processes. Has to
    /// come before the first thread is started.
    pub fn begin() -> Self {
        let mut missing = vec![];
        let no_new_privs = rustix::thread::set_no_new_privs(true);
        let no_new_privs = held("no-new-privileges", no_new_privs, &mut missing).is_some();
        let landlock = held("landlock", files::allow_reading_only(), &mut missing).unwrap_or_default();
        Self {
            no_new_privs,
            landlock,
            missing,
        }
    }

    /// What landlock has taken so far.
    pub const fn landlock(&self) -> Landlock {
        self.landlock
    }

    /// Gives up everything else, on all threads: all that a process for `purpose` does not need.
    pub fn complete(mut self, bounds: &Bounds, purpose: Purpose) -> Locked {
        let threads = Threads::of(purpose);
        let missing = &mut self.missing;
        let closed = held("closed descriptors", limits::close_descriptors(purpose), missing).is_some();
        if self.landlock != Landlock::None {
            let landlock = held("landlock", files::allow_nothing(), missing);
            self.landlock = landlock.unwrap_or_default();
        }
        let limited = held("resource limits", limits::set(bounds, threads), missing).is_some();
        let private = held("private memory", limits::hide_memory(), missing).is_some();
        // The last one: none of the calls above is on its list.
        let seccomp = held("seccomp", calls::restrict(threads), missing).is_some();
        Locked {
            layers: Layers {
                rlimits: limited && closed && private,
                no_new_privs: self.no_new_privs,
                landlock: self.landlock,
                seccomp,
            },
            missing: self.missing,
        }
    }
}

/// The value of a layer that was granted; why it was not is noted otherwise.
fn held<T, E: std::fmt::Display>(layer: &str, outcome: Result<T, E>, missing: &mut Vec<String>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            missing.push(format!("{layer}: {error}"));
            None
        }
    }
}
