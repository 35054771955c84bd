//! `/manager/developer/{client}/endpoints/{endpoint}`: how an endpoint is doing, and its deliveries.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::store::{AttemptActivity, DeliveryFilter, DeliveryRecord, Stretches};
use sfumato_core::{ClientId, JobId, PublicJobId, Standing, Timestamp};
use sfumato_engine::events::EventsError;
use url::form_urlencoded;

use super::at::AtEndpoint;
use super::{Tab, words};
use crate::Console;
use crate::charts::{self, Series};
use crate::error::ConsoleError;
use crate::live::live;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// Deliveries of a page.
const LIMIT: usize = 25;

/// A stretch of time that the numbers and the chart cover.
struct Range {
    word: &'static str,
    label: &'static str,
    /// Hours in each column.
    hours: u32,
    columns: u32,
}

const RANGES: [Range; 3] = [
    Range {
        word: "day",
        label: "24 hours",
        hours: 1,
        columns: 24,
    },
    Range {
        word: "week",
        label: "7 days",
        hours: 6,
        columns: 28,
    },
    Range {
        word: "month",
        label: "30 days",
        hours: 24,
        columns: 30,
    },
];

/// How far back deliveries are listed.
struct Since {
    word: &'static str,
    label: &'static str,
    hours: u64,
}

const SINCES: [Since; 3] = [
    Since {
        word: "hour",
        label: "The last hour",
        hours: 1,
    },
    Since {
        word: "day",
        label: "The last 24 hours",
        hours: 24,
    },
    Since {
        word: "week",
        label: "The last 7 days",
        hours: 7 * 24,
    },
];

/// What the page is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    standing: String,
    #[serde(default)]
    job: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    range: String,
    cursor: Option<String>,
}

impl Asked {
    fn range(&self) -> &'static Range {
        let asked = RANGES.iter().find(|range| range.word == self.range);
        asked.unwrap_or(&RANGES[0])
    }

    fn is_filtered(&self) -> bool {
        !(self.standing.is_empty() && self.job.trim().is_empty() && self.since.is_empty())
    }

    /// Whether the list is kept up to date: the newest, where finding them each second costs little. A standing is looked for
    /// through many events.
    fn is_followed(&self) -> bool {
        self.cursor.is_none() && self.standing.is_empty()
    }

    /// The filter; `None` where nothing can fit it.
    fn filter(&self, client: ClientId, now: Timestamp) -> Option<DeliveryFilter> {
        let standing = match self.standing.as_str() {
            "" => None,
            word => Some(word.parse().ok()?),
        };
        let since = SINCES.iter().find(|since| since.word == self.since);
        Some(DeliveryFilter {
            standing,
            job: job(&self.job, client)?,
            since: since.map(|since| now.before(Duration::from_secs(since.hours * 60 * 60))),
        })
    }

    /// The address of this page with another range or cursor.
    fn query(&self, range: &str, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::from("?"));
        let cursor = cursor.unwrap_or_default();
        let pairs = [
            ("standing", self.standing.as_str()),
            ("job", self.job.trim()),
            ("since", self.since.as_str()),
            ("range", range),
            ("cursor", cursor),
        ];
        for (name, value) in pairs {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

/// A job by its name, or by what stands in the address of its page. `Some(None)` where none is asked for, `None` where
/// there can be none of this client.
pub(super) fn job(text: &str, client: ClientId) -> Option<Option<JobId>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    match text.parse::<PublicJobId>() {
        Ok(name) => (name.client == client).then_some(Some(name.job)),
        Err(_) => {
            let named = format!("{client}-SRV_ANONYMIZATION-{text}").parse::<PublicJobId>();
            let by_last_part = named.ok().map(|name| name.job);
            by_last_part.or_else(|| text.parse().ok()).map(Some)
        }
    }
}

#[derive(Template)]
#[template(path = "developer/deliveries.html")]
struct DeliveriesPage<'a> {
    visitor: &'a Visitor,
    here: &'a AtEndpoint,
    tab: Tab,
    now: Timestamp,
    asked: &'a Asked,
    sum: AttemptActivity,
    chart: String,
    list: String,
}

impl DeliveriesPage<'_> {
    fn rate(&self) -> String {
        let rate = self.sum.success_rate();
        rate.map_or_else(|| "–".to_owned(), |rate| words::percent(&rate))
    }

    fn latency(&self, part: f64) -> String {
        let latency = self.sum.latency_quantile_ms(part);
        latency.map_or_else(|| "–".to_owned(), |ms| words::milliseconds(&ms))
    }

    fn attempts(&self) -> u64 {
        self.sum.delivered + self.sum.failed
    }

    fn standings(&self) -> impl Iterator<Item = Standing> {
        let all = Standing::ALL.into_iter();
        all.filter(|standing| *standing != Standing::Missing)
    }
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "developer/deliveries_list.html")]
struct DeliveriesList<'a> {
    here: &'a AtEndpoint,
    asked: &'a Asked,
    records: Vec<DeliveryRecord>,
    /// Where older ones are.
    next: Option<String>,
}

