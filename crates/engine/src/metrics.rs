//! What this process has done and what the installation looks like, for Prometheus.
//!
//! Two kinds of numbers: what this process counted since it began (add them up over processes), and what the database says
//! at the moment of asking (the same from every process of an installation; take one of them). Labels have few values,
//! known beforehand or bounded by the program: never a client, a job, an endpoint or an address.

mod health;
mod labels;
mod process;
mod readings;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use sfumato_core::MediaKind;
use sfumato_core::delivery::{Attempt, Outcome};
use sfumato_core::job::{FailureClass, JobOutcome};
use sfumato_core::store::{Meter, Recorded};
use sfumato_media_client::MediaError;
use sfumato_media_client::protocol::Report;

use self::health::Health;
use self::labels::{
    ByClass, ByEnd, ByKind, ByOutcome, ByPart, ByState, ByStorage, EndOfJob, Request, Route, Stage,
};

/// Media type of [`crate::Engine::metrics_text`].
pub const METRICS_CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

type Counts<Labels> = Family<Labels, Counter>;
type Sizes<Labels> = Family<Labels, Gauge<u64, AtomicU64>>;
type Times<Labels> = Family<Labels, Histogram>;

/// Upper bounds in seconds of what takes from milliseconds to minutes.
const SHORT: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

/// Upper bounds in seconds of what takes from a tenth of a second to a day.
const LONG: [f64; 14] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0,
];

fn short() -> Histogram {
    Histogram::new(SHORT)
}

fn long() -> Histogram {
    Histogram::new(LONG)
}

/// The surface that answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// The BlurIt-compatible API.
    Api,
    /// The Manager.
    Manager,
}

impl Surface {
    /// Its name in metrics and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Manager => "manager",
        }
    }
}

/// Everything that is counted. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    jobs_accepted: Counts<ByKind>,
    bytes_accepted: Counter,
    jobs_ended: Counts<EndOfJob>,
    job_wait: Times<ByKind>,
    job_work: Times<ByKind>,
    stages: Times<Stage>,
    hidden: Counts<ByClass>,
    children_lost: Counts<ByEnd>,
    attempts: Counts<ByOutcome>,
    attempt_time: Histogram,
    own_faults: Counter,
    endpoint_warnings: Counter,
    endpoints_held: Counter,
    endpoints_released: Counter,
    breakers_opened: Counter,
    requests: Counts<Request>,
    request_time: Times<Route>,
    originals_deleted: Counter,
    results_deleted: Counter,
    orphans_deleted: Counter,
    health: Health,
    jobs: Sizes<ByState>,
    oldest_waiting: Gauge<f64, AtomicU64>,
    stored: Sizes<ByStorage>,
    endpoints_in_trouble: Sizes<ByState>,
    workers: Gauge<u64, AtomicU64>,
    slots: Sizes<ByKind>,
    up: Sizes<ByPart>,
    answer_time: Family<ByPart, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let mut all = Self {
            registry: Arc::default(),
            jobs_accepted: Family::default(),
            bytes_accepted: Counter::default(),
            jobs_ended: Family::default(),
            job_wait: Family::new_with_constructor(long),
            job_work: Family::new_with_constructor(long),
            stages: Family::new_with_constructor(short),
            hidden: Family::default(),
            children_lost: Family::default(),
            attempts: Family::default(),
            attempt_time: short(),
            own_faults: Counter::default(),
            endpoint_warnings: Counter::default(),
            endpoints_held: Counter::default(),
            endpoints_released: Counter::default(),
            breakers_opened: Counter::default(),
            requests: Family::default(),
            request_time: Family::new_with_constructor(short),
            originals_deleted: Counter::default(),
            results_deleted: Counter::default(),
            orphans_deleted: Counter::default(),
            health: Health::default(),
            jobs: Family::default(),
            oldest_waiting: Gauge::default(),
            stored: Family::default(),
            endpoints_in_trouble: Family::default(),
            workers: Gauge::default(),
            slots: Family::default(),
            up: Family::default(),
            answer_time: Family::default(),
        };
        all.begin_at_zero();
        all.register(registry.sub_registry_with_prefix("sfumato"));
        process::register(&mut registry);
        all.registry = Arc::new(registry);
        all
    }
}

/// What came of an attempt, in a word.
pub(crate) const fn end_of(outcome: &JobOutcome) -> &'static str {
    match outcome {
        JobOutcome::Succeeded(_) => EndOfJob::SUCCEEDED,
        JobOutcome::Failed { class, .. } => match class {
            FailureClass::Input => EndOfJob::UNUSABLE,
            FailureClass::Transient => EndOfJob::TRANSIENT,
            FailureClass::Internal => EndOfJob::INTERNAL,
        },
        JobOutcome::NoRoom => EndOfJob::NO_ROOM,
    }
}

