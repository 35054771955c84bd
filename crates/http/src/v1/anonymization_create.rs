//! `POST /innovation-service/anonymization`

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::upload;

/// The form of an upload. Fields in any order; other fields are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the form; `upload` reads it as a stream")]
pub(crate) struct AnonymizationForm {
    /// The file, exactly one: JPEG or PNG. The content decides, not the name or the declared type.
    #[schema(value_type = String, format = Binary)]
    input_media: Vec<u8>,
    /// Find and hide faces. `true`, `false`, `1` or `0`.
    #[schema(nullable = false, default = true)]
    activation_faces_blur: Option<bool>,
    /// Find and hide licence plates. `true`, `false`, `1` or `0`.
    #[schema(nullable = false, default = true)]
    activation_plates_blur: Option<bool>,
    /// Also produce a JSON document of what was found.
    #[schema(nullable = false, default = false)]
    output_detections_url: Option<bool>,
    /// Detections whose centre lies outside are left alone. JSON text, or bracketed fields such as `included_area[top]`.
    #[schema(nullable = false)]
    included_area: Option<IncludedArea>,
    /// How detections are hidden. JSON text, or bracketed fields such as `blur_type[anonymization_type]`.
    #[schema(nullable = false)]
    blur_type: Option<BlurType>,
}

/// A rectangle in fractions of the picture's width and height: 0 ≤ left < right ≤ 1, 0 ≤ top < bottom ≤ 1.
#[derive(ToSchema)]
#[schema(example = json!({"left": 0, "right": 0.5, "top": 0, "bottom": 1}))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) struct IncludedArea {
    /// Left edge.
    #[schema(minimum = 0, maximum = 1)]
    left: f64,
    /// Right edge.
    #[schema(minimum = 0, maximum = 1)]
    right: f64,
    /// Upper edge.
    #[schema(minimum = 0, maximum = 1)]
    top: f64,
    /// Lower edge.
    #[schema(minimum = 0, maximum = 1)]
    bottom: f64,
}

/// How detections are hidden.
#[derive(ToSchema)]
#[schema(example = json!({"anonymization_type": "pixelate", "num_pixels": 10}))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) struct BlurType {
    /// What stands in the region afterwards.
    #[schema(nullable = false, default = "blur")]
    anonymization_type: Option<AnonymizationType>,
    /// Width of the soft edge around the region, as a fraction of its size.
    #[schema(nullable = false, minimum = 0, maximum = 1, default = 0)]
    smooth_padding: Option<f64>,
    /// Colour of `opaque`: `#rrggbb` or `#rgb`.
    #[schema(
        nullable = false,
        default = "#000000",
        pattern = "^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"
    )]
    hex_color: Option<String>,
    /// Cells of `pixelate` across the longer side of the region.
    #[schema(nullable = false, minimum = 1, maximum = 100, default = 10)]
    num_pixels: Option<u32>,
}

/// What stands in a hidden region.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum AnonymizationType {
    /// A blur that cannot be undone.
    Blur,
    /// One colour.
    Opaque,
    /// A mosaic.
    Pixelate,
}

/// The job that was made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "anonymization_job_id": "018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C",
}))]
pub(crate) struct JobCreated {
    /// Names the job in every other call and in webhooks.
    anonymization_job_id: String,
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
        (status = 402, description = "The client's quota is used up, where the operator has set one.", body = ErrorBody),
        (status = 403, description = "The client may not do this.", body = ErrorBody),
        (status = 408, description = "The upload stalled for too long.", body = ErrorBody),
        (status = 413, description = "The file is larger than allowed.", body = ErrorBody),
        (status = 415, description = "The content is none of the supported formats, or the body is no multipart form.", body = ErrorBody),
        (status = 429, description = "Too many requests.", body = ErrorBody),
        (status = 507, description = "The storage of the service is full.", body = ErrorBody),
    ),
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    request: Request,
) -> Result<Json<JobCreated>, Problem> {
    let (file, options) = upload::receive(&state, request).await?;
    let job = state.engine.submit(&caller, file, options).await?;
    Ok(Json(JobCreated {
        anonymization_job_id: job.to_string(),
    }))
}