impl DeliveriesList<'_> {
    fn job(&self, record: &DeliveryRecord) -> PublicJobId {
        PublicJobId {
            client: record.delivery.client,
            job: record.delivery.job,
        }
    }
}

pub(super) fn router() -> Router<Console> {
    let path = "/manager/developer/{client}/endpoints/{endpoint}";
    Router::new()
        .route(path, get(show))
        .route(&format!("{path}/live"), get(live_list))
        .route(&format!("{path}/state/live"), get(live_state))
}

async fn list(here: &AtEndpoint, asked: &Asked) -> Result<String, ConsoleError> {
    let (records, next) = match asked.filter(here.at.client.id, here.at.now()) {
        None => (vec![], None),
        Some(filter) => {
            let cursor = asked.cursor.as_deref().filter(|cursor| !cursor.is_empty());
            let list = here
                .engine()
                .deliveries(&here.at.caller, here.endpoint.id, filter, cursor, LIMIT)
                .await
                .map_err(unread)?;
            (list.records, list.next)
        }
    };
    let list = DeliveriesList {
        here,
        asked,
        records,
        next,
    };
    Ok(list.render()?)
}

async fn live_list(
    here: AtEndpoint,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let (console, visitor) = (here.at.console.clone(), here.at.visitor.clone());
    let shared = Arc::new((here, asked));
    live(&console, visitor, &headers, move |_, _| {
        let shared = shared.clone();
        async move {
            let (here, asked) = &*shared;
            list(here, asked).await
        }
    })
    .await
}

async fn live_state(here: AtEndpoint, headers: HeaderMap) -> Result<Response, ConsoleError> {
    let (console, visitor) = (here.at.console.clone(), here.at.visitor.clone());
    let (caller, endpoint) = (here.at.caller, here.endpoint.id);
    live(
        &console,
        visitor,
        &headers,
        move |console: Console, _| async move {
            let endpoint = console.engine.endpoint(&caller, endpoint).await?;
            Ok(words::endpoint_state(&endpoint, &console.engine.now()))
        },
    )
    .await
}

async fn show(
    here: AtEndpoint,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let (engine, at, now) = (here.engine(), &here.at, here.at.now());
    let range = asked.range();
    let stretches = Stretches::until(now, range.hours, range.columns);
    let activity = engine
        .attempt_activity(at.client.id, here.endpoint.id, stretches)
        .await?;
    let mut sum = AttemptActivity::default();
    for stretch in &activity {
        sum.add(stretch);
    }
    let body = DeliveriesPage {
        visitor: &at.visitor,
        here: &here,
        tab: Tab::Deliveries,
        now,
        asked: &asked,
        chart: chart(range, stretches, &activity),
        sum,
        list: list(&here, &asked).await?,
    };
    Ok(page::page(&at.visitor, Nav::Developer, &here.name(), &body)?.into_response())
}

fn unread(error: EventsError) -> ConsoleError {
    match error {
        EventsError::UnknownCursor => ConsoleError::NotFound,
        EventsError::Store(source) => source.into(),
        other @ EventsError::TooManyWaiting => ConsoleError::internal(other),
    }
}

fn chart(range: &Range, stretches: Stretches, activity: &[AttemptActivity]) -> String {
    let labels: Vec<String> = stretches.begins().map(|begin| label(range, begin)).collect();
    let delivered: Vec<u64> = activity.iter().map(|stretch| stretch.delivered).collect();
    let failed: Vec<u64> = activity.iter().map(|stretch| stretch.failed).collect();
    let series = [
        Series {
            name: "acknowledged",
            class: "chart-1",
            values: &delivered,
        },
        Series {
            name: "failed",
            class: "chart-bad",
            values: &failed,
        },
    ];
    let title = format!("Attempts in the last {}, in UTC", range.label);
    charts::columns(&title, &labels, &series)
}

/// `14:00` within a day, `Sat 06:00` within a week, `03-04` for whole days.
fn label(range: &Range, begin: Timestamp) -> String {
    let text = begin.to_string();
    let (date, time) = (
        text.get(5..10).unwrap_or_default(),
        text.get(11..16).unwrap_or_default(),
    );
    match range.hours {
        1 => time.to_owned(),
        24 => date.to_owned(),
        _ => match jiff::Timestamp::from_second(begin.as_seconds()) {
            Ok(instant) => instant.strftime("%a %H:%M").to_string(),
            Err(_) => time.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_job_is_found_by_its_name_its_last_part_and_its_address_and_only_its_clients() {
        let client = ClientId::from_uuid(Uuid::from_u128(1));
        let id = JobId::from_uuid(Uuid::from_u128(7));
        let name = PublicJobId { client, job: id };
        for text in [name.to_string(), words::job_short(name), id.to_string()] {
            assert_eq!(job(&format!(" {text} "), client), Some(Some(id)), "{text}");
        }
        assert_eq!(job("", client), Some(None));
        let other = ClientId::from_uuid(Uuid::from_u128(2));
        assert_eq!(job(&name.to_string(), other), None);
        assert_eq!(job("nonsense", client), None);
    }
}
