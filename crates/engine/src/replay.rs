//! Replays: begun and stopped by a client, carried out in small steps by this process.
//!
//! Each step is one short transaction that writes what is to be sent again together with how far the replay is. If the process
//! dies, the next start finds the replay running and goes on. Between steps everybody else has a turn, and a replay whose
//! endpoint has much waiting pauses until it is taken: what happens meanwhile is not to queue behind old events.

use std::time::Duration;

use sfumato_core::replay::{Replay, ReplayCounts, ReplaySelection, ReplayState, ReplayStep};
use sfumato_core::store::Call;
use sfumato_core::{EndpointId, EventPosition, ReplayId, StoreError};
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::access::Caller;

/// Replays of one list.
pub const REPLAYS_LISTED: usize = 20;

/// Deliveries that one step writes.
const STEP: usize = 50;

/// Events that one look ahead reads.
const LOOK_AHEAD: usize = 1_000;

/// Pause of a replay whose endpoint has too much waiting.
const BACKLOG_PAUSE: Duration = Duration::from_millis(500);

/// Without a wake-up running replays are looked for this often.
const POLL: Duration = Duration::from_secs(5);

/// What a round over all running replays came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// At least one has more to do.
    Again,
    /// Those that run wait for their endpoints.
    Backlog,
    /// None runs.
    Idle,
}

impl Engine {
    /// Begins a replay of what has happened until now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::UnderWay`] where one of the endpoint runs.
    pub async fn start_replay(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        selection: &ReplaySelection,
    ) -> Result<Replay, StoreError> {
        let inner = self.inner();
        let id = ReplayId::new(&*inner.clock, &*inner.entropy);
        let replay = inner
            .store
            .create_replay(caller.client, endpoint, id, selection)
            .await?;
        inner.announce(Call::Replays);
        tracing::info!(replay.id = %id, endpoint.id = %endpoint, "a replay was begun");
        Ok(replay)
    }

    /// What a replay would do if it were begun now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn try_replay(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        selection: &ReplaySelection,
    ) -> Result<ReplayCounts, StoreError> {
        let store = &self.inner().store;
        let (mut after, mut counts) = (EventPosition::START, ReplayCounts::default());
        loop {
            let part = store
                .preview_replay(caller.client, endpoint, selection, after, LOOK_AHEAD)
                .await?;
            counts = counts.and(part.counts);
            match part.next {
                Some(next) => after = next,
                None => return Ok(counts),
            }
        }
    }

    /// One replay of one of the caller's endpoints.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn replay(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Replay, StoreError> {
        let store = &self.inner().store;
        store
            .replay(caller.client, endpoint, replay)
            .await?
            .ok_or(StoreError::NotFound { what: "replay" })
    }

    /// The newest [`REPLAYS_LISTED`] replays of one of the caller's endpoints.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn replays(&self, caller: &Caller, endpoint: EndpointId) -> Result<Vec<Replay>, StoreError> {
        let store = &self.inner().store;
        store.replays(caller.client, endpoint, REPLAYS_LISTED).await
    }

    /// Stops a replay; what it sent again until then stays so.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn cancel_replay(
        &self,
        caller: &Caller,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Replay, StoreError> {
        let store = &self.inner().store;
        store.cancel_replay(caller.client, endpoint, replay).await
    }

    /// Carries out the replays of all clients until `shutdown`. Run it once in a process.
    pub async fn run_replays(&self, shutdown: CancellationToken) {
        let signals = &self.inner().signals;
        while !shutdown.is_cancelled() {
            let wait = match self.advance_replays().await {
                Ok(Round::Again) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Round::Backlog) => BACKLOG_PAUSE,
                Ok(Round::Idle) => self.jittered(POLL),
                Err(error) => {
                    tracing::warn!(
                        error = sfumato_core::chain(&error),
                        "replays cannot be carried on yet"
                    );
                    self.jittered(POLL)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = signals.replays.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One step of each running replay.
    async fn advance_replays(&self) -> Result<Round, StoreError> {
        let inner = self.inner();
        let mut round = Round::Idle;
        for id in inner.store.running_replays().await? {
            match inner.store.advance_replay(id, STEP).await? {
                ReplayStep::Advanced(replay) => {
                    round = Round::Again;
                    if let ReplayState::Done { .. } = replay.state {
                        let ReplayCounts { resent, created, .. } = replay.counts;
                        tracing::info!(replay.id = %id, endpoint.id = %replay.endpoint, resent, created, "a replay is done");
                    }
                }
                ReplayStep::Backlog if round == Round::Idle => round = Round::Backlog,
                ReplayStep::Backlog | ReplayStep::Over => {}
            }
        }
        Ok(round)
    }
}
