//! `GET /usage`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sfumato_core::{ClientPolicy, Usage};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};

/// What a client may have and has.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "jobs_waiting": {"used": 3, "max": 100},
    "jobs_running": {"used": 2, "max": null},
    "jobs_today": {"used": 41, "max": 1000},
    "bytes_stored": {"used": 73400320, "max": null},
    "weight": 1,
    "priority_max": "high",
}))]
pub(crate) struct UsageBody {
    /// Jobs that wait. Another one is answered with 429 where there are as many as there may be.
    jobs_waiting: Used,
    /// Jobs that are worked on. Further ones wait.
    jobs_running: Used,
    /// Jobs since 00:00 UTC. Another one is answered with 402 where there were as many as there may be.
    jobs_today: Used,
    /// Bytes of originals and results. An upload that would exceed the most is answered with 402.
    bytes_stored: Used,
    /// The client's share of the work where others have jobs waiting, too.
    weight: u32,
    /// The highest `priority` that it may give a job.
    priority_max: &'static str,
}

/// How much is used of what may be.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    /// What there is.
    used: u64,
    /// The most; `null` is no limit.
    max: Option<u64>,
}

impl UsageBody {
    fn new(policy: &ClientPolicy, usage: &Usage) -> Self {
        let used = |used, max| Used { used, max };
        let (quotas, scheduling) = (&policy.quotas, &policy.scheduling);
        Self {
            jobs_waiting: used(usage.jobs_waiting, quotas.jobs_waiting_max),
            jobs_running: used(usage.jobs_running, scheduling.jobs_at_once_max),
            jobs_today: used(usage.jobs_today, quotas.jobs_per_day_max),
            bytes_stored: used(usage.bytes_stored, quotas.bytes_stored_max),
            weight: scheduling.weight.get(),
            priority_max: scheduling.priority_max.as_str(),
        }
    }
}

/// See what is used of the quotas.
///
/// Extension. Quotas are set by the operator; without one the most is `null`.
#[utoipa::path(
    get,
    path = "/usage",
    operation_id = "getUsage",
    tag = "Usage",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What the client may have and has.", body = UsageBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 429, description = "Too many requests.", body = ErrorBody,
            headers(("Retry-After" = u32, description = "Seconds to wait."))),
    ),
)]
pub(crate) async fn usage(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<UsageBody>, Problem> {
    let (policy, usage) = state.engine.client_policy(caller.client).await?;
    Ok(Json(UsageBody::new(&policy, &usage)))
}
