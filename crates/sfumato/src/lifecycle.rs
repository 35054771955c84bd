//! Beginning and end of a process that serves.

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::output;

/// The exit code of a process that a signal has ended before its work was done: the shells' 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// A token that the first SIGTERM or SIGINT cancels. The second one ends the process at once: nothing is lost by it but
/// time, and whoever sends it has waited long enough.
///
/// # Errors
/// The system refuses to tell of signals.
pub(crate) fn watch_signals() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Where the size of files is limited (`ulimit -f`), a write beyond it is to fail like one on a full disk, and not to end
    // the process: a signal that somebody listens to does not.
    let _listened_to = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
    let shutdown = CancellationToken::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        for round in 0.. {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if round > 0 {
                output::note(format!("{name} again: ending at once"));
                std::process::exit(INTERRUPTED.into());
            }
            tracing::info!(
                signal = name,
                "shutting down; a second signal ends the process at once"
            );
            cancelled.cancel();
        }
    });
    Ok(shutdown)
}
