//! Clients, and what is agreed with them.

use std::time::Duration;

use sfumato_core::client::{Client, ClientKey, ClientState, SecretHash};
use sfumato_core::job::Priority;
use sfumato_core::policy::{ClientPolicy, Quotas, Retention, Scheduling, Usage};
use sfumato_core::{StoreError, Weight};

use crate::reader::Reader;
use crate::row::Row;

/// The state of a client, by its name.
pub fn client_state(text: &str) -> Option<ClientState> {
    match text {
        "active" => Some(ClientState::Active),
        "disabled" => Some(ClientState::Disabled),
        _ => None,
    }
}

/// The name of a client's state.
pub const fn client_state_name(state: ClientState) -> &'static str {
    match state {
        ClientState::Active => "active",
        ClientState::Disabled => "disabled",
    }
}

/// A client.
///
/// # Errors
/// A column breaks a rule.
pub fn client<R: Row>(row: &Reader<R>) -> Result<Client, StoreError> {
    let state: String = row.get("state")?;
    let previous_until = row.optional_time("previous_until")?;
    let previous = row.get::<Option<[u8; 32]>>("previous_secret")?;
    Ok(Client {
        id: row.client_id("id")?,
        key: ClientKey::new(row.get::<String>("key")?),
        name: row.get("name")?,
        state: client_state(&state).ok_or_else(|| row.corrupt("state", &state))?,
        created_at: row.time("created_at")?,
        secret: SecretHash::from_bytes(row.get("secret")?),
        previous_secret: previous.map(SecretHash::from_bytes).zip(previous_until),
    })
}

/// What a client may use.
///
/// # Errors
/// A column breaks a rule.
pub fn quotas<R: Row>(row: &Reader<R>) -> Result<Quotas, StoreError> {
    Ok(Quotas {
        jobs_waiting_max: row.optional_number("jobs_waiting_max")?,
        bytes_stored_max: row.optional_number("bytes_stored_max")?,
        jobs_per_day_max: row.optional_number("jobs_per_day_max")?,
    })
}

/// The highest priority of a client's jobs.
///
/// # Errors
/// A column breaks a rule.
pub fn priority_max<R: Row>(row: &Reader<R>) -> Result<Priority, StoreError> {
    Priority::from_rank(row.get("priority_max")?).map_err(|error| row.corrupt("priority_max", error))
}

fn scheduling<R: Row>(row: &Reader<R>) -> Result<Scheduling, StoreError> {
    Ok(Scheduling {
        weight: weight(row)?,
        jobs_at_once_max: row.optional_number("jobs_at_once_max")?,
        priority_max: priority_max(row)?,
    })
}

/// The weight of a client.
///
/// # Errors
/// A column breaks a rule.
pub fn weight<R: Row>(row: &Reader<R>) -> Result<Weight, StoreError> {
    Weight::new(row.number("weight")?).map_err(|error| row.corrupt("weight", error))
}

/// How much of its quotas a client has used.
///
/// # Errors
/// A column breaks a rule.
pub fn usage<R: Row>(row: &Reader<R>) -> Result<Usage, StoreError> {
    Ok(Usage {
        jobs_waiting: row.number("jobs_waiting")?,
        jobs_running: row.number("jobs_running")?,
        bytes_stored: row.number("bytes_stored")?,
        jobs_today: row.number("jobs_today")?,
    })
}

/// What is agreed with a client.
///
/// # Errors
/// A column breaks a rule.
pub fn policy<R: Row>(row: &Reader<R>) -> Result<ClientPolicy, StoreError> {
    let kept = |column| Ok(row.optional_number(column)?.map(Duration::from_secs));
    Ok(ClientPolicy {
        retention: Retention {
            originals_kept: kept("originals_kept_s")?,
            results_kept: kept("results_kept_s")?,
        },
        quotas: quotas(row)?,
        scheduling: scheduling(row)?,
    })
}
