//! Replays: what the domain has chosen is written together with how far it is.

use std::collections::BTreeSet;

use sfumato_core::delivery::Resend;
use sfumato_core::replay::{
    REPLAY_BACKLOG_MAX, Replay, ReplayCounts, ReplayPreview, ReplaySelection, ReplayState, ReplayStep,
    Standing, Verdict,
};
use sfumato_core::store::News;
use sfumato_core::{
    ClientId, DeliveryId, EndpointId, Event, EventPosition, JobId, ReplayId, StoreError, Timestamp,
};
use sfumato_store_rows::ended_at;

use crate::deliveries;
use crate::endpoints;
use crate::events;
use crate::locks;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Params, Tx, as_limit, execute, execute_one, query, query_one, value};

/// Events that a step looks at for each delivery that it may write: a selection that fits little goes through a long history
/// quickly, one that fits everything does not hold its locks for long.
const SCANNED_PER_CHANGE: usize = 16;

/// Replays that one call forgets.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// What is being committed right now is not among the events of the replay, whatever its position: its own deliveries are.
pub(crate) async fn create(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
    selection: &ReplaySelection,
    now: Timestamp,
) -> Result<Replay, StoreError> {
    locks::endpoints(tx, [endpoint].into()).await?;
    endpoints::of_client_by_id(tx, client, endpoint).await?;
    if value(tx, queries::REPLAY_RUNS, &[&endpoint.as_uuid()]).await? {
        return Err(StoreError::UnderWay {
            what: "a replay of this endpoint",
        });
    }
    let replay = Replay {
        id,
        client,
        endpoint,
        selection: selection.clone(),
        state: ReplayState::Running,
        position: EventPosition::START,
        end: events::last_committed(tx, client).await?,
        counts: ReplayCounts::default(),
        created_at: now,
    };
    // Where there is no event yet, it is over at once.
    let replay = replay.advanced(ReplayCounts::default(), EventPosition::START, now);
    insert(tx, &replay).await?;
    Ok(replay)
}

async fn insert(tx: &Tx<'_>, replay: &Replay) -> Result<(), StoreError> {
    let selection = &replay.selection;
    execute_one(
        tx,
        "replays",
        queries::INSERT_REPLAY,
        &[
            &replay.id.as_uuid(),
            &replay.client.as_uuid(),
            &replay.endpoint.as_uuid(),
            &selection.since.as_micros(),
            &selection.until.as_micros(),
            &words(selection.statuses.iter().map(|status| status.as_str())),
            &words(selection.standings.iter().map(|standing| standing.as_str())),
            &selection.job.map(JobId::as_uuid),
            &replay.state.name(),
            &rows::position(replay.position),
            &rows::position(replay.end),
            &number(replay.counts.examined),
            &number(replay.counts.resent),
            &number(replay.counts.created),
            &number(replay.counts.left),
            &replay.created_at.as_micros(),
            &ended_at(&replay.state),
        ],
    )
    .await
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) async fn get(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
) -> Result<Option<Replay>, StoreError> {
    let (id, endpoint, client) = (id.as_uuid(), endpoint.as_uuid(), client.as_uuid());
    query_one(tx, queries::REPLAY, &[&id, &endpoint, &client], rows::replay).await
}

pub(crate) async fn of_endpoint(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    limit: usize,
) -> Result<Vec<Replay>, StoreError> {
    endpoints::of_client_by_id(tx, client, endpoint).await?;
    let (endpoint, client, limit) = (endpoint.as_uuid(), client.as_uuid(), as_limit(limit));
    query(tx, queries::REPLAYS, &[&endpoint, &client, &limit], rows::replay).await
}

pub(crate) async fn cancel(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
    now: Timestamp,
) -> Result<Replay, StoreError> {
    locks::replay(tx, id).await?;
    let before = get(tx, client, endpoint, id).await?;
    let before = before.ok_or(StoreError::NotFound { what: "replay" })?;
    let after = before.clone().cancelled(now);
    if after != before {
        update(tx, &before, &after).await?;
    }
    Ok(after)
}

