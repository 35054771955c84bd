//! What must be true of a life, whatever happened in it.

use std::collections::BTreeMap;
use std::time::Duration;

use sfumato_core::store::DeliveryRecord;
use sfumato_core::{DeliveryState, Endpoint, Outcome, PublicJobId, Timestamp};

use super::life::LIMITS;
use super::receivers::{DEADLINE, Posted};

/// Longest time in which the endpoint that is always well hears of what it can be told. A network that is away, as the
/// courier takes it, is probed every 30 s at most, by one endpoint after the other; each of the other two may hang for the
/// 15 s of the deadline when it is its turn.
const INNOCENT: Duration = Duration::from_secs(30 + 2 * (15 + 30) + 5);

/// The sequence of the event that ends a job here: `Sent` and `Started` come before it.
const TERMINAL: u32 = 3;

/// A replay: until it is done, what its endpoint has had may come again and from its beginning.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    pub(super) url: String,
    pub(super) from: Timestamp,
    /// `None` while it is not done.
    pub(super) until: Option<Timestamp>,
}

/// What is known at the end.
pub(super) struct Facts {
    pub(super) records: Vec<DeliveryRecord>,
    pub(super) posted: Vec<Posted>,
    pub(super) most_in_flight: (usize, usize),
    /// POSTs that began after their endpoint's deletion was committed.
    pub(super) sealed: usize,
    /// Endpoints that exist.
    pub(super) endpoints: Vec<Endpoint>,
    /// From when on the network was away, or there.
    pub(super) network: Vec<(Timestamp, bool)>,
    /// Crashes and stops.
    pub(super) disturbances: Vec<Timestamp>,
    pub(super) replays: Vec<Replayed>,
}

impl Facts {
    /// Whether a replay has come between two POSTs to the same endpoint. What was leased before the replay's last step may
    /// depart after it, within the deadline of what it waits for.
    fn replayed_between(&self, first: &Posted, second: &Posted) -> bool {
        self.replays.iter().any(|replay| {
            replay.url == first.url
                && replay.from <= second.began
                && replay
                    .until
                    .is_none_or(|until| first.began <= until.after(DEADLINE))
        })
    }

    /// How long the network was away the last time before `now`. Where the courier did not find out that it was, breakers
    /// have opened, and their waits double: the last one is as long as the outage at most.
    fn outage_before(&self, now: Timestamp) -> Duration {
        let mut since = None;
        let mut outage = Duration::ZERO;
        for (at, away) in self.network.iter().filter(|(at, _)| *at <= now) {
            match (away, since) {
                (true, None) => since = Some(*at),
                (false, Some(began)) => {
                    outage = at.since(began);
                    since = None;
                }
                _ => {}
            }
        }
        outage
    }

    /// Whether an event that is not the last of its job, and whose attempt failed, may have been superseded then, although
    /// it was delivered in the end: a replay has reopened it.
    fn reopened_after(&self, failed: &Posted) -> bool {
        failed.sequence < TERMINAL
            && self
                .replays
                .iter()
                .any(|replay| replay.url == failed.url && replay.from >= failed.began)
    }
}

/// The promises that were broken, in words.
pub(super) fn broken_promises(facts: &Facts) -> Vec<String> {
    let mut broken = Vec::new();
    let (all, one) = facts.most_in_flight;
    if all > LIMITS.0 || one > LIMITS.1 {
        broken.push(format!("{all} in flight in all, {one} to one endpoint"));
    }
    if facts.sealed > 0 {
        broken.push(format!("{} POSTs went to a deleted endpoint", facts.sealed));
    }
    let mut by_id: BTreeMap<&str, Vec<&Posted>> = BTreeMap::new();
    for posted in &facts.posted {
        by_id.entry(&posted.id).or_default().push(posted);
    }
    for record in &facts.records {
        let id = record.delivery.id.to_string();
        let posts = by_id.remove(id.as_str()).unwrap_or_default();
        promise_1(record, &posts, facts, &mut broken);
        promise_2(record, &posts, facts, &mut broken);
    }
    for id in by_id.keys() {
        broken.push(format!("{id} was sent and is none of the deliveries"));
    }
    promises_3_and_4(facts, &mut broken);
    innocents(facts, &mut broken);
    broken
}

fn acknowledged(posted: &Posted) -> bool {
    posted.ended.is_some_and(|(_, outcome)| outcome == Outcome::Ok)
}

