//! The pages, one a file.

mod account;
mod overview;
mod setup;
mod sign_in;
mod users;

use axum::Router;

use crate::Console;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .merge(overview::router())
        .merge(sign_in::router())
        .merge(setup::router())
        .merge(account::router())
        .merge(users::router())
}
