//! A webhook endpoint as the API shows it.

use std::str::FromStr;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde::Serialize;
use sfumato_core::endpoint::{Description, InvalidAckPolicy, InvalidDescription};
use sfumato_core::{AckPolicy, Endpoint, EndpointId, Timestamp};
use sfumato_engine::Engine;
use utoipa::ToSchema;

use crate::problem::Problem;

/// A webhook endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "uuid": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
    "webhookUrl": "https://example.com/blurit",
    "webhookToken": "wis-wht_IYXYVOI2ZP2C3CXOCP0K4M7Q",
    "active": true,
    "createdAt": "2024-06-04T10:29:10.656Z",
    "updatedAt": "2024-06-04T10:29:10.656Z",
}))]
pub(crate) struct EndpointBody {
    /// Names the endpoint in other calls.
    #[schema(value_type = uuid::Uuid)]
    uuid: EndpointId,
    /// Where events are sent.
    webhook_url: String,
    /// What the endpoint finds in the header `X-Auth-Token` of every event.
    webhook_token: String,
    /// Whether it is called. `false` after it was switched off, or after it kept failing for days.
    active: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl EndpointBody {
    /// The endpoint as it stands now: in the overlap of a rotation the token that is still being sent.
    pub(super) fn of(engine: &Engine, endpoint: &Endpoint) -> Result<Self, Problem> {
        let credentials = engine.credentials(endpoint)?;
        Ok(Self {
            uuid: endpoint.id,
            webhook_url: endpoint.url.as_str().to_owned(),
            webhook_token: credentials.token_at(engine.now()).expose().to_owned(),
            active: endpoint.state.is_active(),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        })
    }
}

/// The acknowledgement policy that a request names, where it names one.
pub(super) fn read_ack(text: Option<&str>) -> Result<Option<AckPolicy>, Problem> {
    text.map(str::parse)
        .transpose()
        .map_err(|error: InvalidAckPolicy| Problem::bad_request(format!("ack: {error}")))
}

/// The description that a request names, where it names one; an empty text is none.
pub(super) fn read_description(text: Option<&str>) -> Result<Option<Option<Description>>, Problem> {
    match text {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => match text.parse() {
            Ok(description) => Ok(Some(Some(description))),
            Err(error) => {
                let error: InvalidDescription = error;
                Err(Problem::bad_request(format!("description: {error}")))
            }
        },
    }
}

/// The two identifiers that a path names. What is no identifier names nothing.
pub(super) fn pair_in_path<T: FromStr>(
    path: Result<Path<(String, String)>, PathRejection>,
    what: &'static str,
) -> Result<(EndpointId, T), Problem> {
    let Ok(Path((endpoint, second))) = path else {
        return Err(Problem::not_found(what));
    };
    let endpoint = endpoint
        .parse()
        .map_err(|_| Problem::not_found("webhook endpoint"))?;
    let second = second.parse().map_err(|_| Problem::not_found(what))?;
    Ok((endpoint, second))
}

/// The endpoint that a path names. What is no identifier names nothing.
pub(super) fn endpoint_in_path(path: Result<Path<String>, PathRejection>) -> Result<EndpointId, Problem> {
    path.ok()
        .and_then(|Path(text)| text.parse().ok())
        .ok_or_else(|| Problem::not_found("webhook endpoint"))
}
