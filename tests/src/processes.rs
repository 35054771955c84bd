//! Processes of this machine, by the process file system.

use rustix::process::{Pid, Signal, kill_process};

/// The processes that a process has started and that still run.
///
/// # Panics
/// Where there is no process file system.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let child = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in parentheses may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let of: i32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        let id = entry.file_name().to_str()?.parse().ok()?;
        (of == parent.as_raw_nonzero().get())
            .then(|| Pid::from_raw(id))
            .flatten()
    };
    processes.filter_map(child).collect()
}

/// Sends a signal to a process that may have ended meanwhile. Returns whether it was there.
pub fn signal(process: Pid, signal: Signal) -> bool {
    kill_process(process, signal).is_ok()
}
