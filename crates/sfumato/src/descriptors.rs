//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What webhooks alone may need, 512 on their way and 256 kept connections, and as much again for requests, files and the
/// database.
const WANTED: u64 = 1_536;

/// Raises the limit on open files that the process starts with (often 1,024) to the highest that it may set itself. Says in
/// the log where even that is little: connections would fail for want of descriptors, at the busiest time of all.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::warn!(
                error = sfumato_core::chain(&error),
                "the limit on open files cannot be raised"
            );
            limit.current
        }
    };
    // No number stands for no limit.
    if let Some(open_max) = now.filter(|open_max| *open_max < WANTED) {
        tracing::warn!(
            open_max,
            wanted = WANTED,
            "few files may be open at once; raise the hard limit (LimitNOFILE= in a unit of systemd)"
        );
    }
}
