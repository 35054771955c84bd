//! `/manager/developer/{client}/endpoints/{endpoint}/replays`: many events once more. What would be sent is counted first.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sfumato_core::audit::{Action, Subject};
use sfumato_core::replay::{ReplayCounts, ReplayState};
use sfumato_core::{EventStatus, Replay, ReplayId, ReplaySelection, Standing, Timestamp};

use super::at::{AtEndpoint, in_path};
use super::{Tab, deliveries, words};
use crate::Console;
use crate::error::ConsoleError;
use crate::live;
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// What has never been acknowledged: the usual choice.
const UNACKNOWLEDGED: [Standing; 4] = [
    Standing::Expired,
    Standing::Superseded,
    Standing::Dropped,
    Standing::Missing,
];

/// What the form holds, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    since: String,
    until: String,
    job: String,
    statuses: Vec<EventStatus>,
    standings: Vec<Standing>,
}

impl Given {
    /// What the form shows at first: what was not acknowledged in the last day.
    fn fresh(now: Timestamp) -> Self {
        let since = now.before(Duration::from_secs(24 * 60 * 60)).to_string();
        Self {
            since: since.get(..16).unwrap_or_default().to_owned(),
            until: String::new(),
            job: String::new(),
            statuses: vec![],
            standings: UNACKNOWLEDGED.to_vec(),
        }
    }

    /// Reads the pairs of a form or query. Words that are none choose nothing.
    fn of(pairs: &[(String, String)]) -> Self {
        let all = |name: &'static str| {
            let named = pairs.iter().filter(move |(key, _)| key == name);
            named.map(|(_, value)| value.trim())
        };
        let one = |name| all(name).next().unwrap_or_default().to_owned();
        Self {
            since: one("since"),
            until: one("until"),
            job: one("job"),
            statuses: all("status").filter_map(|word| word.parse().ok()).collect(),
            standings: all("standing").filter_map(|word| word.parse().ok()).collect(),
        }
    }

    /// What is chosen, or a sentence that says what is wrong.
    fn selection(&self, here: &AtEndpoint, now: Timestamp) -> Result<ReplaySelection, &'static str> {
        let since = time(&self.since).ok_or("Say from which time on, such as 2024-06-04T10:29.")?;
        let until = match self.until.as_str() {
            // What has happened in this very microsecond is included.
            "" => now.after(Duration::from_micros(1)),
            text => time(text).ok_or("Say until which time, such as 2024-06-04T10:29, or leave it out.")?,
        };
        if since >= until {
            return Err("The end must be later than the beginning.");
        }
        let job = deliveries::job(&self.job, here.at.client.id);
        Ok(ReplaySelection {
            since,
            until,
            statuses: self.statuses.clone(),
            standings: self.standings.clone(),
            job: job.ok_or("There is no job of this name.")?,
        })
    }
}

/// A time as a browser's field gives it, in UTC.
fn time(text: &str) -> Option<Timestamp> {
    let seconds = match text.len() {
        16 => ":00Z",
        _ => "Z",
    };
    format!("{text}{seconds}").parse().ok()
}

/// The list of replays, which changes while one looks.
#[derive(Template)]
#[template(path = "developer/replays_live.html")]
struct LiveReplays<'a> {
    visitor: &'a Visitor,
    /// The page that it is on.
    path: &'a str,
    replays: Vec<Replay>,
}

impl LiveReplays<'_> {
    fn is_running(&self, replay: &Replay) -> bool {
        replay.state == ReplayState::Running
    }

    fn percent(&self, replay: &Replay) -> u32 {
        // From 0 to 1; a float is clamped when it is cast.
        (replay.progress() * 100.0) as u32
    }

    /// What was chosen beside the time.
    fn selection(&self, replay: &Replay) -> String {
        let selection = &replay.selection;
        let mut parts = Vec::new();
        if !selection.statuses.is_empty() {
            let words: Vec<&str> = selection.statuses.iter().map(|status| status.as_str()).collect();
            parts.push(words.join(", "));
        }
        if !selection.standings.is_empty() {
            let words: Vec<&str> = selection
                .standings
                .iter()
                .map(|standing| standing.as_str())
                .collect();
            parts.push(words.join(", "));
        }
        if selection.job.is_some() {
            parts.push("one job".to_owned());
        }
        if parts.is_empty() {
            "everything".to_owned()
        } else {
            parts.join(" · ")
        }
    }
}

#[derive(Template)]
#[template(path = "developer/replays.html")]
struct ReplaysPage<'a> {
    visitor: &'a Visitor,
    here: &'a AtEndpoint,
    tab: Tab,
    now: Timestamp,
    given: &'a Given,
    error: Option<&'static str>,
    /// What a replay would do.
    counts: Option<ReplayCounts>,
    live: LiveReplays<'a>,
}

