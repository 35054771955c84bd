//! The pages, one a file.

mod account;
mod audit;
mod audit_words;
mod client_settings;
mod developer;
mod job;
mod job_actions;
mod job_files;
mod job_options;
mod job_view;
mod jobs;
mod openid;
mod overview;
mod review;
mod review_edits;
mod review_rows;
mod review_video;
mod settings;
mod setup;
mod sign_in;
mod upload;
mod users;

use axum::Router;

use crate::Console;

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .merge(overview::router())
        .merge(sign_in::router())
        .merge(openid::router())
        .merge(setup::router())
        .merge(account::router())
        .merge(users::router())
        .merge(upload::router())
        .merge(review::router())
        .merge(jobs::router())
        .merge(job::router())
        .merge(job_actions::router())
        .merge(job_files::router())
        .merge(developer::router())
        .merge(settings::router())
        .merge(client_settings::router())
        .merge(audit::router())
}
