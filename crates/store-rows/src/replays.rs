//! Replays.

use sfumato_core::replay::{Replay, ReplayCounts, ReplaySelection, ReplayState};
use sfumato_core::{JobId, StoreError};

use crate::reader::Reader;
use crate::row::Row;

/// A replay.
///
/// # Errors
/// A column breaks a rule.
pub fn replay<R: Row>(row: &Reader<R>) -> Result<Replay, StoreError> {
    let state: String = row.get("state")?;
    let state = match state.as_str() {
        "running" => ReplayState::Running,
        "done" => ReplayState::Done {
            at: row.time("ended_at")?,
        },
        "cancelled" => ReplayState::Cancelled {
            at: row.time("ended_at")?,
        },
        other => return Err(row.corrupt("state", other)),
    };
    let job = row.optional_id("job")?;
    Ok(Replay {
        id: row.replay_id("id")?,
        client: row.client_id("client")?,
        endpoint: row.endpoint_id("endpoint")?,
        selection: ReplaySelection {
            since: row.time("since")?,
            until: row.time("until")?,
            statuses: list(row, "statuses")?,
            standings: list(row, "standings")?,
            job: job.map(JobId::from_uuid),
        },
        state,
        position: row.position("position")?,
        end: row.position("end_position")?,
        counts: ReplayCounts {
            examined: row.number("examined")?,
            resent: row.number("resent")?,
            created: row.number("created")?,
            left: row.number("left_alone")?,
        },
        created_at: row.time("created_at")?,
    })
}

fn list<R: Row, T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &Reader<R>,
    column: &'static str,
) -> Result<Vec<T>, StoreError> {
    let text: String = row.get(column)?;
    text.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|error| row.corrupt(column, error)))
        .collect()
}

/// When a replay ended, microseconds.
pub fn ended_at(state: &ReplayState) -> Option<i64> {
    match state {
        ReplayState::Running => None,
        ReplayState::Done { at } | ReplayState::Cancelled { at } => Some(at.as_micros()),
    }
}
