//! `POST /webhook-url/{uuid}/replay`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sfumato_core::{PublicJobId, ReplaySelection};
use sfumato_engine::access::Caller;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ErrorBody, Problem};
use crate::query::read_time;
use crate::v1::endpoint_body::endpoint_in_path;
use crate::v1::replay_body::{CountsBody, ReplayBody};

/// Which events to send again. What is absent chooses all.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"since": "2024-06-04T00:00:00Z", "states": ["expired", "superseded", "missing"], "dryRun": true}))]
pub(crate) struct NewReplay {
    /// Events from this time on (RFC 3339).
    #[schema(format = DateTime)]
    since: String,
    /// Events before this time; what has happened until now where it is absent.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Events that tell one of `Sent`, `Started`, `Succeeded`, `Failed`.
    statuses: Option<Vec<String>>,
    /// Events that stand so at this endpoint: `delivered`, `superseded`, `expired`, `dropped`, or `missing` (it was never told:
    /// it is younger, or was switched off).
    states: Option<Vec<String>>,
    /// Events of this `anonymization_job_id`.
    job_id: Option<String>,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

/// Send the events of a time to a webhook endpoint again.
///
/// An extension. Events go out in the order of their jobs, under the `webhook-id` that they had; one that the endpoint was never
/// told gets its first. What is on its way stays so. A replay survives a restart and goes on where it was; it makes room for
/// what happens meanwhile. An endpoint has one replay at a time. With `dryRun` nothing is sent and 200 answers the counts.
#[utoipa::path(
    post,
    path = "/webhook-url/{uuid}/replay",
    operation_id = "startWebhookReplay",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(("uuid" = uuid::Uuid, Path, description = "The endpoint.")),
    request_body = NewReplay,
    responses(
        (status = 200, description = "What a replay would do (`dryRun`).", body = CountsBody),
        (status = 202, description = "The replay is begun.", body = ReplayBody),
        (status = 400, description = "A time, status or state is none, or nothing can lie between the times.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint or job of this client.", body = ErrorBody),
        (status = 409, description = "A replay of this endpoint is under way.", body = ErrorBody),
    ),
)]
pub(crate) async fn start(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
    JsonBody(new): JsonBody<NewReplay>,
) -> Result<Response, Problem> {
    let id = endpoint_in_path(path)?;
    let selection = selection(&state, &caller, &new).await?;
    if new.dry_run {
        let counts = state.engine.try_replay(&caller, id, &selection).await?;
        return Ok(Json(CountsBody::from(counts)).into_response());
    }
    let replay = state.engine.start_replay(&caller, id, &selection).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayBody::from(&replay))).into_response())
}

async fn selection(state: &ApiState, caller: &Caller, new: &NewReplay) -> Result<ReplaySelection, Problem> {
    let since = read_time(&new.since, "since")?;
    let now = state.engine.clock().now();
    let until = match &new.until {
        Some(text) => read_time(text, "until")?,
        // What has happened in this very microsecond is included.
        None => now.after(std::time::Duration::from_micros(1)),
    };
    if since >= until {
        let message = match new.until {
            Some(_) => "until: must be later than since",
            None => "since: must not lie in the future",
        };
        return Err(Problem::bad_request(message));
    }
    Ok(ReplaySelection {
        since,
        until,
        statuses: words(
            new.statuses.as_deref(),
            "statuses: must be a list of Sent, Started, Succeeded and Failed",
        )?,
        standings: words(
            new.states.as_deref(),
            "states: must be a list of delivered, superseded, expired, dropped, missing, pending and sending",
        )?,
        job: match &new.job_id {
            None => None,
            Some(text) => Some(known_job(state, caller, text).await?),
        },
    })
}

fn words<T: std::str::FromStr>(words: Option<&[String]>, expected: &'static str) -> Result<Vec<T>, Problem> {
    let words = words.unwrap_or_default().iter();
    words
        .map(|word| word.parse().map_err(|_| Problem::bad_request(expected)))
        .collect()
}

/// A job of the caller. A replay of one that does not exist would do nothing and say nothing.
async fn known_job(state: &ApiState, caller: &Caller, text: &str) -> Result<sfumato_core::JobId, Problem> {
    let unknown = || Problem::not_found("job");
    let id: PublicJobId = text.parse().map_err(|_| unknown())?;
    let job = state.engine.job(caller, &id).await?;
    job.map(|job| job.id).ok_or_else(unknown)
}
