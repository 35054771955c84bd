//! `/manager`: what happens, at a glance, kept up to date while one looks.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::client::Client;
use sfumato_core::endpoint::{EndpointState, HoldReason};
use sfumato_core::job::JobStateKind;
use sfumato_core::store::{JobActivity, Stretches};
use sfumato_core::{ClientId, Endpoint, Scope, Timestamp};
use sfumato_engine::lists::Overview as Now;

use crate::Console;
use crate::charts::Series;
use crate::error::ConsoleError;
use crate::live::live;
use crate::page::{self, Nav};
use crate::plot::{Axis, columns};
use crate::ui::{self, Tone};
use crate::visitor::Visitor;

/// Endpoints in trouble that are shown; the others are counted.
const TROUBLED_SHOWN: usize = 6;

/// Seconds after which ages are told anew.
const AGES_STEP_S: i64 = 15;

/// How far back the page looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    /// Its word in the address.
    word: &'static str,
    label: &'static str,
    /// Hours of each column.
    hours: u32,
    columns: u32,
}

const RANGES: [Range; 3] = [
    Range {
        word: "24h",
        label: "24 hours",
        hours: 1,
        columns: 24,
    },
    Range {
        word: "7d",
        label: "7 days",
        hours: 6,
        columns: 28,
    },
    Range {
        word: "30d",
        label: "30 days",
        hours: 24,
        columns: 30,
    },
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    range: String,
}

impl Asked {
    /// What is asked for; whatever is no range is the shortest.
    fn range(&self) -> Range {
        let known = RANGES.into_iter().find(|range| range.word == self.range);
        known.unwrap_or(RANGES[0])
    }
}

/// The frame of the page; the numbers are in [`Live`].
#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    /// Whose things are shown.
    whose: &'a str,
    range: Range,
    live: String,
}

impl Overview<'_> {
    fn ranges(&self) -> [Range; 3] {
        RANGES
    }

    fn is_present(&self, range: &Range) -> bool {
        self.range == *range
    }
}

/// What changes by itself.
#[derive(Template)]
#[template(path = "overview_live.html")]
struct Live<'a> {
    visitor: &'a Visitor,
    range: Range,
    now: &'a Now,
    sums: JobActivity,
    clients: &'a [Client],
    /// Whether the media processes of this server have started.
    is_ready: bool,
    throughput: String,
    waits: String,
    hidden: String,
}

/// Jobs of one status, as the list of them has it.
struct Share {
    kind: JobStateKind,
    word: &'static str,
    class: &'static str,
    jobs: u64,
    /// Where its part of the bar begins and how wide it is, in parts of a thousand.
    at: String,
    width: String,
}

impl Live<'_> {
    fn shares(&self) -> Vec<Share> {
        const WORDS: [(JobStateKind, &str, &str); 6] = [
            (JobStateKind::Queued, "Queued", "chart-3"),
            (JobStateKind::Running, "Running", "chart-2"),
            (JobStateKind::Succeeded, "Succeeded", "chart-1"),
            (JobStateKind::Failed, "Failed", "chart-bad"),
            (JobStateKind::Cancelled, "Cancelled", "chart-warning"),
            (JobStateKind::Expired, "Deleted", "chart-quiet"),
        ];
        let total = self.now.totals.jobs.total().max(1) as f64;
        let mut at = 0.0;
        WORDS
            .into_iter()
            .map(|(kind, word, class)| {
                let jobs = self.now.totals.jobs.of(kind);
                let width = 1_000.0 * jobs as f64 / total;
                let share = Share {
                    kind,
                    word,
                    class,
                    jobs,
                    at: format!("{at:.1}"),
                    width: format!("{width:.1}"),
                };
                at += width;
                share
            })
            .collect()
    }

    fn stored(&self) -> String {
        let totals = &self.now.totals;
        ui::bytes(totals.original_bytes.saturating_add(totals.result_bytes))
    }

    /// The part of what ended in the range that succeeded.
    fn success_rate(&self) -> Option<String> {
        let ended = self.sums.succeeded + self.sums.failed;
        (ended > 0).then(|| {
            let percent = 100.0 * self.sums.succeeded as f64 / ended as f64;
            // What is not all must not read as if it were.
            let percent = if self.sums.failed > 0 {
                percent.min(99.9)
            } else {
                percent
            };
            format!("{percent:.1} %")
        })
    }

    /// How this process's worker is, as a badge.
    fn worker(&self) -> String {
        let (tone, word) = match (self.now.slots.pictures, self.is_ready) {
            (0, _) => (Tone::Quiet, "no worker in this process"),
            (_, true) => (Tone::Good, "worker ready"),
            (_, false) => (Tone::Warning, "worker starting"),
        };
        ui::badge(tone, word)
    }

    fn busy_workers(&self) -> String {
        let workers = self.now.totals.workers;
        let plural = if workers == 1 { "" } else { "s" };
        format!("{} worker{plural} busy", ui::count(workers))
    }

    /// What this process works on at once at most.
    fn room(&self) -> String {
        let slots = self.now.slots;
        let plural = if slots.pictures == 1 { "" } else { "s" };
        let long = if slots.long == 1 {
            "video or archive"
        } else {
            "videos or archives"
        };
        format!(
            "room for {} picture{plural} and {} {long}",
            slots.pictures, slots.long
        )
    }

    /// How long ago something was, told anew in steps: what looked different each second would be sent each second.
    fn ago(&self, instant: &Timestamp) -> String {
        let seconds = self.now.now.as_seconds();
        ui::ago(
            instant,
            &Timestamp::from_seconds(seconds - seconds.rem_euclid(AGES_STEP_S)),
        )
    }

    fn failures(&self, endpoint: &Endpoint) -> String {
        match endpoint.health.consecutive_failures {
            1 => "one attempt has failed".to_owned(),
            many => format!("{} attempts in a row have failed", ui::count(many.into())),
        }
    }

    fn mean_wait(&self) -> Option<String> {
        self.sums.mean_wait().map(ui::duration)
    }

    fn mean_work(&self) -> Option<String> {
        self.sums.mean_work().map(ui::duration)
    }

    fn count(&self, number: &u64) -> String {
        ui::count(*number)
    }

    fn bytes(&self, number: &u64) -> String {
        ui::bytes(*number)
    }

    fn troubled(&self) -> impl Iterator<Item = &Endpoint> {
        self.now.troubled.iter().take(TROUBLED_SHOWN)
    }

    fn more_troubled(&self) -> usize {
        self.now.troubled.len().saturating_sub(TROUBLED_SHOWN)
    }

    fn client_name(&self, id: &ClientId) -> &str {
        name_of(self.clients, *id)
    }

    /// What is wrong with an endpoint, as a badge.
    fn trouble(&self, endpoint: &Endpoint) -> String {
        match endpoint.state {
            EndpointState::Held {
                reason: HoldReason::Gone,
                ..
            } => ui::badge(Tone::Bad, "gone"),
            EndpointState::Held { .. } => ui::badge(Tone::Bad, "held"),
            _ => ui::badge(Tone::Warning, "failing"),
        }
    }
}

