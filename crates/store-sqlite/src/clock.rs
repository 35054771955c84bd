//! A wall clock that was set back: what was to happen at a time that has not come again happens now.

use std::time::Duration;

use rusqlite::{Connection, params};
use sfumato_core::{StoreError, Timestamp};

use crate::queries;
use crate::sql::execute;

/// No job waits longer for its next attempt.
const JOB_WAITS_MAX: Duration = Duration::from_secs(60);

/// Makes everything due that was queued in the future. Returns how much that is.
pub(crate) fn make_due(conn: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let latest = now.after(JOB_WAITS_MAX);
    let jobs = execute(
        conn,
        queries::JOBS_DUE_AGAIN,
        params![now.as_micros(), latest.as_micros()],
    )?;
    let deliveries = execute(conn, queries::DELIVERIES_DUE_AGAIN, [now.as_micros()])?;
    if jobs + deliveries > 0 {
        tracing::warn!(
            jobs,
            deliveries,
            "the clock was set back: what was queued at a time that has not come again is due now"
        );
    }
    Ok(jobs + deliveries)
}
