//! `sfumato man`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

/// Write the manual pages, one for each command, into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato man /usr/local/share/man/man1
  sfumato man . && man ./sfumato-serve.1")]
pub(crate) struct Args {
    /// The folder; made where it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let shown = args.folder.display();
    std::fs::create_dir_all(&args.folder).with_context(|| format!("make {shown}"))?;
    clap_mangen::generate_to(super::Cli::command(), &args.folder)
        .with_context(|| format!("write pages into {shown}"))?;
    Ok(ExitCode::SUCCESS)
}
