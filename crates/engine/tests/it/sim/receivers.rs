//! Receivers behind the courier's door to the network, whose mood a script changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use sfumato_core::endpoint::WebhookUrl;
use sfumato_core::{Clock, Outcome, Timestamp};
use sfumato_engine::courier::Post;
use sfumato_engine::outbound::{Exchange, Phases, WebhookMessage};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;

/// The deadline of an exchange.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// By the contract.
    Well,
    /// Connections are refused.
    Down,
    /// 500.
    Broken,
    /// Never.
    Hanging,
    /// By the contract, after three seconds.
    Slow,
    /// 410.
    Gone,
    /// 503 with `Retry-After`.
    Busy,
    /// 200 without the contract's body.
    Muddled,
    /// It takes the event, and the connection breaks before its answer.
    Dropping,
}

impl Mood {
    pub(super) const ALL: [Mood; 9] = [
        Mood::Well,
        Mood::Down,
        Mood::Broken,
        Mood::Hanging,
        Mood::Slow,
        Mood::Gone,
        Mood::Busy,
        Mood::Muddled,
        Mood::Dropping,
    ];
}

/// One POST.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Posted {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) task: String,
    pub(super) sequence: u32,
    /// Which run of the courier sent it.
    pub(super) run: u32,
    pub(super) began: Timestamp,
    /// What the courier was told, and when; `None` where it was gone by then.
    pub(super) ended: Option<(Timestamp, Outcome)>,
}

#[derive(Default)]
struct State {
    moods: BTreeMap<String, Mood>,
    posted: Vec<Posted>,
    in_flight: BTreeMap<String, usize>,
    most_in_flight: (usize, usize),
    away: bool,
    /// Endpoints that are deleted, and POSTs that began afterwards.
    sealed: Vec<String>,
    after_the_seal: usize,
}

/// All receivers.
pub(super) struct Receivers {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    dice: Dice,
}

impl Receivers {
    pub(super) fn new(clock: Arc<dyn Clock>, dice: Dice) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
            dice,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turn(&self, url: &str, mood: Mood) {
        self.state().moods.insert(url.to_owned(), mood);
    }

    /// Whether the network is there at all.
    pub(super) fn cut(&self, away: bool) {
        self.state().away = away;
    }

    /// Nothing may go to this receiver any more.
    pub(super) fn seal(&self, url: &WebhookUrl) {
        self.state().sealed.push(url.as_str().to_owned());
    }

    pub(super) fn after_the_seal(&self) -> usize {
        self.state().after_the_seal
    }

    pub(super) fn posted(&self) -> Vec<Posted> {
        self.state().posted.clone()
    }

    /// The most that were in flight at the same time, in all and at one receiver.
    pub(super) fn most_in_flight(&self) -> (usize, usize) {
        self.state().most_in_flight
    }

    /// The door for one run of the courier.
    pub(super) fn door(self: &Arc<Self>, run: u32) -> Arc<dyn Post> {
        Arc::new(Door {
            receivers: self.clone(),
            run,
        })
    }

    fn begin(&self, message: &WebhookMessage, run: u32) -> (usize, Mood) {
        let header = |name: &str| {
            let found = message.headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let posted = Posted {
            url: message.url.clone(),
            id: header("webhook-id"),
            task: message.task_id.clone(),
            sequence: header("webhook-sequence").parse().unwrap(),
            run,
            began: self.clock.now(),
            ended: None,
        };
        let mut state = self.state();
        state.posted.push(posted);
        state.after_the_seal += usize::from(state.sealed.contains(&message.url));
        let here = state.in_flight.entry(message.url.clone()).or_default();
        *here += 1;
        let here = *here;
        let all = state.in_flight.values().sum::<usize>();
        let most = state.most_in_flight;
        state.most_in_flight = (most.0.max(all), most.1.max(here));
        let mood = if state.away {
            Mood::Down
        } else {
            state.moods.get(&message.url).copied().unwrap_or(Mood::Well)
        };
        (state.posted.len() - 1, mood)
    }
}

struct Door {
    receivers: Arc<Receivers>,
    run: u32,
}

/// What is on its way; also where it is dropped on it.
struct InFlight<'a> {
    receivers: &'a Receivers,
    url: &'a str,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.receivers.state().in_flight.get_mut(self.url) {
            *count -= 1;
        }
    }
}

impl Post for Door {
    fn post<'a>(&'a self, message: &'a WebhookMessage, stop: CancellationToken) -> BoxFuture<'a, Exchange> {
        Box::pin(async move {
            let receivers = &*self.receivers;
            let started_at = receivers.clock.now();
            let (index, mood) = receivers.begin(message, self.run);
            let _flight = InFlight {
                receivers,
                url: &message.url,
            };
            let quick = Duration::from_millis(1 + receivers.dice.below(40));
            let (takes, outcome, status) = match mood {
                Mood::Well => (quick, Outcome::Ok, Some(200)),
                Mood::Down => (quick, Outcome::Connect, None),
                Mood::Broken => (quick, Outcome::Status, Some(500)),
                Mood::Hanging => (DEADLINE, Outcome::TimeoutTotal, None),
                Mood::Slow => (Duration::from_secs(3), Outcome::Ok, Some(200)),
                Mood::Gone => (quick, Outcome::Status, Some(410)),
                Mood::Busy => (quick, Outcome::Status, Some(503)),
                Mood::Muddled => (quick, Outcome::BadAck, Some(200)),
                Mood::Dropping => (quick, Outcome::Connect, None),
            };
            let (outcome, status) = tokio::select! {
                biased;
                () = tokio::time::sleep(takes) => (outcome, status),
                () = stop.cancelled() => (Outcome::Cancelled, None),
            };
            let now = receivers.clock.now();
            if outcome != Outcome::Cancelled {
                receivers.state().posted[index].ended = Some((now, outcome));
            }
            let reached = mood != Mood::Down;
            Exchange {
                outcome,
                explanation: String::new(),
                internal: None,
                address: None,
                tls: None,
                status,
                headers: vec![],
                body: vec![],
                retry_after: (mood == Mood::Busy).then(|| now.after(Duration::from_secs(20))),
                phases: Phases {
                    connect_ms: reached.then_some(1.0),
                    headers_ms: reached.then_some(1.0),
                    total_ms: takes.as_secs_f64() * 1e3,
                    ..Phases::default()
                },
                started_at,
                local: false,
            }
        })
    }
}
