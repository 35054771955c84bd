//! `GET /innovation-service/anonymization`

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use sfumato_core::{Job, JobState, PublicJobId, Timestamp};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::base_url::BaseUrl;
use crate::problem::{ErrorBody, Problem};
use crate::query;
use crate::status::Status;

/// Where a job stands. Members that do not apply are absent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "Succeeded",
    "output_media": "https://blur.example.com/innovation-service/result/018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.jpg",
    "output_json": "https://blur.example.com/innovation-service/result/018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.json",
}))]
pub(crate) struct JobStatus {
    /// The status.
    status: Status,
    /// URL of the anonymized file; with `Succeeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    output_media: Option<String>,
    /// URL of the detections document; with `Succeeded`, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    output_json: Option<String>,
    /// Why the job failed and what can be done; with `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// Part done, 0 to 1; with `Started`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    progress: Option<f32>,
    /// Seconds until the job will be done, if it goes on as it does; with `Started`, once that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    eta_seconds: Option<u64>,
    /// What the customer should know about the result.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl JobStatus {
    fn plain(status: Status) -> Self {
        Self {
            status,
            output_media: None,
            output_json: None,
            error: None,
            progress: None,
            eta_seconds: None,
            warnings: Vec::new(),
        }
    }

    fn of(job: Job, base: &BaseUrl, now: Timestamp) -> Self {
        let status = Self::plain(Status::of(&job));
        let is_asked_for = job.options.detections_document;
        match job.state {
            JobState::Queued { .. } | JobState::Cancelled { .. } => status,
            JobState::Running { progress, .. } => Self {
                progress: Some(progress.done),
                eta_seconds: progress.expected_end.map(|end| end.since(now).as_secs()),
                ..status
            },
            JobState::Succeeded { result, .. } | JobState::Expired { result, .. } => Self {
                output_media: Some(base.of_result(result.id, result.format.extension())),
                output_json: result
                    .document
                    .filter(|_| is_asked_for)
                    .map(|_| base.of_result(result.id, "json")),
                warnings: result.warnings,
                ..status
            },
            JobState::Failed { error, .. } => Self {
                error: Some(error),
                ..status
            },
        }
    }
}

/// Ask where a job stands.
///
/// A job that does not exist, or is another client's, is `Unknown job` with status code 200.
#[utoipa::path(
    get,
    path = "/innovation-service/anonymization",
    operation_id = "getAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(("anonymization_job_id" = String, Query, description = "The job, as the upload named it.")),
    responses(
        (status = 200, description = "Where the job stands.", body = JobStatus),
        (status = 400, description = "The parameter is missing.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
    ),
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
    base: BaseUrl,
) -> Result<Json<JobStatus>, Problem> {
    let id = job_id_parameter(query.as_deref())?;
    let job = match id.parse::<PublicJobId>() {
        Ok(id) => state.engine.job(&caller, &id).await?,
        Err(_) => None,
    };
    Ok(Json(match job {
        Some(job) => JobStatus::of(job, &base, state.engine.now()),
        None => JobStatus::plain(Status::UnknownJob),
    }))
}

/// The parameter that names a job.
pub(super) fn job_id_parameter(query: Option<&str>) -> Result<String, Problem> {
    query::first(query, "anonymization_job_id")
        .ok_or_else(|| Problem::bad_request("the query parameter anonymization_job_id is missing"))
}
