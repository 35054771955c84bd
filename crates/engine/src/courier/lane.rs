//! One endpoint as the courier sees it.

use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_core::store::Waiting;

use super::breaker::{Breaker, Sign};
use super::faults::Reach;
use super::limits::Limits;
use super::pace::{Load, Pace, Sample};
use super::rate::Rate;

/// Deliveries that may be leased ahead for a brisk endpoint, in widths of it: what the writer of the store needs for one
/// transaction, the endpoint needs for some rounds of answers.
const ROUNDS_AHEAD: usize = 4;

/// What the end of an attempt says, in the words of those who judge it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) sign: Sign,
    pub(super) load: Load,
    pub(super) reach: Reach,
    pub(super) took: Duration,
    pub(super) started_at: Timestamp,
}

impl Observation {
    /// Of an attempt that came to no end.
    pub(super) const fn nothing(now: Timestamp) -> Self {
        Self {
            sign: Sign::Nothing,
            load: Load::Unknown,
            reach: Reach::Unknown,
            took: Duration::ZERO,
            started_at: now,
        }
    }
}

/// What is known of an endpoint's waiting deliveries, how it has been doing, and what is on its way to it.
#[derive(Debug)]
pub(super) struct Lane {
    /// When something is due; `None` where nothing waits.
    pub(super) due: Option<Timestamp>,
    /// It is held: what is due is one probe.
    pub(super) held: bool,
    /// A person asked for what is due.
    pub(super) urgent: bool,
    /// When, by news that came since the database was last asked, something is due: its answer may be older.
    pub(super) news: Option<Timestamp>,
    /// Deliveries on their way, those of a claim that is not answered yet included.
    pub(super) in_flight: usize,
    /// Of these, places that no delivery has departed with yet.
    pub(super) boarding: usize,
    /// Deliveries that are leased and wait for a place.
    pub(super) ahead: usize,
    /// What a claim that is on its way may bring, to board or to wait.
    pub(super) claiming: usize,
    /// Attempts that have ended and are not recorded yet.
    pub(super) unrecorded: usize,
    /// What is left of its turns.
    pub(super) deficit: usize,
    /// It stands in the ring.
    pub(super) in_ring: bool,
    /// When it enters the ring, where it does not stand in it.
    pub(super) enters_at: Option<Timestamp>,
    pub(super) slow: bool,
    pub(super) breaker: Breaker,
    pub(super) pace: Pace,
    pub(super) rate: Option<Rate>,
    /// The host of its URL, and the URL that it was taken from.
    pub(super) host: (String, String),
    /// It has been deleted.
    pub(super) gone: bool,
    pub(super) used_at: Timestamp,
}

impl Lane {
    pub(super) fn new(limits: &Limits, consecutive_failures: u32, now: Timestamp) -> Self {
        let breaker = Breaker::restored(consecutive_failures);
        let mut pace = Pace::new(limits.per_endpoint);
        if !breaker.is_closed() {
            pace.restart();
        }
        Self {
            due: None,
            held: false,
            urgent: false,
            news: None,
            in_flight: 0,
            boarding: 0,
            ahead: 0,
            claiming: 0,
            unrecorded: 0,
            deficit: 0,
            in_ring: false,
            enters_at: None,
            slow: false,
            breaker,
            pace,
            rate: limits.per_second.map(|per_second| Rate::new(per_second, now)),
            host: (String::new(), String::new()),
            gone: false,
            used_at: now,
        }
    }

    /// How many more may go out now, as far as the endpoint alone is asked.
    pub(super) fn room(&mut self, now: Timestamp) -> usize {
        if self.gone {
            return 0;
        }
        // A probe of a held endpoint and what a person asked for go out whatever its breaker says.
        if self.urgent || self.held {
            return usize::from(self.urgent || self.in_flight == 0);
        }
        let room = self.width(now).saturating_sub(self.in_flight);
        match &mut self.rate {
            Some(rate) => room.min(rate.available(now)),
            None => room,
        }
    }

    /// How many may be in flight at once, by its pace and its breaker.
    fn width(&mut self, now: Timestamp) -> usize {
        self.breaker = self.breaker.at(now);
        self.pace.limit().min(self.breaker.in_flight_max())
    }

    /// Whether a delivery that was leased ahead may depart by the width alone.
    pub(super) fn has_place(&mut self, now: Timestamp) -> bool {
        !self.held && self.width(now) > self.in_flight
    }

    /// Whether what is leased ahead is going out soon, so that it may wait for its place.
    pub(super) fn may_wait(&self) -> bool {
        let called = !self.gone && !self.held && !self.slow && self.breaker.is_closed();
        called && self.rate.is_none() && self.pace.is_steady()
    }

    /// How many more may be leased ahead.
    pub(super) fn room_ahead(&self) -> usize {
        if self.urgent || !self.may_wait() || !self.pace.is_brisk() {
            return 0;
        }
        (ROUNDS_AHEAD * self.pace.limit()).saturating_sub(self.ahead)
    }

    /// How many more a claim may bring ahead: many or none, because a transaction for one costs what one for many does.
    pub(super) fn claimable_ahead(&self) -> usize {
        match self.room_ahead() {
            room if 2 * room >= ROUNDS_AHEAD * self.pace.limit() => room,
            _ => 0,
        }
    }

    /// When it may be sent something, by its schedule, breaker and rate; `None` where only the end of an attempt can tell.
    pub(super) fn callable_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due = self.due?;
        if self.gone {
            return None;
        }
        if due > now {
            return Some(due);
        }
        if self.room(now) > 0 || self.claimable_ahead() > 0 {
            return Some(now);
        }
        if let Some(until) = self.breaker.until() {
            return Some(until.max(due));
        }
        match &self.rate {
            Some(rate) if self.in_flight < self.pace.limit() => Some(rate.next_at(now)),
            _ => None,
        }
    }

    /// Something is or becomes due at a time.
    pub(super) fn tell(&mut self, due: Timestamp) {
        self.news = Some(self.news.map_or(due, |news| news.min(due)));
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
    }

    /// Takes in what the database says of it, and what was heard since it was asked.
    pub(super) fn hear(&mut self, waiting: &Waiting) {
        self.due = Some(self.news.map_or(waiting.due, |news| news.min(waiting.due)));
        self.held = waiting.held;
        self.urgent = waiting.urgent;
        // The client has made it active again, or another process has reached it.
        let idle = self.in_flight == 0 && self.unrecorded == 0;
        if idle && waiting.consecutive_failures == 0 && !self.breaker.is_closed() {
            self.breaker = Breaker::restored(0);
            self.pace.restart();
        }
    }

    /// Takes the end of an attempt in. Says whether the breaker has opened.
    pub(super) fn ended(&mut self, seen: &Observation, now: Timestamp) -> bool {
        let was = self.breaker;
        self.breaker = was.at(now).after(seen.sign, now);
        self.pace.ended(Sample {
            load: seen.load,
            took: seen.took,
            started_at: seen.started_at,
            ended_at: now,
        });
        if !was.is_closed() && self.breaker.is_closed() {
            self.pace.restart();
        }
        self.slow = self.pace.is_slow();
        was.is_closed() && !self.breaker.is_closed()
    }

    /// Whether forgetting it changes nothing.
    pub(super) fn is_forgettable(&self, now: Timestamp) -> bool {
        const IDLE: Duration = Duration::from_secs(600);
        let busy = self.due.is_some() || self.in_flight + self.ahead + self.claiming + self.unrecorded > 0;
        !busy && (self.gone || self.breaker.is_closed()) && now.since(self.used_at) > IDLE
    }
}
