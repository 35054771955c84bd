//! The life of a job: `Queued → Running → Succeeded | Failed`, with `Cancelled` from the first two and `Expired` at the
//! end of the retention time. Transitions consume the job, so that an old state cannot be used by mistake.
//!
//! What happens if the process dies: in `Queued` nothing is lost; in `Running` the lease expires (or is voided when the
//! same installation starts again) and the job is `Queued` once more; the final states are never left except for
//! `Succeeded → Expired`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{ClientId, JobId, PublicJobId, ResultId, UploadId, WorkerId};
use crate::media::MediaFormat;
use crate::options::AnonymizeOptions;
use crate::time::Timestamp;

mod backoff;
mod kind;
mod priority;
mod revision;

pub use kind::{JobStateKind, UnknownJobState};
pub use priority::{Priority, UnknownPriority};
pub use revision::{DetectionSource, GivenBlob, NewRevision, Revision};

/// How often a job is begun before it fails for good: crashes and passing errors count, graceful stops do not.
pub const ATTEMPTS_MAX: u32 = 4;

/// One work on an upload, and what becomes of it. The first job on an original is made with it; those that do it again are
/// its revisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Identifier.
    pub id: JobId,
    /// Owner.
    pub client: ClientId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The original.
    pub upload: Upload,
    /// Whether the original is kept, and may be worked on again. Retention decides it, no transition does.
    pub original_kept: bool,
    /// Which revision it is; `None`: the first job on its original.
    pub revises: Option<Revision>,
    /// What is to be done.
    pub options: AnonymizeOptions,
    /// Which of its client's waiting jobs it goes before.
    pub priority: Priority,
    /// Where its detections come from.
    pub source: DetectionSource,
    /// Attempts that were spent: begun and not handed back by a graceful stop.
    pub attempts: u32,
    /// How often the job was claimed, ever; the last claim's fencing token.
    pub claims: FencingToken,
    /// When it was first begun. From then on the outside has heard `Started`.
    pub started_at: Option<Timestamp>,
    /// Where it stands.
    pub state: JobState,
}

/// The original as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Names the blob.
    pub id: UploadId,
    /// What the content was recognised as.
    pub format: MediaFormat,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The name that the client gave, without folders; shown in `Content-Disposition` only.
    pub file_name: String,
}

/// Grows with every claim of a job; a write that carries an older one is refused, so that a worker that was thought dead
/// cannot overwrite its successor's work (Kleppmann, Designing Data-Intensive Applications, chapter 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u32);

impl FencingToken {
    /// The token of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The right to work on a job until a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub worker: WorkerId,
    /// Which claim it is.
    pub token: FencingToken,
}

/// How far a job is that is worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Part done, 0 to 1.
    pub done: f32,
    /// When it will be done, if it goes on as it does; unknown in the beginning.
    pub expected_end: Option<Timestamp>,
    /// Something has been kept since the last heartbeat from which the next attempt goes on: attempts before this one are
    /// forgiven. Means nothing in a state.
    pub advanced: bool,
}

impl Progress {
    /// A part done, 0 to 1, of something whose end is not known.
    pub const fn of(done: f32) -> Self {
        Self {
            done,
            expected_end: None,
            advanced: false,
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    /// Waiting for a worker, not before `available_at`.
    Queued {
        /// Backoff after a passing error ends here.
        available_at: Timestamp,
    },
    /// A worker is at it.
    Running {
        /// Whose it is.
        lease: Lease,
        /// When the lease ends unless a heartbeat extends it.
        lease_expires_at: Timestamp,
        /// How far it is.
        progress: Progress,
    },
    /// Done.
    Succeeded {
        /// When.
        finished_at: Timestamp,
        /// What came of it.
        result: JobResult,
    },
    /// Given up.
    Failed {
        /// When.
        finished_at: Timestamp,
        /// A sentence that the customer can act on.
        error: String,
    },
    /// Cancelled by the client.
    Cancelled {
        /// When.
        finished_at: Timestamp,
    },
    /// Was done; the result is deleted, by a person or because its retention time has passed.
    Expired {
        /// When it was done.
        finished_at: Timestamp,
        /// The result that was.
        result: JobResult,
        /// When it was deleted.
        expired_at: Timestamp,
    },
}

impl JobState {
    /// The name in the database and in logs.
    pub const fn name(&self) -> &'static str {
        self.kind().as_str()
    }
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    /// Names the result's blobs and its file names.
    pub id: ResultId,
    /// Format of the result.
    pub format: MediaFormat,
    /// Size of the media in bytes.
    pub bytes: u64,
    /// SHA-256 of the media: the strong `ETag`.
    pub sha256: [u8; 32],
    /// Size and SHA-256 of the detections document. It is stored whether or not the client asked to be told of it: whoever
    /// reviews the result needs it.
    pub document: Option<(u64, [u8; 32])>,
    /// Faces that were hidden.
    pub faces: u32,
    /// Licence plates that were hidden.
    pub plates: u32,
    /// What the customer should know about the result.
    pub warnings: Vec<String>,
}

/// Why something failed, decided where it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// The upload or the options: trying again gives the same. The message is for the customer.
    Input,
    /// Something that can pass: a lost process, a full disk, a storage blip. Tried again after a backoff.
    Transient,
    /// A fault of ours. Not tried again; the customer learns only that it is ours.
    Internal,
}

