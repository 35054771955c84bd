//! The one task of the courier: it asks the board, claims, sends off, and records, one transaction of each kind at a time.

mod departures;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sfumato_core::delivery::Outcome;
use sfumato_core::store::{Claimed, Finished, News, Recorded, Waiting, Want};
use sfumato_core::time::random;
use sfumato_core::{EndpointId, StoreError, Timestamp};
use sfumato_failpoints::{Point, hit};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Ears;
use super::flight::Landed;
use super::lane::Observation;
use super::queues::Queues;
use super::trouble::{BACKOFF, Trouble};
use crate::Engine;
use crate::traces::Attempted;

/// The whole database is looked at this often, varied by a tenth.
const SCAN: Duration = Duration::from_secs(1);

/// Time that requests in flight are given at shutdown, where their deadline is not shorter.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Time in which the last attempts are recorded after the rest was stopped.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// Attempts that one transaction records, and news that is taken at once.
const BATCH_MAX: usize = 256;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Claims = Result<Claimed, StoreError>;
type Records = Result<Vec<Result<Recorded, StoreError>>, StoreError>;

/// Everything that is going on.
pub(super) struct Desk {
    engine: Engine,
    ears: Arc<Ears>,
    heard: mpsc::UnboundedReceiver<News>,
    flying: JoinSet<Option<Landed>>,
    /// Where each goes, and what stops it.
    flights: HashMap<Id, (EndpointId, CancellationToken)>,
    queues: Queues,
    landed: VecDeque<Landed>,
    hand_back: Option<Answer<Result<u64, StoreError>>>,
    scan: Option<Answer<Result<Vec<Waiting>, StoreError>>>,
    scan_at: Instant,
    claim: Option<(Vec<Want>, Answer<Claims>)>,
    claim_trouble: Trouble,
    record: Option<(Vec<Landed>, Answer<Records>)>,
    record_trouble: Trouble,
}

/// Something that the desk waits for.
enum Event {
    Shutdown,
    Landed(Result<(Id, Option<Landed>), JoinError>),
    Claimed(Claims),
    Recorded(Records),
    Scanned(Result<Vec<Waiting>, StoreError>),
    HandedBack(Result<u64, StoreError>),
    News,
    Look,
    Time,
}

/// The answer of what is under way; never, where nothing is.
async fn answer<T>(question: Option<&mut Answer<T>>) -> T {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}

impl Desk {
    pub(super) fn new(engine: Engine, ears: Arc<Ears>, heard: mpsc::UnboundedReceiver<News>) -> Self {
        Self {
            engine,
            ears,
            heard,
            flying: JoinSet::new(),
            flights: HashMap::new(),
            queues: Queues::default(),
            landed: VecDeque::new(),
            hand_back: None,
            scan: None,
            scan_at: Instant::now(),
            claim: None,
            claim_trouble: Trouble::default(),
            record: None,
            record_trouble: Trouble::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.engine.inner().clock.now()
    }

    /// Delivers until `shutdown`.
    pub(super) async fn serve(&mut self, shutdown: &CancellationToken) {
        let mut news = Vec::new();
        while !shutdown.is_cancelled() {
            let instant = Instant::now();
            self.begin_scan(instant);
            self.begin_claim(instant);
            self.begin_record(instant);
            self.begin_hand_back();
            let wakes_at = self.wakes_at(instant);
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => Event::Shutdown,
                Some(landed) = self.flying.join_next_with_id() => Event::Landed(landed),
                answer = answer(self.record.as_mut().map(|(_, answer)| answer)) => Event::Recorded(answer),
                answer = answer(self.claim.as_mut().map(|(_, answer)| answer)) => Event::Claimed(answer),
                answer = answer(self.scan.as_mut()) => Event::Scanned(answer),
                answer = answer(self.hand_back.as_mut()) => Event::HandedBack(answer),
                _ = self.heard.recv_many(&mut news, BATCH_MAX) => Event::News,
                () = self.engine.inner().signals.deliveries.notified() => Event::Look,
                () = tokio::time::sleep_until(wakes_at) => Event::Time,
            };
            match event {
                Event::Shutdown | Event::Time => {}
                Event::Landed(first) => {
                    self.land(first);
                    while let Some(next) = self.flying.try_join_next_with_id() {
                        self.land(next);
                    }
                }
                Event::Claimed(answer) => self.claimed(answer),
                Event::Recorded(answer) => self.recorded(answer),
                Event::Scanned(answer) => self.scanned(answer),
                Event::HandedBack(answer) => self.handed_back(answer),
                Event::News => self.hear(&mut news),
                Event::Look => self.scan_at = Instant::now(),
            }
        }
    }

