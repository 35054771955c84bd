//! Numbers, read from the tables in which they are kept.

use async_trait::async_trait;
use rusqlite::{Connection, params, params_from_iter};
use sfumato_core::store::{
    AttemptActivity, EndpointCounts, JobActivity, JobCounts, LATENCY_CLASSES, STATISTICS_KEPT, Statistics,
    Stretches, Totals,
};
use sfumato_core::{ClientId, Endpoint, EndpointId, Scope, StoreError, Timestamp};

use crate::endpoints;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, query, query_one, unavailable};
use crate::sqlite::SqliteStore;

/// Hours that one call forgets of each kind.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

const CLASSES: [&str; LATENCY_CLASSES] = [
    "class_0", "class_1", "class_2", "class_3", "class_4", "class_5", "class_6", "class_7", "class_8",
    "class_9", "class_10", "class_11",
];

const fn client_of(scope: Scope) -> Option<[u8; 16]> {
    match scope {
        Scope::All => None,
        Scope::Client(client) => Some(key(client.as_uuid())),
    }
}

fn totals(conn: &Connection, scope: Scope) -> Result<Totals, StoreError> {
    let client = client_of(scope);
    let oldest = |row: &rusqlite::Row<'_>| Reader::new(row, "jobs").time("created_at");
    let waiting_since = match client {
        None => query_one(conn, queries::OLDEST_WAITING_JOB, [], oldest)?,
        Some(client) => query_one(conn, queries::OLDEST_WAITING_JOB_OF_CLIENT, [client], oldest)?,
    };
    let workers = query_one(conn, queries::COUNT_BUSY_WORKERS, [client], |row| {
        row.get::<_, i64>(0).map_err(unavailable)
    })?;
    let endpoints = query_one(conn, queries::ENDPOINTS_BY_STATE, [client], |row| {
        let row = Reader::new(row, "endpoints");
        Ok(EndpointCounts {
            active: row.number("active")?,
            failing: row.number("failing")?,
            held: row.number("held")?,
            disabled: row.number("disabled")?,
        })
    })?;
    let totals = query_one(conn, queries::TOTALS, [client], |row| {
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
            workers: workers.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
            endpoints: endpoints.unwrap_or_default(),
        })
    })?;
    Ok(totals.unwrap_or_default())
}

fn job_activity(
    conn: &Connection,
    scope: Scope,
    stretches: Stretches,
) -> Result<Vec<JobActivity>, StoreError> {
    let (first, end, width) = stretches.hours_of_all();
    let read = |row: &rusqlite::Row<'_>| {
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
        None => query(conn, queries::JOB_ACTIVITY, [first, end, width], read)?,
        Some(client) => {
            let params = params![first, end, width, client];
            query(conn, queries::JOB_ACTIVITY_OF_CLIENT, params, read)?
        }
    };
    Ok(stretches.in_place(found))
}

fn attempt_activity(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    stretches: Stretches,
) -> Result<Vec<AttemptActivity>, StoreError> {
    endpoints::of_client_by_id(conn, client, endpoint)?;
    let (first, end, width) = stretches.hours_of_all();
    let params = params![first, end, width, key(endpoint.as_uuid())];
    let found = query(conn, queries::ATTEMPT_ACTIVITY, params, |row| {
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
    })?;
    Ok(stretches.in_place(found))
}

/// Adds what a transaction recorded of an endpoint to its hour.
pub(crate) fn count_attempts(
    conn: &Connection,
    endpoint: EndpointId,
    activity: &AttemptActivity,
    now: Timestamp,
) -> Result<(), StoreError> {
    if activity.delivered + activity.failed == 0 {
        return Ok(());
    }
    let number = |count: u64| rusqlite::types::Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    let mut values = vec![
        endpoint.as_uuid().as_bytes().to_vec().into(),
        now.hour().into(),
        number(activity.delivered),
        number(activity.failed),
        number(activity.duration_ms),
    ];
    values.extend(activity.latency.map(number));
    execute(conn, queries::COUNT_ATTEMPTS, params_from_iter(values)).map(drop)
}

/// Forgets hours that are older than [`STATISTICS_KEPT`].
pub(crate) fn forget(conn: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let params = [now.before(STATISTICS_KEPT).hour(), FORGOTTEN_AT_ONCE];
    let jobs = execute(conn, queries::FORGET_JOB_HOURS, params)?;
    Ok((jobs + execute(conn, queries::FORGET_ATTEMPT_HOURS, params)?) as u64)
}

#[async_trait]
impl Statistics for SqliteStore {
    async fn totals(&self, scope: Scope) -> Result<Totals, StoreError> {
        self.read(move |conn| totals(conn, scope)).await
    }

    async fn job_activity(&self, scope: Scope, stretches: Stretches) -> Result<Vec<JobActivity>, StoreError> {
        self.read(move |conn| job_activity(conn, scope, stretches)).await
    }

    async fn troubled_endpoints(&self, scope: Scope, limit: usize) -> Result<Vec<Endpoint>, StoreError> {
        self.read(move |conn| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let params = params![client_of(scope), limit];
            query(conn, queries::TROUBLED_ENDPOINTS, params, rows::endpoint)
        })
        .await
    }

    async fn attempt_activity(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        stretches: Stretches,
    ) -> Result<Vec<AttemptActivity>, StoreError> {
        self.read(move |conn| attempt_activity(conn, client, endpoint, stretches))
            .await
    }
}
