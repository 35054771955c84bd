//! Failures as the outside sees them: one JSON shape for all of them, whatever layer they come from.
//!
//! What the caller can mend is said in full. What is a fault of ours is said in a general sentence with the request's
//! identifier; its chain of causes goes to the log, once, under the same identifier.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sfumato_core::{Quota, StoreError};
use sfumato_engine::access::AccessError;
use sfumato_engine::blobs::BlobError;
use sfumato_engine::endpoints::EndpointError;
use sfumato_engine::events::EventsError;
use sfumato_engine::intake::IntakeError;
use sfumato_engine::options::InvalidField;
use sfumato_engine::render::RenderError;
use sfumato_engine::results::ResultError;
use utoipa::ToSchema;

/// Seconds after which a client may try again when a part of the service does not answer.
const RETRY_AFTER_SECONDS: u32 = 5;

/// The body of every answer from 400 upwards.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "statusCode": 400,
    "error": "Bad Request",
    "message": "blur_type.num_pixels: must be a whole number from 1 to 100",
}))]
pub(crate) struct ErrorBody {
    /// The status code of the answer.
    status_code: u16,
    /// The reason phrase of the status code.
    error: &'static str,
    /// What is wrong, which field it is about, and what is allowed.
    message: String,
}

/// A failure on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    message: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A failure that the caller can mend.
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            headers: Vec::new(),
            cause: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// A fault of ours.
    pub(crate) fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                general_message(StatusCode::INTERNAL_SERVER_ERROR),
            )
        }
    }

    /// A part of the service that does not answer now.
    pub(crate) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                general_message(StatusCode::SERVICE_UNAVAILABLE),
            )
            .with(RETRY_AFTER, RETRY_AFTER_SECONDS.into())
        }
    }

    /// There is no room for what was sent, on whichever disk.
    fn full(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "the storage of the service is full; try again later",
        )
        .because(cause)
    }

    /// A token that opens nothing (RFC 6750, section 3).
    pub(crate) fn invalid_token(message: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).with(
            WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="sfumato", error="invalid_token""#),
        )
    }

    /// The same failure with one more header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same failure with its cause for the log.
    pub(crate) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.message)
    }
}

/// The body is written by [`render`], which knows the request's identifier.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What is said of a failure that nobody described.
fn general_message(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this address",
        StatusCode::METHOD_NOT_ALLOWED => {
            "the method is not allowed here; the header Allow names those that are"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
        StatusCode::SERVICE_UNAVAILABLE => {
            "a part of the service does not answer; try again in a few seconds"
        }
        status if status.is_server_error() => "the service failed; tell the operator if it happens again",
        _ => "the request was refused",
    }
}

/// Gives a failed response, from whatever layer, its JSON body. Returns the cause for the log.
pub(crate) fn render(response: &mut Response, request_id: &str) -> Option<Arc<dyn Error + Send + Sync>> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let (message, cause) = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => (problem.message, problem.cause),
        None => (Cow::Borrowed(general_message(status)), None),
    };
    let message = if status.is_server_error() {
        format!("{message} (request {request_id})")
    } else {
        message.into_owned()
    };
    let body = ErrorBody {
        status_code: status.as_u16(),
        error: status.canonical_reason().unwrap_or("Error"),
        message,
    };
    let json = serde_json::to_vec(&body).expect("a struct of numbers and strings is always valid JSON");
    response.headers_mut().remove(CONTENT_LENGTH);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(json);
    cause
}

/// The answer where no route fits.
pub(crate) async fn no_such_route(uri: Uri) -> Problem {
    let message = match uri.path() {
        "/" => "the API is described at /docs and /openapi.json",
        _ => general_message(StatusCode::NOT_FOUND),
    };
    Problem::new(StatusCode::NOT_FOUND, message)
}

/// A handler panicked.
#[derive(Debug, thiserror::Error)]
#[error("a handler panicked: {message}")]
struct Panicked {
    message: String,
}

