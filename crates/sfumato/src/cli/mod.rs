//! The command line: one module a command, each with its flags, its help and its work.

mod backup;
mod blur;
mod client;
mod completions;
mod config;
mod copy;
mod detect;
mod doctor;
mod flags;
mod health;
mod listen;
mod long;
mod look;
mod man;
mod migrate;
mod models;
mod opened;
mod restore;
mod secrets;
mod serve;
mod user;
mod verify;
mod webhook;

use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};

/// The version and, where the build was told of it, the commit that it was made of: releases are.
fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| named(env!("CARGO_PKG_VERSION"), option_env!("SFUMATO_COMMIT")));
    &VERSION
}

fn named(version: &str, commit: Option<&str>) -> String {
    match commit {
        Some(commit) if !commit.is_empty() => format!("{version} ({commit})"),
        _ => version.to_owned(),
    }
}

/// Self-hosted anonymization of pictures, videos and archives: hides faces and licence plates.
#[derive(Debug, Parser)]
#[command(
    name = "sfumato",
    version = version(),
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "\
Examples:
  sfumato serve --data-dir data          start the server
  sfumato client create --data-dir data --name demo
                                         make credentials for a client
  sfumato user create ada@example.com --data-dir data
                                         let a person in to the Manager
  sfumato blur photo.jpg -o hidden.jpg   hide faces and plates without a server
  sfumato detect photo.jpg               show what would be hidden
  sfumato models verify                  check the models
  sfumato listen --port 9000             show webhooks as they arrive
  sfumato webhook check http://127.0.0.1:3000/hook
                                         try a receiver of webhooks
  sfumato backup --to /backups/monday --data-dir data
                                         copy everything while the server runs
  sfumato migrate --check                say whether the database is up to date
  sfumato doctor                         check what a server needs here

Exit codes: 0 it worked, 1 it failed, 2 the command or the settings are wrong.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Client(client::Args),
    User(user::Args),
    Blur(blur::Args),
    Detect(detect::Args),
    Models(models::Args),
    Listen(listen::Args),
    Webhook(webhook::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Secrets(secrets::Args),
    Migrate(migrate::Args),
    Copy(copy::Args),
    Verify(verify::Args),
    Doctor(doctor::Args),
    Health(health::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Cli {
    /// Does what the command says.
    ///
    /// # Errors
    /// Whatever made it fail, as fragments that fit after "failed to".
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => serve::run(&args),
            Command::Client(args) => client::run(&args),
            Command::User(args) => user::run(&args),
            Command::Blur(args) => blur::run(&args),
            Command::Detect(args) => detect::run(&args),
            Command::Models(args) => models::run(&args),
            Command::Listen(args) => listen::run(&args),
            Command::Webhook(args) => webhook::run(&args),
            Command::Backup(args) => backup::run(&args),
            Command::Restore(args) => restore::run(&args),
            Command::Secrets(args) => secrets::run(&args),
            Command::Copy(args) => copy::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Migrate(args) => migrate::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Health(args) => health::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    }
}

/// The command asks for something that cannot be: exit code 2, as for a flag that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_release_says_of_which_commit_it_is() {
        assert_eq!(named("1.2.0", Some("0123456789ab")), "1.2.0 (0123456789ab)");
        assert_eq!(named("1.2.0", None), "1.2.0");
        assert_eq!(named("1.2.0", Some("")), "1.2.0");
        assert!(version().starts_with(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        fn check(command: &clap::Command) {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(help.contains("Example"), "{} has no examples", command.get_name());
            let too_long = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(too_long, None, "a terminal of 80 columns breaks this line");
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
