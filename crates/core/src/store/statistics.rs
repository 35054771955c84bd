//! Numbers for the overview and for endpoints. They are kept up to date by the transactions that change what they count, and
//! never counted together when somebody asks.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::endpoint::Endpoint;
use crate::id::{ClientId, EndpointId};
use crate::job::JobStateKind;
use crate::time::Timestamp;
use crate::user::Scope;

/// How long the numbers of an hour are kept.
pub const STATISTICS_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Upper bounds of the classes of latency in milliseconds; a last class holds what took longer.
pub const LATENCY_BOUNDS_MS: [u32; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// Classes of latency.
pub const LATENCY_CLASSES: usize = LATENCY_BOUNDS_MS.len() + 1;

/// How many jobs stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting.
    pub queued: u64,
    /// Being worked on.
    pub running: u64,
    /// Done, with a result that can be fetched.
    pub succeeded: u64,
    /// Given up.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Done; the result has been deleted since.
    pub expired: u64,
}

impl JobCounts {
    /// Those in one state.
    pub const fn of(&self, kind: JobStateKind) -> u64 {
        match kind {
            JobStateKind::Queued => self.queued,
            JobStateKind::Running => self.running,
            JobStateKind::Succeeded => self.succeeded,
            JobStateKind::Failed => self.failed,
            JobStateKind::Cancelled => self.cancelled,
            JobStateKind::Expired => self.expired,
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        JobStateKind::ALL.into_iter().map(|kind| self.of(kind)).sum()
    }
}

/// How many endpoints stand where. Those that are held have been failing too, and count as held alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCounts {
    /// Called, and answering as far as is known.
    pub active: u64,
    /// Called, and failing since the last success.
    pub failing: u64,
    /// Held.
    pub held: u64,
    /// Switched off by their client.
    pub disabled: u64,
}

/// What there is now, and what there has been in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Jobs by state.
    pub jobs: JobCounts,
    /// When the oldest job that waits was accepted.
    pub waiting_since: Option<Timestamp>,
    /// Bytes of originals that are kept.
    pub original_bytes: u64,
    /// Bytes of results that are kept, detections documents included.
    pub result_bytes: u64,
    /// Faces that were ever hidden.
    pub faces: u64,
    /// Licence plates that were ever hidden.
    pub plates: u64,
    /// Workers that hold a job now.
    pub workers: u64,
    /// Endpoints by state.
    pub endpoints: EndpointCounts,
}

/// Stretches of equal length, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretches {
    /// Begins the first; cut down to the hour.
    pub since: Timestamp,
    /// Hours in each.
    pub hours: u32,
    /// How many there are.
    pub count: u32,
}

impl Stretches {
    /// The most that are told at once.
    pub const MAX: u32 = 400;

    /// The last `count` stretches of `hours` each, the present one among them. Those of whole days begin at 00:00 UTC.
    pub fn until(now: Timestamp, hours: u32, count: u32) -> Self {
        let (hours, count) = (hours.max(1), count.clamp(1, Self::MAX));
        let present = now.hour().div_euclid(i64::from(hours));
        let first = present.saturating_sub(i64::from(count) - 1);
        Self {
            since: Timestamp::from_seconds(first.saturating_mul(i64::from(hours)).saturating_mul(3600)),
            hours,
            count,
        }
    }

    /// The first hour, the hour after the last, and the hours in each stretch; counted as [`Timestamp::hour`] is.
    pub fn hours_of_all(self) -> (i64, i64, i64) {
        let width = i64::from(self.hours.max(1));
        let first = self.since.hour();
        let count = i64::from(self.count.min(Self::MAX));
        (first, first.saturating_add(count.saturating_mul(width)), width)
    }

    /// Puts what was read for some stretches into its place among all.
    pub fn in_place<T: Copy + Default>(self, read: Vec<(usize, T)>) -> Vec<T> {
        let mut all = vec![T::default(); self.begins().count()];
        for (place, value) in read {
            if let Some(slot) = all.get_mut(place) {
                *slot = value;
            }
        }
        all
    }

    /// Begins of all of them.
    pub fn begins(self) -> impl Iterator<Item = Timestamp> {
        let hour = self.since.hour();
        (0..i64::from(self.count.min(Self::MAX))).map(move |n| {
            let hours = n.saturating_mul(i64::from(self.hours));
            Timestamp::from_seconds(hour.saturating_add(hours).saturating_mul(3600))
        })
    }
}

/// What happened to jobs in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobActivity {
    /// Accepted.
    pub submitted: u64,
    /// Bytes of their originals.
    pub bytes_in: u64,
    /// Done.
    pub succeeded: u64,
    /// Given up.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Of those that ended, the ones that had been begun.
    pub worked_on: u64,
    /// How long these had waited for a worker, in milliseconds, taken together.
    pub waited_ms: u64,
    /// How long these took from their begin to their end, in milliseconds, taken together.
    pub worked_ms: u64,
    /// Faces that were hidden.
    pub faces: u64,
    /// Licence plates that were hidden.
    pub plates: u64,
}

impl JobActivity {
    /// How long a job waited for a worker, on average.
    pub fn mean_wait(&self) -> Option<Duration> {
        self.waited_ms
            .checked_div(self.worked_on)
            .map(Duration::from_millis)
    }

    /// How long a job took from its begin to its end, on average.
    pub fn mean_work(&self) -> Option<Duration> {
        self.worked_ms
            .checked_div(self.worked_on)
            .map(Duration::from_millis)
    }
}

