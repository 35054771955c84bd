//! `/manager/upload`: files in, jobs out.

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::client::{Client, ClientState};
use sfumato_core::job::Job;
use sfumato_core::options::Profile;
use sfumato_core::{AnonymizeOptions, JobId, MediaFormat, PublicJobId, Scope, Timestamp};
use sfumato_engine::access::Caller;
use sfumato_engine::intake::Terms;

use super::job_view::JobView;
use crate::Console;
use crate::error::ConsoleError;
use crate::live::live;
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::receive::{Received, ReceivedFile, receive};
use crate::session::is_htmx;
use crate::visitor::Visitor;

/// Jobs that the page shows at most, the latest ones; the list of jobs has all of them.
const JOBS_SHOWN_MAX: usize = 50;

/// Refused files that a message names.
const REFUSED_NAMED_MAX: usize = 3;

/// What the address of the page asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The jobs to be shown, between commas.
    jobs: String,
}

impl Asked {
    /// The jobs, newest first. What is no identifier is none.
    fn ids(&self) -> Vec<JobId> {
        let ids = self.jobs.split(',').rev().filter_map(|id| id.parse().ok());
        ids.take(JOBS_SHOWN_MAX).collect()
    }
}

#[derive(Template)]
#[template(path = "upload_jobs.html")]
struct UploadedJobs {
    jobs: Vec<Job>,
    now: Timestamp,
}

impl UploadedJobs {
    fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.iter().map(|job| JobView::new(job, self.now))
    }

    /// Where they stand, for whoever hears the page.
    fn summary(&self) -> String {
        let finished = self.jobs.iter().filter(|job| job.is_finished()).count();
        format!("{finished} of {} finished", self.jobs.len())
    }
}

#[derive(Template)]
#[template(path = "upload.html")]
struct Upload<'a> {
    visitor: &'a Visitor,
    /// Those to choose from; of a member none.
    clients: Vec<Client>,
    profile: Profile,
    bytes_max: u64,
    /// The jobs of earlier uploads, in the address of the page.
    jobs: String,
    uploaded: String,
}

