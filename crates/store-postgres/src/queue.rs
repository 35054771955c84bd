//! Whose job is begun next. The rule is the domain's; what it needs to know is kept here from one claim to the next.

use sfumato_core::fair::{Contender, Turn, Turns, VirtualTime};
use sfumato_core::job::Job;
use sfumato_core::store::JobLimits;
use sfumato_core::{ClientId, StoreError, Timestamp};
use uuid::Uuid;

use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, execute_one, query, query_one};

/// Whether anybody's jobs wait of a kind that is wanted.
pub(crate) async fn is_claimable(tx: &Tx<'_>, limits: JobLimits) -> Result<bool, StoreError> {
    for (limit, long) in [(limits.pictures, false), (limits.long, true)] {
        if limit > 0 && turns(tx, long, &[]).await?.next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Up to `limit` jobs of one kind to begin, in the order of their turns, which are taken from now on: whoever asks holds the
/// queue and begins these jobs in the same transaction. `begun` are those that it begins beside them, of the other kind.
pub(crate) async fn next(
    tx: &Tx<'_>,
    limit: usize,
    long: bool,
    begun: &[Job],
    now: Timestamp,
) -> Result<Vec<Job>, StoreError> {
    let mut chosen: Vec<Job> = Vec::new();
    if limit == 0 {
        return Ok(chosen);
    }
    let mut turns = turns(tx, long, begun).await?;
    while chosen.len() < limit
        && let Some(turn) = turns.next()
    {
        match claimable(tx, turn.client, long, &chosen, now).await? {
            Some(job) => {
                chosen.push(job);
                turns.used(turn);
            }
            None => turns.leave(turn.client),
        }
    }
    for turn in turns.last() {
        record(tx, turn, long).await?;
    }
    Ok(chosen)
}

async fn turns(tx: &Tx<'_>, long: bool, begun: &[Job]) -> Result<Turns, StoreError> {
    let mut present = VirtualTime::default();
    let contenders = query(tx, queries::CONTENDERS, &[&long], |row| {
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
    })
    .await?;
    Ok(Turns::new(present, contenders))
}

async fn claimable(
    tx: &Tx<'_>,
    client: ClientId,
    long: bool,
    chosen: &[Job],
    now: Timestamp,
) -> Result<Option<Job>, StoreError> {
    let chosen = chosen.iter().filter(|job| job.client == client);
    let chosen: Vec<Uuid> = chosen.map(|job| job.id.as_uuid()).collect();
    let (client, now) = (client.as_uuid(), now.as_micros());
    query_one(
        tx,
        queries::CLAIMABLE_JOB_OF_CLIENT,
        &[&now, &long, &client, &chosen],
        rows::job,
    )
    .await
}

async fn record(tx: &Tx<'_>, turn: Turn, long: bool) -> Result<(), StoreError> {
    let time = |at: VirtualTime| i64::try_from(at.0).unwrap_or(i64::MAX);
    let (client, start, finish) = (turn.client.as_uuid(), time(turn.start), time(turn.finish));
    execute_one(
        tx,
        "turns",
        queries::RECORD_TURN,
        &[&client, &long, &start, &finish],
    )
    .await
}
