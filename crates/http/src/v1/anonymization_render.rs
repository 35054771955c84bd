//! `POST /innovation-service/anonymization/render`

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::Value;
use sfumato_core::PublicJobId;
use sfumato_core::detection::given::{GIVEN_BYTES_MAX, GivenDocument};
use sfumato_engine::intake::Terms;
use sfumato_engine::options::OptionsForm;
use sfumato_engine::requests::RequestContext;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::json::{Large, LargeJsonBody};
use crate::once::NamedRequest;
use crate::problem::{ErrorBody, Problem};
use crate::v1::anonymization_create::JobCreated;
use crate::v1::anonymization_form::{Audio, BlurType, Codec, MaskShape, Metadata, Priority, Subtitles};

/// What is to be rendered. Options that are absent are those of the job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "anonymization_job_id": "018fe2a4-5d1c-7b3a-9e1f-3c5d7e9fb1a2-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C",
    "detections": {
        "schema": "sfumato.detections/1",
        "picture": {"width": 512, "height": 512},
        "detections": [
            {"class": "face", "box": {"x": 176, "y": 63, "width": 94, "height": 130}, "manual": true},
        ],
    },
    "blur_type": {"anonymization_type": "pixelate", "num_pixels": 10},
}))]
pub(crate) struct RenderBody {
    /// The job whose original is rendered again; a revision of it is as good.
    anonymization_job_id: String,
    /// What is to be hidden, and nothing else: a detections document as a job answers with, edited.
    #[schema(value_type = Object)]
    detections: GivenDocument,
    /// Also tell where the detections document of the result is.
    #[schema(nullable = false, value_type = Option<bool>)]
    output_detections_url: Option<Value>,
    /// How detections are hidden.
    #[schema(nullable = false, value_type = Option<BlurType>)]
    blur_type: Option<Value>,
    /// By how much of its width and height a bounding box grows on each side before it is hidden.
    #[schema(nullable = false, value_type = Option<f64>, minimum = 0, maximum = 1)]
    mask_growth: Option<Value>,
    /// The shape of hidden regions.
    #[schema(nullable = false, value_type = Option<MaskShape>)]
    mask_shape: Option<Value>,
    /// What of the original's metadata the result has.
    #[schema(nullable = false, value_type = Option<Metadata>)]
    metadata: Option<Value>,
    /// What is done with the sound of a video.
    #[schema(nullable = false, value_type = Option<Audio>)]
    audio: Option<Value>,
    /// What is done with the subtitles of a video.
    #[schema(nullable = false, value_type = Option<Subtitles>)]
    subtitles: Option<Value>,
    /// How the pictures of a video are encoded.
    #[schema(nullable = false, value_type = Option<Codec>)]
    codec: Option<Value>,
    /// How closely a video resembles the original outside of the masks.
    #[schema(nullable = false, value_type = Option<u8>, minimum = 0, maximum = 51)]
    quality: Option<Value>,
    /// Which of the client's waiting jobs it goes before.
    #[schema(nullable = false, value_type = Option<Priority>)]
    priority: Option<Value>,
}

impl Large for RenderBody {
    const BYTES_MAX: usize = GIVEN_BYTES_MAX;
}

impl RenderBody {
    /// The options that are there, by their names.
    fn options(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let named = [
            ("output_detections_url", &self.output_detections_url),
            ("blur_type", &self.blur_type),
            ("mask_growth", &self.mask_growth),
            ("mask_shape", &self.mask_shape),
            ("metadata", &self.metadata),
            ("audio", &self.audio),
            ("subtitles", &self.subtitles),
            ("codec", &self.codec),
            ("quality", &self.quality),
            ("priority", &self.priority),
        ];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }
}

/// Render a job again from edited detections.
///
/// Extension. Makes another job, a revision, which hides in the original of a finished job what the detections say and
/// nothing else; no model looks. It has its own status, webhooks and result. The job and its result stay as they are. Needs
/// the original: the operator decides how long originals are kept.
#[utoipa::path(
    post,
    path = "/innovation-service/anonymization/render",
    operation_id = "renderAnonymization",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A name of your own for this request, such as a UUID: 1 to 255 printable ASCII characters. The same request under the same name makes one job.")),
    request_body(content = RenderBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The revision is accepted.", body = JobCreated),
        (status = 400, description = "An option or a place in the detections is not allowed, the detections are of another kind of media, or the job is of an archive.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such job of this client.", body = ErrorBody),
        (status = 403, description = "The client may not give a job this priority.", body = ErrorBody),
        (status = 409, description = "The job has not finished yet, or a request with the same `Idempotency-Key` is being received.", body = ErrorBody),
        (status = 410, description = "The original is not kept any more.", body = ErrorBody),
        (status = 413, description = "The body is larger than 32 MiB.", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request.", body = ErrorBody),
        (status = 507, description = "The storage of the service is full.", body = ErrorBody),
    ),
)]
pub(crate) async fn render(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    NamedRequest(key): NamedRequest,
    Extension(context): Extension<Arc<RequestContext>>,
    LargeJsonBody(body): LargeJsonBody<RenderBody>,
) -> Result<Json<JobCreated>, Problem> {
    let _place = state.in_flight.enter(caller.client, key.as_ref())?;
    let mut form = OptionsForm::new();
    for (name, value) in body.options() {
        form.push_json(name, value)?;
    }
    let id: PublicJobId = body
        .anonymization_job_id
        .parse()
        .map_err(|_| Problem::not_found("job"))?;
    let job = state
        .engine
        .job(&caller, &id)
        .await?
        .ok_or_else(|| Problem::not_found("job"))?;
    let given = body
        .detections
        .check()
        .map_err(|error| Problem::bad_request(format!("detections.{error}")))?;
    let terms = Terms {
        priority: form.priority(),
        key,
        sender: context.sender(),
    };
    let options = form.over(job.options);
    let revision = state.engine.render(&caller, &id, &given, options, terms).await?;
    // One request makes one job.
    let _ = context.job.set(revision.job);
    Ok(Json(JobCreated::new(&revision)))
}
