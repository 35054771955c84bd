//! What the processes of one installation call to each other, so that none of them needs to wait for its next look.

use std::sync::Weak;

use crate::id::{ClientId, JobId};

/// Something that has been committed and that another process may be waiting for. A call that is lost costs a delay and nothing
/// else: whoever waits also looks from time to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// There may be a job to claim.
    Jobs,
    /// There may be a replay to carry out.
    Replays,
    /// A job has finished: its original may have had its time.
    Finished,
    /// A job has been cancelled: whoever works on it need not wait for its next heartbeat.
    Cancelled(JobId),
    /// Something has happened to a job of this client.
    Told(ClientId),
}

/// A process that hears the calls of the others. It must not wait.
pub trait Neighbour: Send + Sync {
    /// Another process has called.
    fn hear(&self, call: Call);
}

/// The way to the other processes. A store that only one process uses has none, and does nothing.
pub trait Calls {
    /// Calls to the others, some time after this returns. Not heard by the process itself.
    fn call(&self, call: Call) {
        let _nobody_else = call;
    }

    /// From here on `neighbour` hears the others, until it is dropped.
    fn attach_neighbour(&self, neighbour: Weak<dyn Neighbour>) {
        drop(neighbour);
    }
}
