//! A wall clock that was set back: what was to happen at a time that has not come again happens now.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sfumato_core::{StoreError, Timestamp};

use crate::queries;
use crate::sql::{Tx, execute};

/// No job waits longer for its next attempt.
const JOB_WAITS_MAX: Duration = Duration::from_secs(60);

/// A clock that is set back by less makes nothing late that anybody would notice.
const SET_BACK_MIN: Duration = Duration::from_secs(2);

/// The time at this process's last look.
#[derive(Debug)]
pub(crate) struct LastLook(AtomicI64);

impl Default for LastLook {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastLook {
    /// Whether the clock was set back since the last look.
    pub(crate) fn was_set_back(&self, now: Timestamp) -> bool {
        let last = self.0.swap(now.as_micros(), Ordering::Relaxed);
        now.after(SET_BACK_MIN).as_micros() < last
    }
}

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
