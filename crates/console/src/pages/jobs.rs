//! `/manager/jobs`: all jobs, newest first, kept up to date while one looks.

use std::collections::BTreeMap;
use std::str::FromStr;
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
use sfumato_core::job::{Job, JobStateKind};
use sfumato_core::store::JobFilter;
use sfumato_core::{ClientId, JobId, MediaKind, PublicJobId, Scope, Timestamp};
use url::form_urlencoded;

use super::job_view::{JobView, kind_word, state_word};
use crate::Console;
use crate::error::ConsoleError;
use crate::live::live;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// Jobs of one page.
const JOBS_SHOWN: usize = 50;

/// Pages that the way back leads over at most; from further down it leads to the newest jobs.
const TRAIL_MAX: usize = 40;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const KINDS: [MediaKind; 3] = [MediaKind::Picture, MediaKind::Video, MediaKind::Archive];

/// What the address of the page asks for, as it stands there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A part of a name, or an identifier.
    q: String,
    status: String,
    kind: String,
    client: String,
    /// The first day, `2024-06-04`, in UTC.
    from: String,
    /// The last one.
    to: String,
    /// Jobs older than this one.
    before: String,
    /// The `before` of the pages that were turned to get here, the first one first; the newest page has none.
    trail: String,
}

/// What is asked for, read.
#[derive(Clone, Debug)]
struct Listing {
    asked: Asked,
    scope: Scope,
    filter: JobFilter,
    /// The one job whose identifier was searched for.
    exactly: Option<JobId>,
    before: Option<JobId>,
    trail: Vec<JobId>,
}

fn unread(what: &'static str) -> ConsoleError {
    ConsoleError::refused(format!("The address has a {what} that cannot be read."))
}

/// An empty text is nothing; any other must be readable.
fn optional<T: FromStr>(text: &str, what: &'static str) -> Result<Option<T>, ConsoleError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| unread(what))
}

fn day(text: &str) -> Result<Option<Timestamp>, ConsoleError> {
    if text.is_empty() {
        return Ok(None);
    }
    let midnight = format!("{text}T00:00:00Z").parse();
    midnight.map(Some).map_err(|_| unread("day"))
}

impl Listing {
    fn read(asked: Asked, visitor: &Visitor) -> Result<Self, ConsoleError> {
        let state: Option<JobStateKind> = optional(&asked.status, "status")?;
        let kind = match asked.kind.as_str() {
            "" => None,
            word => Some(
                KINDS
                    .into_iter()
                    .find(|kind| kind.to_string() == word)
                    .ok_or_else(|| unread("kind"))?,
            ),
        };
        let scope = match optional::<ClientId>(&asked.client, "client")? {
            None => visitor.scope(),
            Some(client) => visitor
                .scope()
                .narrowed_to(client)
                .ok_or(ConsoleError::NotFound)?,
        };
        let q = asked.q.trim();
        let exactly = q
            .parse::<PublicJobId>()
            .map(|id| id.job)
            .or_else(|_| q.parse::<JobId>());
        let trail: Result<Vec<JobId>, _> = asked
            .trail
            .split(',')
            .filter(|id| !id.is_empty())
            .map(|id| id.parse().map_err(|_| unread("page")))
            .collect();
        Ok(Self {
            scope,
            filter: JobFilter {
                states: state.into_iter().collect(),
                kinds: kind.into_iter().collect(),
                name: (!q.is_empty()).then(|| q.to_owned()),
                since: day(&asked.from)?,
                until: day(&asked.to)?.map(|last| last.after(DAY)),
            },
            exactly: exactly.ok(),
            before: optional(&asked.before, "page")?,
            trail: trail?,
            asked,
        })
    }

    fn is_filtered(&self) -> bool {
        self.filter != JobFilter::default() || !self.asked.client.is_empty()
    }

    /// The query with the filters of this list and another place in it; begins with `?`, or is empty.
    fn query(&self, before: Option<JobId>, trail: &[JobId]) -> String {
        let simple = |id: &JobId| id.as_uuid().simple().to_string();
        let trail: Vec<String> = trail.iter().map(simple).collect();
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", self.asked.q.as_str()),
            ("status", &self.asked.status),
            ("kind", &self.asked.kind),
            ("client", &self.asked.client),
            ("from", &self.asked.from),
            ("to", &self.asked.to),
            ("before", &before.as_ref().map(simple).unwrap_or_default()),
            ("trail", &trail.join(",")),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            empty if empty.is_empty() => empty,
            query => format!("?{query}"),
        }
    }

    fn here(&self) -> String {
        self.query(self.before, &self.trail)
    }

    fn older(&self, next: Option<JobId>) -> Option<String> {
        let next = next?;
        let mut trail = self.trail.clone();
        trail.extend(self.before);
        let skipped = trail.len().saturating_sub(TRAIL_MAX);
        Some(format!(
            "/manager/jobs{}",
            self.query(Some(next), &trail[skipped..])
        ))
    }

    fn newer(&self) -> Option<String> {
        self.before?;
        let query = match self.trail.split_last() {
            Some((last, rest)) => self.query(Some(*last), rest),
            None => self.query(None, &[]),
        };
        Some(format!("/manager/jobs{query}"))
    }
}

