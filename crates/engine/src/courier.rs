//! The courier: claims due deliveries, sends them, records the attempts.
//!
//! A claim and a record are each one short transaction; between them the request is on its way and no transaction is
//! open. If the process dies there, the lease ends and the delivery goes out again under the same `webhook-id`. Which
//! delivery is eligible (the first open one of its job and endpoint), when it is tried again and when an endpoint is
//! held is decided by the store with the rules of [`sfumato_core::delivery`] and [`sfumato_core::schedule`].
//!
//! Deliberately absent: a queue in memory. The database says what is due; wake-ups only save waiting.

use std::time::Duration;

use sfumato_core::delivery::Attempt;
use sfumato_core::store::Dispatch;
use sfumato_core::time::random;
use sfumato_core::{AttemptId, PublicJobId, StoreError, Timestamp};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::outbound::{Exchange, WebhookMessage};

/// A courier that hears no wake-up looks for deliveries this often, varied by a tenth.
const POLL: Duration = Duration::from_secs(1);

/// Time that a lease lasts beyond the deadline of the request: for recording the attempt, also where the database is
/// slow or away for a moment.
const RECORD_MARGIN: Duration = Duration::from_secs(30);

/// Time that requests in flight are given at shutdown, where their deadline is not shorter.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// First and longest wait between two questions to a database that cannot answer.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// What a look at the database came to.
enum Round {
    /// Nothing more can be sent before this time has passed or something happens.
    Wait(Duration),
    /// There may be more: look again at once.
    Again,
    /// The database cannot answer.
    Failed,
}

