//! The layer that refuses requests by their address, and those of a client that asks too often.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sfumato_engine::admission::{NotAdmitted, retry_after};

use crate::ApiState;
use crate::problem::Problem;

/// 429, with the time to wait in whole seconds.
pub(crate) fn too_many(wait: Duration) -> Problem {
    wait_for("too many requests", wait)
}

/// 429 for a reason, with the time to wait in whole seconds.
pub(crate) fn wait_for(reason: &str, wait: Duration) -> Problem {
    let seconds = retry_after(wait);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("{reason}; try again in {seconds} seconds"),
    )
    .with(RETRY_AFTER, seconds.into())
}

impl From<NotAdmitted> for Problem {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::TooMany { wait } => too_many(wait),
            NotAdmitted::TargetTooLong => Self::new(StatusCode::URI_TOO_LONG, refused.to_string()),
            NotAdmitted::HeadersTooLarge => {
                Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, refused.to_string())
            }
        }
    }
}

/// The layer.
pub(crate) async fn admit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let sender = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let sender = sender.map(|ConnectInfo(sender)| sender.ip());
    match state
        .engine
        .admit_request(request.method(), request.uri(), request.headers(), sender)
    {
        Ok(()) => next.run(request).await,
        Err(refused) => Problem::from(refused).into_response(),
    }
}
