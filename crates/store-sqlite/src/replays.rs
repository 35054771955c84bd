//! Replays: what the domain has chosen is written together with how far it is.

use rusqlite::{Connection, params};
use sfumato_core::delivery::Resend;
use sfumato_core::replay::{
    REPLAY_BACKLOG_MAX, Replay, ReplayCounts, ReplayPreview, ReplaySelection, ReplayState, ReplayStep,
    Standing, Verdict,
};
use sfumato_core::store::News;
use sfumato_core::{ClientId, DeliveryId, EndpointId, Event, EventPosition, ReplayId, StoreError, Timestamp};
use sfumato_store_rows::ended_at;

use crate::deliveries;
use crate::endpoints;
use crate::events;
use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{Sources, execute, execute_one, query, query_one, unavailable};

/// Events that a step looks at for each delivery that it may write: a selection that fits little goes through a long history
/// quickly, one that fits everything does not hold the writer for long.
const SCANNED_PER_CHANGE: usize = 16;

/// Replays that one call forgets.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

pub(crate) fn create(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
    selection: &ReplaySelection,
    now: Timestamp,
) -> Result<Replay, StoreError> {
    endpoints::of_client_by_id(conn, client, endpoint)?;
    let runs = query_one(conn, queries::REPLAY_RUNS, [key(endpoint.as_uuid())], |row| {
        row.get::<_, bool>(0).map_err(unavailable)
    })?;
    if runs == Some(true) {
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
        end: events::last_position(conn, client)?,
        counts: ReplayCounts::default(),
        created_at: now,
    };
    // Where there is no event yet, it is over at once.
    let replay = replay.advanced(ReplayCounts::default(), EventPosition::START, now);
    insert(conn, &replay)?;
    Ok(replay)
}