    fn begin_scan(&mut self, instant: Instant) {
        if self.scan.is_none() && instant >= self.scan_at && self.claim_trouble.is_over(instant) {
            self.scan_at = instant + self.engine.jittered(SCAN);
            let store = self.engine.inner().store.clone();
            self.scan = Some(Box::pin(async move { store.waiting_endpoints().await }));
        }
    }

    fn begin_claim(&mut self, instant: Instant) {
        if self.claim.is_some() || !self.claim_trouble.is_over(instant) {
            return;
        }
        let wants = self.ears.board().wants(self.now());
        if wants.is_empty() {
            return;
        }
        let store = self.engine.inner().store.clone();
        let (worker, lease_for, asked) = (self.ears.worker, self.ears.lease_for, wants.clone());
        let answer = async move { store.claim_deliveries(worker, &asked, lease_for).await };
        self.claim = Some((wants, Box::pin(answer)));
    }

    fn begin_record(&mut self, instant: Instant) {
        if self.record.is_some() || self.landed.is_empty() || !self.record_trouble.is_over(instant) {
            return;
        }
        let batch: Vec<Landed> = self.landed.drain(..self.landed.len().min(BATCH_MAX)).collect();
        let finished: Vec<Finished> = batch
            .iter()
            .map(|landed| Finished {
                delivery: landed.delivery,
                lease: landed.lease,
                attempt: landed.attempt.clone(),
                jitter: self.jitter(),
            })
            .collect();
        let store = self.engine.inner().store.clone();
        let answer = async move { store.record_attempts(finished).await };
        self.record = Some((batch, Box::pin(answer)));
    }

    fn jitter(&self) -> f64 {
        let bytes = random(&*self.engine.inner().entropy);
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    }

    /// When there may be something to begin that nothing else wakes the desk for.
    fn wakes_at(&self, instant: Instant) -> Instant {
        let mut at = self.scan_at;
        if self.claim.is_none()
            && self.claim_trouble.is_over(instant)
            && let Some(due) = self.ears.board().wakes_at()
        {
            at = at.min(instant + due.since(self.now()));
        }
        for trouble in [&self.claim_trouble, &self.record_trouble] {
            at = trouble
                .until
                .filter(|until| *until > instant)
                .map_or(at, |until| at.min(until));
        }
        // A look that is on its way, or that has to wait, is not begun by the time alone.
        if at <= instant && (self.scan.is_some() || !self.claim_trouble.is_over(instant)) {
            at = instant + BACKOFF.0;
        }
        at
    }

    /// What the store has told: deliveries to send, endpoints to look at, endpoints that are gone.
    fn hear(&mut self, news: &mut Vec<News>) {
        let now = self.now();
        for news in news.drain(..) {
            match news {
                News::Leased(dispatch) => self.send(*dispatch, now),
                News::Waiting(endpoint) => self.ears.board().hint(endpoint, now),
                News::Changed(endpoint) => {
                    for _ in 0..self.queues.hand_back(endpoint) {
                        self.ears.board().withdraw(endpoint, now);
                    }
                }
                News::Gone(endpoint) => {
                    self.advance(endpoint, now);
                    // Its deliveries are dropped: nothing of what is on its way is worth recording.
                    for (of, flight) in self.flights.values() {
                        if *of == endpoint {
                            flight.cancel();
                        }
                    }
                }
            }
        }
    }

