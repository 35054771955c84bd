//! What the process may use, and which descriptors it keeps.

use std::fs;

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use sfumato_media_client::protocol::last_descriptor;
use sfumato_media_client::sandbox::{Bounds, Purpose};

use super::calls::Threads;

/// How much CPU time is left after the signal that can be caught.
const CPU_GRACE_SECONDS: u64 = 5;

/// Sets the limits. Raising them again would take a system call that is not on the list.
///
/// Memory is bounded by `RLIMIT_DATA`, which counts private writable mappings: heap, arenas, stacks. `RLIMIT_AS` would count
/// libraries, reserved address space and models that are mapped from files as well, and says little about memory.
pub(super) fn set(bounds: &Bounds, threads: Threads) -> Result<(), Errno> {
    let cpu_seconds = bounds.cpu_time_max.as_secs().max(1);
    let processes = match threads {
        Threads::Fixed => Some(0),
        // The limit counts all threads of the user, also those of other processes.
        Threads::Growing => None,
    };
    let limits = [
        (Resource::Data, Some(bounds.memory_bytes_max)),
        (Resource::Fsize, Some(bounds.result_bytes_max)),
        // Those that are open stay open.
        (Resource::Nofile, Some(0)),
        // A core dump would write a customer's picture to the disk.
        (Resource::Core, Some(0)),
        (Resource::Nproc, processes),
    ];
    for (resource, value) in limits {
        if value.is_some() {
            lower(resource, value, value)?;
        }
    }
    let killed_after = cpu_seconds.saturating_add(CPU_GRACE_SECONDS);
    lower(Resource::Cpu, Some(cpu_seconds), Some(killed_after))
}

/// Sets a limit, but never above the one that is in force: that would take a privilege, and whoever set it meant it.
fn lower(resource: Resource, current: Option<u64>, maximum: Option<u64>) -> Result<(), Errno> {
    let in_force = rustix::process::getrlimit(resource).maximum;
    let capped = |value: Option<u64>| match (value, in_force) {
        (Some(value), Some(most)) => Some(value.min(most)),
        (value, None) => value,
        (None, most) => most,
    };
    let new = Rlimit {
        current: capped(current),
        maximum: capped(maximum),
    };
    setrlimit(resource, new)
}

/// Nobody can attach to the process or read its memory through `/proc` but root.
pub(super) fn hide_memory() -> Result<(), Errno> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Closes every descriptor beyond those that the protocol names for the purpose.
pub(super) fn close_descriptors(purpose: Purpose) -> Result<(), Errno> {
    let first = last_descriptor(purpose).unsigned_abs() + 1;
    let every_later_one = libc::c_uint::MAX;
    #[expect(
        unsafe_code,
        reason = "no crate offers a system call that closes what somebody else owns"
    )]
    // SAFETY: the call touches no memory. Descriptors that are closed may have owners, in the inference engine for example:
    // those find them closed and get an error, or another file under the number, if one could be opened. None can: from the
    // next steps on no descriptor can be made.
    let outcome = unsafe { libc::syscall(libc::SYS_close_range, first, every_later_one, 0) };
    if outcome == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::NOSYS))
    }
}

/// How many threads there are; unknown without `/proc`.
pub(super) fn thread_count() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}
