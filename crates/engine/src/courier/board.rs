//! Who is sent to next, and how much: deficit round robin over endpoints (Shreedhar and Varghese, 1995) under the limits of
//! all, of each and of the slow ones. Every delivery costs the same, so that a deficit is what is left of a turn.
//!
//! A pure data structure: it knows no time but what it is told, and does nothing. The database is the truth; what stands
//! here only says where to look.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use sfumato_core::delivery::DeliveryState;
use sfumato_core::store::{Claimed, Recorded, Waiting, Want};
use sfumato_core::{EndpointId, Timestamp};

use super::faults::Faults;
use super::lane::{Lane, Observation};
use super::limits::Limits;

/// What an endpoint is given in each of its turns.
const QUANTUM: usize = 4;

/// After a claim that found nothing where something was due, the endpoint is looked at again no sooner.
const BARREN: Duration = Duration::from_secs(1);

/// What the end of an attempt has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// The failure is our own.
    pub(super) ours: bool,
    /// The breaker of the endpoint has opened.
    pub(super) opened: bool,
    /// The network has gone away or come back.
    pub(super) network: Option<bool>,
}

/// What is to be done with the delivery of an endpoint that is leased and has waited longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is sent: its place counts until [`Board::ended`].
    Depart,
    /// It waits until another one has ended.
    Wait,
    /// Its lease is given back: it would wait for too long.
    HandBack,
    /// Its endpoint has been deleted.
    Drop,
}

/// All endpoints with something to do.
#[derive(Debug)]
pub(super) struct Board {
    limits: Limits,
    lanes: BTreeMap<EndpointId, Lane>,
    /// Those that may be sent something now, in turn.
    ring: VecDeque<EndpointId>,
    /// Those that may later.
    later: BTreeSet<(Timestamp, EndpointId)>,
    in_flight: usize,
    slow_in_flight: usize,
    /// Deliveries that are leased and wait for a place.
    ahead: usize,
    faults: Faults,
    /// New deliveries may be leased when they are made: the database has been looked at, and we are not stopping.
    admits: bool,
}

