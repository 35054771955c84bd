//! Whether there is room for another upload: back-pressure before queues or disks overflow.
//!
//! What is asked here is asked again with the row that makes a job exist, as far as it concerns one client. What concerns
//! everybody, the length of the queue and the free space, is looked at often enough: a queue may exceed its bound by what
//! comes in a second, a disk its reserve by what is on its way between two looks.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sfumato_core::{Scope, StoreError, Timestamp};

use crate::Engine;
use crate::access::Caller;
use crate::intake::IntakeError;

/// An upload from this size on is refused before it is received where its client has no room.
const LARGE_BYTES: u64 = 1024 * 1024;
/// How long a look at the queue counts.
const LOOK_KEPT: Duration = Duration::from_secs(1);
/// Over how long the throughput is measured.
const MEASURED_OVER: Duration = Duration::from_secs(60);
/// Shortest and longest time after which a client is asked to come again.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Where nothing is known of the throughput.
const WAIT_UNKNOWN: Duration = Duration::from_secs(30);

/// A disk that is kept from running full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// A folder on it.
    pub folder: PathBuf,
    /// Bytes that stay free.
    pub free_min: u64,
}

/// What is known of the queue of all clients.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Option<Look>>);

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Timestamp,
    waiting: u64,
    /// When measuring began, with what had been finished then.
    since: (Timestamp, u64),
    /// Jobs a second, where some were finished.
    rate: Option<f64>,
}

impl Look {
    fn next(earlier: Option<Self>, at: Timestamp, waiting: u64, finished: u64) -> Self {
        let fresh = Self {
            at,
            waiting,
            since: (at, finished),
            rate: None,
        };
        let Some(earlier) = earlier.filter(|earlier| earlier.at <= at) else {
            return fresh;
        };
        let measured = at.since(earlier.since.0);
        let done = finished.saturating_sub(earlier.since.1);
        let rate = (done > 0 && measured >= LOOK_KEPT).then(|| done as f64 / measured.as_secs_f64());
        Self {
            rate: rate.or(earlier.rate),
            since: if measured < MEASURED_OVER {
                earlier.since
            } else {
                (at, finished)
            },
            ..fresh
        }
    }

    /// How long it takes until a hundredth of the queue has been worked off beside what is too much: not all who are asked
    /// to wait find room if everybody comes at the first.
    fn wait(&self, max: u64) -> Duration {
        let jobs = self.waiting.saturating_sub(max).saturating_add(max.div_ceil(100));
        let wait = self.rate.map_or(WAIT_UNKNOWN, |rate| {
            Duration::try_from_secs_f64(jobs as f64 / rate).unwrap_or(WAIT_MAX)
        });
        wait.clamp(WAIT_MIN, WAIT_MAX)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Option<Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Refuses an upload before it is received: where too many jobs wait, where the disk would have too little free space
    /// behind it, and, of a large one, where the client's quotas are used up. `bytes` are those that it declares.
    ///
    /// # Errors
    /// [`IntakeError::QueueFull`], [`IntakeError::StorageFull`], and [`IntakeError::Store`] with
    /// [`StoreError::OverQuota`].
    pub async fn check_room(&self, caller: &Caller, bytes: Option<u64>) -> Result<(), IntakeError> {
        self.check_queue().await?;
        self.check_space(bytes.unwrap_or_default()).await?;
        // Receiving a small one costs as much as asking.
        if bytes.is_none_or(|bytes| bytes >= LARGE_BYTES) {
            let (policy, usage) = self.inner().store.client_policy(caller.client).await?;
            if let Some(quota) = policy.quotas.exceeded_by(&usage, 1) {
                return Err(StoreError::OverQuota(quota).into());
            }
        }
        Ok(())
    }

    async fn check_queue(&self) -> Result<(), IntakeError> {
        let Some(max) = self.settings().jobs_waiting_max else {
            return Ok(());
        };
        let look = self.look_at_queue().await?;
        if look.waiting < max {
            return Ok(());
        }
        Err(IntakeError::QueueFull {
            max,
            wait: look.wait(max),
        })
    }

    async fn look_at_queue(&self) -> Result<Look, StoreError> {
        let now = self.now();
        let earlier = *self.inner().queue.lock();
        if let Some(look) = earlier
            && look.at <= now
            && now.since(look.at) < LOOK_KEPT
        {
            return Ok(look);
        }
        let jobs = self.inner().store.totals(Scope::All).await?.jobs;
        let finished = jobs.succeeded + jobs.failed + jobs.cancelled + jobs.expired;
        let look = Look::next(earlier, now, jobs.queued, finished);
        *self.inner().queue.lock() = Some(look);
        Ok(look)
    }

    /// Refuses to write `bytes` more where less than the reserve would be left.
    pub(crate) async fn check_space(&self, bytes: u64) -> Result<(), IntakeError> {
        let Some(Reserve { folder, free_min }) = self.settings().reserve.clone() else {
            return Ok(());
        };
        if free_min == 0 {
            return Ok(());
        }
        // A disk that does not answer holds up this request only.
        let free = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder)).await;
        match free {
            Ok(Ok(space))
                if space.f_bavail.saturating_mul(space.f_frsize) < free_min.saturating_add(bytes) =>
            {
                Err(IntakeError::StorageFull)
            }
            // Whoever writes will learn what is wrong with it.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_wait_follows_the_throughput() {
        let first = Look::next(None, at(0), 1_000, 50);
        assert_eq!(first.wait(1_000), WAIT_UNKNOWN);
        // Five a second; ten of a thousand are to be worked off.
        let second = Look::next(Some(first), at(20), 1_000, 150);
        assert_eq!(second.wait(1_000), Duration::from_secs(2));
        let more = Look {
            waiting: 1_040,
            ..second
        };
        assert_eq!(more.wait(1_000), Duration::from_secs(10));
        let slow = Look {
            rate: Some(1e-9),
            ..second
        };
        assert_eq!(slow.wait(1_000), WAIT_MAX);
    }

    #[test]
    fn the_throughput_is_that_of_the_last_minute_and_is_kept_where_nothing_ends() {
        let first = Look::next(None, at(0), 10, 0);
        let minute = Look::next(Some(first), at(60), 10, 60);
        assert_eq!(minute.since, (at(60), 60));
        let fast = Look::next(Some(minute), at(70), 10, 160);
        assert_eq!(fast.rate, Some(10.0));
        let still = Look::next(Some(Look::next(Some(fast), at(130), 10, 160)), at(140), 10, 160);
        assert!(still.rate.is_some());
        // A clock that was set back begins again.
        assert_eq!(Look::next(Some(still), at(1), 10, 160).rate, None);
    }
}
