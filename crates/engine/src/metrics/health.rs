//! How the database, the media processes and the export of traces are doing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sfumato_core::store::{Connections, EndpointCounts, Meter, Purpose};
use sfumato_media_client::Processes;

use super::labels::{ByPurpose, ByReason, ByState};
use super::{Counts, Sizes, Times, short};

type Size = Gauge<u64, AtomicU64>;

/// What is counted of the parts that the engine works with.
#[derive(Clone, Debug)]
pub(super) struct Health {
    transactions: Times<ByPurpose>,
    transactions_failed: Counts<ByPurpose>,
    transactions_repeated: Counter,
    connections: Sizes<ByState>,
    connections_max: Size,
    connections_awaited: Size,
    processes: Sizes<ByState>,
    processes_started: Counter,
    processes_recycled: Counter,
    endpoints: Sizes<ByState>,
    spans_exported: Counter,
    spans_dropped: Counts<ByReason>,
}

impl Default for Health {
    fn default() -> Self {
        let all = Self {
            transactions: Family::new_with_constructor(short),
            transactions_failed: Family::default(),
            transactions_repeated: Counter::default(),
            connections: Family::default(),
            connections_max: Gauge::default(),
            connections_awaited: Gauge::default(),
            processes: Family::default(),
            processes_started: Counter::default(),
            processes_recycled: Counter::default(),
            endpoints: Family::default(),
            spans_exported: Counter::default(),
            spans_dropped: Family::default(),
        };
        for purpose in Purpose::ALL {
            drop(all.transactions.get_or_create(&ByPurpose::of(purpose)));
            drop(all.transactions_failed.get_or_create(&ByPurpose::of(purpose)));
        }
        for reason in ["queue_full", "refused", "unreachable"] {
            drop(all.spans_dropped.get_or_create(&ByReason { reason }));
        }
        all.connections_are(Connections::default());
        all.processes_are(Processes::default());
        all
    }
}

impl Health {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "store_transaction",
            "From a call of the database to its answer, with waits and repetitions",
            Unit::Seconds,
            self.transactions.clone(),
        );
        registry.register(
            "store_transactions_failed",
            "Calls that the database failed",
            self.transactions_failed.clone(),
        );
        registry.register(
            "store_transactions_repeated",
            "Transactions that were run once more: in another one's way, or the connection broke",
            self.transactions_repeated.clone(),
        );
        registry.register(
            "store_connections",
            "Connections to PostgreSQL",
            self.connections.clone(),
        );
        registry.register(
            "store_connections_max",
            "The most connections to PostgreSQL; 0 on SQLite",
            self.connections_max.clone(),
        );
        registry.register(
            "store_connections_awaited",
            "Calls that wait for a connection to PostgreSQL",
            self.connections_awaited.clone(),
        );
        registry.register("media_processes", "Media processes", self.processes.clone());
        registry.register(
            "media_processes_started",
            "Media processes that got ready",
            self.processes_started.clone(),
        );
        registry.register(
            "media_processes_recycled",
            "Media processes that were replaced after as many tasks as one may do",
            self.processes_recycled.clone(),
        );
        registry.register("endpoints", "Endpoints by state", self.endpoints.clone());
        registry.register(
            "spans_exported",
            "Spans of traces that the collector has taken",
            self.spans_exported.clone(),
        );
        registry.register(
            "spans_dropped",
            "Spans of traces that were dropped, by why",
            self.spans_dropped.clone(),
        );
    }

    pub(super) fn connections_are(&self, connections: Connections) {
        let of = |state| self.connections.get_or_create(&ByState { state });
        of("busy").set(connections.busy);
        of("idle").set(connections.idle);
        self.connections_max.set(connections.max);
        self.connections_awaited.set(connections.awaited);
    }

    pub(super) fn processes_are(&self, processes: Processes) {
        let of = |state| self.processes.get_or_create(&ByState { state });
        of("alive").set(processes.alive);
        of("starting").set(processes.starting);
        // Both only ever grow where they come from.
        for (counter, count) in [
            (&self.processes_started, processes.started),
            (&self.processes_recycled, processes.recycled),
        ] {
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    pub(super) fn endpoints_are(&self, endpoints: EndpointCounts) {
        for (state, count) in [
            ("active", endpoints.active),
            ("failing", endpoints.failing),
            ("held", endpoints.held),
            ("disabled", endpoints.disabled),
        ] {
            self.endpoints.get_or_create(&ByState { state }).set(count);
        }
    }

    pub(super) fn spans_exported(&self, count: usize) {
        self.spans_exported.inc_by(count as u64);
    }

    pub(super) fn spans_dropped(&self, reason: &'static str, count: usize) {
        let reason = ByReason { reason };
        self.spans_dropped.get_or_create(&reason).inc_by(count as u64);
    }
}

impl Meter for Health {
    fn transaction(&self, purpose: Purpose, took: Duration, failed: bool) {
        let purpose = ByPurpose::of(purpose);
        self.transactions
            .get_or_create(&purpose)
            .observe(took.as_secs_f64());
        if failed {
            self.transactions_failed.get_or_create(&purpose).inc();
        }
    }

    fn run_again(&self) {
        self.transactions_repeated.inc();
    }
}
