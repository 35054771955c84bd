//! `GET /webhook-url/get-many`

use axum::Json;
use axum::extract::{RawQuery, State};
use sfumato_core::EndpointId;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::query;
use crate::v1::endpoint_body::EndpointBody;

/// List webhook endpoints.
///
/// Oldest first. With `uuids[]` only those, with `active` only those that are or are not called.
#[utoipa::path(
    get,
    path = "/webhook-url/get-many",
    operation_id = "listWebhookEndpoints",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("active" = Option<bool>, Query, description = "Only endpoints that are (`true`) or are not (`false`) called."),
        ("uuids[]" = Option<Vec<String>>, Query, description = "Only these endpoints; repeatable. Unknown ones are left out."),
    ),
    responses(
        (status = 200, description = "The endpoints.", body = Vec<EndpointBody>),
        (status = 400, description = "`active` is neither `true` nor `false`.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<EndpointBody>>, Problem> {
    let active = match query::first(query.as_deref(), "active").as_deref() {
        None | Some("") => None,
        Some("true" | "True" | "1") => Some(true),
        Some("false" | "False" | "0") => Some(false),
        Some(_) => return Err(Problem::bad_request("active: must be true or false")),
    };
    let wanted: Option<Vec<EndpointId>> = query::list(query.as_deref(), "uuids")
        .map(|texts| texts.iter().filter_map(|text| text.parse().ok()).collect());
    let endpoints = state.engine.endpoints(&caller).await?;
    let shown = endpoints.iter().filter(|endpoint| {
        active.is_none_or(|active| endpoint.state.is_active() == active)
            && wanted.as_ref().is_none_or(|wanted| wanted.contains(&endpoint.id))
    });
    let bodies = shown.map(|endpoint| EndpointBody::of(&state.engine, endpoint));
    Ok(Json(bodies.collect::<Result<_, _>>()?))
}
