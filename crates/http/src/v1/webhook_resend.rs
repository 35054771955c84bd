//! `POST /webhook-url/{uuid}/deliveries/{deliveryId}/resend`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::delivery_body::DeliveryBody;
use crate::v1::endpoint_body::pair_in_path;

/// Send one delivery again, whatever became of it.
///
/// An extension. It goes out at once under the same `webhook-id`, with the next `webhook-attempt` and a new schedule; also to an
/// endpoint that is held or has asked for a pause. One that is on its way stays on its way.
#[utoipa::path(
    post,
    path = "/webhook-url/{uuid}/deliveries/{deliveryId}/resend",
    operation_id = "resendWebhookDelivery",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("uuid" = uuid::Uuid, Path, description = "The endpoint."),
        ("deliveryId" = uuid::Uuid, Path, description = "The delivery."),
    ),
    responses(
        (status = 202, description = "The delivery as it is now.", body = DeliveryBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such delivery of this endpoint and client.", body = ErrorBody),
    ),
)]
pub(crate) async fn resend(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    let (endpoint, delivery) = pair_in_path(path, "delivery")?;
    state.engine.resend(&caller, endpoint, delivery).await?;
    let record = state.engine.delivery(&caller, endpoint, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryBody::from(&record))))
}
