//! Endpoints.

use sfumato_core::endpoint::{Endpoint, EndpointHealth, EndpointState, HoldReason, Warning, WebhookUrl};
use sfumato_core::{Rotating, StoreError};

use crate::reader::Reader;
use crate::row::Row;

/// An endpoint.
///
/// # Errors
/// A column breaks a rule.
pub fn endpoint<R: Row>(row: &Reader<R>) -> Result<Endpoint, StoreError> {
    let state: String = row.get("state")?;
    let state = match state.as_str() {
        "active" => EndpointState::Active,
        "disabled" => EndpointState::Disabled,
        "held" => {
            let reason: String = row.get("held_reason")?;
            let reason = match reason.as_str() {
                "failing" => HoldReason::Failing,
                "gone" => HoldReason::Gone,
                other => return Err(row.corrupt("held_reason", other)),
            };
            EndpointState::Held {
                since: row.time("held_since")?,
                reason,
                next_probe_at: row.time("next_probe_at")?,
            }
        }
        other => return Err(row.corrupt("state", other)),
    };
    Ok(Endpoint {
        id: row.endpoint_id("id")?,
        client: row.client_id("client")?,
        url: WebhookUrl::from_judged(row.get::<String>("url")?),
        description: row.optional_parse("description")?,
        ack: row.parse("ack")?,
        keep_responses: row.get("keep_responses")?,
        token: Rotating {
            current: row.sealed("token")?,
            previous: row
                .optional_sealed("old_token")?
                .zip(row.optional_time("old_token_until")?),
        },
        signing_secret: Rotating {
            current: row.sealed("signing_secret")?,
            previous: row
                .optional_sealed("old_secret")?
                .zip(row.optional_time("old_secret_until")?),
        },
        state,
        health: EndpointHealth {
            consecutive_failures: row.number("consecutive_failures")?,
            failing_since: row.optional_time("failing_since")?,
            last_success_at: row.optional_time("last_success_at")?,
            paused_until: row.optional_time("paused_until")?,
            warned: match row.get::<Option<String>>("warned")? {
                Some(word) => Some(warning(&word).ok_or_else(|| row.corrupt("warned", &word))?),
                None => None,
            },
            recovering_since: row.optional_time("recovering_since")?,
            overflowed: row.number("overflowed")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn warning(word: &str) -> Option<Warning> {
    Warning::ALL.into_iter().find(|warning| warning.as_str() == word)
}
