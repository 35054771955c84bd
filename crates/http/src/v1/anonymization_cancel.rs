//! `DELETE /innovation-service/anonymization`

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;
use sfumato_core::store::CancelOutcome;
use sfumato_core::{JobState, PublicJobId};
use sfumato_engine::again::Fate;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::query;
use crate::status::Status;
use crate::v1::anonymization_status::job_id_parameter;

/// The job is cancelled, or its files are deleted.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "Revoked"}))]
pub(crate) struct JobCancelled {
    /// `Revoked`; how the job ended where its files were deleted and it had ended before.
    status: Status,
    /// With `delete_files`: whether the original is deleted, with all that belongs to it. Not where another job on it has not
    /// finished, or where the storage could not delete it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    original_deleted: Option<bool>,
    /// With `delete_files`: whether there is no result any more. Not where the storage could not delete it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    result_deleted: Option<bool>,
}

/// Cancel a job, or delete all of its files.
///
/// A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again is no failure, so
/// that a lost answer can be asked for again. A cancelled job sends no webhook.
///
/// With `delete_files=true` a job that has ended is no failure either: the original, detections that were given for it, and the
/// result are deleted at once, whatever their retention. What the job was, and its events, stay.
#[utoipa::path(
    delete,
    path = "/innovation-service/anonymization",
    operation_id = "cancelAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(
        ("anonymization_job_id" = String, Query, description = "The job, as the upload named it."),
        ("delete_files" = Option<bool>, Query, description = "Delete all files of the job now, also when it has ended."),
    ),
    responses(
        (status = 200, description = "The job is cancelled, or its files are deleted.", body = JobCancelled),
        (status = 400, description = "A parameter is missing or wrong.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such job of this client.", body = ErrorBody),
        (status = 409, description = "The job has succeeded or failed already.", body = ErrorBody),
    ),
)]
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<JobCancelled>, Problem> {
    let id = job_id_parameter(query.as_deref())?;
    let id: PublicJobId = id.parse().map_err(|_| Problem::not_found("job"))?;
    if delete_files(query.as_deref())? {
        let erased = state.engine.erase(&caller, &id).await?;
        return Ok(Json(JobCancelled {
            status: Status::of(&erased.job),
            original_deleted: Some(erased.fates.original == Fate::Gone),
            result_deleted: Some(erased.fates.result == Fate::Gone),
        }));
    }
    match state.engine.cancel(&caller, &id).await? {
        CancelOutcome::Cancelled { .. } => {}
        CancelOutcome::AlreadyFinished(job) if matches!(job.state, JobState::Cancelled { .. }) => {}
        CancelOutcome::AlreadyFinished(_) => {
            return Err(Problem::new(StatusCode::CONFLICT, "the job has finished already"));
        }
    }
    Ok(Json(JobCancelled {
        status: Status::Revoked,
        original_deleted: None,
        result_deleted: None,
    }))
}

fn delete_files(query: Option<&str>) -> Result<bool, Problem> {
    match query::first(query, "delete_files").as_deref() {
        None | Some("" | "false" | "False" | "0") => Ok(false),
        Some("true" | "True" | "1") => Ok(true),
        Some(_) => Err(Problem::bad_request("delete_files: must be true or false")),
    }
}
