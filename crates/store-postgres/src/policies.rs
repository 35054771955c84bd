//! What is agreed with each client: read, changed, and kept to when a job is submitted.

use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::job::{Job, Priority};
use sfumato_core::policy::{ClientPolicy, Quotas, Retention, Scheduling, Usage};
use sfumato_core::store::ClientPolicies;
use sfumato_core::{ClientId, ClientKey, StoreError, Timestamp, Weight};

use crate::locks;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::Reader;
use crate::sql::{Tx, execute, query_one};

const NOT_FOUND: StoreError = StoreError::NotFound { what: "client" };

fn quotas(row: &Reader<'_>) -> Result<Quotas, StoreError> {
    Ok(Quotas {
        jobs_waiting_max: row.optional_number("jobs_waiting_max")?,
        bytes_stored_max: row.optional_number("bytes_stored_max")?,
        jobs_per_day_max: row.optional_number("jobs_per_day_max")?,
    })
}

fn priority_max(row: &Reader<'_>) -> Result<Priority, StoreError> {
    Priority::from_rank(row.get("priority_max")?).map_err(|error| row.corrupt("priority_max", error))
}

fn scheduling(row: &Reader<'_>) -> Result<Scheduling, StoreError> {
    Ok(Scheduling {
        weight: weight(row)?,
        jobs_at_once_max: row.optional_number("jobs_at_once_max")?,
        priority_max: priority_max(row)?,
    })
}

/// The weight in a row of a client.
pub(crate) fn weight(row: &Reader<'_>) -> Result<Weight, StoreError> {
    Weight::new(row.number("weight")?).map_err(|error| row.corrupt("weight", error))
}

async fn usage(tx: &Tx<'_>, client: ClientId, now: Timestamp) -> Result<Usage, StoreError> {
    let (client, today) = (client.as_uuid(), now.first_hour_of_day());
    let usage = query_one(tx, queries::USAGE_OF_CLIENT, &[&client, &today], |row| {
        let row = Reader::new(row, "client_totals");
        Ok(Usage {
            jobs_waiting: row.number("jobs_waiting")?,
            jobs_running: row.number("jobs_running")?,
            bytes_stored: row.number("bytes_stored")?,
            jobs_today: row.number("jobs_today")?,
        })
    })
    .await;
    Ok(usage?.unwrap_or_default())
}

/// Refuses a job that its client has no room for. Where there is a quota, the jobs of the client are submitted one at a time
/// from here on: two might both find the last room.
pub(crate) async fn admit(tx: &Tx<'_>, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    let client = job.client.as_uuid();
    let agreed = query_one(tx, queries::QUOTAS_OF_CLIENT, &[&client], |row| {
        let row = Reader::new(row, "clients");
        Ok((quotas(&row)?, priority_max(&row)?))
    })
    .await;
    let Some((quotas, max)) = agreed? else {
        return Ok(());
    };
    if job.priority > max {
        return Err(StoreError::PriorityTooHigh { max });
    }
    execute(tx, locks::LOCK_CLIENT, &[&client]).await?;
    // A revision shares its original.
    let bytes = match job.revises {
        Some(_) => 0,
        None => job.upload.bytes,
    };
    match quotas.exceeded_by(&usage(tx, job.client, now).await?, bytes) {
        Some(quota) => Err(StoreError::OverQuota(quota)),
        None => Ok(()),
    }
}

async fn policy(tx: &Tx<'_>, client: ClientId, now: Timestamp) -> Result<(ClientPolicy, Usage), StoreError> {
    let policy = query_one(tx, queries::CLIENT_POLICY, &[&client.as_uuid()], |row| {
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
    })
    .await;
    Ok((policy?.ok_or(NOT_FOUND)?, usage(tx, client, now).await?))
}

async fn set(tx: &Tx<'_>, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError> {
    let number = |value: Option<u64>| value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
    let seconds = |kept: Option<Duration>| number(kept.map(|kept| kept.as_secs()));
    let changed = execute(
        tx,
        queries::SET_CLIENT_POLICY,
        &[
            &key.as_str(),
            &seconds(policy.retention.originals_kept),
            &seconds(policy.retention.results_kept),
            &number(policy.quotas.jobs_waiting_max),
            &number(policy.quotas.bytes_stored_max),
            &number(policy.quotas.jobs_per_day_max),
            &i64::from(policy.scheduling.weight.get()),
            &number(policy.scheduling.jobs_at_once_max),
            &policy.scheduling.priority_max.rank(),
        ],
    )
    .await;
    match changed? {
        0 => Err(NOT_FOUND),
        _ => Ok(()),
    }
}

#[async_trait]
impl ClientPolicies for PostgresStore {
    async fn client_policy(&self, client: ClientId) -> Result<(ClientPolicy, Usage), StoreError> {
        self.read(|tx| Box::pin(policy(tx, client, tx.now()))).await
    }

    async fn set_client_policy(&self, key: &ClientKey, policy: ClientPolicy) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(set(tx, key, policy))).await
    }
}