/// What a worker reports of a job at the end of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum JobOutcome {
    /// It is done.
    Succeeded(JobResult),
    /// It failed.
    Failed {
        /// Whether trying again could help.
        class: FailureClass,
        /// For the customer.
        message: String,
    },
    /// There is no room for what came of it. It waits until there is, however long that takes, and spends no attempt.
    NoRoom,
}

/// A transition does not exist from the state that the job is in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransitionError {
    /// The lease has been lost: the job was claimed again, cancelled or finished.
    #[error("the lease on the job is lost")]
    LeaseLost,
    /// The state does not allow it.
    #[error("a job that is {state} cannot be {wanted}")]
    NotAllowed {
        /// Name of the state.
        state: &'static str,
        /// What was tried.
        wanted: &'static str,
    },
}

impl Job {
    /// A job that waits to be begun for the first time.
    pub const fn queued(
        id: JobId,
        client: ClientId,
        upload: Upload,
        options: AnonymizeOptions,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            client,
            created_at: now,
            upload,
            original_kept: true,
            revises: None,
            options,
            priority: Priority::Normal,
            source: DetectionSource::Detected,
            attempts: 0,
            claims: FencingToken(0),
            started_at: None,
            state: JobState::Queued { available_at: now },
        }
    }

    /// The first job on the original, which may be this one.
    pub fn root(&self) -> JobId {
        self.revises.map_or(self.id, |revision| revision.root)
    }

    /// A queued job on the same original, which stands with the given number among its revisions.
    #[must_use]
    pub fn revised(&self, revision: NewRevision, number: u32, now: Timestamp) -> Self {
        Self {
            revises: Some(Revision {
                root: self.root(),
                number,
            }),
            priority: revision.priority,
            source: revision.source,
            ..Self::queued(
                revision.id,
                self.client,
                self.upload.clone(),
                revision.options,
                now,
            )
        }
    }

    /// The name under which the client knows it.
    pub const fn public_id(&self) -> PublicJobId {
        PublicJobId {
            client: self.client,
            job: self.id,
        }
    }

    /// Whether the state is final for webhooks and workers.
    pub const fn is_finished(&self) -> bool {
        !matches!(self.state, JobState::Queued { .. } | JobState::Running { .. })
    }

    /// `Queued → Running`: a worker takes the job until `expires_at`. The second value is whether this is the first
    /// claim ever, which the outside hears as `Started`.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] from any state but `Queued`, or before `available_at`.
    pub fn claim(
        mut self,
        worker: WorkerId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(Self, bool), TransitionError> {
        match self.state {
            JobState::Queued { available_at } if available_at <= now => {
                let token = self.claims.next();
                let first = self.started_at.is_none();
                self.claims = token;
                self.attempts = self.attempts.saturating_add(1);
                self.started_at = self.started_at.or(Some(now));
                self.state = JobState::Running {
                    lease: Lease { worker, token },
                    lease_expires_at: expires_at,
                    progress: Progress::default(),
                };
                Ok((self, first))
            }
            ref state => Err(TransitionError::NotAllowed {
                state: state.name(),
                wanted: "claimed",
            }),
        }
    }

    /// That the job runs under this lease.
    ///
    /// # Errors
    /// [`TransitionError::LeaseLost`] where it does not.
    pub fn require_lease(&self, lease: &Lease) -> Result<(), TransitionError> {
        match &self.state {
            JobState::Running { lease: held, .. } if held == lease => Ok(()),
            _ => Err(TransitionError::LeaseLost),
        }
    }

    /// `Running → Running`: extends the lease and records progress (0 to 1, never backwards within an attempt). A job that got
    /// further is not held responsible for workers that were lost before.
    ///
    /// # Errors
    /// [`TransitionError::LeaseLost`] unless `lease` is the current one.
    pub fn heartbeat(
        mut self,
        lease: &Lease,
        expires_at: Timestamp,
        progress: Progress,
    ) -> Result<Self, TransitionError> {
        self.require_lease(lease)?;
        if let JobState::Running {
            lease_expires_at,
            progress: known,
            ..
        } = &mut self.state
        {
            *lease_expires_at = expires_at;
            *known = Progress {
                done: known.done.max(progress.done.clamp(0.0, 1.0)),
                expected_end: progress.expected_end,
                advanced: false,
            };
        }
        if progress.advanced {
            self.attempts = self.attempts.min(1);
        }
        Ok(self)
    }

    /// `Running → Succeeded | Failed | Queued`: an attempt ended. A transient failure queues the job again until
    /// [`ATTEMPTS_MAX`] attempts are spent; where there was no room, none is.
    ///
    /// # Errors
    /// [`TransitionError::LeaseLost`] unless `lease` is the current one.
    pub fn finish(
        mut self,
        lease: &Lease,
        outcome: JobOutcome,
        now: Timestamp,
    ) -> Result<Self, TransitionError> {
        self.require_lease(lease)?;
        if outcome == JobOutcome::NoRoom {
            self.attempts = self.attempts.saturating_sub(1);
        }
        self.state = match outcome {
            JobOutcome::NoRoom => JobState::Queued {
                available_at: now.after(backoff::room(self.claims, self.attempts)),
            },
            JobOutcome::Succeeded(result) => JobState::Succeeded {
                finished_at: now,
                result,
            },
            JobOutcome::Failed {
                class: FailureClass::Transient,
                ..
            } if self.attempts < ATTEMPTS_MAX => JobState::Queued {
                available_at: now.after(backoff::retry(self.attempts)),
            },
            JobOutcome::Failed { message, .. } => JobState::Failed {
                finished_at: now,
                error: message,
            },
        };
        Ok(self)
    }

    /// `Running → Queued`: a graceful stop hands the job back. The attempt is not spent, since nothing went wrong.
    ///
    /// # Errors
    /// [`TransitionError::LeaseLost`] unless `lease` is the current one.
    pub fn hand_back(mut self, lease: &Lease, now: Timestamp) -> Result<Self, TransitionError> {
        self.require_lease(lease)?;
        self.attempts = self.attempts.saturating_sub(1);
        self.state = JobState::Queued { available_at: now };
        Ok(self)
    }

    /// `Running → Queued | Failed`: the worker is gone. Only the store calls it, for leases that have expired or whose
    /// process is known to be dead.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] from any state but `Running`.
    pub fn reap(mut self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            JobState::Running { .. } if self.attempts < ATTEMPTS_MAX => {
                self.state = JobState::Queued { available_at: now };
                Ok(self)
            }
            JobState::Running { .. } => {
                let error = format!(
                    "processing was interrupted {ATTEMPTS_MAX} times; upload the file again, and tell the operator if it happens again"
                );
                self.state = JobState::Failed {
                    finished_at: now,
                    error,
                };
                Ok(self)
            }
            ref state => Err(TransitionError::NotAllowed {
                state: state.name(),
                wanted: "reaped",
            }),
        }
    }

    /// `Queued | Running → Cancelled`: the client does not want it any more.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] from a final state.
    pub fn cancel(mut self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            JobState::Queued { .. } | JobState::Running { .. } => {
                self.state = JobState::Cancelled { finished_at: now };
                Ok(self)
            }
            ref state => Err(TransitionError::NotAllowed {
                state: state.name(),
                wanted: "cancelled",
            }),
        }
    }

    /// `Succeeded → Expired`: the result's retention time has passed, or a person deletes it before.
    ///
    /// # Errors
    /// [`TransitionError::NotAllowed`] from any state but `Succeeded`.
    pub fn expire(mut self, now: Timestamp) -> Result<Self, TransitionError> {
        match self.state {
            JobState::Succeeded { finished_at, result } => {
                self.state = JobState::Expired {
                    finished_at,
                    result,
                    expired_at: now,
                };
                Ok(self)
            }
            ref state => Err(TransitionError::NotAllowed {
                state: state.name(),
                wanted: "expired",
            }),
        }
    }
}

#[cfg(test)]
mod tests;
