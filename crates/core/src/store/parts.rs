//! The parts of a long video, shared out among workers.
//!
//! Whoever runs the job (its owner, under the job's lease) says which parts are missing; any worker takes one at a time, under
//! a lease of the part's own. A part that is done has no row any more. Rows end with the job.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::id::{JobId, WorkerId};
use crate::job::{Job, Lease};

/// How often a part is begun by helpers before it is left to the owner of the job, whose attempts are counted: a part that
/// ends every process that touches it must not go round for ever.
pub const HELPERS_MAX: u32 = 3;

/// A part that a worker has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLease {
    /// The job.
    pub job: JobId,
    /// The number of the part, from 0.
    pub number: u32,
    /// The right to work on it; the token counts the claims of this part.
    pub lease: Lease,
}

/// What an owner is told who asks for the next part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnTurn {
    /// The part to be done, the first that nobody is at; none where others are at all that are left.
    pub part: Option<PartLease>,
    /// How many are not done yet, this one included.
    pub left: u32,
}

/// Parts of long videos.
#[async_trait]
pub trait VideoParts {
    /// Says which parts of a running job are missing, for everybody to take. What others are at, of those, they go on with;
    /// rows of other parts are dropped. `LeaseLost` where the job is not under this lease.
    async fn offer_parts(&self, job: JobId, lease: &Lease, missing: &[u32]) -> Result<(), StoreError>;

    /// Leases the first part of a job that nobody is at to its owner. `LeaseLost` where the job is not under this lease.
    async fn claim_own_part(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
    ) -> Result<OwnTurn, StoreError>;

    /// Leases a part to a helper, with the job that it is of: the first that nobody is at of the oldest running job, or of
    /// the job that is named. Not one that a helper has failed, or that [`HELPERS_MAX`] have begun.
    async fn claim_part(
        &self,
        worker: WorkerId,
        of: Option<JobId>,
        lease_for: Duration,
    ) -> Result<Option<(Job, PartLease)>, StoreError>;

    /// Extends the lease of a part. `LeaseLost` where it is somebody else's now, or done, or the job has ended: stop.
    async fn extend_part(&self, part: &PartLease, lease_for: Duration) -> Result<(), StoreError>;

    /// Ends a part whose content is kept. `LeaseLost`.
    async fn finish_part(&self, part: &PartLease) -> Result<(), StoreError>;

    /// Gives a part back. Where it has `failed`, its owner is to do it. `LeaseLost`.
    async fn hand_back_part(&self, part: &PartLease, failed: bool) -> Result<(), StoreError>;
}
