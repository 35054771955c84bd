//! The courier: hears of deliveries, sends them, records the attempts.
//!
//! A delivery is leased in the transaction that makes it, where there is a place for it, and else by a claim; a claim and a
//! record are each one short transaction for many deliveries, and between them the request is on its way and no transaction
//! is open. If the process dies there, the lease is void at the next start and the delivery goes out again under the same
//! `webhook-id`. Which delivery is eligible (the first open one of its job and endpoint), when it is tried again and when
//! an endpoint is held is decided by the store with the rules of [`sfumato_core::delivery`] and
//! [`sfumato_core::schedule`]; whom to serve next, and how much at once, by the board in memory.
//!
//! Deliberately absent: truth in memory. What the board knows only saves looking; a look at the whole database at the start
//! and every second finds what it missed.

mod board;
mod breaker;
mod desk;
mod door;
mod faults;
mod flight;
mod lane;
mod limits;
mod pace;
mod queues;
mod rate;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sfumato_core::store::{Admission, Courier, News};
use sfumato_core::{Clock, EndpointId, WorkerId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Engine;
use board::Board;
use desk::Desk;
pub use door::Post;
use limits::Limits;

/// Time that a lease lasts beyond the deadline of the request: for recording the attempt, also where the database is
/// slow or away for a moment.
const RECORD_MARGIN: Duration = Duration::from_secs(30);

/// What the store asks and tells, on the thread that writes.
struct Ears {
    board: Mutex<Board>,
    news: mpsc::UnboundedSender<News>,
    clock: Arc<dyn Clock>,
    worker: WorkerId,
    lease_for: Duration,
    shutdown: CancellationToken,
}

impl Ears {
    fn board(&self) -> MutexGuard<'_, Board> {
        // A panic leaves at worst a place that is not given back.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Courier for Ears {
    fn admit(&self, endpoint: EndpointId) -> Option<Admission> {
        let admitted = !self.shutdown.is_cancelled() && self.board().admit(endpoint, self.clock.now());
        admitted.then_some(Admission {
            worker: self.worker,
            lease_for: self.lease_for,
        })
    }

    fn withdraw(&self, endpoint: EndpointId) {
        self.board().withdraw(endpoint, self.clock.now());
    }

    fn committed(&self, news: Vec<News>) {
        for news in news {
            // Here and not when the news is heard: nothing may be sent to it from the commit on.
            if let News::Gone(endpoint) = news {
                self.board().forget(endpoint, self.clock.now());
            }
            // Nobody listens any more when the courier has stopped: then the lease is handed back or void.
            let _ = self.news.send(news);
        }
    }
}

impl Engine {
    /// Delivers events until `shutdown`; then lets what is in flight end for a few seconds, stops the rest and hands it
    /// back. Run it once in a process.
    pub async fn run_courier(&self, shutdown: CancellationToken) {
        let (inner, settings) = (self.inner(), self.settings());
        let (news, heard) = mpsc::unbounded_channel();
        let limits = Limits {
            in_flight: settings.deliveries_at_once,
            per_endpoint: settings.deliveries_per_endpoint,
            per_second: settings.deliveries_per_endpoint_per_second,
        };
        let ears = Arc::new(Ears {
            board: Mutex::new(Board::new(limits)),
            news,
            clock: inner.clock.clone(),
            worker: inner.worker_id,
            lease_for: settings.delivery_deadline + RECORD_MARGIN,
            shutdown: shutdown.clone(),
        });
        let listener: Arc<dyn Courier> = ears.clone();
        inner.store.attach_courier(Arc::downgrade(&listener));
        let mut desk = Desk::new(self.clone(), ears, heard);
        desk.serve(&shutdown).await;
        desk.stop().await;
    }
}