impl Engine {
    /// Delivers events until `shutdown`; then lets what is in flight end for a few seconds, stops the rest and hands it
    /// back. Run it once in a process.
    pub async fn run_courier(&self, shutdown: CancellationToken) {
        let mut running = JoinSet::new();
        let mut backoff = Backoff::new();
        while !shutdown.is_cancelled() {
            while let Some(ended) = running.try_join_next() {
                report(ended);
            }
            match self.dispatch(&mut running, &mut backoff).await {
                Round::Again => tokio::task::yield_now().await,
                Round::Wait(wait) => self.wait_for_work(&mut running, &shutdown, wait).await,
                Round::Failed => {
                    let wait = self.jittered(backoff.next());
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
        self.stop_courier(running).await;
    }

    /// One claim, as large as there are free places.
    async fn dispatch(&self, running: &mut JoinSet<()>, backoff: &mut Backoff) -> Round {
        let (inner, settings) = (self.inner(), self.settings());
        let free = settings.deliveries_at_once.saturating_sub(running.len());
        if free == 0 {
            return Round::Wait(POLL);
        }
        let asked_at = inner.clock.now();
        let lease = settings.delivery_deadline + RECORD_MARGIN;
        let claim =
            inner
                .store
                .claim_deliveries(inner.worker_id, free, settings.deliveries_per_endpoint, lease);
        let claimed = match claim.await {
            Ok(claimed) => claimed,
            Err(error) => {
                if backoff.is_first() {
                    tracing::error!(
                        error = sfumato_core::chain(&error),
                        "no deliveries can be claimed"
                    );
                }
                return Round::Failed;
            }
        };
        if !backoff.is_first() {
            tracing::info!("deliveries can be claimed again");
        }
        *backoff = Backoff::new();
        for dispatch in claimed {
            let engine = self.clone();
            running.spawn(async move { engine.deliver(dispatch).await });
        }
        match inner.store.next_delivery_due().await {
            Ok(due) => self.until(due, asked_at),
            // The next claim meets the same trouble and says so.
            Err(_) => Round::Wait(POLL),
        }
    }

    /// How long nothing can be due. What was due when the claim asked, and was not claimed, waits for a place or for the
    /// delivery before it: an end in this process wakes the courier.
    fn until(&self, due: Option<Timestamp>, asked_at: Timestamp) -> Round {
        let now = self.inner().clock.now();
        match due {
            Some(due) if due > now => Round::Wait(due.since(now).min(POLL)),
            Some(due) if due > asked_at => Round::Again,
            _ => Round::Wait(POLL),
        }
    }

    async fn wait_for_work(&self, running: &mut JoinSet<()>, shutdown: &CancellationToken, wait: Duration) {
        // An exact time of the schedule has its jitter already.
        let wait = if wait == POLL { self.jittered(wait) } else { wait };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            // Also what wakes the courier when an attempt is recorded: the next event of the job may go out now.
            Some(ended) = running.join_next() => report(ended),
            () = self.inner().signals.deliveries.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }

    /// Sends one delivery and records the attempt.
    async fn deliver(&self, dispatch: Dispatch) {
        let inner = self.inner();
        let number = dispatch.delivery.attempts + 1;
        let job = PublicJobId {
            client: dispatch.delivery.client,
            job: dispatch.delivery.job,
        };
        let message = WebhookMessage::new(
            dispatch.delivery.id,
            job,
            dispatch.event.status,
            dispatch.event.sequence,
            number,
            &dispatch.endpoint,
            inner.clock.now(),
        );
        let exchange = inner.outbound.send(&message).await;
        let attempt = Attempt {
            id: AttemptId::new(&*inner.clock, &*inner.entropy),
            number,
            started_at: exchange.started_at,
            duration_ms: whole_ms(exchange.phases.total_ms),
            outcome: exchange.outcome,
            status: exchange.status,
            response: self.kept_response(&dispatch.endpoint, &exchange),
            retry_after: exchange.retry_after,
        };
        self.record_delivery(&dispatch, &attempt, &exchange).await;
    }

    /// Records an attempt; a store that cannot answer is asked until it does. Nothing is lost if this is cut off: the
    /// lease ends, and the delivery goes out again.
    async fn record_delivery(&self, dispatch: &Dispatch, attempt: &Attempt, exchange: &Exchange) {
        let inner = self.inner();
        let jitter = f64::from(u32::from_le_bytes(random(&*inner.entropy))) / f64::from(u32::MAX);
        let mut backoff = Backoff::new();
        let id = dispatch.delivery.id;
        loop {
            let error = match inner
                .store
                .record_attempt(id, &dispatch.lease, attempt, jitter)
                .await
            {
                Ok(state) => {
                    tracing::info!(
                        delivery.id = %id,
                        endpoint.id = %dispatch.endpoint.id,
                        job.id = %dispatch.delivery.job,
                        event = %dispatch.event.status,
                        attempt = attempt.number,
                        outcome = %attempt.outcome,
                        status = attempt.status,
                        duration_ms = attempt.duration_ms,
                        state = state.name(),
                        reason = exchange.internal,
                        "a delivery was attempted"
                    );
                    return;
                }
                Err(error) => error,
            };
            if !matches!(error, StoreError::Unavailable { .. }) {
                tracing::warn!(delivery.id = %id, endpoint.id = %dispatch.endpoint.id, outcome = %attempt.outcome, error = sfumato_core::chain(&error), "an attempt is not recorded");
                return;
            }
            if backoff.is_first() {
                tracing::error!(delivery.id = %id, error = sfumato_core::chain(&error), "an attempt cannot be recorded yet");
            }
            tokio::time::sleep(self.jittered(backoff.next())).await;
        }
    }

    async fn stop_courier(&self, mut running: JoinSet<()>) {
        let grace = self.settings().delivery_deadline.min(SHUTDOWN_GRACE);
        let all_end = async {
            while let Some(ended) = running.join_next().await {
                report(ended);
            }
        };
        if tokio::time::timeout(grace, all_end).await.is_err() {
            running.shutdown().await;
        }
        let inner = self.inner();
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
}

/// Growing waits for a database that cannot answer.
struct Backoff {
    wait: Duration,
}

impl Backoff {
    const fn new() -> Self {
        Self { wait: BACKOFF.0 }
    }

    fn is_first(&self) -> bool {
        self.wait == BACKOFF.0
    }

    fn next(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(BACKOFF.1);
        wait
    }
}

/// A panic costs one attempt and no more: its lease ends, and the delivery goes out again.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = sfumato_core::chain(&error), "sending a delivery panicked");
    }
}

fn whole_ms(ms: f64) -> u32 {
    // The deadline bounds it; a float is clamped when it is cast.
    ms.round() as u32
}
