//! `POST /innovation-service/anonymization`

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::{Extension, Json};
use serde::Serialize;
use sfumato_core::PublicJobId;
use sfumato_engine::intake::Terms;
use sfumato_engine::requests::RequestContext;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::content_length;
use crate::once::NamedRequest;
use crate::problem::{ErrorBody, Problem};
use crate::upload;
use crate::v1::anonymization_form::AnonymizationForm;

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
///
/// With an `Idempotency-Key` (extension) the request may be sent again, with the same file, file name and options, when its
/// answer got lost: the answer is the same job. A key is kept for 24 hours.
#[utoipa::path(
    post,
    path = "/innovation-service/anonymization",
    operation_id = "createAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A name of your own for this request, such as a UUID: 1 to 255 printable ASCII characters. The same request under the same name makes one job.")),
    request_body(content = AnonymizationForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The job is accepted.", body = JobCreated),
        (status = 400, description = "An option is not allowed, `input_media` is missing, empty or given twice, or the form cannot be read.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 402, description = "The client's quota of jobs a day or of bytes is used up, where the operator has set one; the message names it.", body = ErrorBody),
        (status = 403, description = "The client may not do this, such as give a job this priority.", body = ErrorBody),
        (status = 408, description = "The upload stalled for too long, or came too slowly.", body = ErrorBody),
        (status = 409, description = "A request with the same `Idempotency-Key` is being received.", body = ErrorBody),
        (status = 413, description = "The file is larger than allowed.", body = ErrorBody),
        (status = 415, description = "The content is none of the supported formats, or the body is no multipart form.", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request.", body = ErrorBody),
        (status = 429, description = "Too many requests, too many jobs that wait, of this client or of all; `Retry-After` says when to come again.", body = ErrorBody),
        (status = 507, description = "The storage of the service is full.", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    NamedRequest(key): NamedRequest,
    Extension(context): Extension<Arc<RequestContext>>,
    request: Request,
) -> Result<Json<JobCreated>, Problem> {
    let _place = state.in_flight.enter(caller.client, key.as_ref())?;
    // What was accepted before needs no room; it is received only to see that it is the same.
    let is_again = match &key {
        Some(key) => state.engine.knows_key(&caller, key).await?,
        None => false,
    };
    if !is_again {
        let bytes = content_length(request.headers());
        state.engine.check_room(&caller, bytes).await?;
    }
    let (file, options, priority) = upload::receive(&state, request).await?;
    let sender = context.sender();
    let terms = Terms {
        priority,
        key,
        sender,
    };
    let job = state.engine.submit_on(&caller, file, options, terms).await?;
    // One request makes one job.
    let _ = context.job.set(job.job);
    Ok(Json(JobCreated::new(&job)))
}
