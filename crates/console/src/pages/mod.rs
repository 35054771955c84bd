//! The pages, one a file.

mod account;
mod audit;
mod audit_words;
mod client_settings;
mod overview;
mod settings;
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
        .merge(settings::router())
        .merge(client_settings::router())
        .merge(audit::router())
}
