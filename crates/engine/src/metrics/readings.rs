//! What the database and the storage say at the moment of asking.

use std::time::Duration;

use sfumato_core::job::JobStateKind;
use sfumato_core::{EndpointState, MediaKind, Scope};

use super::Metrics;
use super::labels::{ByKind, ByPart, ByState, ByStorage};
use crate::Engine;

impl Engine {
    /// What is counted, for surfaces that count too.
    pub fn metrics(&self) -> &Metrics {
        &self.inner().metrics
    }

    /// All metrics in Prometheus' text format, version 0.0.4 ([`super::METRICS_CONTENT_TYPE`]). A part that does not answer is
    /// said to be down by `sfumato_up`, and its readings stay those of the last time.
    pub async fn metrics_text(&self) -> String {
        self.read_store().await;
        let health = &self.metrics().health;
        health.connections_are(self.inner().store.connections().unwrap_or_default());
        if let Some(media) = &self.inner().media {
            health.processes_are(media.processes());
        }
        self.read_storage().await;
        self.metrics().text()
    }

    async fn read_store(&self) {
        let metrics = self.metrics();
        let begun = tokio::time::Instant::now();
        let overview = self.overview(Scope::All).await;
        metrics.answered("database", begun.elapsed(), overview.is_ok());
        let overview = match overview {
            Ok(overview) => overview,
            Err(error) => {
                tracing::warn!(
                    error = sfumato_core::chain(&error),
                    "the database gave no metrics"
                );
                return;
            }
        };
        let totals = &overview.totals;
        for kind in JobStateKind::ALL {
            let state = ByState { state: kind.as_str() };
            metrics.jobs.get_or_create(&state).set(totals.jobs.of(kind));
        }
        let waits = totals.waiting_since.map(|since| overview.now.since(since));
        metrics
            .oldest_waiting
            .set(waits.unwrap_or_default().as_secs_f64());
        for (what, bytes) in [
            ("originals", totals.original_bytes),
            ("results", totals.result_bytes),
        ] {
            metrics.stored.get_or_create(&ByStorage { what }).set(bytes);
        }
        let held = |held: bool| {
            let is = |state: &EndpointState| matches!(state, EndpointState::Held { .. }) == held;
            overview
                .troubled
                .iter()
                .filter(|endpoint| is(&endpoint.state))
                .count() as u64
        };
        for (state, count) in [("held", held(true)), ("failing", held(false))] {
            metrics
                .endpoints_in_trouble
                .get_or_create(&ByState { state })
                .set(count);
        }
        metrics.workers.set(totals.workers);
        metrics.health.endpoints_are(totals.endpoints);
        for (kind, slots) in [
            (MediaKind::Picture, overview.slots.pictures),
            (MediaKind::Video, overview.slots.long),
        ] {
            metrics.slots.get_or_create(&ByKind::of(kind)).set(slots as u64);
        }
    }

    async fn read_storage(&self) {
        let begun = tokio::time::Instant::now();
        let answers = self.inner().blobs.ping().await.is_ok();
        self.metrics().answered("storage", begun.elapsed(), answers);
    }
}

impl Metrics {
    fn answered(&self, part: &'static str, took: Duration, well: bool) {
        let part = ByPart { part };
        self.up.get_or_create(&part).set(well.into());
        self.answer_time.get_or_create(&part).set(took.as_secs_f64());
    }
}
