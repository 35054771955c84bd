//! The `sfumato` binary: reads the command line and the settings, and puts the parts together.
//!
//! Deliberately absent: everything that could be tested without starting a process belongs into a library. No decoder, no
//! model and no libav is linked here; media work happens in `sfumato-media`.
#![forbid(unsafe_code)]

mod api_client;
mod backup;
mod base_url;
mod blob_walk;
mod blur;
mod cli;
mod contract;
mod copy;
mod data_dir;
mod database;
mod descriptors;
mod detect;
mod forward;
mod front;
mod instance;
mod key_files;
mod lifecycle;
mod locate;
mod message;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod printed;
mod receiver;
mod sandbox;
mod secrets;
mod server;
mod settings;
mod storage;
mod tasks;
mod telemetry;
mod traces;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            output::note(format!("error: failed to {error:#}"));
            let usage = error.is::<cli::UsageError>() || error.is::<settings::SettingsError>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}
