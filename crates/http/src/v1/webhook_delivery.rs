//! `GET /webhook-url/{uuid}/deliveries/{deliveryId}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::v1::delivery_body::DeliveryBody;
use crate::v1::endpoint_body::pair_in_path;

/// Read one delivery with all its attempts.
///
/// An extension. `deliveryId` is the `webhook-id` that the endpoint was sent.
#[utoipa::path(
    get,
    path = "/webhook-url/{uuid}/deliveries/{deliveryId}",
    operation_id = "getWebhookDelivery",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("uuid" = uuid::Uuid, Path, description = "The endpoint."),
        ("deliveryId" = uuid::Uuid, Path, description = "The delivery."),
    ),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such delivery of this endpoint and client.", body = ErrorBody),
    ),
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<DeliveryBody>, Problem> {
    let (endpoint, delivery) = pair_in_path(path, "delivery")?;
    let record = state.engine.delivery(&caller, endpoint, delivery).await?;
    Ok(Json(DeliveryBody::from(&record)))
}