pub(crate) async fn running(tx: &Tx<'_>) -> Result<Vec<ReplayId>, StoreError> {
    query(tx, queries::RUNNING_REPLAYS, &[], |row| {
        Reader::new(row, "replays").replay_id("id")
    })
    .await
}

async fn update(tx: &Tx<'_>, before: &Replay, after: &Replay) -> Result<(), StoreError> {
    execute_one(
        tx,
        "replays",
        queries::UPDATE_REPLAY,
        &[
            &before.id.as_uuid(),
            &rows::position(before.position),
            &after.state.name(),
            &rows::position(after.position),
            &number(after.counts.examined),
            &number(after.counts.resent),
            &number(after.counts.created),
            &number(after.counts.left),
            &ended_at(&after.state),
        ],
    )
    .await
}

/// An event and what has become of it at the endpoint.
struct Candidate {
    position: EventPosition,
    event: Event,
    delivery: Option<DeliveryId>,
    standing: Standing,
}

async fn candidates(
    tx: &Tx<'_>,
    (client, endpoint): (ClientId, EndpointId),
    (after, end): (EventPosition, EventPosition),
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let (client, endpoint, limit) = (client.as_uuid(), endpoint.as_uuid(), as_limit(limit));
    let (after, end) = (rows::position(after), rows::position(end));
    let params: Params<'_> = &[&client, &endpoint, &after, &end, &limit];
    query(tx, queries::EVENTS_FOR_REPLAY, params, |row| {
        let event = rows::event(row)?;
        let row = Reader::new(row, "events");
        let state: Option<String> = row.get("state")?;
        let (delivery, standing) = match state {
            None => (None, Standing::Missing),
            Some(_) => (Some(row.delivery_id("delivery")?), row.parse("state")?),
        };
        Ok(Candidate {
            position: row.position("position")?,
            event,
            delivery,
            standing,
        })
    })
    .await
}

/// A step of a replay: the events that it looks at.
struct Step<'a> {
    replay: &'a Replay,
    found: Vec<Candidate>,
    /// Nothing comes after them.
    is_last: bool,
    /// How many of them may be sent again.
    changes_max: usize,
}

impl Step<'_> {
    async fn read<'a>(tx: &Tx<'_>, replay: &'a Replay, limit: usize) -> Result<Step<'a>, StoreError> {
        let changes_max = limit.max(1);
        let looked_at = changes_max.saturating_mul(SCANNED_PER_CHANGE);
        let whose = (replay.client, replay.endpoint);
        let found = candidates(tx, whose, (replay.position, replay.end), looked_at).await?;
        Ok(Step {
            replay,
            is_last: found.len() < looked_at,
            found,
            changes_max,
        })
    }

    fn verdict(&self, candidate: &Candidate) -> Verdict {
        let selection = &self.replay.selection;
        selection.verdict(&candidate.event, candidate.standing)
    }

    /// The jobs of all that may be sent again.
    fn jobs(&self) -> BTreeSet<JobId> {
        let is_change =
            |candidate: &&Candidate| matches!(self.verdict(candidate), Verdict::Resend | Verdict::Create);
        let changed = self.found.iter().filter(is_change).take(self.changes_max);
        changed.map(|candidate| candidate.event.job).collect()
    }
}

