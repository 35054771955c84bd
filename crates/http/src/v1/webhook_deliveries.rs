//! `GET /webhook-url/{uuid}/deliveries`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;
use sfumato_core::store::DeliveryFilter;
use sfumato_core::{PublicJobId, Standing};
use sfumato_engine::history::DELIVERIES_MAX;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::query;
use crate::v1::delivery_body::DeliveryBody;
use crate::v1::endpoint_body::endpoint_in_path;

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = DELIVERIES_MAX as u32;

/// Some deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    /// Newest event first.
    deliveries: Vec<DeliveryBody>,
    /// Where to go on (`cursor`); absent at the end. A page may be short, or empty, and not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// List the deliveries of a webhook endpoint with all their attempts.
///
/// An extension. Newest event first. A page looks at a bounded number of events: where a filter fits little, go on with
/// `next` until it is absent.
#[utoipa::path(
    get,
    path = "/webhook-url/{uuid}/deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("uuid" = uuid::Uuid, Path, description = "The endpoint."),
        ("state" = Option<String>, Query, description = "Only those that are `pending`, `sending`, `delivered`, `superseded`, `expired` or `dropped`."),
        ("jobId" = Option<String>, Query, description = "Only those of this `anonymization_job_id`; an unknown one has none."),
        ("since" = Option<String>, Query, description = "Only those of events from this time on (RFC 3339)."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 where it is absent.", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, description = "The deliveries.", body = DeliveryPage),
        (status = 400, description = "A filter or the cursor is none.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such endpoint of this client.", body = ErrorBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<DeliveryPage>, Problem> {
    let id = endpoint_in_path(path)?;
    let query = query.as_deref();
    let given = |name| query::first(query, name).filter(|text| !text.is_empty());
    let standing = match given("state").map(|text| text.parse()) {
        None => None,
        Some(Ok(standing)) if standing != Standing::Missing => Some(standing),
        Some(_) => {
            return Err(Problem::bad_request(
                "state: must be pending, sending, delivered, superseded, expired or dropped",
            ));
        }
    };
    let since = query::time(query, "since")?;
    let limit = query::number(query, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let job = match given("jobId").map(|text| text.parse::<PublicJobId>()) {
        None => None,
        Some(Ok(job)) if job.client == caller.client => Some(job.job),
        Some(_) => {
            // Another client's job is one that does not exist; the endpoint must exist all the same.
            state.engine.endpoint(&caller, id).await?;
            return Ok(Json(DeliveryPage {
                deliveries: vec![],
                next: None,
            }));
        }
    };
    let filter = DeliveryFilter { standing, job, since };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let list = state
        .engine
        .deliveries(&caller, id, filter, given("cursor").as_deref(), limit)
        .await
        .map_err(|error| Problem::of_reading(error, "cursor"))?;
    Ok(Json(DeliveryPage {
        deliveries: list.records.iter().map(DeliveryBody::from).collect(),
        next: list.next,
    }))
}