/// The part of the page that changes by itself.
#[derive(Template)]
#[template(path = "jobs_list.html")]
struct List<'a> {
    visitor: &'a Visitor,
    listing: &'a Listing,
    jobs: Vec<Job>,
    clients: BTreeMap<ClientId, String>,
    now: Timestamp,
    /// Where this list stands, to come back to.
    here: String,
    /// Whether the search has ended before the page was full.
    is_partial: bool,
    newer: Option<String>,
    older: Option<String>,
}

impl List<'_> {
    fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.iter().map(|job| JobView::new(job, self.now))
    }

    fn client_name(&self, client: &ClientId) -> &str {
        self.clients
            .get(client)
            .map_or("a client that is gone", String::as_str)
    }

    /// Where the jobs stand, in a few words for whoever hears the page.
    fn summary(&self) -> String {
        let parts: Vec<String> = JobStateKind::ALL
            .into_iter()
            .filter_map(|kind| {
                let count = self.jobs.iter().filter(|job| job.state.kind() == kind).count();
                (count > 0).then(|| format!("{count} {}", state_word(kind).to_lowercase()))
            })
            .collect();
        match parts.len() {
            0 => "No jobs".to_owned(),
            _ => format!("Jobs on this page: {}", parts.join(", ")),
        }
    }
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs<'a> {
    visitor: &'a Visitor,
    asked: &'a Asked,
    clients: Vec<Client>,
    is_filtered: bool,
    /// The query of this list.
    query: String,
    list: String,
}

impl Jobs<'_> {
    fn states(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        JobStateKind::ALL
            .into_iter()
            .map(|kind| (kind.as_str(), state_word(kind)))
    }

    fn kinds(&self) -> impl Iterator<Item = (String, &'static str)> {
        KINDS.into_iter().map(|kind| (kind.to_string(), kind_word(kind)))
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/jobs", get(show))
        .route("/manager/jobs/live", get(show_live))
}

async fn clients_of(console: &Console, visitor: &Visitor) -> Result<Vec<Client>, ConsoleError> {
    if visitor.is_administrator() {
        Ok(console.engine.clients().await?)
    } else {
        Ok(Vec::new())
    }
}

async fn list(
    console: &Console,
    visitor: &Visitor,
    listing: &Listing,
    clients: &[Client],
) -> Result<String, ConsoleError> {
    let engine = &console.engine;
    let (jobs, next) = match listing.exactly {
        Some(id) => {
            let job = engine.job_in(listing.scope, id).await?;
            (job.into_iter().collect(), None)
        }
        None => {
            let page = engine
                .jobs(listing.scope, &listing.filter, listing.before, JOBS_SHOWN)
                .await?;
            (page.jobs, page.next)
        }
    };
    let list = List {
        visitor,
        listing,
        is_partial: next.is_some() && jobs.len() < JOBS_SHOWN,
        jobs,
        clients: clients
            .iter()
            .map(|client| (client.id, client.name.clone()))
            .collect(),
        now: engine.now(),
        here: format!("/manager/jobs{}", listing.here()),
        newer: listing.newer(),
        older: listing.older(next),
    };
    Ok(list.render()?)
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let listing = Listing::read(asked, &visitor)?;
    let clients = clients_of(&console, &visitor).await?;
    let body = Jobs {
        visitor: &visitor,
        asked: &listing.asked,
        is_filtered: listing.is_filtered(),
        query: listing.here(),
        list: list(&console, &visitor, &listing, &clients).await?,
        clients,
    };
    Ok(page::page(&visitor, Nav::Jobs, "Jobs", &body)?.into_response())
}

async fn show_live(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let listing = Listing::read(asked, &visitor)?;
    live(&console, visitor, &headers, move |console, visitor| {
        let listing = listing.clone();
        async move {
            let clients = clients_of(&console, &visitor).await?;
            list(&console, &visitor, &listing, &clients).await
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn listing(before: Option<u128>, trail: &[u128]) -> Listing {
        let id = |number: u128| JobId::from_uuid(Uuid::from_u128(number));
        Listing {
            asked: Asked {
                q: "a b".into(),
                ..Asked::default()
            },
            scope: Scope::All,
            filter: JobFilter::default(),
            exactly: None,
            before: before.map(id),
            trail: trail.iter().copied().map(id).collect(),
        }
    }

    fn id(number: u128) -> String {
        format!("{number:032x}")
    }

    #[test]
    fn the_way_to_older_jobs_is_the_way_back_to_newer_ones() {
        let first = listing(None, &[]);
        assert_eq!(first.newer(), None);
        let older = first.older(Some(JobId::from_uuid(Uuid::from_u128(9))));
        assert_eq!(older, Some(format!("/manager/jobs?q=a+b&before={}", id(9))));
        let second = listing(Some(9), &[]);
        assert_eq!(second.newer().as_deref(), Some("/manager/jobs?q=a+b"));
        let third = listing(Some(5), &[9]);
        let newer = format!("/manager/jobs?q=a+b&before={}", id(9));
        assert_eq!(third.newer(), Some(newer));
    }

    #[test]
    fn the_way_back_stays_short_however_far_one_goes() {
        let all: Vec<u128> = (0..100).collect();
        let far = listing(Some(200), &all);
        let older = far.older(Some(JobId::from_uuid(Uuid::nil()))).unwrap();
        assert_eq!(older.matches("%2C").count(), TRAIL_MAX - 1);
    }
}
