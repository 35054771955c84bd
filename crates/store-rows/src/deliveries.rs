//! Events, their deliveries and the attempts at them.

use sfumato_core::StoreError;
use sfumato_core::delivery::{Attempt, Delivery, DeliveryLease, DeliveryState};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;

use crate::reader::Reader;
use crate::row::Row;

/// An event.
///
/// # Errors
/// A column breaks a rule.
pub fn event<R: Row>(row: &Reader<R>) -> Result<Event, StoreError> {
    Ok(Event {
        id: row.event_id("id")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        sequence: row.number("sequence")?,
        status: row.parse("status")?,
        at: row.time("at")?,
    })
}

/// The event that a row of a delivery repeats.
///
/// # Errors
/// A column breaks a rule.
pub fn told<R: Row>(row: &Reader<R>) -> Result<Event, StoreError> {
    Ok(Event {
        id: row.event_id("event")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        sequence: row.number("sequence")?,
        status: row.parse("status")?,
        at: row.time("created_at")?,
    })
}

/// A delivery, and how often it was claimed: the fencing token of the last claim.
///
/// # Errors
/// A column breaks a rule.
pub fn delivery<R: Row>(row: &Reader<R>) -> Result<(Delivery, FencingToken), StoreError> {
    let state: String = row.get("state")?;
    let claims = FencingToken(row.number("claims")?);
    let state = match state.as_str() {
        "pending" => DeliveryState::Pending {
            not_before: row.time("not_before")?,
        },
        "sending" => DeliveryState::Sending {
            lease: DeliveryLease {
                worker: row.worker_id("worker")?,
                token: claims,
            },
            lease_expires_at: row.time("lease_expires_at")?,
        },
        "delivered" => DeliveryState::Delivered {
            at: row.time("closed_at")?,
        },
        "superseded" => DeliveryState::Superseded {
            at: row.time("closed_at")?,
        },
        "expired" => DeliveryState::Expired {
            at: row.time("closed_at")?,
        },
        "dropped" => DeliveryState::Dropped {
            at: row.time("closed_at")?,
        },
        other => return Err(row.corrupt("state", other)),
    };
    let delivery = Delivery {
        id: row.delivery_id("id")?,
        event: row.event_id("event")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        endpoint: row.endpoint_id("endpoint")?,
        attempts: row.number("attempts")?,
        failures: row.number("failures")?,
        created_at: row.time("created_at")?,
        opened_at: row.time("opened_at")?,
        urgent: row.get("urgent")?,
        state,
    };
    Ok((delivery, claims))
}

/// An attempt at a delivery.
///
/// # Errors
/// A column breaks a rule.
pub fn attempt<R: Row>(row: &Reader<R>) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        id: row.attempt_id("id")?,
        number: row.number("number")?,
        started_at: row.time("started_at")?,
        duration_ms: row.number("duration_ms")?,
        phases: row.optional_parse("phases")?.unwrap_or_default(),
        outcome: row.parse("outcome")?,
        ours: row.get("ours")?,
        status: row.optional_number("status")?,
        response: row.get("response")?,
        retry_after: row.optional_time("retry_after")?,
    })
}
