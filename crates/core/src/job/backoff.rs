//! How long a job waits before it is begun again.

use std::time::Duration;

use super::FencingToken;

/// Longest wait before it is looked for room again.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(60);

/// Wait before the next attempt after `attempts` were spent on a passing error: 1 s, 5 s, 25 s.
pub(super) fn retry(attempts: u32) -> Duration {
    Duration::from_secs(5u64.saturating_pow(attempts.saturating_sub(1)))
}

/// Wait before it is looked for room again: 1 s, and twice as long each time, up to a minute. Every claim counts that spent no
/// attempt.
pub(super) fn room(claims: FencingToken, attempts: u32) -> Duration {
    let in_vain = claims.0.saturating_sub(attempts);
    Duration::from_secs(2u64.saturating_pow(in_vain.saturating_sub(1))).min(ROOM_WAIT_MAX)
}
