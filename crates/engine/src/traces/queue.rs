//! What waits to be handed on: a bounded queue, batches, and patience that has an end.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::chain;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Span;
use crate::Engine;
use crate::metrics::Metrics;

/// Spans that wait at most, some megabytes. One that comes then is dropped.
const QUEUE_MAX: usize = 8192;

/// Spans of one request to a collector.
const BATCH_MAX: usize = 512;

/// How long the first span of a batch waits for company.
const LINGER: Duration = Duration::from_secs(1);

/// How often one batch is tried. What a collector that is away for minutes has missed is old news.
const TRIES_MAX: u32 = 5;

/// The wait after the first failure, and the longest one: each is twice as long as the one before, until a batch is taken.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Why spans were not taken.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The collector cannot be reached or is busy: trying again may help.
    #[error("the collector of traces cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not want them.
    #[error("the collector of traces refused them: {0}")]
    Refused(String),
}

/// Hands spans on to whoever collects them.
#[async_trait]
pub trait Exporter: fmt::Debug + Send + Sync {
    /// Hands on all of these, or none. Takes seconds at most.
    ///
    /// # Errors
    /// [`ExportError`].
    async fn export(&self, spans: &[Span]) -> Result<(), ExportError>;
}

/// The queue and both of its ends.
#[derive(Debug)]
pub(crate) struct Queue {
    exporter: Arc<dyn Exporter>,
    metrics: Metrics,
    in_end: mpsc::Sender<Span>,
    out_end: Mutex<Option<mpsc::Receiver<Span>>>,
}

/// How handing on has been going.
#[derive(Default)]
struct Course {
    failures: u32,
}

impl Course {
    fn wait(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        (WAIT.0 * 2_u32.pow(doublings)).min(WAIT.1)
    }
}

impl Queue {
    pub(crate) fn new(exporter: Arc<dyn Exporter>, metrics: Metrics) -> Self {
        let (in_end, out_end) = mpsc::channel(QUEUE_MAX);
        Self {
            exporter,
            metrics,
            in_end,
            out_end: Mutex::new(Some(out_end)),
        }
    }

    /// Never waits.
    pub(super) fn push(&self, span: Span) {
        if self.in_end.try_send(span).is_err() {
            self.metrics.spans_dropped("queue_full", 1);
        }
    }

    /// Hands on what comes until `stop`; then once more what is left, without patience.
    async fn run(&self, stop: &CancellationToken) {
        let taken = self.out_end.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut spans) = taken else { return };
        let mut course = Course::default();
        let mut batch = Vec::new();
        while !stop.is_cancelled() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = spans.recv_many(&mut batch, BATCH_MAX) => {
                    if batch.len() < BATCH_MAX {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = tokio::time::sleep(LINGER) => {}
                        }
                        fill(&mut batch, &mut spans);
                    }
                    self.hand_on(&mut batch, &mut course, stop).await;
                }
            }
        }
        spans.close();
        loop {
            fill(&mut batch, &mut spans);
            if batch.is_empty() || self.try_once(&mut batch, &mut course).await.is_err() {
                return;
            }
        }
    }

    /// Tries a batch until it is taken, refused, or old. `stop` leaves it where it is.
    async fn hand_on(&self, batch: &mut Vec<Span>, course: &mut Course, stop: &CancellationToken) {
        for _ in 0..TRIES_MAX {
            if self.try_once(batch, course).await.is_ok() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(course.wait()) => {}
            }
        }
        self.metrics.spans_dropped("unreachable", batch.len());
        batch.clear();
    }

    /// Empties the batch where it is settled what becomes of it.
    async fn try_once(&self, batch: &mut Vec<Span>, course: &mut Course) -> Result<(), ()> {
        match self.exporter.export(batch).await {
            Ok(()) => {
                if course.failures > 0 {
                    tracing::info!("the collector of traces takes spans again");
                }
                course.failures = 0;
                self.metrics.spans_exported(batch.len());
            }
            Err(error @ ExportError::Refused(_)) => {
                tracing::warn!(
                    spans = batch.len(),
                    error = chain(&error),
                    "spans were not taken and are dropped"
                );
                self.metrics.spans_dropped("refused", batch.len());
            }
            Err(error @ ExportError::Unreachable(_)) => {
                if course.failures == 0 {
                    tracing::warn!(
                        error = chain(&error),
                        "spans wait, and are dropped when they are too many"
                    );
                }
                course.failures = course.failures.saturating_add(1);
                return Err(());
            }
        }
        batch.clear();
        Ok(())
    }
}

/// Takes what is there, up to a whole batch.
fn fill(batch: &mut Vec<Span>, spans: &mut mpsc::Receiver<Span>) {
    while batch.len() < BATCH_MAX
        && let Ok(span) = spans.try_recv()
    {
        batch.push(span);
    }
}

