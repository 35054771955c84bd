//! Numbers, read from the tables in which they are kept.

use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::store::{
    AttemptActivity, EndpointCounts, JobActivity, JobCounts, LATENCY_CLASSES, STATISTICS_KEPT, Statistics,
    Stretches, Totals,
};
use sfumato_core::{ClientId, Endpoint, EndpointId, Scope, StoreError, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::counters;
use crate::endpoints;
use crate::locks;
use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, as_limit, execute, query, query_one, value};

/// Hours that one call forgets of each kind.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// How many rows a sum may have before they are melted into one.
const ROWS_MAX: i64 = 100;

/// How far back hours are melted: longer than a janitor can be away.
const FOLDED_BACK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const CLASSES: [&str; LATENCY_CLASSES] = [
    "class_0", "class_1", "class_2", "class_3", "class_4", "class_5", "class_6", "class_7", "class_8",
    "class_9", "class_10", "class_11",
];

fn client_of(scope: Scope) -> Option<Uuid> {
    match scope {
        Scope::All => None,
        Scope::Client(client) => Some(client.as_uuid()),
    }
}

async fn totals(tx: &Tx<'_>, scope: Scope) -> Result<Totals, StoreError> {
    let client = client_of(scope);
    let oldest = |row: &Row| Reader::new(row, "jobs").time("created_at");
    let waiting_since = match client {
        None => query_one(tx, queries::OLDEST_WAITING_JOB, &[], oldest).await?,
        Some(client) => query_one(tx, queries::OLDEST_WAITING_JOB_OF_CLIENT, &[&client], oldest).await?,
    };
    let workers: i64 = value(tx, queries::COUNT_BUSY_WORKERS, &[&client]).await?;
    let endpoints = query_one(tx, queries::ENDPOINTS_BY_STATE, &[&client], |row| {
        let row = Reader::new(row, "endpoints");
        Ok(EndpointCounts {
            active: row.number("active")?,
            failing: row.number("failing")?,
            held: row.number("held")?,
            disabled: row.number("disabled")?,
        })
    })
    .await?;
    let totals = query_one(tx, queries::TOTALS, &[&client], |row| {
        let row = Reader::new(row, "client_totals");
        Ok(Totals {
            jobs: JobCounts {
                queued: row.number("queued")?,
                running: row.number("running")?,
                succeeded: row.number("succeeded")?,
                failed: row.number("failed")?,
                cancelled: row.number("cancelled")?,
                expired: row.number("expired")?,
            },
            waiting_since,
            original_bytes: row.number("original_bytes")?,
            result_bytes: row.number("result_bytes")?,
            faces: row.number("faces")?,
            plates: row.number("plates")?,
            workers: u64::try_from(workers).unwrap_or(0),
            endpoints: endpoints.unwrap_or_default(),
        })
    })
    .await;
    Ok(totals?.unwrap_or_default())
}

async fn job_activity(
    tx: &Tx<'_>,
    scope: Scope,
    stretches: Stretches,
) -> Result<Vec<JobActivity>, StoreError> {
    let (first, end, width) = stretches.hours_of_all();
    let read = |row: &Row| {
        let row = Reader::new(row, "job_hours");
        let activity = JobActivity {
            submitted: row.number("submitted")?,
            bytes_in: row.number("bytes_in")?,
            succeeded: row.number("succeeded")?,
            failed: row.number("failed")?,
            cancelled: row.number("cancelled")?,
            worked_on: row.number("worked_on")?,
            waited_ms: row.number("waited_ms")?,
            worked_ms: row.number("worked_ms")?,
            faces: row.number("faces")?,
            plates: row.number("plates")?,
        };
        Ok((row.number("stretch")?, activity))
    };
    let found = match client_of(scope) {
        None => query(tx, queries::JOB_ACTIVITY, &[&first, &end, &width], read).await?,
        Some(client) => {
            let params: [&(dyn ToSql + Sync); 4] = [&first, &end, &width, &client];
            query(tx, queries::JOB_ACTIVITY_OF_CLIENT, &params, read).await?
        }
    };
    Ok(stretches.in_place(found))
}

