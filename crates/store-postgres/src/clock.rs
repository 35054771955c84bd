//! A wall clock that was set back: what was to happen at a time that has not come again happens now.

use std::time::Duration;

use sfumato_core::{StoreError, Timestamp};

use crate::queries;
use crate::sql::{Tx, execute};

/// No job waits longer for its next attempt.
const JOB_WAITS_MAX: Duration = Duration::from_secs(60);

/// Makes everything due that was queued in the future. Returns how much that is. What is locked meanwhile is waited for:
/// both statements change no state and no head.
pub(crate) async fn make_due(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let (latest, now) = (now.after(JOB_WAITS_MAX).as_micros(), now.as_micros());
    let jobs = execute(tx, queries::JOBS_DUE_AGAIN, &[&now, &latest]).await?;
    let deliveries = execute(tx, queries::DELIVERIES_DUE_AGAIN, &[&now]).await?;
    if jobs + deliveries > 0 {
        tracing::warn!(
            jobs,
            deliveries,
            "the clock was set back: what was queued at a time that has not come again is due now"
        );
    }
    Ok(jobs + deliveries)
}
