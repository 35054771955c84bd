//! `/manager/jobs/{job}`: one job, from upload to the last delivery.

use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::detection::given::GIVEN_BYTES_MAX;
use sfumato_core::event::EventStatus;
use sfumato_core::job::{Job, JobState};
use sfumato_core::store::DeliveryRecord;
use sfumato_core::{Attempt, Endpoint, EndpointId, JobId, MediaKind, Outcome, Standing, Timestamp};
use sfumato_engine::access::Caller;
use sfumato_engine::audit::Deed;

use super::job_options::{Fact, facts};
use super::job_view::{JobView, is_shown};
use crate::Console;
use crate::error::ConsoleError;
use crate::live::live;
use crate::page::{self, Nav};
use crate::ui::{self, Tone};
use crate::visitor::Visitor;

/// Larger detections documents are downloaded and not drawn: a browser would hold all of it.
const DRAWN_BYTES_MAX: u64 = GIVEN_BYTES_MAX as u64;

/// The job that an address names.
#[derive(Debug, Deserialize)]
pub(super) struct JobPath {
    job: String,
}

/// The job that is named, and the caller to act on it. What is not the visitor's does not exist.
pub(super) async fn find(
    console: &Console,
    visitor: &Visitor,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<(Job, Caller), ConsoleError> {
    let Path(path) = path?;
    let id: JobId = path.job.parse().map_err(|_| ConsoleError::NotFound)?;
    let job = console.engine.job_in(visitor.scope(), id).await?;
    let job = job.ok_or(ConsoleError::NotFound)?;
    let caller = visitor.caller_for(job.client).ok_or(ConsoleError::NotFound)?;
    Ok((job, caller))
}

/// What a visitor has done with a job.
pub(super) fn deed(visitor: &Visitor, action: Action, job: &Job) -> Deed {
    visitor
        .deed(action)
        .to(Subject::Job(job.id))
        .of(job.client)
        .with("file", job.upload.file_name.as_str())
}

/// One step of a job's life, with what was told of it.
struct Step {
    title: &'static str,
    /// Its class in the style sheet.
    class: &'static str,
    at: Timestamp,
    /// How long after the step before, in words.
    after: Option<String>,
    deliveries: Vec<DeliveryRecord>,
}

impl Step {
    fn new(title: &'static str, class: &'static str, at: Timestamp, deliveries: Vec<DeliveryRecord>) -> Self {
        Self {
            title,
            class,
            at,
            after: None,
            deliveries,
        }
    }
}

/// What there is to be seen.
struct Media {
    kind: MediaKind,
    /// Changes whenever something else is to be seen: the element of this name is made anew then, and left alone until then.
    id: String,
    /// Whether the result is there, and whether a browser shows it.
    result: Option<bool>,
    /// The same of the original.
    original: Option<bool>,
    /// Whether the detections can be drawn upon it.
    is_drawn: bool,
    /// Whether there is a detections document.
    has_document: bool,
}

impl Media {
    /// Nothing before the job has finished: there is nothing to compare, and the original is nobody's to look at while it
    /// may still be refused.
    fn of(view: &JobView<'_>) -> Option<Self> {
        let job = view.job;
        let result = view.result();
        if !job.is_finished() || (result.is_none() && !job.original_kept) {
            return None;
        }
        let kind = view.kind();
        let document = result.and_then(|result| result.document);
        Some(Self {
            kind,
            id: format!(
                "media-{}-{}",
                u8::from(result.is_some()),
                u8::from(job.original_kept)
            ),
            result: result.map(|result| is_shown(result.format)),
            original: job.original_kept.then(|| is_shown(job.upload.format)),
            is_drawn: kind != MediaKind::Archive
                && document.is_some_and(|(bytes, _)| bytes <= DRAWN_BYTES_MAX),
            has_document: document.is_some(),
        })
    }

    fn is_compared(&self) -> bool {
        self.result == Some(true) && self.original == Some(true)
    }

    fn is_any_shown(&self) -> bool {
        self.result == Some(true) || self.original == Some(true)
    }

    fn title(&self) -> &'static str {
        match (self.is_compared(), self.result.is_some()) {
            (true, _) => "Before and after",
            (false, true) => "Result",
            (false, false) => "Original",
        }
    }
}

/// All of the page, which changes by itself.
#[derive(Template)]
#[template(path = "job_live.html")]
struct Whole<'a> {
    visitor: &'a Visitor,
    job: &'a Job,
    view: JobView<'a>,
    now: Timestamp,
    /// Whose it is, for those who see several clients' jobs.
    client: Option<String>,
    media: Option<Media>,
    steps: Vec<Step>,
    endpoints: Vec<Endpoint>,
    options: Vec<Fact>,
    revisions: Vec<Job>,
}

impl Whole<'_> {
    /// What the endpoint is called; `None` where it was deleted.
    fn endpoint(&self, id: &EndpointId) -> Option<String> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.id == *id)?;
        Some(match &endpoint.description {
            Some(description) => description.as_str().to_owned(),
            // Without its query, which may hold what is nobody's business.
            None => {
                let url = endpoint.url.as_str();
                url.split('?').next().unwrap_or(url).to_owned()
            }
        })
    }

    fn revision_views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.revisions.iter().map(|job| JobView::new(job, self.now))
    }

    fn revision_name(&self, view: &JobView<'_>) -> String {
        match view.job.revises {
            None => "First result".to_owned(),
            Some(revision) => format!("Revision {}", revision.number),
        }
    }

    fn is_this(&self, view: &JobView<'_>) -> bool {
        view.job.id == self.job.id
    }
}

