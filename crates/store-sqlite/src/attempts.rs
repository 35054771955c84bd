//! Recording attempts: what each says of its delivery, and all of a transaction of their endpoint.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, params};
use sfumato_core::delivery::{Attempt, Circumstances, Delivery, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState, PULLED_PER_SUCCESS, Verdict};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::store::{AttemptActivity, Finished, News, Recorded};
use sfumato_core::{DeliveryId, EndpointId, StoreError, Timestamp};

use crate::deliveries::{supersede, write_tried};
use crate::endpoints;
use crate::queries;
use crate::rows::{self, key};
use crate::sql::{Sources, execute, execute_one, query_one, unavailable};
use crate::statistics;

/// The endpoints of one transaction: each is read once, judged after every attempt, and written once.
#[derive(Default)]
struct Judged {
    endpoints: BTreeMap<EndpointId, Option<Case>>,
}

struct Case {
    endpoint: Endpoint,
    /// How many waiting deliveries the successes of this transaction pull forward.
    pulled: u32,
    activity: AttemptActivity,
}

impl Judged {
    fn case(&mut self, conn: &Connection, id: EndpointId) -> Result<Option<&mut Case>, StoreError> {
        let entry = match self.endpoints.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let endpoint = endpoints::for_courier(conn, id)?;
                unknown.insert(endpoint.map(|endpoint| Case {
                    endpoint,
                    pulled: 0,
                    activity: AttemptActivity::default(),
                }))
            }
        };
        Ok(entry.as_mut())
    }

    /// Writes every endpoint, and pulls forward what waits at those that are back.
    fn write(self, conn: &Connection, sources: &Sources, now: Timestamp) -> Result<(), StoreError> {
        for case in self.endpoints.into_values().flatten() {
            let Case {
                mut endpoint,
                pulled,
                activity,
            } = case;
            statistics::count_attempts(conn, endpoint.id, &activity, now)?;
            if let Some(since) = endpoint.health.recovering_since
                && pulled > 0
            {
                let params = params![
                    key(endpoint.id.as_uuid()),
                    now.as_micros(),
                    since.as_micros(),
                    pulled
                ];
                let found = execute(conn, queries::PULL_SOME_FORWARD, params)?;
                if found < usize::try_from(pulled).unwrap_or(usize::MAX) {
                    endpoint.health.recovering_since = None;
                }
                sources.hook.gather(News::Waiting(endpoint.id));
            }
            endpoints::write(conn, &endpoint)?;
        }
        Ok(())
    }
}

impl Case {
    fn judge(&mut self, attempt: &Attempt, now: Timestamp) -> Verdict {
        if attempt.is_spent() {
            self.activity.count(attempt.is_success(), attempt.duration_ms);
        }
        let verdict = self.endpoint.attempted(attempt, now);
        if verdict.pulls {
            self.pulled += PULLED_PER_SUCCESS;
        }
        verdict
    }
}

/// An attempt that may be recorded, and what it changes.
struct Change {
    before: Delivery,
    claims: FencingToken,
    after: Delivery,
    verdict: Verdict,
}

pub(crate) fn record(
    conn: &Connection,
    sources: &Sources,
    finished: Vec<Finished>,
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    let now = sources.clock.now();
    let mut judged = Judged::default();
    let mut answers = Vec::with_capacity(finished.len());
    for finished in finished {
        // Until here nothing of this one is written, so that a refusal takes nothing of the others with it.
        let answer = match judge(conn, &mut judged, &finished, now) {
            Ok(change) => Ok(write(conn, sources, &finished.attempt, &change, now)?),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Full { .. })) => return Err(error),
            Err(refusal) => Err(refusal),
        };
        answers.push(answer);
    }
    judged.write(conn, sources, now)?;
    Ok(answers)
}

fn judge(
    conn: &Connection,
    judged: &mut Judged,
    finished: &Finished,
    now: Timestamp,
) -> Result<Change, StoreError> {
    let id = [key(finished.delivery.as_uuid())];
    let (before, claims, event) = query_one(conn, queries::DELIVERY, id, |row| {
        let (delivery, claims) = rows::delivery(row)?;
        Ok((delivery, claims, rows::told(row)?))
    })?
    .ok_or(StoreError::LeaseLost)?;
    match &before.state {
        DeliveryState::Sending { lease, .. } if *lease == finished.lease => {}
        _ => return Err(StoreError::LeaseLost),
    }
    let attempt = &finished.attempt;
    let terminal_exists = !attempt.is_success() && terminal_exists(conn, &before, &event)?;
    let case = judged.case(conn, before.endpoint)?;
    let circumstances = Circumstances {
        status: event.status,
        terminal_exists,
        held: case
            .as_ref()
            .is_some_and(|case| matches!(case.endpoint.state, EndpointState::Held { .. })),
        now,
        jitter: finished.jitter,
    };
    Ok(Change {
        verdict: case.map(|case| case.judge(attempt, now)).unwrap_or_default(),
        after: before.clone().attempted(attempt, &circumstances),
        before,
        claims,
    })
}

fn write(
    conn: &Connection,
    sources: &Sources,
    attempt: &Attempt,
    change: &Change,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let Change {
        before,
        claims,
        after,
        verdict,
    } = change;
    add(conn, after.id, attempt)?;
    if write_tried(conn, (before, *claims), (after, *claims), Some(now))? {
        sources.hook.gather(News::Waiting(after.endpoint));
    }
    if let DeliveryState::Superseded { .. } = after.state {
        let waiting = [key(after.job.as_uuid()), key(after.endpoint.as_uuid())];
        supersede(conn, queries::WAITING_INTERMEDIATES, waiting, now)?;
    }
    Ok(Recorded {
        state: after.state,
        held: verdict.held,
        released: verdict.released,
        warning: verdict.warning,
    })
}

fn terminal_exists(conn: &Connection, delivery: &Delivery, event: &Event) -> Result<bool, StoreError> {
    if event.status.is_terminal() {
        return Ok(true);
    }
    let job = [key(delivery.job.as_uuid())];
    let exists = query_one(conn, queries::TERMINAL_EVENT_EXISTS, job, |row| {
        row.get::<_, bool>(0).map_err(unavailable)
    })?;
    Ok(exists == Some(true))
}

fn add(conn: &Connection, delivery: DeliveryId, attempt: &Attempt) -> Result<(), StoreError> {
    let phases = (!attempt.phases.is_empty()).then(|| attempt.phases.to_string());
    execute_one(
        conn,
        "attempts",
        queries::INSERT_ATTEMPT,
        params![
            key(delivery.as_uuid()),
            attempt.started_at.as_micros(),
            key(attempt.id.as_uuid()),
            attempt.number,
            attempt.duration_ms,
            phases,
            attempt.outcome.as_str(),
            attempt.ours,
            attempt.status,
            attempt.response,
            attempt.retry_after.map(Timestamp::as_micros),
        ],
    )
}
