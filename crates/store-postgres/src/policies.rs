//! What is agreed with each client: read, changed, and kept to when a job is submitted.

use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::job::Job;
use sfumato_core::policy::{ClientPolicy, Usage};
use sfumato_core::store::ClientPolicies;
use sfumato_core::{ClientId, ClientKey, StoreError, Timestamp};

use crate::locks;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, execute, query_one};

const NOT_FOUND: StoreError = StoreError::NotFound { what: "client" };

async fn usage(tx: &Tx<'_>, client: ClientId, now: Timestamp) -> Result<Usage, StoreError> {
    let (client, today) = (client.as_uuid(), now.first_hour_of_day());
    let usage = query_one(tx, queries::USAGE_OF_CLIENT, &[&client, &today], rows::usage).await;
    Ok(usage?.unwrap_or_default())
}

/// Refuses a job that its client has no room for. Where there is a quota, the jobs of the client are submitted one at a time
/// from here on: two might both find the last room.
pub(crate) async fn admit(tx: &Tx<'_>, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    let client = job.client.as_uuid();
    let agreed = query_one(tx, queries::QUOTAS_OF_CLIENT, &[&client], |row| {
        let row = Reader::new(row, "clients");
        Ok((
            sfumato_store_rows::quotas(&row)?,
            sfumato_store_rows::priority_max(&row)?,
        ))
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
    let policy = query_one(tx, queries::CLIENT_POLICY, &[&client.as_uuid()], rows::policy).await;
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