/// No loss: everything is closed, and what is said to be delivered was acknowledged.
fn promise_1(record: &DeliveryRecord, posts: &[&Posted], facts: &Facts, broken: &mut Vec<String>) {
    let id = record.delivery.id;
    let exists = facts
        .endpoints
        .iter()
        .any(|endpoint| endpoint.id == record.delivery.endpoint);
    let status = record.event.status;
    let kept = match record.delivery.state {
        DeliveryState::Delivered { .. } => posts.iter().any(|posted| acknowledged(posted)),
        DeliveryState::Superseded { .. } => !status.is_terminal(),
        DeliveryState::Dropped { .. } => !exists,
        DeliveryState::Pending { .. } | DeliveryState::Sending { .. } | DeliveryState::Expired { .. } => {
            false
        }
    };
    if !kept {
        broken.push(format!(
            "promise 1: {id} ({status}) is {:?}",
            record.delivery.state
        ));
    }
}

/// At least once, under one identifier: a repetition follows a failure, the end of the run that sent it, or a replay.
fn promise_2(record: &DeliveryRecord, posts: &[&Posted], facts: &Facts, broken: &mut Vec<String>) {
    let id = record.delivery.id;
    let job = PublicJobId {
        client: record.delivery.client,
        job: record.delivery.job,
    };
    for posted in posts {
        if posted.task != job.to_string() || posted.sequence != record.event.sequence {
            broken.push(format!("promise 2: {id} stood for two events"));
        }
    }
    for pair in posts.windows(2) {
        if pair[0].run != pair[1].run || facts.replayed_between(pair[0], pair[1]) {
            continue;
        }
        match pair[0].ended {
            Some((at, outcome)) if outcome != Outcome::Ok && at <= pair[1].began => {}
            other => broken.push(format!(
                "promise 2: {id} was sent again after {other:?} in one run"
            )),
        }
    }
}

/// Order per job and endpoint; what follows is not begun before what it follows is done with.
fn promises_3_and_4(facts: &Facts, broken: &mut Vec<String>) {
    let mut chains: BTreeMap<(&str, &str), Vec<&Posted>> = BTreeMap::new();
    for posted in &facts.posted {
        chains
            .entry((&posted.url, &posted.task))
            .or_default()
            .push(posted);
    }
    let state_of: BTreeMap<String, DeliveryState> = facts
        .records
        .iter()
        .map(|record| (record.delivery.id.to_string(), record.delivery.state))
        .collect();
    for ((url, task), posts) in chains {
        for pair in posts.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if facts.replayed_between(first, second) {
                continue;
            }
            if second.sequence < first.sequence {
                broken.push(format!(
                    "promise 3: {url} {task}: {} came after {}",
                    second.sequence, first.sequence
                ));
            }
            if second.sequence > first.sequence {
                let done = match state_of.get(&first.id) {
                    Some(DeliveryState::Delivered { .. }) => first.ended.is_some_and(|(at, outcome)| {
                        at <= second.began && (outcome == Outcome::Ok || facts.reopened_after(first))
                    }),
                    Some(state) => state.is_closed(),
                    None => false,
                };
                if !done {
                    broken.push(format!(
                        "promise 3: {url} {task}: {} overtook {}",
                        second.sequence, first.sequence
                    ));
                }
            }
        }
    }
}

/// Fairness: the endpoint that is always well does not suffer from the others.
fn innocents(facts: &Facts, broken: &mut Vec<String>) {
    let Some(innocent) = facts.endpoints.first() else {
        return;
    };
    let first_post: BTreeMap<&str, Timestamp> = facts
        .posted
        .iter()
        .rev()
        .map(|posted| (posted.id.as_str(), posted.began))
        .collect();
    for record in &facts.records {
        if record.delivery.endpoint != innocent.id {
            continue;
        }
        let id = record.delivery.id.to_string();
        let Some(began) = first_post.get(id.as_str()) else {
            continue;
        };
        let made = record.delivery.created_at;
        let network = facts.network.iter().rfind(|(at, _)| at <= began);
        if network.is_some_and(|(_, away)| *away) {
            continue;
        }
        let disturbances = facts.disturbances.iter().filter(|at| **at <= *began);
        // What was superseded is first sent when a replay has reopened it.
        let replays = facts
            .replays
            .iter()
            .filter(|replay| replay.url == innocent.url.as_str() && replay.from <= *began);
        let reopened = replays.map(|replay| replay.until.map_or(*began, |until| until.min(*began)));
        let from = disturbances
            .chain(network.map(|(at, _)| at))
            .copied()
            .chain(reopened)
            .fold(made, Timestamp::max);
        if began.since(from) > INNOCENT + facts.outage_before(*began) {
            broken.push(format!(
                "fairness: {id} of the innocent waited for {:?}",
                began.since(from)
            ));
        }
    }
}
