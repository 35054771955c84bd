//! The tasks of this workspace, as `cargo xtask …`: from a bare machine to a running demo or a full check.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool speaks on standard output"
)]

mod apt;
mod assets;
mod manifest;
mod process;
mod report;
mod setup;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the Sfumato workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing: system packages, and models and inference engine into `assets/`.
    Setup {
        /// Install the tools of `cargo xtask test` too.
        #[arg(long)]
        tests: bool,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Setup { tests } => setup::run(if tests {
            setup::For::Tests
        } else {
            setup::For::Building
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}