/// How attempts at an endpoint went in a stretch of time. Those that failed by a fault of ours, and those that we stopped,
/// say nothing of it and do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttemptActivity {
    /// Acknowledged.
    pub delivered: u64,
    /// Failed.
    pub failed: u64,
    /// How long they took, in milliseconds, taken together.
    pub duration_ms: u64,
    /// How many took how long: by [`LATENCY_BOUNDS_MS`].
    pub latency: [u64; LATENCY_CLASSES],
}

impl AttemptActivity {
    /// Takes another stretch in.
    pub fn add(&mut self, other: &Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        for (own, more) in self.latency.iter_mut().zip(other.latency) {
            *own = own.saturating_add(more);
        }
    }

    /// Takes one attempt in.
    pub fn count(&mut self, delivered: bool, duration_ms: u32) {
        self.delivered += u64::from(delivered);
        self.failed += u64::from(!delivered);
        self.duration_ms = self.duration_ms.saturating_add(u64::from(duration_ms));
        let class = LATENCY_BOUNDS_MS.partition_point(|bound| *bound < duration_ms);
        self.latency[class] += 1;
    }

    /// The part that was acknowledged, 0 to 1.
    pub fn success_rate(&self) -> Option<f64> {
        let all = self.delivered + self.failed;
        (all > 0).then(|| self.delivered as f64 / all as f64)
    }

    /// The latency below which a part (0 to 1) of the attempts stayed, in milliseconds: exact to the class, and by straight
    /// line inside it. `None` without attempts.
    pub fn latency_quantile_ms(&self, part: f64) -> Option<f64> {
        let all: u64 = self.latency.iter().sum();
        if all == 0 {
            return None;
        }
        let wanted = part.clamp(0.0, 1.0) * all as f64;
        let mut below = 0_u64;
        for (class, count) in self.latency.iter().enumerate() {
            let reached = below + count;
            if *count > 0 && reached as f64 >= wanted {
                let low = class.checked_sub(1).map_or(0, |before| LATENCY_BOUNDS_MS[before]);
                // The last class has no upper bound: its lower one is what is known.
                let high = LATENCY_BOUNDS_MS.get(class).copied().unwrap_or(low);
                let inside = (wanted - below as f64).max(0.0) / *count as f64;
                return Some(f64::from(low) + f64::from(high - low) * inside);
            }
            below = reached;
        }
        None
    }
}

/// Numbers about jobs and endpoints.
#[async_trait]
pub trait Statistics {
    /// What there is now, and what there has been in all.
    async fn totals(&self, scope: Scope) -> Result<Totals, StoreError>;

    /// What happened to jobs, stretch by stretch.
    async fn job_activity(&self, scope: Scope, stretches: Stretches) -> Result<Vec<JobActivity>, StoreError>;

    /// Up to `limit` endpoints that are held or have been failing, those that have for longest first.
    async fn troubled_endpoints(&self, scope: Scope, limit: usize) -> Result<Vec<Endpoint>, StoreError>;

    /// How attempts at an endpoint went, stretch by stretch. `NotFound`.
    async fn attempt_activity(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        stretches: Stretches,
    ) -> Result<Vec<AttemptActivity>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_end_with_the_present_and_begin_on_whole_ones() {
        let now: Timestamp = "2026-03-04T10:29:10.656Z".parse().unwrap();
        let begins = |hours, count| {
            let begins = Stretches::until(now, hours, count).begins();
            begins.map(|begin| begin.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            begins(1, 2),
            ["2026-03-04T09:00:00.000Z", "2026-03-04T10:00:00.000Z"]
        );
        assert_eq!(
            begins(24, 3),
            [
                "2026-03-02T00:00:00.000Z",
                "2026-03-03T00:00:00.000Z",
                "2026-03-04T00:00:00.000Z"
            ]
        );
        assert_eq!(begins(0, 0).len(), 1);
    }

    #[test]
    fn quantiles_lie_in_the_class_of_the_attempt_that_they_mean() {
        let mut activity = AttemptActivity::default();
        assert_eq!(activity.latency_quantile_ms(0.5), None);
        for duration in [1, 5, 6, 10, 90, 90, 90, 90, 90, 20_000] {
            activity.count(true, duration);
        }
        assert_eq!(activity.latency[0], 2, "a bound belongs to its class");
        assert_eq!(activity.latency_quantile_ms(0.2), Some(5.0));
        assert_eq!(activity.latency_quantile_ms(0.4), Some(10.0));
        assert_eq!(activity.latency_quantile_ms(0.9), Some(100.0));
        assert_eq!(activity.latency_quantile_ms(1.0), Some(10_000.0));
        assert_eq!(activity.latency_quantile_ms(0.0), Some(0.0));
        activity.count(false, 1);
        assert_eq!(activity.success_rate(), Some(10.0 / 11.0));
    }

    #[test]
    fn adding_stretches_is_counting_all_of_their_attempts() {
        let counted = |durations: &[u32]| {
            let mut activity = AttemptActivity::default();
            for duration in durations {
                activity.count(duration % 2 == 0, *duration);
            }
            activity
        };
        let mut sum = counted(&[1, 700, 12_000]);
        sum.add(&counted(&[3, 44]));
        assert_eq!(sum, counted(&[1, 700, 12_000, 3, 44]));
    }
}