impl Engine {
    /// Hands spans on until `stop`, and then what is left, once. Ends at once where nothing is traced. Whoever runs it bounds
    /// how long the end may take.
    pub async fn run_traces(&self, stop: CancellationToken) {
        if let Some(tracer) = self.tracer() {
            tracer.queue().run(&stop).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::{JobId, Timestamp};
    use uuid::Uuid;

    use super::super::{SpanId, TraceId};
    use super::*;

    /// Answers as it is told, in order, and then takes everything.
    #[derive(Debug, Default)]
    struct Collector {
        answers: Mutex<Vec<ExportError>>,
        tries: Mutex<Vec<(usize, Duration)>>,
        began: Option<tokio::time::Instant>,
    }

    impl Collector {
        fn answering(answers: Vec<ExportError>) -> Arc<Self> {
            Arc::new(Self {
                answers: Mutex::new(answers),
                tries: Mutex::default(),
                began: Some(tokio::time::Instant::now()),
            })
        }

        fn tries(&self) -> Vec<(usize, u64)> {
            let tries = self.tries.lock().unwrap();
            tries.iter().map(|(spans, at)| (*spans, at.as_secs())).collect()
        }
    }

    #[async_trait]
    impl Exporter for Collector {
        async fn export(&self, spans: &[Span]) -> Result<(), ExportError> {
            let at = self.began.unwrap().elapsed();
            self.tries.lock().unwrap().push((spans.len(), at));
            let mut answers = self.answers.lock().unwrap();
            if answers.is_empty() {
                return Ok(());
            }
            Err(answers.remove(0))
        }
    }

    fn away(times: usize) -> Vec<ExportError> {
        let away = || ExportError::Unreachable("nobody listens".into());
        std::iter::repeat_with(away).take(times).collect()
    }

    fn span() -> Span {
        let job = JobId::from_uuid(Uuid::from_u128(1));
        let now = Timestamp::from_seconds(1);
        Span::new(
            (TraceId::of_job(job), SpanId::root_of(job), None),
            "a span",
            (now, now),
        )
    }

    /// Runs the queue for a while of virtual time, stops it, and returns what was counted.
    async fn counted(collector: &Arc<Collector>, spans: usize, run_for: Duration) -> String {
        let metrics = Metrics::default();
        let queue = Queue::new(collector.clone(), metrics.clone());
        for _ in 0..spans {
            queue.push(span());
        }
        let stop = CancellationToken::new();
        let stopper = stop.clone();
        tokio::join!(queue.run(&stop), async move {
            tokio::time::sleep(run_for).await;
            stopper.cancel();
        });
        metrics.text()
    }

    #[tokio::test(start_paused = true)]
    async fn spans_go_out_in_batches_and_what_has_no_room_is_counted() {
        let collector = Collector::answering(vec![]);
        let text = counted(&collector, QUEUE_MAX + 7, Duration::from_secs(5)).await;
        assert_eq!(collector.tries().len(), QUEUE_MAX / BATCH_MAX);
        assert!(
            text.contains(&format!("sfumato_spans_exported_total {QUEUE_MAX}\n")),
            "{text}"
        );
        assert!(
            text.contains("sfumato_spans_dropped_total{reason=\"queue_full\"} 7\n"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_is_away_for_a_moment_misses_nothing() {
        let collector = Collector::answering(away(3));
        let text = counted(&collector, 2, Duration::from_secs(60)).await;
        assert_eq!(collector.tries(), [(2, 1), (2, 2), (2, 4), (2, 8)]);
        assert!(text.contains("sfumato_spans_exported_total 2\n"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stays_away_is_asked_ever_less_and_old_spans_are_dropped() {
        let collector = Collector::answering(away(100));
        let text = counted(&collector, BATCH_MAX + 1, Duration::from_secs(600)).await;
        let dropped = format!(
            "sfumato_spans_dropped_total{{reason=\"unreachable\"}} {}\n",
            BATCH_MAX + 1
        );
        assert!(text.contains(&dropped), "{text}");
        let tries = collector.tries();
        assert_eq!(tries.len(), 2 * TRIES_MAX as usize, "{tries:?}");
        assert!(tries[9].1 - tries[8].1 == WAIT.1.as_secs(), "{tries:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_not_sent_again() {
        let collector = Collector::answering(vec![ExportError::Refused("400".into())]);
        let text = counted(&collector, 3, Duration::from_secs(60)).await;
        assert_eq!(collector.tries(), [(3, 1)]);
        assert!(
            text.contains("sfumato_spans_dropped_total{reason=\"refused\"} 3\n"),
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_at_the_end_goes_out_once_and_nobody_waits_for_it() {
        let collector = Collector::answering(away(2));
        counted(&collector, 3, Duration::from_millis(1500)).await;
        assert_eq!(collector.tries(), [(3, 1), (3, 1)]);
    }
}