/// The answer where a handler panicked.
pub(crate) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let message = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast_ref::<&'static str>()
            .map_or("no message", |text| text)
            .to_owned(),
    };
    Problem::internal(Panicked { message }).into_response()
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what } => Self::not_found(what),
            StoreError::LimitReached { .. }
            | StoreError::UnderWay { .. }
            | StoreError::AlreadyExists { .. } => Self::new(StatusCode::CONFLICT, error.to_string()),
            // Work on what waits makes room by itself.
            StoreError::OverQuota(Quota::JobsWaiting { .. }) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                    .with(RETRY_AFTER, RETRY_AFTER_SECONDS.into())
            }
            StoreError::OverQuota(_) => Self::new(StatusCode::PAYMENT_REQUIRED, error.to_string()),
            StoreError::PriorityTooHigh { .. } => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            StoreError::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Idempotency-Key: was used for another request before; a new request needs a new key",
            ),
            StoreError::NotRetained => Self::new(StatusCode::GONE, error.to_string()),
            StoreError::Full { .. } => Self::full(error),
            StoreError::Unavailable { .. } => Self::unavailable(error),
            StoreError::Corrupt { .. } | StoreError::LeaseLost => Self::internal(error),
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::WrongCredentials => Self::new(StatusCode::UNAUTHORIZED, error.to_string()).with(
                WWW_AUTHENTICATE,
                HeaderValue::from_static(r#"Bearer realm="sfumato""#),
            ),
            AccessError::InvalidToken
            | AccessError::ExpiredToken
            | AccessError::LoginEnded
            | AccessError::InvalidRefreshToken => Self::invalid_token(error.to_string()),
            AccessError::ForeignToken => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            AccessError::Store(source) => source.into(),
        }
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::full(error),
            BlobError::Unavailable { .. } => Self::unavailable(error),
            BlobError::NotFound | BlobError::Sealed(_) | BlobError::Remains { .. } => Self::internal(error),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        let status = match error {
            IntakeError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            IntakeError::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            IntakeError::Empty => StatusCode::BAD_REQUEST,
            IntakeError::QueueFull { wait, .. } => {
                return Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                    .with(RETRY_AFTER, wait.as_secs().max(1).into());
            }
            IntakeError::StorageFull => return BlobError::Full.into(),
            IntakeError::Blobs(source) => return source.into(),
            IntakeError::Store(source) => return source.into(),
        };
        Self::new(status, format!("input_media: {error}"))
    }
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        let (status, field) = match error {
            RenderError::Unknown => return Self::not_found("job"),
            RenderError::NotFinished => (StatusCode::CONFLICT, None),
            RenderError::NotRetained => (StatusCode::GONE, None),
            RenderError::Archive => (StatusCode::BAD_REQUEST, Some("anonymization_job_id")),
            RenderError::OtherKind { .. } => (StatusCode::BAD_REQUEST, Some("detections")),
            RenderError::Store(source) => return source.into(),
            RenderError::Blobs(source) => return source.into(),
        };
        Self::new(
            status,
            match field {
                Some(field) => format!("{field}: {error}"),
                None => error.to_string(),
            },
        )
    }
}

impl From<ResultError> for Problem {
    fn from(error: ResultError) -> Self {
        match error {
            ResultError::Unknown => Self::not_found("result"),
            ResultError::Gone => Self::new(StatusCode::GONE, error.to_string()),
            ResultError::Store(source) => source.into(),
            ResultError::Blobs(source) => source.into(),
        }
    }
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Url(refused) => Self::bad_request(refused.to_string()),
            EndpointError::Store(source) => source.into(),
        }
    }
}

impl Problem {
    /// Why events or deliveries are not read; `field` is where the request names its cursor.
    pub(crate) fn of_reading(error: EventsError, field: &'static str) -> Self {
        match error {
            EventsError::UnknownCursor => Self::bad_request(format!("{field}: {error}")),
            EventsError::TooManyWaiting => Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())
                .with(RETRY_AFTER, RETRY_AFTER_SECONDS.into()),
            EventsError::Store(source) => source.into(),
        }
    }
}