/// The words of attempts that are told elsewhere too.
pub(crate) const SUCCEEDED: &str = EndOfJob::SUCCEEDED;
pub(crate) const HANDED_BACK: &str = EndOfJob::HANDED_BACK;
pub(crate) const LEASE_LOST: &str = EndOfJob::LEASE_LOST;

impl Metrics {
    /// A series that appears with its first event has no rate before its second: those whose labels are known begin with 0.
    fn begin_at_zero(&self) {
        for kind in MediaKind::ALL {
            drop(self.jobs_accepted.get_or_create(&ByKind::of(kind)));
            drop(self.job_wait.get_or_create(&ByKind::of(kind)));
            drop(self.job_work.get_or_create(&ByKind::of(kind)));
            for stage in Stage::all(kind) {
                drop(self.stages.get_or_create(&stage));
            }
            for end in EndOfJob::all(kind) {
                drop(self.jobs_ended.get_or_create(&end));
            }
        }
        for outcome in Outcome::ALL {
            drop(self.attempts.get_or_create(&ByOutcome::of(outcome)));
        }
        for end in ByEnd::all() {
            drop(self.children_lost.get_or_create(&end));
        }
        for class in ["face", "plate"] {
            drop(self.hidden.get_or_create(&ByClass { class }));
        }
    }

    fn register(&self, registry: &mut Registry) {
        self.register_jobs(registry);
        self.register_deliveries(registry);
        registry.register(
            "http_requests",
            "Requests that were answered",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "From a request's headers to those of its answer",
            Unit::Seconds,
            self.request_time.clone(),
        );
        registry.register(
            "originals_deleted",
            "Originals that were deleted because their time had come",
            self.originals_deleted.clone(),
        );
        registry.register(
            "results_deleted",
            "Results that were deleted because their time had come",
            self.results_deleted.clone(),
        );
        registry.register(
            "orphans_deleted",
            "Stored files without a row that were deleted",
            self.orphans_deleted.clone(),
        );
        self.health.register(registry);
        self.register_readings(registry);
    }

    fn register_jobs(&self, registry: &mut Registry) {
        registry.register(
            "jobs_accepted",
            "Jobs that were accepted",
            self.jobs_accepted.clone(),
        );
        registry.register_with_unit(
            "jobs_accepted",
            "Size of their originals",
            Unit::Bytes,
            self.bytes_accepted.clone(),
        );
        registry.register(
            "job_attempts_ended",
            "Attempts at jobs that ended, by what came of them",
            self.jobs_ended.clone(),
        );
        registry.register_with_unit(
            "job_wait",
            "How long jobs waited for a worker before their first attempt",
            Unit::Seconds,
            self.job_wait.clone(),
        );
        registry.register_with_unit(
            "job_work",
            "How long attempts took from the claim to the stored result",
            Unit::Seconds,
            self.job_work.clone(),
        );
        registry.register_with_unit(
            "media_stage",
            "CPU time of the stages of successful media work",
            Unit::Seconds,
            self.stages.clone(),
        );
        registry.register(
            "hidden",
            "Faces and licence plates that were hidden",
            self.hidden.clone(),
        );
        registry.register(
            "media_processes_lost",
            "Media processes that ended in the middle of a task",
            self.children_lost.clone(),
        );
    }

    fn register_deliveries(&self, registry: &mut Registry) {
        registry.register(
            "delivery_attempts",
            "Attempts at webhook deliveries that were recorded",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "delivery_attempt",
            "How long attempts at webhook deliveries took",
            Unit::Seconds,
            self.attempt_time.clone(),
        );
        registry.register(
            "delivery_own_faults",
            "Attempts that failed by a fault of ours and were not spent",
            self.own_faults.clone(),
        );
        registry.register(
            "endpoint_warnings",
            "Warnings that an endpoint keeps failing",
            self.endpoint_warnings.clone(),
        );
        registry.register(
            "endpoints_held",
            "Endpoints that were held",
            self.endpoints_held.clone(),
        );
        registry.register(
            "endpoints_released",
            "Endpoints that a success released from a hold",
            self.endpoints_released.clone(),
        );
        registry.register(
            "breakers_opened",
            "Circuit breakers of endpoints that opened",
            self.breakers_opened.clone(),
        );
    }

