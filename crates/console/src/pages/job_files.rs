//! The files of a job: its original, its result, its detections document.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use sfumato_core::Job;
use sfumato_core::audit::Action;

use super::job::{JobPath, deed, find};
use super::job_view::JobView;
use crate::Console;
use crate::download::{File, download};
use crate::error::ConsoleError;
use crate::readings::Reading;
use crate::visitor::Visitor;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/jobs/{job}/original", get(original))
        .route("/manager/jobs/{job}/result", get(result))
        .route("/manager/jobs/{job}/detections.json", get(detections))
}

async fn original(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let file = File::Original(console.engine.original(&caller, &job.public_id()).await?);
    audit(&console, &visitor, Action::OriginalRead, &job).await?;
    download(&headers, &file).await
}

async fn result(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let view = JobView::new(&job, console.engine.now());
    let result = view.outcome().ok_or(ConsoleError::NotFound)?;
    let extension = result.format.extension();
    let file = File::Result(console.engine.result(&caller, result.id, extension).await?);
    audit(&console, &visitor, Action::ResultRead, &job).await?;
    download(&headers, &file).await
}

async fn detections(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let file = File::Result(console.engine.detections(&caller, &job.public_id()).await?);
    download(&headers, &file).await
}

/// Writes down that a file is read, before its first byte goes out: nobody reads what could not be written down. A player
/// asks for many ranges of one file, of which the first one counts.
async fn audit(console: &Console, visitor: &Visitor, action: Action, job: &Job) -> Result<(), ConsoleError> {
    let now = console.engine.now();
    let reading = Reading {
        session: visitor.signed_in().session.id,
        job: job.id,
        action,
    };
    if console.readings.is_known(&reading, now) {
        return Ok(());
    }
    console.engine.audit(deed(visitor, action, job)).await?;
    console.readings.remember(reading, now);
    Ok(())
}
