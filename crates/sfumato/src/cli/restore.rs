//! `sfumato restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;

use crate::backup;

/// Make a data folder of a backup
///
/// Every file is compared with the backup's manifest before anything is written. Start a server on the folder afterwards: jobs
/// that waited or ran go on, and webhooks that were sent after the backup was made are sent again, under the same `webhook-id`.
/// Never let a server run on the old folder beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  sfumato restore --from /backups/monday --data-dir restored")]
pub(crate) struct Args {
    /// The folder of the backup
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from: PathBuf,
    /// The data folder to make; must be empty or not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data_dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    backup::restore(&args.from, &args.data_dir)?;
    Ok(ExitCode::SUCCESS)
}
