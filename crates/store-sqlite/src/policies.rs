//! What is agreed with each client: read, changed, and kept to when a job is submitted.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::job::{Job, Priority};
use sfumato_core::policy::{ClientPolicy, Quotas, Retention, Scheduling, Usage};
use sfumato_core::store::ClientPolicies;
use sfumato_core::{ClientId, ClientKey, StoreError, Timestamp, Weight};

use crate::queries;
use crate::rows::{Reader, key};
use crate::sql::{execute, query_one};
use crate::sqlite::SqliteStore;

const NOT_FOUND: StoreError = StoreError::NotFound { what: "client" };

fn quotas(row: &Reader<'_, '_>) -> Result<Quotas, StoreError> {
    Ok(Quotas {
        jobs_waiting_max: row.optional_number("jobs_waiting_max")?,
        bytes_stored_max: row.optional_number("bytes_stored_max")?,
        jobs_per_day_max: row.optional_number("jobs_per_day_max")?,
    })
}

fn priority_max(row: &Reader<'_, '_>) -> Result<Priority, StoreError> {
    Priority::from_rank(row.get("priority_max")?).map_err(|error| row.corrupt("priority_max", error))
}

fn scheduling(row: &Reader<'_, '_>) -> Result<Scheduling, StoreError> {
    Ok(Scheduling {
        weight: weight(row)?,
        jobs_at_once_max: row.optional_number("jobs_at_once_max")?,
        priority_max: priority_max(row)?,
    })
}

/// The weight in a row of a client.
pub(crate) fn weight(row: &Reader<'_, '_>) -> Result<Weight, StoreError> {
    Weight::new(row.number("weight")?).map_err(|error| row.corrupt("weight", error))
}

fn usage(conn: &Connection, client: ClientId, now: Timestamp) -> Result<Usage, StoreError> {
    let params = params![key(client.as_uuid()), now.first_hour_of_day()];
    let usage = query_one(conn, queries::USAGE_OF_CLIENT, params, |row| {
        let row = Reader::new(row, "client_totals");
        Ok(Usage {
            jobs_waiting: row.number("jobs_waiting")?,
            jobs_running: row.number("jobs_running")?,
            bytes_stored: row.number("bytes_stored")?,
            jobs_today: row.number("jobs_today")?,
        })
    })?;
    // A client that never had a job has no row.
    Ok(usage.unwrap_or_default())
}

/// Refuses a job that its client has no room for.
pub(crate) fn admit(conn: &Connection, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    let client = [key(job.client.as_uuid())];
    let agreed = query_one(conn, queries::QUOTAS_OF_CLIENT, client, |row| {
        let row = Reader::new(row, "clients");
        Ok((quotas(&row)?, priority_max(&row)?))
    })?;
    let Some((quotas, max)) = agreed else {
        return Ok(());
    };
    if job.priority > max {
        return Err(StoreError::PriorityTooHigh { max });
    }
    // A revision shares its original.
    let bytes = match job.revises {
        Some(_) => 0,
        None => job.upload.bytes,
    };
    match quotas.exceeded_by(&usage(conn, job.client, now)?, bytes) {
        Some(quota) => Err(StoreError::OverQuota(quota)),
        None => Ok(()),
    }
}

fn policy(conn: &Connection, client: ClientId, now: Timestamp) -> Result<(ClientPolicy, Usage), StoreError> {
    let policy = query_one(conn, queries::CLIENT_POLICY, [key(client.as_uuid())], |row| {
        let row = Reader::new(row, "clients");
        let kept = |column| Ok(row.optional_number(column)?.map(Duration::from_secs));
        Ok(ClientPolicy {
            retention: Retention {
                originals_kept: kept("originals_kept_s")?,
                results_kept: kept("results_kept_s")?,
            },
            quotas: quotas(&row)?,
            scheduling: scheduling(&row)?,
        })
    })?;
    Ok((policy.ok_or(NOT_FOUND)?, usage(conn, client, now)?))
}

fn set(conn: &Connection, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError> {
    let number = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    let seconds = |kept: Option<Duration>| number(kept.map(|kept| kept.as_secs()));
    let params = params![
        key.as_str(),
        seconds(policy.retention.originals_kept),
        seconds(policy.retention.results_kept),
        number(policy.quotas.jobs_waiting_max),
        number(policy.quotas.bytes_stored_max),
        number(policy.quotas.jobs_per_day_max),
        policy.scheduling.weight.get(),
        number(policy.scheduling.jobs_at_once_max),
        policy.scheduling.priority_max.rank(),
    ];
    match execute(conn, queries::SET_CLIENT_POLICY, params)? {
        0 => Err(NOT_FOUND),
        _ => Ok(()),
    }
}

#[async_trait]
impl ClientPolicies for SqliteStore {
    async fn client_policy(&self, client: ClientId) -> Result<(ClientPolicy, Usage), StoreError> {
        let now = self.sources().clock.now();
        self.read(move |conn| policy(conn, client, now)).await
    }

    async fn set_client_policy(&self, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |conn, _| set(conn, &key, policy)).await
    }
}