    /// What the database and the storage say when they are asked.
    fn register_readings(&self, registry: &mut Registry) {
        registry.register("jobs", "Jobs by state, in the database", self.jobs.clone());
        registry.register_with_unit(
            "oldest_waiting_job_age",
            "How long the oldest job that waits has waited; 0 where none does",
            Unit::Seconds,
            self.oldest_waiting.clone(),
        );
        registry.register_with_unit("stored", "Size of what is kept", Unit::Bytes, self.stored.clone());
        registry.register(
            "endpoints_in_trouble",
            "Endpoints that are held or have been failing",
            self.endpoints_in_trouble.clone(),
        );
        registry.register("workers", "Workers that hold a job", self.workers.clone());
        registry.register(
            "worker_slots",
            "Jobs that this process works on at the same time",
            self.slots.clone(),
        );
        registry.register("up", "Whether a part answers: 1 or 0", self.up.clone());
        registry.register_with_unit(
            "answer_time",
            "How long a part took to answer the last question of this page",
            Unit::Seconds,
            self.answer_time.clone(),
        );
    }

    pub(crate) fn job_accepted(&self, kind: MediaKind, bytes: u64) {
        self.jobs_accepted.get_or_create(&ByKind::of(kind)).inc();
        self.bytes_accepted.inc_by(bytes);
    }

    pub(crate) fn job_begun(&self, kind: MediaKind, waited: Duration) {
        self.job_wait
            .get_or_create(&ByKind::of(kind))
            .observe(waited.as_secs_f64());
    }

    pub(crate) fn attempt_ended(&self, kind: MediaKind, outcome: &JobOutcome, worked: Duration) {
        if let JobOutcome::Succeeded(result) = outcome {
            for (class, count) in [("face", result.faces), ("plate", result.plates)] {
                self.hidden.get_or_create(&ByClass { class }).inc_by(count.into());
            }
        }
        self.job_ended(kind, end_of(outcome));
        self.job_work
            .get_or_create(&ByKind::of(kind))
            .observe(worked.as_secs_f64());
    }

    /// An attempt ended without an outcome: [`HANDED_BACK`] or [`LEASE_LOST`].
    pub(crate) fn attempt_abandoned(&self, kind: MediaKind, end: &'static str) {
        self.job_ended(kind, end);
    }

    fn job_ended(&self, kind: MediaKind, end: &'static str) {
        self.jobs_ended.get_or_create(&EndOfJob::of(kind, end)).inc();
    }

    pub(crate) fn media_done(&self, kind: MediaKind, report: &Report) {
        let timings = &report.timings;
        let spent = [
            timings.decode_ms,
            timings.resize_ms,
            timings.inference_ms,
            timings.mask_ms,
            timings.encode_ms,
        ];
        for (stage, ms) in Stage::all(kind).zip(spent) {
            self.stages.get_or_create(&stage).observe(f64::from(ms) / 1e3);
        }
    }

    pub(crate) fn media_failed(&self, error: &MediaError) {
        if let Some(end) = ByEnd::of(error) {
            self.children_lost.get_or_create(&end).inc();
        }
    }

    pub(crate) fn delivery_recorded(&self, attempt: &Attempt, recorded: &Recorded) {
        self.attempts.get_or_create(&ByOutcome::of(attempt.outcome)).inc();
        self.attempt_time.observe(f64::from(attempt.duration_ms) / 1e3);
        for (happened, counter) in [
            (attempt.ours, &self.own_faults),
            (recorded.warning.is_some(), &self.endpoint_warnings),
            (recorded.held.is_some(), &self.endpoints_held),
            (recorded.released, &self.endpoints_released),
        ] {
            counter.inc_by(happened.into());
        }
    }

    pub(crate) fn breaker_opened(&self) {
        self.breakers_opened.inc();
    }

    pub(crate) fn original_deleted(&self) {
        self.originals_deleted.inc();
    }

    pub(crate) fn result_deleted(&self) {
        self.results_deleted.inc();
    }

    pub(crate) fn orphans_deleted(&self, count: usize) {
        self.orphans_deleted.inc_by(count as u64);
    }

    /// Hears how the transactions of the store go.
    pub(crate) fn meter(&self) -> Arc<dyn Meter> {
        Arc::new(self.health.clone())
    }

    pub(crate) fn spans_exported(&self, count: usize) {
        self.health.spans_exported(count);
    }

    pub(crate) fn spans_dropped(&self, reason: &'static str, count: usize) {
        self.health.spans_dropped(reason, count);
    }

    /// Counts a request. `route` is the pattern that matched and never a path; `method` is one that the program knows.
    /// `duration` ends with the headers of the answer.
    pub fn request_answered(
        &self,
        surface: Surface,
        method: &str,
        route: Option<&str>,
        status: u16,
        duration: Duration,
    ) {
        let request = Request::new(surface, method, route, status);
        self.requests.get_or_create(&request).inc();
        self.request_time
            .get_or_create(&request.without_status())
            .observe(duration.as_secs_f64());
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string fails only where a metric's own encoding does, and all of these are the library's.
        if let Err(error) = prometheus_text::encode(&mut text, &self.registry) {
            tracing::error!(
                error = sfumato_core::chain(&error),
                "metrics could not be written"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests;