impl From<InvalidField> for Problem {
    fn from(error: InvalidField) -> Self {
        Self::bad_request(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use sfumato_core::Priority;

    use super::*;

    async fn rendered(response: impl IntoResponse) -> (serde_json::Value, bool) {
        let mut response = response.into_response();
        let cause = render(&mut response, "r-1");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (serde_json::from_slice(&bytes).unwrap(), cause.is_some())
    }

    #[tokio::test]
    async fn a_fault_of_ours_shows_the_request_and_hides_its_cause() {
        let error = StoreError::Unavailable {
            source: "disk I/O error in /var/lib/secret.db".into(),
        };
        let (body, logged) = rendered(Problem::from(error)).await;
        assert!(logged);
        assert_eq!(body["statusCode"], 503);
        assert_eq!(body["error"], "Service Unavailable");
        let message = body["message"].as_str().unwrap();
        assert!(
            message.contains("r-1") && !message.contains("secret"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn a_failure_of_any_layer_gets_the_three_members() {
        let (body, _) = rendered((StatusCode::IM_A_TEAPOT, "plain text")).await;
        assert_eq!(
            body,
            serde_json::json!({"statusCode": 418, "error": "I'm a teapot", "message": "the request was refused"})
        );
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_its_message_stays_inside() {
        let (body, logged) = rendered(panicked(Box::new("index out of bounds".to_owned()))).await;
        assert_eq!(body["statusCode"], 500);
        assert!(logged && !body.to_string().contains("bounds"));
    }

    #[test]
    fn every_error_of_the_engine_has_its_status() {
        let blob = || BlobError::Unavailable { source: "x".into() };
        let store = || StoreError::Unavailable { source: "x".into() };
        for (problem, status) in [
            (Problem::from(IntakeError::TooLarge { max: 1 }), 413),
            (IntakeError::UnsupportedMedia.into(), 415),
            (IntakeError::Empty.into(), 400),
            (IntakeError::StorageFull.into(), 507),
            (
                IntakeError::QueueFull {
                    max: 1,
                    wait: Duration::from_secs(3),
                }
                .into(),
                429,
            ),
            (IntakeError::from(BlobError::Full).into(), 507),
            (IntakeError::Blobs(blob()).into(), 503),
            (IntakeError::Store(store()).into(), 503),
            (AccessError::Store(store()).into(), 503),
            (ResultError::Blobs(blob()).into(), 503),
            (ResultError::Gone.into(), 410),
            (StoreError::NotFound { what: "job" }.into(), 404),
            (StoreError::UnderWay { what: "a replay" }.into(), 409),
            (Problem::of_reading(EventsError::UnknownCursor, "after"), 400),
            (Problem::of_reading(EventsError::TooManyWaiting, "after"), 429),
            (Problem::of_reading(EventsError::Store(store()), "after"), 503),
            (StoreError::OverQuota(Quota::JobsWaiting { max: 1 }).into(), 429),
            (StoreError::OverQuota(Quota::JobsPerDay { max: 1 }).into(), 402),
            (StoreError::OverQuota(Quota::BytesStored { max: 1 }).into(), 402),
            (StoreError::PriorityTooHigh { max: Priority::Low }.into(), 403),
            (StoreError::KeyReused.into(), 422),
            (StoreError::LeaseLost.into(), 500),
            (StoreError::Full { source: "x".into() }.into(), 507),
            (
                IntakeError::Store(StoreError::Full { source: "x".into() }).into(),
                507,
            ),
            (BlobError::NotFound.into(), 500),
        ] {
            assert_eq!(problem.parts().0, status, "{problem:?}");
        }
    }

    #[tokio::test]
    async fn success_is_left_alone() {
        let mut response = (StatusCode::OK, "fine").into_response();
        assert!(render(&mut response, "r").is_none());
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "fine");
    }
}