impl Upload<'_> {
    /// Whether there is nobody whose jobs the files could become.
    fn is_without_client(&self) -> bool {
        self.visitor.is_administrator() && self.clients.is_empty()
    }

    /// What the file dialog offers.
    fn accepted(&self) -> String {
        let mut accepted: Vec<String> = MediaFormat::ALL
            .into_iter()
            .map(|format| format!(".{}", format.extension()))
            .collect();
        // Other names that cameras and programs give them.
        accepted.extend([".jpeg", ".tif", ".m4v"].map(str::to_owned));
        accepted.join(",")
    }

    /// What is taken, in words.
    fn formats(&self) -> String {
        let names = MediaFormat::ALL.map(|format| format.as_str().to_uppercase());
        names.join(", ")
    }

    fn profiles(&self) -> [(Profile, &'static str); 3] {
        [
            (Profile::Fast, "Fast: one quick look, for what is large and clear"),
            (Profile::Balanced, "Balanced: several models and sizes"),
            (Profile::Thorough, "Thorough: everything, at full size too"),
        ]
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/upload", get(show).post(create))
        .route("/manager/upload/live", get(show_live))
}

/// The jobs of these that are the visitor's, as a list.
async fn uploaded(console: &Console, visitor: &Visitor, ids: &[JobId]) -> Result<String, ConsoleError> {
    let mut jobs = Vec::new();
    for id in ids {
        jobs.extend(console.engine.job_in(visitor.scope(), *id).await?);
    }
    let now = console.engine.now();
    Ok(UploadedJobs { jobs, now }.render()?)
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let ids = asked.ids();
    let clients = match visitor.scope() {
        Scope::All => console.engine.clients().await?,
        Scope::Client(_) => Vec::new(),
    };
    let jobs: Vec<String> = ids.iter().rev().map(JobId::to_string).collect();
    let body = Upload {
        visitor: &visitor,
        clients: clients
            .into_iter()
            .filter(|client| client.state == ClientState::Active)
            .collect(),
        profile: console.settings.default_profile,
        bytes_max: console.engine.settings().upload_bytes_max,
        jobs: jobs.join(","),
        uploaded: uploaded(&console, &visitor, &ids).await?,
    };
    Ok(page::page(&visitor, Nav::Upload, "Upload", &body)?.into_response())
}

async fn show_live(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ConsoleError> {
    let Query(asked) = asked?;
    let ids = asked.ids();
    live(&console, visitor, &headers, move |console, visitor| {
        let ids = ids.clone();
        async move { uploaded(&console, &visitor, &ids).await }
    })
    .await
}

/// The caller to upload as: of a member the own client, of an administrator the one that was chosen.
async fn caller(console: &Console, visitor: &Visitor, chosen: &str) -> Result<Caller, ConsoleError> {
    let client = match visitor.scope() {
        Scope::Client(own) => own,
        Scope::All => {
            let clients = console.engine.clients().await?;
            let found = clients.iter().find(|client| client.id.to_string() == chosen);
            let found = found.ok_or_else(|| ConsoleError::refused("Choose the client of the jobs."))?;
            found.id
        }
    };
    visitor.caller_for(client).ok_or(ConsoleError::NotFound)
}

/// What became of the files of a form.
#[derive(Default)]
struct Outcome {
    accepted: Vec<PublicJobId>,
    /// Each with its reason. The first one is kept whole for a form that brought nothing else.
    refused: Vec<String>,
    first: Option<ConsoleError>,
}

async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ConsoleError> {
    let Received {
        files,
        options,
        client,
    } = receive(&console.engine, request).await?;
    let caller = caller(&console, &visitor, &client).await?;
    let priority = options.priority();
    let options = options.finish(console.settings.default_profile)?;
    let mut outcome = Outcome::default();
    for file in files {
        let name = file.name.clone();
        let terms = Terms {
            priority,
            ..Terms::default()
        };
        match submit(&console, &visitor, &caller, file, options.clone(), terms).await {
            Ok(job) => outcome.accepted.push(job),
            Err(error) => {
                outcome.refused.push(format!("{name}: {}", error.message().text));
                outcome.first.get_or_insert(error);
            }
        }
    }
    if outcome.accepted.is_empty() {
        let nothing = || ConsoleError::refused("Choose at least one file.");
        return Err(outcome.first.unwrap_or_else(nothing));
    }
    Ok(answer(&headers, &outcome))
}

/// Makes a job of one file.
async fn submit(
    console: &Console,
    visitor: &Visitor,
    caller: &Caller,
    file: ReceivedFile,
    options: AnonymizeOptions,
    terms: Terms,
) -> Result<PublicJobId, ConsoleError> {
    let upload = file.upload?;
    let name = upload.file_name().to_owned();
    let job = console.engine.submit_on(caller, upload, options, terms).await?;
    let deed = visitor.deed(Action::JobSubmitted).to(Subject::Job(job.job));
    console.audit(deed.of(caller.client).with("file", name)).await;
    Ok(job)
}

/// For the script, which sends one file at a time, the place of its job; for a plain form the page with all of them.
fn answer(headers: &HeaderMap, outcome: &Outcome) -> Response {
    let ids: Vec<String> = outcome.accepted.iter().map(|id| id.job.to_string()).collect();
    if is_htmx(headers) {
        let place = ids.first().map(|id| format!("/manager/jobs/{id}"));
        let place = place.and_then(|place| HeaderValue::from_str(&place).ok());
        let place = place.unwrap_or(HeaderValue::from_static("/manager/jobs"));
        return (StatusCode::CREATED, [(LOCATION, place)]).into_response();
    }
    let toast = if outcome.refused.is_empty() {
        let plural = if ids.len() == 1 { " is" } else { "s are" };
        Toast::success(format!("{} file{plural} uploaded.", ids.len()))
    } else {
        let named = outcome.refused.iter().take(REFUSED_NAMED_MAX);
        let named: Vec<&str> = named.map(String::as_str).collect();
        let (count, named) = (outcome.refused.len(), named.join(" "));
        Toast::failure(format!("{count} of the files could not be taken. {named}"))
    };
    let from = ids.len().saturating_sub(JOBS_SHOWN_MAX);
    let path = format!("/manager/upload?jobs={}", ids[from..].join(","));
    page::redirect(&path, Some(toast))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_latest_jobs_of_an_address_are_shown_first_and_no_more_than_fit() {
        let id = |number: u128| JobId::from_uuid(Uuid::from_u128(number));
        let ids: Vec<String> = (0..60).map(|number| id(number).to_string()).collect();
        let asked = Asked {
            jobs: format!("nonsense,{}", ids.join(",")),
        };
        let read = asked.ids();
        assert_eq!(read.len(), JOBS_SHOWN_MAX);
        assert_eq!(read.first(), Some(&id(59)));
        assert!(Asked::default().ids().is_empty());
    }
}
