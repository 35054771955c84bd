//! What is agreed with each client: read, changed, and kept to when a job is submitted.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use sfumato_core::job::Job;
use sfumato_core::policy::{ClientPolicy, Usage};
use sfumato_core::store::ClientPolicies;
use sfumato_core::{ClientId, ClientKey, StoreError, Timestamp};

use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, query_one};
use crate::sqlite::SqliteStore;

const NOT_FOUND: StoreError = StoreError::NotFound { what: "client" };

fn usage(conn: &Connection, client: ClientId, now: Timestamp) -> Result<Usage, StoreError> {
    let params = params![key(client.as_uuid()), now.first_hour_of_day()];
    let usage = query_one(conn, queries::USAGE_OF_CLIENT, params, rows::usage)?;
    // A client that never had a job has no row.
    Ok(usage.unwrap_or_default())
}

/// Refuses a job that its client has no room for.
pub(crate) fn admit(conn: &Connection, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    let client = [key(job.client.as_uuid())];
    let agreed = query_one(conn, queries::QUOTAS_OF_CLIENT, client, |row| {
        let row = Reader::new(row, "clients");
        Ok((
            sfumato_store_rows::quotas(&row)?,
            sfumato_store_rows::priority_max(&row)?,
        ))
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
    let policy = query_one(
        conn,
        queries::CLIENT_POLICY,
        [key(client.as_uuid())],
        rows::policy,
    )?;
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
