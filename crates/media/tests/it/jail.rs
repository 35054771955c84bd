//! The jail from inside: a copy of this executable locks itself up as the media executable does, tries one thing, and is
//! watched at it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::Signal;
use sfumato_media::lockdown::Lockdown;
use sfumato_media_client::sandbox::{Bounds, Landlock, Purpose};

use crate::jail_probes::{PROBES, Probe};

/// Names the probe for the copy.
const VARIABLE: &str = "SFUMATO_TEST_PROBE";

/// Exit code of a copy whose probe did what it tried.
const DONE: i32 = 70;

/// Exit code of a copy whose probe got an error.
const FAILED: i32 = 71;

/// Enough for the harness, and soon used up.
const BOUNDS: Bounds = Bounds {
    memory_bytes_max: 256 << 20,
    result_bytes_max: 1 << 20,
    cpu_time_max: Duration::from_secs(1),
};

fn copy(probe: &str) -> Output {
    #[expect(
        clippy::disallowed_methods,
        reason = "the copy is started without the pool on purpose"
    )]
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "jail::outside_of_the_jail_the_probes_do_what_they_try"])
        .args(["--nocapture", "--test-threads=1"])
        .env(VARIABLE, probe)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

/// What became of a probe inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    Failed,
    Killed(i32),
    Otherwise,
}

fn inside(probe: &str) -> (Ended, String) {
    let output = copy(probe);
    let ended = match (output.status.code(), output.status.signal()) {
        (Some(DONE), _) => Ended::Done,
        (Some(FAILED), _) => Ended::Failed,
        (_, Some(signal)) => Ended::Killed(signal),
        _ => Ended::Otherwise,
    };
    (ended, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The other side of [`inside`]: does not return.
fn try_inside(name: &str) -> ! {
    let probe = PROBES.iter().find(|probe| probe.name == name).unwrap();
    let purpose = if name.ends_with("where threads may grow") {
        Purpose::Video
    } else {
        Purpose::Pictures
    };
    let prepared = (probe.prepare)();
    let locked = Lockdown::begin().complete(&BOUNDS, purpose);
    assert!(
        locked.layers.seccomp && locked.layers.rlimits && locked.layers.no_new_privs,
        "{locked:?}"
    );
    let done = prepared();
    std::process::exit(if done { DONE } else { FAILED });
}

fn killed(signal: Signal) -> Ended {
    Ended::Killed(signal.as_raw())
}

/// The control: what the jail forbids is possible without it, so that the other tests prove something.
#[test]
fn outside_of_the_jail_the_probes_do_what_they_try() {
    if let Ok(probe) = std::env::var(VARIABLE) {
        try_inside(&probe);
    }
    for probe in PROBES.iter().filter(|probe| probe.harmless_outside) {
        assert!((probe.prepare)()(), "{}", probe.name);
    }
}

fn each(select: impl Fn(&Probe) -> bool, expected: Ended) {
    let mut count = 0;
    for probe in PROBES.iter().filter(|probe| select(probe)) {
        let (ended, said) = inside(probe.name);
        assert_eq!(ended, expected, "{}: {said}", probe.name);
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn files_network_programs_and_other_processes_are_out_of_reach() {
    each(|probe| probe.inside == Inside::Forbidden, killed(Signal::SYS));
}

#[test]
fn calls_that_libraries_make_in_passing_fail_without_harm() {
    each(|probe| probe.inside == Inside::Refused, Ended::Failed);
}

#[test]
fn what_the_work_needs_is_possible() {
    each(|probe| probe.inside == Inside::Possible, Ended::Done);
}

#[test]
fn more_memory_than_allowed_ends_with_a_word_about_it() {
    let (ended, said) = inside("memory beyond the limit");
    assert_eq!(ended, killed(Signal::ABORT), "{said}");
    assert!(said.contains("memory allocation of"), "{said}");
}

#[test]
fn a_result_beyond_the_limit_ends_the_process() {
    assert_eq!(inside("a file beyond the limit").0, killed(Signal::XFSZ));
}

#[test]
fn cpu_time_beyond_the_limit_ends_the_process() {
    assert_eq!(inside("CPU time beyond the limit").0, killed(Signal::XCPU));
}

#[test]
fn an_abort_is_told_from_a_forbidden_call() {
    assert_eq!(inside("abort").0, killed(Signal::ABORT));
}

/// What the first step takes: everything but reading, on this thread and those that it starts.
#[test]
fn before_the_models_are_loaded_nothing_can_be_written_or_contacted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // A thread of its own keeps what it gives up from the other tests of this process.
    let landlock = std::thread::spawn(move || {
        let begun = Lockdown::begin();
        let landlock = begun.landlock();
        let refused = |outcome: std::io::Result<()>| {
            assert_eq!(outcome.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        };
        if landlock != Landlock::None {
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
            refused(std::fs::write(&file, "other"));
            refused(std::fs::write(dir.path().join("new"), "other"));
            refused(std::fs::remove_file(&file));
        }
        if let Landlock::Full { .. } = landlock {
            refused(std::net::TcpStream::connect(address).map(drop));
            refused(std::net::TcpListener::bind("127.0.0.1:0").map(drop));
            let heir = std::thread::spawn(move || std::fs::write(&file, "other"));
            refused(heir.join().unwrap());
        }
        landlock
    });
    let landlock = landlock.join().unwrap();
    assert_eq!(landlock == Landlock::None, kernel_abi() < 1);
}

/// The version of the kernel's landlock; 0 or less without it.
pub(crate) fn kernel_abi() -> i64 {
    const VERSION: u32 = 1;
    #[expect(unsafe_code, reason = "the C library has no function for it")]
    // SAFETY: with this flag the call takes no ruleset and only answers a number.
    unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            VERSION,
        )
    }
}

/// What is to become of a probe inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The kernel ends the process.
    Forbidden,
    /// The call gives an error.
    Refused,
    /// It works.
    Possible,
    /// A test of its own says what.
    Special,
}
