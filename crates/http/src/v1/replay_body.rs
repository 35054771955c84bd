//! A replay as the API shows it.

use serde::Serialize;
use sfumato_core::replay::{ReplayCounts, ReplayState};
use sfumato_core::{PublicJobId, Replay, ReplayId, Timestamp};
use utoipa::ToSchema;

/// A replay and how far it is. What does not apply is absent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "state": "running",
    "progress": 0.4,
    "since": "2024-06-04T00:00:00.000Z",
    "until": "2024-06-05T10:29:10.656Z",
    "statuses": ["Succeeded", "Failed"],
    "states": [],
    "examined": 4000,
    "resent": 1210,
    "created": 0,
    "onTheirWay": 3,
    "createdAt": "2024-06-05T10:29:10.656Z",
}))]
pub(crate) struct ReplayBody {
    /// Names the replay in other calls.
    #[schema(value_type = uuid::Uuid)]
    id: ReplayId,
    /// `running`, `done` (every chosen event has its delivery; these go out like any other) or `cancelled`.
    state: &'static str,
    /// Part of the events that has been looked at, 0 to 1.
    progress: f64,
    /// Events from this time on.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Events before this time.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Events that tell one of these; empty for all.
    statuses: Vec<&'static str>,
    /// Events that stand so at the endpoint; empty for all.
    states: Vec<&'static str>,
    /// Events of this job only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    job_id: Option<String>,
    #[serde(flatten)]
    counts: CountsBody,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was done or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    ended_at: Option<Timestamp>,
}

/// What a replay did, or would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsBody {
    /// Events that were looked at.
    examined: u64,
    /// Deliveries that go out again.
    resent: u64,
    /// Deliveries of events that the endpoint had never been told.
    created: u64,
    /// Chosen events that were on their way already.
    on_their_way: u64,
}

impl From<ReplayCounts> for CountsBody {
    fn from(counts: ReplayCounts) -> Self {
        Self {
            examined: counts.examined,
            resent: counts.resent,
            created: counts.created,
            on_their_way: counts.left,
        }
    }
}

impl From<&Replay> for ReplayBody {
    fn from(replay: &Replay) -> Self {
        let selection = &replay.selection;
        let job = |job| PublicJobId {
            client: replay.client,
            job,
        };
        let statuses = selection.statuses.iter();
        let standings = selection.standings.iter();
        Self {
            id: replay.id,
            state: replay.state.name(),
            progress: replay.progress(),
            since: selection.since,
            until: selection.until,
            statuses: statuses.map(|status| status.as_str()).collect(),
            states: standings.map(|standing| standing.as_str()).collect(),
            job_id: selection.job.map(|id| job(id).to_string()),
            counts: replay.counts.into(),
            created_at: replay.created_at,
            ended_at: match replay.state {
                ReplayState::Running => None,
                ReplayState::Done { at } | ReplayState::Cancelled { at } => Some(at),
            },
        }
    }
}
