//! What is done with a job at a button: cancel it, do it again, delete its files now.

use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use sfumato_core::audit::Action;
use sfumato_core::store::CancelOutcome;
use sfumato_engine::again::{Fate, Fates, RetryError};

use super::job::{JobPath, deed, find};
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::look::Toast;
use crate::page;
use crate::session::{is_htmx, is_ours};
use crate::visitor::Visitor;

/// Where the button was, to come back to.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    next: String,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/manager/jobs/{job}/cancel", post(cancel))
        .route("/manager/jobs/{job}/retry", post(retry))
        .route("/manager/jobs/{job}/delete", post(delete))
}

/// For htmx a message, and the live part of the page shows the rest; for a plain form the page again.
fn done(headers: &HeaderMap, target: &str, toast: Toast) -> Response {
    if is_htmx(headers) {
        (StatusCode::NO_CONTENT, [toast.trigger()]).into_response()
    } else {
        page::redirect(target, Some(toast))
    }
}

/// A page of ours, or the list.
fn back(from: &Place) -> &str {
    if is_ours(&from.next) {
        &from.next
    } else {
        "/manager/jobs"
    }
}

/// Everything that a button brings.
type Pressed = (
    State<Console>,
    Visitor,
    HeaderMap,
    Result<Path<JobPath>, PathRejection>,
    Result<Form<Place>, FormRejection>,
);

async fn cancel((State(console), visitor, headers, path, from): Pressed) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let Form(from) = from?;
    let name = &job.upload.file_name;
    let toast = match console.engine.cancel(&caller, &job.public_id()).await? {
        CancelOutcome::Cancelled { .. } => {
            console.audit(deed(&visitor, Action::JobCancelled, &job)).await;
            Toast::success(format!("{name} is cancelled."))
        }
        CancelOutcome::AlreadyFinished(_) => Toast::failure(format!("{name} had finished before.")),
    };
    Ok(done(&headers, back(&from), toast))
}

async fn retry((State(console), visitor, headers, path, from): Pressed) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let Form(from) = from?;
    let again = match console.engine.retry(&caller, &job.public_id()).await {
        Ok(again) => again,
        Err(RetryError::Store(error)) => return Err(error.into()),
        Err(error @ RetryError::Succeeded) => {
            return Err(ConsoleError::Conflict(sentence(&error.to_string()).into()));
        }
    };
    let deed = deed(&visitor, Action::JobRetried, &job).with("new_job", again.job.to_string());
    console.audit(deed).await;
    let toast = Toast::success(format!("{} is done again, as a new job.", job.upload.file_name));
    // From the page of the failed job on to that of the new one.
    let own = format!("/manager/jobs/{}", job.id);
    if back(&from) == own && !is_htmx(&headers) {
        return Ok(page::redirect(
            &format!("/manager/jobs/{}", again.job),
            Some(toast),
        ));
    }
    Ok(done(&headers, back(&from), toast))
}

async fn delete((State(console), visitor, headers, path, from): Pressed) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let Form(from) = from?;
    let fates = console.engine.discard(&caller, &job.public_id()).await?;
    console.audit(deed(&visitor, Action::JobMediaDeleted, &job)).await;
    let name = &job.upload.file_name;
    let toast = match fates {
        Fates {
            original: Fate::Remains,
            ..
        }
        | Fates {
            result: Fate::Remains,
            ..
        } => Toast::failure(format!(
            "The storage could not delete all files of {name}. It is tried again every minute; the server's log says why."
        )),
        Fates {
            original: Fate::Needed,
            ..
        } => Toast::success(format!(
            "The result of {name} is deleted. The original stays until another job on it has finished."
        )),
        _ => Toast::success(format!("The files of {name} are deleted.")),
    };
    Ok(done(&headers, back(&from), toast))
}
