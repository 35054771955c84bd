//! Why a piece of media work did not come to a result.

use std::io;
use std::time::Duration;

use sfumato_core::FailureClass;
use thiserror::Error;

use crate::end::ChildEnd;
use crate::protocol::Failure;

/// A task came to no result. [`MediaError::class`] says whether another attempt can help.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The media executable could not be started.
    #[error("start the media executable `{program}`")]
    Spawn {
        /// Its path.
        program: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A child was started and did not say that it is ready: models are missing or damaged, or the machine is far too busy.
    #[error("get the media executable ready: {reason}")]
    NotReady {
        /// The last line that the child wrote to its standard error, or what else is known.
        reason: String,
    },
    /// The media executable could not say which models there are: a model pack is not what it should be, for example.
    #[error("list the models: {reason}")]
    Models {
        /// What it wrote to its standard error, or what else is known.
        reason: String,
    },
    /// The original could not be read, or is not of the size that the task says.
    #[error("read the original")]
    Input(#[source] io::Error),
    /// The scratch files could not be written or read: the disk is full, for example.
    #[error("use the scratch files")]
    Scratch(#[source] io::Error),
    /// What is done of a long video could not be kept, or read back.
    #[error("keep what is done of the video")]
    Kept(#[source] io::Error),
    /// The child died or spoke nonsense in the middle of the task. It has been replaced.
    #[error("keep the media process: {end} ({status})")]
    ChildLost {
        /// What that means, for the customer.
        end: ChildEnd,
        /// How it ended, e.g. `signal: 9 (SIGKILL)`, or what it said.
        status: String,
    },
    /// The task took longer than it may; the child was killed.
    #[error("finish the task within {} seconds", deadline.as_secs_f32())]
    Deadline {
        /// What it may take.
        deadline: Duration,
    },
    /// The child did not get on with its task; it was killed.
    #[error("get on with the task: nothing happened for {} seconds", silence_max.as_secs_f32())]
    Stuck {
        /// How long it may say nothing.
        silence_max: Duration,
    },
    /// The caller cancelled the task; the child was killed.
    #[error("finish the task: it was cancelled")]
    Cancelled,
    /// The pool is shut down.
    #[error("start the task: the media pool is shut down")]
    ShutDown,
    /// The child reports why the media cannot be processed. The message is for the customer.
    #[error("process the media: {}", .0.message)]
    Task(Failure),
}

impl MediaError {
    /// Whether another attempt can help. A lost child and a missed deadline count as [`FailureClass::Transient`] here; a
    /// caller that has seen the same task do it twice knows better.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Spawn { .. } | Self::Models { .. } => FailureClass::Internal,
            Self::NotReady { .. }
            | Self::Input(_)
            | Self::Scratch(_)
            | Self::Kept(_)
            | Self::ChildLost { .. }
            | Self::Deadline { .. }
            | Self::Stuck { .. }
            | Self::Cancelled
            | Self::ShutDown => FailureClass::Transient,
            Self::Task(failure) => failure.class,
        }
    }
}