fn insert(conn: &Connection, replay: &Replay) -> Result<(), StoreError> {
    let selection = &replay.selection;
    execute_one(
        conn,
        "replays",
        queries::INSERT_REPLAY,
        params![
            key(replay.id.as_uuid()),
            key(replay.client.as_uuid()),
            key(replay.endpoint.as_uuid()),
            selection.since.as_micros(),
            selection.until.as_micros(),
            words(selection.statuses.iter().map(|status| status.as_str())),
            words(selection.standings.iter().map(|standing| standing.as_str())),
            selection.job.map(|job| key(job.as_uuid())),
            replay.state.name(),
            rows::position(replay.position),
            rows::position(replay.end),
            number(replay.counts.examined),
            number(replay.counts.resent),
            number(replay.counts.created),
            number(replay.counts.left),
            replay.created_at.as_micros(),
            ended_at(&replay.state),
        ],
    )
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn get(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
) -> Result<Option<Replay>, StoreError> {
    let params = [key(id.as_uuid()), key(endpoint.as_uuid()), key(client.as_uuid())];
    query_one(conn, queries::REPLAY, params, rows::replay)
}

pub(crate) fn of_endpoint(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    limit: usize,
) -> Result<Vec<Replay>, StoreError> {
    endpoints::of_client_by_id(conn, client, endpoint)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![key(endpoint.as_uuid()), key(client.as_uuid()), limit];
    query(conn, queries::REPLAYS, params, rows::replay)
}

pub(crate) fn cancel(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    id: ReplayId,
    now: Timestamp,
) -> Result<Replay, StoreError> {
    let before = get(conn, client, endpoint, id)?.ok_or(StoreError::NotFound { what: "replay" })?;
    let after = before.clone().cancelled(now);
    if after != before {
        update(conn, &before, &after)?;
    }
    Ok(after)
}

pub(crate) fn running(conn: &Connection) -> Result<Vec<ReplayId>, StoreError> {
    query(conn, queries::RUNNING_REPLAYS, [], |row| {
        Reader::new(row, "replays").replay_id("id")
    })
}

fn update(conn: &Connection, before: &Replay, after: &Replay) -> Result<(), StoreError> {
    execute_one(
        conn,
        "replays",
        queries::UPDATE_REPLAY,
        params![
            key(before.id.as_uuid()),
            rows::position(before.position),
            after.state.name(),
            rows::position(after.position),
            number(after.counts.examined),
            number(after.counts.resent),
            number(after.counts.created),
            number(after.counts.left),
            ended_at(&after.state),
        ],
    )
}

/// An event and what has become of it at the endpoint.
struct Candidate {
    position: EventPosition,
    event: Event,
    delivery: Option<DeliveryId>,
    standing: Standing,
}

fn candidates(
    conn: &Connection,
    (client, endpoint): (ClientId, EndpointId),
    (after, end): (EventPosition, EventPosition),
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let params = params![
        key(client.as_uuid()),
        key(endpoint.as_uuid()),
        rows::position(after),
        rows::position(end),
        i64::try_from(limit).unwrap_or(i64::MAX),
    ];
    query(conn, queries::EVENTS_FOR_REPLAY, params, |row| {
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
}

pub(crate) fn advance(
    conn: &Connection,
    sources: &Sources,
    id: ReplayId,
    limit: usize,
) -> Result<ReplayStep, StoreError> {
    let running = query_one(
        conn,
        queries::REPLAY_FOR_ENGINE,
        [key(id.as_uuid())],
        rows::replay,
    )?;
    let Some(before) = running else {
        return Ok(ReplayStep::Over);
    };
    if has_backlog(conn, before.endpoint)? {
        return Ok(ReplayStep::Backlog);
    }
    let now = sources.clock.now();
    let looked_at = limit.max(1).saturating_mul(SCANNED_PER_CHANGE);
    let found = candidates(
        conn,
        (before.client, before.endpoint),
        (before.position, before.end),
        looked_at,
    )?;
    let is_last = found.len() < looked_at;
    let (mut counts, mut changes, mut position) = (ReplayCounts::default(), 0, before.position);
    let mut rest = found.into_iter();
    while changes < limit.max(1)
        && let Some(candidate) = rest.next()
    {
        let verdict = before.selection.verdict(&candidate.event, candidate.standing);
        match (verdict, candidate.delivery) {
            (Verdict::Resend, Some(delivery)) => {
                deliveries::resend(conn, &sources.hook, before.client, delivery, Resend::InTurn, now)?;
                changes += 1;
            }
            (Verdict::Create, _) => {
                insert_delivery(conn, sources, before.endpoint, &candidate.event, now)?;
                changes += 1;
            }
            _ => {}
        }
        counts.add(verdict);
        position = candidate.position;
    }
    if is_last && rest.len() == 0 {
        position = before.end;
    }
    let after = before.clone().advanced(counts, position, now);
    update(conn, &before, &after)?;
    Ok(ReplayStep::Advanced(Box::new(after)))
}

fn has_backlog(conn: &Connection, endpoint: EndpointId) -> Result<bool, StoreError> {
    let params = params![key(endpoint.as_uuid()), REPLAY_BACKLOG_MAX];
    let waiting = query_one(conn, queries::WAITING_AT_ENDPOINT, params, |row| {
        row.get::<_, i64>(0).map_err(unavailable)
    })?;
    Ok(waiting.unwrap_or(0) >= i64::from(REPLAY_BACKLOG_MAX))
}

fn insert_delivery(
    conn: &Connection,
    sources: &Sources,
    endpoint: EndpointId,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = key(DeliveryId::new(&*sources.clock, &*sources.entropy).as_uuid());
    let params = params![
        id,
        key(event.id.as_uuid()),
        key(event.client.as_uuid()),
        key(event.job.as_uuid()),
        key(endpoint.as_uuid()),
        event.sequence,
        event.status.as_str(),
        event.at.as_micros(),
        now.as_micros(),
    ];
    execute_one(conn, "deliveries", queries::INSERT_REPLAYED_DELIVERY, params)?;
    let (inserted, _) = query_one(conn, queries::DELIVERY, [id], rows::delivery)?
        .ok_or(StoreError::NotFound { what: "delivery" })?;
    deliveries::elect(conn, &inserted)?;
    sources.hook.gather(News::Waiting(endpoint));
    Ok(())
}

pub(crate) fn preview(
    conn: &Connection,
    client: ClientId,
    endpoint: EndpointId,
    selection: &ReplaySelection,
    after: EventPosition,
    limit: usize,
) -> Result<ReplayPreview, StoreError> {
    endpoints::of_client_by_id(conn, client, endpoint)?;
    let everything = (after, EventPosition::new(u64::MAX));
    let limit = limit.max(1);
    let found = candidates(conn, (client, endpoint), everything, limit)?;
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

pub(crate) fn forget(conn: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    let params = params![before.as_micros(), FORGOTTEN_AT_ONCE];
    execute(conn, queries::FORGET_REPLAYS, params).map(|count| count as u64)
}