/// What became of a delivery, as a badge.
fn standing(record: &DeliveryRecord) -> String {
    let (tone, text) = match Standing::of(Some(&record.delivery.state)) {
        Standing::Pending if record.delivery.failures > 0 => (Tone::Warning, "Retrying"),
        Standing::Pending => (Tone::Quiet, "Waiting"),
        Standing::Sending => (Tone::Busy, "Sending"),
        Standing::Delivered => (Tone::Good, "Delivered"),
        Standing::Superseded => (Tone::Quiet, "Superseded"),
        Standing::Expired => (Tone::Bad, "Expired"),
        Standing::Dropped | Standing::Missing => (Tone::Quiet, "Dropped"),
    };
    ui::badge(tone, text)
}

/// What an attempt came to, in words.
fn outcome(attempt: &Attempt) -> String {
    let said = |text: &str| match attempt.status {
        Some(status) => format!("{text} (status {status})"),
        None => text.to_owned(),
    };
    match attempt.outcome {
        Outcome::Ok => said("acknowledged"),
        Outcome::BadAck => said("answered without the acknowledgement"),
        Outcome::Status => said("refused"),
        Outcome::TimeoutConnect => "no connection in time".to_owned(),
        Outcome::TimeoutTotal => said("no whole answer in time"),
        Outcome::Dns => "name not resolved".to_owned(),
        Outcome::Tls => "TLS handshake failed".to_owned(),
        Outcome::Connect => "connection refused or broken".to_owned(),
        Outcome::BlockedAddress => "address not allowed".to_owned(),
        Outcome::BodyTooLarge => said("answer too large"),
        Outcome::Cancelled => "stopped by Sfumato".to_owned(),
    }
}

/// The steps that the job has taken, each with the deliveries of its event.
fn steps(job: &Job, mut deliveries: Vec<DeliveryRecord>) -> Vec<Step> {
    let mut of = |status: EventStatus| {
        let (told, rest) = std::mem::take(&mut deliveries)
            .into_iter()
            .partition(|record| record.event.status == status);
        deliveries = rest;
        told
    };
    let accepted = of(EventStatus::Sent);
    let mut steps = vec![Step::new("Accepted", "step-done", job.created_at, accepted)];
    if let Some(at) = job.started_at {
        steps.push(Step::new("Started", "step-done", at, of(EventStatus::Started)));
    }
    let mut succeeded = |at| Step::new("Succeeded", "step-good", at, of(EventStatus::Succeeded));
    match job.state {
        JobState::Queued { .. } | JobState::Running { .. } => {}
        JobState::Succeeded { finished_at, .. } => steps.push(succeeded(finished_at)),
        JobState::Expired {
            finished_at,
            expired_at,
            ..
        } => {
            steps.push(succeeded(finished_at));
            steps.push(Step::new("Result deleted", "step-done", expired_at, Vec::new()));
        }
        JobState::Failed { finished_at, .. } => {
            let told = of(EventStatus::Failed);
            steps.push(Step::new("Failed", "step-bad", finished_at, told));
        }
        JobState::Cancelled { finished_at } => {
            steps.push(Step::new("Cancelled", "step-warning", finished_at, Vec::new()));
        }
    }
    let mut before = None;
    for step in &mut steps {
        let since = before.replace(step.at).map(|before| step.at.since(before));
        step.after = since.map(ui::duration);
    }
    steps
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    id: JobId,
    whole: String,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/jobs/{job}", get(show))
        .route("/manager/jobs/{job}/live", get(show_live))
}

async fn whole(
    console: &Console,
    visitor: &Visitor,
    job: &Job,
    caller: &Caller,
) -> Result<String, ConsoleError> {
    let engine = &console.engine;
    let (now, id) = (engine.now(), job.public_id());
    let view = JobView::new(job, now);
    let client = if visitor.is_administrator() {
        let clients = engine.clients().await?;
        let found = clients.into_iter().find(|client| client.id == job.client);
        found.map(|client| client.name)
    } else {
        None
    };
    let whole = Whole {
        visitor,
        job,
        view,
        now,
        client,
        media: Media::of(&view),
        steps: steps(job, engine.deliveries_of_job(caller, &id).await?),
        endpoints: engine.endpoints(caller).await?,
        options: facts(job),
        revisions: engine.revisions(caller, &id).await?,
    };
    Ok(whole.render()?)
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let body = JobPage {
        id: job.id,
        whole: whole(&console, &visitor, &job, &caller).await?,
    };
    Ok(page::page(&visitor, Nav::Jobs, &job.upload.file_name, &body)?.into_response())
}

async fn show_live(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, _) = find(&console, &visitor, path).await?;
    let id = job.id;
    live(&console, visitor, &headers, move |console, visitor| async move {
        let path = JobPath { job: id.to_string() };
        let (job, caller) = find(&console, &visitor, Ok(Path(path))).await?;
        whole(&console, &visitor, &job, &caller).await
    })
    .await
}
