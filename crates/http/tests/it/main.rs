//! The API through a real listening server, with the real engine, database and storage. Nothing works on the jobs: where
//! a test needs a finished one, it does the worker's part at the store.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like tests, and clippy knows only the latter"
)]

mod auth;
mod authorization;
mod described;
mod events;
mod faults;
mod hostile_corpus;
mod jobs;
mod metrics;
mod once;
mod openapi;
mod quotas;
mod rates;
mod redirects;
mod render;
mod results;
mod server;
mod surface;
mod upload;
mod upload_breaks;
mod upload_options;
mod webhook_history;
mod webhook_settings;
mod webhooks;
