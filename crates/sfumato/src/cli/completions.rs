//! `sfumato completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::output;

/// Print a script that completes commands and flags in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato completions bash > /etc/bash_completion.d/sfumato
  sfumato completions zsh > ~/.zfunc/_sfumato
  sfumato completions fish > ~/.config/fish/completions/sfumato.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut super::Cli::command(), "sfumato", &mut script);
    output::raw(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