pub(crate) async fn advance(tx: &Tx<'_>, id: ReplayId, limit: usize) -> Result<ReplayStep, StoreError> {
    let Some(named) = running_one(tx, id).await? else {
        return Ok(ReplayStep::Over);
    };
    locks::keep_endpoints(tx, [named.endpoint].into()).await?;
    locks::replay(tx, id).await?;
    let Some(before) = running_one(tx, id).await? else {
        return Ok(ReplayStep::Over);
    };
    if has_backlog(tx, before.endpoint).await? {
        return Ok(ReplayStep::Backlog);
    }
    // Where everything stands is read again when its chains are held.
    let held = Step::read(tx, &before, limit).await?.jobs();
    locks::jobs(tx, held.clone()).await?;
    let step = Step::read(tx, &before, limit).await?;
    let (mut counts, mut changes, mut position) = (ReplayCounts::default(), 0, before.position);
    let mut rest = step.found.iter();
    while changes < step.changes_max
        && let Some(candidate) = rest.next()
    {
        let verdict = step.verdict(candidate);
        let is_change = matches!(verdict, Verdict::Resend | Verdict::Create);
        if is_change && !held.contains(&candidate.event.job) {
            // Came in between the two looks: the next step begins with it.
            break;
        }
        send_again(tx, &before, candidate, verdict).await?;
        changes += usize::from(is_change);
        counts.add(verdict);
        position = candidate.position;
    }
    if step.is_last && position == step.found.last().map_or(position, |last| last.position) {
        position = before.end;
    }
    let after = before.clone().advanced(counts, position, tx.now());
    update(tx, &before, &after).await?;
    Ok(ReplayStep::Advanced(Box::new(after)))
}

async fn send_again(
    tx: &Tx<'_>,
    replay: &Replay,
    candidate: &Candidate,
    verdict: Verdict,
) -> Result<(), StoreError> {
    match (verdict, candidate.delivery) {
        (Verdict::Resend, Some(delivery)) => {
            deliveries::resend(tx, replay.client, delivery, Resend::InTurn, tx.now()).await?;
        }
        (Verdict::Create, _) => insert_delivery(tx, replay.endpoint, &candidate.event).await?,
        _ => {}
    }
    Ok(())
}

async fn running_one(tx: &Tx<'_>, id: ReplayId) -> Result<Option<Replay>, StoreError> {
    query_one(tx, queries::REPLAY_FOR_ENGINE, &[&id.as_uuid()], rows::replay).await
}

async fn has_backlog(tx: &Tx<'_>, endpoint: EndpointId) -> Result<bool, StoreError> {
    let (endpoint, max) = (endpoint.as_uuid(), i64::from(REPLAY_BACKLOG_MAX));
    let waiting: i64 = value(tx, queries::WAITING_AT_ENDPOINT, &[&endpoint, &max]).await?;
    Ok(waiting >= max)
}

async fn insert_delivery(tx: &Tx<'_>, endpoint: EndpointId, event: &Event) -> Result<(), StoreError> {
    let id = DeliveryId::new(tx.clock(), tx.entropy());
    execute_one(
        tx,
        "deliveries",
        queries::INSERT_REPLAYED_DELIVERY,
        &[
            &id.as_uuid(),
            &event.id.as_uuid(),
            &event.client.as_uuid(),
            &event.job.as_uuid(),
            &endpoint.as_uuid(),
            &i64::from(event.sequence),
            &event.status.as_str(),
            &event.at.as_micros(),
            &tx.now().as_micros(),
        ],
    )
    .await?;
    let inserted = deliveries::by_id(tx, id).await?;
    let (inserted, _) = inserted.ok_or(StoreError::NotFound { what: "delivery" })?;
    deliveries::elect(tx, &inserted).await?;
    tx.gather(News::Waiting(endpoint));
    Ok(())
}

pub(crate) async fn preview(
    tx: &Tx<'_>,
    client: ClientId,
    endpoint: EndpointId,
    selection: &ReplaySelection,
    after: EventPosition,
    limit: usize,
) -> Result<ReplayPreview, StoreError> {
    endpoints::of_client_by_id(tx, client, endpoint).await?;
    let everything = (after, EventPosition::new(u64::MAX));
    let limit = limit.max(1);
    let found = candidates(tx, (client, endpoint), everything, limit).await?;
    let mut counts = ReplayCounts::default();
    for candidate in &found {
        counts.add(selection.verdict(&candidate.event, candidate.standing));
    }
    let last = found.last().map(|candidate| candidate.position);
    Ok(ReplayPreview {
        counts,
        next: last.filter(|_| found.len() >= limit),
    })
}

pub(crate) async fn forget(tx: &Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    let before = before.as_micros();
    execute(tx, queries::FORGET_REPLAYS, &[&before, &FORGOTTEN_AT_ONCE]).await
}
