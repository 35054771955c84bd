//! Whose job is begun next. The rule is the domain's; what it needs to know is kept here from one claim to the next.

use rusqlite::{Connection, params};
use sfumato_core::fair::{Contender, Turn, Turns, VirtualTime};
use sfumato_core::job::Job;
use sfumato_core::{ClientId, StoreError, Timestamp};

use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute_one, query, query_one};

/// Up to `limit` jobs of one kind to begin, in the order of their turns, which are taken from now on: whoever asks begins
/// these jobs in the same transaction. `begun` are those that it begins beside them, of the other kind.
pub(crate) fn next(
    conn: &Connection,
    limit: usize,
    long: bool,
    begun: &[Job],
    now: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let mut chosen: Vec<Job> = Vec::new();
    if limit == 0 {
        return Ok(chosen);
    }
    let mut turns = turns(conn, long, begun)?;
    while chosen.len() < limit
        && let Some(turn) = turns.next()
    {
        let passed = chosen.iter().filter(|job| job.client == turn.client).count();
        match claimable(conn, turn.client, long, passed, now)? {
            Some(job) => {
                chosen.push(job);
                turns.used(turn);
            }
            None => turns.leave(turn.client),
        }
    }
    for turn in turns.last() {
        record(conn, turn, long)?;
    }
    Ok(chosen)
}

fn turns(conn: &Connection, long: bool, begun: &[Job]) -> Result<Turns, StoreError> {
    let mut present = VirtualTime::default();
    let contenders = query(conn, queries::CONTENDERS, params![long], |row| {
        let row = Reader::new(row, "clients");
        let client = row.client_id("id")?;
        let weight = sfumato_store_rows::weight(&row)?;
        let at_once = row.optional_number::<u64>("jobs_at_once_max")?;
        let beside = begun.iter().filter(|job| job.client == client).count() as u64;
        let running = row.number::<u64>("running")?.saturating_add(beside);
        let finish = VirtualTime(row.number("finish")?);
        present = VirtualTime(row.number("present")?);
        Ok(Contender {
            client,
            weight,
            finish,
            room: at_once.map(|max| max.saturating_sub(running)),
        })
    })?;
    Ok(Turns::new(present, contenders))
}

fn claimable(
    conn: &Connection,
    client: ClientId,
    long: bool,
    passed: usize,
    now: Timestamp,
) -> Result<Option<Job>, StoreError> {
    let passed = i64::try_from(passed).unwrap_or(i64::MAX);
    let params = params![now.as_micros(), long, key(client.as_uuid()), passed];
    query_one(conn, queries::CLAIMABLE_JOB_OF_CLIENT, params, rows::job)
}

fn record(conn: &Connection, turn: Turn, long: bool) -> Result<(), StoreError> {
    let time = |at: VirtualTime| i64::try_from(at.0).unwrap_or(i64::MAX);
    let params = params![
        key(turn.client.as_uuid()),
        long,
        time(turn.start),
        time(turn.finish)
    ];
    execute_one(conn, "turns", queries::RECORD_TURN, params)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus::VmStep;

    use super::*;

    /// A database in which one client has so many waiting jobs, and two have one.
    fn with_waiting(jobs: u32) -> (tempfile::TempDir, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let conn = crate::open::writer(&folder.path().join("sfumato.db")).unwrap();
        let script = format!(
            "INSERT INTO clients (id, key, name, state, created_at, secret)
             SELECT unhex(printf('%032x', value)), value, value, 'active', 0, zeroblob(32)
             FROM (SELECT 1 AS value UNION SELECT 2 UNION SELECT 3);
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {jobs} + 2)
             INSERT INTO jobs (id, client, created_at, upload, upload_format, upload_bytes, upload_sha256, file_name, options,
                               priority, attempts, claims, state, available_at)
             SELECT unhex(printf('%032x', n)), unhex(printf('%032x', CASE n WHEN 1 THEN 1 WHEN 2 THEN 3 ELSE 2 END)), n,
                    unhex(printf('%032x', n)), 'jpeg', 1, zeroblob(32), '', '{{}}', 0, 0, 0, 'queued', 0
             FROM numbers;"
        );
        conn.execute_batch(&script).unwrap();
        (folder, conn)
    }

    /// Steps of the database's machine in finding whose turn it is, and the next job of the one with many.
    fn steps(jobs: u32) -> i32 {
        let (_folder, conn) = with_waiting(jobs);
        let mut contenders = conn.prepare(queries::CONTENDERS).unwrap();
        let found = contenders.query_map([false], |_| Ok(())).unwrap().count();
        assert_eq!(found, 3);
        let mut next = conn.prepare(queries::CLAIMABLE_JOB_OF_CLIENT).unwrap();
        let many = 2u128.to_be_bytes();
        let found = next
            .query_map(params![0, false, many, 0], |_| Ok(()))
            .unwrap()
            .count();
        assert_eq!(found, 1);
        contenders.get_status(VmStep) + next.get_status(VmStep)
    }

    #[test]
    fn a_claim_takes_no_more_steps_where_a_client_has_very_many_jobs() {
        let (few, many) = (steps(10), steps(100_000));
        assert!(many <= few + 10, "{few} steps with 10 jobs, {many} with 100,000");
    }
}