async fn attempt_activity(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    stretches: Stretches,
) -> Result<Vec<AttemptActivity>, StoreError> {
    endpoints::of_client_by_id(tx, client, endpoint).await?;
    let (first, end, width) = stretches.hours_of_all();
    let params: [&(dyn ToSql + Sync); 4] = [&first, &end, &width, &endpoint.as_uuid()];
    let found = query(tx, queries::ATTEMPT_ACTIVITY, &params, |row| {
        let row = Reader::new(row, "attempt_hours");
        let mut activity = AttemptActivity {
            delivered: row.number("delivered")?,
            failed: row.number("failed")?,
            duration_ms: row.number("duration_ms")?,
            ..AttemptActivity::default()
        };
        for (class, column) in activity.latency.iter_mut().zip(CLASSES) {
            *class = row.number(column)?;
        }
        Ok((row.number("stretch")?, activity))
    })
    .await;
    Ok(stretches.in_place(found?))
}

/// Adds what a transaction recorded of an endpoint to its hour. The caller has locked the endpoint, so that nobody waits
/// here.
pub(crate) async fn count_attempts(
    tx: &Tx<'_>,
    endpoint: EndpointId,
    activity: &AttemptActivity,
    now: Timestamp,
) -> Result<(), StoreError> {
    if activity.delivered + activity.failed == 0 {
        return Ok(());
    }
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (endpoint, hour) = (endpoint.as_uuid(), now.hour());
    let sums = [activity.delivered, activity.failed, activity.duration_ms].map(number);
    let latency = activity.latency.map(number);
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![&endpoint, &hour];
    for sum in sums.iter().chain(&latency) {
        params.push(sum);
    }
    execute(tx, queries::COUNT_ATTEMPTS, &params).await.map(drop)
}

/// Melts the rows of counters that have become many. Whoever finds another one at it leaves it to that one.
pub(crate) async fn fold(tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    if !value::<bool>(tx, locks::TRY_FOLDING, &[]).await? {
        return Ok(());
    }
    execute(tx, counters::FOLD_TOTALS, &[&ROWS_MAX]).await?;
    let (back, present) = (now.before(FOLDED_BACK).hour(), now.hour());
    execute(tx, counters::FOLD_JOB_HOURS, &[&ROWS_MAX, &back, &present])
        .await
        .map(drop)
}

/// Forgets hours that are older than [`STATISTICS_KEPT`].
pub(crate) async fn forget(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let before = now.before(STATISTICS_KEPT).hour();
    let jobs = execute(tx, queries::FORGET_JOB_HOURS, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    let attempts = execute(tx, queries::FORGET_ATTEMPT_HOURS, &[&before, &FORGOTTEN_AT_ONCE]).await?;
    Ok(jobs + attempts)
}

#[async_trait]
impl Statistics for PostgresStore {
    async fn totals(&self, scope: Scope) -> Result<Totals, StoreError> {
        self.read(|tx| Box::pin(totals(tx, scope))).await
    }

    async fn job_activity(&self, scope: Scope, stretches: Stretches) -> Result<Vec<JobActivity>, StoreError> {
        self.read(|tx| Box::pin(job_activity(tx, scope, stretches))).await
    }

    async fn troubled_endpoints(&self, scope: Scope, limit: usize) -> Result<Vec<Endpoint>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                let (client, limit) = (client_of(scope), as_limit(limit));
                query(
                    tx,
                    queries::TROUBLED_ENDPOINTS,
                    &[&client, &limit],
                    rows::endpoint,
                )
                .await
            })
        })
        .await
    }

    async fn attempt_activity(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        stretches: Stretches,
    ) -> Result<Vec<AttemptActivity>, StoreError> {
        self.read(|tx| Box::pin(attempt_activity(tx, client, endpoint, stretches)))
            .await
    }
}