impl Board {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: BTreeMap::new(),
            ring: VecDeque::new(),
            later: BTreeSet::new(),
            in_flight: 0,
            slow_in_flight: 0,
            ahead: 0,
            faults: Faults::default(),
            admits: false,
        }
    }

    /// From here on nothing is admitted.
    pub(super) fn close(&mut self) {
        self.admits = false;
    }

    fn free(&self) -> usize {
        if self.faults.is_away() {
            return usize::from(self.in_flight == 0);
        }
        self.limits.in_flight.saturating_sub(self.in_flight)
    }

    fn ahead_free(&self) -> usize {
        if self.faults.is_away() {
            return 0;
        }
        self.limits.ahead().saturating_sub(self.ahead)
    }

    fn slow_free(&self) -> usize {
        self.limits.slow().saturating_sub(self.slow_in_flight)
    }

    /// Changes how much is on its way to an endpoint.
    fn fly(&mut self, id: EndpointId, more: usize, fewer: usize) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        lane.in_flight = (lane.in_flight + more).saturating_sub(fewer);
        self.in_flight = (self.in_flight + more).saturating_sub(fewer);
        if lane.slow {
            self.slow_in_flight = (self.slow_in_flight + more).saturating_sub(fewer);
        }
    }

    /// Takes places that nothing has departed with yet, or gives them back.
    fn reserve(&mut self, id: EndpointId, more: usize, fewer: usize) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.boarding = (lane.boarding + more).saturating_sub(fewer);
        }
        self.fly(id, more, fewer);
    }

    /// Changes how much waits for a place at an endpoint.
    fn wait(&mut self, id: EndpointId, more: usize, fewer: usize) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.ahead = (lane.ahead + more).saturating_sub(fewer);
            self.ahead = (self.ahead + more).saturating_sub(fewer);
        }
    }

    /// What was expected does not come. What waits and what boards is one queue, so that it does not matter which of them
    /// it would have been.
    fn expect_fewer(&mut self, id: EndpointId, count: usize) {
        let ahead = self.lanes.get(&id).map_or(0, |lane| lane.ahead.min(count));
        self.wait(id, 0, ahead);
        self.reserve(id, 0, count - ahead);
    }

    /// Brings an endpoint to the place that it belongs to: the ring, later, or nowhere.
    fn place(&mut self, id: EndpointId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        if let Some(at) = lane.enters_at.take() {
            self.later.remove(&(at, id));
        }
        match lane.callable_at(now) {
            Some(at) if at > now => {
                lane.enters_at = Some(at);
                self.later.insert((at, id));
            }
            Some(_) if !lane.in_ring => {
                lane.in_ring = true;
                self.ring.push_back(id);
            }
            _ => {}
        }
    }

    /// A place for a delivery that is just being made, if nothing in the database is before it: to depart at once or soon.
    pub(super) fn admit(&mut self, id: EndpointId, now: Timestamp) -> bool {
        if !self.admits || self.faults.is_away() || self.free() == 0 {
            return false;
        }
        let (slow_free, ahead_free) = (self.slow_free(), self.ahead_free());
        let limits = self.limits;
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(&limits, 0, now));
        let waits = lane.in_ring || lane.claiming > 0 || lane.due.is_some_and(|due| due <= now);
        let barred = lane.held || !lane.breaker.is_closed() || (lane.slow && slow_free == 0);
        if waits || barred {
            return false;
        }
        lane.used_at = now;
        if lane.ahead == 0 && lane.room(now) > 0 {
            if let Some(rate) = &mut lane.rate {
                rate.take(1.0);
            }
            self.reserve(id, 1, 0);
            return true;
        }
        let waits = lane.room_ahead().min(ahead_free) > 0;
        if waits {
            self.wait(id, 1, 0);
        }
        waits
    }

    /// What was admitted was not made after all.
    pub(super) fn withdraw(&mut self, id: EndpointId, now: Timestamp) {
        self.expect_fewer(id, 1);
        self.place(id, now);
    }

    /// Decides on the first of an endpoint's deliveries that are leased and have not departed.
    pub(super) fn turn_of(&mut self, id: EndpointId, now: Timestamp) -> Turn {
        let (free, slow_free) = (self.free(), self.slow_free());
        let away = self.faults.is_away();
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Turn::HandBack;
        };
        let boards = lane.boarding > 0;
        let turn = if lane.gone {
            Turn::Drop
        } else if boards || free > 0 && (!lane.slow || slow_free > 0) && lane.has_place(now) {
            Turn::Depart
        } else if lane.may_wait() && lane.in_flight > 0 && !away {
            Turn::Wait
        } else {
            Turn::HandBack
        };
        match turn {
            Turn::Wait => return turn,
            Turn::Depart if boards => lane.boarding -= 1,
            Turn::Depart => {
                self.wait(id, 0, 1);
                self.fly(id, 1, 0);
            }
            Turn::HandBack | Turn::Drop => self.expect_fewer(id, 1),
        }
        self.place(id, now);
        turn
    }

    /// Something may be due at an endpoint.
    pub(super) fn hint(&mut self, id: EndpointId, now: Timestamp) {
        let limits = self.limits;
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(&limits, 0, now));
        lane.tell(now);
        self.place(id, now);
    }

    /// An endpoint has been deleted.
    pub(super) fn forget(&mut self, id: EndpointId, now: Timestamp) {
        let limits = self.limits;
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(&limits, 0, now));
        lane.gone = true;
        lane.due = None;
        lane.used_at = now;
        self.place(id, now);
    }

    /// Whether nothing may be sent to it any more.
    pub(super) fn is_gone(&self, id: EndpointId) -> bool {
        self.lanes.get(&id).is_some_and(|lane| lane.gone)
    }

    /// Takes in where the database says that something waits.
    pub(super) fn scanned(&mut self, all: &[Waiting], now: Timestamp) {
        let limits = self.limits;
        for waiting in all {
            let id = waiting.endpoint;
            let lane = self
                .lanes
                .entry(id)
                .or_insert_with(|| Lane::new(&limits, waiting.consecutive_failures, now));
            // A claim that is on its way knows better. What was due before stays due: a claim finds out.
            if lane.claiming == 0 {
                lane.tell(lane.due.map_or(waiting.due, |due| due.min(waiting.due)));
                lane.hear(waiting);
            }
            self.place(id, now);
        }
        self.lanes.retain(|_, lane| !lane.is_forgettable(now));
        self.admits = true;
    }

    /// What is to be claimed now. It counts as on its way until [`Board::claimed`] says what came of it.
    pub(super) fn wants(&mut self, now: Timestamp) -> Vec<Want> {
        while let Some((at, id)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.remove(&(at, id));
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.enters_at = None;
            }
            self.place(id, now);
        }
        if self.faults.probe_at().is_some_and(|at| at > now) {
            return vec![];
        }
        let mut counts = BTreeMap::new();
        let mut without_progress = 0;
        while without_progress < self.ring.len() && self.free() > 0 {
            let before = self.in_flight + self.ahead;
            self.turn(&mut counts, now);
            without_progress = if self.in_flight + self.ahead > before {
                0
            } else {
                without_progress + 1
            };
        }
        let want = |(endpoint, count)| Want { endpoint, count };
        counts.into_iter().map(want).collect()
    }

    /// The turn of the endpoint that stands first in the ring.
    fn turn(&mut self, counts: &mut BTreeMap<EndpointId, usize>, now: Timestamp) {
        let (free, slow_free) = (self.free(), self.slow_free());
        let Some(id) = self.ring.pop_front() else {
            return;
        };
        // Where others wait for their turn, nobody is given more than places.
        let ahead_free = if self.ring.is_empty() {
            self.ahead_free()
        } else {
            0
        };
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        let (own, ahead) = if lane.due.is_some_and(|due| due <= now) {
            (lane.room(now), lane.claimable_ahead().min(ahead_free))
        } else {
            (0, 0)
        };
        if own == 0 && ahead == 0 {
            // Its next delivery, its breaker, or the end of an attempt brings it back.
            lane.in_ring = false;
            lane.deficit = 0;
            self.place(id, now);
            return;
        }
        let room = if lane.slow { own.min(slow_free) } else { own };
        // A turn that was cut short for want of places goes on with what is left of it.
        if lane.deficit == 0 {
            lane.deficit = QUANTUM;
        }
        let count = room.min(lane.deficit).min(free);
        let served = count == own;
        let ahead = if served { ahead } else { 0 };
        if count + ahead == 0 {
            // The other slow ones have it all: its turn is over.
            lane.deficit = 0;
            self.ring.push_back(id);
            return;
        }
        lane.deficit -= count;
        lane.claiming += count + ahead;
        lane.used_at = now;
        if let Some(rate) = &mut lane.rate {
            rate.take(count as f64);
        }
        *counts.entry(id).or_default() += count + ahead;
        if served {
            lane.in_ring = false;
            lane.deficit = 0;
        }
        lane.news = None;
        let cut_short = lane.deficit > 0 && count == free;
        self.reserve(id, count, 0);
        self.wait(id, ahead, 0);
        if !served {
            if cut_short && !self.faults.is_away() {
                self.ring.push_front(id);
            } else {
                self.ring.push_back(id);
            }
        }
    }

    /// What came of a claim; `None` where it failed.
    pub(super) fn claimed(&mut self, wants: &[Want], claimed: Option<&Claimed>, now: Timestamp) {
        let mut got: BTreeMap<EndpointId, usize> = BTreeMap::new();
        let mut waiting: BTreeMap<EndpointId, &Waiting> = BTreeMap::new();
        if let Some(claimed) = claimed {
            for dispatch in &claimed.dispatches {
                *got.entry(dispatch.endpoint.id).or_default() += 1;
            }
            waiting.extend(claimed.waiting.iter().map(|waiting| (waiting.endpoint, waiting)));
        }
        for want in wants {
            let id = want.endpoint;
            let got = got.get(&id).copied().unwrap_or(0);
            let unused = want.count.saturating_sub(got);
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.claiming = lane.claiming.saturating_sub(want.count);
                if let Some(rate) = &mut lane.rate {
                    rate.take(-(unused as f64));
                }
                match waiting.get(&id) {
                    _ if claimed.is_none() => {}
                    Some(waiting) => {
                        lane.hear(waiting);
                        if got == 0 && waiting.due <= now {
                            lane.due = Some(now.after(BARREN));
                        }
                    }
                    None => {
                        lane.due = lane.news;
                        (lane.held, lane.urgent) = (false, false);
                    }
                }
            }
            self.expect_fewer(id, unused);
            self.place(id, now);
        }
    }

    /// Notes the URL that a delivery goes to.
    pub(super) fn goes_to(&mut self, id: EndpointId, url: &str) {
        if let Some(lane) = self.lanes.get_mut(&id)
            && lane.host.1 != url
        {
            let host = url::Url::parse(url)
                .ok()
                .and_then(|url| url.host_str().map(str::to_owned));
            lane.host = (host.unwrap_or_default(), url.to_owned());
        }
    }

    /// An attempt has ended: its place is free, and its endpoint is judged.
    pub(super) fn ended(&mut self, id: EndpointId, seen: &Observation, now: Timestamp) -> Ended {
        self.fly(id, 0, 1);
        let Some(lane) = self.lanes.get_mut(&id) else {
            return Ended::default();
        };
        let was_away = self.faults.is_away();
        let ours = self.faults.ended(&lane.host.0, seen.reach, now);
        let was_slow = lane.slow;
        let seen = if ours { Observation::nothing(now) } else { *seen };
        let opened = lane.ended(&seen, now);
        lane.unrecorded += 1;
        lane.used_at = now;
        match (was_slow, lane.slow) {
            (false, true) => self.slow_in_flight += lane.in_flight,
            (true, false) => self.slow_in_flight = self.slow_in_flight.saturating_sub(lane.in_flight),
            _ => {}
        }
        self.place(id, now);
        let away = self.faults.is_away();
        Ended {
            ours,
            opened,
            network: (away != was_away).then_some(!away),
        }
    }

    /// An attempt is recorded, or will never be.
    pub(super) fn recorded(&mut self, id: EndpointId, recorded: Option<&Recorded>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        lane.unrecorded = lane.unrecorded.saturating_sub(1);
        if let Some(recorded) = recorded {
            if recorded.held.is_some() {
                lane.held = true;
            }
            if recorded.released {
                lane.held = false;
                lane.pace.restart();
            }
            if let DeliveryState::Pending { not_before } = recorded.state {
                lane.tell(not_before);
            }
        }
        self.place(id, now);
    }

    /// When [`Board::wants`] may have something to say that it has not now, if nothing happens meanwhile.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        let later = self.later.first().map(|(at, _)| *at);
        if self.faults.is_away() && self.in_flight > 0 {
            return None;
        }
        match self.faults.probe_at() {
            Some(probe_at) if !self.ring.is_empty() => Some(probe_at),
            Some(probe_at) => later.map(|at| at.max(probe_at)),
            None => later,
        }
    }
}

#[cfg(test)]
mod tests;