impl ReplaysPage<'_> {
    fn has_status(&self, status: &EventStatus) -> bool {
        self.given.statuses.contains(status)
    }

    fn has_standing(&self, standing: &Standing) -> bool {
        self.given.standings.contains(standing)
    }

    /// What a replay can choose: what is on its way is left alone in any case.
    fn standings(&self) -> [Standing; 5] {
        let [expired, superseded, dropped, missing] = UNACKNOWLEDGED;
        [expired, superseded, dropped, missing, Standing::Delivered]
    }
}

/// The replay that a path names.
struct Named(ReplayId);

impl FromRequestParts<Console> for Named {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, ConsoleError> {
        Ok(Self(in_path(parts, "replay").await?))
    }
}

pub(super) fn router() -> Router<Console> {
    let path = "/manager/developer/{client}/endpoints/{endpoint}/replays";
    Router::new()
        .route(path, get(show).post(start))
        .route(&format!("{path}/live"), get(live_part))
        .route(&format!("{path}/{{replay}}/cancel"), post(cancel))
}

async fn replays(
    here: &AtEndpoint,
    given: &Given,
    error: Option<&'static str>,
    counts: Option<ReplayCounts>,
) -> Result<Response, ConsoleError> {
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let visitor = &here.at.visitor;
    let path = here.under("replays");
    let body = ReplaysPage {
        visitor,
        here,
        tab: Tab::Replays,
        now: here.at.now(),
        given,
        error,
        counts,
        live: LiveReplays {
            visitor,
            path: &path,
            replays: here.engine().replays(&here.at.caller, here.endpoint.id).await?,
        },
    };
    let page = page::page(visitor, Nav::Developer, &here.name(), &body)?;
    Ok(page.with_status(status).into_response())
}

type Pairs = Vec<(String, String)>;

/// The page; with a choice in its address also what a replay of it would do.
async fn show(
    here: AtEndpoint,
    pairs: Result<Query<Pairs>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(pairs) = pairs?;
    let now = here.at.now();
    if pairs.is_empty() {
        return replays(&here, &Given::fresh(now), None, None).await;
    }
    let given = Given::of(&pairs);
    let selection = match given.selection(&here, now) {
        Ok(selection) => selection,
        Err(error) => return replays(&here, &given, Some(error), None).await,
    };
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    let counts = here.engine().try_replay(caller, id, &selection).await?;
    replays(&here, &given, None, Some(counts)).await
}

async fn start(
    here: AtEndpoint,
    pairs: Result<Form<Pairs>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let Form(pairs) = pairs?;
    let given = Given::of(&pairs);
    let selection = match given.selection(&here, here.at.now()) {
        Ok(selection) => selection,
        Err(error) => return replays(&here, &given, Some(error), None).await,
    };
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    let replay = here.engine().start_replay(caller, id, &selection).await?;
    let (since, until) = (selection.since.to_string(), selection.until.to_string());
    let particulars = [("since", since.as_str()), ("until", until.as_str())];
    here.at
        .audit_with(Action::ReplayStarted, Subject::Replay(replay.id), &particulars)
        .await;
    let toast = Toast::success("The replay has begun.");
    Ok(page::redirect(&here.under("replays"), Some(toast)))
}

async fn cancel(here: AtEndpoint, Named(replay): Named) -> Result<Response, ConsoleError> {
    let (caller, id) = (&here.at.caller, here.endpoint.id);
    here.engine().cancel_replay(caller, id, replay).await?;
    here.at
        .audit(Action::ReplayCancelled, Subject::Replay(replay))
        .await;
    let toast = Toast::success("The replay is cancelled. What it sent stays sent.");
    Ok(page::redirect(&here.under("replays"), Some(toast)))
}

async fn live_part(here: AtEndpoint, headers: HeaderMap) -> Result<Response, ConsoleError> {
    let path = here.under("replays");
    let (caller, endpoint) = (here.at.caller, here.endpoint.id);
    let render = move |console: Console, visitor: Visitor| {
        let path = path.clone();
        async move {
            let part = LiveReplays {
                visitor: &visitor,
                path: &path,
                replays: console.engine.replays(&caller, endpoint).await?,
            };
            Ok(part.render()?)
        }
    };
    live::live(&here.at.console, here.at.visitor.clone(), &headers, render).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_browsers_field_are_utc_with_and_without_seconds() {
        let at = |text| time(text).map(Timestamp::as_seconds);
        assert_eq!(at("2024-06-04T10:29"), Some(1_717_496_940));
        assert_eq!(at("2024-06-04T10:29:30"), Some(1_717_496_970));
        assert_eq!(at(""), None);
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn a_form_is_read_by_its_words_and_nonsense_chooses_nothing() {
        let pairs = [
            ("since", " 2024-06-04T10:29 "),
            ("status", "Failed"),
            ("status", "Nonsense"),
            ("standing", "missing"),
        ];
        let pairs: Vec<_> = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let given = Given::of(&pairs);
        assert_eq!(given.since, "2024-06-04T10:29");
        assert_eq!(given.statuses, [EventStatus::Failed]);
        assert_eq!(given.standings, [Standing::Missing]);
        assert_eq!(given.until, "");
    }
}
