//! Runs the built binary from outside: what it prints, what it answers, how it ends.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests outside of test functions: a panic is their way to fail"
)]

mod api;
mod backup;
mod blur;
mod client;
mod config;
mod detect;
mod doctor;
mod foreign_folder;
mod forward;
mod help;
mod listen;
mod master_key;
mod models;
mod secrets;
mod serve;
mod support;
mod upgrade;
mod user;
mod webhook;
