//! What can go wrong on a page, and what the visitor reads of it.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use sfumato_core::{StoreError, find_cause};
use sfumato_engine::admission::{self, NotAdmitted};
use sfumato_engine::least_rate::TooSlow;
use sfumato_engine::people::PeopleError;
use thiserror::Error;
use tower_http::timeout::TimeoutError;

/// A failure on its way to the visitor. `session` turns it into a page, or for htmx into a toast.
#[derive(Debug, Error)]
pub(crate) enum ConsoleError {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// What was named does not exist, or is not the visitor's to see.
    #[error("there is nothing at this address")]
    NotFound,
    /// The request did not come from a page of ours, or from one of an earlier session.
    #[error("the request did not come from a page of this session")]
    Forgery,
    /// The visitor asked for something that cannot be; the text says what, as a sentence.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// Something is in the way that was not there before; the text says what, as a sentence.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Too much of something.
    #[error("too many requests")]
    TooMany {
        /// After which it may be tried again.
        wait: Duration,
    },
    /// What was sent came too slowly.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The path and the query are longer than any of ours.
    #[error("the address of the request is too long")]
    TargetTooLong,
    /// The header fields are more or larger than a browser sends.
    #[error("the header fields of the request are too large")]
    HeadersTooLarge,
    /// The form is larger than forms are.
    #[error("the form is too large")]
    TooLarge,
    /// The database cannot answer or is at odds with itself.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// A template failed, or something that cannot fail did.
    #[error("a page cannot be made")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// What the visitor reads.
pub(crate) struct Message {
    pub(crate) title: &'static str,
    pub(crate) text: Cow<'static, str>,
}

impl ConsoleError {
    /// A fault of ours.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// A refusal, in a sentence.
    pub(crate) fn refused(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(text.into())
    }

    /// Why the body of a request could not be read.
    pub(crate) fn of_body(error: &(dyn Error + 'static)) -> Self {
        if is_too_slow(error) {
            Self::TooSlow
        } else if find_cause::<LengthLimitError>(error).is_some() {
            Self::TooLarge
        } else {
            Self::refused("The form did not come whole. Send it again.")
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forgery => StatusCode::FORBIDDEN,
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Store(StoreError::Full { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Store(StoreError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the visitor reads: what to do, and nothing of the inside.
    pub(crate) fn message(&self) -> Message {
        let (title, text): (_, Cow<'static, str>) = match self {
            Self::SignedOut => (
                "Please sign in",
                "Your session has ended. Sign in again to go on.".into(),
            ),
            Self::NotFound => (
                "Nothing here",
                "There is no such page, or it is not yours to see.".into(),
            ),
            Self::Forgery => (
                "This page is out of date",
                "It belongs to a session that has ended. Load it again, then repeat what you did.".into(),
            ),
            Self::Refused(text) => ("That cannot be done", text.clone()),
            Self::Conflict(text) => ("That cannot be done now", text.clone()),
            Self::TooMany { wait } => (
                "A moment, please",
                format!(
                    "There were too many attempts. Try again in {} seconds.",
                    admission::retry_after(*wait)
                )
                .into(),
            ),
            Self::TooSlow => (
                "Too slow",
                "What you sent did not arrive in time. Send it again.".into(),
            ),
            Self::TargetTooLong => (
                "Nothing here",
                "The address is longer than any of this server's.".into(),
            ),
            Self::HeadersTooLarge => (
                "Too large",
                "Your browser sends more than this server takes. Delete its cookies for this site.".into(),
            ),
            Self::TooLarge => ("Too large", "The form is larger than this server takes.".into()),
            Self::Store(StoreError::Full { .. }) => (
                "No room",
                "The service's database is full. Nothing was changed. Tell the operator.".into(),
            ),
            Self::Store(StoreError::Unavailable { .. }) => (
                "Not available",
                "A part of the service does not answer. Try again in a few seconds.".into(),
            ),
            Self::Store(_) | Self::Internal(_) => (
                "Something failed",
                "The server could not make this page. Tell the operator if it happens again.".into(),
            ),
        };
        Message { title, text }
    }

    /// Whole seconds after which it may be tried again, where that is a matter of time.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { wait } => Some(admission::retry_after(*wait)),
            _ => None,
        }
    }
}

/// Whether a body came too slowly.
pub(crate) fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    find_cause::<TimeoutError>(error).is_some() || find_cause::<TooSlow>(error).is_some()
}

impl From<NotAdmitted> for ConsoleError {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::TooMany { wait } => Self::TooMany { wait },
            NotAdmitted::TargetTooLong => Self::TargetTooLong,
            NotAdmitted::HeadersTooLarge => Self::HeadersTooLarge,
        }
    }
}

/// The body is written by `session`, which knows the visitor.
impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<StoreError> for ConsoleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::NotFound,
            StoreError::AlreadyExists { .. }
            | StoreError::LimitReached { .. }
            | StoreError::UnderWay { .. }
            | StoreError::OverQuota(_)
            | StoreError::PriorityTooHigh { .. }
            | StoreError::KeyReused
            | StoreError::NotRetained => Self::Conflict(sentence(&error.to_string()).into()),
            StoreError::LeaseLost
            | StoreError::Corrupt { .. }
            | StoreError::Full { .. }
            | StoreError::Unavailable { .. } => Self::Store(error),
        }
    }
}

impl From<PeopleError> for ConsoleError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Store(source) => source.into(),
            PeopleError::Busy => Self::TooMany {
                wait: Duration::from_secs(5),
            },
            PeopleError::Stretching => Self::internal(error),
            other => Self::Refused(sentence(&other.to_string()).into()),
        }
    }
}

impl From<askama::Error> for ConsoleError {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}

macro_rules! rejections {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for ConsoleError {
            fn from(rejection: $rejection) -> Self {
                match rejection.status() {
                    _ if is_too_slow(&rejection) => Self::TooSlow,
                    StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
                    _ => Self::refused("The request lacks something that belongs to it."),
                }
            }
        }
    )+};
}

rejections!(FormRejection, PathRejection, QueryRejection);

/// A fragment as a sentence of its own.
pub(crate) fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

/// A handler panicked.
#[derive(Debug, Error)]
#[error("a handler panicked: {0}")]
struct Panicked(String);

/// The answer where a handler panicked.
pub(crate) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let message = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast_ref::<&'static str>()
            .map_or("no message", |text| text)
            .to_owned(),
    };
    ConsoleError::internal(Panicked(message)).into_response()
}
