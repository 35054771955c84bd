//! `/manager/audit`: who did what, when and from where. For administrators alone: its entries name people of all clients and
//! their addresses.

use std::str::FromStr;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, AuditEntry};
use sfumato_core::client::Client;
use sfumato_core::store::AuditFilter;
use sfumato_core::{AuditId, ClientId, PublicJobId, Scope, Timestamp, User, UserId};
use sfumato_engine::audit::ExportFormat;
use url::form_urlencoded;
use uuid::Uuid;

use super::audit_words::{self, About, THINGS, action_words, actions_about};
use crate::Console;
use crate::error::ConsoleError;
use crate::page::{self, Nav};
use crate::ui;
use crate::visitor::Visitor;

/// Entries of one page.
const ENTRIES_SHOWN: usize = 50;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the address of the page asks for, as it stands there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// A user.
    who: String,
    /// An action, or a thing that actions are about.
    action: String,
    client: String,
    /// An identifier of anything.
    about: String,
    /// The first day, `2024-06-04`, in UTC.
    from: String,
    /// The last one.
    to: String,
    /// Entries older than this one.
    before: String,
}

fn unread(what: &'static str) -> ConsoleError {
    ConsoleError::refused(format!("The {what} cannot be read."))
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
    optional(&format!("{text}T00:00:00Z"), "day")
}

/// The identifier of anything; of a job also the one that its client knows.
fn identifier(text: &str) -> Result<Option<Uuid>, ConsoleError> {
    let text = text.trim();
    match text.parse::<PublicJobId>() {
        Ok(job) => Ok(Some(job.job.as_uuid())),
        Err(_) => optional(text, "identifier"),
    }
}

impl Asked {
    fn filter(&self) -> Result<(Scope, AuditFilter), ConsoleError> {
        let scope = match optional::<ClientId>(&self.client, "client")? {
            Some(client) => Scope::Client(client),
            None => Scope::All,
        };
        let actions = match self.action.as_str() {
            "" => Vec::new(),
            word if word.contains('.') => vec![word.parse().map_err(|_| unread("action"))?],
            thing => actions_about(thing),
        };
        if actions.is_empty() && !self.action.is_empty() {
            return Err(unread("action"));
        }
        let filter = AuditFilter {
            actions,
            user: optional::<UserId>(&self.who, "user")?,
            subject: identifier(&self.about)?,
            since: day(&self.from)?,
            until: day(&self.to)?.map(|midnight| midnight.after(DAY)),
        };
        Ok((scope, filter))
    }

    fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("who", &self.who),
            ("action", &self.action),
            ("client", &self.client),
            ("about", &self.about),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The same question as part of an address, without where to begin.
    fn query(&self) -> String {
        let asked = self.fields().into_iter().filter(|(_, value)| !value.is_empty());
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(asked)
            .finish()
    }

    fn is_filtered(&self) -> bool {
        self.fields().iter().any(|(_, value)| !value.is_empty())
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit<'a> {
    asked: &'a Asked,
    entries: &'a [AuditEntry],
    users: &'a [User],
    clients: &'a [Client],
    now: Timestamp,
    /// The question of this page for other addresses.
    query: String,
    newest: Option<String>,
    older: Option<String>,
}

impl Audit<'_> {
    fn things(&self) -> [(&'static str, &'static str, Vec<Action>); THINGS.len()] {
        THINGS.map(|(thing, name)| (thing, name, actions_about(thing)))
    }

    fn words(&self, action: &Action) -> &'static str {
        action_words(*action)
    }

    fn is_asked(&self, asked: &str, value: &str) -> bool {
        asked == value
    }

    fn badge(&self, entry: &AuditEntry) -> String {
        ui::badge(audit_words::tone(entry.action), action_words(entry.action))
    }

    fn kind_of_actor(&self, entry: &AuditEntry) -> &'static str {
        audit_words::actor_words(&entry.actor)
    }

    fn particulars<'e>(&self, entry: &'e AuditEntry) -> Vec<(&'e str, &'e str)> {
        audit_words::particulars(entry)
    }

    fn about(&self, entry: &AuditEntry) -> Option<About> {
        audit_words::about(entry, self.users, self.clients)
    }

    fn client_name(&self, id: &ClientId) -> &str {
        let found = self.clients.iter().find(|client| client.id == *id);
        found.map_or("a client that is gone", |client| client.name.as_str())
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/audit", get(show))
        .route("/manager/audit/export.csv", get(export_csv))
        .route("/manager/audit/export.jsonl", get(export_json_lines))
}

fn address(query: &str, before: Option<AuditId>) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !query.is_empty() {
        parts.push(query.to_owned());
    }
    parts.extend(before.map(|before| format!("before={before}")));
    match parts.is_empty() {
        true => "/manager/audit".to_owned(),
        false => format!("/manager/audit?{}", parts.join("&")),
    }
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    visitor.administrator()?;
    let Query(asked) = asked?;
    let (scope, filter) = asked.filter()?;
    let before = optional::<AuditId>(&asked.before, "place")?;
    let engine = &console.engine;
    let found = engine
        .audit_entries(scope, &filter, before, ENTRIES_SHOWN)
        .await?;
    let query = asked.query();
    let body = Audit {
        asked: &asked,
        entries: &found.entries,
        users: &engine.users().await?,
        clients: &engine.clients().await?,
        now: engine.now(),
        newest: before.map(|_| address(&query, None)),
        older: found.next.map(|next| address(&query, Some(next))),
        query: match query.is_empty() {
            true => String::new(),
            false => format!("?{query}"),
        },
    };
    Ok(page::page(&visitor, Nav::Audit, "Audit log", &body)?.into_response())
}

async fn export_csv(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    export(&console, &visitor, asked, ExportFormat::Csv).await
}

async fn export_json_lines(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    export(&console, &visitor, asked, ExportFormat::JsonLines).await
}

/// All entries that are asked for, as a file that is made while it is sent.
async fn export(
    console: &Console,
    visitor: &Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
    format: ExportFormat,
) -> Result<Response, ConsoleError> {
    visitor.administrator()?;
    let Query(asked) = asked?;
    let (scope, filter) = asked.filter()?;
    let entries = console.engine.export_audit(scope, filter, format);
    let mut deed = visitor
        .deed(Action::AuditExported)
        .with("format", format.extension());
    for (name, value) in asked.fields() {
        if !value.is_empty() {
            deed = deed.with(name, value);
        }
    }
    console.audit(deed).await;
    let today = console.engine.now().to_string();
    let name = format!(
        "attachment; filename=\"sfumato-audit-{}.{}\"",
        today.get(..10).unwrap_or("log"),
        format.extension()
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment")),
        ),
    ];
    Ok((headers, Body::from_stream(entries)).into_response())
}
