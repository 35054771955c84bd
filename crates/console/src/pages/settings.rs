//! `/manager/settings`: what is agreed with each client, and what the server runs with. Members see what is agreed with
//! their client and what holds for everybody.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::Scope;
use sfumato_core::client::Client;
use sfumato_core::policy::{ClientPolicy, Retention, Usage};

use crate::error::ConsoleError;
use crate::page::{self, Nav};
use crate::ui::{self, Tone};
use crate::visitor::Visitor;
use crate::{Console, ServerSetting};

/// Clients that the page shows; others are searched for.
const CLIENTS_SHOWN: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A part of a client's name or id.
    q: String,
}

/// A client with what is agreed with it.
struct Agreed {
    client: Client,
    policy: ClientPolicy,
    usage: Usage,
}

/// The settings of one section of the file.
struct Section<'a> {
    name: &'a str,
    settings: Vec<&'a ServerSetting>,
}

impl Section<'_> {
    /// How many are not as they are built in.
    fn changed(&self) -> usize {
        self.settings
            .iter()
            .filter(|setting| setting.origin.is_some())
            .count()
    }
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings<'a> {
    visitor: &'a Visitor,
    q: &'a str,
    clients: &'a [Agreed],
    /// Clients that were found, shown or not.
    found: usize,
    /// Clients in all.
    total: usize,
    everybody: Retention,
    sections: Vec<Section<'a>>,
    origins: Option<&'a ServerSetting>,
    /// The sandbox as a badge, and in words; nothing before the media processes have started.
    sandbox: Option<(String, String)>,
    models: String,
}

impl Settings<'_> {
    fn kept_originals(&self, policy: &ClientPolicy) -> String {
        kept(policy.retention.originals_kept, self.everybody.originals_kept)
    }

    fn kept_results(&self, policy: &ClientPolicy) -> String {
        kept(policy.retention.results_kept, self.everybody.results_kept)
    }

    fn everybodys_originals(&self) -> String {
        in_words(self.everybody.originals_kept.unwrap_or_default())
    }

    fn everybodys_results(&self) -> String {
        in_words(self.everybody.results_kept.unwrap_or_default())
    }

    fn waiting(&self, agreed: &Agreed) -> String {
        quota(
            agreed.usage.jobs_waiting,
            agreed.policy.quotas.jobs_waiting_max,
            ui::count,
            "Waiting jobs",
        )
    }

    fn today(&self, agreed: &Agreed) -> String {
        quota(
            agreed.usage.jobs_today,
            agreed.policy.quotas.jobs_per_day_max,
            ui::count,
            "Jobs today",
        )
    }

    fn stored(&self, agreed: &Agreed) -> String {
        quota(
            agreed.usage.bytes_stored,
            agreed.policy.quotas.bytes_stored_max,
            ui::bytes,
            "Stored",
        )
    }
}

/// How long something is kept, and where that comes from.
fn kept(own: Option<Duration>, everybodys: Option<Duration>) -> String {
    match own {
        Some(own) => in_words(own),
        None => format!("{} (default)", in_words(everybodys.unwrap_or_default())),
    }
}

/// A time for which files are kept: `7 days`, `90 minutes`, and `not at all`.
pub(super) fn in_words(kept: Duration) -> String {
    let seconds = kept.as_secs();
    if kept.is_zero() {
        return "not at all".to_owned();
    }
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (count, unit) = units
        .into_iter()
        .find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length))
        .map_or((seconds, "second"), |(length, unit)| (seconds / length, unit));
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", ui::count(count))
}

/// How much of a quota is used, in words and, where there is one, as a bar.
fn quota(used: u64, max: Option<u64>, show: fn(u64) -> String, name: &str) -> String {
    match max {
        None => format!(
            "<span class=\"quota\">{} <span class=\"hint\">no limit</span></span>",
            show(used)
        ),
        Some(max) => format!(
            "<span class=\"quota\">{} of {}<progress max=\"{}\" value=\"{}\" aria-label=\"{name}: part of the quota that is used\"></progress></span>",
            show(used),
            show(max),
            max.max(1),
            used.min(max.max(1)),
        ),
    }
}

fn sections(settings: &[ServerSetting]) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for setting in settings {
        let name = setting.key.split_once('.').map_or("", |(section, _)| section);
        let name = if name.is_empty() { "server" } else { name };
        match sections.last_mut().filter(|last| last.name == name) {
            Some(last) => last.settings.push(setting),
            None => sections.push(Section {
                name,
                settings: vec![setting],
            }),
        }
    }
    sections
}

/// Which clients are wanted, how many were found, and how many there are.
fn wanted(clients: Vec<Client>, scope: Scope, q: &str) -> (Vec<Client>, usize, usize) {
    let mut own: Vec<Client> = clients
        .into_iter()
        .filter(|client| scope.contains(client.id))
        .collect();
    own.sort_by_key(|client| client.name.to_lowercase());
    let total = own.len();
    let lower = q.to_lowercase();
    let mut found: Vec<Client> = own
        .into_iter()
        .filter(|client| client.name.to_lowercase().contains(&lower) || client.key.as_str().contains(q))
        .collect();
    let count = found.len();
    found.truncate(CLIENTS_SHOWN);
    (found, count, total)
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/settings", get(show))
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let engine = &console.engine;
    let q = asked.q.trim();
    let (found, count, total) = wanted(engine.clients().await?, visitor.scope(), q);
    let mut clients = Vec::with_capacity(found.len());
    for client in found {
        let (policy, usage) = engine.client_policy(client.id).await?;
        clients.push(Agreed {
            client,
            policy,
            usage,
        });
    }
    let server: &[ServerSetting] = &console.settings.server;
    let warm = engine.warm().filter(|_| visitor.is_administrator());
    let body = Settings {
        visitor: &visitor,
        q,
        clients: &clients,
        found: count,
        total,
        everybody: engine.retention(),
        sections: match visitor.is_administrator() {
            true => sections(server),
            false => Vec::new(),
        },
        origins: server.iter().find(|setting| setting.key == "allowed_origins"),
        sandbox: warm.map(|warm| match warm.layers.missing().as_slice() {
            [] => (ui::badge(Tone::Good, "complete"), warm.layers.to_string()),
            missing => (
                ui::badge(Tone::Warning, &format!("missing: {}", missing.join(", "))),
                warm.layers.to_string(),
            ),
        }),
        models: warm.map(|warm| warm.models.join(", ")).unwrap_or_default(),
    };
    Ok(page::page(&visitor, Nav::Settings, "Settings", &body)?.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_largest_unit_that_is_whole() {
        for (seconds, words) in [
            (0, "not at all"),
            (1, "1 second"),
            (90, "90 seconds"),
            (5_400, "90 minutes"),
            (86_400, "1 day"),
            (172_800, "2 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_quota_of_nothing_is_full() {
        let html = quota(0, Some(0), ui::count, "Stored");
        assert!(html.contains(r#"max="1" value="0""#), "{html}");
        let html = quota(7, Some(5), ui::count, "Stored");
        assert!(html.contains(r#"max="5" value="5""#), "{html}");
    }
}