fn name_of(clients: &[Client], id: ClientId) -> &str {
    let found = clients.iter().find(|client| client.id == id);
    found.map_or("a client that is gone", |client| client.name.as_str())
}

fn sum(activity: &[JobActivity]) -> JobActivity {
    activity
        .iter()
        .fold(JobActivity::default(), |sum, one| JobActivity {
            submitted: sum.submitted + one.submitted,
            bytes_in: sum.bytes_in + one.bytes_in,
            succeeded: sum.succeeded + one.succeeded,
            failed: sum.failed + one.failed,
            cancelled: sum.cancelled + one.cancelled,
            worked_on: sum.worked_on + one.worked_on,
            waited_ms: sum.waited_ms + one.waited_ms,
            worked_ms: sum.worked_ms + one.worked_ms,
            faces: sum.faces + one.faces,
            plates: sum.plates + one.plates,
        })
}

/// One series of a plot: its name, its class in the style sheet, and what it counts.
type Member<'a> = (&'a str, &'a str, fn(&JobActivity) -> u64);

/// A plot of some of what the activity counts.
fn plot(
    title: &str,
    axis: &Axis,
    activity: &[JobActivity],
    members: &[Member<'_>],
    show: fn(u64) -> String,
) -> String {
    let values: Vec<Vec<u64>> = members
        .iter()
        .map(|(_, _, member)| activity.iter().map(member).collect())
        .collect();
    let series: Vec<Series<'_>> = members
        .iter()
        .zip(&values)
        .map(|((name, class, _), values)| Series { name, class, values })
        .collect();
    columns(title, axis, &series, show)
}

fn mean_wait_ms(activity: &JobActivity) -> u64 {
    let wait = activity.mean_wait().unwrap_or_default();
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn millis(value: u64) -> String {
    ui::duration(Duration::from_millis(value))
}

async fn numbers(console: &Console, visitor: &Visitor, range: Range) -> Result<String, ConsoleError> {
    let engine = &console.engine;
    let scope = visitor.scope();
    let now = engine.overview(scope).await?;
    let stretches = Stretches::until(now.now, range.hours, range.columns);
    let activity = engine.job_activity(scope, stretches).await?;
    let clients = match now.troubled.is_empty() {
        true => Vec::new(),
        false => engine.clients().await?,
    };
    let axis = Axis::of(stretches);
    let body = Live {
        visitor,
        range,
        sums: sum(&activity),
        clients: &clients,
        is_ready: engine.warm().is_some(),
        throughput: plot(
            &format!("Jobs that ended in the last {}, by outcome", range.label),
            &axis,
            &activity,
            &[
                ("succeeded", "chart-1", |one| one.succeeded),
                ("failed", "chart-bad", |one| one.failed),
                ("cancelled", "chart-warning", |one| one.cancelled),
            ],
            ui::count,
        ),
        waits: plot(
            &format!("Mean waiting time for a worker in the last {}", range.label),
            &axis,
            &activity,
            &[("mean wait", "chart-2", mean_wait_ms)],
            millis,
        ),
        hidden: plot(
            &format!("Faces and licence plates hidden in the last {}", range.label),
            &axis,
            &activity,
            &[
                ("faces", "chart-1", |one| one.faces),
                ("licence plates", "chart-2", |one| one.plates),
            ],
            ui::count,
        ),
        now: &now,
    };
    Ok(body.render()?)
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager", get(show))
        .route("/manager/live", get(show_live))
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let range = asked?.range();
    let clients = console.engine.clients().await?;
    let whose = match visitor.scope() {
        Scope::All => "All clients",
        Scope::Client(client) => name_of(&clients, client),
    };
    let body = Overview {
        whose,
        range,
        live: numbers(&console, &visitor, range).await?,
    };
    Ok(page::page(&visitor, Nav::Overview, "Overview", &body)?.into_response())
}

async fn show_live(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let range = asked?.range();
    live(&console, visitor, &headers, move |console, visitor| async move {
        numbers(&console, &visitor, range).await
    })
    .await
}
