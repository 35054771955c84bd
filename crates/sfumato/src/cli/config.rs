//! `sfumato config`.

use std::process::ExitCode;

use clap::Subcommand;

use super::flags::{Overrides, ServeFlags, load};
use crate::output;
use crate::settings::{self, Loaded};

/// Show settings and where they come from
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato config print
  sfumato config print --defaults > sfumato.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Print(Print),
}

/// Print the settings that `serve` would run with, each with its origin: default, file and line, variable, or flag
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato config print --config sfumato.toml
  SFUMATO_WEBHOOKS__DEADLINE=5s sfumato config print --json
  sfumato config print --defaults > sfumato.toml    a file to start from")]
struct Print {
    /// Print every setting with its meaning and its default, as a file to start from
    #[arg(long)]
    defaults: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Command::Print(print) = &args.command;
    let loaded = if print.defaults {
        Loaded::defaults()
    } else {
        load(&print.flags.config, &[&print.flags as &dyn Overrides])?
    };
    for warning in &loaded.warnings {
        output::note(format!("warning: {warning}"));
    }
    match (print.json, print.defaults) {
        (true, _) => output::json(&settings::json(&loaded))?,
        (false, true) => output::raw(&settings::example())?,
        (false, false) => output::raw(&settings::text(&loaded))?,
    }
    Ok(ExitCode::SUCCESS)
}
