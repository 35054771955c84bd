//! `POST /innovation-service/anonymization`

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use sfumato_core::PublicJobId;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::content_length;
use crate::problem::{ErrorBody, Problem};
use crate::upload;
use crate::v1::anonymization_form::AnonymizationForm;

/// An upload from this size on is refused before it is received where its client has no room; a small one is received first,
/// since asking costs as much.
const LARGE_BYTES: u64 = 1024 * 1024;

/// The job that was made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "anonymization_job_id": "018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C",
}))]
pub(crate) struct JobCreated {
    /// Names the job in every other call and in webhooks.
    anonymization_job_id: String,
}

impl JobCreated {
    pub(crate) fn new(job: &PublicJobId) -> Self {
        Self {
            anonymization_job_id: job.to_string(),
        }
    }
}

/// Upload a file and have it anonymized.
///
/// Answers as soon as the file is stored; the work happens afterwards. An upload that fails or is cut off leaves no job
/// and no file.
#[utoipa::path(
    post,
    path = "/innovation-service/anonymization",
    operation_id = "createAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    request_body(content = AnonymizationForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The job is accepted.", body = JobCreated),
        (status = 400, description = "An option is not allowed, `input_media` is missing, empty or given twice, or the form cannot be read.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 402, description = "The client's quota of jobs a day or of bytes is used up, where the operator has set one; the message names it.", body = ErrorBody),
        (status = 403, description = "The client may not do this.", body = ErrorBody),
        (status = 408, description = "The upload stalled for too long.", body = ErrorBody),
        (status = 413, description = "The file is larger than allowed.", body = ErrorBody),
        (status = 415, description = "The content is none of the supported formats, or the body is no multipart form.", body = ErrorBody),
        (status = 429, description = "Too many requests, or the client's quota of waiting jobs is used up; `Retry-After` says when to come again.", body = ErrorBody),
        (status = 507, description = "The storage of the service is full.", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    request: Request,
) -> Result<Json<JobCreated>, Problem> {
    if content_length(request.headers()).is_none_or(|bytes| bytes >= LARGE_BYTES) {
        state.engine.check_room(&caller).await?;
    }
    let (file, options) = upload::receive(&state, request).await?;
    let job = state.engine.submit(&caller, file, options).await?;
    Ok(Json(JobCreated::new(&job)))
}
