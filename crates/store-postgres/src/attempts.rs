//! Recording attempts: what each says of its delivery, and all of a transaction of their endpoint.
//!
//! All locks are taken before anything is judged: an endpoint's health is the sum of what was recorded before, and the
//! chains of the jobs go on under one hand.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use sfumato_core::delivery::{Attempt, Circumstances, Delivery, DeliveryState};
use sfumato_core::endpoint::{Endpoint, EndpointState, PULLED_PER_SUCCESS, Verdict};
use sfumato_core::event::Event;
use sfumato_core::job::FencingToken;
use sfumato_core::store::{AttemptActivity, Finished, News, Recorded};
use sfumato_core::{DeliveryId, EndpointId, StoreError, Timestamp};

use crate::deliveries::{by_id, supersede, write_tried};
use crate::endpoints;
use crate::locks;
use crate::queries;
use crate::rows;
use crate::sql::{Tx, execute, execute_one, query_one, value};
use crate::statistics;

/// The endpoints of one transaction: each is read once, judged after every attempt, and written once.
#[derive(Default)]
struct Judged {
    endpoints: BTreeMap<EndpointId, Case>,
}

struct Case {
    endpoint: Endpoint,
    /// How many waiting deliveries the successes of this transaction pull forward.
    pulled: u32,
    activity: AttemptActivity,
}

impl Judged {
    /// Locks everything that the attempts have to do with, and reads the endpoints. Those that are deleted are not judged.
    async fn hold(tx: &Tx<'_>, finished: &[Finished]) -> Result<Self, StoreError> {
        let named = try_join_all(finished.iter().map(|finished| by_id(tx, finished.delivery))).await?;
        // Which job and endpoint a delivery belongs to never changes.
        let named: Vec<Delivery> = named
            .into_iter()
            .flatten()
            .map(|(delivery, _)| delivery)
            .collect();
        let ids: BTreeSet<EndpointId> = named.iter().map(|delivery| delivery.endpoint).collect();
        locks::jobs(tx, named.iter().map(|delivery| delivery.job).collect()).await?;
        locks::endpoints(tx, ids.clone()).await?;
        locks::deliveries(tx, named.iter().map(|delivery| delivery.id).collect()).await?;
        let found = try_join_all(ids.into_iter().map(|id| endpoints::for_courier(tx, id))).await?;
        let cases = found.into_iter().flatten().map(|endpoint| {
            let case = Case {
                endpoint,
                pulled: 0,
                activity: AttemptActivity::default(),
            };
            (case.endpoint.id, case)
        });
        Ok(Self {
            endpoints: cases.collect(),
        })
    }

    /// Writes every endpoint, and pulls forward what waits at those that are back.
    async fn write(self, tx: &Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
        for case in self.endpoints.into_values() {
            let Case {
                mut endpoint,
                pulled,
                activity,
            } = case;
            statistics::count_attempts(tx, endpoint.id, &activity, now).await?;
            if let Some(since) = endpoint.health.recovering_since
                && pulled > 0
            {
                let (id, now, since) = (endpoint.id.as_uuid(), now.as_micros(), since.as_micros());
                let limit = i64::from(pulled);
                let found = execute(tx, queries::PULL_SOME_FORWARD, &[&id, &now, &since, &limit]).await?;
                if found < u64::from(pulled) {
                    endpoint.health.recovering_since = None;
                }
                tx.gather(News::Waiting(endpoint.id));
            }
            endpoints::write(tx, &endpoint).await?;
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

pub(crate) async fn record(
    tx: &Tx<'_>,
    finished: &[Finished],
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    let now = tx.now();
    let mut judged = Judged::hold(tx, finished).await?;
    let mut answers = Vec::with_capacity(finished.len());
    for finished in finished {
        // Until here nothing of this one is written, so that a refusal takes nothing of the others with it.
        let answer = match judge(tx, &mut judged, finished, now).await {
            Ok(change) => Ok(write(tx, &finished.attempt, &change, now).await?),
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Full { .. })) => return Err(error),
            Err(refusal) => Err(refusal),
        };
        answers.push(answer);
    }
    judged.write(tx, now).await?;
    Ok(answers)
}

async fn judge(
    tx: &Tx<'_>,
    judged: &mut Judged,
    finished: &Finished,
    now: Timestamp,
) -> Result<Change, StoreError> {
    let id = finished.delivery.as_uuid();
    let (before, claims, event) = query_one(tx, queries::DELIVERY, &[&id], |row| {
        let (delivery, claims) = rows::delivery(row)?;
        Ok((delivery, claims, rows::told(row)?))
    })
    .await?
    .ok_or(StoreError::LeaseLost)?;
    match &before.state {
        DeliveryState::Sending { lease, .. } if *lease == finished.lease => {}
        _ => return Err(StoreError::LeaseLost),
    }
    let attempt = &finished.attempt;
    let terminal_exists = !attempt.is_success() && terminal_exists(tx, &before, &event).await?;
    let case = judged.endpoints.get_mut(&before.endpoint);
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

async fn write(
    tx: &Tx<'_>,
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
    add(tx, after.id, attempt).await?;
    if write_tried(tx, (before, *claims), (after, *claims), Some(now)).await? {
        tx.gather(News::Waiting(after.endpoint));
    }
    if let DeliveryState::Superseded { .. } = after.state {
        let (job, endpoint) = (after.job.as_uuid(), after.endpoint.as_uuid());
        supersede(tx, queries::WAITING_INTERMEDIATES, &[&job, &endpoint], now).await?;
    }
    Ok(Recorded {
        state: after.state,
        held: verdict.held,
        released: verdict.released,
        warning: verdict.warning,
    })
}

async fn terminal_exists(tx: &Tx<'_>, delivery: &Delivery, event: &Event) -> Result<bool, StoreError> {
    if event.status.is_terminal() {
        return Ok(true);
    }
    value(tx, queries::TERMINAL_EVENT_EXISTS, &[&delivery.job.as_uuid()]).await
}

async fn add(tx: &Tx<'_>, delivery: DeliveryId, attempt: &Attempt) -> Result<(), StoreError> {
    let phases = (!attempt.phases.is_empty()).then(|| attempt.phases.to_string());
    execute_one(
        tx,
        "attempts",
        queries::INSERT_ATTEMPT,
        &[
            &delivery.as_uuid(),
            &attempt.started_at.as_micros(),
            &attempt.id.as_uuid(),
            &i64::from(attempt.number),
            &i64::from(attempt.duration_ms),
            &phases,
            &attempt.outcome.as_str(),
            &attempt.ours,
            &attempt.status.map(i64::from),
            &attempt.response,
            &attempt.retry_after.map(Timestamp::as_micros),
        ],
    )
    .await
}
