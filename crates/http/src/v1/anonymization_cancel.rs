//! `DELETE /innovation-service/anonymization`

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;
use sfumato_core::store::CancelOutcome;
use sfumato_core::{JobState, PublicJobId};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::status::Status;
use crate::v1::anonymization_status::job_id_parameter;

/// The job is cancelled.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "Revoked"}))]
pub(crate) struct JobCancelled {
    /// Always `Revoked`.
    status: Status,
}

/// Cancel a job.
///
/// A job that waits or is being worked on stops; its file is deleted. Cancelling a cancelled job again is no failure, so
/// that a lost answer can be asked for again. A cancelled job sends no webhook.
#[utoipa::path(
    delete,
    path = "/innovation-service/anonymization",
    operation_id = "cancelAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(("anonymization_job_id" = String, Query, description = "The job, as the upload named it.")),
    responses(
        (status = 200, description = "The job is cancelled.", body = JobCancelled),
        (status = 400, description = "The parameter is missing.", body = ErrorBody),
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
    match state.engine.cancel(&caller, &id).await? {
        CancelOutcome::Cancelled { .. } => {}
        CancelOutcome::AlreadyFinished(job) if matches!(job.state, JobState::Cancelled { .. }) => {}
        CancelOutcome::AlreadyFinished(_) => {
            return Err(Problem::new(StatusCode::CONFLICT, "the job has finished already"));
        }
    }
    Ok(Json(JobCancelled {
        status: Status::Revoked,
    }))
}