    /// A request has ended. A panic costs one attempt and no more: its lease ends, and the delivery goes out again.
    fn land(&mut self, landed: Result<(Id, Option<Landed>), JoinError>) {
        let now = self.now();
        match landed {
            Ok((id, None)) => self.unsent(id, now),
            // We stopped it: its delivery is dropped with its endpoint, or handed back.
            Ok((id, Some(landed))) if landed.attempt.outcome == Outcome::Cancelled => self.unsent(id, now),
            Ok((id, Some(mut landed))) => {
                self.flights.remove(&id);
                let ended = self.ears.board().ended(landed.endpoint, &landed.seen, now);
                landed.attempt.ours |= ended.ours;
                if ended.opened {
                    self.engine.metrics().breaker_opened();
                    tracing::warn!(endpoint.id = %landed.endpoint, "an endpoint keeps failing and is called by one delivery at a time");
                }
                match ended.network {
                    Some(false) => tracing::error!(
                        reason = landed.reason,
                        "no endpoint can be reached: deliveries wait for the network, and spend no attempt"
                    ),
                    Some(true) => tracing::info!("endpoints can be reached again"),
                    None => {}
                }
                let endpoint = landed.endpoint;
                self.landed.push_back(landed);
                self.advance(endpoint, now);
            }
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(error = sfumato_core::chain(&error), "sending a delivery panicked");
                }
                self.unsent(error.id(), now);
            }
        }
    }

    /// A flight has ended of which nothing is to be recorded.
    fn unsent(&mut self, flight: Id, now: Timestamp) {
        if let Some((endpoint, _)) = self.flights.remove(&flight) {
            let mut board = self.ears.board();
            board.ended(endpoint, &Observation::nothing(now), now);
            board.recorded(endpoint, None, now);
            drop(board);
            self.advance(endpoint, now);
        }
    }

    fn claimed(&mut self, answer: Claims) {
        let Some((wants, _)) = self.claim.take() else {
            return;
        };
        let now = self.now();
        match answer {
            Ok(claimed) => {
                self.ears.board().claimed(&wants, Some(&claimed), now);
                self.can_claim();
                for dispatch in claimed.dispatches {
                    self.send(dispatch, now);
                }
            }
            Err(error) => {
                self.ears.board().claimed(&wants, None, now);
                self.cannot_claim(&error);
            }
        }
        // Places that the claim did not need are for what has been leased before.
        for want in &wants {
            self.advance(want.endpoint, now);
        }
    }

    fn scanned(&mut self, answer: Result<Vec<Waiting>, StoreError>) {
        self.scan = None;
        match answer {
            Ok(waiting) => {
                self.ears.board().scanned(&waiting, self.now());
                self.can_claim();
            }
            Err(error) => {
                self.scan_at = Instant::now();
                self.cannot_claim(&error);
            }
        }
    }

    fn cannot_claim(&mut self, error: &StoreError) {
        if self.claim_trouble.is_new() {
            tracing::error!(error = sfumato_core::chain(error), "no deliveries can be claimed");
        }
        self.claim_trouble.goes_on(&self.engine);
    }

    fn can_claim(&mut self) {
        if !self.claim_trouble.is_new() {
            tracing::info!("deliveries can be claimed again");
        }
        self.claim_trouble = Trouble::default();
    }

    /// A store that cannot answer is asked until it does. Nothing is lost if this is cut off: the leases end, and the
    /// deliveries go out again.
    fn recorded(&mut self, answer: Records) {
        let Some((batch, _)) = self.record.take() else {
            return;
        };
        match answer {
            Ok(answers) => {
                hit(Point::AfterRecord);
                self.record_trouble = Trouble::default();
                for (landed, answer) in batch.iter().zip(answers) {
                    self.told(landed, answer);
                    // It may be held from now on.
                    self.advance(landed.endpoint, self.now());
                }
            }
            Err(error) => {
                if self.record_trouble.is_new() {
                    let id = batch.first().map(|landed| landed.delivery.to_string());
                    tracing::error!(
                        delivery.id = id,
                        count = batch.len(),
                        error = sfumato_core::chain(&error),
                        "an attempt cannot be recorded yet"
                    );
                }
                self.record_trouble.goes_on(&self.engine);
                for landed in batch.into_iter().rev() {
                    self.landed.push_front(landed);
                }
            }
        }
    }

    /// The one line in the log of an attempt, and what follows for its endpoint.
    fn told(&self, landed: &Landed, answer: Result<Recorded, StoreError>) {
        let now = self.now();
        let endpoint = landed.endpoint;
        let recorded = match answer {
            Ok(recorded) => recorded,
            Err(error) => {
                self.ears.board().recorded(endpoint, None, now);
                tracing::warn!(delivery.id = %landed.delivery, endpoint.id = %endpoint, outcome = %landed.attempt.outcome, error = sfumato_core::chain(&error), "an attempt is not recorded");
                return;
            }
        };
        self.ears.board().recorded(endpoint, Some(&recorded), now);
        self.engine
            .metrics()
            .delivery_recorded(&landed.attempt, &recorded);
        tracing::info!(
            delivery.id = %landed.delivery,
            endpoint.id = %endpoint,
            job.id = %landed.job,
            event = %landed.event,
            attempt = landed.attempt.number,
            outcome = %landed.attempt.outcome,
            ours = landed.attempt.ours,
            status = landed.attempt.status,
            duration_ms = landed.attempt.duration_ms,
            state = recorded.state.name(),
            reason = landed.reason,
            trace.id = self.engine.trace_of(landed.job).map(tracing::field::display),
            "a delivery was attempted"
        );
        if let Some(tracer) = self.engine.tracer() {
            tracer.delivery_attempted(&Attempted {
                delivery: landed.delivery,
                endpoint,
                job: landed.job,
                event: landed.event,
                attempt: &landed.attempt,
                state: &recorded.state,
            });
        }
        if let Some(warning) = recorded.warning {
            tracing::warn!(endpoint.id = %endpoint, failing_for = warning.as_str(), "an endpoint keeps failing: it is held after three days without a success");
        }
        if let Some(reason) = recorded.held {
            tracing::warn!(endpoint.id = %endpoint, reason = reason.as_str(), "an endpoint is held: its deliveries wait, and one an hour probes it");
        }
        if recorded.released {
            tracing::info!(endpoint.id = %endpoint, "an endpoint has answered its probe and is called again");
        }
    }

    /// Lets what is on its way end for a few seconds, stops the rest and hands it back.
    pub(super) async fn stop(mut self) {
        self.ears.board().close();
        // What has not departed is handed back with the rest.
        self.queues = Queues::default();
        let grace = self.engine.settings().delivery_deadline.min(SHUTDOWN_GRACE);
        self.finish_until(Instant::now() + grace).await;
        for (_, flight) in self.flights.values() {
            flight.cancel();
        }
        // Of these, an answer that was complete is recorded.
        self.finish_until(Instant::now() + LAST_RECORDS).await;
        self.flying.shutdown().await;
        let inner = self.engine.inner();
        // Whatever was leased before this question was asked stands before it in the writer's queue.
        match inner.store.hand_back_deliveries(inner.worker_id).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "deliveries that were not finished are handed back"),
            Err(error) => {
                tracing::warn!(
                    error = sfumato_core::chain(&error),
                    "the leases of stopped deliveries have to expire"
                );
            }
        }
    }

    /// Waits until everything that is on its way has ended and is recorded, at most until `deadline`.
    async fn finish_until(&mut self, deadline: Instant) {
        loop {
            let instant = Instant::now();
            self.begin_record(instant);
            let quiet = self.flying.is_empty() && self.landed.is_empty() && self.record.is_none();
            if quiet || instant >= deadline {
                break;
            }
            let wakes_at = self.record_trouble.until.filter(|until| *until > instant);
            tokio::select! {
                biased;
                Some(landed) = self.flying.join_next_with_id() => self.land(landed),
                answer = answer(self.record.as_mut().map(|(_, answer)| answer)) => self.recorded(answer),
                () = tokio::time::sleep_until(wakes_at.unwrap_or(deadline).min(deadline)) => {}
            }
        }
    }
}
